//! `platform/images.json`.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where images may come from.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Registries, each with an optional path: an image is allowed when it starts with one of them
    /// and a `/`.
    pub registries: Vec<String>,
}

impl Images {
    /// Whether `image` comes from an allowed registry.
    pub fn allows(&self, image: &str) -> bool {
        self.registries.iter().any(|registry| {
            image
                .strip_prefix(registry.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_whole_prefix() {
        let images = Images {
            registries: vec!["registry.example.com".into(), "ghcr.io/acme".into()],
        };
        for (image, expected) in [
            ("registry.example.com/web:1", true),
            ("ghcr.io/acme/web:1", true),
            ("ghcr.io/acme-evil/web:1", false),
            ("registry.example.com.evil.org/web:1", false),
            ("registry.example.com", false),
            ("nginx", false),
        ] {
            assert_eq!(images.allows(image), expected, "{image}");
        }
    }
}
