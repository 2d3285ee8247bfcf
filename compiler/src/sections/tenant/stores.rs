//! SecretStores: from where External Secrets brings secrets into the namespace, and with which right.
//!
//! Every store is namespaced and logs in as a ServiceAccount of its own namespace, so that what a tenant
//! can read is decided by what that account may read, never by what a bundle names.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use orz_core::Value;
use orz_core::diag::Span;
use orz_core::id::Part;
use serde_json::json;

use super::{Objects, Scope};

/// Store of `env://`: the Secret that the operator keeps for the tenant.
pub const ENV: &str = "env";
/// Store of `k8s://`: Secrets of the namespace itself.
pub const K8S: &str = "k8s";
/// Store of `vault://`.
pub const VAULT: &str = "vault";
/// Store of `aws-sm://`.
pub const AWS_SM: &str = "aws-sm";

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn lower(scope: &Scope, cause: Option<Span>, out: &mut Objects) {
    let stores = &scope.platform.secret_stores;
    let account = stores.service_account.as_str();
    out.add(
        Part::Tenancy,
        cause,
        &ServiceAccount {
            metadata: scope.meta(account, scope.labels()),
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        },
    );
    if let Some(env) = &stores.env {
        out.add(
            Part::Tenancy,
            cause,
            &store(scope, ENV, &kubernetes(&env.namespace, account)),
        );
        // One Role and one binding serve all namespaces of the tenant; the tenant's own unit makes them.
        if scope.unit.project.is_none() {
            read_tenant_secret(scope, &env.namespace, cause, out);
        }
    }
    if stores.k8s.is_some() {
        out.add(
            Part::Tenancy,
            cause,
            &store(scope, K8S, &kubernetes(&scope.unit.namespace, account)),
        );
        read_own_secrets(scope, account, cause, out);
    }
    if let Some(vault) = &stores.vault {
        let provider = json!({ "vault": {
            "server": vault.server,
            "path": vault.mount,
            "version": "v2",
            "auth": { "kubernetes": {
                "mountPath": vault.auth_mount,
                "role": vault.role,
                "serviceAccountRef": { "name": account },
            } },
        } });
        out.add(Part::Tenancy, cause, &store(scope, VAULT, &provider));
    }
    if let Some(aws) = &stores.aws_sm {
        let mut provider = json!({ "aws": {
            "service": "SecretsManager",
            "region": aws.region,
            "auth": { "jwt": { "serviceAccountRef": { "name": account } } },
        } });
        if let Some(role) = &aws.role {
            provider["aws"]["role"] = role.as_str().into();
        }
        out.add(Part::Tenancy, cause, &store(scope, AWS_SM, &provider));
    }
}

pub(super) fn store(scope: &Scope, name: &str, provider: &Value) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": scope.meta(name, scope.labels()),
        "spec": { "provider": provider },
    })
}

/// Reads Secrets of `namespace` through the API server that External Secrets runs on.
pub(super) fn kubernetes(namespace: &str, account: &str) -> Value {
    json!({ "kubernetes": {
        "remoteNamespace": namespace,
        "auth": { "serviceAccount": { "name": account } },
        "server": { "caProvider": { "type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt" } },
    } })
}

/// In the namespace of secrets, the Role and its binding carry the tenant's name and open exactly the
/// Secret of that name.
fn read_tenant_secret(scope: &Scope, namespace: &str, cause: Option<Span>, out: &mut Objects) {
    let name = scope.tenant.as_str();
    let meta = || ObjectMeta {
        namespace: Some(namespace.to_owned()),
        ..scope.meta(name, scope.labels())
    };
    let account = &scope.platform.secret_stores.service_account;
    let subjects = scope
        .units
        .iter()
        .map(|unit| subject(account, &unit.namespace))
        .collect();
    out.add(
        Part::Tenancy,
        cause,
        &Role {
            metadata: meta(),
            rules: Some(vec![read_secrets(Some(vec![name.to_owned()]))]),
        },
    );
    out.add(
        Part::Tenancy,
        cause,
        &RoleBinding {
            metadata: meta(),
            role_ref: role_ref(name),
            subjects: Some(subjects),
        },
    );
}

/// Opens the Secrets of the namespace to its own store.
fn read_own_secrets(scope: &Scope, account: &str, cause: Option<Span>, out: &mut Objects) {
    let meta = || scope.meta(account, scope.labels());
    out.add(
        Part::Tenancy,
        cause,
        &Role {
            metadata: meta(),
            rules: Some(vec![read_secrets(None)]),
        },
    );
    out.add(
        Part::Tenancy,
        cause,
        &RoleBinding {
            metadata: meta(),
            role_ref: role_ref(account),
            subjects: Some(vec![subject(account, &scope.unit.namespace)]),
        },
    );
}

/// Reading Secrets: those of these names, or all.
pub(super) fn read_secrets(names: Option<Vec<String>>) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".to_owned()]),
        resource_names: names,
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }
}

pub(super) fn role_ref(name: &str) -> RoleRef {
    RoleRef {
        api_group: Some(RBAC.to_owned()),
        kind: "Role".to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn subject(name: &str, namespace: &str) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: name.to_owned(),
        namespace: Some(namespace.to_owned()),
        ..Subject::default()
    }
}
