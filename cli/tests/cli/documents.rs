//! The commands in the examples' READMEs run as they stand there.

use std::path::{Path, PathBuf};

use crate::env::Env;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// The lines `$ …` of the blocks marked `console`.
fn commands(document: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in document.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            inside = mark == "console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            commands.push(command.to_owned());
        }
    }
    commands
}

#[test]
fn the_commands_of_every_example_work() {
    let mut seen = 0;
    for entry in std::fs::read_dir(examples()).expect("the folder of examples") {
        let example = entry.expect("a readable entry").path();
        if !example.is_dir() {
            continue;
        }
        let readme = example.join("README.md");
        let document = std::fs::read_to_string(&readme)
            .unwrap_or_else(|error| panic!("{}: {error}", readme.display()));
        let commands = commands(&document);
        assert!(!commands.is_empty(), "{} has no commands", readme.display());

        let env = Env::new();
        crate::env::copy(&example, &env.path("source"));
        for command in commands {
            let words: Vec<&str> = command.split_whitespace().collect();
            assert_eq!(words[0], "orzc", "{}: `{command}`", readme.display());
            let ran = env.run(&words[1..]);
            assert_eq!(
                ran.code,
                0,
                "{}: `{command}`\n{}",
                readme.display(),
                ran.stderr
            );
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} commands found");
}
