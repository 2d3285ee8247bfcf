//! The operator's data: plans, clusters, registries, profiles, classes, stores and connector types.
//!
//! What ships stands in `bundles/` and is embedded. A source repository changes it file by file under
//! `platform/`: the same file name, as an RFC 7396 merge patch. Tables are objects keyed by name, so that
//! a patch can add, change or (with `null`) remove one row; lists are replaced as a whole.
//!
//! | file | type |
//! |---|---|
//! | `platform/settings.json` | [`Settings`] |
//! | `platform/plans.json` | [`Plans`] |
//! | `platform/clusters.json` | [`Clusters`] |
//! | `platform/images.json` | [`Images`] |
//! | `platform/egress.json` | [`Egress`] |
//! | `platform/volumes.json` | [`Volumes`] |
//! | `platform/secret-stores.json` | [`SecretStores`] |
//! | `platform/apps.json` | [`AppDefaults`] |
//! | `platform/reconciler.json` | [`Reconciler`] |
//! | `platform/connectors/<type>.json` | [`ConnectorType`] |
//! | `platform/tenants/<tenant>.json` | [`Operator`], read when that tenant is compiled |

mod apps;
mod clusters;
mod connector_types;
mod consistency;
mod egress;
mod images;
pub(crate) mod json_schema;
mod load;
mod merge;
mod operator;
mod plans;
mod quantity;
mod reconciler;
mod secret_stores;
mod settings;
mod shipped;
mod volumes;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use orz_core::diag::{Diagnostics, Sources};
use orz_core::id::TenantName;

pub use apps::{AppDefaults, ProbeDefaults, ResourceDefaults};
pub use clusters::{Cluster, Clusters, Dns, EgressGateway, Gateway};
pub use connector_types::{ConnectorType, Method, Operation};
pub use egress::{Egress, EgressPort, EgressProfile, EgressRule, IpBlock, Protocol};
pub use images::Images;
pub use operator::Operator;
pub use plans::{ContainerLimits, Maxima, Plan, Plans, Resources, VolumeLimits};
pub use quantity::Quantity;
pub use reconciler::{Brake, Reconciler};
pub use secret_stores::{AwsSmStore, EnvStore, K8sStore, SecretStores, VaultStore};
pub use settings::{Enrollment, Settings};
pub use volumes::{AccessMode, VolumeClass, Volumes};

pub(crate) use load::{plain_enum, schemas};

use crate::validate::schema_errors::Checker;

/// The operator's data, merged and valid.
#[derive(Debug)]
pub struct Platform {
    /// What holds for the whole platform.
    pub settings: Settings,
    /// What a tenant may use, by plan.
    pub plans: Plans,
    /// Where tenants run.
    pub clusters: Clusters,
    /// Where images may come from.
    pub images: Images,
    /// Where pods may connect to.
    pub egress: Egress,
    /// Classes of disks.
    pub volumes: Volumes,
    /// Where secrets are read from.
    pub secret_stores: SecretStores,
    /// What an app gets that does not say otherwise.
    pub apps: AppDefaults,
    /// How patient the reconciler is.
    pub reconciler: Reconciler,
    /// Connector types by name.
    pub connector_types: BTreeMap<String, ConnectorType>,
    sources: Sources,
    overrides: BTreeMap<String, Vec<u8>>,
    operators: BTreeMap<TenantName, (String, Vec<u8>)>,
    /// By the names of [`Self::connector_types`], each compiled when it is first needed: compiling a
    /// schema costs more than checking an instance, and tenants share their types.
    config_checkers: BTreeMap<String, OnceLock<Checker>>,
}

/// What came of loading: a value unless there was an error, and what to say about it.
pub struct Loaded<T> {
    /// The value; `None` if and only if `diagnostics` has an error.
    pub value: Option<T>,
    /// The files that the spans of `diagnostics` point into.
    pub sources: Sources,
    /// Everything found, sorted.
    pub diagnostics: Diagnostics,
}

impl Platform {
    /// Merges what ships with `files`: everything under `platform/` of the source repository,
    /// path relative to its root → bytes.
    ///
    /// Operators' files of tenants are kept as bytes and read by [`Platform::operator`], so that a broken
    /// one stops its own tenant only.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Loaded<Self> {
        load::load(files)
    }

    /// The override files that were read; a compile starts with them so that spans stay valid.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The files whose bytes decide about `tenant`: every override and the tenant's own operator's file.
    pub fn inputs<'a>(&'a self, tenant: &TenantName) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let own = self
            .operators
            .get(tenant)
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        self.overrides
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .chain(own)
    }

    /// What checks the `config` of an instance of one of [`Self::connector_types`].
    pub(crate) fn config_checker(&self, connector_type: &ConnectorType) -> &Checker {
        self.config_checkers
            .get(&connector_type.name)
            .expect("loading makes room for a checker of every type, and refuses one under another's name")
            .get_or_init(|| connector_type.config_checker())
    }

    /// Whether an operator has enrolled this tenant with a file.
    pub fn is_enrolled(&self, tenant: &TenantName) -> bool {
        self.operators.contains_key(tenant)
    }

    /// What of the platform stands in `namespace`, if anything does: no tenant may have it.
    pub fn namespace_taken(&self, namespace: &str) -> Option<&'static str> {
        let of_clusters = self.clusters.clusters.values().flat_map(|cluster| {
            let gateway = cluster.gateway.iter().flat_map(|gateway| {
                let (own, proxies) = (&gateway.namespace, &gateway.ingress_namespace);
                [(own, "a Gateway"), (proxies, "the proxies of a Gateway")]
            });
            let egress = cluster.egress_gateway.iter();
            std::iter::once((&cluster.dns.namespace, "the DNS"))
                .chain(gateway)
                .chain(egress.map(|gateway| (&gateway.namespace, "a Gateway")))
        });
        let env = self.secret_stores.env.iter();
        of_clusters
            .chain(env.map(|env| (&env.namespace, "the secrets of tenants")))
            .find_map(|(taken, by)| (taken == namespace).then_some(by))
    }

    /// Why `hostname` may not be claimed by a tenant's app, if it may not.
    pub fn hostname_reserved(&self, hostname: &str) -> Option<&str> {
        self.settings
            .hostname_reserved(hostname)
            .or_else(|| self.connector_name(hostname))
    }

    /// Why a connector may not reach `hostname`, if it may not.
    pub fn egress_forbidden(&self, hostname: &str) -> Option<&str> {
        self.settings
            .egress_forbidden(hostname)
            .or_else(|| self.connector_name(hostname))
    }

    /// Why `hostname` is the platform's if connectors are called by names like it.
    fn connector_name(&self, hostname: &str) -> Option<&'static str> {
        let gateways = self.clusters.clusters.values();
        gateways
            .filter_map(|cluster| cluster.egress_gateway.as_ref())
            .any(|gateway| settings::ends_in(hostname, &gateway.hostname_suffix))
            .then_some("connectors are called by such names")
    }

    /// The path of the operator's file of a tenant, whether it exists or not.
    pub fn operator_path(tenant: &TenantName) -> String {
        format!("{}{tenant}.json", load::TENANTS)
    }

    /// Whether these files of a source repository state something that the platform's own release holds.
    ///
    /// Without that the release would say what every reconciler does anyway.
    pub fn is_stated_in<'a>(paths: impl IntoIterator<Item = &'a String>) -> bool {
        let stated = format!("{}{}", load::PLATFORM, load::RECONCILER);
        paths.into_iter().any(|path| *path == stated)
    }

    /// The operator's word on `tenant`: the default if there is no file, `None` if there are errors in it.
    pub fn operator(
        &self,
        tenant: &TenantName,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Operator> {
        match self.operators.get(tenant) {
            None => Some(Operator::default()),
            Some((path, bytes)) => load::operator(path, bytes, sources, diagnostics),
        }
    }
}

#[cfg(test)]
mod tests;
