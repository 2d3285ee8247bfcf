//! The tool itself, on a program of which every call is known.

use std::path::Path;
use std::process::Command;

use orz_fault_tools::{Ended, Errno, Fault, Kind, Run, Victims, is_supported, say};

/// Five programs, each of which changes one thing, and one that outlives them.
const SCRIPT: &str = "mkdir d; env printf text > d/a; ln d/a d/b; mv d/a d/c; rm d/b; echo done";

fn run(folder: &Path, kinds: &[Kind], fault: Option<(usize, Fault)>) -> Ended {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT])
        .current_dir(folder)
        .env("PATH", std::env::var_os("PATH").expect("PATH is set"))
        .env("LC_ALL", "C");
    let run = Run {
        command,
        below: folder.to_owned(),
        kinds: kinds.iter().copied().collect(),
        fault,
    };
    run.end().expect("followed")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("d")).into_iter().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn every_call_is_counted_and_can_be_the_last() {
    if !is_supported() {
        say("NOT TESTED: faults can be made on Linux on x86-64 only");
        return;
    }
    let kinds = [Kind::Create, Kind::Link, Kind::Rename, Kind::Unlink];
    let after = [&[][..], &[], &["a"], &["a", "b"], &["b", "c"], &["c"]];
    for (done, expected) in after.iter().enumerate() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().canonicalize().expect("a path");
        let fault = (done < 5).then_some((done + 1, Fault::Kill(Victims::All)));
        let ended = run(&path, &kinds, fault);
        let counted: Vec<_> = ended.calls.iter().map(|call| call.kind).collect();
        let all = [
            Kind::Create,
            Kind::Create,
            Kind::Link,
            Kind::Rename,
            Kind::Unlink,
        ];
        assert_eq!(counted, all[..(done + 1).min(5)]);
        assert_eq!(ended.code, (done == 5).then_some(0), "{}", ended.stderr);
        assert_eq!(names(&path), *expected, "after {done}");
        assert_eq!(path.join("d").exists(), done > 0);
    }
}

#[test]
fn a_call_fails_in_the_place_of_the_kernel() {
    if !is_supported() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("a path");
    let once = Some((1, Fault::Once(Errno::NoSpace)));
    let ended = run(&path, &[Kind::Write], once);
    assert!(
        ended.stderr.contains("No space left on device"),
        "{}",
        ended.stderr
    );
    assert_eq!(std::fs::read(path.join("d/c")).expect("made"), b"");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("a path");
    let from = Some((2, Fault::From(Errno::ReadOnly)));
    let ended = run(&path, &Kind::ALL, from);
    assert!(
        ended.stderr.contains("Read-only file system"),
        "{}",
        ended.stderr
    );
    assert!(path.join("d").exists());
    assert_eq!(names(&path), [""; 0]);
}
