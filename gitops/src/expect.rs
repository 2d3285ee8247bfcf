//! What a caller believes about pointers, and what becomes of an operation when somebody else moved one.

use orz_core::id::{ClusterName, Part, TenantName};
use orz_core::paths;

use crate::error::{Error, Result};
use crate::view::{PointerFile, StoredPointer, View};
use crate::{Repo, moves};

/// What a caller believes to be live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belief {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The cluster; `None`: each on which the part is.
    pub cluster: Option<ClusterName>,
    /// What is there.
    pub live: Believed,
}

/// What is believed of one pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Believed {
    /// That there is none.
    Nothing,
    /// That the live release, or else the pointer's version, begins with these digits.
    Id(String),
}

impl Repo {
    /// From now on, nothing is written while one of these is wrong; the error says who made it so. They are looked
    /// at on the heads that are written on, so that nobody can come in between.
    pub fn expect(&mut self, beliefs: Vec<Belief>) {
        self.beliefs = beliefs;
    }

    /// From now on, an activation, a rollback or a hold begins anew on what is there when somebody else moved the
    /// same pointer first, instead of ending with [`Error::Moved`].
    pub fn repeat_when_moved(&mut self) {
        self.repeats = true;
    }
}

/// Refuses to go on when somebody believes what is not so.
pub(crate) fn refuse(view: &View, beliefs: &[Belief]) -> Result<()> {
    for belief in beliefs {
        let mut found = Vec::new();
        for file in view.pointers_of(&belief.tenant)? {
            let stored = match file {
                PointerFile::Valid(stored) => stored,
                // Whose it is cannot be told, so neither what stands there.
                PointerFile::Invalid(file) if file.part.is_none_or(|part| part == belief.part) => {
                    return Err(Error::MalformedPointer {
                        path: file.path,
                        reason: file.invalid.to_string(),
                    });
                }
                PointerFile::Invalid(_) => continue,
            };
            let cluster = belief.cluster.as_ref();
            if stored.pointer.part == belief.part
                && cluster.is_none_or(|cluster| *cluster == stored.pointer.cluster)
            {
                found.push(stored);
            }
        }
        match (&belief.live, found.as_slice()) {
            (Believed::Nothing, []) => {}
            (Believed::Nothing, [stored, ..]) => return Err(wrong(view, belief, Some(stored))),
            (Believed::Id(_), []) => return Err(wrong(view, belief, None)),
            (Believed::Id(id), all) => {
                let is_other = |stored: &&StoredPointer| {
                    let release = stored.pointer.release.as_str();
                    !release.starts_with(id) && !stored.blob.as_str().starts_with(id)
                };
                if let Some(stored) = all.iter().find(is_other) {
                    return Err(wrong(view, belief, Some(stored)));
                }
            }
        }
    }
    Ok(())
}

fn wrong(view: &View, belief: &Belief, found: Option<&StoredPointer>) -> Error {
    let path = match (found, &belief.cluster) {
        (Some(stored), _) => Some(stored.path.clone()),
        (None, Some(cluster)) => Some(paths::pointer(cluster, &belief.tenant, belief.part)),
        (None, None) => None,
    };
    // Who it was is good to know, and no reason not to say that it was somebody.
    let by = path.and_then(|path| view.last_change(&path).ok().flatten());
    let found = match found {
        None => "nothing is live there".to_owned(),
        Some(stored) => format!(
            "release `{}` is live there (pointer `{}`)",
            moves::short(&stored.pointer.release),
            &stored.blob.as_str()[..12]
        ),
    };
    Error::NotExpected {
        tenant: belief.tenant.clone(),
        part: belief.part,
        expected: match &belief.live {
            Believed::Nothing => "nothing".to_owned(),
            Believed::Id(id) => format!("`{id}`"),
        },
        found,
        by: by.map(Box::new),
    }
}
