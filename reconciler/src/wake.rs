//! What wakes the loop of the program before its next look: files of the repository, and a Git host.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orz_gitops::{Fetching, Repo};
use orz_reconciler::follow::{About, Level, Log, Touches};
use orz_reconciler::notice::{Notice, Notices, Watch};
use orz_reconciler::webhook::{self, SecretFile, WebhookError};

/// How often the files of the branches are looked at where the operating system does not tell of them: a few system
/// calls.
const LOOK: Duration = Duration::from_millis(50);

/// Where a Git host says that there is something new.
#[derive(clap::Args)]
pub(crate) struct WebhookArguments {
    /// Listens at this address for webhooks of a Git host, and looks at once when one comes; without TLS
    #[arg(long, value_name = "ADDR", requires = "webhook_secret_file")]
    webhook: Option<SocketAddr>,
    /// The file with the webhook's secret; several, one a line, while it is exchanged
    #[arg(long, value_name = "FILE", requires = "webhook")]
    webhook_secret_file: Option<PathBuf>,
}

/// Wakes the loop when a branch moves here; as long as the value lives.
pub(crate) fn on_branches(repo: &Repo, touches: Touches, log: Log) -> Notices {
    let watch = Watch::files(repo.branch_files(), LOOK);
    Notices::start(watch, move |notice| {
        if let Notice::Looking { why, every } = notice {
            let said = format!("{why}; looks at the branches every {every:?}");
            log.line(Level::Error, About::default(), &said);
        }
        // If the loop has ended there is nobody to wake.
        touches.touch(BTreeSet::new());
    })
}

/// Fetches, or looks here, when a Git host says so.
pub(crate) fn on_webhook(
    arguments: &WebhookArguments,
    fetching: Option<Arc<Fetching>>,
    touches: Touches,
    log: Log,
) -> Result<(), WebhookError> {
    let (Some(address), Some(file)) = (arguments.webhook, &arguments.webhook_secret_file) else {
        return Ok(());
    };
    let secret = SecretFile::open(file)?;
    let bound = webhook::listen(address, secret, log, move || {
        log.line(
            Level::Info,
            About::default(),
            "webhook: the Git host has something new",
        );
        match &fetching {
            Some(fetching) => fetching.now(),
            None => drop(touches.touch(BTreeSet::new())),
        }
    })?;
    let said = format!("webhook: listens at {bound}");
    log.line(Level::Info, About::default(), &said);
    Ok(())
}
