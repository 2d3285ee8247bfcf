//! The settings that the platform's own release holds.

use orz_core::format::ReconcilerSettings;
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::paths;
use orz_gitops::{Error, PointerFile, View};

use super::Follower;
use super::clock::Clock;
use super::log::{About, Level};

impl<C: Clock> Follower<'_, C> {
    /// Takes over the settings of the release that the platform's pointer names, if it names another one.
    ///
    /// They hold from the pointer on, before any engine has put them into the cluster and before the first part is
    /// judged: after a start nothing may be verified by a soak that nobody wants. A pointer that must not be acted
    /// on changes nothing, and is reported where all pointers are looked at.
    pub(super) fn read_settings(&mut self, view: &View) -> Result<(), Error> {
        let platform = TenantName::platform();
        let path = paths::pointer(&self.settings.cluster, &platform, Part::Platform);
        let stored = match view.pointer_at(&path)? {
            Some(PointerFile::Valid(stored)) => Some(stored),
            Some(PointerFile::Invalid(_)) => return Ok(()),
            None => None,
        };
        let release = stored.as_ref().map(|stored| &stored.pointer.release);
        if release == self.settings_of.as_ref() {
            return Ok(());
        }
        let said = match &stored {
            Some(stored) => match view.check(stored) {
                Ok(checked) => checked
                    .objects
                    .iter()
                    .find(|object| ReconcilerSettings::is_in(object))
                    .map(ReconcilerSettings::from_object),
                Err(_) => return Ok(()),
            },
            None => None,
        };
        let settings = match said {
            Some(Ok(said)) => self.base.with(&said),
            // The check has read them too.
            Some(Err(_)) => return Ok(()),
            None => self.base.clone(),
        };
        self.settings_of = release.cloned();
        self.settle(settings);
        Ok(())
    }

    fn settle(&mut self, settings: super::Settings) {
        if settings == self.settings {
            return;
        }
        self.settings = settings;
        let platform = TenantName::platform();
        let release: Option<ReleaseId> = self.settings_of.clone();
        let about = About {
            tenant: Some(&platform),
            part: Some(Part::Platform),
            release: release.as_ref(),
        };
        self.say(Level::Info, about, &format!("settings: {}", self.settings));
        // Nobody waits longer than the new interval because the old one was longer.
        let latest = self.clock.elapsed() + self.settings.drift;
        for part in self.parts.values_mut() {
            part.due = part.due.min(latest);
        }
    }
}
