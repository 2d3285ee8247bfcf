//! How fields are compared: which lists have keys, which are sets, which texts are amounts.
//!
//! A list has keys where the API itself declares it a map (`listType=map` in the types of
//! Kubernetes and Gateway API); two lists that differ in order alone are then equal. Outside pod
//! templates, lists that the API evaluates as a union (rules of a Role, peers of a NetworkPolicy)
//! are compared as sets although they are declared atomic. Inside pod templates they are not,
//! because there another order makes new pods.

/// A field that is not compared byte by byte.
#[derive(Debug)]
pub struct Field {
    /// Dotted names from the root of the object; `*` stands for any key or list item.
    pub path: &'static str,
    /// How it is compared.
    pub shape: Shape,
}

/// How a field is compared.
#[derive(Debug)]
pub enum Shape {
    /// A list whose items are told apart by these fields. A list in which an item lacks a key, or
    /// two share one, is compared by position.
    Keyed(&'static [Key], Order),
    /// A list without order and without keys: items are there or not.
    Set,
    /// A quantity such as `500m`.
    Quantity,
    /// A duration such as `1m30s`.
    Duration,
}

/// A field that tells the items of a list apart.
#[derive(Debug)]
pub struct Key {
    /// Name of the field in the item.
    pub field: &'static str,
    /// What the API server fills in where it is absent.
    pub default: Option<&'static str>,
}

/// Whether the order of a keyed list means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It means nothing.
    Ignored,
    /// Items act one after another.
    Significant,
    /// It matters once a value holds `$(`: a variable sees only those before it.
    WithReferences,
}

const fn key(field: &'static str) -> Key {
    Key {
        field,
        default: None,
    }
}

const NAME: Shape = Shape::Keyed(&[key("name")], Order::Ignored);
const PROTOCOL: Key = Key {
    field: "protocol",
    default: Some("TCP"),
};

const fn field(path: &'static str, shape: Shape) -> Field {
    Field { path, shape }
}

/// The fields of a pod's specification at `$at`, then the other fields of the kind.
/// Source: markers in `k8s.io/api/core/v1/types.go`, `PodSpec` and `Container`.
macro_rules! with_pod_spec {
    ($at:literal, [$($more:expr),* $(,)?]) => {
        &[
            field(concat!($at, ".volumes"), NAME),
            field(concat!($at, ".imagePullSecrets"), NAME),
            field(concat!($at, ".hostAliases"), Shape::Keyed(&[key("ip")], Order::Ignored)),
            field(
                concat!($at, ".topologySpreadConstraints"),
                Shape::Keyed(&[key("topologyKey"), key("whenUnsatisfiable")], Order::Ignored),
            ),
            field(concat!($at, ".containers"), NAME),
            // Declared a map, but its containers run one after another.
            field(concat!($at, ".initContainers"), Shape::Keyed(&[key("name")], Order::Significant)),
            field(concat!($at, ".volumes.*.emptyDir.sizeLimit"), Shape::Quantity),
            field(concat!($at, ".containers.*.env"), ENV),
            field(concat!($at, ".containers.*.ports"), CONTAINER_PORTS),
            field(concat!($at, ".containers.*.volumeMounts"), MOUNTS),
            field(concat!($at, ".containers.*.resources.requests.*"), Shape::Quantity),
            field(concat!($at, ".containers.*.resources.limits.*"), Shape::Quantity),
            field(concat!($at, ".initContainers.*.env"), ENV),
            field(concat!($at, ".initContainers.*.ports"), CONTAINER_PORTS),
            field(concat!($at, ".initContainers.*.volumeMounts"), MOUNTS),
            field(concat!($at, ".initContainers.*.resources.requests.*"), Shape::Quantity),
            field(concat!($at, ".initContainers.*.resources.limits.*"), Shape::Quantity),
            $($more),*
        ]
    };
}

const ENV: Shape = Shape::Keyed(&[key("name")], Order::WithReferences);
const CONTAINER_PORTS: Shape = Shape::Keyed(&[key("containerPort"), PROTOCOL], Order::Ignored);
const MOUNTS: Shape = Shape::Keyed(&[key("mountPath")], Order::Ignored);

pub(super) const DEPLOYMENT: &[Field] = with_pod_spec!("spec.template.spec", []);

pub(super) const JOB: &[Field] = with_pod_spec!("spec.template.spec", []);

/// `spec.limits` is declared atomic; validation refuses a type twice, so the type is its key.
pub(super) const LIMIT_RANGE: &[Field] = &[
    field("spec.limits", Shape::Keyed(&[key("type")], Order::Ignored)),
    field("spec.limits.*.default.*", Shape::Quantity),
    field("spec.limits.*.defaultRequest.*", Shape::Quantity),
    field("spec.limits.*.max.*", Shape::Quantity),
    field("spec.limits.*.min.*", Shape::Quantity),
    field("spec.limits.*.maxLimitRequestRatio.*", Shape::Quantity),
];

pub(super) const RESOURCE_QUOTA: &[Field] = &[
    field("spec.hard.*", Shape::Quantity),
    field("spec.scopes", Shape::Set),
];

/// Rules only ever add what is allowed, so their order means nothing at any level.
pub(super) const NETWORK_POLICY: &[Field] = &[
    field("spec.policyTypes", Shape::Set),
    field("spec.ingress", Shape::Set),
    field("spec.ingress.*.from", Shape::Set),
    field("spec.ingress.*.from.*.ipBlock.except", Shape::Set),
    field("spec.ingress.*.ports", Shape::Set),
    field("spec.egress", Shape::Set),
    field("spec.egress.*.to", Shape::Set),
    field("spec.egress.*.to.*.ipBlock.except", Shape::Set),
    field("spec.egress.*.ports", Shape::Set),
];

pub(super) const SERVICE_ACCOUNT: &[Field] = &[
    field("secrets", NAME),
    field("imagePullSecrets", Shape::Set),
];

/// Rules are a union, and so is each list in a rule.
pub(super) const ROLE: &[Field] = &[
    field("rules", Shape::Set),
    field("rules.*.apiGroups", Shape::Set),
    field("rules.*.resources", Shape::Set),
    field("rules.*.resourceNames", Shape::Set),
    field("rules.*.verbs", Shape::Set),
];

pub(super) const ROLE_BINDING: &[Field] = &[field("subjects", Shape::Set)];

/// Not the access modes, although their order means nothing: the server refuses another order.
pub(super) const PERSISTENT_VOLUME_CLAIM: &[Field] = &[
    field("spec.resources.requests.*", Shape::Quantity),
    field("spec.resources.limits.*", Shape::Quantity),
];

/// Source: `ServiceSpec.Ports`, `listMapKey=port` and `listMapKey=protocol`.
pub(super) const SERVICE: &[Field] = &[field(
    "spec.ports",
    Shape::Keyed(&[key("port"), PROTOCOL], Order::Ignored),
)];

/// Rules stay a list: where two match equally, the first one wins.
/// Durations: the `Duration` of Gateway API. Headers and query parameters: `listMapKey=name`.
pub(super) const HTTP_ROUTE: &[Field] = &[
    field("spec.hostnames", Shape::Set),
    field("spec.parentRefs", Shape::Set),
    field("spec.rules.*.matches.*.headers", NAME),
    field("spec.rules.*.matches.*.queryParams", NAME),
    field("spec.rules.*.timeouts.*", Shape::Duration),
];

/// `spec.data` is a plain list in the CRD; each entry fills one key of the Secret.
pub(super) const EXTERNAL_SECRET: &[Field] = &[
    field("spec.refreshInterval", Shape::Duration),
    field(
        "spec.data",
        Shape::Keyed(&[key("secretKey")], Order::Ignored),
    ),
];

/// Durations: the CRD takes those of Gateway API in all of these.
pub(super) const BACKEND_TRAFFIC_POLICY: &[Field] = &[
    field("spec.targetRefs", Shape::Set),
    field("spec.timeout.tcp.connectTimeout", Shape::Duration),
    field("spec.timeout.http.requestTimeout", Shape::Duration),
    field("spec.timeout.http.connectionIdleTimeout", Shape::Duration),
    field("spec.timeout.http.maxConnectionDuration", Shape::Duration),
    field("spec.retry.perRetry.timeout", Shape::Duration),
    field("spec.retry.perRetry.backOff.baseInterval", Shape::Duration),
    field("spec.retry.perRetry.backOff.maxInterval", Shape::Duration),
    field("spec.retry.retryOn.triggers", Shape::Set),
    field("spec.retry.retryOn.httpStatusCodes", Shape::Set),
    field("spec.healthCheck.passive.interval", Shape::Duration),
    field("spec.healthCheck.passive.baseEjectionTime", Shape::Duration),
];
