//! Lowering the platform's own data: what the reconciler of a cluster reads.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use orz_core::format::{ReconcilerSettings, to_bytes};
use orz_core::id::{Part, TenantName};
use orz_core::kinds::SYSTEM_NAMESPACE;

use super::Objects;
use super::meta::{MANAGER, TENANT, labels};
use crate::platform::Platform;

/// The objects of the platform's own release.
pub(crate) fn lower(platform: &Platform) -> Objects {
    let settings = to_bytes(&platform.reconciler.settings());
    let settings = String::from_utf8(settings).expect("JSON is UTF-8");
    let labels = labels([
        ("app.kubernetes.io/managed-by", MANAGER),
        (TENANT, TenantName::PLATFORM),
    ]);
    let mut objects = Objects::default();
    objects.add(
        Part::Platform,
        None,
        &ConfigMap {
            metadata: ObjectMeta {
                name: Some(ReconcilerSettings::NAME.to_owned()),
                namespace: Some(SYSTEM_NAMESPACE.to_owned()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([(
                ReconcilerSettings::KEY.to_owned(),
                settings,
            )])),
            ..ConfigMap::default()
        },
    );
    objects
}
