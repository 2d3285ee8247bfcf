//! Reads a source repository and compiles the selected tenants.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use orz_compiler::{Compiled, Inputs, Output, Platform};
use orz_core::diag::codes::source as codes;
use orz_core::diag::{Diagnostic, Diagnostics, Severity, Sources};
use orz_core::id::{ClusterName, IdError, TenantName};
use orz_core::parallel;

use crate::args::Select;
use crate::context::Context;
use crate::error::CommandError;
use crate::place::shown;
use crate::source;
use crate::view::{View, count, short};

/// From how many tenants on it is worth showing how far a compile is.
const WORTH_COUNTING: usize = 20;
/// From how many tenants on more than one thread compiles them.
const WORTH_THREADS: usize = 4;

/// What came of compiling the selected tenants; its diagnostics are printed already.
pub(crate) struct Compilation {
    /// One entry per selected tenant, in the order of their names.
    pub(crate) tenants: Vec<CompiledTenant>,
    /// What was found in all of them and in the platform's data.
    pub(crate) tally: Tally,
}

/// What came of compiling one tenant.
pub(crate) struct CompiledTenant {
    /// The tenant.
    pub(crate) tenant: TenantName,
    /// Its manifests, unless it has errors.
    pub(crate) output: Option<Output>,
    /// How many errors it has.
    pub(crate) errors: usize,
    /// How many warnings it has.
    pub(crate) warnings: usize,
}

/// Which diagnostics people see in full. Programs get all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Errors; warnings are counted.
    Errors,
    /// Warnings and notes too.
    All,
}

/// Counts of diagnostics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// How many stop a compile.
    pub(crate) errors: usize,
    /// How many do not.
    pub(crate) warnings: usize,
    files: BTreeSet<String>,
}

/// Compiles the selected tenants and prints everything that is found.
///
/// An error in the platform's data or a file that cannot be read stops all of them: there is nothing
/// left to compile against. An error of one tenant leaves the others alone.
pub(crate) fn compile(
    context: &Context,
    select: &Select,
    detail: Detail,
    view: &mut dyn View,
) -> Result<Compilation, CommandError> {
    let in_full = detail == Detail::All || context.is_verbose();
    if in_full {
        view.show_all();
    }
    let root = context.source_root()?;
    context.detail(view, || {
        let compiler = orz_compiler::compiler_identity();
        let digest = short(compiler.digest.as_str());
        format!(
            "source {}, compiler {} ({digest})",
            shown(&root),
            compiler.version
        )
    });
    let selected: BTreeSet<TenantName> = select.tenants.iter().cloned().collect();
    let mut tally = Tally::default();
    let only = (!selected.is_empty()).then_some(&selected);
    let loaded = source::load(&root, only);
    let mut found = loaded.diagnostics;
    found.extend(source::missing(&root, &loaded.files, only)?);
    let (platform, mut folders) = split(loaded.files);
    let own = platform_files(&selected, &platform, &mut folders);
    let mut tenants = choose(&selected, folders, own.is_some(), &root, &mut found)?;
    tenants.extend(own.map(|files| (TenantName::platform(), files)));
    tally.print(&found, &Sources::new(), view);
    if found.has_errors() {
        return Err(tally.stop());
    }

    let platform = Platform::load(&platform);
    tally.print(&platform.diagnostics, &platform.sources, view);
    let Some(platform) = platform.value else {
        return Err(tally.stop());
    };

    if let Some(cluster) = &select.platform_cluster {
        known(cluster, &platform)?;
    }

    let total = tenants.len();
    let mut compiled = Vec::with_capacity(total);
    let work = |(tenant, files): (TenantName, Files)| {
        let result = orz_compiler::compile(&Inputs {
            tenant: tenant.clone(),
            files,
            platform: &platform,
            at: None,
        });
        (tenant, result)
    };
    // Printed in the order of the tenants, whoever is ready first.
    parallel::for_each(threads(total), tenants, work, |(tenant, result)| {
        if total >= WORTH_COUNTING {
            let done = compiled.len() + 1;
            view.progress(Some(&format!("compiled {done}/{total} {tenant}")));
        }
        let Compiled {
            sources,
            diagnostics,
            mut output,
        } = result;
        if let (Some(output), Some(cluster)) = (&mut output, &select.platform_cluster)
            && tenant.is_platform()
        {
            output.cluster = cluster.clone();
        }
        tally.print(&diagnostics, &sources, view);
        let of = |severity| {
            diagnostics
                .iter()
                .filter(|d| d.severity == severity)
                .count()
        };
        compiled.push(CompiledTenant {
            tenant,
            output,
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
        });
    });
    view.progress(None);
    let compilation = Compilation {
        tenants: compiled,
        tally,
    };
    if compilation.tally.errors == 0
        && let Some(summary) = compilation.tally.summary()
    {
        let tail = if in_full {
            ""
        } else {
            "; `orzc check` shows more"
        };
        view.summary(&format!("{summary}{tail}"));
    }
    Ok(compilation)
}

/// How many threads so many tenants are worth: starting one takes about as long as compiling a tenant.
fn threads(tenants: usize) -> NonZeroUsize {
    if tenants < WORTH_THREADS {
        return NonZeroUsize::MIN;
    }
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Compilation {
    /// The tenants that were selected, whatever came of them.
    pub(crate) fn names(&self) -> BTreeSet<TenantName> {
        let tenants = self.tenants.iter();
        tenants.map(|compiled| compiled.tenant.clone()).collect()
    }

    /// The outputs of all tenants, or the error that says how many are wrong.
    pub(crate) fn all(self) -> Result<Vec<Output>, CommandError> {
        if self.tally.errors > 0 {
            return Err(self.tally.stop());
        }
        Ok(self
            .tenants
            .into_iter()
            .filter_map(|tenant| tenant.output)
            .collect())
    }
}

impl Tally {
    /// `2 errors, 1 warning in 3 files`; nothing when there is nothing to say.
    pub(crate) fn summary(&self) -> Option<String> {
        let counts: Vec<String> = [(self.errors, "error"), (self.warnings, "warning")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, noun)| count(n, noun))
            .collect();
        let files = if self.files.is_empty() {
            String::new()
        } else {
            format!(" in {}", count(self.files.len(), "file"))
        };
        (!counts.is_empty()).then(|| format!("{}{files}", counts.join(", ")))
    }

    /// The end of a command whose input is wrong, once the diagnostics are printed.
    pub(crate) fn stop(&self) -> CommandError {
        CommandError::counted(self.summary().unwrap_or_default())
    }

    fn print(&mut self, diagnostics: &Diagnostics, sources: &Sources, view: &mut dyn View) {
        for diagnostic in diagnostics.iter() {
            match diagnostic.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Note => continue,
            }
            if let Some(span) = diagnostic.span {
                self.files.insert(sources.file(span.file).path.clone());
            }
        }
        view.diagnostics(diagnostics, sources);
    }
}

/// Files by path.
type Files = BTreeMap<String, Vec<u8>>;

/// The platform's files, and everything else by the folder under `tenants/` that it lies in.
fn split(files: Files) -> (Files, BTreeMap<String, Files>) {
    let (mut platform, mut tenants) = (Files::new(), BTreeMap::<String, Files>::new());
    for (path, bytes) in files {
        match path.strip_prefix("tenants/") {
            Some(rest) => {
                // A file that lies in no tenant's folder stands under its own name.
                let folder = rest.split('/').next().unwrap_or_default().to_owned();
                tenants.entry(folder).or_default().insert(path, bytes);
            }
            None => drop(platform.insert(path, bytes)),
        }
    }
    (platform, tenants)
}

/// The files of the platform's own tenant, if it is to be compiled: there are none, or the compiler says why
/// they do not belong.
///
/// Unasked it is only where the source states what it holds: what ships is what every reconciler does without.
fn platform_files(
    selected: &BTreeSet<TenantName>,
    platform: &Files,
    folders: &mut BTreeMap<String, Files>,
) -> Option<Files> {
    let asked = selected.contains(&TenantName::platform());
    let stated = selected.is_empty() && Platform::is_stated_in(platform.keys());
    let folder = folders.remove(TenantName::PLATFORM);
    (asked || stated || folder.is_some()).then(|| folder.unwrap_or_default())
}

fn known(cluster: &ClusterName, platform: &Platform) -> Result<(), CommandError> {
    let clusters = &platform.clusters.clusters;
    if clusters.contains_key(cluster) {
        return Ok(());
    }
    let names: Vec<&str> = clusters.keys().map(ClusterName::as_str).collect();
    Err(
        CommandError::input(format!("no cluster of the platform is named `{cluster}`"))
            .help(format!("known here: `{}`", names.join("`, `"))),
    )
}

/// The tenants to compile with their files, without the platform.
fn choose(
    selected: &BTreeSet<TenantName>,
    mut folders: BTreeMap<String, Files>,
    has_platform: bool,
    root: &std::path::Path,
    found: &mut Diagnostics,
) -> Result<BTreeMap<TenantName, Files>, CommandError> {
    let mut tenants = BTreeMap::new();
    // What could not be read may be all that there is of a tenant.
    let unreadable = found.has_errors();
    for tenant in selected.iter().filter(|tenant| !tenant.is_platform()) {
        match folders.remove(tenant.as_str()) {
            Some(files) => drop(tenants.insert(tenant.clone(), files)),
            None if unreadable => {}
            None => found.push(unknown(tenant, root)?),
        }
    }
    if selected.is_empty() {
        for (folder, files) in folders {
            if files.contains_key(&format!("tenants/{folder}")) {
                found.push(
                    Diagnostic::error(
                        &codes::UNEXPECTED_FILE,
                        None,
                        format!("`tenants/{folder}` lies in no tenant's folder"),
                    )
                    .help("move it to `tenants/<tenant>/`, or out of `tenants/`"),
                );
                continue;
            }
            match folder.parse::<TenantName>() {
                Ok(tenant) => drop(tenants.insert(tenant, files)),
                Err(error) => found.push(invalid(&folder, &error)),
            }
        }
        if tenants.is_empty() && !has_platform && !found.has_errors() {
            return Err(CommandError::input(format!("`{}` has no tenants", root.join("tenants").display()))
                .help("create `tenants/<tenant>/bundle.json`, or name the source repository with `--source`"));
        }
    }
    Ok(tenants)
}

fn invalid(folder: &str, error: &IdError) -> Diagnostic {
    Diagnostic::error(
        &codes::INVALID_NAME,
        None,
        format!("`tenants/{folder}`: {error}"),
    )
    .help("rename the folder; a tenant is named after it")
}

/// More tenants than this help nobody who looks for one.
const NAMED: usize = 10;

fn unknown(tenant: &TenantName, root: &std::path::Path) -> Result<Diagnostic, CommandError> {
    let diagnostic = Diagnostic::error(
        &codes::UNKNOWN_TENANT,
        None,
        format!("no files in `tenants/{tenant}/`"),
    );
    let folders = source::tenant_folders(root)
        .map_err(|error| CommandError::input(format!("cannot read `tenants/`: {error}")))?;
    let names: Vec<&str> = folders.iter().map(String::as_str).collect();
    Ok(
        match similar::get_close_matches(tenant.as_str(), &names, 1, 0.6).first() {
            Some(close) if *close != tenant.as_str() => {
                diagnostic.help(format!("did you mean `{close}`?"))
            }
            _ if names.is_empty() || names.len() > NAMED => {
                diagnostic.help(format!("create `tenants/{tenant}/bundle.json`"))
            }
            _ => diagnostic.help(format!(
                "create `tenants/{tenant}/bundle.json`, or name one that is there: `{}`",
                names.join("`, `")
            )),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_what_was_found_and_where() {
        let tally = |errors, warnings, files: &[&str]| Tally {
            errors,
            warnings,
            files: files.iter().map(|&file| file.to_owned()).collect(),
        };
        for (tally, expected) in [
            (tally(0, 0, &[]), None),
            (
                tally(2, 1, &["a", "b", "c"]),
                Some("2 errors, 1 warning in 3 files"),
            ),
            (tally(1, 0, &["a"]), Some("1 error in 1 file")),
            (tally(0, 2, &[]), Some("2 warnings")),
        ] {
            assert_eq!(tally.summary().as_deref(), expected);
        }
    }
}
