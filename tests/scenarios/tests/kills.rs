//! `kill -9` at any instant changes nothing about how a story ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use orz_cluster_tests::argocd::{Component, NAMESPACE};
use orz_cluster_tests::standin::Outcome;
use orz_core::format::{Action, Phase};
use orz_core::id::{Part, ReleaseId};
use orz_scenario_tests::{App, Engine, Launch, TestResult, World, image, size};
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

/// The same story twice: once in peace, once with the reconciler (and Argo CD) killed again and again.
fn kills_change_nothing(engine: Engine) -> TestResult {
    let mut world = World::start(engine)?;
    let count = size(4, 20);
    let running = world.reconciler(&[])?;
    let peace = story(&mut world, "calm", count, None)?;
    drop(running);

    let kills = size(12, 100);
    let torment = Torment::start(world.launch(&[]), kills);
    let war = story(&mut world, "kill", count, Some(&torment))?;
    assert_eq!(
        peace.keys().collect::<Vec<_>>(),
        war.keys().collect::<Vec<_>>()
    );
    for (role, end) in &peace {
        assert_eq!(&war[role], end, "{role}");
    }

    // Nothing was lost, nothing is in anybody's way, and whoever looks later finds everything in order.
    if engine == Engine::ArgoCd {
        let applications = world
            .server
            .list("argoproj.io/v1alpha1", "Application", NAMESPACE)?;
        assert_eq!(
            applications.len(),
            2 * 2 * count,
            "an Application for each part"
        );
    }
    let inventories = world.server.list("v1", "ConfigMap", "orz-system")?;
    let inventories = inventories
        .iter()
        .filter_map(|map| map["data"]["inventory.json"].as_str());
    let mut complete = 0;
    for text in inventories {
        let inventory: Value = serde_json::from_str(text)?;
        assert_eq!(inventory["complete"], true, "{text}");
        complete += 1;
    }
    assert_eq!(complete, 2 * 2 * count);
    world.git_gitops(&["fsck", "--strict"])?;
    world.orzc(&["verify"], 0)?;
    Ok(())
}

/// How a tenant ends, without its name.
#[derive(Debug, PartialEq, Eq)]
struct End {
    /// The tag that the pointer's release has, and the one that runs.
    live: Option<String>,
    runs: Option<String>,
    hold: Option<String>,
    state: String,
    /// The moves of the pointer, the newest first.
    moves: Vec<Option<Action>>,
    objects: BTreeSet<String>,
}

/// What becomes of a tenant, by its number.
const ROLES: [&str; 4] = [
    "repaired",
    "updated",
    "taken back",
    "taken back by a person",
];

/// All tenants activate; some fail, some of these are repaired, one in four is rolled back by a person.
fn story(
    world: &mut World,
    name: &str,
    count: usize,
    torment: Option<&Torment>,
) -> TestResult<BTreeMap<String, End>> {
    let tenants: Vec<String> = (0..count).map(|n| format!("{name}-{n}")).collect();
    let of = |role: usize| -> Vec<String> {
        let mine = tenants
            .iter()
            .enumerate()
            .filter(|(n, _)| n % ROLES.len() == role);
        mine.map(|(_, tenant)| tenant.clone()).collect()
    };
    let mut releases = Releases::default();
    for tenant in &tenants {
        world.pods(&app(tenant), "bad", Outcome::CannotPull);
    }
    releases.deploy(world, &tenants, "1")?;
    let first = releases.tagged("1");
    world.until_all(&first, Phase::Verified)?;

    kill_argo(world, torment, Component::ApplicationController)?;
    let failing = [of(0), of(2)].concat();
    releases.deploy(world, &failing, "bad")?;
    let good = [of(1), of(3)].concat();
    releases.deploy(world, &good, "2")?;
    world.until_all(&releases.tagged("2"), Phase::Verified)?;
    kill_argo(world, torment, Component::RepoServer)?;
    world.until("what failed is taken back", || {
        for tenant in &failing {
            if world.automatic(tenant)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    for tenant in of(3) {
        world.orzc(&["rollback", &tenant, "--reason", "not what we wanted"], 0)?;
    }
    releases.deploy(world, &of(0), "3")?;
    world.until_all(&releases.tagged("3"), Phase::Verified)?;
    if let Some(torment) = torment {
        let mut tag = 4;
        while !torment.is_over() {
            releases.deploy(world, &of(1), &tag.to_string())?;
            thread::sleep(Duration::from_secs(4));
            tag += 1;
        }
    }
    releases.deploy(world, &of(1), "last")?;

    // From here on it runs in peace; before, too, where nobody is killed.
    let _running = match torment {
        Some(torment) => {
            torment.finish()?;
            Some(world.reconciler(&[])?)
        }
        None => None,
    };
    let mut ends = BTreeMap::new();
    for (n, tenant) in tenants.iter().enumerate() {
        let live = world.live(tenant, Part::Work)?;
        world.until_phase(tenant, Part::Work, &live, Phase::Verified)?;
        let tenancy = world.live(tenant, Part::Tenancy)?;
        world.until_phase(tenant, Part::Tenancy, &tenancy, Phase::Verified)?;
        let role = format!("{n}: {}", ROLES[n % ROLES.len()]);
        ends.insert(role, end(world, tenant, &releases)?);
    }
    Ok(ends)
}

/// By tenant and tag.
#[derive(Default)]
struct Releases(BTreeMap<(String, String), ReleaseId>);

impl Releases {
    fn deploy(&mut self, world: &World, tenants: &[String], tag: &str) -> TestResult {
        let bundles: Vec<_> = tenants
            .iter()
            .map(|tenant| (tenant.clone(), vec![App::new(&app(tenant), tag)]))
            .collect();
        for (tenant, release) in world.deploy_all(&bundles)? {
            self.0.insert((tenant, tag.to_owned()), release);
        }
        Ok(())
    }

    fn tagged(&self, tag: &str) -> BTreeMap<String, ReleaseId> {
        let tagged = self.0.iter().filter(|((_, found), _)| found == tag);
        tagged
            .map(|((tenant, _), release)| (tenant.clone(), release.clone()))
            .collect()
    }
}

/// Every tenant has an app of its own name, so that its image can fail alone.
fn app(tenant: &str) -> String {
    format!("app-{tenant}")
}

fn end(world: &World, tenant: &str, releases: &Releases) -> TestResult<End> {
    let view = world.repo.view()?;
    let stored = view.pointer(&"in-cluster".parse()?, &tenant.parse()?, Part::Work)?;
    let pointer = stored.ok_or("no pointer")?.pointer;
    let tag_of = |found: &ReleaseId| {
        let mut all = releases.0.iter();
        all.find(|((whose, _), release)| whose == tenant && *release == found)
            .map(|((_, tag), _)| tag.clone())
    };
    let runs = world.image(tenant, &app(tenant))?;
    let prefix = image(&app(tenant), "");
    let mut objects = BTreeSet::new();
    for (version, kind) in KINDS {
        for object in world.server.list(version, kind, tenant)? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            objects.insert(format!("{kind} {}", name.replace(tenant, "TENANT")));
        }
    }
    let history = world.repo.history(&tenant.parse()?, Some(Part::Work))?;
    let mut moves: Vec<_> = history
        .into_iter()
        .filter(|item| item.from != item.to)
        .map(|item| item.action)
        .collect();
    // One more or less of these, only to keep the killed one busy.
    moves.dedup();
    Ok(End {
        live: tag_of(&pointer.release),
        runs: runs.and_then(|image| image.strip_prefix(&prefix).map(str::to_owned)),
        hold: pointer.hold.as_ref().map(|hold| {
            let mut all = releases.0.iter();
            let failed = all.find(|((whose, tag), _)| whose == tenant && tag == "bad");
            let named = failed.is_some_and(|(_, release)| hold.names(release));
            format!("{:?}, by name: {named}", hold.kind)
        }),
        state: format!("{:?}", pointer.state.kind),
        moves,
        objects,
    })
}

const KINDS: [(&str, &str); 12] = [
    ("v1", "ConfigMap"),
    ("v1", "LimitRange"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ResourceQuota"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("batch/v1", "Job"),
    ("external-secrets.io/v1", "SecretStore"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
];

/// Kills a process of Argo CD in the middle, and starts it again a while later.
fn kill_argo(world: &mut World, torment: Option<&Torment>, component: Component) -> TestResult {
    if let (Some(argo), Some(_)) = (world.argo.as_mut(), torment) {
        argo.kill(component);
        thread::sleep(Duration::from_secs(1));
        argo.start_component(component)?;
    }
    Ok(())
}

/// Starts the reconciler and kills it, again and again, at instants that nobody chose.
struct Torment {
    kills: Arc<AtomicUsize>,
    wanted: usize,
    stop: Arc<AtomicBool>,
    thread: std::sync::Mutex<Option<JoinHandle<Result<(), String>>>>,
}

impl Torment {
    fn start(launch: Launch, wanted: usize) -> Self {
        let seed = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(1, |since| u64::from(since.subsec_nanos()));
        say(&format!("kills: seed {seed}"));
        let (kills, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let thread = thread::spawn({
            let (kills, stop) = (Arc::clone(&kills), Arc::clone(&stop));
            move || {
                let mut random = Random(seed);
                while !stop.load(Ordering::Relaxed) {
                    let mut running = launch.start().map_err(|error| error.to_string())?;
                    thread::sleep(random.lifetime());
                    running.check().map_err(|error| error.to_string())?;
                    drop(running);
                    kills.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
        });
        Self {
            kills,
            wanted,
            stop,
            thread: std::sync::Mutex::new(Some(thread)),
        }
    }

    /// Whether it was killed often enough.
    fn is_over(&self) -> bool {
        self.kills.load(Ordering::Relaxed) >= self.wanted
    }

    fn finish(&self) -> TestResult {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self
            .thread
            .lock()
            .map_err(|error| error.to_string())?
            .take();
        thread
            .ok_or("finished twice")?
            .join()
            .map_err(|_| "the thread panicked")??;
        say(&format!(
            "killed {} times",
            self.kills.load(Ordering::Relaxed)
        ));
        Ok(())
    }
}

/// Steele and Vigna's `SplitMix64`.
struct Random(u64);

impl Random {
    /// From a few milliseconds, in which nothing is begun, to some seconds; short ones more often.
    fn lifetime(&mut self) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let most = if bits & 1 == 0 { 400 } else { 4_000 };
        Duration::from_millis(5 + (bits >> 1) % most)
    }
}
