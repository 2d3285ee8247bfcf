//! `orz-reconciler`: makes one cluster or directory follow the pointers of a GitOps repository.

mod remote;
mod replica;
mod trust;
mod wake;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use orz_core::id::{ClusterName, CommitId};
use orz_gitops::Signing;
use orz_reconciler::apply::{ApplyEngine, Connection, LiveWatch, Woken};
use orz_reconciler::argocd::{ArgoEngine, ArgoSettings};
use orz_reconciler::dir::DirEngine;
use orz_reconciler::follow::{
    About, Follower, Given, Level, Log, LogFormat, Settings, SystemClock,
};
use orz_reconciler::{Engine, Options, Outcome, TenantReport, reconcile};
use remote::Source;
use replica::ReplicaArguments;
use trust::Writes;
use wake::WebhookArguments;

/// Makes one cluster or directory follow the pointers of a GitOps repository, judges what it activates, and takes
/// back what does not become healthy
#[derive(Parser)]
#[command(name = "orz-reconciler", version)]
struct Arguments {
    /// The GitOps repository: a folder, bare or not, or a URL
    #[arg(long, env = "ORZ_GITOPS", hide_env_values = true)]
    gitops: PathBuf,
    /// The name of the cluster whose pointers are followed
    #[arg(long, default_value = "in-cluster")]
    cluster: ClusterName,
    /// What the objects are put into
    #[arg(long, value_enum)]
    engine: EngineName,
    /// The directory of engine `dir`
    #[arg(long, required_if_eq("engine", "dir"))]
    target: Option<PathBuf>,
    /// The kubeconfig of engines `apply` and `argocd`; default: KUBECONFIG, ~/.kube/config, or the pod's
    /// service account
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long)]
    context: Option<String>,
    /// The address at which Argo CD reads the GitOps repository, for engine `argocd`
    #[arg(long, required_if_eq("engine", "argocd"))]
    argocd_repo: Option<String>,
    /// The namespace of Argo CD
    #[arg(long, default_value = "argocd")]
    argocd_namespace: String,
    /// One pass without judgement; exits with 1 when a pointer could not be followed
    #[arg(long)]
    once: bool,
    /// Seconds that parts may wait with `--once` for what they require from other parts
    #[arg(long, default_value_t = 0)]
    wait: u64,
    /// How many tenants are worked on at the same time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// How long a release must have been healthy without a break to be verified [default: what the live release of
    /// `orz-platform` says, else 2m]
    #[arg(long, value_parser = duration)]
    soak: Option<Duration>,
    /// How long a release may be unhealthy before it is taken back, unless it asks for more itself [default:
    /// `orz-platform`, else 10m]
    #[arg(long, value_parser = duration)]
    deadline: Option<Duration>,
    /// How far back failures count for the brake [default: `orz-platform`, else 10m]
    #[arg(long, value_parser = duration)]
    brake_window: Option<Duration>,
    /// So many failures within that time never set the brake [default: `orz-platform`, else 5]
    #[arg(long)]
    brake_min: Option<u64>,
    /// How often the branches are looked at although nothing tells of a change [default: 1s; on a remote 5s, with
    /// jitter]
    #[arg(long, value_parser = duration)]
    poll: Option<Duration>,
    #[command(flatten)]
    webhook: WebhookArguments,
    /// How often a part of which nothing is expected is looked at, for what was changed unseen [default:
    /// `orz-platform`, else 10m]
    #[arg(long, value_parser = duration)]
    drift_interval: Option<Duration>,
    /// How often status is published at most [default: `orz-platform`, else 1m]
    #[arg(long, value_parser = duration)]
    status_interval: Option<Duration>,
    /// Follows only pointers and releases that one of these keys signed: a file as `gpg.ssh.allowedSignersFile` of
    /// Git takes it, read at the start
    #[arg(
        long,
        env = "ORZ_TRUSTED_PUBLISHERS",
        hide_env_values = true,
        value_name = "FILE"
    )]
    trusted_publishers: Option<PathBuf>,
    /// Takes this commit and all before it as they are; repeatable, one of `main` and one of `releases`
    #[arg(
        long,
        env = "ORZ_TRUSTED_SINCE",
        hide_env_values = true,
        value_name = "COMMIT",
        requires = "trusted_publishers",
        value_delimiter = ','
    )]
    trusted_since: Vec<CommitId>,
    #[command(flatten)]
    replica: ReplicaArguments,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormatName::Text)]
    log_format: LogFormatName,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// A folder for each tenant
    Dir,
    /// Server-side apply to a Kubernetes API server
    Apply,
    /// One Application of Argo CD for each part
    Argocd,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormatName {
    /// `key=value`
    Text,
    /// One JSON object a line
    Json,
}

/// How long a wait for changes may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The shortest interval at which anything is looked at.
const SHORTEST: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = Log {
        format: match arguments.log_format {
            LogFormatName::Text => LogFormat::Text,
            LogFormatName::Json => LogFormat::Json,
        },
    };
    let done = if arguments.once {
        once(&arguments, log)
    } else {
        follow(&arguments, log).map(|()| ExitCode::SUCCESS)
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            log.line(Level::Error, About::default(), &error.to_string());
            // The machine's fault or ours, as every command of orz says it.
            ExitCode::from(orz_core::exit::ExitCode::Internal.code())
        }
    }
}

/// Follows for ever, unless it cannot begin.
fn follow(arguments: &Arguments, log: Log) -> Result<(), Box<dyn std::error::Error>> {
    let Source {
        repo,
        poll,
        fetching,
    } = remote::follow(&arguments.gitops, arguments.poll, log)?;
    let repo = trust::demand(repo.signing(Signing::AsUser), arguments, Writes::Many, log)?;
    let repo = repo.telling(move |lock| {
        let said = format!(
            "removed the lock `{}`: the process that held it is gone",
            lock.display()
        );
        log.line(Level::Info, About::default(), &said);
    });
    let given = Given {
        soak: arguments.soak,
        deadline: arguments.deadline,
        brake_window: arguments.brake_window,
        brake_min: arguments.brake_min,
        // Zero would be a loop that does nothing but look.
        drift: arguments.drift_interval.map(|drift| drift.max(SHORTEST)),
        status: arguments.status_interval,
    };
    let settings = Settings {
        poll: poll.max(SHORTEST),
        ..Settings::given(arguments.cluster.clone(), given)
    };
    let (engines, mut wait) = engines(arguments)?;
    let mut follower = Follower::new(&repo, engines, settings, SystemClock::start(), log);
    if let Some(leases) = arguments
        .replica
        .leases(arguments.engine, &connection(arguments), log)?
    {
        follower = follower.sharing(Box::new(leases));
    }
    // Kept until the loop ends, which they serve.
    let fetching = fetching.map(Arc::new);
    let touches = follower.touches();
    let told = touches.clone();
    let _notices = told.map(|touches| wake::on_branches(&repo, touches, log));
    if let Some(touches) = touches {
        wake::on_webhook(&arguments.webhook, fetching.clone(), touches.clone(), log)?;
        thread::spawn(move || {
            loop {
                let woken = wait(PATIENCE);
                for trouble in &woken.troubles {
                    log.line(Level::Error, About::default(), trouble);
                }
                if !touches.touch(woken.parts) {
                    return;
                }
            }
        });
    }
    let ended = follower.run();
    drop(fetching);
    Err(ended.into())
}

/// Waits for changes in the cluster, at most so long.
type Wait = Box<dyn FnMut(Duration) -> Woken + Send>;
type Engines = (Vec<Box<dyn Engine + Send>>, Wait);

/// One engine for each worker, and what wakes them. Argo CD does the slow work itself, and one watch of its
/// Applications is enough.
fn engines(arguments: &Arguments) -> Result<Engines, Box<dyn std::error::Error>> {
    let workers = 0..arguments.workers;
    let mut engines: Vec<Box<dyn Engine + Send>> = Vec::new();
    let wait: Wait = match arguments.engine {
        EngineName::Argocd => {
            let engine = argocd(arguments)?;
            let changes = engine.changes();
            engines.push(Box::new(engine));
            Box::new(move |patience| Woken {
                parts: changes.wait(patience),
                ..Woken::default()
            })
        }
        EngineName::Apply => {
            let connection = connection(arguments);
            let live = LiveWatch::start(&connection)?;
            for _ in workers {
                let engine = ApplyEngine::connect(&connection)?.watched(live.clone());
                engines.push(Box::new(engine));
            }
            Box::new(move |patience| live.wait(patience))
        }
        // Nobody tells of a file that was edited.
        EngineName::Dir => {
            for _ in workers {
                engines.push(engine(arguments)?);
            }
            Box::new(|patience| {
                thread::sleep(patience);
                Woken::default()
            })
        }
    };
    Ok((engines, wait))
}

fn engine(arguments: &Arguments) -> Result<Box<dyn Engine + Send>, Box<dyn std::error::Error>> {
    Ok(match (arguments.engine, &arguments.target) {
        (EngineName::Dir, Some(target)) => Box::new(DirEngine::open(target)?),
        (EngineName::Dir, None) => return Err("engine `dir` needs `--target`".into()),
        (EngineName::Apply, _) => Box::new(ApplyEngine::connect(&connection(arguments))?),
        (EngineName::Argocd, _) => Box::new(argocd(arguments)?),
    })
}

fn argocd(arguments: &Arguments) -> Result<ArgoEngine, Box<dyn std::error::Error>> {
    let Some(repository) = &arguments.argocd_repo else {
        return Err("engine `argocd` needs `--argocd-repo`".into());
    };
    let settings = ArgoSettings {
        namespace: arguments.argocd_namespace.clone(),
        ..ArgoSettings::new(repository)
    };
    Ok(ArgoEngine::connect(&connection(arguments), settings)?)
}

fn connection(arguments: &Arguments) -> Connection {
    Connection {
        kubeconfig: arguments.kubeconfig.clone(),
        context: arguments.context.clone(),
    }
}

/// One pass.
fn once(arguments: &Arguments, log: Log) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let repo = remote::open(&arguments.gitops)?;
    let repo = trust::demand(repo, arguments, Writes::Nothing, log)?;
    let mut engine = engine(arguments)?;
    let options = Options {
        wait: Duration::from_secs(arguments.wait),
        ..Options::new(arguments.cluster.clone())
    };
    let report = reconcile(&repo.view()?, engine.as_mut(), &options)?;
    for entry in &report.tenants {
        tell(log, entry);
    }
    let code = if report.is_ok() {
        0
    } else {
        orz_core::exit::ExitCode::Input.code()
    };
    Ok(ExitCode::from(code))
}

/// One line for each part of which there is something to say.
fn tell(log: Log, entry: &TenantReport) {
    let about = About {
        tenant: entry.tenant.as_ref(),
        part: entry.part,
        release: entry.release.as_ref(),
    };
    let say = |level, message: &str| log.line(level, about, message);
    match &entry.outcome {
        Outcome::Applied(changes) => {
            let health = entry
                .overall_health()
                .map_or(String::new(), |health| format!(", {health}"));
            let said = format!(
                "{} created, {} updated, {} replaced, {} pruned, {} unchanged{health}",
                changes.created.len(),
                changes.updated.len(),
                changes.replaced.len(),
                changes.pruned.len(),
                changes.unchanged.len(),
            );
            say(Level::Info, &said);
        }
        Outcome::Waiting { awaits } => {
            for object in awaits {
                let said = format!("waits for {}: {}", object.key, object.message);
                say(Level::Info, &said);
            }
        }
        Outcome::Frozen { pending } => {
            say(Level::Info, &format!("frozen, {pending} objects differ"));
        }
        Outcome::Invalid { reason } if entry.tenant.is_none() => {
            say(Level::Error, &format!("{}: {reason}", entry.path));
        }
        Outcome::Invalid { reason } => say(Level::Error, reason),
        Outcome::Failed { error, help } => {
            say(Level::Error, error);
            if let Some(help) = help {
                say(Level::Error, &format!("help: {help}"));
            }
        }
    }
}

/// `200ms`, `30s`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a number and a unit, such as `30s`".to_owned())?;
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("the unit is one of `ms`, `s`, `m`, `h`".to_owned()),
    };
    number
        .checked_mul(milliseconds)
        .filter(|total| *total <= 365 * 24 * 3_600_000)
        .map(Duration::from_millis)
        .ok_or_else(|| "longer than a year".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("200ms", Ok(200)),
            ("30s", Ok(30_000)),
            ("2m", Ok(120_000)),
            ("1h", Ok(3_600_000)),
            ("30", Err("the unit is one of `ms`, `s`, `m`, `h`")),
            ("s", Err("expected a number and a unit, such as `30s`")),
            ("-1s", Err("expected a number and a unit, such as `30s`")),
            ("1d", Err("the unit is one of `ms`, `s`, `m`, `h`")),
            ("18446744073709551615h", Err("longer than a year")),
        ] {
            let expected = expected.map(Duration::from_millis).map_err(str::to_owned);
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
