//! Reads the files of a source repository.
//!
//! What cannot be read is an error and never a smaller set of files: an empty desired state
//! must never come from a permission or a broken disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use orz_core::diag::codes::source as codes;
use orz_core::diag::{Code, Diagnostic, Diagnostics};
use orz_core::id::TenantName;

/// How much of a file is read: one byte more than the reader of documents takes, so that
/// it is the reader that reports the size, with its own code.
const READ_MAX: u64 = orz_core::read::MAX_BYTES as u64 + 1;

/// The only hidden name that is read.
const HIDDEN_FOLDER: &str = ".orz";

/// Files by path relative to the root of the source repository, `/`-separated, and what could not be read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Path to bytes.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// One error for each file or folder that is not what it should be.
    pub(crate) diagnostics: Diagnostics,
}

/// Reads everything under `platform/`, and under `tenants/` what belongs to `only`, or all of it.
///
/// No symbolic link is followed. Names that start with `.` are skipped, `.orz` excepted.
pub(crate) fn load(root: &Path, only: Option<&BTreeSet<TenantName>>) -> Loaded {
    let mut loaded = Loaded::default();
    let wanted = |path: &str| only.is_none_or(|only| belongs_to(path, only));
    for top in ["platform", "tenants"] {
        let path = root.join(top);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => loaded.entry(&path, top, &wanted),
        }
    }
    loaded
}

/// The names of the folders under `tenants/`, whether they are names of tenants or not.
pub(crate) fn tenant_folders(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let entries = match fs::read_dir(root.join("tenants")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
            && entry.file_type()?.is_dir()
        {
            names.insert(name);
        }
    }
    Ok(names)
}

/// Whether `path` may hold something that the tenants in `only` are compiled from.
pub(super) fn belongs_to(path: &str, only: &BTreeSet<TenantName>) -> bool {
    let is = |name: &str| only.iter().any(|tenant| tenant.as_str() == name);
    if let Some(rest) = path.strip_prefix("tenants/") {
        is(rest.split('/').next().unwrap_or_default())
    } else if let Some(file) = path.strip_prefix("platform/tenants/") {
        is(file.strip_suffix(".json").unwrap_or(file))
    } else {
        true
    }
}

/// Whether a path is one that [`load`] reads: no part of it is hidden.
pub(super) fn is_read(path: &str) -> bool {
    let hidden = |segment: &str| segment.starts_with('.') && segment != HIDDEN_FOLDER;
    !path.split('/').any(hidden)
}

impl Loaded {
    fn entry(&mut self, path: &Path, relative: &str, wanted: &dyn Fn(&str) -> bool) {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.unreadable(relative, &error),
        };
        let kind = metadata.file_type();
        if kind.is_symlink() {
            self.refuse(
                &codes::SYMLINK,
                format!("`{relative}` is a symbolic link"),
                "put the file itself there; a link could lead out of the repository",
            );
        } else if kind.is_dir() {
            self.folder(path, relative, wanted);
        } else if kind.is_file() {
            match read(path) {
                Ok(bytes) => drop(self.files.insert(relative.to_owned(), bytes)),
                Err(error) => self.unreadable(relative, &error),
            }
        } else {
            self.refuse(
                &codes::SPECIAL_FILE,
                format!("`{relative}` is neither a file nor a folder"),
                "remove it; only files can be compiled",
            );
        }
    }

    fn folder(&mut self, path: &Path, relative: &str, wanted: &dyn Fn(&str) -> bool) {
        let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(relative, &error),
        };
        let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
        names.sort();
        for name in names {
            let Some(text) = name.to_str() else {
                self.refuse(
                    &codes::FILE_NAME,
                    format!(
                        "`{relative}/{}` has a name that is not UTF-8",
                        name.display()
                    ),
                    "rename it",
                );
                continue;
            };
            if text.chars().any(char::is_control) {
                self.refuse(
                    &codes::FILE_NAME,
                    format!(
                        "`{relative}/{}` has a control character in its name",
                        text.escape_debug()
                    ),
                    "rename it",
                );
                continue;
            }
            let child = format!("{relative}/{text}");
            if (!text.starts_with('.') || text == HIDDEN_FOLDER) && wanted(&child) {
                self.entry(&path.join(&name), &child, wanted);
            }
        }
    }

    fn unreadable(&mut self, relative: &str, error: &io::Error) {
        self.refuse(
            &codes::UNREADABLE,
            format!("cannot read `{relative}`: {error}"),
            "make it readable, or remove it from the repository",
        );
    }

    fn refuse(&mut self, code: &'static Code, message: String, help: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, None, message).help(help));
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_of(loaded: &Loaded) -> Vec<&str> {
        loaded.diagnostics.iter().map(|d| d.code.name).collect()
    }

    fn write(root: &Path, path: &str, bytes: &[u8]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    #[test]
    fn only_platform_and_tenants_are_read_and_hidden_names_are_not() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for path in [
            "README.md",
            "platform/plans.json",
            "platform/tenants/acme.json",
            "platform/tenants/beta.json",
            "tenants/acme/bundle.json",
            "tenants/acme/.bundle.json.swp",
            "tenants/acme/.git/config",
            "tenants/acme/projects/shop/.orz/cloud.yaml",
            "tenants/beta/bundle.json",
        ] {
            write(root.path(), path, b"{}");
        }
        let paths = |loaded: Loaded| loaded.files.into_keys().collect::<Vec<_>>();
        let acme = [
            "platform/tenants/acme.json",
            "tenants/acme/bundle.json",
            "tenants/acme/projects/shop/.orz/cloud.yaml",
        ];
        let mut all = vec![
            "platform/plans.json",
            "platform/tenants/beta.json",
            "tenants/beta/bundle.json",
        ];
        all.extend(acme);
        all.sort_unstable();
        assert_eq!(paths(load(root.path(), None)), all);

        let only = BTreeSet::from(["acme".parse().expect("valid")]);
        assert_eq!(
            paths(load(root.path(), Some(&only))),
            [&["platform/plans.json"][..], &acme].concat()
        );
        assert_eq!(
            tenant_folders(root.path()).expect("readable"),
            BTreeSet::from(["acme".into(), "beta".into()])
        );
    }

    #[test]
    fn an_empty_repository_has_no_files_and_no_errors() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let loaded = load(root.path(), None);
        assert!(loaded.files.is_empty() && loaded.diagnostics.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_strange_names_are_errors_and_never_followed() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().expect("a temporary folder");
        write(root.path(), "secret", b"not ours");
        write(root.path(), "tenants/acme/bundle.json", b"{}");
        let acme = root.path().join("tenants/acme");
        std::os::unix::fs::symlink("../../secret", acme.join("a.json")).expect("a link");
        std::os::unix::fs::symlink("..", acme.join("loop")).expect("a link");
        let _socket =
            std::os::unix::net::UnixListener::bind(acme.join("s.json")).expect("a socket");
        fs::write(acme.join(std::ffi::OsStr::from_bytes(b"\xff.json")), b"{}").expect("a file");
        fs::write(acme.join("a\nb.json"), b"{}").expect("a file");

        let loaded = load(root.path(), None);
        assert_eq!(
            loaded.files.into_keys().collect::<Vec<_>>(),
            ["tenants/acme/bundle.json"]
        );
        let loaded = load(root.path(), None);
        assert_eq!(
            codes_of(&loaded),
            [
                "file-name",
                "symlink",
                "symlink",
                "special-file",
                "file-name"
            ]
        );
    }

    #[test]
    fn a_file_is_never_read_much_beyond_the_limit() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let size = usize::try_from(READ_MAX).expect("small") + 100;
        write(root.path(), "tenants/acme/bundle.json", &vec![b' '; size]);
        let loaded = load(root.path(), None);
        assert_eq!(
            loaded.files["tenants/acme/bundle.json"].len() as u64,
            READ_MAX
        );
    }
}
