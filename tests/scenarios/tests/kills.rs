//! The reconciler is killed at many instants, and what comes of it is what would have come of it anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::argocd::Component;
use orz_cluster_tests::standin::Outcome;
use orz_core::format::{Action, Blocks, HoldKind, Inventory, Phase, StateKind, from_bytes};
use orz_core::id::{Part, ReleaseId};
use orz_gitops::HistoryItem;
use orz_scenario_tests::{App, Engine, Killer, TestResult, World, size};
use orz_test_tools::say;
use serde_json::Value;

#[test]
fn kills_change_nothing_with_apply() -> TestResult {
    kills_change_nothing(Engine::Apply)
}

#[test]
fn kills_change_nothing_with_argocd() -> TestResult {
    kills_change_nothing(Engine::ArgoCd)
}

/// The same story twice: of tenants whose reconciler lives, and of tenants whose reconciler, and whose Argo CD, are
/// killed again and again. They end alike.
fn kills_change_nothing(engine: Engine) -> TestResult {
    let mut world = World::start(engine)?;
    world.pods("web", "bad", Outcome::CannotPull);
    let tenants = size(4, 20);
    let kills = size(12, 100);

    let running = world.reconciler(&PATIENT)?;
    let mut calm = Story::new("calm", tenants);
    for round in ROUNDS {
        calm.begin(&world, round)?;
        calm.until_ended(&world, round)?;
    }
    drop(running);
    let calm = calm.ended(&world)?;

    let killer = Killer::start(world.launch(&PATIENT), world.repo.path())?;
    let mut wild = Story::new("wild", tenants);
    let started = Instant::now();
    for (number, round) in ROUNDS.into_iter().enumerate() {
        // As many in each round, and all of them in the end.
        let share = kills * (number + 1) / ROUNDS.len() - kills * number / ROUNDS.len();
        let late = if round == Round::Second { share / 2 } else { 0 };
        killer.ask(share - late);
        wild.begin(&world, round)?;
        if let Some(argo) = world.argo.as_mut() {
            argo.kill(Component::ApplicationController);
            thread::sleep(Duration::from_millis(500));
            argo.kill(Component::RepoServer);
            thread::sleep(Duration::from_secs(1));
            argo.start_component(Component::ApplicationController)?;
            thread::sleep(Duration::from_secs(1));
            argo.start_component(Component::RepoServer)?;
        }
        if late > 0 {
            // What fails is said to have failed ten seconds after it began: some die before, some in the middle.
            thread::sleep(FAILURE_SOON);
            killer.ask(late / 2);
            world.until("a release is taken back", || {
                killer.is_done()?;
                Ok(!world.automatic("wild-1")?.is_empty())
            })?;
            killer.ask(late - late / 2);
        }
        world.until("every kill of the round is done", || killer.is_done())?;
        wild.until_ended(&world, round)?;
    }
    let took = started.elapsed().as_secs_f64();
    let ended = wild.ended(&world)?;
    let done = killer.end()?;
    say(&format!(
        "{}: {tenants} tenants, {done}; {took:.0} s",
        engine.name()
    ));

    assert_eq!(done.count(), kills);
    assert_eq!(ended, calm, "the end is another one");
    nothing_is_lost_or_foreign(&world, tenants)?;
    git_is_whole(&world, done.locks)
}

/// Releases that fail are what the story is about, and no outage.
const PATIENT: [&str; 2] = ["--brake-min", "1000"];

/// Shorter than what [`World::start`] has Kubernetes wait for progress.
const FAILURE_SOON: Duration = Duration::from_secs(7);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Everybody goes live.
    First,
    /// Everybody moves on, some to what cannot be pulled.
    Second,
    /// What failed is repaired or published again, a person rolls back, another one holds.
    Third,
}

const ROUNDS: [Round; 3] = [Round::First, Round::Second, Round::Third];

/// What a tenant lives through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Good,
    Held,
    Bad,
    Repaired,
    RolledBack,
}

impl Role {
    fn of(number: usize) -> Self {
        match number {
            0 => Self::Held,
            3 => Self::RolledBack,
            n => [Self::Good, Self::Bad, Self::Repaired][n % 3],
        }
    }

    fn tag(self, round: Round) -> &'static str {
        let fails = matches!(self, Self::Bad | Self::Repaired);
        match round {
            Round::First => "1",
            Round::Second if fails => "bad",
            Round::Second => "2",
            Round::Third if self == Self::Bad => "bad",
            Round::Third => "3",
        }
    }

    /// The round whose release is live after a round.
    fn live(self, round: Round) -> Round {
        match (round, self) {
            (Round::First, _)
            | (_, Self::Bad)
            | (Round::Second, Self::Repaired)
            | (Round::Third, Self::RolledBack) => Round::First,
            (Round::Second, _) | (Round::Third, Self::Held) => Round::Second,
            (Round::Third, Self::Good | Self::Repaired) => Round::Third,
        }
    }

    /// The hold that stands after a round.
    fn hold(self, round: Round) -> Option<HoldKind> {
        match (self, round) {
            (Self::Bad, Round::Second | Round::Third) | (Self::Repaired, Round::Second) => {
                Some(HoldKind::Auto)
            }
            (Self::Held | Self::RolledBack, Round::Third) => Some(HoldKind::Manual),
            _ => None,
        }
    }
}

struct Tenant {
    name: String,
    role: Role,
    /// What was published for it, by round.
    releases: Vec<ReleaseId>,
}

impl Tenant {
    fn release(&self, round: Round) -> &ReleaseId {
        &self.releases[round as usize]
    }

    /// A release in words that are the same for the tenant of the other story.
    fn word(&self, release: &ReleaseId) -> String {
        let round = self.releases.iter().position(|known| known == release);
        round.map_or_else(|| format!("unknown {release}"), |n| format!("release {n}"))
    }

    /// What a change of the pointer was, in such words.
    fn told(&self, item: &HistoryItem) -> String {
        let word = |release: &Option<ReleaseId>| {
            release
                .as_ref()
                .map_or_else(|| "none".to_owned(), |r| self.word(r))
        };
        let (from, to) = (word(&item.from), word(&item.to));
        let cause = item
            .cause
            .as_ref()
            .map(|cause| cause.object.replace(&self.name, ""));
        format!("{:?} {from} -> {to} {cause:?}", item.action)
    }
}

struct Story {
    tenants: Vec<Tenant>,
}

/// How a story ended, for each tenant by its number, in words that name neither tenants nor releases.
type Ended = BTreeMap<usize, Vec<String>>;

impl Story {
    fn new(prefix: &str, tenants: usize) -> Self {
        let tenants = (0..tenants).map(|number| Tenant {
            name: format!("{prefix}-{number}"),
            role: Role::of(number),
            releases: Vec::new(),
        });
        Self {
            tenants: tenants.collect(),
        }
    }

    /// What people do in a round.
    fn begin(&mut self, world: &World, round: Round) -> TestResult {
        if round == Round::Third {
            for tenant in &self.tenants {
                let name = tenant.name.as_str();
                match tenant.role {
                    Role::Held => world.orzc(&["hold", name, "--reason", "a quiet week"], 0)?,
                    Role::RolledBack => {
                        world.orzc(&["rollback", name, "--reason", "customers complain"], 0)?
                    }
                    _ => continue,
                };
            }
        }
        let bundles: Vec<(String, Vec<App>)> = self
            .tenants
            .iter()
            .map(|tenant| {
                let apps = vec![
                    App::new("web", tenant.role.tag(round)),
                    App::new("worker", "1"),
                ];
                (tenant.name.clone(), apps)
            })
            .collect();
        let releases = world.deploy_all(&bundles)?;
        for tenant in &mut self.tenants {
            let release = releases.get(&tenant.name).ok_or("not published")?;
            tenant.releases.push(release.clone());
        }
        Ok(())
    }

    /// Waits until nothing more is going to happen in a round.
    fn until_ended(&self, world: &World, round: Round) -> TestResult {
        for tenant in &self.tenants {
            let Tenant { name, role, .. } = tenant;
            let live = tenant.release(role.live(round));
            world.until(
                format!("{name} ({role:?}) has ended its {round:?} round"),
                || {
                    let stored = world.repo.view()?.pointer(
                        &"in-cluster".parse()?,
                        &name.parse()?,
                        Part::Work,
                    )?;
                    let pointer = stored.ok_or("no pointer")?.pointer;
                    let hold = pointer.hold.map(|hold| hold.kind);
                    let status = world.status(name, Part::Work)?;
                    let verified = status.is_some_and(|status| {
                        status.release.as_ref() == Some(live) && status.phase == Phase::Verified
                    });
                    let ended = pointer.release == *live && hold == role.hold(round) && verified;
                    Ok(ended && is_remembered(world, name)?)
                },
            )?;
        }
        Ok(())
    }

    fn ended(&self, world: &World) -> TestResult<Ended> {
        let mut ended = Ended::new();
        for (number, tenant) in self.tenants.iter().enumerate() {
            let mut told = Self::pointers(world, tenant)?;
            told.extend(objects(world, tenant)?);
            told.extend(inventories(world, tenant)?);
            ended.insert(number, told);
        }
        Ok(ended)
    }

    /// The pointers and how they came there; fails when a rollback was one too many.
    fn pointers(world: &World, tenant: &Tenant) -> TestResult<Vec<String>> {
        let mut told = Vec::new();
        for part in [Part::Tenancy, Part::Work] {
            let view = world.repo.view()?;
            let stored = view.pointer(&"in-cluster".parse()?, &tenant.name.parse()?, part)?;
            let pointer = stored.ok_or("no pointer")?.pointer;
            assert_eq!(pointer.state.kind, StateKind::Live);
            if part == Part::Work {
                let hold = pointer.hold.map(|hold| match hold.blocks {
                    Blocks::All => format!("{:?} hold of all", hold.kind),
                    Blocks::Releases(releases) => {
                        let blocked: Vec<_> = releases.iter().map(|r| tenant.word(r)).collect();
                        format!("{:?} hold of {blocked:?}", hold.kind)
                    }
                });
                told.push(format!("{} {hold:?}", tenant.word(&pointer.release)));
            }
        }
        let items = world
            .repo
            .history(&tenant.name.parse()?, Some(Part::Work))?;
        told.extend(items.iter().rev().map(|item| tenant.told(item)));
        let mut left = BTreeSet::new();
        let mut came_back = false;
        for item in items.iter().rev().filter(|item| item.from != item.to) {
            if item.action == Some(Action::AutoRollback) {
                assert!(!came_back, "a rollback was rolled back: {item:#?}");
                assert!(
                    left.insert(item.from.clone()),
                    "rolled back twice: {item:#?}"
                );
            }
            came_back = matches!(item.action, Some(Action::Rollback | Action::AutoRollback));
        }
        let fails = matches!(tenant.role, Role::Bad | Role::Repaired);
        assert_eq!(left.len(), usize::from(fails), "{items:#?}");
        Ok(told)
    }
}

/// Everything that a part can have in a namespace, and what says who runs.
const KINDS: [(&str, &str); 14] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("batch/v1", "Job"),
    ("external-secrets.io/v1", "SecretStore"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "ConfigMap"),
    ("v1", "LimitRange"),
    ("v1", "ResourceQuota"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
];

/// What is in the tenant's namespace, with the images of what runs.
fn objects(world: &World, tenant: &Tenant) -> TestResult<Vec<String>> {
    let mut told = Vec::new();
    for (api_version, kind) in KINDS {
        for object in world.server.list(api_version, kind, &tenant.name)? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let image = object.pointer("/spec/template/spec/containers/0/image");
            let image = image.and_then(Value::as_str).unwrap_or_default();
            told.push(format!("{kind} {} {image}", name.replace(&tenant.name, "")));
        }
    }
    told.sort();
    Ok(told)
}

/// Whether the verdicts are written down: they are published first.
fn is_remembered(world: &World, tenant: &str) -> TestResult<bool> {
    for part in [Part::Tenancy, Part::Work] {
        let inventory = inventory(world, tenant, part)?;
        let verified = inventory.memory.map(|memory| memory.phase) == Some(Phase::Verified);
        if !(inventory.complete && verified) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the inventories say: everything is in place, and what is remembered of it.
fn inventories(world: &World, tenant: &Tenant) -> TestResult<Vec<String>> {
    let mut told = Vec::new();
    for part in [Part::Tenancy, Part::Work] {
        let inventory = inventory(world, &tenant.name, part)?;
        assert!(inventory.complete, "{inventory:#?}");
        let missing = inventory.objects.iter().find(|item| item.uid.is_none());
        assert_eq!(missing, None, "of {}/{part}", tenant.name);
        let memory = inventory.memory.ok_or("no memory")?;
        assert_eq!(memory.phase, Phase::Verified, "{memory:#?}");
        assert_eq!(memory.release, inventory.release);
        told.push(format!("{} objects of {part}", inventory.objects.len()));
        if part == Part::Work {
            assert_eq!(inventory.release, world.live(&tenant.name, part)?);
            let words = |list: &[ReleaseId]| -> Vec<String> {
                list.iter().map(|release| tenant.word(release)).collect()
            };
            told.push(format!("verified {:?}", words(&memory.verified)));
        }
    }
    Ok(told)
}

fn inventory(world: &World, tenant: &str, part: Part) -> TestResult<Inventory> {
    let name = format!("inventory-{tenant}-{part}");
    let reference = orz_cluster_tests::Ref::new("v1", "ConfigMap", "orz-system", &name);
    let found = world.server.get(&reference)?.ok_or("no inventory")?;
    let text = found["data"]["inventory.json"].as_str().ok_or("empty")?;
    Ok(from_bytes(text.as_bytes())?)
}

/// In engine `argocd` there is one Application for each pointer, one AppProject for each tenant, and no other.
fn nothing_is_lost_or_foreign(world: &World, tenants: usize) -> TestResult {
    let names = |kind| -> TestResult<BTreeSet<String>> {
        let listed = world.server.list("argoproj.io/v1alpha1", kind, "argocd")?;
        let names = listed
            .iter()
            .filter_map(|item| item["metadata"]["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    };
    let stories = ["calm", "wild"].into_iter();
    let everybody: Vec<String> = stories
        .flat_map(|story| (0..tenants).map(move |number| format!("{story}-{number}")))
        .collect();
    if world.engine == Engine::ArgoCd {
        let applications = everybody.iter();
        let applications = applications
            .flat_map(|tenant| ["tenancy", "work"].map(|part| format!("{tenant}-{part}")));
        assert_eq!(names("Application")?, applications.collect());
        let ours = ["default", "orz-platform", "orz-tenancy"].map(str::to_owned);
        let projects = everybody.iter().cloned().chain(ours);
        assert_eq!(names("AppProject")?, projects.collect());
    }
    let inventories = world.server.list("v1", "ConfigMap", "orz-system")?;
    let inventories = inventories.iter().filter(|map| {
        let name = map["metadata"]["name"].as_str().unwrap_or_default();
        name.starts_with("inventory-")
    });
    assert_eq!(inventories.count(), 2 * everybody.len());
    Ok(())
}

/// Nothing that a killed process left is broken or in the way, and what was found of it was said.
fn git_is_whole(world: &World, locks: usize) -> TestResult {
    world.orzc(&["verify"], 0)?;
    world.git_gitops(&["fsck", "--strict"])?;
    for folder in ["", "refs/heads", "refs/orz/status/in-cluster"] {
        for entry in std::fs::read_dir(world.repo.path().join(folder))? {
            let path = entry?.path();
            assert!(
                path.extension().is_none_or(|end| end != "lock"),
                "{}",
                path.display()
            );
        }
    }
    // Some are removed by `orzc`, which tells its own caller.
    let said = world
        .log()
        .matches("the process that held it is gone")
        .count();
    say(&format!(
        "a lock stood after {locks} kills; reconcilers removed {said} that nobody held any more"
    ));
    Ok(())
}
