//! Pure: whose turn it is.

use std::collections::BTreeSet;

use orz_core::id::TenantName;

/// Words in a tenant's name that say which environment it is; what has none of them is production.
const DEV: [&str; 2] = ["dev", "development"];
const TEST: [&str; 5] = ["staging", "stage", "test", "testing", "qa"];

/// Batches of at most `size` tenants: development first, then staging and test, then the rest, each in byte order.
/// No batch mixes these, so that production is reached only after everything before it is verified.
pub(super) fn batches(tenants: BTreeSet<TenantName>, size: usize) -> Vec<Vec<TenantName>> {
    let mut ranked: [Vec<TenantName>; 3] = Default::default();
    for tenant in tenants {
        ranked[rank(&tenant)].push(tenant);
    }
    ranked
        .iter()
        .flat_map(|tenants| tenants.chunks(size.max(1)))
        .map(<[TenantName]>::to_vec)
        .collect()
}

fn rank(tenant: &TenantName) -> usize {
    let has = |words: &[&str]| tenant.as_str().split('-').any(|word| words.contains(&word));
    match (has(&DEV), has(&TEST)) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_goes_first_and_alone() {
        let tenants = [
            "shop",
            "app",
            "shop-dev",
            "app-staging",
            "dev-tools",
            "devon",
            "app-dev",
            "qa",
            "zoo",
            "contest",
        ];
        let tenants = tenants.map(|name| name.parse().expect("valid")).into();
        let names: Vec<String> = batches(tenants, 2)
            .iter()
            .map(|batch| {
                let names: Vec<&str> = batch.iter().map(TenantName::as_str).collect();
                names.join(" ")
            })
            .collect();
        assert_eq!(
            names,
            [
                "app-dev dev-tools",
                "shop-dev",
                "app-staging qa",
                "app contest",
                "devon shop",
                "zoo",
            ]
        );
    }
}
