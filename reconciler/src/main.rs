//! `orz-reconciler`: makes one cluster or directory follow the pointers of a local GitOps repository.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use orz_core::id::ClusterName;
use orz_gitops::Repo;
use orz_reconciler::apply::{ApplyEngine, Connection};
use orz_reconciler::argocd::{ArgoEngine, ArgoSettings};
use orz_reconciler::dir::DirEngine;
use orz_reconciler::plan::Kept;
use orz_reconciler::{Engine, Options, Outcome, Report, TenantReport, reconcile};

/// Makes one cluster or directory follow the pointers of a GitOps repository
#[derive(Parser)]
#[command(name = "orz-reconciler", version)]
struct Arguments {
    /// The GitOps repository, bare or not
    #[arg(long, env = "ORZ_GITOPS")]
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
    /// The GitOps repository as Argo CD reaches it, for engine `argocd`
    #[arg(long, required_if_eq("engine", "argocd"))]
    repo_url: Option<String>,
    /// The namespace of Argo CD
    #[arg(long, default_value = ArgoSettings::NAMESPACE)]
    argocd_namespace: String,
    /// The kubeconfig of engines `apply` and `argocd`; default: KUBECONFIG, ~/.kube/config, or the pod's service account
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long)]
    context: Option<String>,
    /// One pass; exits with 1 when a pointer could not be followed
    #[arg(long)]
    once: bool,
    /// Seconds between passes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Seconds that parts may wait in one pass for what they require from other parts
    #[arg(long, default_value_t = 0)]
    wait: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    /// A folder for each tenant
    Dir,
    /// Server-side apply to a Kubernetes API server
    Apply,
    /// Argo CD's Applications
    Argocd,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            log("error", &error.to_string());
            // The machine's fault or ours, as every command of orz says it.
            ExitCode::from(orz_core::exit::ExitCode::Internal.code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let repo = Repo::open(&arguments.gitops)?;
    let mut engine = engine(arguments)?;
    let options = Options {
        wait: Duration::from_secs(arguments.wait),
        ..Options::new(arguments.cluster.clone())
    };
    let mut last = Report::default();
    loop {
        let passed = repo
            .view()
            .and_then(|view| reconcile(&view, engine.as_mut(), &options));
        match passed {
            Ok(report) => {
                // What stays as it was is said once.
                report
                    .tenants
                    .iter()
                    .filter(|entry| !last.tenants.contains(entry))
                    .for_each(tell);
                if arguments.once {
                    let code = if report.is_ok() {
                        0
                    } else {
                        orz_core::exit::ExitCode::Input.code()
                    };
                    return Ok(ExitCode::from(code));
                }
                last = report;
            }
            Err(error) if arguments.once => return Err(error.into()),
            Err(error) => log("error", &error.to_string()),
        }
        thread::sleep(Duration::from_secs(arguments.interval));
    }
}

fn engine(arguments: &Arguments) -> Result<Box<dyn Engine>, Box<dyn std::error::Error>> {
    let connection = Connection {
        kubeconfig: arguments.kubeconfig.clone(),
        context: arguments.context.clone(),
    };
    Ok(match (arguments.engine, &arguments.target) {
        (EngineName::Dir, Some(target)) => Box::new(DirEngine::open(target)?),
        (EngineName::Dir, None) => return Err("engine `dir` needs `--target`".into()),
        (EngineName::Apply, _) => Box::new(ApplyEngine::connect(&connection)?),
        (EngineName::Argocd, _) => {
            let repo_url = arguments.repo_url.clone();
            let settings = ArgoSettings {
                repo_url: repo_url.ok_or("engine `argocd` needs `--repo-url`")?,
                namespace: arguments.argocd_namespace.clone(),
            };
            Box::new(ArgoEngine::connect(&connection, settings)?)
        }
    })
}

/// One line for each part of which there is something to say.
fn tell(entry: &TenantReport) {
    let name = match (&entry.tenant, entry.part) {
        (Some(tenant), Some(part)) => format!("{tenant}/{part}"),
        _ => entry.path.clone(),
    };
    let release = entry
        .release
        .as_ref()
        .map_or("", |release| &release.as_str()[..12]);
    match &entry.outcome {
        Outcome::Applied(changes) => {
            let health = entry
                .overall_health()
                .map_or(String::new(), |health| format!(", {health}"));
            let kept = match changes.kept_jobs.len() {
                0 => String::new(),
                jobs => format!(", {jobs} {}", Kept::ReleaseJob),
            };
            log(
                "info",
                &format!(
                    "{name} {release}: {} created, {} updated, {} replaced, {} pruned, {} unchanged{kept}{health}",
                    changes.created.len(),
                    changes.updated.len(),
                    changes.replaced.len(),
                    changes.pruned.len(),
                    changes.unchanged.len(),
                ),
            );
        }
        Outcome::Waiting { awaits } => {
            for object in awaits {
                log(
                    "info",
                    &format!(
                        "{name} {release}: waits for {}: {}",
                        object.key, object.message
                    ),
                );
            }
        }
        Outcome::Frozen { pending } => log(
            "info",
            &format!("{name} {release}: frozen, {pending} objects differ"),
        ),
        Outcome::Invalid { reason } => log("error", &format!("{name}: {reason}")),
        Outcome::Failed { error, help } => {
            log("error", &format!("{name} {release}: {error}"));
            if let Some(help) = help {
                log("error", &format!("{name} {release}: help: {help}"));
            }
        }
    }
}

fn log(level: &str, message: &str) {
    // Nobody is left to be told when standard error is gone.
    drop(writeln!(std::io::stderr(), "{level}: {message}"));
}
