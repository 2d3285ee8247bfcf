//! Where a kind may stand: the one rule that the compiler checks before it emits an object, and
//! that everything which acts on a release checks again.

use crate::format::ReconcilerSettings;
use crate::id::{Part, TenantName};

use super::{Scope, find};

/// The namespace that holds one Secret for each tenant, written by the operator.
pub const SECRETS_NAMESPACE: &str = "orz-secrets";
/// The namespace of the reconciler; of a release it holds the reconciler's settings alone.
pub const SYSTEM_NAMESPACE: &str = "orz-system";

const RBAC: &str = "rbac.authorization.k8s.io";

/// Why an object may not stand in a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The kind has no row in the kind table.
    #[error("kind `{}` is not one that a release may hold", of(kind, group))]
    UnknownKind {
        /// API group; empty for the core group.
        group: String,
        /// Kind.
        kind: String,
    },
    /// No release may hold this kind.
    #[error("a `{kind}` may not be in a release")]
    Never {
        /// Kind.
        kind: &'static str,
    },
    /// The kind belongs to another part.
    #[error("a `{kind}` may not be in part `{part}`, only in {}", list(parts))]
    Part {
        /// Kind.
        kind: &'static str,
        /// The part it was found in.
        part: Part,
        /// The parts it may be in.
        parts: &'static [Part],
    },
    /// The tenant has no such part.
    #[error("tenant `{tenant}` has no part `{part}`")]
    NoSuchPart {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
    },
    /// The platform's part holds objects of certain names alone.
    #[error("part `platform` may hold the `{kind}` `{SYSTEM_NAMESPACE}/{}` alone, not `{}`", ReconcilerSettings::NAME, found.escape_debug())]
    Platform {
        /// Kind.
        kind: &'static str,
        /// Namespace and name as found.
        found: String,
    },
    /// A namespace on an object of a cluster-scoped kind.
    #[error("a `{kind}` has no namespace, but this one names `{}`", namespace.escape_debug())]
    ClusterScoped {
        /// Kind.
        kind: &'static str,
        /// The namespace as found.
        namespace: String,
    },
    /// No namespace on an object of a namespaced kind.
    #[error("a `{kind}` needs a namespace")]
    NoNamespace {
        /// Kind.
        kind: &'static str,
    },
    /// The namespace is not the tenant's.
    #[error("namespace `{}` does not belong to tenant `{tenant}`", namespace.escape_debug())]
    ForeignNamespace {
        /// The namespace as found.
        namespace: String,
        /// The tenant.
        tenant: TenantName,
    },
    /// An object of the tenant in the namespace of secrets under another name than the tenant's.
    #[error("in namespace `{SECRETS_NAMESPACE}` a tenant's `{kind}` must be named `{tenant}`, not `{}`", name.escape_debug())]
    SecretsName {
        /// Kind.
        kind: &'static str,
        /// The name as found.
        name: String,
        /// The tenant.
        tenant: TenantName,
    },
    /// The content goes beyond what the tenant may have.
    #[error("{kind} `{}`: {reason}", name.escape_debug())]
    Content {
        /// Kind.
        kind: &'static str,
        /// Name of the object.
        name: String,
        /// What is wrong, in words, with the path.
        reason: String,
    },
}

/// Whether a release of `part` of `tenant` may hold an object of this kind with this name.
///
/// - The kind table names the parts of each kind.
/// - A namespaced object stands in a namespace that the tenant owns; a Namespace is one.
/// - One exception: `tenancy` may hold a Role and a RoleBinding in [`SECRETS_NAMESPACE`], both with
///   exactly the tenant's name, through which its secret store reads the Secret of that name.
///   [`super::allowed_object`] checks what they grant.
/// - `orz-platform` has the part `platform` alone, and that holds one object: the ConfigMap
///   [`ReconcilerSettings::NAME`] in [`SYSTEM_NAMESPACE`].
pub fn allowed(
    part: Part,
    tenant: &TenantName,
    group: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Result<(), NotAllowed> {
    if !tenant.parts().contains(&part) {
        return Err(NotAllowed::NoSuchPart {
            tenant: tenant.clone(),
            part,
        });
    }
    let info = find(group, kind).ok_or_else(|| NotAllowed::UnknownKind {
        group: group.to_owned(),
        kind: kind.to_owned(),
    })?;
    if info.parts.is_empty() {
        return Err(NotAllowed::Never { kind: info.kind });
    }
    if !info.parts.contains(&part) {
        return Err(NotAllowed::Part {
            kind: info.kind,
            part,
            parts: info.parts,
        });
    }
    if part == Part::Platform {
        let is_allowed = namespace == Some(SYSTEM_NAMESPACE) && name == ReconcilerSettings::NAME;
        return if is_allowed {
            Ok(())
        } else {
            Err(NotAllowed::Platform {
                kind: info.kind,
                found: namespace.map_or_else(|| name.to_owned(), |n| format!("{n}/{name}")),
            })
        };
    }
    let foreign = |namespace: &str| NotAllowed::ForeignNamespace {
        namespace: namespace.to_owned(),
        tenant: tenant.clone(),
    };
    match (info.scope, namespace) {
        (Scope::Cluster, Some(namespace)) => Err(NotAllowed::ClusterScoped {
            kind: info.kind,
            namespace: namespace.to_owned(),
        }),
        (Scope::Namespaced, None) => Err(NotAllowed::NoNamespace { kind: info.kind }),
        // The only cluster-scoped kind with a part is Namespace, and its name is the namespace.
        (Scope::Cluster, None) if tenant.owns_namespace(name) => Ok(()),
        (Scope::Cluster, None) => Err(foreign(name)),
        (Scope::Namespaced, Some(namespace)) if tenant.owns_namespace(namespace) => Ok(()),
        (Scope::Namespaced, Some(SECRETS_NAMESPACE)) if reads_secret(part, group, kind) => {
            if name == tenant.as_str() {
                Ok(())
            } else {
                Err(NotAllowed::SecretsName {
                    kind: info.kind,
                    name: name.to_owned(),
                    tenant: tenant.clone(),
                })
            }
        }
        (Scope::Namespaced, Some(namespace)) => Err(foreign(namespace)),
    }
}

fn reads_secret(part: Part, group: &str, kind: &str) -> bool {
    part == Part::Tenancy && group == RBAC && matches!(kind, "Role" | "RoleBinding")
}

fn of(kind: &str, group: &str) -> String {
    let kind = kind.escape_debug();
    if group.is_empty() {
        kind.to_string()
    } else {
        format!("{kind}.{}", group.escape_debug())
    }
}

fn list(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| format!("`{part}`"))
        .collect::<Vec<_>>()
        .join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESO: &str = "external-secrets.io";

    /// Part, group, kind, namespace, name, and the message where it is refused.
    type Case = (
        Part,
        &'static str,
        &'static str,
        Option<&'static str>,
        &'static str,
        Option<&'static str>,
    );

    #[test]
    fn the_table_and_the_namespace_rule() {
        use Part::{Data, Platform, Tenancy, Work};
        let cases: &[Case] = &[
            (Tenancy, "", "Namespace", None, "acme", None),
            (Tenancy, "", "Namespace", None, "acme--shop", None),
            (Work, "apps", "Deployment", Some("acme--shop"), "web", None),
            (
                Data,
                "",
                "PersistentVolumeClaim",
                Some("acme"),
                "data",
                None,
            ),
            (
                Tenancy,
                "networking.k8s.io",
                "NetworkPolicy",
                Some("acme"),
                "default-deny",
                None,
            ),
            (
                Work,
                "networking.k8s.io",
                "NetworkPolicy",
                Some("acme"),
                "web",
                None,
            ),
            (Tenancy, ESO, "SecretStore", Some("acme"), "tenant", None),
            (Tenancy, RBAC, "Role", Some("orz-secrets"), "acme", None),
            (
                Tenancy,
                RBAC,
                "RoleBinding",
                Some("orz-secrets"),
                "acme",
                None,
            ),
            (
                Tenancy,
                "",
                "Namespace",
                None,
                "acme-shop",
                Some("namespace `acme-shop` does not belong to tenant `acme`"),
            ),
            (
                Tenancy,
                "",
                "Namespace",
                None,
                "kube-system",
                Some("namespace `kube-system` does not belong to tenant `acme`"),
            ),
            (
                Tenancy,
                "",
                "Namespace",
                Some("acme"),
                "acme",
                Some("a `Namespace` has no namespace, but this one names `acme`"),
            ),
            (
                Work,
                "",
                "Namespace",
                None,
                "acme",
                Some("a `Namespace` may not be in part `work`, only in `tenancy`"),
            ),
            (
                Data,
                "networking.k8s.io",
                "NetworkPolicy",
                Some("acme"),
                "x",
                Some("a `NetworkPolicy` may not be in part `data`, only in `tenancy` and `work`"),
            ),
            (
                Work,
                "apps",
                "Deployment",
                Some("other"),
                "web",
                Some("namespace `other` does not belong to tenant `acme`"),
            ),
            (
                Work,
                "apps",
                "Deployment",
                None,
                "web",
                Some("a `Deployment` needs a namespace"),
            ),
            (
                Work,
                RBAC,
                "Role",
                Some("orz-secrets"),
                "acme",
                Some("namespace `orz-secrets` does not belong to tenant `acme`"),
            ),
            (
                Tenancy,
                "",
                "ServiceAccount",
                Some("orz-secrets"),
                "acme",
                Some("namespace `orz-secrets` does not belong to tenant `acme`"),
            ),
            (
                Tenancy,
                RBAC,
                "Role",
                Some("orz-secrets"),
                "other",
                Some(
                    "in namespace `orz-secrets` a tenant's `Role` must be named `acme`, not `other`",
                ),
            ),
            (
                Work,
                "",
                "Secret",
                Some("acme"),
                "x",
                Some("a `Secret` may not be in a release"),
            ),
            (
                Work,
                RBAC,
                "ClusterRole",
                None,
                "x",
                Some(
                    "kind `ClusterRole.rbac.authorization.k8s.io` is not one that a release may hold",
                ),
            ),
            (
                Work,
                "extensions",
                "Deployment",
                Some("acme"),
                "x",
                Some("kind `Deployment.extensions` is not one that a release may hold"),
            ),
            (
                Platform,
                "",
                "Namespace",
                None,
                "acme",
                Some("tenant `acme` has no part `platform`"),
            ),
        ];
        let tenant = "acme".parse().expect("valid");
        for (part, group, kind, namespace, name, expected) in cases {
            let found = allowed(*part, &tenant, group, kind, *namespace, name)
                .err()
                .map(|e| e.to_string());
            assert_eq!(
                found.as_deref(),
                *expected,
                "{part} {kind} {namespace:?} {name}"
            );
        }
    }

    #[test]
    fn the_platform_holds_the_settings_of_the_reconciler_and_nothing_else() {
        let (platform, acme) = (
            TenantName::platform(),
            "acme".parse::<TenantName>().expect("valid"),
        );
        let (settings, system) = (ReconcilerSettings::NAME, Some(SYSTEM_NAMESPACE));
        let found = |tenant: &TenantName, part, group, kind, namespace, name| {
            allowed(part, tenant, group, kind, namespace, name)
                .err()
                .map(|e| e.to_string())
        };
        let on_platform = |group, kind, namespace, name| {
            found(&platform, Part::Platform, group, kind, namespace, name)
        };
        assert_eq!(on_platform("", "ConfigMap", system, settings), None);
        for (group, kind, namespace, name, expected) in [
            (
                "",
                "ConfigMap",
                system,
                "inventory-acme-work",
                "part `platform` may hold the `ConfigMap` `orz-system/orz-reconciler-settings` alone, not `orz-system/inventory-acme-work`",
            ),
            (
                "",
                "ConfigMap",
                Some("kube-system"),
                settings,
                "part `platform` may hold the `ConfigMap` `orz-system/orz-reconciler-settings` alone, not `kube-system/orz-reconciler-settings`",
            ),
            (
                "",
                "ConfigMap",
                None,
                settings,
                "part `platform` may hold the `ConfigMap` `orz-system/orz-reconciler-settings` alone, not `orz-reconciler-settings`",
            ),
            (
                "",
                "Secret",
                system,
                settings,
                "a `Secret` may not be in a release",
            ),
            (
                "",
                "Namespace",
                None,
                "orz-platform",
                "a `Namespace` may not be in part `platform`, only in `tenancy`",
            ),
            (
                RBAC,
                "Role",
                system,
                settings,
                "a `Role` may not be in part `platform`, only in `tenancy` and `work`",
            ),
            (
                "example.com",
                "ConfigMap",
                system,
                settings,
                "kind `ConfigMap.example.com` is not one that a release may hold",
            ),
        ] {
            let found = on_platform(group, kind, namespace, name);
            assert_eq!(found.as_deref(), Some(expected), "{kind} {namespace:?}");
        }
        for part in Part::OF_TENANT {
            assert!(
                found(&platform, part, "", "ConfigMap", system, settings).is_some(),
                "the platform has no part {part}"
            );
            assert!(
                found(&acme, part, "", "ConfigMap", system, settings).is_some(),
                "no part {part} of a tenant reaches the reconciler"
            );
        }
        assert!(found(&acme, Part::Platform, "", "ConfigMap", system, settings).is_some());
    }
}
