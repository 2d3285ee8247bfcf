//! The command line.

use std::path::PathBuf;

use crate::Outcome;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: orz-bench [--tenants N] [--commits M] [--only SECTION]... [--orzc PATH] [--commit ID] [--json]

  --tenants N     tenants in the generated source repository (1000)
  --commits M     one-tenant commits that the section `history` makes (200)
  --only SECTION  measure only this: bulk, change, diff, host, history, text; repeatable
  --orzc PATH     the program that whole-process rows run (the `orzc` beside this program)
  --commit ID     the commit to print in the report
  --json          print JSON instead of a table
";

/// The sections that `--only` knows.
const SECTIONS: [&str; 6] = ["bulk", "change", "diff", "host", "history", "text"];

/// What to measure.
pub(crate) struct Args {
    /// How many tenants the source has.
    pub(crate) tenants: usize,
    /// How many one-tenant commits the section `history` makes.
    pub(crate) commits: usize,
    /// Where `orzc` is.
    pub(crate) orzc: PathBuf,
    /// Named in the report.
    pub(crate) commit: Option<String>,
    /// JSON instead of a table.
    pub(crate) json: bool,
    only: Vec<String>,
}

impl Args {
    /// `None` asks for the help.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Option<Self>> {
        let here = std::env::current_exe()?;
        let mut args = Self {
            tenants: 1_000,
            commits: 200,
            orzc: here.with_file_name("orzc"),
            commit: None,
            json: false,
            only: Vec::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
            match word.as_str() {
                "--tenants" => args.tenants = number(&value()?)?,
                "--commits" => args.commits = number(&value()?)?,
                "--orzc" => args.orzc = value()?.into(),
                "--commit" => args.commit = Some(value()?),
                "--json" => args.json = true,
                "--only" => {
                    let section = value()?;
                    if !SECTIONS.contains(&section.as_str()) {
                        return Err(format!(
                            "no section `{section}`; there are {}",
                            SECTIONS.join(", ")
                        )
                        .into());
                    }
                    args.only.push(section);
                }
                "-h" | "--help" => return Ok(None),
                _ => return Err(format!("unknown argument `{word}`; `--help` lists all").into()),
            }
        }
        Ok(Some(args))
    }

    /// Whether a section is to be measured.
    pub(crate) fn wants(&self, section: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == section)
    }
}

fn number(text: &str) -> Outcome<usize> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("`{text}` is no positive number").into()),
    }
}
