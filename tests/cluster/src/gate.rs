//! A way to the API server on which a request can be held up, as on a slow network.

use std::convert::Infallible;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::Notify;

use crate::error::ClusterError;

/// How often a held request looks whether it may go on.
const LOOK: Duration = Duration::from_millis(5);

/// Passes requests on to the API server as the user of a kubeconfig, and can hold up a write. Whoever is to be held
/// up uses [`Gate::kubeconfig`].
///
/// A request that is held up has left its sender and has not reached the server: a sender that is stopped meanwhile
/// stands between what it looked at and what it writes.
pub struct Gate {
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    ends: Arc<Notify>,
}

/// A request that changes something, and what the server said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Such as `PUT`.
    pub method: String,
    /// Without parameters.
    pub path: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether the next write, of anything but a Lease, is held up.
    armed: bool,
    /// Method and path of the one that is.
    held: Option<(String, String)>,
    released: bool,
    written: Vec<Written>,
}

impl Gate {
    /// Opens a gate; its kubeconfig is written into `folder`.
    pub fn start(kubeconfig: &Path, folder: &Path, name: &str) -> Result<Self, ClusterError> {
        let unexpected =
            |error: &dyn std::fmt::Display| ClusterError::Unexpected(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| unexpected(&e))?;
        let known = Kubeconfig::read_from(kubeconfig).map_err(|e| unexpected(&e))?;
        let client = runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(known, &options).await;
            let mut config = config.map_err(|e| unexpected(&e))?;
            // A watch is silent for as long as nothing happens.
            config.read_timeout = None;
            Client::try_from(config).map_err(|e| unexpected(&e))
        })?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| unexpected(&e))?;
        listener.set_nonblocking(true).map_err(|e| unexpected(&e))?;
        let address = listener.local_addr().map_err(|e| unexpected(&e))?;
        let file = folder.join(format!("{name}.kubeconfig"));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: gate\n\
             clusters:\n- name: gate\n  cluster:\n    server: http://{address}\n\
             users:\n- name: gate\n  user: {{}}\n\
             contexts:\n- name: gate\n  context:\n    cluster: gate\n    user: gate\n"
        );
        fs::write(&file, text).map_err(ClusterError::io(&file))?;
        let shared = Arc::new(Shared::default());
        let ends = Arc::new(Notify::new());
        let (of_thread, end) = (Arc::clone(&shared), Arc::clone(&ends));
        std::thread::spawn(move || runtime.block_on(serve(listener, client, of_thread, end)));
        Ok(Self {
            kubeconfig: file,
            shared,
            ends,
        })
    }

    /// Leads through the gate.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Holds the next write up, whatever it writes but Leases.
    pub fn hold(&self) {
        let mut state = self.shared.lock();
        state.armed = true;
        state.released = false;
        state.held = None;
    }

    /// Method and path of the write that is held up, as soon as there is one.
    pub fn held(&self, patience: Duration) -> Result<(String, String), ClusterError> {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, patience, |state| state.held.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.held.clone().ok_or_else(|| ClusterError::TimedOut {
            what: "a write to be held up".to_owned(),
            seconds: patience.as_secs(),
            last: format!("{:?}", state.written.last()),
        })
    }

    /// Lets the write pass that is held up, and returns what the server said to it.
    pub fn release(&self, patience: Duration) -> Result<Written, ClusterError> {
        let mut state = self.shared.lock();
        let before = state.written.len();
        state.released = true;
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, patience, |state| state.held.is_some());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let passed = state.written.get(before).cloned();
        passed.ok_or_else(|| ClusterError::TimedOut {
            what: "an answer to the write that was held up".to_owned(),
            seconds: patience.as_secs(),
            last: String::new(),
        })
    }

    /// What was written so far through the gate, but for Leases.
    pub fn written(&self) -> Vec<Written> {
        self.shared.lock().written.clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.ends.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: TcpListener, client: Client, shared: Arc<Shared>, ends: Arc<Notify>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let stream = tokio::select! {
            () = ends.notified() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else { continue };
        let (client, shared) = (client.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let service =
                service_fn(move |request| pass(request, client.clone(), Arc::clone(&shared)));
            // A client that goes away is nothing to tell of.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

/// Passes one request on.
async fn pass(
    request: Request<Incoming>,
    client: Client,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    let writes = parts.method != Method::GET && !path.contains("/leases");
    let Ok(body) = body.collect().await else {
        return Ok(failed("the request was cut off"));
    };
    let is_held = {
        let mut state = shared.lock();
        let is_held = writes && std::mem::take(&mut state.armed);
        if is_held {
            state.held = Some((method.clone(), path.clone()));
            shared.changed.notify_all();
        }
        is_held
    };
    let until = Instant::now() + Duration::from_mins(10);
    while is_held && !shared.lock().released && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    let mut onward = Request::builder().method(parts.method).uri(parts.uri);
    for (name, value) in &parts.headers {
        if name != hyper::header::HOST {
            onward = onward.header(name, value);
        }
    }
    let answer = match onward.body(Body::from(body.to_bytes())) {
        Ok(onward) => client.send(onward).await.map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let answer = answer.unwrap_or_else(|error| failed(&error));
    if writes {
        let mut state = shared.lock();
        let code = answer.status().as_u16();
        state.written.push(Written { method, path, code });
        if is_held {
            state.held = None;
        }
        shared.changed.notify_all();
    }
    Ok(answer)
}

fn failed(why: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(why.as_bytes().to_vec()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
