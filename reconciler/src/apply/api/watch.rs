//! A collection kept in memory by a list and a watch, in a thread of its own.
//!
//! What is read here costs no request. It may be a moment old, never half of a list, and never from a
//! time when the server could not be reached: then there is no answer at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::{self, Either};
use futures::{TryStreamExt, pin_mut};
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use orz_core::Value;

use super::{ApiError, Collection, Connection, PAGE, client};
use crate::engine::EngineError;

/// How long the first list may take before a reader is told that there is none.
const FIRST_LIST: Duration = Duration::from_secs(30);
/// A watch is begun anew this often, so that a connection that died silently is noticed.
const WATCH_SECONDS: u32 = 60;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The objects of one collection, by name.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

/// What the thread and the readers share.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    /// Whether a list was read to its end since the server was last unreachable.
    complete: bool,
    error: Option<ApiError>,
    /// Names that changed since somebody asked.
    touched: BTreeSet<String>,
    stopped: bool,
}

impl Watch {
    /// Begins to watch `collection`, which stands in one namespace. `trim` takes away what no reader needs.
    pub(crate) fn start(
        connection: &Connection,
        collection: Collection,
        trim: fn(&mut Value),
    ) -> Result<Self, EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| EngineError::Connect(error.to_string()))?;
        let client = runtime
            .block_on(client(connection))
            .map_err(EngineError::Connect)?;
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name(format!("watch {}", collection.plural))
            .spawn(move || {
                runtime.block_on(async {
                    let follow = follow(&client, &collection, &for_thread, trim);
                    pin_mut!(follow);
                    match future::select(follow, stopped).await {
                        Either::Left(((), _)) | Either::Right(_) => {}
                    }
                });
                for_thread.lock().stopped = true;
                for_thread.changed.notify_all();
            })
            .map_err(|error| EngineError::Connect(error.to_string()))?;
        Ok(Self {
            shared,
            stop: Some(stop),
        })
    }

    /// The object of this name; `None` when there is none.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Value>, ApiError> {
        Ok(self.complete()?.objects.get(name).cloned())
    }

    /// Takes in an answer to a write of ours, which the watch will bring later.
    pub(crate) fn put(&self, object: Value) {
        self.shared.lock().put(object);
    }

    /// Whoever wants to be woken by changes.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The state once a list was read to its end, or why there is none.
    fn complete(&self) -> Result<MutexGuard<'_, State>, ApiError> {
        let deadline = Instant::now() + FIRST_LIST;
        let mut state = self.shared.lock();
        loop {
            if state.complete {
                return Ok(state);
            }
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ApiError::unexpected("the first list has not come in time"));
            }
            state = self.shared.wait(state, left);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by itself.
            stop.send(()).ok();
        }
    }
}

impl Shared {
    /// The names that changed since the last call; waits at most `patience` for the first one.
    pub(crate) fn changes(&self, patience: Duration) -> BTreeSet<String> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if !state.touched.is_empty() || state.stopped || left.is_zero() {
                return std::mem::take(&mut state.touched);
            }
            state = self.wait(state, left);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left whole values: nothing is changed in two steps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, patience: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl State {
    fn put(&mut self, object: Value) {
        let Some(name) = name(&object).map(str::to_owned) else {
            return;
        };
        let known = self.objects.get(&name);
        if known.is_some_and(|known| version(known) > version(&object)) {
            return;
        }
        if known.is_none_or(|known| version(known) != version(&object)) {
            self.touched.insert(name.clone());
        }
        self.objects.insert(name, object);
    }

    fn remove(&mut self, object: &Value) {
        let Some(name) = name(object) else { return };
        if self
            .objects
            .get(name)
            .is_some_and(|known| version(known) <= version(object))
        {
            self.objects.remove(name);
            self.touched.insert(name.to_owned());
        }
    }

    /// Takes in a whole list: what is not in it is gone.
    fn replace(&mut self, objects: Vec<Value>) {
        let listed: BTreeSet<String> = objects
            .iter()
            .filter_map(|object| name(object).map(str::to_owned))
            .collect();
        let gone: Vec<String> = self
            .objects
            .keys()
            .filter(|name| !listed.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            self.objects.remove(&name);
            self.touched.insert(name);
        }
        for object in objects {
            let Some(name) = name(&object).map(str::to_owned) else {
                continue;
            };
            let known = self.objects.get(&name);
            if known.is_none_or(|known| version(known) != version(&object)) {
                self.touched.insert(name.clone());
            }
            // Also over a newer one: a cluster that was restored counts from an older version on.
            self.objects.insert(name, object);
        }
        self.complete = true;
        self.error = None;
    }
}

/// Lists and watches for ever.
async fn follow(client: &Client, collection: &Collection, shared: &Shared, trim: fn(&mut Value)) {
    let mut pause = PAUSE_MIN;
    loop {
        let begun = Instant::now();
        let ended = session(client, collection, shared, trim).await;
        if begun.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        // A version that is too old is no failure: what is known is true until the next list is there.
        if let Err(error) = ended {
            // Readers wait for the next list, and are told only when that fails too.
            shared.change(|state| {
                let was_complete = std::mem::take(&mut state.complete);
                state.error = (!was_complete).then_some(error);
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// One list and the watches that go on from it. Ends well when a new list is needed.
async fn session(
    client: &Client,
    collection: &Collection,
    shared: &Shared,
    trim: fn(&mut Value),
) -> Result<(), ApiError> {
    let resource = Request::new(collection.path());
    let unusable = |error: &dyn std::error::Error| ApiError::unexpected(&error.to_string());
    let typed = |mut object: Value| {
        object["apiVersion"] = Value::from(collection.api_version());
        object["kind"] = Value::from(collection.kind.as_str());
        trim(&mut object);
        object
    };

    let mut objects = Vec::new();
    let mut parameters = ListParams::default().limit(PAGE);
    let mut version = loop {
        let request = resource.list(&parameters).map_err(|e| unusable(&e))?;
        let mut page: Value = client.request(request).await.map_err(|e| refused(&e))?;
        let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
            return Err(ApiError::unexpected("the answer is no list"));
        };
        objects.extend(items.into_iter().map(typed));
        let metadata = |field: &str| {
            let found = page.pointer("/metadata").and_then(|m| m.get(field));
            found.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let token = metadata("continue");
        if token.is_empty() {
            break metadata("resourceVersion");
        }
        parameters.continue_token = Some(token);
    };
    shared.change(|state| state.replace(objects));

    let parameters = WatchParams::default().timeout(WATCH_SECONDS);
    loop {
        let begun = Instant::now();
        let request = resource
            .watch(&parameters, &version)
            .map_err(|e| unusable(&e))?;
        let events = client
            .request_events::<Value>(request)
            .await
            .map_err(|e| refused(&e))?;
        pin_mut!(events);
        while let Some(event) = events.try_next().await.map_err(|e| refused(&e))? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    resume_from(&object, &mut version);
                    shared.change(|state| state.put(typed(object)));
                }
                WatchEvent::Deleted(object) => {
                    resume_from(&object, &mut version);
                    shared.change(|state| state.remove(&object));
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                // The version is too old to go on from.
                WatchEvent::Error(status) if status.code == 410 => return Ok(()),
                WatchEvent::Error(status) => return Err(ApiError::unexpected(&status.message)),
            }
        }
        if begun.elapsed() < PAUSE_MIN {
            tokio::time::sleep(PAUSE_MIN).await;
        }
    }
}

fn resume_from(object: &Value, version: &mut String) {
    if let Some(newer) = object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
    {
        newer.clone_into(version);
    }
}

pub(crate) fn refused(error: &kube::Error) -> ApiError {
    match error {
        kube::Error::Api(status) => ApiError {
            code: status.code,
            reason: status.reason.clone(),
            ..ApiError::unexpected(&status.message)
        },
        error => ApiError::unreachable(error),
    }
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name").and_then(Value::as_str)
}

/// Versions of one collection are numbers that grow.
fn version(object: &Value) -> Option<u64> {
    object
        .pointer("/metadata/resourceVersion")?
        .as_str()?
        .parse()
        .ok()
}
