//! What each namespace of a tenant may use.
//!
//! A plan bounds a tenant, a ResourceQuota bounds a namespace, and Kubernetes knows nothing between the
//! two. So the plan is split when compiling: each namespace gets an equal share, rounded down, and the
//! tenant's own namespace also gets what rounding left over. The sum over all namespaces is therefore
//! exactly the plan, which the test below proves for every number of namespaces.

use crate::platform::{Quantity, Resources};

const MEBI: u128 = 1 << 20;

/// The shares of `units` namespaces, the tenant's own first. `exceptions` replace amounts of the plan.
pub(crate) fn shares(plan: &Resources, exceptions: &Resources, units: usize) -> Vec<Resources> {
    let total: Resources = plan
        .iter()
        .chain(exceptions)
        .map(|(key, amount)| (key.clone(), amount.clone()))
        .collect();
    let mut shares = vec![Resources::new(); units];
    for (key, amount) in total {
        for (share, amount) in shares.iter_mut().zip(split(&key, &amount, units)) {
            share.insert(key.clone(), amount);
        }
    }
    shares
}

fn split(key: &str, amount: &Quantity, units: usize) -> Vec<Quantity> {
    let Some(total) = amount.thousandths().filter(|_| units > 1) else {
        return vec![amount.clone(); units];
    };
    let step = step(key, amount.as_str(), total);
    let share = total / units as u128 / step * step;
    let first = total - share * (units as u128 - 1);
    std::iter::once(first)
        .chain(std::iter::repeat_n(share, units - 1))
        .map(quantity)
        .collect()
}

/// The smallest part of an amount that is worth naming, in thousandths: a milli-CPU, a pod, a mebibyte.
fn step(key: &str, text: &str, total: u128) -> u128 {
    // One CPU is worth dividing, one pod or GPU is not.
    if matches!(key, "requests.cpu" | "limits.cpu") {
        return 1;
    }
    match text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "m" => 1,
        "" if total < 1_000_000_000 => 1000,
        _ => MEBI * 1000,
    }
}

/// The shortest spelling of an amount given in thousandths.
pub(crate) fn quantity(thousandths: u128) -> Quantity {
    if !thousandths.is_multiple_of(1000) {
        return Quantity::from(format!("{thousandths}m").as_str());
    }
    let whole = thousandths / 1000;
    let suffixes = [
        ("Pi", MEBI * MEBI * 1024),
        ("Ti", MEBI * MEBI),
        ("Gi", MEBI * 1024),
        ("Mi", MEBI),
    ];
    for (suffix, factor) in suffixes {
        if whole >= factor && whole.is_multiple_of(factor) {
            return Quantity::from(format!("{}{suffix}", whole / factor).as_str());
        }
    }
    Quantity::from(whole.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Resources {
        [
            ("requests.cpu", "1"),
            ("limits.cpu", "1500m"),
            ("requests.memory", "2Gi"),
            ("pods", "10"),
            ("gpu", "0"),
            ("x", "2T"),
        ]
        .map(|(key, amount)| (key.to_owned(), Quantity::from(amount)))
        .into()
    }

    #[test]
    fn shares_sum_up_to_the_plan_exactly() {
        for units in 1..=40 {
            let shares = shares(&plan(), &Resources::new(), units);
            assert_eq!(shares.len(), units);
            for (key, amount) in plan() {
                let sum: u128 = shares
                    .iter()
                    .filter_map(|share| share[&key].thousandths())
                    .sum();
                assert_eq!(
                    Some(sum),
                    amount.thousandths(),
                    "{key} in {units} namespaces"
                );
            }
        }
    }

    #[test]
    fn one_namespace_gets_the_plan_as_written_and_exceptions_win() {
        let exceptions = Resources::from([("pods".to_owned(), Quantity::from("12"))]);
        let shares = shares(&plan(), &exceptions, 1);
        assert_eq!(shares[0]["pods"].as_str(), "12");
        assert_eq!(shares[0]["limits.cpu"].as_str(), "1500m");
    }

    #[test]
    fn shares_are_written_as_people_would() {
        let shares = shares(&plan(), &Resources::new(), 3);
        let text = |unit: usize, key: &str| shares[unit][key].as_str().to_owned();
        assert_eq!([text(0, "pods"), text(1, "pods")], ["4", "3"]);
        assert_eq!(
            [text(0, "requests.memory"), text(1, "requests.memory")],
            ["684Mi", "682Mi"]
        );
        assert_eq!(
            [text(0, "limits.cpu"), text(1, "limits.cpu")],
            ["500m", "500m"]
        );
        assert_eq!(
            [text(0, "requests.cpu"), text(1, "requests.cpu")],
            ["334m", "333m"]
        );
    }
}
