//! Tests of the real program over real Git repositories.
//!
//! Every run is hermetic: see [`env::Env`]. Whole outputs are compared; `SNAPSHOTS=overwrite` rewrites them.

mod env;

mod away;
mod check;
mod crowd;
mod determinism;
mod documents;
mod faulty;
mod fleet;
mod help;
mod incomplete;
mod kills;
mod leave;
mod observed;
mod plans;
mod platform;
mod remote;
mod room;
mod scaffold;
mod scenario;
mod shapes;
mod signing;
mod sources;
mod tamper;
mod up;
mod usage;

/// A file that is not declared above would never run.
#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let this = std::fs::read_to_string(folder.join("main.rs")).expect("this file");
    for entry in std::fs::read_dir(folder).expect("this folder") {
        let path = entry.expect("a readable entry").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            assert!(
                this.contains(&format!("\nmod {name};\n")),
                "`{name}.rs` is not declared"
            );
        }
    }
}
