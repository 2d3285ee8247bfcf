//! `orzc init`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::id::TenantName;
use orz_gitops::Signing;
use serde_json::json;

use crate::args::Who;
use crate::config;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::git::git;
use crate::place::{Place, absolute, is_same_repository, relative, shown};
use crate::view::{Cell, Present, Table, Text, Tone, View};

/// Makes a source repository with one tenant, and a bare GitOps repository beside it.
///
/// With `--gitops URL`, the GitOps repository is an empty one that a host has made.
/// Never overwrites a file. In a source repository that stands already, without `--tenant`, only the
/// GitOps repository is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the source repository [default: `--source`, else the current one].
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Name of the tenant [default: demo].
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantName>,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let folder = args.folder.as_deref().or_else(|| context.source_flag());
    let folder = absolute(folder.unwrap_or(Path::new(".")))?;
    let has_config = folder.join(config::FILE).exists();
    let place = |named: &Path| match Place::of(named)? {
        Place::Folder(path) => absolute(&path).map(Place::Folder),
        remote @ Place::Remote(_) => Ok(remote),
    };
    let configured = config::Config::read(&folder)?.gitops;
    let configured = configured.as_deref().map(place).transpose()?;
    let gitops = match context.gitops_flag() {
        Some(named) => place(named)?,
        None => configured
            .clone()
            .unwrap_or_else(|| Place::Folder(beside(&folder))),
    };
    refuse_source(&folder, &gitops)?;
    let mut files = Vec::new();
    if !has_config {
        files.push((
            config::FILE.to_owned(),
            orz_toml(&in_config(&folder, &gitops)),
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
    let has_gitops = stands(&gitops, context)?;
    if files.is_empty() && has_gitops {
        return Err(CommandError::input(format!(
            "`{}` and `{}` stand already; nothing was changed",
            shown(&folder),
            gitops.shown()
        ))
        .help("add a tenant with `orzc init --tenant NAME`"));
    }
    if let Place::Folder(path) = &gitops
        && !has_gitops
    {
        refuse_foreign(path)?;
    }

    let asked = context.asked(&args.who, Some("orzc init"))?;
    match &gitops {
        Place::Folder(path) => {
            orz_gitops::Repo::init_with(path, &asked.request(), Signing::AsUser)?
        }
        Place::Remote(url) => {
            let options = context.remote_options()?;
            orz_gitops::Repo::init_remote_with(url, &options, &asked.request(), Signing::AsUser)?
        }
    };
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
        gitops: (!has_gitops).then_some(gitops.clone()),
        files: files.into_iter().map(|(path, _)| path).collect(),
    })?;
    if configured.is_some_and(|configured| configured != gitops) {
        view.note(&format!(
            "`{}` names another GitOps repository; name this one with `--gitops`",
            config::FILE
        ));
        return Ok(ExitCode::Ok);
    }
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

/// Whether both branches are there.
fn stands(gitops: &Place, context: &Context) -> Result<bool, CommandError> {
    let opened = match gitops {
        Place::Folder(path) => orz_gitops::Repo::open(path),
        Place::Remote(url) => orz_gitops::Repo::open_remote(url, &context.remote_options()?),
    };
    Ok(opened.and_then(|repo| repo.view()).is_ok())
}

/// Pointers on the source's own `main` would be commits of everybody who works on the source, and each would make what
/// is live look old.
fn refuse_source(folder: &Path, gitops: &Place) -> Result<(), CommandError> {
    let same = match gitops {
        Place::Folder(path) => path == folder || is_same_repository(path, folder),
        Place::Remote(url) if folder.is_dir() => {
            let urls = git(folder, &["config", "--get-regexp", r"^remote\..*\.url$"])?;
            let urls = String::from_utf8_lossy(&urls.stdout).into_owned();
            let mut urls = urls.lines().filter_map(|line| line.split_once(' '));
            urls.any(|(_, known)| known.trim() == url.address())
        }
        Place::Remote(_) => false,
    };
    if !same {
        return Ok(());
    }
    Err(CommandError::usage(format!(
        "`{}` is the source repository, which cannot be the GitOps repository too; nothing was changed",
        gitops.shown()
    ))
    .help(format!(
        "name another one: `orzc init --gitops {}`",
        shown(&beside(folder))
    )))
}

/// Refuses a repository whose `main` somebody uses for something else. What a host puts into a new repository, and
/// what tells a host about it, is no such use.
fn refuse_foreign(path: &Path) -> Result<(), CommandError> {
    if !path.is_dir() {
        return Ok(());
    }
    let listed = git(path, &["ls-tree", "--name-only", "-z", "refs/heads/main"])?;
    if !listed.ok {
        return Ok(());
    }
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let foreign: Vec<String> = listed
        .split('\0')
        .filter(|name| !name.is_empty() && !is_ours(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let named = foreign.iter().take(3).cloned().collect::<Vec<_>>();
    let more = if foreign.len() > named.len() {
        ", …"
    } else {
        ""
    };
    Err(CommandError::usage(format!(
        "branch `main` of `{}` holds {}{more}, so it is no repository for pointers alone; nothing was changed",
        shown(path),
        named.join(", ")
    ))
    .help("name an empty or a new folder with `--gitops`"))
}

fn is_ours(name: &str) -> bool {
    let of_host = ["README", "LICENSE", "CODEOWNERS", "."];
    ["pointers", "claims", "brakes"].contains(&name)
        || of_host.iter().any(|start| name.starts_with(start))
}

/// How `orz.toml` in `folder` names it: everybody who works on the source reads that, so no password goes there.
fn in_config(folder: &Path, gitops: &Place) -> String {
    match gitops {
        Place::Folder(path) => relative(folder, path).display().to_string(),
        Place::Remote(url) => url.address().to_owned(),
    }
}

fn orz_toml(gitops: &str) -> String {
    let gitops = toml::Value::String(gitops.to_owned());
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
    gitops: Option<Place>,
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
                Cell::new(Tone::Good, gitops.shown()),
                Cell::new(Tone::Faint, what),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        json!({
            "source": self.folder.display().to_string(),
            "gitops": self.gitops.as_ref().map(|gitops| match gitops {
                Place::Folder(path) => path.display().to_string(),
                Place::Remote(url) => url.to_string(),
            }),
            "files": self.files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gitops_repository_lies_beside_the_source() {
        assert_eq!(
            beside(Path::new("/home/ann/shop")),
            Path::new("/home/ann/shop-gitops.git")
        );
    }

    #[test]
    fn what_is_written_is_toml_and_json() {
        let config: toml::Table = orz_toml("../a \"b\".git").parse().expect("valid TOML");
        assert_eq!(config["gitops"].as_str(), Some("../a \"b\".git"));
        let bundle: Value =
            serde_json::from_str(&bundle(&"demo".parse().expect("valid"))).expect("valid JSON");
        assert_eq!(bundle["tenant"]["name"], "demo");
    }
}
