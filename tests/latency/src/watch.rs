//! Every Application as a watch tells it, with the moments that count.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures::{TryStreamExt, pin_mut};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::{Client, Config};
use orz_cluster_tests::argocd::NAMESPACE;
use serde_json::Value;

use crate::Outcome;

/// One Application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Application {
    /// The release that it is pointed at, and since when.
    pub(crate) target: String,
    pub(crate) pointed: Option<Instant>,
    /// When Argo CD was first seen to put that release in place.
    pub(crate) begun: Option<Instant>,
    /// When the operation for it was first seen to have succeeded.
    pub(crate) succeeded: Option<Instant>,
    /// When all was first seen of it: synced to it, healthy, and the operation for it succeeded.
    pub(crate) in_place: Option<Instant>,
    /// Whether that is so now.
    pub(crate) is_in_place: bool,
    /// The same, whatever its health.
    pub(crate) is_synced: bool,
    /// The ApplicationSet that owns it; empty when none does.
    pub(crate) owner: String,
    /// Where it stands, for people.
    pub(crate) state: String,
}

/// All of them, kept up to date by a thread. Nobody asks for them again and again: a list of two thousand keeps an
/// API server busy.
pub(crate) struct Watched(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    applications: BTreeMap<String, Application>,
    changed: Option<Instant>,
    error: Option<String>,
}

/// A watch is begun anew after so long.
const WATCH_SECONDS: u32 = 280;
/// Nothing has changed for so long: nobody has anything left to do.
const QUIET: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_mins(1);

impl Watched {
    /// Begins to watch.
    pub(crate) fn start(kubeconfig: &Path) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let config = Kubeconfig::read_from(kubeconfig)?;
        let client = runtime.block_on(async {
            let config =
                Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
            Ok::<_, Box<dyn std::error::Error>>(Client::try_from(config)?)
        })?;
        let shared = Arc::new(Shared::default());
        let watched = Self(Arc::clone(&shared));
        thread::spawn(move || {
            while let Err(error) = runtime.block_on(session(&client, &shared)) {
                shared.lock().error = Some(error.to_string());
                thread::sleep(Duration::from_secs(1));
            }
        });
        Ok(watched)
    }

    /// Waits until the condition holds for one, which is returned.
    pub(crate) fn until(
        &self,
        name: &str,
        patience: Duration,
        condition: impl Fn(&Application) -> bool,
    ) -> Outcome<Application> {
        let deadline = Instant::now() + patience;
        let mut state = self.0.lock();
        loop {
            if let Some(found) = state.applications.get(name).filter(|a| condition(a)) {
                return Ok(found.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last = state.applications.get(name);
                return Err(format!("{name} after {patience:?}: {last:?}").into());
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many of all satisfy a condition, and one that does not.
    pub(crate) fn count(
        &self,
        condition: impl Fn(&Application) -> bool,
    ) -> Outcome<(usize, Option<String>)> {
        let state = self.0.lock();
        if let Some(error) = &state.error {
            return Err(format!("the watch of Applications: {error}").into());
        }
        let mut other = None;
        let mut count = 0;
        for (name, application) in &state.applications {
            if condition(application) {
                count += 1;
            } else if other.is_none() {
                other = Some(format!("{name}: {}", application.state));
            }
        }
        Ok((count, other))
    }

    /// Waits until no Application has changed for a while. Argo CD looks at each of many now and then, so this is
    /// no more than an attempt.
    pub(crate) fn until_quiet(&self) {
        let begun = Instant::now();
        while begun.elapsed() < ATTEMPT {
            let changed = self.0.lock().changed;
            if changed.is_none_or(|at| at.elapsed() > QUIET) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, object: &Value) {
        let now = Instant::now();
        let mut state = self.lock();
        state.changed = Some(now);
        let name = text(object, "/metadata/name").to_owned();
        state
            .applications
            .entry(name)
            .or_default()
            .update(object, now);
        drop(state);
        self.changed.notify_all();
    }
}

impl Application {
    fn update(&mut self, object: &Value, now: Instant) {
        let target = text(object, "/spec/source/targetRevision");
        if target != self.target {
            *self = Self {
                target: target.to_owned(),
                pointed: Some(now),
                ..Self::default()
            };
        }
        let of_target = |pointer: &str| text(object, pointer) == self.target;
        let phase = text(object, "/status/operationState/phase");
        let sync = text(object, "/status/sync/status");
        let health = text(object, "/status/health/status");
        let tried = of_target("/status/operationState/operation/sync/revision")
            || of_target("/status/operationState/syncResult/revision");
        let succeeded = tried && phase == "Succeeded";
        self.is_synced = succeeded && sync == "Synced" && of_target("/status/sync/revision");
        self.is_in_place = self.is_synced && health == "Healthy";
        for (moment, reached) in [
            (&mut self.begun, tried),
            (&mut self.succeeded, succeeded),
            (&mut self.in_place, self.is_in_place),
        ] {
            if reached {
                moment.get_or_insert(now);
            }
        }
        text(object, "/metadata/ownerReferences/0/name").clone_into(&mut self.owner);
        self.state = format!("{sync} {health} {phase}");
    }
}

/// One list and one watch after another. Ends only with an error.
async fn session(client: &Client, shared: &Shared) -> Outcome {
    let resource = Request::new(format!(
        "/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
    ));
    let request = resource.list(&ListParams::default())?;
    let list: Value = client.request(request).await?;
    let items = list.get("items").and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .for_each(|item| shared.put(item));
    let mut version = text(&list, "/metadata/resourceVersion").to_owned();
    let parameters = WatchParams::default().timeout(WATCH_SECONDS);
    loop {
        let request = resource.watch(&parameters, &version)?;
        let events = client.request_events::<Value>(request).await?;
        pin_mut!(events);
        while let Some(event) = events.try_next().await? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    text(&object, "/metadata/resourceVersion").clone_into(&mut version);
                    shared.put(&object);
                }
                WatchEvent::Deleted(object) => {
                    text(&object, "/metadata/resourceVersion").clone_into(&mut version);
                    let name = text(&object, "/metadata/name");
                    shared.lock().applications.remove(name);
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Error(status) => return Err(status.message.into()),
            }
        }
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
