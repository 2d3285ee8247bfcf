//! Frozen fields: what the API server does not let change once an object exists.

/// A field that cannot change in place, so that a change of it replaces the object.
///
/// Paths are dotted names from the root of the object. A change anywhere below `path`, or of
/// something that contains it, is a change of the frozen field.
#[derive(Debug)]
pub struct Frozen {
    /// The field.
    pub path: &'static str,
    /// When it is frozen.
    pub condition: Condition,
}

/// When a field is frozen.
#[derive(Debug)]
pub enum Condition {
    /// From the moment the object exists.
    Always,
    /// Always, but not the fields below it that are named here.
    Except(&'static [&'static str]),
    /// While the object as it was holds `true` here.
    When(&'static str),
    /// The quantity may grow, but neither shrink nor vanish.
    UnlessGrows,
    /// Unless the field named first holds the text named second, before or after.
    Unless(&'static str, &'static str),
}
