//! Bundles of the tenants of a scenario.

use serde_json::{Value, json};

/// An app of a bundle: a name and the tag of its image, and what else a scenario says about it.
#[derive(Clone, Debug)]
pub struct App(Value);

impl App {
    /// An app that runs `registry.example.com/<name>:<tag>`.
    pub fn new(name: &str, tag: &str) -> Self {
        Self(json!({
            "name": name,
            "image": image(name, tag),
            "resources": {"cpu": "10m", "memory": "16Mi"},
        }))
    }

    /// Sets a field of the bundle's schema.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }
}

/// The image of an app, as the stand-in for the kubelet knows it.
pub fn image(name: &str, tag: &str) -> String {
    format!("registry.example.com/{name}:{tag}")
}

/// `tenants/<tenant>/bundle.json`.
pub(crate) fn bundle(tenant: &str, apps: &[App]) -> Value {
    let apps: Vec<&Value> = apps.iter().map(|app| &app.0).collect();
    json!({"tenant": {"name": tenant}, "apps": apps})
}
