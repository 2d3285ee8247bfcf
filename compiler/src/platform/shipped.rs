//! What ships: the files of `bundles/`, embedded.

/// `bundles/platform/*.json`: file name and text.
pub(super) const PLATFORM: &[(&str, &str)] = &[
    (
        "apps.json",
        include_str!("../../../bundles/platform/apps.json"),
    ),
    (
        "clusters.json",
        include_str!("../../../bundles/platform/clusters.json"),
    ),
    (
        "egress.json",
        include_str!("../../../bundles/platform/egress.json"),
    ),
    (
        "images.json",
        include_str!("../../../bundles/platform/images.json"),
    ),
    (
        "plans.json",
        include_str!("../../../bundles/platform/plans.json"),
    ),
    (
        "reconciler.json",
        include_str!("../../../bundles/platform/reconciler.json"),
    ),
    (
        "secret-stores.json",
        include_str!("../../../bundles/platform/secret-stores.json"),
    ),
    (
        "settings.json",
        include_str!("../../../bundles/platform/settings.json"),
    ),
    (
        "volumes.json",
        include_str!("../../../bundles/platform/volumes.json"),
    ),
];

/// `bundles/connectors/*.json`: connector type and text.
pub(super) const CONNECTORS: &[(&str, &str)] = &[(
    "http",
    include_str!("../../../bundles/connectors/http.json"),
)];

/// The text of a shipped file, if there is one of this name.
pub(super) fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(file, _)| *file == name)
        .map(|(_, text)| *text)
}
