//! What the fuzz targets assert, as plain functions over bytes.
//!
//! Each panics when an invariant does not hold, and that is the only way in which it fails. The targets of
//! `fuzz_targets/` call them with what libFuzzer makes up; `tests/corpus` calls them on the stable toolchain with
//! every committed input.

mod compiled;
mod reading;
mod tree;

mod bundle;
mod emit_roundtrip;
mod formats;
mod mutate;
mod platform;
mod quantity_duration;
mod read_json;
mod read_yaml;

pub use bundle::bundle;
pub use emit_roundtrip::emit_roundtrip;
pub use formats::formats;
pub use mutate::{is_json, mutate};
pub use platform::platform;
pub use quantity_duration::quantity_duration;
pub use read_json::read_json;
pub use read_yaml::read_yaml;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also that of its corpus folder.
pub const TARGETS: &[(&str, Target)] = &[
    ("bundle", bundle),
    ("emit_roundtrip", emit_roundtrip),
    ("formats", formats),
    ("platform", platform),
    ("quantity_duration", quantity_duration),
    ("read_json", read_json),
    ("read_yaml", read_yaml),
];
