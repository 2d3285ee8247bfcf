//! Amounts and counts that the plan bounds.

use orz_core::diag::Diagnostics;
use orz_core::kinds::Quantity as Amount;

use super::not_in_plan;
use crate::platform::Quantity;
use crate::resolve::Scope;
use crate::sections::Entry;
use crate::sections::apps::App;
use crate::suggest;

/// Reports what an app asks for that its plan does not give.
pub(super) fn find(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    let container = &scope.plan.container;
    for (resource, amount) in [
        ("cpu", &app.resources.cpu),
        ("memory", &app.resources.memory),
    ] {
        let Some(amount) = amount else { continue };
        let (min, max) = (container.min.get(resource), container.max.get(resource));
        if out_of_bounds(amount, min, max) {
            let span = app.at(&format!("/resources/{resource}"));
            let text = |bound: Option<&Quantity>| {
                bound.map_or_else(|| "any".to_owned(), Quantity::to_string)
            };
            let help = format!("choose {} to {}", text(min), text(max));
            problems.push(not_in_plan(
                scope,
                span,
                format_args!("{amount} of {resource} is not"),
                help,
            ));
        }
    }
    let max = scope.plan.max.replicas;
    if let Some(replicas) = app.replicas.filter(|replicas| *replicas > max) {
        let message = format_args!("{replicas} replicas are not");
        problems.push(not_in_plan(
            scope,
            app.at("/replicas"),
            message,
            format!("choose at most {max}"),
        ));
    }
}

/// Whether an amount is below the least or above the most that there may be.
pub(super) fn out_of_bounds(
    amount: &Quantity,
    min: Option<&Quantity>,
    max: Option<&Quantity>,
) -> bool {
    let parse = |quantity: &Quantity| quantity.as_str().parse::<Amount>().ok();
    let amount = parse(amount);
    min.is_some_and(|min| amount < parse(min)) || max.is_some_and(|max| amount > parse(max))
}

/// How many apps and hostnames the tenant has over all its namespaces; reported once, where the unit at
/// hand goes over the plan.
pub(in crate::sections::apps) fn find_counts(scope: &Scope, problems: &mut Diagnostics) {
    let before = scope
        .units
        .iter()
        .take_while(|unit| unit.namespace != scope.unit.namespace);
    let (mut apps, mut domains) = before
        .flat_map(|unit| &unit.bundle.apps)
        .fold((0, 0), |(apps, domains), app| {
            (apps + 1, domains + app.domains.len())
        });
    let max = &scope.plan.max;
    for app in &scope.unit.bundle.apps {
        for (counter, more, limit, what, field) in [
            (&mut apps, 1, max.apps, "app", "/name"),
            (
                &mut domains,
                app.domains.len(),
                max.domains,
                "hostname",
                "/domains",
            ),
        ] {
            let within = *counter <= limit as usize;
            *counter += more;
            if within && *counter > limit as usize {
                let message = format!("{what} number {} is one more than the {limit}", limit + 1);
                problems.push(not_in_plan(
                    scope,
                    app.at(field),
                    message,
                    suggest::ASK_FOR_PLAN,
                ));
            }
        }
    }
}
