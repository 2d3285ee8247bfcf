//! An app with every default settled: what all its objects are made from.

use orz_core::kinds::Quantity as Amount;

use super::{App, Port};
use crate::platform::{AccessMode, Quantity, Resources, VolumeClass};
use crate::resolve::Scope;
use crate::sections::Entry;

/// Name of the port of an app that says only a number.
const HTTP: &str = "http";

/// An app with every default settled.
pub(super) struct Settled<'a> {
    pub(super) entry: &'a Entry<App>,
    pub(super) ports: Vec<Port>,
    /// How many run at a time; none while the tenant is suspended.
    pub(super) replicas: u32,
    /// How many release jobs run before an update, each with what one replica may use.
    pub(super) release_jobs: u32,
    pub(super) requests: Resources,
    pub(super) limits: Resources,
    /// Whether an update stops the old pods first, because two cannot have the volume at a time.
    pub(super) recreate: bool,
    pub(super) volumes: Vec<(usize, &'a VolumeClass)>,
    /// Name of the egress profile.
    pub(super) egress: &'a str,
}

impl<'a> Settled<'a> {
    pub(super) fn new(scope: &Scope<'a>, entry: &'a Entry<App>) -> Self {
        let defaults = &scope.platform.apps;
        let volumes: Vec<_> = (0..entry.volumes.len())
            .filter_map(|i| {
                Some((
                    i,
                    scope
                        .platform
                        .volumes
                        .classes
                        .get(class_name(scope, entry, i))?,
                ))
            })
            .collect();
        let (requests, limits) = resources(scope, entry);
        Self {
            entry,
            ports: ports(scope, entry),
            replicas: if scope.suspended {
                0
            } else {
                entry.replicas.unwrap_or(defaults.replicas)
            },
            release_jobs: if scope.suspended {
                0
            } else {
                u32::try_from(entry.release_jobs.len()).unwrap_or(u32::MAX)
            },
            requests,
            limits,
            recreate: volumes
                .iter()
                .any(|(_, class)| class.access_mode != AccessMode::ReadWriteMany),
            volumes,
            egress: entry
                .egress
                .as_deref()
                .unwrap_or(&scope.platform.egress.default),
        }
    }

    /// The port that requests for the app's domains go to.
    pub(super) fn http_port(&self) -> Option<&Port> {
        self.ports
            .iter()
            .find(|port| port.name == HTTP)
            .or(self.ports.first())
    }
}

/// The class of the `i`-th volume, by the name that bundles use.
pub(super) fn class_name<'a>(scope: &Scope<'a>, app: &'a App, i: usize) -> &'a str {
    app.volumes[i]
        .class
        .as_deref()
        .unwrap_or(&scope.platform.volumes.default)
}

/// An app that takes requests or answers questions listens on the platform's usual port unless it says
/// otherwise; any other app listens on none.
fn ports(scope: &Scope, app: &App) -> Vec<Port> {
    let http = |port| {
        vec![Port {
            name: HTTP.to_owned(),
            port,
        }]
    };
    match app.port {
        Some(port) => http(port),
        None if !app.ports.is_empty() => app.ports.clone(),
        None if app.domains.is_empty() && app.health.is_none() => Vec::new(),
        None => http(scope.platform.apps.port),
    }
}

/// Requests and limits. Memory that an app asks for is also its limit; processor time may be exceeded up to
/// the plan's default, or what the app asks for if that is more.
fn resources(scope: &Scope, app: &App) -> (Resources, Resources) {
    let mut requests = scope.platform.apps.resources.requests.clone();
    let mut limits = scope.plan.container.default.clone();
    limits.extend(scope.platform.apps.resources.limits.clone());
    let cpu = "cpu".to_owned();
    if let Some(amount) = &app.resources.cpu {
        requests.insert(cpu.clone(), amount.clone());
        let limit = limits.entry(cpu).or_insert_with(|| amount.clone());
        *limit = larger(limit, amount).clone();
    }
    if let Some(memory) = &app.resources.memory {
        requests.insert("memory".to_owned(), memory.clone());
        limits.insert("memory".to_owned(), memory.clone());
    }
    (requests, limits)
}

fn larger<'q>(a: &'q Quantity, b: &'q Quantity) -> &'q Quantity {
    let amount = |quantity: &Quantity| quantity.as_str().parse::<Amount>().ok();
    if amount(b) > amount(a) { b } else { a }
}
