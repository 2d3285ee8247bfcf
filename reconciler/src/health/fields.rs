//! Reading the few fields that most kinds share.

use orz_core::Value;

/// A condition of `status.conditions` or of one entry of a status list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    pub(super) since: Option<&'a str>,
    pub(super) observed_generation: Option<i64>,
}

impl Condition<'_> {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(super) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// The message, else the reason: controllers leave either empty.
    pub(super) fn why(&self) -> String {
        let text = if self.message.is_empty() {
            self.reason
        } else {
            self.message
        };
        one_line(text)
    }
}

/// A text of a controller as one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

pub(super) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// The condition `kind` in the list at `pointer`.
pub(super) fn condition<'a>(value: &'a Value, pointer: &str, kind: &str) -> Option<Condition<'a>> {
    conditions(value, pointer).find(|condition| condition.kind == kind)
}

/// All conditions in the list at `pointer`.
pub(super) fn conditions<'a>(
    value: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = Condition<'a>> {
    list(value, pointer).iter().map(|entry| Condition {
        kind: text(entry, "/type").unwrap_or_default(),
        status: text(entry, "/status").unwrap_or_default(),
        reason: text(entry, "/reason").unwrap_or_default(),
        message: text(entry, "/message").unwrap_or_default(),
        since: text(entry, "/lastTransitionTime"),
        observed_generation: number(entry, "/observedGeneration"),
    })
}

/// Whether `status.observedGeneration` lags behind the object: everything else in the status then
/// speaks of an older specification. An absent field says nothing.
pub(super) fn is_behind(value: &Value) -> bool {
    match (
        number(value, "/metadata/generation"),
        number(value, "/status/observedGeneration"),
    ) {
        (Some(generation), Some(observed)) => observed < generation,
        _ => false,
    }
}

/// Whether a condition speaks of an older specification than the object has.
pub(super) fn is_stale(value: &Value, condition: &Condition<'_>) -> bool {
    match (
        number(value, "/metadata/generation"),
        condition.observed_generation,
    ) {
        (Some(generation), Some(observed)) => observed < generation,
        _ => false,
    }
}
