//! Wakes whoever follows pointers when a live object changed: by watches of metadata, one for each kind that parts
//! hold, of nothing but objects that carry a mark.
//!
//! - [`known`] says which changes are news, [`stream`] brings them.
//!
//! Nothing is decided from what is read here, and nothing is lost when it is late: a part that was touched is
//! observed as always, and one that was not is looked at again after the drift interval.

mod known;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::Client;
use orz_core::Value;
use orz_core::id::{Part, TenantName};
use orz_core::object::ObjectKey;

use super::Connection;
use super::api::{ApiError, Collection, client};
use crate::engine::EngineError;
pub(crate) use known::PartName;
use known::{Known, Name};

/// Watches the objects of every part that the engines sharing it have observed.
///
/// Its thread ends with the last of its clones.
#[derive(Clone)]
pub struct LiveWatch {
    shared: Arc<Shared>,
    commands: UnboundedSender<Command>,
}

/// What there is to say after a while of waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Woken {
    /// Parts of which something changed that no pass has seen.
    pub parts: BTreeSet<(TenantName, Part)>,
    /// Kinds that cannot be watched, each said once until it works again.
    pub troubles: Vec<String>,
}

enum Command {
    Watch(Collection),
    Leave(Collection),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    known: Known,
    /// The kinds that cannot be watched, and why.
    troubled: BTreeMap<Collection, String>,
    unsaid: Vec<String>,
}

impl LiveWatch {
    /// A watch that begins with the first observation of an engine that has it.
    pub fn start(connection: &Connection) -> Result<Self, EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| EngineError::Connect(error.to_string()))?;
        let client = runtime
            .block_on(client(connection))
            .map_err(EngineError::Connect)?;
        let shared = Arc::new(Shared::default());
        let (commands, receiver) = unbounded();
        let for_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("watch objects".to_owned())
            .spawn(move || runtime.block_on(obey(client, receiver, for_thread)))
            .map_err(|error| EngineError::Connect(error.to_string()))?;
        Ok(Self { shared, commands })
    }

    /// What happened since the last call; waits at most `patience` for the first of it.
    pub fn wait(&self, patience: Duration) -> Woken {
        let deadline = Instant::now() + patience;
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            let woken = Woken {
                parts: state.known.touched(now),
                troubles: std::mem::take(&mut state.unsaid),
            };
            if woken != Woken::default() || now >= deadline {
                return woken;
            }
            let until = state.known.next().map_or(deadline, |at| at.min(deadline));
            let left = until.saturating_duration_since(now);
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The part consists of these objects, by collection and name; none: it is no longer watched.
    pub(crate) fn holds<'a>(
        &self,
        part: &PartName,
        objects: impl Iterator<Item = (&'a Collection, &'a String)>,
    ) {
        let mut held: BTreeMap<Collection, BTreeSet<Name>> = BTreeMap::new();
        for (collection, name) in objects {
            let name = (collection.namespace.clone(), name.clone());
            held.entry(collection.everywhere())
                .or_default()
                .insert(name);
        }
        let kinds = self.shared.lock().known.holds(part, held);
        let commands = kinds.over.into_iter().map(Command::Leave);
        for command in commands.chain(kinds.new.into_iter().map(Command::Watch)) {
            // The thread lives as long as this sender.
            self.commands.unbounded_send(command).ok();
        }
    }

    /// A pass has read an object, or found that there is none.
    pub(crate) fn saw(&self, collection: &Collection, name: &str, object: Option<&Value>) {
        let name = (collection.namespace.clone(), name.to_owned());
        let version = object.and_then(known::version);
        let kind = collection.everywhere();
        self.shared.lock().known.saw(&kind, &name, version);
    }

    /// A pass has written an object, and this is the answer.
    pub(crate) fn wrote(&self, key: &ObjectKey, version: &str, object: &Value) {
        let collection = Collection::new(&key.group, version, &key.kind, key.namespace.as_deref());
        if let Ok(collection) = collection {
            self.saw(&collection, &key.name, Some(object));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left whole values; what a pass has seen is seen again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Takes down that a kind cannot be watched. A server that is away is said by whoever wants something of it.
    fn trouble(&self, kind: &Collection, error: &ApiError) {
        if error.unreachable {
            return;
        }
        let said = format!("{kind} is not watched, so that changes are found late: {error}");
        self.change(|state| {
            let before = state.troubled.insert(kind.clone(), said.clone());
            if before.as_ref() != Some(&said) {
                state.unsaid.push(said);
            }
        });
    }
}

/// Begins and ends streams as it is told.
async fn obey(client: Client, mut commands: UnboundedReceiver<Command>, shared: Arc<Shared>) {
    let mut streams = BTreeMap::new();
    while let Some(command) = commands.next().await {
        match command {
            Command::Watch(kind) => {
                let follow = stream::follow(client.clone(), kind.clone(), Arc::clone(&shared));
                let task = tokio::spawn(follow);
                if let Some(before) = streams.insert(kind, task) {
                    before.abort();
                }
            }
            Command::Leave(kind) => {
                if let Some(task) = streams.remove(&kind) {
                    task.abort();
                }
                shared.lock().troubled.remove(&kind);
            }
        }
    }
    for task in streams.into_values() {
        task.abort();
    }
}
