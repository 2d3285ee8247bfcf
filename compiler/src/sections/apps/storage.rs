//! PersistentVolumeClaims, in the part `data`: rolling an app back never touches its disks.

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use orz_core::id::Part;

use super::settled::Settled;
use crate::lower::meta;
use crate::resolve::Scope;
use crate::sections::Objects;

/// Name of the claim of a volume.
pub(super) fn claim_name(app: &str, volume: &str) -> String {
    format!("{app}-{volume}")
}

pub(super) fn lower(scope: &Scope, app: &Settled, out: &mut Objects) {
    for (i, class) in &app.volumes {
        let volume = &app.entry.volumes[*i];
        let mut metadata = scope.meta(
            claim_name(&app.entry.name, &volume.name),
            scope.app_labels(&app.entry.name),
        );
        metadata.annotations = Some(meta::durable());
        let mode = serde_json::to_value(class.access_mode).expect("an access mode is a word");
        let claim = PersistentVolumeClaim {
            metadata,
            spec: Some(PersistentVolumeClaimSpec {
                access_modes: Some(vec![mode.as_str().unwrap_or_default().to_owned()]),
                storage_class_name: Some(class.storage_class_name.clone()),
                resources: Some(VolumeResourceRequirements {
                    requests: Some(
                        [("storage".to_owned(), Quantity(volume.size.to_string()))].into(),
                    ),
                    limits: None,
                }),
                ..PersistentVolumeClaimSpec::default()
            }),
            status: None,
        };
        let pointer = |field: &str| app.entry.at(&format!("/volumes/{i}/{field}"));
        out.add(Part::Data, app.entry.at(&format!("/volumes/{i}")), &claim)
            .because("/metadata/name", pointer("name"))
            .because("/spec/resources", pointer("size"));
    }
}
