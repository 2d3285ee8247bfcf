//! Where a source repository comes from, as it stands in releases and pointers.

use std::path::Path;

use orz_core::format::Source;

use super::COMPILED;
use crate::error::CommandError;
use crate::git::git;

/// The repository's name, its commit and whether what is compiled differs from that commit.
///
/// The name is the same in every clone: `name` of `orz.toml`, else the URL of the remote `origin`
/// without credentials, else `local`; never a folder's name.
pub(crate) fn identity(root: &Path, name: Option<&str>) -> Result<Source, CommandError> {
    let inside = root.ancestors().any(|folder| folder.join(".git").exists());
    if !inside {
        return Ok(Source {
            repository: name.unwrap_or("local").to_owned(),
            commit: None,
            dirty: false,
        });
    }
    let repository = match name {
        Some(name) => name.to_owned(),
        None => git(root, &["config", "--get", "remote.origin.url"])?
            .line()
            .map_or_else(|| "local".to_owned(), |url| without_credentials(&url)),
    };
    let commit = match git(root, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.line() {
        Some(id) => Some(id.parse().map_err(|_| {
            CommandError::input(format!(
                "the source repository names its commits `{id}`, not by SHA-1"
            ))
            .help("use a source repository with `--object-format=sha1`")
        })?),
        None => None,
    };
    let mut args = vec![
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--ignored=matching",
        "--",
    ];
    args.extend(COMPILED);
    let status = git(root, &args)?;
    if !status.ok {
        return Err(CommandError::input(format!(
            "`git status` of the source repository says: {}",
            status.stderr
        )));
    }
    Ok(Source {
        repository,
        commit,
        dirty: is_dirty(&status.stdout),
    })
}

/// Whether an entry of `git status -z` is one that a compile would see.
///
/// Ignored and untracked files count, because they are compiled; hidden ones (`.DS_Store`) do not.
fn is_dirty(status: &[u8]) -> bool {
    status
        .split(|byte| *byte == 0)
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let untracked = entry.starts_with(b"?? ") || entry.starts_with(b"!! ");
            let path = entry.get(3..).unwrap_or_default();
            let hidden = path
                .split(|byte| *byte == b'/')
                .any(|segment| segment.starts_with(b".") && segment != b".orz");
            !(untracked && hidden)
        })
}

/// A remote's URL without user, password, query and fragment; the user of an SSH address stays,
/// because it is part of the address (`git@host`).
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) if scheme.ends_with("ssh") => {
            format!("{}@{host}", user.split(':').next().unwrap_or_default())
        }
        Some((_, host)) => host.to_owned(),
        None => authority.to_owned(),
    };
    format!("{scheme}://{authority}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_named_without_its_credentials() {
        for (url, expected) in [
            (
                "https://ann:s3cret@git.example.com/shop.git",
                "https://git.example.com/shop.git",
            ),
            (
                "https://token@git.example.com:8443/a/b",
                "https://git.example.com:8443/a/b",
            ),
            (
                "https://git.example.com/a?private_token=s3cret#x",
                "https://git.example.com/a",
            ),
            (
                "https://a:p@ss@git.example.com/a@b",
                "https://git.example.com/a@b",
            ),
            (
                "ssh://git:s3cret@git.example.com/a",
                "ssh://git@git.example.com/a",
            ),
            (
                "git@git.example.com:team/shop.git",
                "git@git.example.com:team/shop.git",
            ),
            ("/srv/git/shop.git", "/srv/git/shop.git"),
        ] {
            assert_eq!(without_credentials(url), expected);
        }
    }

    #[test]
    fn only_what_is_compiled_makes_a_source_dirty() {
        for (status, dirty) in [
            (&b""[..], false),
            (b" M tenants/acme/bundle.json\0", true),
            (b"?? tenants/acme/new.json\0", true),
            (b"!! tenants/acme/ignored.json\0", true),
            (b"!! tenants/acme/.DS_Store\0?? tenants/.idea/x\0", false),
            (b"?? tenants/acme/projects/shop/.orz/cloud.yaml\0", true),
            (b" D tenants/.hidden\0", true),
        ] {
            assert_eq!(
                is_dirty(status),
                dirty,
                "{}",
                String::from_utf8_lossy(status)
            );
        }
    }
}
