//! Resolution: names, plans and references fit together.

pub(crate) mod quota;
mod reference;

use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};
use orz_core::id::{ClusterName, TenantName};

use crate::model::{Model, Unit};
use crate::platform::{Cluster, Enrollment, Operator, Plan, Platform, Resources};
use crate::report::Report;
use crate::sections;

pub(crate) use reference::unknown_reference;
pub use reference::{Named, find};

/// A model whose references are all known; only [`resolve`] makes one.
pub(crate) struct Resolved<'a> {
    model: Model,
    platform: &'a Platform,
    plan_name: String,
    plan: &'a Plan,
    cluster_name: ClusterName,
    cluster: &'a Cluster,
    /// What each unit may use, in the order of the units.
    quotas: Vec<Resources>,
}

impl Resolved<'_> {
    pub(crate) fn tenant(&self) -> &TenantName {
        &self.model.tenant
    }

    pub(crate) fn cluster(&self) -> &ClusterName {
        &self.cluster_name
    }

    /// The tenant's plan and its name.
    pub(crate) fn plan(&self) -> (&str, &Plan) {
        (&self.plan_name, self.plan)
    }

    /// One scope a unit, the tenant's own first.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Scope<'_>> {
        self.model
            .units
            .iter()
            .zip(&self.quotas)
            .map(|(unit, quota)| Scope {
                tenant: &self.model.tenant,
                unit,
                quota,
                units: &self.model.units,
                platform: self.platform,
                operator: &self.model.operator,
                plan_name: &self.plan_name,
                plan: self.plan,
                cluster: self.cluster,
                suspended: self.model.operator.suspended,
            })
    }
}

/// What a section may look at: one unit of a tenant, and everything around it.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The namespace at hand and its bundle.
    pub unit: &'a Unit,
    /// All namespaces of the tenant, the one at hand included.
    pub units: &'a [Unit],
    /// The operator's data.
    pub platform: &'a Platform,
    /// The name of the tenant's plan.
    pub plan_name: &'a str,
    /// The tenant's plan.
    pub plan: &'a Plan,
    /// The operator's word on the tenant.
    pub operator: &'a Operator,
    /// What this unit may use: its share of the plan's quota with the operator's exceptions.
    pub quota: &'a Resources,
    /// The cluster the tenant is on.
    pub cluster: &'a Cluster,
    /// Whether the operator has suspended the tenant: everything stays, nothing runs.
    pub suspended: bool,
}

/// Finds plan and cluster, then lets every section check its names.
pub(crate) fn resolve<'a>(
    model: Model,
    platform: &'a Platform,
    report: &mut Report,
) -> Option<Resolved<'a>> {
    let problems = &mut report.diagnostics;
    let tenant = &model.tenant;
    let operator_file = Platform::operator_path(tenant);
    if platform.settings.enrollment == Enrollment::Closed && !platform.is_enrolled(tenant) {
        problems.push(
            Diagnostic::error(
                &codes::reference::ENROLLMENT_CLOSED,
                None,
                format!(
                    "tenant `{tenant}` is not enrolled, and the platform enrols no tenant by itself"
                ),
            )
            .help(format!("ask the operator to add `{operator_file}`")),
        );
    }
    reserved_names(&model, platform, problems);

    let plan_name = model
        .operator
        .plan
        .clone()
        .unwrap_or_else(|| platform.settings.default_plan.clone());
    let plan = platform.plans.plans.get(&plan_name);
    if plan.is_none() {
        problems.push(unknown_in_operator_file(
            "plan",
            &plan_name,
            model.operator.at("/plan"),
            platform.plans.plans.keys().map(String::as_str),
        ));
    }
    let cluster_name = model
        .operator
        .cluster
        .clone()
        .unwrap_or_else(|| platform.settings.default_cluster.clone());
    let cluster = platform.clusters.clusters.get(&cluster_name);
    if cluster.is_none() {
        let known = platform.clusters.clusters.keys().map(ClusterName::as_str);
        problems.push(unknown_in_operator_file(
            "cluster",
            cluster_name.as_str(),
            model.operator.at("/cluster"),
            known,
        ));
    }
    let (plan, cluster) = (plan?, cluster?);

    let projects = model.units.len() - 1;
    if projects > plan.max.projects as usize {
        let allowed = plan.max.projects;
        problems.push(
            Diagnostic::error(
                &codes::reference::NOT_IN_PLAN,
                None,
                format!("tenant `{tenant}` has {projects} projects, and plan `{plan_name}` allows {allowed}"),
            )
            .help("remove projects, or ask the operator for another plan"),
        );
    }
    let quotas = quota::shares(&plan.quota, &model.operator.quota, model.units.len());
    let resolved = Resolved {
        model,
        platform,
        plan_name,
        plan,
        cluster_name,
        cluster,
        quotas,
    };
    for scope in resolved.scopes() {
        sections::resolve_all(&scope, &mut report.diagnostics);
    }
    report.pass(resolved)
}

/// Names that the platform keeps for itself; those that Kubernetes and orz keep are no names at all.
fn reserved_names(model: &Model, platform: &Platform, problems: &mut Diagnostics) {
    let projects = model
        .units
        .iter()
        .filter_map(|unit| unit.project.as_ref())
        .map(|p| ("project", p.as_str()));
    let settings = &platform.settings;
    for (what, name) in [("tenant", model.tenant.as_str())]
        .into_iter()
        .chain(projects)
    {
        let of_tenants = settings
            .reserved_tenants
            .get(name)
            .filter(|_| what == "tenant");
        if let Some(reason) = settings.reserved_names.get(name).or(of_tenants) {
            problems.push(
                Diagnostic::error(
                    &codes::source::INVALID_NAME,
                    None,
                    format!("{what} name `{name}` is reserved by the platform: {reason}"),
                )
                .help("rename the folder"),
            );
        }
    }
    for unit in &model.units {
        if let Some(by) = platform.namespace_taken(&unit.namespace)
            && !settings.reserved_names.contains_key(&unit.namespace)
        {
            let message = format!("`{}` is the namespace of {by}", unit.namespace);
            problems.push(
                Diagnostic::error(&codes::source::INVALID_NAME, None, message)
                    .help("rename the folder"),
            );
        }
    }
}

fn unknown_in_operator_file<'a>(
    what: &str,
    name: &str,
    span: Option<Span>,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let message = format!(
        "no {what} of the platform is named `{}`",
        name.escape_debug()
    );
    crate::suggest::help(
        Diagnostic::error(&codes::reference::UNKNOWN_REFERENCE, span, message)
            .label("not declared"),
        name,
        what,
        &known,
    )
}
