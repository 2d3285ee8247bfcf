//! `orzc schema [NAME]`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use serde_json::json;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::view::{Cell, Present, Table, Text, Tone, View};

/// Prints the JSON Schema of a format, for editors and other programs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the schema, such as `bundle` [default: list all].
    name: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, _context: &mut Context, view: &mut dyn View) -> Outcome {
    let schemas: Vec<(&str, Value)> = orz_compiler::schemas()
        .into_iter()
        .map(|(file, schema)| (short_name(file), schema))
        .collect();
    let Some(name) = &args.name else {
        view.result(&Schemas(schemas))?;
        return Ok(ExitCode::Ok);
    };
    let wanted = short_name(name);
    let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
    let close = similar::get_close_matches(wanted, &names, 1, 0.6)
        .first()
        .map(|close| (*close).to_owned());
    let Some((name, schema)) = schemas.into_iter().find(|(name, _)| *name == wanted) else {
        let error =
            CommandError::usage(format!("no schema has the name `{}`", name.escape_debug()));
        return Err(match close {
            Some(close) => error.help(format!("did you mean `{close}`?")),
            None => error.help("`orzc schema` lists all names"),
        });
    };
    view.result(&Schema { name, schema })?;
    Ok(ExitCode::Ok)
}

fn short_name(file: &str) -> &str {
    file.strip_suffix(".schema.json").unwrap_or(file)
}

struct Schema {
    name: &'static str,
    schema: Value,
}

impl Present for Schema {
    fn kind(&self) -> &'static str {
        "Schema"
    }

    fn human(&self, text: &mut Text) {
        text.raw(&format!("{:#}", self.schema));
    }

    fn json(&self) -> Value {
        json!({ "name": self.name, "schema": self.schema })
    }
}

/// The first sentence, on one line.
fn first(about: &str) -> String {
    let paragraph = about.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => line,
    }
}

struct Schemas(Vec<(&'static str, Value)>);

impl Present for Schemas {
    fn kind(&self) -> &'static str {
        "Schemas"
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for (name, schema) in &self.0 {
            let about = schema["description"].as_str().unwrap_or_default();
            table.row(vec![
                Cell::new(Tone::Name, *name),
                Cell::plain(first(about)),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        json!({ "schemas": names })
    }
}
