//! Whether what all apps of a namespace need fits its quota, before a pod waits for ever.

use std::collections::BTreeMap;

use orz_core::diag::{Diagnostic, Diagnostics, codes};
use orz_core::kinds::Quantity as Amount;

use super::App;
use super::settled::Settled;
use crate::platform::Quantity;
use crate::resolve::Scope;
use crate::resolve::quota::quantity;
use crate::sections::Entry;

/// Key of a ResourceQuota → what one app needs of it at most, in billionths; saturating, so that what cannot be
/// counted is too much.
type Demand = BTreeMap<String, i128>;

const NANO: i128 = 1_000_000_000;
const NANOS_IN_THOUSANDTH: u128 = 1_000_000;

/// Adds up the worst case: all apps are updated at once, each with the one pod more that its strategy starts
/// before it stops an old one, or with its release jobs, which are done before it is updated.
pub(super) fn check(scope: &Scope, problems: &mut Diagnostics) {
    let apps: Vec<(&Entry<App>, Demand)> = scope
        .unit
        .bundle
        .apps
        .iter()
        .map(|entry| (entry, demand(&Settled::new(scope, entry))))
        .collect();
    let mut exceeded: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (key, quota) in scope.quota {
        let needs = |demand: &Demand| demand.get(key).copied().unwrap_or(0);
        let sum = apps
            .iter()
            .fold(0_i128, |sum, (_, demand)| sum.saturating_add(needs(demand)));
        let largest = apps
            .iter()
            .enumerate()
            .max_by_key(|(_, (_, demand))| needs(demand));
        if let Some((largest, _)) = largest.filter(|_| sum > nanos(quota)) {
            let needed = quantity(
                u128::try_from(sum)
                    .unwrap_or(0)
                    .div_ceil(NANOS_IN_THOUSANDTH),
            );
            exceeded
                .entry(largest)
                .or_default()
                .push(format!("`{key}` {needed} of {quota}"));
        }
    }
    let help = if scope
        .unit
        .bundle
        .apps
        .iter()
        .all(|app| app.release_jobs.is_empty())
    {
        "use less, or ask the operator for more; during an update each app has one pod more"
    } else {
        "use less, or ask the operator for more; before an update each app has a pod for each of its release jobs, and during it one pod more"
    };
    for (largest, amounts) in exceeded {
        let message = format!(
            "the apps of namespace `{}` need more than it may use: {}",
            scope.unit.namespace,
            amounts.join(", ")
        );
        problems.push(
            Diagnostic::error(
                &codes::reference::QUOTA_EXCEEDED,
                apps[largest].0.at("/name"),
                message,
            )
            .label("needs the most")
            .help(help),
        );
    }
}

fn demand(app: &Settled) -> Demand {
    let surge = u32::from(!app.recreate && app.replicas > 0);
    let pods = app.replicas + surge.max(app.release_jobs);
    let mut demand = Demand::new();
    let mut add = |key: String, amount: i128| {
        let sum = demand.entry(key).or_default();
        *sum = sum.saturating_add(amount);
    };
    for (prefix, amounts) in [("requests", &app.requests), ("limits", &app.limits)] {
        for (resource, amount) in amounts {
            add(
                format!("{prefix}.{resource}"),
                nanos(amount).saturating_mul(i128::from(pods)),
            );
        }
    }
    add("pods".to_owned(), NANO.saturating_mul(i128::from(pods)));
    for (i, class) in &app.volumes {
        let size = nanos(&app.entry.volumes[*i].size);
        add("persistentvolumeclaims".to_owned(), NANO);
        add("requests.storage".to_owned(), size);
        add(
            format!(
                "{}.storageclass.storage.k8s.io/requests.storage",
                class.storage_class_name
            ),
            size,
        );
    }
    demand
}

/// An amount in billionths; what is no amount is reported elsewhere.
fn nanos(amount: &Quantity) -> i128 {
    amount.as_str().parse::<Amount>().map_or(0, Amount::nanos)
}
