//! Talking to an API server: one request at a time, retried while the server asks for patience.
//!
//! The only place of this package from which a cluster is written to.

pub(crate) mod watch;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::core::params::GetParams;
use kube::{Client, Config};
use orz_core::Value;
use orz_core::kinds::{self, Scope};
use tokio::runtime::Runtime;

use crate::engine::EngineError;
use crate::lease::Term;

/// The field manager under which everything is applied.
pub(crate) const MANAGER: &str = "orz";
/// How many objects one answer of a list may hold.
pub(crate) const PAGE: u32 = 500;
/// A request is tried this often, with pauses that double from [`FIRST_PAUSE`].
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a server may be silent about a question. One that stands still keeps its connections, and nobody would
/// ever be told.
const READ_PATIENCE: Duration = Duration::from_secs(10);
/// The same about a write, of which a webhook may think for 30 s.
const WRITE_PATIENCE: Duration = Duration::from_secs(40);
/// The reason of what was not sent because the time for it was over.
const OVER: &str = "Over";

/// Which cluster, as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// A kubeconfig file; `None`: `KUBECONFIG`, else `~/.kube/config`, else the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; `None`: its current one.
    pub context: Option<String>,
}

/// A client with a runtime of its own, so that callers need none.
pub(crate) struct Api {
    runtime: Runtime,
    client: Client,
    /// Whether the last request got no answer: then the next one is tried once, so that a pass over
    /// many tenants does not wait for each of them.
    down: Cell<bool>,
    /// How long may be written; `None`: without end.
    term: RefCell<Option<Term>>,
}

/// The collection that an object stands in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Collection {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    plural: &'static str,
    pub(crate) namespace: Option<String>,
}

/// What is asked of a collection.
pub(crate) enum Call<'a> {
    Get {
        name: &'a str,
    },
    List {
        token: Option<String>,
    },
    Find {
        labels: &'a str,
        fields: &'a str,
        limit: u32,
    },
    Create {
        body: &'a Value,
    },
    Replace {
        name: &'a str,
        body: &'a Value,
    },
    Apply {
        name: &'a str,
        body: &'a Value,
        force: bool,
    },
    Merge {
        name: &'a str,
        body: &'a Value,
    },
    /// A list of operations, of which a failed `test` refuses all.
    Json {
        name: &'a str,
        body: &'a Value,
    },
    /// Deletes it, if it has this `uid` and this version; `None`: any.
    Delete {
        name: &'a str,
        uid: &'a str,
        version: Option<&'a str>,
    },
}

/// A successful answer.
pub(crate) struct Answer {
    /// HTTP status; 201 when something was created.
    pub(crate) code: u16,
    pub(crate) body: Value,
    /// Whether an earlier attempt may have been carried out too.
    pub(crate) repeated: bool,
}

/// Why the API server did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status; 0 when there was no usable answer.
    pub code: u16,
    /// Kubernetes' word for it, such as `Invalid`; empty when the answer was not from an API server.
    pub reason: String,
    /// The server's message, or why there was none.
    pub message: String,
    /// The field managers in whose way an apply was.
    pub managers: Vec<String>,
    /// Whether the server could not be reached, so that asking again may help.
    pub(crate) unreachable: bool,
    /// Whether the server knows the kind: an answer about an object names it.
    pub(crate) about_object: bool,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.reason.as_str()) {
            (0, _) if self.unreachable => {
                write!(f, "the API server did not answer: {}", self.message)
            }
            (0, _) => f.write_str(&self.message),
            (code, "") => write!(f, "{code}: {}", self.message),
            (code, reason) => write!(f, "{reason} ({code}): {}", self.message),
        }
    }
}

impl std::error::Error for ApiError {}

impl Api {
    pub(crate) fn connect(connection: &Connection) -> Result<Self, EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| EngineError::Connect(error.to_string()))?;
        let client = runtime
            .block_on(client(connection))
            .map_err(EngineError::Connect)?;
        Ok(Self {
            runtime,
            client,
            down: Cell::new(false),
            term: RefCell::new(None),
        })
    }

    /// From now on is written only while this term lasts.
    pub(crate) fn within(&self, term: Option<Term>) {
        self.term.replace(term);
    }

    /// One object; `None` when it does not exist. An unknown kind is an error.
    pub(crate) fn get(
        &self,
        collection: &Collection,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        match self.send(collection, &Call::Get { name }) {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error) if error.code == 404 && error.about_object => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every object of a collection; all pages, or an error.
    pub(crate) fn list(&self, collection: &Collection) -> Result<Vec<Value>, ApiError> {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let Answer { mut body, .. } = self.send(collection, &Call::List { token })?;
            let Some(Value::Array(items)) = body.get_mut("items").map(Value::take) else {
                return Err(ApiError::unexpected("the answer is no list"));
            };
            for mut item in items {
                // Items of a list do not repeat what they are.
                item["apiVersion"] = Value::from(collection.api_version());
                item["kind"] = Value::from(collection.kind.as_str());
                all.push(item);
            }
            token = body
                .pointer("/metadata/continue")
                .and_then(Value::as_str)
                .filter(|t| !t.is_empty())
                .map(str::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// Some objects of a collection that have these labels and fields: the first `limit` of them.
    pub(crate) fn find(
        &self,
        collection: &Collection,
        labels: &str,
        fields: &str,
        limit: u32,
    ) -> Result<Vec<Value>, ApiError> {
        let call = Call::Find {
            labels,
            fields,
            limit,
        };
        let mut body = self.send(collection, &call)?.body;
        match body.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(ApiError::unexpected("the answer is no list")),
        }
    }

    /// Sends one request and repeats it while the server is overloaded or unreachable.
    pub(crate) fn send(
        &self,
        collection: &Collection,
        call: &Call<'_>,
    ) -> Result<Answer, ApiError> {
        let attempts = if self.down.get() { 1 } else { ATTEMPTS };
        let sent = self.runtime.block_on(async {
            let mut pause = FIRST_PAUSE;
            for attempt in 1.. {
                if call.writes()
                    && self
                        .term
                        .borrow()
                        .as_ref()
                        .is_some_and(|term| !term.lasts())
                {
                    return Err(ApiError::over());
                }
                let patience = call.patience();
                let answer = tokio::time::timeout(patience, self.try_send(collection, call)).await;
                let Ok(answer) = answer else {
                    // Not repeated here: the next pass does, and meanwhile status says so.
                    return Err(ApiError::silent(patience));
                };
                match answer {
                    Err(error) if attempt < attempts && error.is_transient() => {
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    Ok(answer) => {
                        return Ok(Answer {
                            repeated: attempt > 1,
                            ..answer
                        });
                    }
                    Err(error) => return Err(error),
                }
            }
            unreachable!("the loop ends by returning")
        });
        self.down
            .set(sent.as_ref().is_err_and(|error| error.unreachable));
        sent
    }

    async fn try_send(&self, collection: &Collection, call: &Call<'_>) -> Result<Answer, ApiError> {
        let resource = Request::new(collection.path());
        let bytes = |body: &Value| body.to_string().into_bytes();
        let request = match call {
            Call::Get { name } => resource.get(name, &GetParams::default()),
            Call::List { token } => {
                let mut parameters = ListParams::default().limit(PAGE);
                parameters.continue_token.clone_from(token);
                resource.list(&parameters)
            }
            Call::Find {
                labels,
                fields,
                limit,
            } => {
                let parameters = ListParams::default().labels(labels).fields(fields);
                resource.list(&parameters.limit(*limit))
            }
            Call::Create { body } => resource.create(&PostParams::default(), bytes(body)),
            Call::Replace { name, body } => {
                resource.replace(name, &PostParams::default(), bytes(body))
            }
            Call::Apply { name, body, force } => {
                let mut parameters = PatchParams::apply(MANAGER).validation_strict();
                parameters.force = *force;
                resource.patch(name, &parameters, &Patch::Apply(body))
            }
            Call::Merge { name, body } => {
                let parameters = PatchParams {
                    field_manager: Some(MANAGER.to_owned()),
                    ..PatchParams::default()
                };
                resource.patch(name, &parameters, &Patch::Merge(body))
            }
            Call::Json { name, body } => {
                let operations = serde_json::from_value((*body).clone())
                    .map_err(|error| ApiError::unexpected(&error.to_string()))?;
                resource.patch(
                    name,
                    &PatchParams::default(),
                    &Patch::Json::<()>(operations),
                )
            }
            Call::Delete { name, uid, version } => {
                let only = Preconditions {
                    uid: Some((*uid).to_owned()),
                    resource_version: version.map(str::to_owned),
                };
                resource.delete(name, &DeleteParams::background().preconditions(only))
            }
        };
        let request = request.map_err(|error| ApiError::unexpected(&error.to_string()))?;
        let response = self
            .client
            .send(request.map(Body::from))
            .await
            .map_err(|e| ApiError::unreachable(&e))?;
        let code = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect_bytes()
            .await
            .map_err(|e| ApiError::unreachable(&e))?;
        let body = serde_json::from_slice::<Value>(&bytes);
        if code >= 400 {
            return Err(ApiError::refused(code, body.ok().as_ref(), &bytes));
        }
        let body = body.map_err(|error| ApiError::unexpected(&error.to_string()))?;
        Ok(Answer {
            code,
            body,
            repeated: false,
        })
    }
}

impl Call<'_> {
    /// How long its answer is waited for.
    fn patience(&self) -> Duration {
        if self.writes() {
            WRITE_PATIENCE
        } else {
            READ_PATIENCE
        }
    }

    fn writes(&self) -> bool {
        !matches!(
            self,
            Self::Get { .. } | Self::List { .. } | Self::Find { .. }
        )
    }
}

impl Collection {
    /// The collection of a kind of the kind table.
    pub(crate) fn new(
        group: &str,
        version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<Self, EngineError> {
        let info = kinds::find(group, kind).ok_or_else(|| {
            EngineError::Desired(format!("kind `{kind}` of group `{group}` is not known"))
        })?;
        Ok(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: info.plural,
            namespace: namespace
                .filter(|_| info.scope == Scope::Namespaced)
                .map(str::to_owned),
        })
    }

    /// A collection of cluster-scoped objects, of a kind that no release holds.
    pub(crate) fn of_cluster(group: &str, version: &str, kind: &str, plural: &'static str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural,
            namespace: None,
        }
    }

    /// A collection of a namespace, of a kind that no release holds.
    pub(crate) fn read_only(
        group: &str,
        version: &str,
        kind: &str,
        plural: &'static str,
        namespace: Option<&str>,
    ) -> Self {
        Self {
            namespace: namespace.map(str::to_owned),
            ..Self::of_cluster(group, version, kind, plural)
        }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The same kind in all namespaces.
    pub(crate) fn everywhere(&self) -> Self {
        Self {
            namespace: None,
            ..self.clone()
        }
    }

    pub(crate) fn path(&self) -> String {
        let base = if self.group.is_empty() {
            "/api"
        } else {
            "/apis"
        };
        let namespace = self
            .namespace
            .as_ref()
            .map(|n| format!("/namespaces/{n}"))
            .unwrap_or_default();
        format!("{base}/{}{namespace}/{}", self.api_version(), self.plural)
    }
}

impl fmt::Display for Collection {
    /// `Deployment in acme`, `Namespace`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} in {namespace}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

impl ApiError {
    /// Whether the server may do it when asked again.
    fn is_transient(&self) -> bool {
        self.unreachable || self.code == 429 || self.code >= 500
    }

    /// Whether the server does not know the kind at all.
    pub(crate) fn is_unknown_kind(&self) -> bool {
        self.code == 404 && !self.about_object
    }

    /// A conflict that we found ourselves.
    pub(crate) fn conflict(message: &str) -> Self {
        Self {
            code: 409,
            reason: "Conflict".to_owned(),
            ..Self::unexpected(message)
        }
    }

    /// What another process follows by now is not written.
    pub(crate) fn over() -> Self {
        Self {
            reason: OVER.to_owned(),
            ..Self::unexpected("another process follows this part by now")
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.code == 0 && self.reason == OVER
    }

    pub(crate) fn unexpected(message: &str) -> Self {
        Self {
            code: 0,
            reason: String::new(),
            message: message.to_owned(),
            managers: Vec::new(),
            unreachable: false,
            about_object: false,
        }
    }

    fn unreachable(error: &kube::Error) -> Self {
        // The outer errors only say that a request failed; the innermost one says why.
        let mut source: &dyn std::error::Error = error;
        while let Some(inner) = source.source() {
            source = inner;
        }
        Self {
            unreachable: true,
            ..Self::unexpected(&source.to_string())
        }
    }

    fn silent(patience: Duration) -> Self {
        Self {
            unreachable: true,
            ..Self::unexpected(&format!("nothing for {} s", patience.as_secs()))
        }
    }

    fn refused(code: u16, status: Option<&Value>, bytes: &[u8]) -> Self {
        let text = |pointer: &str| {
            status
                .and_then(|s| s.pointer(pointer))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let causes = status
            .and_then(|s| s.pointer("/details/causes"))
            .and_then(Value::as_array);
        let mut managers: Vec<String> = causes
            .into_iter()
            .flatten()
            .filter(|cause| {
                cause.get("reason").and_then(Value::as_str) == Some("FieldManagerConflict")
            })
            // `conflict with "kubectl-edit" using apps/v1`
            .filter_map(|cause| {
                cause
                    .get("message")?
                    .as_str()?
                    .split('"')
                    .nth(1)
                    .map(str::to_owned)
            })
            .collect();
        managers.sort();
        managers.dedup();
        let message = match text("/message") {
            empty if empty.is_empty() => String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
                .trim()
                .to_owned(),
            message => message,
        };
        Self {
            code,
            reason: text("/reason"),
            message,
            managers,
            unreachable: false,
            about_object: !text("/details/name").is_empty(),
        }
    }
}

pub(crate) async fn client(connection: &Connection) -> Result<Client, String> {
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut config = match &connection.kubeconfig {
        Some(path) => {
            let named =
                |e: kube::config::KubeconfigError| format!("kubeconfig `{}`: {e}", path.display());
            let kubeconfig = Kubeconfig::read_from(path).map_err(named)?;
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(named)?
        }
        None if connection.context.is_some() => Config::from_kubeconfig(&options)
            .await
            .map_err(|e| e.to_string())?,
        None => Config::infer().await.map_err(|e| e.to_string())?,
    };
    // We repeat requests ourselves, also those that got no answer.
    config.default_retry = false;
    Client::try_from(config).map_err(|e| e.to_string())
}

#[cfg(test)]
pub(crate) mod tests;
