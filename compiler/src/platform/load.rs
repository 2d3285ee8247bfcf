//! Loading: what ships, merged with the source repository's `platform/`, validated and typed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Sources, Span, codes};
use orz_core::id::TenantName;
use orz_core::read::{self, Data, Node};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    AppDefaults, Clusters, ConnectorType, Egress, Images, Loaded, Operator, Plans, Platform,
    Reconciler, SecretStores, Settings, Volumes, consistency, merge, shipped,
};
use crate::schema::document_schema;
use crate::suggest;
use crate::validate::schema_errors::Checker;

pub(super) const PLATFORM: &str = "platform/";
/// The file whose presence asks for a release of the platform itself.
pub(super) const RECONCILER: &str = "reconciler.json";
const CONNECTORS: &str = "platform/connectors/";
pub(super) const TENANTS: &str = "platform/tenants/";

/// A file of platform data: its typed content and, if the source repository overrides it, the merged tree.
pub(super) struct File<T> {
    pub(super) value: T,
    pub(super) node: Option<Node>,
}

impl<T> File<T> {
    /// Where `pointer` stands in the override, or the nearest place that does.
    pub(super) fn at(&self, pointer: &str) -> Option<Span> {
        self.node.as_ref().map(|node| node.nearest(pointer))
    }
}

pub(super) fn load(files: &BTreeMap<String, Vec<u8>>) -> Loaded<Platform> {
    let mut loader = Loader {
        files,
        sources: Sources::new(),
        diagnostics: Diagnostics::new(),
    };
    let platform = loader.platform();
    let Loader {
        sources,
        mut diagnostics,
        ..
    } = loader;
    diagnostics.sort();
    let value = platform
        .filter(|_| !diagnostics.has_errors())
        .map(|platform| Platform {
            sources: sources.clone(),
            ..platform
        });
    Loaded {
        value,
        sources,
        diagnostics,
    }
}

/// Reads the operator's file of one tenant.
pub(super) fn operator(
    path: &str,
    bytes: &[u8],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Operator> {
    static CHECKER: OnceLock<Checker> = OnceLock::new();
    let node = without_schema(read::parse(bytes, path, sources, diagnostics)?);
    let checker = CHECKER.get_or_init(|| Checker::new(document_schema::<Operator>()));
    let operator: Operator = typed(&node, checker, diagnostics)?;
    Some(Operator {
        node: Some(node),
        ..operator
    })
}

struct Loader<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    sources: Sources,
    diagnostics: Diagnostics,
}

impl Loader<'_> {
    fn platform(&mut self) -> Option<Platform> {
        let operators = self.operators();
        let settings = self.file::<Settings>("settings.json");
        let plans = self.file::<Plans>("plans.json");
        let clusters = self.file::<Clusters>("clusters.json");
        let images = self.file::<Images>("images.json");
        let egress = self.file::<Egress>("egress.json");
        let volumes = self.file::<Volumes>("volumes.json");
        let secret_stores = self.file::<SecretStores>("secret-stores.json");
        let apps = self.file::<AppDefaults>("apps.json");
        let reconciler = self.file::<Reconciler>(RECONCILER);
        let connector_types = self.connector_types();
        let parts = consistency::Parts {
            settings: settings?,
            plans: plans?,
            clusters: clusters?,
            egress: egress?,
            volumes: volumes?,
            connector_types,
        };
        consistency::check(&parts, &mut self.diagnostics);
        let config_checkers = parts
            .connector_types
            .keys()
            .map(|name| (name.clone(), OnceLock::new()))
            .collect();
        Some(Platform {
            settings: parts.settings.value,
            plans: parts.plans.value,
            clusters: parts.clusters.value,
            images: images?.value,
            egress: parts.egress.value,
            volumes: parts.volumes.value,
            secret_stores: secret_stores?.value,
            apps: apps?.value,
            reconciler: reconciler?.value,
            connector_types: parts
                .connector_types
                .into_iter()
                .map(|(name, file)| (name, file.value))
                .collect(),
            sources: Sources::new(),
            overrides: self
                .files
                .iter()
                .filter(|(path, _)| !path.starts_with(TENANTS))
                .map(|(path, bytes)| (path.clone(), bytes.clone()))
                .collect(),
            operators,
            config_checkers,
        })
    }

    /// Sorts out the operators' files and refuses whatever is no file of platform data.
    fn operators(&mut self) -> BTreeMap<TenantName, (String, Vec<u8>)> {
        let mut operators = BTreeMap::new();
        for (path, bytes) in self.files {
            if let Some(name) = path.strip_prefix(TENANTS) {
                match name.strip_suffix(".json").map(str::parse::<TenantName>) {
                    Some(Ok(tenant)) if tenant.is_platform() => {
                        let span = self.unread(path);
                        let message =
                            format!("`{tenant}` is the platform itself, and no tenant with a plan");
                        self.diagnostics.push(
                            Diagnostic::error(&codes::source::INVALID_NAME, span, message)
                                .help("remove the file; what holds for the platform stands in `platform/*.json`"),
                        );
                    }
                    Some(Ok(tenant)) => {
                        operators.insert(tenant, (path.clone(), bytes.clone()));
                    }
                    Some(Err(error)) if !name.contains('/') => {
                        let span = self.unread(path);
                        self.diagnostics.push(
                            Diagnostic::error(&codes::source::INVALID_NAME, span, error.to_string())
                                .help("an operator's file is named after its tenant: `platform/tenants/<tenant>.json`"),
                        );
                    }
                    _ => self.unexpected(path, "`platform/tenants/<tenant>.json`", None),
                }
            } else if let Some(name) = path.strip_prefix(CONNECTORS) {
                if name.contains('/') || name.strip_suffix(".json").is_none_or(str::is_empty) {
                    self.unexpected(path, "`platform/connectors/<type>.json`", None);
                }
            } else {
                let name = path.strip_prefix(PLATFORM).unwrap_or(path);
                if shipped::find(shipped::PLATFORM, name).is_none() {
                    self.unexpected(path, "a file of platform data", Some(name));
                }
            }
        }
        operators
    }

    /// A place in a file whose content is not looked at.
    fn unread(&mut self, path: &str) -> Span {
        let file = self.sources.add(path.escape_debug().to_string(), "");
        Span {
            file,
            start: 0,
            end: 0,
        }
    }

    fn unexpected(&mut self, path: &str, expected: &str, name: Option<&str>) {
        let span = self.unread(path);
        let diagnostic = Diagnostic::error(
            &codes::source::UNEXPECTED_FILE,
            span,
            format!("`{}` is not {expected}", path.escape_debug()),
        );
        self.diagnostics.push(match name {
            Some(name) => {
                let known: Vec<&str> = shipped::PLATFORM.iter().map(|(file, _)| *file).collect();
                suggest::help(diagnostic, name, "file", &known)
            }
            None => diagnostic.help("rename the file, or move it out of `platform/`"),
        });
    }

    fn file<T: DeserializeOwned + JsonSchema>(&mut self, name: &str) -> Option<File<T>> {
        let text =
            shipped::find(shipped::PLATFORM, name).expect("every file of platform data ships");
        self.merged(&format!("{PLATFORM}{name}"), Some(text))
    }

    fn connector_types(&mut self) -> BTreeMap<String, File<ConnectorType>> {
        let files = self.files;
        let own = files
            .keys()
            .filter_map(|path| path.strip_prefix(CONNECTORS)?.strip_suffix(".json"));
        let names = shipped::CONNECTORS
            .iter()
            .map(|(name, _)| *name)
            .chain(own.filter(|name| !name.contains('/')));
        let names: std::collections::BTreeSet<&str> = names.collect();
        names
            .into_iter()
            .filter_map(|name| {
                let file = self.merged(
                    &format!("{CONNECTORS}{name}.json"),
                    shipped::find(shipped::CONNECTORS, name),
                )?;
                Some((name.to_owned(), file))
            })
            .collect()
    }

    /// The file at `path`: what ships, what the source repository has, or both merged.
    fn merged<T: DeserializeOwned + JsonSchema>(
        &mut self,
        path: &str,
        embedded: Option<&str>,
    ) -> Option<File<T>> {
        let Some(bytes) = self.files.get(path) else {
            let value = serde_json::from_str(embedded?).expect("a test types every shipped file");
            return Some(File { value, node: None });
        };
        let own = without_schema(read::parse(
            bytes,
            path,
            &mut self.sources,
            &mut self.diagnostics,
        )?);
        let node = match embedded {
            None => own,
            Some(text) => {
                let base: Value =
                    serde_json::from_str(text).expect("a test types every shipped file");
                merge::merge(merge::placed(&base, own.span), own)
            }
        };
        let value = typed(
            &node,
            &Checker::new(document_schema::<T>()),
            &mut self.diagnostics,
        )?;
        Some(File {
            value,
            node: Some(node),
        })
    }
}

/// The typed content of a document, or `None` after every schema error was reported.
fn typed<T: DeserializeOwned>(
    node: &Node,
    checker: &Checker,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let mut found = Diagnostics::new();
    checker.check(node, &mut found);
    let failed = found.has_errors();
    diagnostics.extend(found);
    if failed {
        return None;
    }
    // A few types are narrower than their schema: a name's whole rule is not one pattern.
    serde_json::from_value(node.to_value())
        .map_err(|error| {
            diagnostics.push(Diagnostic::error(
                &codes::model::INVALID_VALUE,
                node.span,
                error.to_string(),
            ));
        })
        .ok()
}

/// Takes out `$schema`, which is for editors.
fn without_schema(mut node: Node) -> Node {
    if let Data::Map(entries) = &mut node.data {
        entries.retain(|entry| entry.key != "$schema");
    }
    node
}

/// The schema of every file of platform data: file name → schema.
///
/// Those of files that ship ask for nothing, because an override says only what differs.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("platform-apps.schema.json", editor::<AppDefaults>(true)),
        ("platform-clusters.schema.json", editor::<Clusters>(true)),
        (
            "platform-connector.schema.json",
            editor::<ConnectorType>(true),
        ),
        ("platform-egress.schema.json", editor::<Egress>(true)),
        ("platform-images.schema.json", editor::<Images>(true)),
        ("platform-plans.schema.json", editor::<Plans>(true)),
        (
            "platform-reconciler.schema.json",
            editor::<Reconciler>(true),
        ),
        (
            "platform-secret-stores.schema.json",
            editor::<SecretStores>(true),
        ),
        ("platform-settings.schema.json", editor::<Settings>(true)),
        ("platform-tenant.schema.json", editor::<Operator>(false)),
        ("platform-volumes.schema.json", editor::<Volumes>(true)),
    ]
}

fn editor<T: JsonSchema>(patch: bool) -> Value {
    let mut schema = document_schema::<T>();
    if patch {
        without_required(&mut schema);
    }
    schema["properties"]["$schema"] =
        json!({ "type": "string", "description": "Where an editor finds the schema; ignored." });
    schema
}

fn without_required(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("required").is_some_and(Value::is_array) {
                map.remove("required");
            }
            map.values_mut().for_each(without_required);
        }
        Value::Array(items) => items.iter_mut().for_each(without_required),
        _ => {}
    }
}

/// Turns the alternatives that schemars makes of a documented enum into one list of values:
/// errors in alternatives name no cause.
pub(crate) fn plain_enum(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.remove("oneOf") else {
        return;
    };
    let values: Vec<Value> = choices
        .iter()
        .flat_map(|choice| match (choice.get("const"), choice.get("enum")) {
            (Some(one), _) => vec![one.clone()],
            (None, Some(Value::Array(several))) => several.clone(),
            _ => Vec::new(),
        })
        .collect();
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), values.into());
}
