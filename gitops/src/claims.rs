//! Taking and giving up what is unique over all tenants, in the commit that moves the pointer.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{self, Claim, ClaimKey, ClaimState, Release};
use orz_core::id::{Part, TenantName};
use orz_core::paths;

use crate::error::{Error, Result};
use crate::view::View;
use crate::{check, trees};

/// The claims that one commit changes, over those that stand at the view.
pub(crate) struct Claims<'v> {
    view: &'v View,
    /// `None`: deleted.
    changed: BTreeMap<ClaimKey, Option<Claim>>,
}

impl<'v> Claims<'v> {
    pub(crate) fn new(view: &'v View) -> Self {
        Self {
            view,
            changed: BTreeMap::new(),
        }
    }

    /// Lets go of what this part no longer claims; call it for every moved part before the first
    /// [`Self::take`], so that a part may take over what another part of its tenant just gave up.
    ///
    /// Released claims stay with their holder until its objects are gone from the cluster.
    pub(crate) fn give_up<'k>(
        &mut self,
        tenant: &TenantName,
        part: Part,
        before: impl IntoIterator<Item = &'k ClaimKey>,
        kept: &BTreeSet<ClaimKey>,
    ) -> Result<()> {
        for key in before {
            if kept.contains(key) {
                continue;
            }
            if let Some(mut claim) = self.get(key)?
                && (&claim.tenant, claim.part) == (tenant, part)
            {
                claim.state = ClaimState::Releasing;
                self.changed.insert(key.clone(), Some(claim));
            }
        }
        Ok(())
    }

    /// Takes a claim back that this part was giving up.
    pub(crate) fn hold_again(
        &mut self,
        tenant: &TenantName,
        part: Part,
        key: &ClaimKey,
    ) -> Result<()> {
        if let Some(mut claim) = self.get(key)?
            && (&claim.tenant, claim.part) == (tenant, part)
        {
            claim.state = ClaimState::Held;
            self.changed.insert(key.clone(), Some(claim));
        }
        Ok(())
    }

    /// Deletes a claim of this part, only one in `state` if one is named; whether there was one.
    pub(crate) fn forget(
        &mut self,
        tenant: &TenantName,
        part: Part,
        key: &ClaimKey,
        state: Option<ClaimState>,
    ) -> Result<bool> {
        let Some(claim) = self.get(key)? else {
            return Ok(false);
        };
        let meant = (&claim.tenant, claim.part) == (tenant, part)
            && state.is_none_or(|state| state == claim.state);
        if meant {
            self.changed.insert(key.clone(), None);
        }
        Ok(meant)
    }

    /// Takes these claims for a part, or says who holds one of them.
    ///
    /// What the tenant holds already, or is about to release, it may take again.
    pub(crate) fn take(
        &mut self,
        tenant: &TenantName,
        part: Part,
        claims: &[ClaimKey],
    ) -> Result<()> {
        for key in claims {
            if let Some(found) = self.get(key)?
                && found.tenant != *tenant
            {
                return Err(Error::Claimed {
                    claim: key.clone(),
                    holder: found.tenant,
                    part: found.part,
                    releasing: found.state == ClaimState::Releasing,
                });
            }
            let claim = Claim {
                claim: key.clone(),
                tenant: tenant.clone(),
                part,
                state: ClaimState::Held,
            };
            self.changed.insert(key.clone(), Some(claim));
        }
        Ok(())
    }

    /// The files on `main` that these claims are; equal to what stands there where nothing changed.
    pub(crate) fn into_edits(self) -> impl Iterator<Item = (String, Option<Vec<u8>>)> {
        self.changed
            .into_iter()
            .map(|(key, claim)| (paths::claim(&key), claim.as_ref().map(format::to_bytes)))
    }

    fn get(&self, key: &ClaimKey) -> Result<Option<Claim>> {
        match self.changed.get(key) {
            Some(claim) => Ok(claim.clone()),
            None => self.view.claim(key),
        }
    }
}

/// Everything that a release of this part on the index claims: what the part can have claims on.
///
/// Claims are stored by their value alone, so the index is what leads from a part to its claims. An entry that
/// cannot be read leads to none; `verify` finds it.
pub(crate) fn ever_of(view: &View, tenant: &TenantName, part: Part) -> Result<BTreeSet<ClaimKey>> {
    let folder = paths::index_folder(tenant, part);
    let mut found = BTreeSet::new();
    for (_, entry) in trees::files_below(&view.objects, view.releases.tree, &folder)? {
        let bytes = view.objects.blob(entry.id)?;
        if let Ok(release) = format::from_bytes::<Release>(&bytes) {
            found.extend(release.claims.into_iter().filter(check::is_claim));
        }
    }
    Ok(found)
}
