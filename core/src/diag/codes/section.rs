//! Codes of the sections: each entry is well-formed, but what it says cannot be done.

use super::codes;

codes! {
    /// Two names that become one in Kubernetes.
    NAME_COLLISION = "name-collision" {
        cause: "Two entries have different names in the bundle but the same name in Kubernetes, where `_` becomes `-` and letters become lower case.",
        example: "{ \"secret_refs\": [{ \"name\": \"api_key\", \"ref\": \"env://A\" }, { \"name\": \"api-key\", \"ref\": \"env://B\" }] }",
        fix: "Rename one of the two.",
    }
    /// Something that Kubernetes cannot express.
    LOSSY = "lossy" {
        cause: "The entry says something that Kubernetes and the Gateway cannot do, or do only roughly. It is kept in the ConfigMap of the policy, where the program that makes the calls can read it.",
        example: "{ \"policies\": [{ \"name\": \"default\", \"idempotency_json\": { \"ttl_seconds\": 3600 } }] }",
        fix: "Nothing needs to be done if the program reads the ConfigMap; else leave the field out, so that nobody relies on it.",
    }
    /// A secret reference that does not have the form of its scheme.
    SECRET_REF_INVALID = "secret-ref-invalid" {
        cause: "The reference is not `env://KEY`, `vault://mount/path#property`, `aws-sm://name#key` or `k8s://namespace/name#key`, or it holds something that could reach further than it seems to: `..`, an empty segment, a backslash, a `%` escape, a control character.",
        example: "{ \"secret_refs\": [{ \"name\": \"key\", \"ref\": \"vault://kv/../other/key#value\" }] }",
        fix: "Write the reference in one of the four forms. The tenant's name is put in front of Vault and AWS names by itself.",
    }
    /// A secret of someone else.
    SECRET_REF_FOREIGN = "secret-ref-foreign" {
        cause: "The reference names a namespace that does not belong to the tenant.",
        example: "{ \"secret_refs\": [{ \"name\": \"key\", \"ref\": \"k8s://kube-system/token#value\" }] }",
        fix: "Name one of the tenant's own namespaces: `<tenant>` or `<tenant>--<project>`.",
    }
    /// A provider of secrets that the platform does not have.
    SECRET_STORE_UNAVAILABLE = "secret-store-unavailable" {
        cause: "The platform is not configured for this provider of secrets.",
        example: "{ \"secret_refs\": [{ \"name\": \"key\", \"ref\": \"aws-sm://key#value\" }] }",
        fix: "Use a provider that the platform has, or ask the operator to configure this one in `platform/secret-stores.json`.",
    }
    /// Times of a policy that contradict each other.
    TIMEOUT_CONFLICT = "timeout-conflict" {
        cause: "The total time of a request is shorter than what it must contain: connecting, reading, or all attempts one after the other.",
        example: "{ \"policies\": [{ \"name\": \"default\", \"timeout_json\": { \"read_ms\": 9000, \"total_ms\": 5000 } }] }",
        fix: "Make `total_ms` at least as long as `connect_ms`, `read_ms` and `attempts` × `per_try_ms`, or shorten those.",
    }
    /// Two active versions of one config.
    CONFIG_ACTIVATION = "config-activation" {
        cause: "Two versions of a config say `\"activate\": true`; only one version can be the active one.",
        example: "{ \"configs\": [{ \"name\": \"a\", \"version\": \"v1\", \"data\": {}, \"activate\": true }, { \"name\": \"a\", \"version\": \"v2\", \"data\": {}, \"activate\": true }] }",
        fix: "Leave `activate` at one version of each config.",
    }
    /// A config that is too large to be kept in every version.
    CONFIG_TOO_LARGE = "config-too-large" {
        cause: "The data of one version, written as compact JSON, is larger than the platform allows. Every version is kept, in Git and in the cluster.",
        example: "{ \"configs\": [{ \"name\": \"a\", \"version\": \"v1\", \"data\": { \"list\": [\"… 300 KiB …\"] } }] }",
        fix: "Split the config, or keep large data elsewhere and refer to it.",
    }
    /// A connector that nothing can reach through the platform.
    CONNECTOR_WITHOUT_ENDPOINT = "connector-without-endpoint" {
        cause: "The connector says no base URL, so there is nothing to route to: only its definition is written, for the program that makes the calls. A host is never made up.",
        example: "{ \"connectors\": [{ \"type\": \"http\", \"name\": \"stripe\" }] }",
        fix: "Add `\"config\": { \"base_url\": \"https://…\" }`, or leave it if the program knows the address.",
    }
    /// A base URL that is not one.
    BASE_URL_INVALID = "base-url-invalid" {
        cause: "A base URL is `https://`, a public host name in lower case, optionally a port and a path. Credentials, queries and fragments do not belong there.",
        example: "{ \"connectors\": [{ \"type\": \"http\", \"name\": \"a\", \"config\": { \"base_url\": \"http://user:pass@api.example.com\" } }] }",
        fix: "Write `https://` and the host; put credentials into a secret and name it as `secret_ref`.",
    }
    /// A host that nothing of a tenant may reach.
    HOSTNAME_FORBIDDEN = "hostname-forbidden" {
        cause: "The host is an address, the machine itself, a name inside the cluster or the network, or a metadata server. Requests to it would come from the platform's own proxies, which may reach more than the tenant.",
        example: "{ \"connectors\": [{ \"type\": \"http\", \"name\": \"a\", \"config\": { \"base_url\": \"https://169.254.169.254/\" } }] }",
        fix: "Use the public name of the host. Apps of the same tenant call each other directly, without a connector.",
    }
    /// More operations than a route can have.
    TOO_MANY_OPERATIONS = "too-many-operations" {
        cause: "Each operation is one rule of an HTTPRoute, and Kubernetes allows 16 of them.",
        example: "{ \"connectors\": [{ \"type\": \"http\", \"name\": \"a\", \"operations\": [\"… 17 entries …\"] }] }",
        fix: "Split the connector in two, or join operations under a shorter path.",
    }
    /// A JSON Schema that cannot be used.
    INVALID_SCHEMA = "invalid-schema" {
        cause: "A schema in platform data or in an operation is not a JSON Schema, or refers to another document.",
        example: "{ \"config_schema\": { \"type\": \"objekt\" } }",
        fix: "Correct the schema; JSON Schema 2020-12 is understood.",
    }
}
