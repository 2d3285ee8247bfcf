//! `orzc status [TENANT]`.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::{self, Brake, HealthWord, Inventory, Phase, Pointer, StateKind};
use orz_core::id::{ClusterName, Part, TenantName};
use orz_core::object::ObjectKey;
use orz_gitops::{PointerFile, PointerInvalid, StoredPointer};
use serde_json::json;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::target::Target;
use crate::view::{Cell, Format, Present, Table, Text, Tone, View, short};

/// Tells what is live, what holds it, how it is doing, and what happens next.
///
/// Reads Git: the pointers, and what reconcilers published about them; with `--target dir:PATH` also the
/// inventory of that directory. With TENANT, everything that a pointer names is checked too.
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
    }
}

/// The state as it stands now.
fn read(args: &Args, context: &mut Context, view: &mut dyn View) -> Result<Status, CommandError> {
    let repo = context.gitops(view)?;
    let statuses = match &args.tenant {
        Some(tenant) => repo.statuses_of(tenant)?,
        None => repo.statuses()?,
    };
    let mut published: BTreeMap<Place, format::Status> = statuses
        .into_iter()
        .map(|s| ((s.cluster.clone(), s.tenant.clone(), s.part), s))
        .collect();
    let heads = repo.view()?;
    let files = match &args.tenant {
        Some(tenant) => heads.pointers_of(tenant)?,
        None => heads.pointers()?,
    };
    let mut inventories = match context.target(args.target.as_ref())? {
        Some(Target::Dir(path)) => Some(by_place(orz_reconciler::dir::inventories(&path)?)),
        Some(Target::Cluster(_)) | None => None,
    };
    let mut rows = Vec::with_capacity(files.len());
    for file in files {
        rows.push(match file {
            PointerFile::Invalid(invalid) => Row::Broken {
                path: invalid.path,
                invalid: invalid.invalid,
            },
            PointerFile::Valid(stored) => {
                let invalid = args
                    .tenant
                    .as_ref()
                    .and_then(|_| heads.check(&stored).err());
                let Pointer {
                    cluster,
                    tenant,
                    part,
                    ..
                } = &stored.pointer;
                let place = (cluster.clone(), tenant.clone(), *part);
                let engine = inventories
                    .as_mut()
                    .map(|known| Engine::of(&stored.pointer, known.remove(&place)));
                let published = published.remove(&place);
                Row::Pointer(Box::new(Line {
                    stored,
                    invalid,
                    engine,
                    published,
                }))
            }
        });
    }
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    let clusters: std::collections::BTreeSet<ClusterName> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Pointer(line) => Some(line.stored.pointer.cluster.clone()),
            Row::Broken { .. } => None,
        })
        .collect();
    let mut brakes = Vec::new();
    for cluster in &clusters {
        brakes.extend(heads.brake(cluster)?);
    }
    Ok(Status {
        tenant: args.tenant.clone(),
        brakes,
        rows,
    })
}

type Place = (ClusterName, TenantName, Part);

fn by_place(inventories: Vec<Inventory>) -> BTreeMap<Place, Inventory> {
    inventories
        .into_iter()
        .map(|i| ((i.cluster.clone(), i.tenant.clone(), i.part), i))
        .collect()
}

struct Status {
    tenant: Option<TenantName>,
    brakes: Vec<Brake>,
    rows: Vec<Row>,
}

enum Row {
    Pointer(Box<Line>),
    Broken {
        path: String,
        invalid: PointerInvalid,
    },
}

struct Line {
    stored: StoredPointer,
    invalid: Option<PointerInvalid>,
    engine: Option<Engine>,
    /// What the cluster's reconciler published.
    published: Option<format::Status>,
}

/// What a directory has of a part.
enum Engine {
    /// Nothing.
    Absent,
    /// What the pointer names, or something else.
    Has {
        inventory: Box<Inventory>,
        current: bool,
    },
}

impl Engine {
    fn of(pointer: &Pointer, inventory: Option<Inventory>) -> Self {
        match inventory {
            None => Self::Absent,
            Some(inventory) => {
                let current = inventory.complete && inventory.release == pointer.release;
                Self::Has {
                    inventory: Box::new(inventory),
                    current,
                }
            }
        }
    }

    fn words(&self) -> (Tone, String) {
        match self {
            Self::Absent => (Tone::Notice, "not there yet".to_owned()),
            Self::Has {
                inventory,
                current: true,
            } => (
                Tone::Good,
                format!(
                    "in place, {}",
                    crate::view::count(inventory.objects.len(), "object")
                ),
            ),
            Self::Has {
                inventory,
                current: false,
            } => (
                Tone::Notice,
                format!("still at {}", short(inventory.release.as_str())),
            ),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Has { inventory, current } => json!({
                "release": inventory.release,
                "complete": inventory.complete,
                "current": current,
                "objects": inventory.objects.len(),
            }),
        }
    }
}

impl Row {
    fn order(&self) -> (Option<(&TenantName, Part, &ClusterName)>, &str) {
        match self {
            Self::Pointer(line) => {
                let pointer = &line.stored.pointer;
                (
                    Some((&pointer.tenant, pointer.part, &pointer.cluster)),
                    &line.stored.path,
                )
            }
            Self::Broken { path, .. } => (None, path),
        }
    }

    fn is_broken(&self) -> bool {
        match self {
            Self::Pointer(line) => line.invalid.is_some(),
            Self::Broken { .. } => true,
        }
    }
}

impl Line {
    fn cells(&self) -> Vec<Cell> {
        let pointer = &self.stored.pointer;
        let source = match &pointer.source.commit {
            Some(commit) if pointer.source.dirty => format!("{}+", short(commit.as_str())),
            Some(commit) => short(commit.as_str()).to_owned(),
            None => "no commit".to_owned(),
        };
        let state = match pointer.state.kind {
            StateKind::Live => "",
            other => super::freeze::word(other),
        };
        let hold = pointer.hold.as_ref().map(|hold| {
            let until = hold
                .until
                .as_ref()
                .map(|until| format!(" until {until}"))
                .unwrap_or_default();
            format!("held{until}: {}", hold.reason)
        });
        let (tone, engine) = self.engine.as_ref().map(Engine::words).unwrap_or_default();
        vec![
            Cell::plain(pointer.tenant.to_string()),
            Cell::plain(pointer.part.to_string()),
            Cell::plain(pointer.cluster.to_string()),
            Cell::new(Tone::Name, short(pointer.release.as_str())),
            Cell::new(Tone::Faint, source),
            Cell::new(tone, engine),
            self.phase(),
            Cell::new(Tone::Notice, state),
            Cell::new(Tone::Notice, hold.unwrap_or_default()),
            Cell::new(
                Tone::Bad,
                self.invalid
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
        ]
    }

    /// Where the activation stands, as the reconciler sees it.
    fn phase(&self) -> Cell {
        let Some(published) = &self.published else {
            return Cell::plain("");
        };
        let behind = published.release.as_ref() != Some(&self.stored.pointer.release);
        let (tone, word) = match published.phase {
            _ if behind => (Tone::Notice, "not seen by the reconciler yet"),
            Phase::Waiting => (Tone::Notice, "waiting"),
            Phase::Progressing => (Tone::Notice, "progressing"),
            Phase::Soaking => (Tone::Good, "healthy, soaking"),
            Phase::Verified => (Tone::Good, "verified"),
            Phase::Failed => (Tone::Bad, "failed"),
            Phase::Invalid => (Tone::Bad, "invalid"),
            Phase::Frozen => (Tone::Notice, "frozen"),
            Phase::Retiring => (Tone::Notice, "retiring"),
        };
        let unwell = published.health != HealthWord::Healthy && published.phase == Phase::Verified;
        if unwell {
            return Cell::new(Tone::Notice, format!("{word}, now {:?}", published.health));
        }
        Cell::new(tone, word)
    }

    /// What stands in the way, and what happens next.
    fn details(&self, text: &mut Text) {
        let Some(published) = &self.published else {
            return;
        };
        if published.blocking.is_empty() && published.reason.is_none() && published.next.is_none() {
            return;
        }
        let pointer = &self.stored.pointer;
        let reason = published.reason.as_deref().unwrap_or_default();
        text.gap();
        text.line(&[
            (
                Tone::Strong,
                &format!("{}/{}", pointer.tenant, pointer.part),
            ),
            (Tone::Plain, &format!("  {reason}")),
        ]);
        for blocking in &published.blocking {
            let object = ObjectKey::from(blocking.object.clone());
            text.line(&[
                (Tone::Plain, &format!("  {object}  ")),
                (Tone::Bad, &format!("{:?}", blocking.health)),
                (Tone::Plain, &format!("  {}", blocking.message)),
                (Tone::Faint, &format!("  since {}", blocking.since)),
            ]);
        }
        if let Some(next) = &published.next {
            let soon = format!(
                "  next: {} in {} s if nothing changes",
                next.what, next.in_seconds
            );
            text.line(&[(Tone::Notice, &soon)]);
        }
    }

    fn json(&self) -> Value {
        let Pointer {
            tenant,
            part,
            cluster,
            namespace,
            release,
            digest,
            source,
            state,
            hold,
            ..
        } = &self.stored.pointer;
        json!({
            "tenant": tenant,
            "part": part,
            "cluster": cluster,
            "namespace": namespace,
            "release": release,
            "digest": digest,
            "source": source,
            "state": state,
            "hold": hold,
            "pointer": self.stored.blob,
            "invalid": self.invalid.as_ref().map(ToString::to_string),
            "engine": self.engine.as_ref().map(Engine::json),
            "status": self.published,
        })
    }
}

impl Present for Status {
    fn kind(&self) -> &'static str {
        "Status"
    }

    fn human(&self, text: &mut Text) {
        if self.rows.is_empty() {
            let what = self
                .tenant
                .as_ref()
                .map_or_else(String::new, |tenant| format!(" of {tenant}"));
            text.line(&[(Tone::Faint, &format!("nothing{what} is live"))]);
            return;
        }
        for brake in &self.brakes {
            text.line(&[(
                Tone::Bad,
                &format!(
                    "{}: the brake is set since {}: {}",
                    brake.cluster, brake.at, brake.reason
                ),
            )]);
            let help = format!(
                "nothing is rolled back automatically there until `orzc resume --cluster {}`",
                brake.cluster
            );
            text.line(&[(Tone::Notice, &help)]);
            text.gap();
        }
        let mut table = Table::new();
        table.head(&["tenant", "part", "cluster", "release", "source"]);
        for row in &self.rows {
            if let Row::Pointer(line) = row {
                table.row(line.cells());
            }
        }
        text.table(&table);
        for row in &self.rows {
            if let Row::Pointer(line) = row {
                line.details(text);
            }
        }
        for row in &self.rows {
            if let Row::Broken { path, invalid } = row {
                text.line(&[
                    (Tone::Plain, path),
                    (Tone::Plain, "  "),
                    (Tone::Bad, &invalid.to_string()),
                ]);
            }
        }
    }

    fn json(&self) -> Value {
        let lines = self.rows.iter().filter_map(|row| match row {
            Row::Pointer(line) => Some(line.json()),
            Row::Broken { .. } => None,
        });
        let broken = self.rows.iter().filter_map(|row| match row {
            Row::Pointer(_) => None,
            Row::Broken { path, invalid } => {
                Some(json!({ "path": path, "invalid": invalid.to_string() }))
            }
        });
        json!({ "brakes": self.brakes, "pointers": lines.collect::<Vec<_>>(), "malformed": broken.collect::<Vec<_>>() })
    }
}
