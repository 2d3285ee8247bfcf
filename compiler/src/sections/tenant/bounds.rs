//! ResourceQuota and LimitRange: what the namespace may use, and what a container gets that says nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    LimitRange, LimitRangeItem, LimitRangeSpec, ResourceQuota, ResourceQuotaSpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use orz_core::diag::Span;
use orz_core::id::Part;

use super::{Objects, Scope};
use crate::platform::Resources;
use crate::resolve::quota::quantity;
use crate::sections::App;

/// Name of both objects. It does not say which plan: changing the plan updates them in place.
const NAME: &str = "plan";
/// How many Jobs there may be, whether they run or have run.
const JOBS: &str = "count/jobs.batch";

pub(super) fn lower(scope: &Scope, cause: Option<Span>, out: &mut Objects) {
    let quota = ResourceQuota {
        metadata: scope.meta(NAME, scope.labels()),
        spec: Some(ResourceQuotaSpec {
            hard: Some(amounts(&with_release_jobs(scope))),
            ..ResourceQuotaSpec::default()
        }),
        ..ResourceQuota::default()
    };
    out.add(Part::Tenancy, cause, &quota);

    let container = &scope.plan.container;
    let volume = &scope.plan.volume;
    let storage = |size: &crate::platform::Quantity| {
        BTreeMap::from([("storage".to_owned(), Quantity(size.to_string()))])
    };
    let limits = LimitRange {
        metadata: scope.meta(NAME, scope.labels()),
        spec: Some(LimitRangeSpec {
            limits: vec![
                LimitRangeItem {
                    type_: "Container".to_owned(),
                    default: Some(amounts(&container.default)),
                    default_request: Some(amounts(&container.default_request)),
                    max: Some(amounts(&container.max)),
                    min: Some(amounts(&container.min)),
                    ..LimitRangeItem::default()
                },
                LimitRangeItem {
                    type_: "PersistentVolumeClaim".to_owned(),
                    max: Some(storage(&volume.max)),
                    min: Some(storage(&volume.min)),
                    ..LimitRangeItem::default()
                },
            ],
        }),
    };
    out.add(Part::Tenancy, cause, &limits);
}

/// The quota, and room for release jobs that have run: they stay, so that a release that is taken back
/// and made live again does not run them twice.
fn with_release_jobs(scope: &Scope) -> Resources {
    let mut quota = scope.quota.clone();
    let has_jobs = |app: &crate::sections::Entry<App>| !app.release_jobs.is_empty();
    if let Some(jobs) = quota.get_mut(JOBS)
        && scope.unit.bundle.apps.iter().any(has_jobs)
    {
        let kept = u128::from(scope.platform.apps.release_job.kept) * 1000;
        if let Some(amount) = jobs.thousandths() {
            *jobs = quantity(amount + kept);
        }
    }
    quota
}

fn amounts(resources: &Resources) -> BTreeMap<String, Quantity> {
    resources
        .iter()
        .map(|(key, amount)| (key.clone(), Quantity(amount.to_string())))
        .collect()
}
