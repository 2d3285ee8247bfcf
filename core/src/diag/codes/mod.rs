//! Every diagnostic code, with what `orzc explain` prints for it.
//!
//! A code is stable: scripts and people rely on it, so it is never renamed or given another meaning.
//! Each family stands in a file of its own, next to the stage that raises it in the pipeline.

pub mod model;
pub mod object;
pub mod publish;
pub mod reference;
pub mod section;
pub mod source;
pub mod syntax;

/// A diagnostic code and its documentation.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Kebab case, self-explaining.
    pub name: &'static str,
    /// Why it is raised, in full sentences.
    pub cause: &'static str,
    /// A shortest input that raises it.
    pub example: &'static str,
    /// How to put it right.
    pub fix: &'static str,
}

/// All codes, in the order of their names.
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<_> = [
        source::CODES,
        syntax::CODES,
        model::CODES,
        reference::CODES,
        section::CODES,
        object::CODES,
        publish::CODES,
    ]
    .concat();
    all.sort_by_key(|code| code.name);
    all
}

/// The code of this name.
pub fn find(name: &str) -> Option<&'static Code> {
    all().into_iter().find(|code| code.name == name)
}

/// Declares the codes of one family and its `CODES` table.
macro_rules! codes {
    ($($(#[$doc:meta])* $id:ident = $name:literal { cause: $cause:literal, example: $example:literal, fix: $fix:literal $(,)? })+) => {
        $(
            $(#[$doc])*
            pub static $id: $crate::diag::Code = $crate::diag::Code { name: $name, cause: $cause, example: $example, fix: $fix };
        )+
        /// Every code of this family.
        pub static CODES: &[&$crate::diag::Code] = &[$(&$id),+];
    };
}
pub(crate) use codes;

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_unique_kebab_case_and_documented() {
        let all = super::all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].name, pair[1].name, "two codes of one name");
        }
        for code in all {
            let kebab = code
                .name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(
                kebab && !code.name.is_empty(),
                "{} is not kebab case",
                code.name
            );
            for (what, text) in [
                ("cause", code.cause),
                ("example", code.example),
                ("fix", code.fix),
            ] {
                assert!(!text.trim().is_empty(), "{} has no {what}", code.name);
            }
        }
    }
}
