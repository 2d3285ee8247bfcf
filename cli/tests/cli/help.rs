//! The command line reference: what `--help` of every command says.

use std::fmt::Write as _;

use crate::env::Env;

#[test]
fn the_reference_of_all_commands() {
    let env = Env::new();
    let mut text = String::new();
    let mut queue = vec![Vec::new()];
    while let Some(command) = queue.pop() {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let help = env.run_in("home", &args).ok();
        writeln!(text, "$ orzc {}\n{help}", args.join(" "))
            .expect("writing to a String cannot fail");
        let listed = help
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty());
        // A line that is indented deeper goes on with the text of the command above.
        let names: Vec<&str> = listed
            .filter_map(|line| {
                line.strip_prefix("  ")
                    .filter(|rest| !rest.starts_with(' '))?
                    .split(' ')
                    .next()
            })
            .collect();
        queue.extend(
            names
                .into_iter()
                .rev()
                .filter(|name| *name != "help")
                .map(|name| [&command[..], &[name.to_owned()]].concat()),
        );
    }
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/help.txt"]);
}

#[test]
fn the_short_help_fits_a_screen() {
    let env = Env::new();
    let help = env.run_in("home", &["-h"]).ok();
    assert!(help.lines().count() < 60, "{help}");
}

#[test]
fn help_is_a_command_too() {
    let env = Env::new();
    let listed = env.run_in("home", &["help"]).ok();
    assert_eq!(listed, env.run_in("home", &["--help"]).ok());
    let told = env.run_in("home", &["help", "rollback"]).ok();
    assert_eq!(told, env.run_in("home", &["rollback", "--help"]).ok());
    let told = env.run_in("home", &["explain", "claim-lost"]).ok();
    assert!(told.contains("git revert"), "{told}");
    // A sentence is told as a whole.
    let schemas = env.run_in("home", &["schema"]).ok();
    for line in schemas.lines() {
        assert!(line.ends_with('.'), "{line}");
    }
}
