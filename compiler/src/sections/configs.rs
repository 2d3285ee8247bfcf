//! Versioned, immutable configuration.
//!
//! Every version is an immutable ConfigMap. The one with `activate` is named by the pointer ConfigMap
//! `config-<name>`, for programs that look it up, and by the pods of apps that use the config: activating
//! another version rolls them, and a rollback brings the old one back.

use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, codes};
use orz_core::id::Part;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::shared::{canonical_json, collision, frozen_config_map, kube_name, metadata};
use super::{Entry, Objects, Scope, Section, Shape};

/// The key of every config's ConfigMap that holds the data.
pub(crate) const CONFIG_KEY: &str = "config.json";

/// One version of a config.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the config.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be 1 to 40 lower-case letters, digits, `_` and `-`, with a letter or digit at both ends"))]
    pub name: String,
    /// Name of this version; its data must never change.
    #[schemars(length(max = 40))]
    #[schemars(regex(
        pattern = r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$"
    ))]
    #[schemars(extend("x-rule" = "be letters, digits, `.`, `_` and `-`, with a letter or digit at both ends and around each `.`"))]
    pub version: String,
    /// The configuration itself: any JSON object.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub data: Value,
    /// Whether this version is the live one.
    #[serde(default)]
    pub activate: bool,
}

impl Section for Config {
    const NAME: &'static str = "configs";
    const SHAPE: Shape = Shape::List(&["name", "version"]);

    fn resolve(scope: &Scope, problems: &mut Diagnostics) {
        let mut seen = Seen::default();
        for config in &scope.unit.bundle.configs {
            check_names(config, &mut seen, problems);
            check_activation(config, &mut seen, problems);
            check_size(config, scope.platform.settings.max_config_bytes, problems);
        }
    }

    fn lower(scope: &Scope, out: &mut Objects) {
        for config in &scope.unit.bundle.configs {
            let (name, object) = config_map(scope, config);
            out.add(Part::Work, config.span(), &object)
                .because("/data", config.at("/data"));
            if config.activate {
                out.add(Part::Work, config.span(), &pointer(scope, config, &name));
            }
        }
    }
}

/// The name of the ConfigMap that holds the active version of a config of the unit at hand, if one is active.
pub(crate) fn active_config_map(scope: &Scope, name: &str) -> Option<String> {
    let configs = &scope.unit.bundle.configs;
    configs
        .iter()
        .find(|config| config.name == name && config.activate)
        .map(|config| config_map(scope, config).0)
}

fn config_map(scope: &Scope, config: &Config) -> (String, Value) {
    let (name, version) = (kube_name(&config.name), kube_name(&config.version));
    let labels = [
        ("orz.dev/config", name.as_str()),
        ("orz.dev/config-version", config.version.as_str()),
    ];
    frozen_config_map(
        scope,
        &format!("config-{name}-{version}"),
        CONFIG_KEY,
        &config.data,
        &labels,
    )
}

fn pointer(scope: &Scope, config: &Config, config_map: &str) -> Value {
    let name = kube_name(&config.name);
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(scope, &format!("config-{name}"), &[("orz.dev/config", &name)]),
        "data": { "version": config.version, "config_map": config_map },
    })
}

/// The configs before the one at hand.
#[derive(Default)]
struct Seen<'a> {
    /// Name in Kubernetes → the first config that has it.
    names: BTreeMap<String, &'a Entry<Config>>,
    /// Name, and version in Kubernetes → the first version that has it.
    versions: BTreeMap<(&'a str, String), &'a Entry<Config>>,
    /// Name → the active version.
    active: BTreeMap<&'a str, &'a Entry<Config>>,
}

fn check_names<'a>(config: &'a Entry<Config>, seen: &mut Seen<'a>, problems: &mut Diagnostics) {
    let other = *seen.names.entry(kube_name(&config.name)).or_insert(config);
    let key = (config.name.as_str(), kube_name(&config.version));
    let is_known = seen.versions.range((key.0, String::new())..).next();
    // Said once for each name, at its first version.
    if other.name != config.name && is_known.is_none_or(|((name, _), _)| *name != config.name) {
        let names = ("configs", config.name.as_str(), other.name.as_str());
        problems.push(collision(names, config.at("/name"), other.at("/name")));
    }
    let other = *seen.versions.entry(key).or_insert(config);
    if other.version != config.version {
        let names = ("configs", config.version.as_str(), other.version.as_str());
        problems.push(collision(
            names,
            config.at("/version"),
            other.at("/version"),
        ));
    }
}

fn check_activation<'a>(
    config: &'a Entry<Config>,
    seen: &mut Seen<'a>,
    problems: &mut Diagnostics,
) {
    if !config.activate {
        return;
    }
    if let Some(first) = seen.active.get(config.name.as_str()) {
        problems.push(
            Diagnostic::error(
                &codes::section::CONFIG_ACTIVATION,
                config.at("/activate"),
                format!(
                    "config `{}` has two active versions, `{}` and `{}`",
                    config.name, first.version, config.version
                ),
            )
            .label("second active version")
            .related(first.at("/activate"), "first active version")
            .help("leave `\"activate\": true` at one of them"),
        );
    } else {
        seen.active.insert(&config.name, config);
    }
}

fn check_size(config: &Entry<Config>, limit: usize, problems: &mut Diagnostics) {
    let size = canonical_json(&config.data).len();
    if size > limit {
        problems.push(
            Diagnostic::error(
                &codes::section::CONFIG_TOO_LARGE,
                config.key_at("/data"),
                format!(
                    "version `{}` of config `{}` is {size} bytes; the limit is {limit}",
                    config.version, config.name
                ),
            )
            .label("too large")
            .help("split the config, or keep large data elsewhere and refer to it"),
        );
    }
}
