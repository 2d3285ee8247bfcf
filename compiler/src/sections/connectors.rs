//! Instances of connector types.
//!
//! A connector is always a definition, an immutable ConfigMap for the program that makes the calls. With a
//! base URL it is also a route through the platform's egress Gateway: a Backend for the host, a rule for
//! each operation, the secret put into the request on the way, the policy's timeouts and retries.
//! A host is never made up: without a base URL there is no route.

mod base_url;
mod route;

use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};
use orz_core::id::Part;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use base_url::BaseUrl;

use super::shared::{frozen_config_map, kube_name, refuse_collisions};
use super::{
    Entry, Objects, Policy, Scope, SecretRef, Section, Shape, find, policies, secret_refs,
};
use crate::platform::{ConnectorType, Operation, json_schema};
use crate::resolve::{Named, unknown_reference};

/// Most rules that an HTTPRoute may have.
const MAX_RULES: usize = 16;
/// Headers by which proxies and servers find their way and the end of a message: who sets one of these leaves
/// through the connector to somewhere else than its `base_url`.
const STEERING_HEADERS: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
/// Most patterns in the schemas of one connector: each takes time to compile, whatever it is good for.
const MAX_PATTERNS: usize = 100;

/// An outside system that programs of the tenant call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Connector type, from platform data.
    #[serde(rename = "type")]
    pub connector_type: String,
    /// Name of this instance.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be 1 to 40 lower-case letters, digits, `_` and `-`, with a letter or digit at both ends"))]
    pub name: String,
    /// Policy for its calls.
    #[serde(default)]
    pub policy: Option<String>,
    /// Secret that its calls carry.
    #[serde(default)]
    pub secret_ref: Option<String>,
    /// Settings, as the connector type's `config_schema` asks.
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Value>>")]
    pub config: Option<Value>,
    /// What can be asked of it, instead of what the connector type says.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub operations: Option<Vec<Operation>>,
}

impl Named for Connector {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Connector {
    /// The text at `/base_url` or deeper in the settings.
    fn setting(&self, pointer: &str) -> Option<&str> {
        self.config.as_ref()?.pointer(pointer)?.as_str()
    }

    fn operations<'a>(&'a self, connector_type: &'a ConnectorType) -> &'a [Operation] {
        self.operations
            .as_deref()
            .unwrap_or(&connector_type.operations)
    }
}

/// A connector and everything that it names.
struct Resolved<'a> {
    entry: &'a Entry<Connector>,
    connector_type: &'a ConnectorType,
    policy: Option<&'a Entry<Policy>>,
    secret: Option<&'a Entry<SecretRef>>,
}

impl Section for Connector {
    const NAME: &'static str = "connectors";
    const SHAPE: Shape = Shape::List(&["name"]);

    fn resolve(scope: &Scope, problems: &mut Diagnostics) {
        let connectors = &scope.unit.bundle.connectors;
        refuse_collisions("connectors", connectors, problems);
        let is_in_plan = check_count(scope, problems);
        for entry in connectors {
            check_names(scope, entry, problems);
            // Looking into a connector takes time, and the plan says of how many.
            if !is_in_plan {
                continue;
            }
            let types = &scope.platform.connector_types;
            match types.get(&entry.connector_type) {
                Some(connector_type) => check_instance(scope, entry, connector_type, problems),
                None => problems.push(unknown_reference(
                    "connector type",
                    &entry.connector_type,
                    entry.at("/type"),
                    types.keys().map(String::as_str),
                )),
            }
        }
    }

    fn lower(scope: &Scope, out: &mut Objects) {
        let bundle = &scope.unit.bundle;
        for entry in &bundle.connectors {
            let connector = Resolved {
                entry,
                connector_type: scope
                    .platform
                    .connector_types
                    .get(&entry.connector_type)
                    .expect("resolve found the connector type"),
                policy: named(&bundle.policies, entry.policy.as_deref()),
                secret: named(&bundle.secret_refs, entry.secret_ref.as_deref()),
            };
            definition(scope, &connector, out);
            match entry.setting("/base_url") {
                Some(url) => {
                    let url = BaseUrl::parse(url).expect("resolve refused every other base URL");
                    route::lower(scope, &connector, &url, out);
                }
                None => out.note(without_endpoint(entry)),
            }
        }
    }
}

fn named<'a, T: Named>(entries: &'a [Entry<T>], name: Option<&str>) -> Option<&'a Entry<T>> {
    let name = name?;
    entries.iter().find(|entry| entry.name() == name)
}

/// The immutable ConfigMap from which the program that makes the calls learns everything but the secret.
fn definition(scope: &Scope, connector: &Resolved, out: &mut Objects) {
    let Resolved {
        entry,
        connector_type,
        policy,
        secret,
    } = connector;
    let name = kube_name(&entry.name);
    let mut content = json!({
        "type": entry.connector_type,
        "name": entry.name,
        "config": entry.config.clone().unwrap_or_else(|| json!({})),
        "operations": entry.operations(connector_type),
    });
    if entry.setting("/base_url").is_some()
        && let Some(gateway) = &scope.cluster.egress_gateway
    {
        content["endpoint"] = json!(format!("http://{}", route::hostname(scope, entry, gateway)));
    }
    if let Some(policy) = policy {
        let (config_map, _) = policies::config_map(scope, policy);
        content["policy"] = json!({ "name": policy.name, "config_map": config_map });
    }
    if let Some(secret) = secret {
        content["secret"] = json!({ "name": secret_refs::secret_name(&secret.name), "key": secret_refs::SECRET_KEY });
    }
    let labels = [
        ("orz.dev/connector", name.as_str()),
        ("orz.dev/connector-type", entry.connector_type.as_str()),
    ];
    let (_, object) = frozen_config_map(
        scope,
        &format!("connector-{name}"),
        "connector.json",
        &content,
        &labels,
    );
    out.add(Part::Work, entry.span(), &object);
}

fn without_endpoint(entry: &Entry<Connector>) -> Diagnostic {
    Diagnostic::warning(
        &codes::section::CONNECTOR_WITHOUT_ENDPOINT,
        entry.at("/name"),
        format!("connector `{}` has no base URL, so only its definition is written", entry.name),
    )
    .label("nothing to route to")
    .help("add `\"config\": { \"base_url\": \"https://…\" }`, or leave it if the program knows the address")
}

fn check_names(scope: &Scope, entry: &Entry<Connector>, problems: &mut Diagnostics) {
    let bundle = &scope.unit.bundle;
    if let Some(policy) = &entry.policy {
        find(
            &bundle.policies,
            "policy",
            policy,
            entry.at("/policy"),
            problems,
        );
    }
    if let Some(secret) = &entry.secret_ref {
        secret_refs::check_name(scope, secret, entry.at("/secret_ref"), problems);
    }
}

/// Whether the plan allows as many connectors as the tenant has.
fn check_count(scope: &Scope, problems: &mut Diagnostics) -> bool {
    let all = scope
        .units
        .iter()
        .map(|unit| unit.bundle.connectors.len())
        .sum::<usize>();
    let allowed = scope.plan.max.connectors as usize;
    if all > allowed && scope.unit.project.is_none() {
        problems.push(
            Diagnostic::error(
                &codes::reference::NOT_IN_PLAN,
                scope.unit.bundle.connectors.last().map(Entry::span),
                format!(
                    "the tenant has {all} connectors, and plan `{}` allows {allowed}",
                    scope.plan_name
                ),
            )
            .label("one too many")
            .help("remove connectors, or ask the operator for another plan"),
        );
    }
    all <= allowed
}

/// What the type says about an instance, and what routes can do.
fn check_instance(
    scope: &Scope,
    entry: &Entry<Connector>,
    connector_type: &ConnectorType,
    problems: &mut Diagnostics,
) {
    let before = problems.len();
    let checker = scope.platform.config_checker(connector_type);
    checker.check(entry.node(), problems);
    if let Some(header) = entry.setting("/auth/header") {
        check_header(entry, header, problems);
    }
    if let Some(operations) = &entry.operations {
        check_operations(entry, operations, problems);
    }
    let Some(url) = entry
        .setting("/base_url")
        .filter(|_| problems.len() == before)
    else {
        return;
    };
    let at = entry.at("/config/base_url");
    if let Err(refused) = BaseUrl::parse(url).and_then(|url| url.check(scope.platform)) {
        problems.push(refused.into_diagnostic(at));
    }
    if scope.cluster.egress_gateway.is_none() {
        problems.push(
            Diagnostic::error(
                &codes::reference::NO_GATEWAY,
                at,
                "this cluster has no egress Gateway, so connectors cannot have endpoints",
            )
            .label("nothing to route through")
            .help("leave `base_url` out, or ask the operator to name an `egress_gateway` in `platform/clusters.json`"),
        );
    }
    let operations = entry.operations(connector_type);
    if operations.len() > MAX_RULES {
        problems.push(
            Diagnostic::error(
                &codes::section::TOO_MANY_OPERATIONS,
                entry.key_at("/operations"),
                format!(
                    "connector `{}` has {} operations; a route has at most {MAX_RULES}",
                    entry.name,
                    operations.len()
                ),
            )
            .label("too many")
            .help("split the connector in two, or join operations under a shorter path"),
        );
    }
}

fn check_header(entry: &Entry<Connector>, header: &str, problems: &mut Diagnostics) {
    let lower = header.to_ascii_lowercase();
    let steers = STEERING_HEADERS.contains(&lower.as_str())
        || ["x-envoy-", "x-forwarded-"]
            .iter()
            .any(|start| lower.starts_with(start));
    if steers {
        problems.push(
            Diagnostic::error(
                &codes::model::INVALID_VALUE,
                entry.at("/config/auth/header"),
                format!("`{header}` steers a request and cannot carry a secret"),
            )
            .label("not this header")
            .help("name the header in which the API takes its key, such as `Authorization` or `X-Api-Key`"),
        );
    }
}

fn check_operations(
    entry: &Entry<Connector>,
    operations: &[Operation],
    problems: &mut Diagnostics,
) {
    let mut rules = BTreeMap::new();
    let mut patterns = 0;
    for (i, operation) in operations.iter().enumerate() {
        let rule = kube_name(&operation.operation_id);
        let at = |index: usize| entry.at(&format!("/operations/{index}/operation_id"));
        let first = *rules.entry(rule.clone()).or_insert(i);
        if first != i {
            problems.push(
                Diagnostic::error(
                    &codes::model::DUPLICATE_NAME,
                    at(i),
                    format!(
                        "two operations of connector `{}` are named `{rule}` in Kubernetes",
                        entry.name
                    ),
                )
                .label("again here")
                .related(at(first), "first here")
                .help("rename one of the two"),
            );
        }
        if operation
            .path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
            || operation.path.contains("//")
        {
            problems.push(
                Diagnostic::error(
                    &codes::model::INVALID_VALUE,
                    entry.at(&format!("/operations/{i}/path")),
                    format!("`{}` is not a plain path", operation.path),
                )
                .label("`.`, `..` and empty segments are not allowed")
                .help("write the path as the API documents it, without parameters: `/v1/charges`"),
            );
        }
        for (field, schema) in [
            ("payload_schema", &operation.payload_schema),
            ("output_schema", &operation.output_schema),
        ] {
            let at = |inner: &str| Some(entry.at(&format!("/operations/{i}/{field}{inner}")));
            patterns += json_schema::patterns(schema);
            if patterns > MAX_PATTERNS {
                problems.push(too_many_patterns(entry, at("")));
                return;
            }
            problems.extend(json_schema::problem(schema, at).into_iter().collect());
        }
    }
}

fn too_many_patterns(entry: &Entry<Connector>, at: Option<Span>) -> Diagnostic {
    Diagnostic::error(
        &codes::section::INVALID_SCHEMA,
        at,
        format!(
            "the schemas of connector `{}` have more than {MAX_PATTERNS} patterns",
            entry.name
        ),
    )
    .label("too many here")
    .help("leave out those that the system checks itself, or split the connector")
}
