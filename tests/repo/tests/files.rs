//! Rules for the files of the repository that no other tool checks.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository exists")
}

/// Every file that Git tracks, relative to the root. In a source archive without Git the test says so and fails.
fn tracked(pattern: &str) -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--", pattern])
        .current_dir(root())
        .output()
        .expect("git is installed and this is a clone");
    assert!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("file names are UTF-8");
    text.split('\0')
        .filter(|p| !p.is_empty())
        .map(str::to_owned)
        .collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn pure_packages_share_one_list_of_bans() {
    assert_eq!(read("core/clippy.toml"), read("compiler/clippy.toml"));
}

#[test]
fn no_unfinished_marks_are_left() {
    let marks = [
        "todo!(",
        "unimplemented!(",
        "dbg!(",
        "#[ignore",
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    for path in tracked("*.rs") {
        if path == "tests/repo/tests/files.rs" {
            continue;
        }
        let text = read(&path);
        for (number, line) in text.lines().enumerate() {
            for mark in marks {
                assert!(
                    !line.contains(mark),
                    "{path}:{}: `{mark}` is left",
                    number + 1
                );
            }
        }
    }
}

#[test]
fn source_files_stay_readable() {
    // 100-300 lines is the habit, 500 deserves a hard look, 800 is split.
    for path in tracked("*.rs") {
        let lines = read(&path).lines().count();
        assert!(
            lines <= 800,
            "{path} has {lines} lines; split it by what its parts do"
        );
    }
}

#[test]
fn every_decision_record_is_listed() {
    let index = read("docs/adr/README.md");
    for path in tracked("docs/adr/0*.md") {
        let file = path.rsplit('/').next().expect("a path has a last segment");
        assert!(
            index.contains(file),
            "docs/adr/README.md does not list {file}"
        );
    }
}

#[test]
fn every_relative_link_of_the_documents_leads_somewhere() {
    for path in tracked("*.md") {
        let text = read(&path);
        let folder = Path::new(&path)
            .parent()
            .expect("a file has a folder")
            .to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(
                root().join(&folder).join(target).exists(),
                "{path}: the link to {target} leads nowhere"
            );
        }
    }
}
