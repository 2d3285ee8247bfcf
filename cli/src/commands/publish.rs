//! `orzc publish`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::Source;
use orz_core::id::{BlobId, ClusterName, Part, TenantName};
use orz_core::plan::{PartPlan, Plan};
use orz_gitops::{
    Expected, PointerMove, PublishOptions, Published, PublishedItem, Repo, SourceCheck, SourceRule,
};
use serde_json::json;

use crate::args::{Select, Who};
use crate::context::{Context, follow_remote};
use crate::error::{CommandError, Outcome};
use crate::ops::compile::{Detail, compile};
use crate::ops::expect::{self, Expectation};
use crate::ops::fleet::{Order, Rollout, Watcher, roll_out};
use crate::ops::{compare, publish, unsourced};
use crate::place::shown;
use crate::source::History;
use crate::view::{Cell, Present, Table, Text, Tone, View, When, refused, rollout, short};

/// Compiles and publishes releases; `--activate` makes them live in the same step.
///
/// Unchanged input writes nothing. Any error among the selected tenants writes nothing, unless
/// `--keep-going` is given. A pointer that is held stays where it is, which is said and no error.
///
/// With `--activate` the commit of the source must be the newest one that was live for a tenant, or come after it:
/// a job that is slow undoes nothing, and exits with 5. That takes the whole history, `fetch-depth: 0` in CI.
///
/// More than 25 tenants go live at once only with `--fleet N`: N at a time, those of development (`shop-dev`)
/// first, then staging and test, then the rest, each batch once the reconciler has verified the one before. The
/// first that is not verified stops it, with exit code 1; what went live stays, and the same command again goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Makes the releases live in the same step.
    #[arg(long, requires = "reason")]
    activate: bool,
    /// Why, as recorded in the commit; required with `--activate`.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Publishes exactly what this plan shows, or nothing: exits with 5 when what is live or the
    /// source changed since.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tenants", "platform_cluster", "keep_going"])]
    plan: Option<PathBuf>,
    /// Activates so many tenants at a time, and stops at the first that is not verified.
    #[arg(long, value_name = "N", requires = "activate")]
    fleet: Option<NonZeroUsize>,
    /// How long a batch may take to be verified: `90s`, `30m`, `2h`.
    #[arg(long, value_name = "TIME", requires = "fleet", default_value = "30m", value_parser = span)]
    fleet_timeout: Duration,
    /// Publishes the tenants that compile, and whose source is the newest, although others do not or is not; still
    /// exits with 1 or 5.
    #[arg(long)]
    keep_going: bool,
    /// Makes the source live although it does not descend from the newest one that was: its history was rewritten,
    /// or the tenant moved to another repository.
    #[arg(long, requires_all = ["activate", "reason"])]
    allow_unrelated_source: bool,
    /// Exits with 5, and writes nothing, unless this is live: first digits of the release, or of the pointer's
    /// version in `status --format json`; `none` for nothing; repeatable.
    #[arg(long, value_name = "TENANT/PART=ID", conflicts_with = "fleet")]
    expect: Vec<Expectation>,
    /// Puts the change of pointers on this new branch, for somebody to merge into `main`; the releases are
    /// published all the same.
    #[arg(
        long,
        value_name = "BRANCH",
        requires = "activate",
        conflicts_with = "fleet"
    )]
    to_branch: Option<String>,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let plan = args.plan.as_deref().map(read).transpose()?;
    let select = match &plan {
        Some(plan) => Select {
            tenants: plan.parts.iter().map(|part| part.tenant.clone()).collect(),
            platform_cluster: platform_cluster(plan),
        },
        None => Select {
            tenants: args.select.tenants.clone(),
            platform_cluster: args.select.platform_cluster.clone(),
        },
    };
    let compilation = compile(context, &select, Detail::Errors, view)?;
    // Of a selection, nothing can be said about the rest.
    let whole = (plan.is_none() && args.select.tenants.is_empty()).then(|| compilation.names());
    let failed =
        (args.keep_going && compilation.tally.errors > 0).then(|| compilation.tally.clone());
    let outputs = if args.keep_going {
        compilation
            .tenants
            .into_iter()
            .filter_map(|tenant| tenant.output)
            .collect()
    } else {
        compilation.all()?
    };
    let mut repo = context.gitops_for(args.to_branch.as_deref(), view)?;
    repo.expect(expect::of_tenants(&args.expect, &select.tenants)?);
    let mut expected = Expected::new();
    if let Some(plan) = &plan {
        prove(plan, &compare::plan(&repo.view()?, &outputs)?)?;
        expected.extend(plan.parts.iter().map(bases));
    }
    let asked = context.asked(&args.who, args.reason.as_deref())?;
    let source = context.source_identity(view)?;
    let releases = publish::releases(outputs, &source);
    let request = asked.request();
    let history = History::of(context.source_root()?);
    let check = args.activate.then_some(SourceCheck {
        history: &history,
        rule: if args.allow_unrelated_source {
            SourceRule::Unrelated
        } else {
            SourceRule::Descendants
        },
    });
    let (published, rollout) = match args.fleet {
        None => {
            let options = PublishOptions {
                activate: args.activate,
                expected: Some(&expected),
                tenants_max: Some(Repo::TENANTS_AT_ONCE),
                source: check,
                keep_going: args.keep_going,
            };
            let published = repo.publish_with(releases, options, &request);
            (published.map_err(|error| refused::all(error, view))?, None)
        }
        Some(size) => {
            // What verifies a release is published by others.
            let _fetching = follow_remote(&repo)?;
            let mut order = Order {
                releases,
                size: size.get(),
                timeout: args.fleet_timeout,
                expected: &expected,
                source: check,
                keep_going: args.keep_going,
                request,
            };
            let published = order.publish(&repo);
            let published = published.map_err(|error| refused::all(error, view))?;
            let rollout = roll_out(&repo, &order, published, &mut Told(&mut *view))?;
            (rollout.published.clone(), Some(rollout))
        }
    };
    let unsourced = match &whole {
        Some(compiled) => unsourced::note(&repo.view()?, compiled, &source)?,
        None => None,
    };
    let stopped = rollout.as_ref().and_then(|rollout| rollout.stopped.clone());
    let when = When::of(&repo);
    let next = if args.activate {
        when.next(published.main_commit.is_some())
    } else {
        None
    };
    let moved = args.activate && published.main_commit.is_some();
    let uncommitted = moved.then(|| uncommitted(&source)).flatten();
    let stale = refused::tell(&published.refused, view);
    view.result(&Done {
        published,
        activate: args.activate,
        rollout,
        when,
    })?;
    if let Some(next) = next {
        view.note(&next);
    }
    if let Some(uncommitted) = uncommitted {
        view.note(&uncommitted);
    }
    if let Some(unsourced) = &unsourced {
        view.note(unsourced);
    }
    if let Some(tally) = &failed {
        view.summary(&tally.summary().unwrap_or_default());
    }
    if let Some(stopped) = &stopped {
        view.summary(&format!("stopped in {}", stopped.why));
        view.note(&stopped.help);
    }
    if let Some(stale) = &stale {
        view.summary(stale);
    }
    let ends = [
        stopped.map(|stopped| stopped.exit),
        failed.map(|_| ExitCode::Input),
        stale.map(|_| ExitCode::Stale),
    ];
    Ok(ends
        .into_iter()
        .flatten()
        .fold(ExitCode::Ok, ExitCode::combine))
}

/// What went live is in no commit: whoever looks for it finds another content there.
fn uncommitted(source: &Source) -> Option<String> {
    let commit = source.commit.as_ref().filter(|_| source.dirty)?;
    Some(format!(
        "the source has changes that are not committed: what this publishes is not what commit {} holds",
        short(commit.as_str())
    ))
}

/// A span of time on the command line.
fn span(text: &str) -> Result<Duration, String> {
    crate::clock::span(text).ok_or_else(|| "write `90s`, `30m` or `2h`".to_owned())
}

/// The progress of a rollout, on the view.
struct Told<'v>(&'v mut dyn View);

impl Watcher for Told<'_> {
    fn begins(&mut self, line: &str) {
        self.0.note(line);
    }

    fn stands(&mut self, line: &str) {
        self.0.progress(Some(line).filter(|line| !line.is_empty()));
    }
}

/// The cluster for which the plan compiled the platform, if it did.
fn platform_cluster(plan: &Plan) -> Option<ClusterName> {
    let mut parts = plan.parts.iter();
    parts
        .find(|part| part.tenant.is_platform())
        .map(|part| part.cluster.clone())
}

/// The pointer that a part of a plan was made against.
fn bases(part: &PartPlan) -> ((TenantName, Part, ClusterName), Option<BlobId>) {
    let place = (part.tenant.clone(), part.part, part.cluster.clone());
    (place, part.base.as_ref().map(|base| base.pointer.clone()))
}

fn read(file: &Path) -> Result<Plan, CommandError> {
    let bytes = std::fs::read(file)
        .map_err(|error| CommandError::input(format!("cannot read `{}`: {error}", shown(file))))?;
    Plan::read(&bytes).map_err(|error| {
        CommandError::input(format!("`{}`: {error}", shown(file)))
            .help("make a new one with `orzc plan --out FILE`")
    })
}

/// Whether `now`, made from what the source and the repository say at this moment, is `plan`.
fn prove(plan: &Plan, now: &Plan) -> Result<(), CommandError> {
    let again = "look at a new plan: `orzc plan --out FILE`";
    let base = |part: &PartPlan| part.base.as_ref().map(|base| base.pointer.clone());
    for part in &plan.parts {
        let place = format!("{}/{}", part.tenant, part.part);
        let Some(found) = now.part(&part.tenant, part.part) else {
            return Err(CommandError::stale(format!(
                "`{place}` is in the plan and no longer in the source"
            ))
            .help(again));
        };
        if base(part) != base(found) {
            let release = |part: &PartPlan| part.base.as_ref().map(|base| base.release.clone());
            let now = match release(found) {
                None => "nothing is live there any more".to_owned(),
                found if found == release(part) => {
                    "the release is the same, its hold or state is not".to_owned()
                }
                Some(live) => format!("`{}` is live there now", short(live.as_str())),
            };
            let message =
                format!("the pointer of `{place}` changed since the plan was made: {now}");
            return Err(CommandError::stale(message).help(again));
        }
        if part.compiler != found.compiler {
            return Err(CommandError::stale(format!(
                "the plan for `{place}` was made by another compiler"
            ))
            .help("use the version of `orzc` that made the plan, or make a new one"));
        }
        if part.inputs != found.inputs
            || part.result != found.result
            || part.cluster != found.cluster
        {
            return Err(CommandError::stale(format!(
                "the source of tenant `{}` changed since the plan was made",
                part.tenant
            ))
            .help(again));
        }
    }
    if plan.id != now.id {
        return Err(
            CommandError::stale("the source has parts that the plan does not show").help(again),
        );
    }
    Ok(())
}

struct Done {
    published: Published,
    activate: bool,
    /// How a fleet was activated.
    rollout: Option<Rollout>,
    when: When,
}

impl Present for Done {
    fn kind(&self) -> &'static str {
        "Publish"
    }

    fn human(&self, text: &mut Text) {
        if let Some(rollout) = &self.rollout {
            rollout::human(rollout, text);
            return;
        }
        let mut table = Table::new();
        for item in self
            .published
            .items
            .iter()
            .filter(|item| item.pointer != PointerMove::EmptySkipped)
        {
            let (tone, new) = if item.new {
                (Tone::Good, "new")
            } else {
                (Tone::Faint, "unchanged")
            };
            let (pointer_tone, pointer) = pointer(item);
            table.row(vec![
                Cell::plain(item.tenant.to_string()),
                Cell::plain(item.part.to_string()),
                Cell::new(Tone::Name, short(item.release.as_str())),
                Cell::new(tone, new),
                Cell::new(pointer_tone, self.when.say(pointer)),
            ]);
        }
        text.table(&table);
        if !self.activate && self.published.items.iter().any(|item| item.new) {
            text.line(&[(
                Tone::Faint,
                "nothing is live yet by this; `orzc activate TENANT --reason TEXT` makes it so",
            )]);
        }
    }

    fn json(&self) -> Value {
        let items: Vec<Value> = self.published.items.iter().map(item_json).collect();
        let mut document = json!({
            "items": items,
            "refused": refused::json(&self.published.refused),
            "indexCommit": self.published.index_commit,
            "mainCommit": self.published.main_commit,
            "fleet": self.rollout.as_ref().map(rollout::json),
        });
        self.when.mark(&mut document);
        document
    }
}

/// What became of the pointer, for people.
pub(super) fn pointer(item: &PublishedItem) -> (Tone, String) {
    match &item.pointer {
        PointerMove::Unchanged => (Tone::Faint, "live already".to_owned()),
        PointerMove::Confirmed { to, .. } => (
            Tone::Faint,
            format!("live already, as of {}", short(to.as_str())),
        ),
        PointerMove::Moved { from, .. } => {
            (Tone::Good, format!("live, was {}", short(from.as_str())))
        }
        PointerMove::Created => (Tone::Good, "live, the first one".to_owned()),
        PointerMove::Held { hold, live } => (
            Tone::Notice,
            format!(
                "held by {}: {}; {} stays live",
                hold.by,
                hold.reason,
                short(live.as_str())
            ),
        ),
        PointerMove::Leaving { state, .. } => (
            Tone::Notice,
            format!(
                "{} and not activated; `--override-leaving` of `orzc activate` calls it back",
                state.kind
            ),
        ),
        PointerMove::NotRequested => (Tone::Plain, String::new()),
        PointerMove::EmptySkipped => (Tone::Faint, "no objects".to_owned()),
    }
}

/// One item for programs.
pub(super) fn item_json(item: &PublishedItem) -> Value {
    let pointer = match &item.pointer {
        PointerMove::Unchanged => json!({ "result": "unchanged" }),
        PointerMove::Confirmed { from, to } => {
            json!({ "result": "confirmed", "fromSource": from, "toSource": to })
        }
        PointerMove::Moved { from, to } => json!({ "result": "moved", "from": from, "to": to }),
        PointerMove::Created => json!({ "result": "created", "to": item.release }),
        PointerMove::Held { hold, live } => json!({ "result": "held", "hold": hold, "live": live }),
        PointerMove::Leaving { state, live } => {
            json!({ "result": "leaving", "state": state, "live": live })
        }
        PointerMove::NotRequested => json!({ "result": "not-requested" }),
        PointerMove::EmptySkipped => json!({ "result": "empty-skipped" }),
    };
    json!({
        "tenant": item.tenant,
        "part": item.part,
        "cluster": item.cluster,
        "release": item.release,
        "new": item.new,
        "pointer": pointer,
    })
}
