//! `orzc status [TENANT]`.

mod engine;
mod repair;
mod row;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::{self, Brake, Inventory, Phase, Pointer};
use orz_core::id::{ClusterName, Part, TenantName};
use orz_gitops::check::reason;
use orz_gitops::{
    LastChange, PointerFile, PointerInvalid, PublishedStatus, StoredPointer, View as Heads,
};
use serde_json::json;

use crate::clock::Clock;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::target::Target;
use crate::view::{Format, Present, Table, Text, Tone, View};
use engine::Engine;
use row::{Broken, Line, Row, Stand};
use story::Asked;

/// Tells what is live, what holds it, how it is doing, and what happens next.
///
/// Reads Git: the pointers, and what reconcilers published about them; with `--target dir:PATH` also the
/// inventory of that directory. With TENANT, everything that a pointer names is checked too.
/// A `+` behind the commit of a source says that it was published with changes that were not committed.
/// Exits with 1 when a pointer must not be acted on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant [default: all].
    tenant: Option<TenantName>,
    /// The directory that follows the pointers: `dir:PATH` [default: `target` of `orz.toml`].
    #[arg(
        long,
        value_name = "TARGET",
        env = "ORZ_TARGET",
        hide_env_values = true
    )]
    target: Option<Target>,
    /// Prints again whenever something changes, until it is interrupted.
    #[arg(long)]
    watch: bool,
}

/// How often `--watch` looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Of so many files it is told who changed them last: that walks back through the history of `main`.
const BLAMED: usize = 50;

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    if args.watch && context.format() != Format::Human {
        return Err(CommandError::usage(
            "`--watch` prints for people; a program gets one document from each `orzc status`",
        ));
    }
    let mut shown = None;
    loop {
        let status = read(args, context, view)?;
        let broken = status.rows.iter().any(Row::is_broken);
        let now = status.json();
        if shown.as_ref() != Some(&now) {
            view.result(&status)?;
            shown = Some(now);
        }
        if !args.watch {
            return Ok(if broken {
                ExitCode::Input
            } else {
                ExitCode::Ok
            });
        }
        thread::sleep(PERIOD);
        context.clock = Clock::read()?;
    }
}

/// The state as it stands now.
fn read(args: &Args, context: &mut Context, view: &mut dyn View) -> Result<Status, CommandError> {
    let repo = context.gitops(view)?;
    let mut published = match &args.tenant {
        Some(tenant) => Published::new(repo.published_status_of(tenant)?),
        None => Published::new(repo.published_status()?),
    };
    let heads = repo.view()?;
    let files = match &args.tenant {
        Some(tenant) => heads.pointers_of(tenant)?,
        None => heads.pointers()?,
    };
    let mut inventories = match context.target(args.target.as_ref())? {
        Some(Target::Dir(path)) => Some(by_place(orz_reconciler::dir::inventories(&path)?)),
        Some(Target::Cluster(_)) | None => None,
    };
    let mut blame = Blame(BLAMED);
    let mut rows = Vec::with_capacity(files.len());
    for file in files {
        rows.push(match file {
            PointerFile::Invalid(file) => {
                let place = match (&file.cluster, &file.tenant, file.part) {
                    (Some(cluster), Some(tenant), Some(part)) => {
                        Some((cluster.clone(), tenant.clone(), part))
                    }
                    _ => None,
                };
                Row::Broken(Box::new(Broken {
                    status: place.as_ref().and_then(|place| published.take(place)),
                    changed: blame.last_change(&heads, &file.path),
                    path: file.path,
                    place,
                    why: file.invalid.to_string(),
                }))
            }
            PointerFile::Valid(stored) => {
                let Pointer {
                    cluster,
                    tenant,
                    part,
                    ..
                } = &stored.pointer;
                let place = (cluster.clone(), tenant.clone(), *part);
                let status = published.take(&place);
                let doubted = args.tenant.is_some()
                    || status.as_ref().is_some_and(|s| s.phase == Phase::Invalid);
                let invalid = doubted.then(|| heads.check(&stored).err()).flatten();
                let invalid = invalid.or_else(|| refused_there(&stored, status.as_ref()?));
                let leaves = args.tenant.is_some() && stored.pointer.state.kind.is_leaving();
                let changed = (invalid.is_some() || leaves)
                    .then(|| blame.last_change(&heads, &stored.path))
                    .flatten();
                let engine = inventories
                    .as_mut()
                    .map(|known| Engine::of(&stored.pointer, known.remove(&place)));
                let reported = published.reported.get(cluster).cloned();
                Row::Pointer(Box::new(Line {
                    stored,
                    invalid,
                    changed,
                    engine,
                    status,
                    reported,
                    braked: false,
                }))
            }
        });
    }
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    let clusters: BTreeSet<ClusterName> = rows.iter().filter_map(Row::cluster).cloned().collect();
    let mut brakes = Vec::new();
    for cluster in &clusters {
        let stands = match heads.brake(cluster) {
            Ok(brake) => {
                brakes.extend(brake.clone());
                brake.is_some()
            }
            // It stands all the same, and whoever asks what is going on has to hear of it.
            Err(orz_gitops::Error::Malformed { path, message }) => {
                rows.push(Row::Broken(Box::new(Broken {
                    changed: blame.last_change(&heads, &path),
                    path,
                    place: None,
                    why: format!("the brake is set, and cannot be read: {message}"),
                    status: None,
                })));
                true
            }
            Err(error) => return Err(error.into()),
        };
        for row in &mut rows {
            if let Row::Pointer(line) = row {
                line.braked |= stands && line.stored.pointer.cluster == *cluster;
            }
        }
    }
    Ok(Status {
        tenant: args.tenant.clone(),
        now: context.clock.now(),
        several: clusters.len() > 1,
        brakes,
        rows,
    })
}

type Place = (ClusterName, TenantName, Part);

/// What reconcilers published.
struct Published {
    statuses: BTreeMap<Place, format::Status>,
    /// When the reconcilers of a cluster last had something new to say.
    reported: BTreeMap<ClusterName, String>,
}

impl Published {
    fn new(published: PublishedStatus) -> Self {
        let mut reported: BTreeMap<ClusterName, String> = BTreeMap::new();
        for shard in published.shards {
            let at = reported.entry(shard.cluster).or_default();
            if *at < shard.at {
                *at = shard.at;
            }
        }
        let statuses = published.statuses.into_iter();
        Self {
            statuses: statuses
                .map(|s| ((s.cluster.clone(), s.tenant.clone(), s.part), s))
                .collect(),
            reported,
        }
    }

    fn take(&mut self, place: &Place) -> Option<format::Status> {
        self.statuses.remove(place)
    }
}

/// How many files may still be looked up.
struct Blame(usize);

impl Blame {
    /// Who made a file what it is; `None` too where the history cannot be read, which is no reason to say nothing.
    fn last_change(&mut self, heads: &Heads, path: &str) -> Option<LastChange> {
        self.0 = self.0.checked_sub(1)?;
        heads.last_change(path).ok().flatten()
    }
}

/// What only the reconciler can say, because it knows who is trusted.
fn refused_there(stored: &StoredPointer, status: &format::Status) -> Option<PointerInvalid> {
    let said = status
        .reason
        .as_deref()?
        .strip_prefix("pointer-invalid: ")?;
    let detail = said.strip_prefix(reason::UNTRUSTED_PUBLISHER)?;
    let same =
        status.phase == Phase::Invalid && status.release.as_ref() == Some(&stored.pointer.release);
    same.then(|| PointerInvalid {
        reason: reason::UNTRUSTED_PUBLISHER,
        detail: detail.trim_start_matches(": ").to_owned(),
    })
}

fn by_place(inventories: Vec<Inventory>) -> BTreeMap<Place, Inventory> {
    inventories
        .into_iter()
        .map(|i| ((i.cluster.clone(), i.tenant.clone(), i.part), i))
        .collect()
}

struct Status {
    tenant: Option<TenantName>,
    now: String,
    /// Whether the rows are of more than one cluster.
    several: bool,
    brakes: Vec<Brake>,
    rows: Vec<Row>,
}

impl Present for Status {
    fn kind(&self) -> &'static str {
        "Status"
    }

    fn human(&self, text: &mut Text) {
        for brake in &self.brakes {
            story::brake(brake, text);
        }
        if self.rows.is_empty() {
            let what = self
                .tenant
                .as_ref()
                .map_or_else(String::new, |tenant| format!(" of {tenant}"));
            text.line(&[(Tone::Faint, &format!("nothing{what} is live"))]);
            return;
        }
        let mut table = Table::new();
        table.head(&["tenant", "part", "cluster", "release", "source"]);
        for row in &self.rows {
            if let Row::Pointer(line) = row {
                table.row(line.cells());
            } else if let Row::Broken(broken) = row
                && let Some(cells) = broken.cells()
            {
                table.row(cells);
            }
        }
        text.table(&table);
        let asked = Asked {
            several: self.several,
            one: self.tenant.is_some(),
            now: &self.now,
        };
        for row in &self.rows {
            let story = match row {
                Row::Pointer(line) => story::of_pointer(line, asked),
                Row::Broken(broken) => Some(story::of_broken(broken, self.several)),
            };
            if let Some(story) = story {
                story.tell(text);
            }
        }
        let mut unseen: BTreeMap<&ClusterName, (usize, &str)> = BTreeMap::new();
        for row in &self.rows {
            if let Row::Pointer(line) = row
                && line.stand() == Stand::Unseen
                && let Some(reported) = &line.reported
            {
                let cluster = &line.stored.pointer.cluster;
                unseen.entry(cluster).or_insert((0, reported)).0 += 1;
            }
        }
        for (cluster, (count, reported)) in unseen {
            story::unseen_pointers(cluster, count, reported, text);
        }
    }

    fn json(&self) -> Value {
        let lines = self.rows.iter().filter_map(|row| match row {
            Row::Pointer(line) => Some(line.json()),
            Row::Broken(_) => None,
        });
        let broken = self.rows.iter().filter_map(|row| match row {
            Row::Pointer(_) => None,
            Row::Broken(broken) => Some(broken.json()),
        });
        json!({ "brakes": self.brakes, "pointers": lines.collect::<Vec<_>>(), "malformed": broken.collect::<Vec<_>>() })
    }
}
