//! Changes that are made and not live yet.

use orz_core::Value;
use orz_gitops::Repo;

/// When a change takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// It has.
    Now,
    /// When somebody merges this branch.
    Merged(String),
    /// When it is sent to the remote.
    Sent,
}

impl When {
    /// What this repository does with changes.
    pub(crate) fn of(repo: &Repo) -> Self {
        match repo.review_branch() {
            Some(branch) => Self::Merged(branch.to_owned()),
            None if repo.is_offline() => Self::Sent,
            None => Self::Now,
        }
    }

    /// `live`, or when it will be; `said` starts with `live` where it speaks of what this change did.
    pub(crate) fn say(&self, said: String) -> String {
        let rest = match said.strip_prefix("live") {
            Some(rest) if !rest.starts_with(" already") => rest,
            _ => return said,
        };
        match self {
            Self::Now => said,
            Self::Merged(_) => format!("live once merged{rest}"),
            Self::Sent => format!("live once sent{rest}"),
        }
    }

    /// What follows a word for what this change did, if it changed something: ` once sent`.
    pub(crate) const fn once(&self, changed: bool) -> &'static str {
        match self {
            Self::Merged(_) if changed => " once merged",
            Self::Sent if changed => " once sent",
            _ => "",
        }
    }

    /// What has to be done for it to take effect, if something was changed.
    pub(crate) fn next(&self, changed: bool) -> Option<String> {
        match self {
            Self::Now => None,
            Self::Merged(branch) if changed => Some(format!(
                "`main` stands where it was; merge branch `{branch}` into it to make this live"
            )),
            Self::Merged(branch) => Some(format!(
                "no pointer changes, so there is no branch `{branch}`"
            )),
            Self::Sent => {
                changed.then(|| "committed offline; `orzc sync` sends it to the remote".to_owned())
            }
        }
    }

    /// Adds it to the fields of a document, where it is not now.
    pub(crate) fn mark(&self, document: &mut Value) {
        match self {
            Self::Now => {}
            Self::Merged(branch) => document["branch"] = branch.as_str().into(),
            Self::Sent => document["pending"] = true.into(),
        }
    }
}
