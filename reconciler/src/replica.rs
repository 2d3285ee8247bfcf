//! One of several processes that share the tenants of a cluster.

use std::error::Error;
use std::thread;
use std::time::Duration;

use clap::Args;
use orz_reconciler::apply::Connection;
use orz_reconciler::follow::Log;
use orz_reconciler::lease::{Leases, Replica};
use tokio::signal::unix::{SignalKind, signal};

use crate::EngineName;

/// Who this process is among the replicas.
#[derive(Args)]
pub(crate) struct ReplicaArguments {
    /// The name of this replica, where several share the tenants of a cluster: unlike that of any other, such as the
    /// name of the pod. Each follows its share, and the tenants of one that dies go to the others [default: one
    /// process follows all]
    #[arg(long, env = "ORZ_REPLICA", value_name = "NAME", value_parser = replica_name)]
    replica: Option<String>,
    /// With `--replica`: how long a replica may stand still before the others take its tenants
    #[arg(long, default_value = "15s", value_parser = lease, requires = "replica")]
    lease: Duration,
}

/// How long giving up leases may take, within the half minute that Kubernetes gives a pod.
const GIVE_UP_PATIENCE: Duration = Duration::from_secs(5);

impl ReplicaArguments {
    /// Begins to take leases; `None` where one process follows all.
    pub(crate) fn leases(
        &self,
        engine: EngineName,
        connection: &Connection,
        log: Log,
    ) -> Result<Option<Leases>, Box<dyn Error>> {
        let Some(name) = &self.replica else {
            return Ok(None);
        };
        if engine == EngineName::Dir {
            let said =
                "engine `dir` has no leases: `--replica` is for engines `apply` and `argocd`";
            return Err(said.into());
        }
        let replica = Replica {
            name: name.clone(),
            lease: self.lease,
        };
        let leases = Leases::start(connection, replica, log)?;
        give_up_at_the_end(leases.clone())?;
        Ok(Some(leases))
    }
}

/// Gives the leases up when the process is asked to end, so that nobody waits for them to run out.
#[expect(
    clippy::exit,
    reason = "the loop never returns, and whatever it does may end at any instant"
)]
fn give_up_at_the_end(leases: Leases) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _guard = runtime.enter();
    let mut asked = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = asked.recv() => {}
                _ = interrupted.recv() => {}
            }
        });
        leases.stop(GIVE_UP_PATIENCE);
        std::process::exit(0);
    });
    Ok(())
}

/// A duration that a Lease can state, which counts whole seconds.
fn lease(text: &str) -> Result<Duration, String> {
    let lease = crate::duration(text)?;
    if lease < Duration::from_secs(1) || lease.subsec_millis() > 0 {
        return Err("whole seconds, at least one".to_owned());
    }
    Ok(lease)
}

/// What the name of a Lease may end in.
fn replica_name(text: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.len() <= 200
        && text.starts_with(is_word)
        && text.ends_with(is_word)
        && text.chars().all(|c| is_word(c) || c == '-' || c == '.');
    fits.then(|| text.to_owned()).ok_or_else(|| {
        "lower-case letters, digits, `-` and `.`, as in the name of a pod".to_owned()
    })
}
