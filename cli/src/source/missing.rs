//! What is committed and not there: never a wish to delete.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use orz_core::diag::codes::source as codes;
use orz_core::diag::{Diagnostic, Diagnostics};
use orz_core::id::TenantName;

use super::COMPILED;
use super::load::{belongs_to, is_read};
use crate::error::CommandError;
use crate::git::git;

/// More are counted.
const SHOWN: usize = 10;

/// One error for each tenant, or file of the platform, of which the index of Git knows a file that is not on disk.
///
/// The index and not the last commit is asked: what was removed with `git rm` is meant to go. Files that a sparse
/// checkout left out are in it too. Outside of a Git repository there is nothing to compare with.
pub(crate) fn missing(
    root: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    only: Option<&BTreeSet<TenantName>>,
) -> Result<Diagnostics, CommandError> {
    let mut found = Diagnostics::new();
    let listed = git(root, &[&["ls-files", "-z", "--"], &COMPILED[..]].concat())?;
    if !listed.ok {
        return Ok(found);
    }
    let mut lost: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let wanted = is_read(path) && only.is_none_or(|only| belongs_to(path, only));
        if wanted && !files.contains_key(path) && root.join(path).symlink_metadata().is_err() {
            lost.entry(owner(path))
                .or_insert_with(|| (path.to_owned(), 0))
                .1 += 1;
        }
    }
    let count = lost.len();
    for (path, more) in lost.into_values().take(SHOWN) {
        let message = match more {
            1 => format!("`{path}` is committed and is not there"),
            more => format!(
                "`{path}` and {} more are committed and are not there",
                more - 1
            ),
        };
        found.push(Diagnostic::error(&codes::MISSING_FILE, None, message).help(format!(
            "`git checkout -- {path}` brings it back, where a sparse checkout left it out `git sparse-checkout disable`; if it is meant to go, `git rm {path}` says so"
        )));
    }
    if count > SHOWN {
        let message = format!(
            "files of {} more tenants are committed and are not there",
            count - SHOWN
        );
        let help = "`git ls-files --deleted` and `git ls-files -t | grep ^S` list them";
        found.push(Diagnostic::error(&codes::MISSING_FILE, None, message).help(help));
    }
    Ok(found)
}

/// The folder of the tenant, or the file itself.
fn owner(path: &str) -> String {
    match path
        .strip_prefix("tenants/")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((tenant, _)) => format!("tenants/{tenant}"),
        None => path.to_owned(),
    }
}
