//! `orzc up`.

mod event;
mod inbox;
mod places;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use orz_compiler::Output;
use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::id::{ClusterName, Part, TenantName};
use orz_gitops::{
    PointerMove, PublishOptions, Published, PublishedItem, Repo, SourceCheck, SourceRule,
};
use orz_reconciler::apply::{ApplyEngine, Connection};
use orz_reconciler::dir::DirEngine;
use orz_reconciler::{
    Engine, Health, ObjectHealth, Options, Outcome as Done, Report, TenantReport, reconcile,
};
use serde_json::json;

use super::publish;
use crate::args::{Select, Who};
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::compile::{Detail, compile};
use crate::ops::publish as ops;
use crate::ops::target::Target;
use crate::source::History;
use crate::view::{Cell, Present, Table, Text, Tone, View, count, refused, short};

/// Watches the source: each save is checked, published, activated and reconciled.
///
/// The inner loop on a laptop. What does not compile is shown, and what is live stays until the next save that
/// does. Ctrl-C ends it.
///
/// With `--once` one pass, which exits with 1 when something does not compile, when a pointer must not be acted
/// on, or when a part still waits for another; with 70 when the target could not be changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// One pass, then ends.
    #[arg(long)]
    once: bool,
    /// Looks at the source every second instead of listening: for folders that another machine changes.
    #[arg(long, conflicts_with = "once")]
    poll: bool,
    /// What shall follow: `dir:PATH`, `cluster`, or `cluster:CONTEXT`
    /// [default: `target` of `orz.toml`, else the current cluster].
    #[arg(
        long,
        value_name = "TARGET",
        env = "ORZ_TARGET",
        hide_env_values = true
    )]
    target: Option<Target>,
    /// The kubeconfig of the cluster [default: `KUBECONFIG`, else `~/.kube/config`].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How long one pass waits for parts that require something from other parts, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    /// Why, as recorded in the commit.
    #[arg(long, value_name = "TEXT", default_value = "orzc up")]
    reason: String,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let target = context
        .target(args.target.as_ref())?
        .unwrap_or(Target::Cluster(None));
    let repo = context.gitops(view)?;
    places::refuse(&context.source_root()?, &target, &repo)?;
    if !args.once {
        return watch::run(args, &target, &repo, context, view);
    }
    let started = context.clock.elapsed();
    let outputs = compile(context, &args.select, Detail::Errors, view)?.all()?;
    let compile = context.clock.elapsed() - started;
    let wait = Duration::from_secs(args.wait);
    let mut up = put(args, &target, &repo, context, outputs, wait, view)?;
    up.seconds.compile = compile;
    let code = up.exit_code();
    view.result(&up)?;
    Ok(code)
}

/// Publishes, activates and reconciles what was compiled.
fn put(
    args: &Args,
    target: &Target,
    repo: &Repo,
    context: &Context,
    outputs: Vec<Output>,
    wait: Duration,
    view: &mut dyn View,
) -> Result<Up, CommandError> {
    let started = context.clock.elapsed();
    let tenants: BTreeSet<TenantName> =
        outputs.iter().map(|output| output.tenant.clone()).collect();
    let clusters: BTreeSet<ClusterName> = outputs
        .iter()
        .map(|output| output.cluster.clone())
        .collect();
    let mut engine = open(target, args, &clusters)?;
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let source = context.source_identity(view)?;
    let history = History::of(context.source_root()?);
    let options = PublishOptions {
        activate: true,
        source: Some(SourceCheck {
            history: &history,
            // On a repository of one's own, the folder is the truth, whatever commit it stands at.
            rule: match repo.remote() {
                Some(_) => SourceRule::Descendants,
                None => SourceRule::Any,
            },
        }),
        ..PublishOptions::default()
    };
    let releases = ops::releases(outputs, &source);
    let published = repo
        .publish_with(releases, options, &asked.request())
        .map_err(|error| refused::all(error, view))?;
    let written = context.clock.elapsed();

    view.progress(Some(&format!("reconciling {target}")));
    let heads = repo.view()?;
    let mut reports = BTreeMap::new();
    for cluster in clusters {
        let options = Options {
            tenants: tenants.clone(),
            wait,
            ..Options::new(cluster.clone())
        };
        reports.insert(cluster, reconcile(&heads, engine.as_mut(), &options)?);
    }
    view.progress(None);
    let seconds = Seconds {
        compile: 0.0,
        publish: written - started,
        reconcile: context.clock.elapsed() - written,
    };
    Ok(Up::new(target, published, reports, seconds))
}

fn open(
    target: &Target,
    args: &Args,
    clusters: &BTreeSet<ClusterName>,
) -> Result<Box<dyn Engine>, CommandError> {
    match target {
        Target::Dir(path) => Ok(Box::new(DirEngine::open(path)?)),
        Target::Cluster(context) => {
            // One connection is one cluster; whose pointers it should follow must not be guessed.
            if clusters.len() > 1 {
                let names: Vec<String> = clusters
                    .iter()
                    .map(|cluster| format!("`{cluster}`"))
                    .collect();
                return Err(CommandError::usage(format!(
                    "the tenants belong to several clusters: {}",
                    names.join(", ")
                ))
                .help("select the tenants of one with `--tenant`"));
            }
            let connection = Connection {
                kubeconfig: args.kubeconfig.clone(),
                context: context.clone(),
            };
            Ok(Box::new(ApplyEngine::connect(&connection)?))
        }
    }
}

/// How long each step took.
#[derive(Clone, Copy, Default)]
struct Seconds {
    compile: f64,
    publish: f64,
    reconcile: f64,
}

struct Up {
    target: String,
    /// Whether the target can tell how objects are doing.
    has_health: bool,
    rows: Vec<Row>,
    seconds: Seconds,
}

/// One part of a tenant: what became of its pointer, and what of its objects.
struct Row {
    cluster: ClusterName,
    report: TenantReport,
    published: Option<PublishedItem>,
}

impl Up {
    fn new(
        target: &Target,
        published: Published,
        reports: BTreeMap<ClusterName, Report>,
        seconds: Seconds,
    ) -> Self {
        let mut items: BTreeMap<(ClusterName, TenantName, Part), PublishedItem> = published
            .items
            .into_iter()
            .map(|item| ((item.cluster.clone(), item.tenant.clone(), item.part), item))
            .collect();
        let mut rows = Vec::new();
        for (cluster, report) in reports {
            for entry in report.tenants {
                let published = match (&entry.tenant, entry.part) {
                    (Some(tenant), Some(part)) => {
                        items.remove(&(cluster.clone(), tenant.clone(), part))
                    }
                    _ => None,
                };
                rows.push(Row {
                    cluster: cluster.clone(),
                    report: entry,
                    published,
                });
            }
        }
        Self {
            target: target.to_string(),
            has_health: !matches!(target, Target::Dir(_)),
            rows,
            seconds,
        }
    }

    fn exit_code(&self) -> ExitCode {
        let code = |row: &Row| match row.report.outcome {
            Done::Applied(_) | Done::Frozen { .. } => ExitCode::Ok,
            Done::Waiting { .. } | Done::Invalid { .. } => ExitCode::Input,
            Done::Failed { .. } => ExitCode::Internal,
        };
        self.rows
            .iter()
            .map(code)
            .fold(ExitCode::Ok, ExitCode::combine)
    }
}

impl Row {
    /// What was done with the objects, in a few words.
    fn outcome(&self) -> (Tone, String) {
        match &self.report.outcome {
            Done::Applied(changes) if changes.is_empty() => (
                Tone::Faint,
                format!("{} unchanged", changes.unchanged.len()),
            ),
            Done::Applied(changes) => {
                let counts = [
                    (changes.created.len(), "created"),
                    (changes.updated.len(), "updated"),
                    (changes.replaced.len(), "replaced"),
                    (changes.pruned.len(), "pruned"),
                    (changes.kept.len(), "kept"),
                    (changes.kept_jobs.len(), "release jobs kept"),
                    (changes.left.len(), "left to others"),
                ];
                let words: Vec<String> = counts
                    .into_iter()
                    .filter(|(n, _)| *n > 0)
                    .map(|(n, word)| format!("{n} {word}"))
                    .collect();
                (Tone::Good, words.join(", "))
            }
            Done::Waiting { awaits } => (Tone::Notice, format!("waits for {}", objects(awaits))),
            Done::Frozen { pending } => (
                Tone::Notice,
                format!("frozen, {} would change", count(*pending, "object")),
            ),
            Done::Invalid { reason } => (Tone::Bad, reason.clone()),
            Done::Failed { error, .. } => (
                Tone::Bad,
                format!("failed: {}", error.lines().collect::<Vec<_>>().join("; ")),
            ),
        }
    }

    /// The gravest health of its objects, with the first object that has it.
    fn health(&self) -> (Tone, String) {
        let Some(overall) = self.report.overall_health() else {
            return (Tone::Plain, String::new());
        };
        let tone = match overall {
            Health::Healthy => Tone::Good,
            Health::Suspended | Health::Unknown => Tone::Faint,
            Health::Progressing => Tone::Notice,
            Health::Degraded | Health::Missing => Tone::Bad,
        };
        let first = self
            .report
            .health
            .iter()
            .find(|object| object.health == overall);
        let why = match first {
            Some(object) if overall != Health::Healthy => format!(": {}", object_words(object)),
            _ => String::new(),
        };
        (tone, format!("{overall}{why}"))
    }

    /// What became of the pointer, in a few words.
    fn pointer(&self) -> (Tone, String) {
        match &self.published {
            None => (Tone::Plain, String::new()),
            Some(PublishedItem {
                pointer: PointerMove::Held { hold, .. },
                ..
            }) => (Tone::Notice, format!("held: {}", hold.reason)),
            Some(item) => publish::pointer(item),
        }
    }

    fn cells(&self, has_health: bool) -> Vec<Cell> {
        let name = |text: Option<String>| Cell::plain(text.unwrap_or_else(|| "?".to_owned()));
        let (pointer_tone, pointer) = self.pointer();
        let (tone, outcome) = self.outcome();
        let (health_tone, health) = if has_health {
            self.health()
        } else {
            Default::default()
        };
        let release = self
            .report
            .release
            .as_ref()
            .map_or("", |release| short(release.as_str()));
        vec![
            name(self.report.tenant.as_ref().map(ToString::to_string)),
            name(self.report.part.map(|part| part.to_string())),
            Cell::new(Tone::Name, release),
            Cell::new(pointer_tone, pointer),
            Cell::new(tone, outcome),
            Cell::new(health_tone, health),
        ]
    }

    fn json(&self) -> Value {
        let keys = |keys: &[orz_core::object::ObjectKey]| {
            keys.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let health = |list: &[ObjectHealth]| -> Vec<Value> {
            list.iter()
                .map(|object| {
                    json!({ "object": object.key.to_string(), "health": object.health.as_str(), "message": object.message })
                })
                .collect()
        };
        let outcome = match &self.report.outcome {
            Done::Applied(changes) => json!({
                "result": "applied",
                "created": keys(&changes.created),
                "updated": keys(&changes.updated),
                "drifted": keys(&changes.drifted),
                "replaced": keys(&changes.replaced),
                "pruned": keys(&changes.pruned),
                "kept": keys(&changes.kept),
                "keptJobs": keys(&changes.kept_jobs),
                "left": keys(&changes.left),
                "unchanged": changes.unchanged.len(),
            }),
            Done::Waiting { awaits } => json!({ "result": "waiting", "awaits": health(awaits) }),
            Done::Frozen { pending } => json!({ "result": "frozen", "pending": pending }),
            Done::Invalid { reason } => json!({ "result": "invalid", "reason": reason }),
            Done::Failed { error, help } => {
                json!({ "result": "failed", "error": error, "help": help })
            }
        };
        json!({
            "tenant": self.report.tenant,
            "part": self.report.part,
            "cluster": self.cluster,
            "path": self.report.path,
            "release": self.report.release,
            "published": self.published.as_ref().map(publish::item_json),
            "outcome": outcome,
            "health": health(&self.report.health),
        })
    }
}

fn objects(list: &[ObjectHealth]) -> String {
    list.iter().map(object_words).collect::<Vec<_>>().join(", ")
}

fn object_words(object: &ObjectHealth) -> String {
    if object.message.is_empty() {
        object.key.to_string()
    } else {
        format!("{}, {}", object.key, object.message)
    }
}

impl Present for Up {
    fn kind(&self) -> &'static str {
        "Up"
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for row in &self.rows {
            table.row(row.cells(self.has_health));
        }
        text.table(&table);
        for row in &self.rows {
            if let Done::Failed {
                help: Some(help), ..
            } = &row.report.outcome
            {
                text.line(&[
                    (Tone::Name, "help"),
                    (Tone::Plain, ": "),
                    (Tone::Plain, help),
                ]);
            }
        }
        let Seconds {
            compile,
            publish,
            reconcile,
        } = self.seconds;
        let moved = |row: &&Row| {
            let pointer = row.published.as_ref().map(|item| &item.pointer);
            matches!(
                pointer,
                Some(PointerMove::Moved { .. } | PointerMove::Created)
            )
        };
        let done = self
            .rows
            .iter()
            .filter(|row| matches!(row.report.outcome, Done::Applied(_)))
            .count();
        let all = count(self.rows.len(), "part");
        let total = compile + publish + reconcile;
        text.line(&[
            (Tone::Strong, &if done == self.rows.len() { all } else { format!("{done} of {all}") }),
            (Tone::Plain, &format!(" in place in {}, {} newly live", self.target, self.rows.iter().filter(moved).count())),
            (
                Tone::Faint,
                &format!("  {total:.2} s (compile {compile:.2} s, publish {publish:.2} s, reconcile {reconcile:.2} s)"),
            ),
        ]);
    }

    fn json(&self) -> Value {
        let Seconds {
            compile,
            publish,
            reconcile,
        } = self.seconds;
        json!({
            "target": self.target,
            "parts": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "seconds": { "compile": compile, "publish": publish, "reconcile": reconcile },
        })
    }
}
