//! Where secrets are; never their values.
//!
//! A reference becomes an ExternalSecret, which makes a Secret of the same name whose key `value` holds the
//! secret. What the reference may reach is decided here: every key of a shared store is put under the
//! tenant's name, and nothing that could climb out of it is accepted.

mod reference;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};
use orz_core::format::Requirement;
use orz_core::id::Part;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};

pub(crate) use reference::Reference;

use super::shared::{kube_name, refuse_collisions};
use super::tenant::{AWS_SM, ENV, VAULT};
use super::{Entry, Objects, Scope, Section, Shape};
use crate::resolve::{Named, find, unknown_reference};

/// The key of a secret reference's Secret that holds the secret.
pub(crate) const SECRET_KEY: &str = "value";

/// A name for a secret that is kept elsewhere.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Name by which apps and connectors of the same namespace ask for it.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9_-]{0,51}[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be 1 to 53 lower-case letters, digits, `_` and `-`, with a letter or digit at both ends"))]
    pub name: String,
    /// Where the secret is: `env://KEY`, `vault://mount/path#property`, `aws-sm://name#key` or
    /// `k8s://namespace/name#key`.
    #[serde(rename = "ref")]
    #[schemars(length(max = 512), extend("x-secret" = true))]
    pub reference: String,
}

impl Named for SecretRef {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Section for SecretRef {
    const NAME: &'static str = "secret_refs";
    const SHAPE: Shape = Shape::List(&["name"]);

    fn resolve(scope: &Scope, problems: &mut Diagnostics) {
        let secret_refs = &scope.unit.bundle.secret_refs;
        refuse_collisions("secret_refs", secret_refs, problems);
        for entry in secret_refs {
            if let Some(problem) = problem(scope, entry, entry.at("/ref")) {
                problems.push(problem);
            }
        }
    }

    fn lower(scope: &Scope, out: &mut Objects) {
        for entry in &scope.unit.bundle.secret_refs {
            let name = secret_name(&entry.name);
            let copy = Copy {
                name: &name,
                key: SECRET_KEY,
                prefix: None,
                cause: entry.span(),
            };
            external_secret(scope, entry, &copy, out);
        }
    }
}

/// Reports a name that no secret reference has. What cannot be a name may be the secret itself, and is not shown.
pub(crate) fn check_name(scope: &Scope, name: &str, span: Span, problems: &mut Diagnostics) {
    let secret_refs = &scope.unit.bundle.secret_refs;
    let is_legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    if name.len() <= 53 && name.bytes().all(is_legal) {
        find(secret_refs, "secret reference", name, span, problems);
    } else {
        problems.push(
            Diagnostic::error(
                &codes::reference::UNKNOWN_REFERENCE,
                span,
                "this is no name of a secret reference",
            )
            .label("hidden here: it may be the secret itself")
            .help("write the name of an entry of `secret_refs`")
            .mask(),
        );
    }
}

/// The name of the Secret that a secret reference becomes.
pub(crate) fn secret_name(name: &str) -> String {
    kube_name(name)
}

/// A Secret that holds a secret.
pub(crate) struct Copy<'a> {
    /// Name of the Secret, and of the ExternalSecret that makes it.
    pub(crate) name: &'a str,
    /// The key that holds the secret.
    pub(crate) key: &'a str,
    /// What External Secrets puts in front of the secret; the value is never seen here.
    pub(crate) prefix: Option<&'a str>,
    /// What in the bundle asks for it.
    pub(crate) cause: Span,
}

/// Adds the ExternalSecret that makes `copy`.
pub(crate) fn external_secret(
    scope: &Scope,
    entry: &Entry<SecretRef>,
    copy: &Copy,
    out: &mut Objects,
) {
    let Copy {
        name,
        key,
        prefix,
        cause,
    } = *copy;
    let reference: Reference = entry
        .reference
        .parse()
        .expect("resolve refused every other form");
    let (store, remote) = remote(scope, &reference);
    let mut target = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("creationPolicy".to_owned(), json!("Owner")),
        // What the provider loses must not be lost here too, while something runs on it.
        ("deletionPolicy".to_owned(), json!("Retain")),
    ]);
    let mut data_key = key;
    if let Some(prefix) = prefix {
        data_key = SECRET_KEY;
        let template = json!({ "engineVersion": "v2", "mergePolicy": "Replace", "data": { key: format!("{prefix}{{{{ .{SECRET_KEY} }}}}") } });
        target.insert("template".to_owned(), template);
    }
    let object = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": scope.meta(name, scope.labels()),
        "spec": {
            "refreshInterval": scope.platform.secret_stores.refresh_interval,
            "secretStoreRef": { "kind": "SecretStore", "name": &store },
            "target": target,
            "data": [{ "secretKey": data_key, "remoteRef": remote }],
        },
    });
    out.add(Part::Work, cause, &object)
        .because("/spec/data", entry.at("/ref"));
    out.require(
        Part::Work,
        Requirement {
            part: Part::Tenancy,
            group: "external-secrets.io".to_owned(),
            kind: "SecretStore".to_owned(),
            namespace: Some(scope.unit.namespace.clone()),
            name: store,
        },
    );
}

/// The SecretStore to read from and the `remoteRef` to read.
///
/// Names of shared stores always begin with the tenant's, whatever the store's own rules say.
fn remote(scope: &Scope, reference: &Reference) -> (String, Value) {
    let (store, key, property) = match reference {
        Reference::Env { key } => (ENV.to_owned(), scope.tenant.to_string(), key),
        Reference::Vault { path, property, .. } => (VAULT.to_owned(), owned(scope, path), property),
        Reference::AwsSm { name, key } => (AWS_SM.to_owned(), owned(scope, name), key),
        Reference::K8s {
            namespace,
            name,
            key,
        } => (
            k8s_store(&scope.unit.namespace, namespace),
            name.clone(),
            key,
        ),
    };
    // What the server would fill in: inside of a list, a filled-in field looks like a change for ever.
    let remote = json!({
        "key": key,
        "property": property,
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
        "metadataPolicy": "None",
    });
    (store, remote)
}

/// `<tenant>/<path>`, without doubling a tenant's name that is there already.
fn owned(scope: &Scope, path: &str) -> String {
    let tenant = scope.tenant.as_str();
    if path
        .strip_prefix(tenant)
        .is_some_and(|rest| rest.starts_with('/'))
    {
        path.to_owned()
    } else {
        format!("{tenant}/{path}")
    }
}

/// The name of the SecretStore in namespace `own` that reads Secrets of namespace `source`.
pub(crate) fn k8s_store(own: &str, source: &str) -> String {
    if own == source {
        "k8s".to_owned()
    } else {
        format!("k8s-{source}")
    }
}

fn problem(scope: &Scope, entry: &SecretRef, span: Span) -> Option<Diagnostic> {
    let reference: Reference = match entry.reference.parse() {
        Ok(reference) => reference,
        Err(reference::Invalid { what, help }) => {
            let diagnostic = Diagnostic::error(
                &codes::section::SECRET_REF_INVALID,
                span,
                format!("secret reference `{}`: {what}", entry.name),
            )
            .label("not a secret reference")
            .help(help);
            // What does not even begin like a reference may be the secret itself.
            let begins = ["env://", "vault://", "aws-sm://", "k8s://"]
                .iter()
                .any(|s| entry.reference.starts_with(s));
            return Some(if begins {
                diagnostic
            } else {
                diagnostic.mask()
            });
        }
    };
    let stores = &scope.platform.secret_stores;
    let unavailable = |scheme: &str, why: String| {
        let available: Vec<&str> = [
            ("env://", stores.env.is_some()),
            ("k8s://", stores.k8s.is_some()),
            ("vault://", stores.vault.is_some()),
            ("aws-sm://", stores.aws_sm.is_some()),
        ]
        .into_iter()
        .filter_map(|(scheme, there)| there.then_some(scheme))
        .collect();
        Diagnostic::error(
            &codes::section::SECRET_STORE_UNAVAILABLE,
            span,
            format!("`{scheme}` {why}"),
        )
        .label("not available on this platform")
        .help(format!(
            "available: `{}`; the operator adds others in `platform/secret-stores.json`",
            available.join("`, `")
        ))
    };
    match &reference {
        Reference::Env { .. } if stores.env.is_none() => {
            Some(unavailable("env://", "is not configured".to_owned()))
        }
        Reference::AwsSm { .. } if stores.aws_sm.is_none() => {
            Some(unavailable("aws-sm://", "is not configured".to_owned()))
        }
        Reference::K8s { .. } if stores.k8s.is_none() => {
            Some(unavailable("k8s://", "is not configured".to_owned()))
        }
        Reference::K8s { namespace, .. } if !scope.tenant.owns_namespace(namespace) => Some(
            Diagnostic::error(
                &codes::section::SECRET_REF_FOREIGN,
                span,
                format!(
                    "namespace `{namespace}` does not belong to tenant `{}`",
                    scope.tenant
                ),
            )
            .label("another's namespace")
            .help(format!(
                "name `{}` or a namespace of one of its projects",
                scope.tenant
            )),
        ),
        Reference::K8s { namespace, .. }
            if !scope.units.iter().any(|unit| unit.namespace == *namespace) =>
        {
            let known = scope.units.iter().map(|unit| unit.namespace.as_str());
            Some(unknown_reference("namespace", namespace, span, known))
        }
        Reference::Vault { mount, .. } => match &stores.vault {
            None => Some(unavailable("vault://", "is not configured".to_owned())),
            Some(vault) if vault.mount != *mount => Some(
                Diagnostic::error(
                    &codes::section::SECRET_STORE_UNAVAILABLE,
                    span,
                    format!("the platform has no Vault mount `{mount}`"),
                )
                .label("another mount")
                .help(format!("write `vault://{}/…`", vault.mount)),
            ),
            Some(_) => None,
        },
        _ => None,
    }
}
