//! What is said about parts, each thing once.

use orz_core::id::ReleaseId;

use super::clock::Clock;
use super::log::{About, Level};
use super::{Follower, Key};
use crate::report::Changes;

impl<C: Clock> Follower<'_, C> {
    pub(super) fn say(&self, level: Level, about: About<'_>, message: &str) {
        self.log.line(level, about, message);
    }

    /// Says an error about a part unless it was the last thing said about it.
    pub(super) fn complain(&mut self, key: &Key, error: &str) {
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        if part.said.as_deref() == Some(error) {
            return;
        }
        part.said = Some(error.to_owned());
        let release = part.stored.as_ref().map(|s| s.pointer.release.clone());
        let about = About {
            tenant: Some(&key.0),
            part: Some(key.1),
            release: release.as_ref(),
        };
        self.log.line(Level::Error, about, error);
    }

    /// Says that the branches cannot be read, and later that they can: each once, however often they are looked at.
    pub(super) fn tell_readable(&mut self, failed: Option<String>) {
        if self.unreadable == failed {
            return;
        }
        match &failed {
            Some(error) => {
                let said = format!("{error}; what is in place stays as it is");
                self.say(Level::Error, About::default(), &said);
            }
            None => self.say(
                Level::Info,
                About::default(),
                "the branches can be read again",
            ),
        }
        self.unreadable = failed;
    }

    /// Says what a pass changed. Where somebody else does the work, that is only what is left to do for them:
    /// said when an activation begins, and not at every look until it is done.
    pub(super) fn tell_changes(
        &self,
        key: &Key,
        release: &ReleaseId,
        changes: &Changes,
        began: bool,
    ) {
        let delegated = self.engine == "argocd";
        if changes.is_empty() || (delegated && !began) {
            return;
        }
        let counts = [
            (changes.created.len(), "created"),
            (changes.updated.len(), "updated"),
            (changes.drifted.len(), "of them changed by hand"),
            (changes.replaced.len(), "replaced"),
            (changes.pruned.len(), "pruned"),
        ];
        let counted: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let to_be = if delegated {
            "to be done by Argo CD: "
        } else {
            ""
        };
        let said = format!("{to_be}{}", counted.join(", "));
        self.tell(Level::Info, key, release, &said);
    }

    pub(super) fn tell(&self, level: Level, key: &Key, release: &ReleaseId, message: &str) {
        let about = About {
            tenant: Some(&key.0),
            part: Some(key.1),
            release: Some(release),
        };
        self.say(level, about, message);
    }
}
