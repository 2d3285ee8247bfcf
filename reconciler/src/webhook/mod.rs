//! Being told by a Git host that there is something new.
//!
//! A request that is authentic says "look now", and nothing else of it is believed, kept or logged: what is new is
//! read from the repository as at any other time. So whoever steals the secret gains a look at most once a second.
//!
//! The server runs in a thread of its own, takes a bounded number of connections for a bounded time each, and shares
//! nothing with the loop but that one word. Without TLS: it belongs behind whatever ends TLS in a cluster.

mod answer;
mod secret;

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

pub use secret::{SecretError, SecretFile};

use crate::follow::{About, Level, Log};
use answer::answer;

/// How many connections are served at the same time; further ones are closed.
const CONNECTIONS: usize = 64;
/// How long the head of a request may take.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take from its first byte to its last.
const WHOLE_MAX: Duration = Duration::from_secs(30);
/// How large the head of a request may be, in bytes.
const BUFFER_MAX: usize = 16 * 1024;
/// The pause between two looks; whoever asks in between gets one at its end.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How often refused requests are logged.
const REFUSED_PAUSE: Duration = Duration::from_mins(1);

/// Why nobody can be listened to.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address is taken, or not one of this machine.
    #[error("cannot listen at `{address}`: {error}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no secret to tell an authentic request by.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Listens at `address` as long as the process lives; `look` is called after authentic requests, at most once a
/// second. The answer is where it listens, which differs from `address` where that has port 0.
pub fn listen(
    address: SocketAddr,
    secret: SecretFile,
    log: Log,
    mut look: impl FnMut() + Send + 'static,
) -> Result<SocketAddr, WebhookError> {
    let failed = |error| WebhookError::Listen { address, error };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    // One that waits is enough: it looks at whatever is new by then.
    let (asked, asks): (SyncSender<()>, Receiver<()>) = sync_channel(1);
    thread::spawn(move || {
        while asks.recv().is_ok() {
            look();
            thread::sleep(LOOK_PAUSE);
        }
    });
    let gate = Arc::new(Gate {
        secret,
        asked,
        refused: Mutex::default(),
        log,
    });
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(failed)?
    };
    thread::spawn(move || runtime.block_on(serve(&listener, &gate)));
    Ok(bound)
}

async fn serve(listener: &tokio::net::TcpListener, gate: &Arc<Gate>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // No descriptor is left: some come back when connections end.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            gate.refused(peer.ip(), "too many connections");
            continue;
        };
        let gate = Arc::clone(gate);
        tokio::spawn(async move {
            let of_service = Arc::clone(&gate);
            let service = service_fn(move |request| {
                let gate = Arc::clone(&of_service);
                async move {
                    let response = answer(request, &gate.secret).await;
                    match response.status() {
                        StatusCode::ACCEPTED => gate.accepted(),
                        status => gate.refused(peer.ip(), status.as_str()),
                    }
                    Ok::<_, std::convert::Infallible>(response)
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_MAX)
                .keep_alive(false)
                .max_buf_size(BUFFER_MAX)
                .serve_connection(TokioIo::new(stream), service);
            match tokio::time::timeout(WHOLE_MAX, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => gate.refused(peer.ip(), "not HTTP, or broken off"),
                Err(_) => gate.refused(peer.ip(), "too slow"),
            }
            drop(place);
        });
    }
}

/// What the connections share.
struct Gate {
    secret: SecretFile,
    asked: SyncSender<()>,
    refused: Mutex<Refused>,
    log: Log,
}

/// The refused requests that were not logged yet.
#[derive(Default)]
struct Refused {
    count: u64,
    logged: Option<Instant>,
}

impl Gate {
    fn accepted(&self) {
        // When one waits already, this one is part of it.
        let _ = self.asked.try_send(());
    }

    /// Says who was refused, once a minute at most: nobody may fill the log.
    fn refused(&self, peer: IpAddr, why: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count += 1;
        if refused
            .logged
            .is_some_and(|logged| logged.elapsed() < REFUSED_PAUSE)
        {
            return;
        }
        let said = match refused.count {
            1 => format!("webhook: a request from {peer} was refused ({why})"),
            count => {
                format!("webhook: {count} requests were refused, the last from {peer} ({why})")
            }
        };
        self.log.line(Level::Error, About::default(), &said);
        *refused = Refused {
            count: 0,
            logged: Some(Instant::now()),
        };
    }
}

#[cfg(test)]
mod tests;
