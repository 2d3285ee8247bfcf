//! `apps`: programs that run from an image.
//!
//! An app becomes a Deployment under the restricted Pod Security profile with a ServiceAccount and
//! NetworkPolicy of its own, a Service for its ports, an HTTPRoute for its domains, and
//! PersistentVolumeClaims in the part `data` for its volumes. What it runs once before a release goes live
//! becomes a Job.

mod demand;
mod hostname;
mod image;
mod literal;
mod network;
mod problems;
mod release_jobs;
mod route;
mod settled;
mod storage;
mod workload;

use std::borrow::Cow;
use std::collections::BTreeMap;

use orz_core::diag::Diagnostics;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Objects, Scope, Section, Shape};
use crate::platform::Quantity;
use crate::resolve::Named;

pub use release_jobs::ReleaseJob;
use settled::Settled;

/// A program that runs from an image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Name of the app and of all its objects. At most 40 characters, so that `<app>-<volume>` and every
    /// other name made from it fits the 63 that Kubernetes allows.
    #[schemars(length(max = 40), regex(pattern = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be lower-case letters, digits and `-`, starting with a letter and ending with a letter or digit"))]
    pub name: String,
    /// Image with a digest, or a tag that is never moved: `registry.example.com/acme/web:1.4.2`.
    #[schemars(length(min = 1, max = 500))]
    pub image: String,
    /// The one port that the app listens on; short for `ports` with one entry named `http`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The ports that the app listens on. Requests for its domains go to the one named `http`, or the first.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub ports: Vec<Port>,
    /// Replaces the image's entry point. `$(NAME)` stands for an environment variable.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub command: Option<Vec<Text>>,
    /// Arguments of the entry point. `$(NAME)` stands for an environment variable.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub args: Option<Vec<Text>>,
    /// Environment variables, literally. Secrets stand in `secrets`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 200, "propertyNames" = env_name()))]
    pub env: BTreeMap<String, Text>,
    /// Environment variables whose values are secrets: variable → name of an entry of `secret_refs`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 200, "propertyNames" = env_name()))]
    pub secrets: BTreeMap<String, String>,
    /// Configs whose active version is mounted at `/etc/orz/configs/<name>`.
    #[serde(default)]
    #[schemars(length(max = 50), extend("uniqueItems" = true))]
    pub configs: Vec<String>,
    /// How many run at a time.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<u32>,
    /// What each replica may use.
    #[serde(default)]
    pub resources: Resources,
    /// How the app is asked whether it is well. Without it, whether its first port takes connections.
    #[serde(default)]
    pub health: Option<Health>,
    /// Disks, which outlive the app.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub volumes: Vec<Volume>,
    /// Hostnames that the app answers for. Each belongs to one tenant.
    #[serde(default)]
    #[schemars(length(max = 16), extend("uniqueItems" = true))]
    pub domains: Vec<String>,
    /// Paths of `domains` that the app answers for, with all below them; all by default.
    #[serde(default)]
    #[schemars(length(max = 16), extend("uniqueItems" = true))]
    pub paths: Vec<RoutePath>,
    /// Name of an entry of `policies`, for the requests that `domains` bring.
    #[serde(default)]
    pub policy: Option<String>,
    /// Name of a profile of the platform: where the app may connect to.
    #[serde(default)]
    pub egress: Option<String>,
    /// Apps of the same namespace that this one connects to.
    #[serde(default)]
    #[schemars(length(max = 50), extend("uniqueItems" = true))]
    pub calls: Vec<String>,
    /// Programs that run once before a release goes live, such as a migration of the app's database.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub release_jobs: Vec<ReleaseJob>,
    /// Seconds that a new version may take to become healthy; the platform says how many by default.
    #[serde(default)]
    #[schemars(range(min = 30, max = 86400))]
    pub deadline_seconds: Option<u32>,
}

/// A port that an app listens on, with TCP.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Name of the port.
    #[schemars(length(max = 15), regex(pattern = r"^[a-z](-?[a-z0-9])*$"))]
    #[schemars(extend("x-rule" = "be lower-case letters, digits and single `-`, starting with a letter and ending with a letter or digit"))]
    pub name: String,
    /// Its number.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
}

/// What each replica of an app may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Processor time that is set aside: `250m`, `2`. More is used when it is free, up to the plan's default.
    #[serde(default)]
    pub cpu: Option<Quantity>,
    /// Memory that is set aside and not exceeded: `256Mi`, `2Gi`.
    #[serde(default)]
    pub memory: Option<Quantity>,
}

/// How an app is asked over HTTP whether it is well.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Path that answers 200 to 399 when the app is well.
    #[serde(default)]
    #[schemars(length(max = 1024), regex(pattern = r"^/[!-~]*$"))]
    #[schemars(extend("x-rule" = "start with `/` and have visible ASCII characters only"))]
    pub path: Option<String>,
    /// Name of the port to ask; the one that requests go to by default.
    #[serde(default)]
    pub port: Option<String>,
    /// Seconds that the app may take to start.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    pub startup_seconds: Option<u32>,
    /// Seconds between two questions.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: Option<u32>,
    /// Seconds until a question counts as unanswered.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: Option<u32>,
}

/// A disk of an app.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Name of the volume among those of its app.
    #[schemars(length(max = 20), regex(pattern = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be lower-case letters, digits and `-`, starting with a letter and ending with a letter or digit"))]
    pub name: String,
    /// Where the app finds it.
    #[schemars(length(max = 200), regex(pattern = r"^/[A-Za-z0-9._/-]*$"))]
    #[schemars(extend("x-rule" = "start with `/` and have letters, digits, `.`, `_`, `-` and `/` only"))]
    pub mount: String,
    /// How large it is. It may grow later, but never shrink.
    pub size: Quantity,
    /// Class of disk, of the platform's; the platform says which by default.
    #[serde(default)]
    pub class: Option<String>,
}

/// A text without the control characters that no program takes as an argument or variable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 32768,
            "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
            "x-rule": "have no control characters",
        })
    }
}

/// A path of a domain, with all below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct RoutePath(String);

impl RoutePath {
    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for RoutePath {
    fn schema_name() -> Cow<'static, str> {
        "RoutePath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // What the Gateway API takes as a prefix, less `.` and `..` segments, doubled `/` and encodings:
        // each of them has a second reading.
        json_schema!({
            "type": "string",
            "maxLength": 1024,
            "pattern": r"^/$|^(/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*)+$",
            "x-rule": "start with `/`, not end with one, and have no `//`, no segment that starts with `.`, and no `%`",
        })
    }
}

/// The rule for names of environment variables.
fn env_name() -> serde_json::Value {
    serde_json::json!({
        "maxLength": 128,
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "x-rule": "be letters, digits and `_`, and not start with a digit",
    })
}

impl Named for App {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Section for App {
    const NAME: &'static str = "apps";
    const SHAPE: Shape = Shape::List(&["name"]);

    fn resolve(scope: &Scope, problems: &mut Diagnostics) {
        for app in &scope.unit.bundle.apps {
            problems::find(scope, app, problems);
        }
        problems::find_counts(scope, problems);
        route::conflicts(scope, problems);
        demand::check(scope, problems);
    }

    fn lower(scope: &Scope, out: &mut Objects) {
        for entry in &scope.unit.bundle.apps {
            let app = Settled::new(scope, entry);
            storage::lower(scope, &app, out);
            workload::lower(scope, &app, out);
            release_jobs::lower(scope, &app, out);
            network::lower(scope, &app, out);
            route::lower(scope, &app, out);
        }
    }
}
