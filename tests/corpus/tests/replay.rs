//! Every input under `fuzz/corpus/` passes its fuzz target: what fuzzing found once stays found,
//! without nightly and without a fuzzer.

#[path = "../../../fuzz/src/lib.rs"]
pub mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use targets::TARGETS;

/// What the corpus may weigh: enough to start from, little enough to be in every clone.
const MAX_CORPUS: u64 = 200_000;
/// An input that takes longer is one that hangs, also on a slow and busy machine.
const MAX_TIME: Duration = Duration::from_mins(1);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// The inputs of a target, sorted by name.
fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = corpus().join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    files
}

fn replay(target: &str) {
    let (_, run) = TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .expect("a target of this name");
    let files = inputs(target);
    assert!(!files.is_empty(), "`{target}` has no corpus");
    let mut failed = Vec::new();
    for file in files {
        let data = fs::read(&file).expect("a readable file");
        let start = Instant::now();
        // The panic itself is told on standard error, with its place.
        if catch_unwind(|| run(&data)).is_err() {
            failed.push(format!("{}: panics", file.display()));
        } else if start.elapsed() > MAX_TIME {
            failed.push(format!("{}: {:?}", file.display(), start.elapsed()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

macro_rules! replay {
    ($($target:ident)+) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })+

        #[test]
        fn every_target_is_replayed_and_has_a_program() {
            let replayed = BTreeSet::from([$(stringify!($target).to_owned()),+]);
            let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(replayed, known);
            let names = |folder: &str| -> BTreeSet<String> {
                let entries = fs::read_dir(corpus().join(folder)).expect("a readable folder");
                entries
                    .map(|entry| entry.expect("a readable folder").path())
                    .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
                    .collect()
            };
            assert_eq!(names("."), known, "folders of `fuzz/corpus/`");
            assert_eq!(names("../fuzz_targets"), known, "programs of `fuzz/fuzz_targets/`");
        }
    };
}

replay! {
    bundle
    emit_roundtrip
    formats
    platform
    quantity_duration
    read_json
    read_yaml
}

#[test]
fn the_corpus_stays_small() {
    let files = TARGETS.iter().flat_map(|(name, _)| inputs(name));
    let total: u64 = files
        .map(|file| file.metadata().expect("a readable file").len())
        .sum();
    assert!(
        total <= MAX_CORPUS,
        "the corpus has {total} bytes, more than {MAX_CORPUS}"
    );
}
