//! `platform/secret-stores.json`.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where secrets are read from. A provider that is absent here cannot be named in a bundle.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretStores {
    /// How often a secret is read again, as a Go duration.
    #[schemars(regex(pattern = r"^([0-9]{1,5}(h|m|s))+$"), extend("x-rule" = "be a duration: `15m`, `1h30m`"))]
    pub refresh_interval: String,
    /// ServiceAccount of each tenant's namespace by which its stores read.
    pub service_account: String,
    /// `env://KEY`: a key of the tenant's Secret in a namespace of the platform.
    #[serde(default)]
    pub env: Option<EnvStore>,
    /// `k8s://namespace/name#key`: a Secret of one of the tenant's namespaces.
    #[serde(default)]
    pub k8s: Option<K8sStore>,
    /// `vault://mount/path#property`.
    #[serde(default)]
    pub vault: Option<VaultStore>,
    /// `aws-sm://name#key`.
    #[serde(default)]
    pub aws_sm: Option<AwsSmStore>,
}

/// Secrets that the operator keeps for each tenant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvStore {
    /// Namespace that holds one Secret per tenant, of the tenant's name.
    pub namespace: String,
}

/// Secrets that the tenant's own namespaces hold already.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct K8sStore {}

/// A Vault or OpenBao with the key-value engine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultStore {
    /// Its address, `https://…`.
    #[schemars(regex(pattern = r"^https://[^\s]+$"), extend("x-rule" = "be an address that begins with `https://`"))]
    pub server: String,
    /// Mount of the key-value engine, version 2: the first segment of every reference.
    pub mount: String,
    /// Mount of the Kubernetes login.
    pub auth_mount: String,
    /// Role to log in as; it must give the tenant `<mount>/<tenant>/*` only.
    pub role: String,
}

/// AWS Secrets Manager.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSmStore {
    /// Region of the secrets.
    pub region: String,
    /// IAM role to assume; it must give the tenant secrets of the name `<tenant>/*` only.
    #[serde(default)]
    pub role: Option<String>,
}
