//! `orzc build`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use orz_compiler::Output;
use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::id::{Part, TenantName};
use serde_json::json;

use crate::args::Select;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::compile::{Detail, compile};
use crate::place::shown;
use crate::view::{Cell, Present, Table, Text, Tone, View, count};

/// Writes manifests into a folder, or to standard output as one YAML stream.
///
/// The folder gets `<tenant>/<part>/<file>.yaml`; a tenant's folder is replaced as a whole. Needs no
/// GitOps repository, and writes nothing when there is an error.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Only this part, repeatable [default: all].
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// The folder; standard output without it.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    if let Some(folder) = &args.out
        && folder.exists()
        && !folder.is_dir()
    {
        return Err(
            CommandError::usage(format!("`{}` is not a folder", shown(folder)))
                .help("name a folder with `--out`, a new one or one that `orzc build` made"),
        );
    }
    let mut outputs = compile(context, &args.select, Detail::Errors, view)?.all()?;
    if !args.parts.is_empty() {
        for output in &mut outputs {
            output.parts.retain(|part, _| args.parts.contains(part));
        }
    }
    if let Some(folder) = &args.out {
        for output in &outputs {
            write(folder, output)?;
        }
    }
    view.result(&Built {
        outputs,
        folder: args.out.clone(),
    })?;
    Ok(ExitCode::Ok)
}

/// The file that marks a folder as one that this command may replace.
const MARK: &str = ".orz-build";

/// Writes the manifests of one tenant beside its old folder, then swaps the two.
fn write(folder: &Path, output: &Output) -> Result<(), CommandError> {
    let name = output.tenant.as_str();
    let (place, fresh) = (folder.join(name), folder.join(format!(".{name}.new")));
    if place.exists() && !place.join(MARK).is_file() {
        return Err(CommandError::input(format!(
            "`{}` was not made by `orzc build`",
            shown(&place)
        ))
        .help("move it away, or name another folder with `--out`"));
    }
    let io = |path: &Path| {
        let path = shown(path);
        move |error: io::Error| CommandError::internal(format!("cannot write `{path}`: {error}"))
    };
    remove(&fresh).map_err(io(&fresh))?;
    fs::create_dir_all(&fresh).map_err(io(&fresh))?;
    let mark = fresh.join(MARK);
    fs::write(
        &mark,
        "made by `orzc build`, which replaces this folder as a whole\n",
    )
    .map_err(io(&mark))?;
    for part in output.parts.values().filter(|part| !part.files.is_empty()) {
        let part_folder = fresh.join(part.part.as_str());
        fs::create_dir_all(&part_folder).map_err(io(&part_folder))?;
        for (file, bytes) in &part.files {
            let path = part_folder.join(file);
            fs::write(&path, bytes).map_err(io(&path))?;
        }
    }
    remove(&place).map_err(io(&place))?;
    fs::rename(&fresh, &place).map_err(io(&place))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

struct Built {
    outputs: Vec<Output>,
    folder: Option<PathBuf>,
}

impl Built {
    /// Every part with its tenant.
    fn parts(&self) -> impl Iterator<Item = (&TenantName, &orz_compiler::CompiledPart)> {
        self.outputs.iter().flat_map(|output| {
            output
                .parts
                .values()
                .map(move |part| (&output.tenant, part))
        })
    }
}

impl Present for Built {
    fn kind(&self) -> &'static str {
        "Build"
    }

    fn human(&self, text: &mut Text) {
        let Some(folder) = &self.folder else {
            for bytes in self.parts().flat_map(|(_, part)| part.files.values()) {
                text.raw("---\n");
                text.raw(&String::from_utf8_lossy(bytes));
            }
            return;
        };
        let mut table = Table::new();
        for (tenant, part) in self.parts().filter(|(_, part)| !part.files.is_empty()) {
            table.row(vec![
                Cell::plain(tenant.to_string()),
                Cell::plain(part.part.to_string()),
                Cell::plain(count(part.files.len(), "file")),
                Cell::new(
                    Tone::Faint,
                    shown(&folder.join(tenant.as_str()).join(part.part.as_str())),
                ),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        let parts: Vec<Value> = self
            .parts()
            .map(|(tenant, part)| {
                // With a folder the files are there; without one they are the result.
                let files: Value = match self.folder {
                    Some(_) => part.files.keys().cloned().collect::<Vec<_>>().into(),
                    None => json!(
                        part.files
                            .iter()
                            .map(|(file, bytes)| (file.as_str(), String::from_utf8_lossy(bytes)))
                            .collect::<BTreeMap<_, _>>()
                    ),
                };
                json!({ "tenant": tenant, "part": part.part, "digest": part.digest, "files": files })
            })
            .collect();
        json!({ "out": self.folder.as_ref().map(|folder| folder.display().to_string()), "parts": parts })
    }
}
