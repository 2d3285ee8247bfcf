//! A cluster with Argo CD, a GitOps repository with many tenants, and the reconciler that follows it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::argocd::{ArgoCd, ArgoOptions, Component, NAMESPACE, Rates};
use orz_cluster_tests::standin::{Operators, OperatorsOptions};
use orz_cluster_tests::{ControlPlane, Crds, Objects, Options, PRODUCT_USER, Ref};
use orz_compiler::{Inputs, Output, Platform, compile, compiler_identity};
use orz_core::Value;
use orz_core::format::{Phase, Source};
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_gitops::{ActivateOptions, NewRelease, Repo, Request};
use orz_reconciler::apply::Connection;
use orz_reconciler::argocd::{ArgoSettings, application_sets};
use orz_reconciler::install::{Subject, install_for_argocd};
use serde_json::json;

use crate::report::Usage;
use crate::rounds::Applications;
use crate::watch::{Application, Watched};
use crate::{Outcome, say};

/// What all do at once may take so long for each; a sixth of a second is usual on two cores.
const PATIENCE_FOR_EACH: Duration = Duration::from_secs(6);

/// Everything that the rounds need.
pub(crate) struct Fleet {
    // Ends before what it talks to, like all that follows.
    reconciler: RefCell<Option<Reconciler>>,
    pub(crate) watched: Watched,
    argo: RefCell<ArgoCd>,
    pub(crate) server: Objects,
    _plane: ControlPlane,
    repo: Repo,
    settings: ArgoSettings,
    _folder: tempfile::TempDir,
    /// The tenants whose pointers move.
    pub(crate) movers: Vec<TenantName>,
    /// Their two releases.
    releases: BTreeMap<TenantName, [ReleaseId; 2]>,
    first_sync: Duration,
}

struct Reconciler(Child);

impl Drop for Reconciler {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Fleet {
    /// Starts everything, and returns once every Application of every tenant is in place.
    pub(crate) fn start(tenants: usize, rounds: usize, program: &Path) -> Outcome<Self> {
        let plane = ControlPlane::start(&Options { crds: Crds::ArgoCd })?;
        let argo = ArgoCd::start(
            &plane,
            &ArgoOptions {
                application_sets: true,
                // What Argo CD compares by the clock has nothing to do with a pointer's way. With server-side
                // diffs and 2,000 Applications it keeps a processor busy for ever.
                rates: Rates {
                    reconciliation: Duration::from_hours(1),
                    ..Rates::default()
                },
                ..ArgoOptions::default()
            },
        )?;
        let server = Objects::connect(&plane.harness_kubeconfig())?;
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init"))?;
        let settings = ArgoSettings::new(ArgoCd::repository_url(repo.path()));
        let admin = Connection {
            kubeconfig: Some(plane.harness_kubeconfig()),
            context: None,
        };
        install_for_argocd(&admin, &Subject::User(PRODUCT_USER.to_owned()), &settings)?;

        say(&format!("{tenants} tenants are compiled and published"));
        let names: Vec<TenantName> = (0..tenants)
            .map(|n| format!("tenant-{n:05}").parse())
            .collect::<Result<_, _>>()?;
        // Far from each other, so that no two are in a row anywhere.
        let step = (names.len() / rounds).max(1);
        let movers: Vec<TenantName> = names.iter().step_by(step).take(rounds).cloned().collect();
        let first = publish(&repo, &names, 1, true)?;
        let second = publish(&repo, &movers, 2, false)?;
        let releases = movers
            .iter()
            .map(|name| (name.clone(), [first[name].clone(), second[name].clone()]))
            .collect();

        let log = File::create(folder.path().join("reconciler.log"))?;
        let child = Command::new(program)
            .arg("--gitops")
            .arg(repo.path())
            .args([
                "--engine",
                "argocd",
                "--argocd-repo",
                &settings.repo_url,
                "--kubeconfig",
            ])
            .arg(plane.product_kubeconfig())
            .args(["--soak", "10s", "--status-interval", "10s"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let reconciler = Reconciler(child);
        let started = Instant::now();
        let watched = Watched::start(&plane.harness_kubeconfig())?;
        let in_sync = |application: &Application| application.is_synced;
        until_all(&watched, 2 * tenants, "in sync", in_sync)?;
        let first_sync = started.elapsed();
        {
            // The status of secret stores; nothing else of these tenants waits for an operator.
            let _operators = Operators::start(&plane, OperatorsOptions::default())?;
            let in_place = |application: &Application| application.is_in_place;
            until_all(&watched, 2 * tenants, "in place", in_place)?;
        }
        Ok(Self {
            reconciler: RefCell::new(Some(reconciler)),
            argo: RefCell::new(argo),
            server,
            _plane: plane,
            repo,
            settings,
            _folder: folder,
            movers,
            releases,
            first_sync,
            watched,
        })
    }

    /// How long it took until everything was in place for the first time.
    pub(crate) fn first_sync(&self) -> Duration {
        self.first_sync
    }

    /// Points at the other release of a tenant; which that is.
    pub(crate) fn flip(&self, tenant: &TenantName) -> Outcome<ReleaseId> {
        let view = self.repo.view()?;
        let stored = view.pointer(&"in-cluster".parse()?, tenant, Part::Work)?;
        let live = stored.ok_or("no pointer")?.pointer.release;
        let [first, second] = &self.releases[tenant];
        let to = if live == *first { second } else { first };
        let options = ActivateOptions::default();
        self.repo
            .activate(tenant, Part::Work, to, options, &request("flip"))?;
        Ok(to.clone())
    }

    /// What the reconciler costs while nothing happens.
    pub(crate) fn usage(&self) -> Outcome<Usage> {
        const WATCHED: Duration = Duration::from_secs(20);
        let reconciler = self.reconciler.borrow();
        let id = reconciler.as_ref().ok_or("it does not run")?.0.id();
        say("the reconciler is watched while nothing happens");
        self.until_verified()?;
        let before = cpu(id)?;
        thread::sleep(WATCHED);
        Ok(Usage {
            cpu_percent: (cpu(id)? - before) / WATCHED.as_secs_f64() * 100.0,
            resident_bytes: resident(id)?,
        })
    }

    /// What the first sync left to do: the soak, and status.
    fn until_verified(&self) -> Outcome {
        let begun = Instant::now();
        let all = self.watched.count(|_| true)?.0;
        loop {
            let statuses = self.repo.statuses()?;
            let verified = statuses.iter().filter(|s| s.phase == Phase::Verified);
            let open = all.saturating_sub(verified.count());
            if open == 0 {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_mins(15) {
                return Err(format!("{open} parts are not verified").into());
            }
            thread::sleep(Duration::from_secs(1));
        }
    }

    pub(crate) fn stop_reconciler(&self) -> Outcome {
        let stopped = self.reconciler.borrow_mut().take();
        stopped.map(drop).ok_or_else(|| "it does not run".into())
    }

    /// Gives the Applications to ApplicationSets; returns once each has an owner. By name of set.
    pub(crate) fn hand_over(&self, to: Applications) -> Outcome<Vec<Ref>> {
        let set_ref =
            |name: &str| Ref::new("argoproj.io/v1alpha1", "ApplicationSet", NAMESPACE, name);
        // A set that is being deleted would take an Application back that has just been let go, and end with it.
        let controller = Component::ApplicationSetController;
        self.argo.borrow_mut().kill(controller);
        for old in self
            .server
            .list("argoproj.io/v1alpha1", "ApplicationSet", NAMESPACE)?
        {
            let name = old["metadata"]["name"].as_str().unwrap_or_default();
            // The Applications stay: new ones would have nothing to put in place, and no operation to tell of.
            self.server.delete_alone(&set_ref(name))?;
            self.server
                .wait_gone(&set_ref(name), Duration::from_mins(2))?;
        }
        self.argo.borrow_mut().start_component(controller)?;
        let mut sets = Vec::new();
        for object in application_sets(&"in-cluster".parse()?, &self.settings) {
            if object["kind"] != "ApplicationSet" {
                self.server.apply(&object)?;
                continue;
            }
            let object = match to {
                Applications::SixteenSets => object,
                Applications::OneSet if sets.is_empty() => whole(object),
                Applications::OneSet => continue,
            };
            self.server.apply(&object)?;
            sets.push(Ref::of(&object));
        }
        say(&format!("ApplicationSets take over: {}", sets.len()));
        let names: BTreeSet<String> = sets.iter().map(|set| set.name.clone()).collect();
        let all = self.watched.count(|_| true)?.0;
        until_all(&self.watched, all, "taken over", |application| {
            names.contains(&application.owner) && application.is_in_place
        })?;
        self.watched.until_quiet();
        Ok(sets)
    }
}

/// The set of the first digit, over the pointers of all.
fn whole(mut set: Value) -> Value {
    set["metadata"]["name"] = json!("orz-in-cluster");
    set["spec"]["generators"][0]["git"]["files"] =
        json!([{"path": "pointers/in-cluster/*/*/*.json"}]);
    set
}

/// Waits until as many Applications satisfy a condition.
fn until_all(
    watched: &Watched,
    wanted: usize,
    what: &str,
    condition: impl Fn(&Application) -> bool,
) -> Outcome {
    let begun = Instant::now();
    let patience = Duration::from_mins(4) + PATIENCE_FOR_EACH * u32::try_from(wanted)?;
    let mut said = 0;
    loop {
        let (done, other) = watched.count(&condition)?;
        if done == wanted || done >= said + wanted.div_ceil(10) {
            let after = begun.elapsed().as_secs_f64();
            said = done;
            say(&format!(
                "{done} of {wanted} Applications are {what} after {after:.1} s"
            ));
        }
        if done == wanted {
            return Ok(());
        }
        if begun.elapsed() > patience {
            let other = other.unwrap_or_default();
            return Err(
                format!("{done} of {wanted} Applications are {what}; one is not: {other}").into(),
            );
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Compiles and publishes these tenants with this tag; the release of `work` of each.
fn publish(
    repo: &Repo,
    tenants: &[TenantName],
    tag: u32,
    activate: bool,
) -> Outcome<BTreeMap<TenantName, ReleaseId>> {
    let platform = Platform::load(&BTreeMap::new());
    let platform = platform.value.ok_or("the platform data does not load")?;
    let mut releases = Vec::new();
    for tenant in tenants {
        let path = format!("tenants/{tenant}/bundle.json");
        let compiled = compile(&Inputs {
            tenant: tenant.clone(),
            files: BTreeMap::from([(path, bundle(tenant, tag).to_string().into_bytes())]),
            platform: &platform,
            at: None,
        });
        let output = compiled
            .output
            .ok_or_else(|| format!("{:?}", compiled.diagnostics))?;
        releases.extend(new_releases(output));
    }
    let published = repo.publish(releases, activate, &request("publish"))?;
    let work = published
        .items
        .into_iter()
        .filter(|item| item.part == Part::Work);
    Ok(work.map(|item| (item.tenant, item.release)).collect())
}

/// An app of six objects: ServiceAccount, Deployment, Service, NetworkPolicy and two ConfigMaps. It has no pods, so
/// that what is timed is nobody's pull of an image and no stand-in's pace.
fn bundle(tenant: &TenantName, tag: u32) -> Value {
    json!({
        "tenant": {"name": tenant},
        "configs": [
            {"name": "shop", "version": "v1", "data": {"currency": "EUR"}, "activate": true},
        ],
        "apps": [{
            "name": "web", "image": format!("registry.example.com/web:{tag}"), "port": 8080, "replicas": 0,
            "configs": ["shop"],
        }],
    })
}

fn new_releases(output: Output) -> Vec<NewRelease> {
    let Output {
        tenant,
        cluster,
        namespace,
        parts,
        inputs,
        at,
    } = output;
    let release = |part: orz_compiler::CompiledPart| NewRelease {
        tenant: tenant.clone(),
        part: part.part,
        cluster: cluster.clone(),
        namespace: namespace.clone(),
        files: part.files,
        objects: part.objects,
        requires: part.requires,
        claims: part.claims,
        digest: part.digest,
        inputs: inputs.clone(),
        at: at.clone(),
        source: Source {
            repository: "benchmark".to_owned(),
            commit: None,
            dirty: false,
        },
        compiler: compiler_identity(),
    };
    parts.into_values().map(release).collect()
}

fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "Benchmark <benchmark@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// Seconds of CPU that a process has used: fields 14 and 15 of `/proc/<pid>/stat`, in hundredths (proc(5)).
fn cpu(id: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second field is the name in parentheses, which may hold spaces.
    let (_, rest) = stat.rsplit_once(')').ok_or("no name")?;
    let ticks: Result<Vec<u32>, _> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect();
    Ok(f64::from(ticks?.iter().sum::<u32>()) / 100.0)
}

fn resident(id: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no VmRSS")?
        .parse()?;
    Ok(kilobytes * 1024)
}
