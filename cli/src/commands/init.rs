//! `orzc init`.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::id::TenantName;
use serde_json::json;

use crate::args::Who;
use crate::config;
use crate::context::{Context, absolute, shown};
use crate::error::{CommandError, Outcome};
use crate::git::git;
use crate::view::{Cell, Present, Table, Text, Tone, View};

/// Makes a source repository with one tenant, and a bare GitOps repository beside it.
///
/// Never overwrites a file. In a source repository that stands already, without `--tenant`, only the
/// GitOps repository is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the source repository.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Name of the tenant [default: demo].
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantName>,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let folder = absolute(&args.folder)?;
    let has_config = folder.join(config::FILE).exists();
    let settings = config::Config::read(&folder)?;
    let gitops = match context.gitops_flag() {
        Some(path) => absolute(path)?,
        None => settings.gitops.unwrap_or_else(|| beside(&folder)),
    };
    let mut files = Vec::new();
    if !has_config {
        files.push((
            config::FILE.to_owned(),
            orz_toml(&relative(&folder, &gitops)),
        ));
    }
    if !has_config || args.tenant.is_some() {
        let tenant = args.tenant.clone().map_or_else(|| "demo".parse(), Ok)?;
        files.push((
            format!("platform/tenants/{tenant}.json"),
            OPERATOR.to_owned(),
        ));
        files.push((format!("tenants/{tenant}/bundle.json"), bundle(&tenant)));
    }
    refuse_to_overwrite(&folder, &files)?;
    let has_gitops = orz_gitops::Repo::open(&gitops)
        .and_then(|repo| repo.view())
        .is_ok();
    if files.is_empty() && has_gitops {
        return Err(CommandError::input(format!(
            "`{}` and `{}` stand already; nothing was changed",
            shown(&folder),
            shown(&gitops)
        ))
        .help("add a tenant with `orzc init --tenant NAME`"));
    }

    let asked = context.asked(&args.who, Some("orzc init"))?;
    orz_gitops::Repo::init(&gitops, &asked.request())?;
    for (path, text) in &files {
        write(&folder.join(path), text)?;
    }
    let fresh_source = !has_config && !git(&folder, &["rev-parse", "--git-dir"])?.ok;
    if fresh_source {
        let done = git(&folder, &["init", "--quiet", "--initial-branch=main"])?;
        if !done.ok {
            return Err(CommandError::internal(format!(
                "`git init` says: {}",
                done.stderr
            )));
        }
    }
    view.result(&Made {
        folder: folder.clone(),
        gitops: (!has_gitops).then_some(gitops),
        files: files.into_iter().map(|(path, _)| path).collect(),
    })?;
    let here = if shown(&folder) == "." {
        String::new()
    } else {
        format!("cd {} && ", shown(&folder))
    };
    view.note(&format!("next: {here}orzc up --once --target dir:../live"));
    Ok(ExitCode::Ok)
}

/// `<DIR>-gitops.git`, beside the source repository.
fn beside(folder: &Path) -> PathBuf {
    let name = folder.file_name().map_or_else(
        || "source".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    folder.with_file_name(format!("{name}-gitops.git"))
}

/// The way from `folder` to `path`, both absolute.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let (mut from, mut to) = (folder.components().peekable(), path.components().peekable());
    let mut shared = 0;
    while let (Some(a), Some(b)) = (from.peek(), to.peek())
        && a == b
    {
        if matches!(a, Component::Normal(_)) {
            shared += 1;
        }
        from.next();
        to.next();
    }
    // Two places that share no folder are better named from the root.
    if shared == 0 {
        return path.to_owned();
    }
    from.map(|_| Component::ParentDir).chain(to).collect()
}

fn orz_toml(gitops: &Path) -> String {
    let gitops = toml::Value::String(gitops.display().to_string());
    format!(
        "# What `orzc` takes from here, unless a flag or an `ORZ_*` variable says otherwise.\ngitops = {gitops}\n"
    )
}

const OPERATOR: &str = "{\n  \"plan\": \"free\"\n}\n";

fn bundle(tenant: &TenantName) -> String {
    format!(
        r#"{{
  "tenant": {{ "name": "{tenant}" }},
  "configs": [
    {{ "name": "settings", "version": "v1", "data": {{ "greeting": "hello" }}, "activate": true }}
  ]
}}
"#
    )
}

fn refuse_to_overwrite(folder: &Path, files: &[(String, String)]) -> Result<(), CommandError> {
    let standing: Vec<String> = files
        .iter()
        .filter(|(path, _)| folder.join(path).symlink_metadata().is_ok())
        .map(|(path, _)| format!("`{}`", shown(&folder.join(path))))
        .collect();
    if standing.is_empty() {
        return Ok(());
    }
    Err(CommandError::input(format!(
        "{} would be overwritten; nothing was changed",
        standing.join(", ")
    ))
    .help("name another tenant with `--tenant`, or another folder"))
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::File::create_new(path))
        .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(|error| CommandError::input(format!("cannot write `{}`: {error}", shown(path))))
}

struct Made {
    folder: PathBuf,
    gitops: Option<PathBuf>,
    files: Vec<String>,
}

impl Present for Made {
    fn kind(&self) -> &'static str {
        "Init"
    }

    fn human(&self, text: &mut Text) {
        let what = |path: &str| match path.split('/').next() {
            Some("tenants") => "the tenant's bundle",
            Some("platform") => "the operator's word on the tenant",
            _ => "settings of this repository",
        };
        let mut table = Table::new();
        for path in &self.files {
            table.row(vec![
                Cell::new(Tone::Good, shown(&self.folder.join(path))),
                Cell::new(Tone::Faint, what(path)),
            ]);
        }
        if let Some(gitops) = &self.gitops {
            let what = "the GitOps repository: releases and pointers";
            table.row(vec![
                Cell::new(Tone::Good, shown(gitops)),
                Cell::new(Tone::Faint, what),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        json!({
            "source": self.folder.display().to_string(),
            "gitops": self.gitops.as_ref().map(|path| path.display().to_string()),
            "files": self.files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_gitops_repository_survives_a_move_of_both() {
        for (from, to, expected) in [
            (
                "/home/ann/shop",
                "/home/ann/shop-gitops.git",
                "../shop-gitops.git",
            ),
            ("/home/ann/shop", "/home/ann/shop/g.git", "g.git"),
            ("/home/ann/a/b", "/home/bob/g.git", "../../../bob/g.git"),
            ("/home/ann/shop", "/srv/g.git", "/srv/g.git"),
        ] {
            assert_eq!(
                relative(Path::new(from), Path::new(to)),
                Path::new(expected)
            );
        }
        assert_eq!(
            beside(Path::new("/home/ann/shop")),
            Path::new("/home/ann/shop-gitops.git")
        );
    }
}
