//! Which tenants' files are others than they were, at the cost of reading those that may be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use orz_core::format::digest_of;
use orz_core::id::{Digest, TenantName};

use super::{COMPILED, load};

/// What may be different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing.
    #[default]
    Nothing,
    /// The files of these tenants.
    Tenants(BTreeSet<TenantName>),
    /// Everything.
    All,
}

impl Hint {
    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, hint) | (hint, Self::Nothing) => hint,
            (Self::Tenants(mut tenants), Self::Tenants(others)) => {
                tenants.extend(others);
                Self::Tenants(tenants)
            }
        }
    }

    /// What a change at a path means, relative to the root of the source.
    pub(crate) fn of(path: &Path) -> Self {
        let mut names = path.components().map(|component| match component {
            Component::Normal(name) => name.to_str(),
            _ => None,
        });
        let tenant = match (names.next(), names.next(), names.next()) {
            (Some(Some("tenants")), Some(Some(tenant)), _) => Some(tenant),
            (Some(Some("platform")), Some(Some("tenants")), Some(Some(file))) => {
                Some(file.strip_suffix(".json").unwrap_or(file))
            }
            _ => None,
        };
        match tenant.map(str::parse) {
            Some(Ok(tenant)) => Self::Tenants([tenant].into()),
            // The platform's data, or a name that no tenant has.
            _ => Self::All,
        }
    }
}

/// Whether a path, relative to the root of the source, is one that is compiled.
pub(crate) fn is_compiled(path: &Path) -> bool {
    let mut names = path.components().map(|part| part.as_os_str().to_str());
    let top = names.next().flatten();
    top.is_some_and(|top| COMPILED.contains(&top))
        && names.all(|name| name.is_none_or(|name| !name.starts_with('.') || name == ".orz"))
}

/// What was read last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    platform: Option<Digest>,
    /// By the name of the folder.
    tenants: BTreeMap<String, Digest>,
}

/// What is different from what was read before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Everything has to be compiled.
    pub(crate) all: bool,
    /// The tenants that have to be.
    pub(crate) tenants: BTreeSet<TenantName>,
    /// The tenants that have no files any more.
    pub(crate) gone: BTreeSet<String>,
}

impl Known {
    /// Reads what a hint names. Bytes count, and not times: what was written again as it was is no difference.
    pub(crate) fn look(&mut self, root: &Path, hint: &Hint) -> Difference {
        let only = match hint {
            Hint::Nothing => return Difference::default(),
            Hint::Tenants(tenants) => Some(tenants),
            Hint::All => None,
        };
        let loaded = load(root, only);
        let (mut platform, mut folders) = (Files::new(), BTreeMap::<String, Files>::new());
        // What an operator says of a tenant makes none.
        let mut present = BTreeSet::new();
        for (path, bytes) in &loaded.files {
            let own = path.strip_prefix("platform/tenants/");
            let own = own.map(|file| file.strip_suffix(".json").unwrap_or(file));
            let below = path.strip_prefix("tenants/");
            let below = below.and_then(|rest| rest.split('/').next());
            present.extend(below.map(str::to_owned));
            let folder = own.or(below);
            let files = match folder {
                Some(folder) => folders.entry(folder.to_owned()).or_default(),
                None => &mut platform,
            };
            files.insert(path, bytes);
        }
        // What cannot be read is a state like any other: it has an error, and an end.
        let troubles: Vec<&str> = loaded
            .diagnostics
            .iter()
            .map(|d| d.message.as_str())
            .collect();
        let troubles = troubles.join("\n");
        let of = |files: &Files| {
            let troubles = (!troubles.is_empty()).then_some((TROUBLES, troubles.as_bytes()));
            digest_of(
                files
                    .iter()
                    .map(|(path, bytes)| (*path, *bytes))
                    .chain(troubles),
            )
        };
        folders.retain(|folder, _| present.contains(folder));
        let platform = digest_of(platform.iter().map(|(path, bytes)| (*path, *bytes)));
        let mut difference = Difference {
            all: self.platform.as_ref() != Some(&platform),
            ..Difference::default()
        };
        self.platform = Some(platform);
        let had: BTreeSet<String> = match only {
            Some(only) => only.iter().map(ToString::to_string).collect(),
            None => self.tenants.keys().cloned().collect(),
        };
        for folder in had {
            // One whose files cannot be read is not gone.
            if !troubles.is_empty() {
                folders.entry(folder).or_default();
            } else if !folders.contains_key(&folder) && self.tenants.remove(&folder).is_some() {
                difference.gone.insert(folder);
            }
        }
        for (folder, files) in &folders {
            let digest = of(files);
            if self.tenants.get(folder) == Some(&digest) {
                continue;
            }
            self.tenants.insert(folder.clone(), digest);
            match folder.parse() {
                Ok(tenant) => drop(difference.tenants.insert(tenant)),
                // A whole compile says what is wrong with the name.
                Err(_) => difference.all = true,
            }
        }
        difference
    }
}

/// Where what cannot be read stands beside the files: after every path, as a digest takes them in order.
const TROUBLES: &str = "unreadable";

/// Contents by path.
type Files<'a> = BTreeMap<&'a str, &'a [u8]>;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tenants(names: &[&str]) -> BTreeSet<TenantName> {
        names
            .iter()
            .map(|name| name.parse().expect("valid"))
            .collect()
    }

    #[test]
    fn a_path_says_whom_it_concerns() {
        for (path, expected) in [
            (
                "tenants/acme/bundle.json",
                Hint::Tenants(tenants(&["acme"])),
            ),
            ("tenants/acme", Hint::Tenants(tenants(&["acme"]))),
            (
                "platform/tenants/acme.json",
                Hint::Tenants(tenants(&["acme"])),
            ),
            ("platform/plans.json", Hint::All),
            ("platform/tenants", Hint::All),
            ("tenants", Hint::All),
            ("tenants/Not A Name/x", Hint::All),
        ] {
            assert_eq!(Hint::of(Path::new(path)), expected, "{path}");
        }
        for (path, expected) in [
            ("tenants/acme/bundle.json", true),
            ("tenants/acme/projects/shop/.orz/cloud.yaml", true),
            ("tenants/acme/.bundle.json.swp", false),
            ("tenants/.git/index", false),
            ("tenants/acme/.git/objects/aa", false),
            ("gitops.git/refs/heads/main", false),
            (".git/index", false),
        ] {
            assert_eq!(is_compiled(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn only_other_bytes_are_a_difference() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("platform/plans.json", "1");
        write("tenants/acme/bundle.json", "1");
        write("tenants/beta/bundle.json", "1");
        let mut known = Known::default();
        let mut look = |hint| known.look(root.path(), &hint);
        let (acme, both) = (tenants(&["acme"]), tenants(&["acme", "beta"]));
        let first = look(Hint::All);
        assert!(first.all && first.tenants == both, "{first:?}");
        assert_eq!(look(Hint::All), Difference::default());

        write("tenants/acme/bundle.json", "1");
        write("tenants/beta/bundle.json", "2");
        // Nobody says that `beta` is different.
        assert_eq!(look(Hint::Tenants(acme.clone())), Difference::default());
        assert_eq!(look(Hint::All).tenants, tenants(&["beta"]));
        write("platform/tenants/acme.json", "1");
        assert_eq!(look(Hint::Tenants(acme.clone())).tenants, acme);
        write("platform/plans.json", "2");
        assert!(look(Hint::All).all);

        std::os::unix::fs::symlink("bundle.json", root.path().join("tenants/acme/link"))
            .expect("a link");
        assert_eq!(look(Hint::Tenants(acme.clone())).tenants, acme);
        fs::remove_file(root.path().join("tenants/acme/link")).expect("removed");
        assert_eq!(look(Hint::Tenants(acme.clone())).tenants, acme);

        fs::remove_dir_all(root.path().join("tenants/acme")).expect("removed");
        let gone = look(Hint::Tenants(acme));
        assert_eq!((gone.all, gone.tenants.len()), (false, 0));
        assert_eq!(gone.gone, BTreeSet::from(["acme".to_owned()]));
    }
}
