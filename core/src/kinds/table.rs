//! The rows of the kind table. Adding a kind is adding a row, in the order of applying.

use super::{Condition, Frozen, KindInfo, Scope, fields};
use crate::id::Part;

const RBAC: &str = "rbac.authorization.k8s.io";
const ESO: &str = "external-secrets.io";
const GATEWAY: &str = "gateway.networking.k8s.io";
const ENVOY: &str = "gateway.envoyproxy.io";

const TENANCY: &[Part] = &[Part::Tenancy];
const DATA: &[Part] = &[Part::Data];
const WORK: &[Part] = &[Part::Work];
/// What a consumer brings for itself lives with the consumer, what exists without any in `tenancy`.
const TENANCY_AND_WORK: &[Part] = &[Part::Tenancy, Part::Work];
/// The platform holds one of them, which [`super::allowed`] names.
const WORK_AND_PLATFORM: &[Part] = &[Part::Work, Part::Platform];

/// A row with nothing special about it; the rows below state what differs.
const PLAIN: KindInfo = KindInfo {
    group: "",
    kind: "",
    plural: "",
    scope: Scope::Namespaced,
    parts: WORK,
    durable: false,
    apply_order: 0,
    frozen: &[],
    fields: &[],
    crd: false,
};

const fn always(path: &'static str) -> Frozen {
    Frozen {
        path,
        condition: Condition::Always,
    }
}

pub(super) const TABLE: &[KindInfo] = &[
    KindInfo {
        kind: "Namespace",
        plural: "namespaces",
        scope: Scope::Cluster,
        parts: TENANCY,
        // Nothing in it is frozen, but everything hangs on its name.
        durable: true,
        apply_order: 10,
        ..PLAIN
    },
    // Quota and limits before any pod: a pod made earlier would escape the defaults.
    KindInfo {
        kind: "ResourceQuota",
        plural: "resourcequotas",
        parts: TENANCY,
        apply_order: 20,
        // `ValidateResourceQuotaUpdate`: scopes are compared as a set.
        frozen: &[always("spec.scopes")],
        fields: fields::RESOURCE_QUOTA,
        ..PLAIN
    },
    KindInfo {
        kind: "LimitRange",
        plural: "limitranges",
        parts: TENANCY,
        apply_order: 20,
        fields: fields::LIMIT_RANGE,
        ..PLAIN
    },
    // Before what they fence in.
    KindInfo {
        group: "networking.k8s.io",
        kind: "NetworkPolicy",
        plural: "networkpolicies",
        parts: TENANCY_AND_WORK,
        apply_order: 30,
        fields: fields::NETWORK_POLICY,
        ..PLAIN
    },
    KindInfo {
        kind: "ServiceAccount",
        plural: "serviceaccounts",
        parts: TENANCY_AND_WORK,
        apply_order: 40,
        fields: fields::SERVICE_ACCOUNT,
        ..PLAIN
    },
    KindInfo {
        group: RBAC,
        kind: "Role",
        plural: "roles",
        parts: TENANCY_AND_WORK,
        apply_order: 41,
        fields: fields::ROLE,
        ..PLAIN
    },
    KindInfo {
        group: RBAC,
        kind: "RoleBinding",
        plural: "rolebindings",
        parts: TENANCY_AND_WORK,
        apply_order: 42,
        // `ValidateRoleBindingUpdate`: "cannot change roleRef".
        frozen: &[always("roleRef")],
        fields: fields::ROLE_BINDING,
        ..PLAIN
    },
    KindInfo {
        group: ESO,
        kind: "SecretStore",
        plural: "secretstores",
        parts: TENANCY,
        apply_order: 50,
        crd: true,
        ..PLAIN
    },
    KindInfo {
        group: ESO,
        kind: "ExternalSecret",
        plural: "externalsecrets",
        apply_order: 55,
        fields: fields::EXTERNAL_SECRET,
        crd: true,
        ..PLAIN
    },
    // In no release, because a release is public to whoever reads the repository. Known so that a
    // live one can be ordered and compared.
    KindInfo {
        kind: "Secret",
        plural: "secrets",
        parts: &[],
        apply_order: 60,
        // `ValidateSecretUpdate`: the type always, the rest and the flag itself once immutable.
        frozen: &[
            always("type"),
            Frozen {
                path: "data",
                condition: Condition::When("immutable"),
            },
            Frozen {
                path: "stringData",
                condition: Condition::When("immutable"),
            },
            Frozen {
                path: "immutable",
                condition: Condition::When("immutable"),
            },
        ],
        ..PLAIN
    },
    KindInfo {
        kind: "ConfigMap",
        plural: "configmaps",
        parts: WORK_AND_PLATFORM,
        apply_order: 60,
        // `ValidateConfigMapUpdate`.
        frozen: &[
            Frozen {
                path: "data",
                condition: Condition::When("immutable"),
            },
            Frozen {
                path: "binaryData",
                condition: Condition::When("immutable"),
            },
            Frozen {
                path: "immutable",
                condition: Condition::When("immutable"),
            },
        ],
        ..PLAIN
    },
    KindInfo {
        kind: "PersistentVolumeClaim",
        plural: "persistentvolumeclaims",
        parts: DATA,
        durable: true,
        apply_order: 70,
        // `ValidatePersistentVolumeClaimUpdate`: "spec is immutable after creation except
        // resources.requests and volumeAttributesClassName for bound claims", and requests may not
        // go below what the volume has. Which claims are bound only the cluster knows.
        frozen: &[
            Frozen {
                path: "spec",
                condition: Condition::Except(&[
                    "spec.resources.requests",
                    "spec.volumeAttributesClassName",
                ]),
            },
            Frozen {
                path: "spec.resources.requests",
                condition: Condition::UnlessGrows,
            },
        ],
        fields: fields::PERSISTENT_VOLUME_CLAIM,
        ..PLAIN
    },
    KindInfo {
        kind: "Service",
        plural: "services",
        apply_order: 80,
        // `validateUpgradeDowngradeClusterIPs`, which lets a second address come and go; we write
        // none. An absent address was filled in by the server,
        // which keeps it when the field is left out again: neither way is reached by an update.
        frozen: &[
            Frozen {
                path: "spec.clusterIP",
                condition: Condition::Unless("spec.type", "ExternalName"),
            },
            Frozen {
                path: "spec.clusterIPs",
                condition: Condition::Unless("spec.type", "ExternalName"),
            },
        ],
        fields: fields::SERVICE,
        ..PLAIN
    },
    // Release jobs: what runs from a release runs before what it prepares.
    KindInfo {
        group: "batch",
        kind: "Job",
        plural: "jobs",
        apply_order: 85,
        // `ValidateJobSpecUpdate`. The number of tries and the deadline may change.
        frozen: &[
            always("spec.template"),
            always("spec.selector"),
            always("spec.completions"),
            always("spec.completionMode"),
            always("spec.podFailurePolicy"),
            always("spec.successPolicy"),
            always("spec.backoffLimitPerIndex"),
            always("spec.managedBy"),
        ],
        fields: fields::JOB,
        ..PLAIN
    },
    KindInfo {
        group: "apps",
        kind: "Deployment",
        plural: "deployments",
        apply_order: 90,
        // `ValidateDeploymentUpdate`.
        frozen: &[always("spec.selector")],
        fields: fields::DEPLOYMENT,
        ..PLAIN
    },
    // What a route names comes before the route.
    KindInfo {
        group: ENVOY,
        kind: "Backend",
        plural: "backends",
        apply_order: 100,
        crd: true,
        ..PLAIN
    },
    KindInfo {
        group: ENVOY,
        kind: "HTTPRouteFilter",
        plural: "httproutefilters",
        apply_order: 101,
        crd: true,
        ..PLAIN
    },
    KindInfo {
        group: GATEWAY,
        kind: "HTTPRoute",
        plural: "httproutes",
        apply_order: 110,
        fields: fields::HTTP_ROUTE,
        crd: true,
        ..PLAIN
    },
    KindInfo {
        group: ENVOY,
        kind: "BackendTrafficPolicy",
        plural: "backendtrafficpolicies",
        apply_order: 120,
        fields: fields::BACKEND_TRAFFIC_POLICY,
        crd: true,
        ..PLAIN
    },
];
