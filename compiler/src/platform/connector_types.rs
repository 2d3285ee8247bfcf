//! Connector types: `bundles/connectors/*.json` and `platform/connectors/*.json`.

use std::fmt;

use orz_core::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::validate::schema_errors::Checker;

/// A kind of outside system that bundles can connect to: data, not code.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectorType {
    /// The name by which bundles ask for it; the file is named after it.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,29}$"))]
    #[schemars(extend("x-rule" = "be 1 to 30 lower-case letters, digits and `-`, starting with a letter"))]
    pub name: String,
    /// What it connects to, in a few words.
    pub description: String,
    /// JSON Schema (2020-12) of an instance's `config`.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub config_schema: Value,
    /// JSON Schema (2020-12) of the secret; each property is a key of it.
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub secret_schema: Value,
    /// What can be asked of it, unless an instance says so itself.
    pub operations: Vec<Operation>,
}

/// One thing that can be asked of an outside system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its name: letters, digits, `_` and `-`.
    #[schemars(regex(pattern = r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be 1 to 63 lower-case letters, digits, `_` and `-`, starting with a letter and ending with a letter or digit"))]
    pub operation_id: String,
    /// HTTP method; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Start of the path, below the path of the base URL.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9._~/-]{0,500}$"))]
    #[schemars(extend("x-rule" = "start with `/` and be letters, digits, `.`, `_`, `~` and `-` between `/`"))]
    pub path: String,
    /// Whether the same request may be sent twice. Without it, the method decides: `POST`, `PATCH` and
    /// unknown methods may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// JSON Schema (2020-12) of what is sent.
    #[serde(default = "anything")]
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub payload_schema: Value,
    /// JSON Schema (2020-12) of what comes back.
    #[serde(default = "anything")]
    #[schemars(with = "std::collections::BTreeMap<String, Value>")]
    pub output_schema: Value,
}

impl ConnectorType {
    /// Compiles what checks `config` of an instance. The schema stands under an identity of its own, so that
    /// `#` in it still means itself.
    pub(super) fn config_checker(&self) -> Checker {
        let mut schema = self.config_schema.clone();
        schema["$id"] = json!("urn:orz:config");
        Checker::new(json!({ "properties": { "config": schema } }))
    }
}

impl Operation {
    /// Whether the same request may be sent twice.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
            .unwrap_or_else(|| self.method.is_some_and(Method::is_idempotent))
    }
}

fn anything() -> Value {
    Value::Object(serde_json::Map::new())
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(transform = super::load::plain_enum)]
pub enum Method {
    /// Read.
    Get,
    /// Read the headers.
    Head,
    /// Do.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
    /// Ask what is possible.
    Options,
}

impl Method {
    /// Whether RFC 9110 calls it idempotent.
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }

    /// As HTTP spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
