//! Tenants that do not go live because of their source.

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Sources};
use orz_core::exit::ExitCode;
use orz_gitops::{Error, StaleSource};
use serde_json::json;

use super::{View, count};
use crate::error::CommandError;

/// The error of a publish that wrote nothing, with what is wrong said tenant by tenant.
pub(crate) fn all(error: Error, view: &mut dyn View) -> CommandError {
    let Error::Source { refused } = error else {
        return error.into();
    };
    match tell(&refused, view) {
        Some(summary) => {
            CommandError::counted_as(ExitCode::Stale, format!("{summary}; nothing was published"))
        }
        None => Error::Source { refused }.into(),
    }
}

/// Says what is wrong, tenant by tenant; counted in the answer, if there is anything.
pub(crate) fn tell(refused: &[StaleSource], view: &mut dyn View) -> Option<String> {
    let mut diagnostics = Diagnostics::default();
    let mut tenants = std::collections::BTreeSet::new();
    for stale in refused {
        tenants.insert(&stale.tenant);
        let diagnostic = Diagnostic::error(stale.code(), None, stale.to_string());
        let help = stale.help().into_iter();
        diagnostics.push(help.fold(diagnostic, Diagnostic::help));
    }
    if refused.is_empty() {
        return None;
    }
    view.diagnostics(&diagnostics, &Sources::new());
    let tenants = count(tenants.len(), "tenant");
    Some(format!("{tenants} refused because of the source"))
}

/// The same for programs.
pub(crate) fn json(refused: &[StaleSource]) -> Vec<Value> {
    refused
        .iter()
        .map(|stale| {
            json!({
                "tenant": stale.tenant,
                "cluster": stale.cluster,
                "parts": stale.parts,
                "code": stale.code().name,
                "source": stale.ours,
                "newestSource": stale.newest,
                "by": stale.by.as_ref().map(|by| json!({
                    "actor": by.actor, "time": by.time, "commit": by.commit,
                })),
            })
        })
        .collect()
}
