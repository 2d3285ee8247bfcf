//! `schemas/` holds what the types say; `ORZ_UPDATE=1` writes it.

#![expect(
    clippy::disallowed_methods,
    reason = "compares with files; the compiler itself reads none"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

#[test]
fn the_checked_in_schemas_are_generated_from_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let update = env::var_os("ORZ_UPDATE").is_some();
    let mut expected = BTreeSet::new();
    for (name, schema) in orz_compiler::schemas() {
        let mut text =
            serde_json::to_string_pretty(&schema).expect("a schema holds only string keys");
        text.push('\n');
        let path = folder.join(name);
        if update {
            fs::write(&path, &text).expect("schemas/ can be written");
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == text,
            "schemas/{name} is not what the types say; run with ORZ_UPDATE=1"
        );
        expected.insert(name.to_owned());
    }
    let stored: BTreeSet<String> = fs::read_dir(&folder)
        .expect("schemas/ exists")
        .map(|entry| {
            entry
                .expect("schemas/ can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(stored, expected, "schemas/ holds a file that no type makes");
}
