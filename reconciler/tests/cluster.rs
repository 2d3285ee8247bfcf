//! The program on a real API server with the real deployment controller: a stand-in for the kubelet says which
//! images run.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::standin::{Kubelet, KubeletOptions, Outcome};
use orz_cluster_tests::{ControlPlane, Options, PRODUCT_USER};
use orz_core::format::{Action, Compiler, Phase, Source, Status, digest_of};
use orz_core::id::{Digest, Part, ReleaseId};
use orz_core::object::Object;
use orz_core::{Value, emit};
use orz_gitops::{ActivateOptions, HistoryItem, NewRelease, Repo, Request};
use orz_reconciler::apply::Connection;
use orz_reconciler::install::{Subject, install};
use serde_json::json;

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_mins(2);

struct World {
    plane: ControlPlane,
    kubelet: Kubelet,
    repo: Repo,
    folder: tempfile::TempDir,
}

/// The program, killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl World {
    fn start() -> TestResult<Self> {
        let plane = ControlPlane::start(&Options::default())?;
        let kubelet = Kubelet::start(&plane, KubeletOptions::default())?;
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init"))?;
        let admin = Connection {
            kubeconfig: Some(plane.harness_kubeconfig()),
            context: None,
        };
        install(&admin, &Subject::User(PRODUCT_USER.to_owned()))?;
        Ok(Self {
            plane,
            kubelet,
            repo,
            folder,
        })
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn reconciler(&self, more: &[&str]) -> TestResult<Running> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = Command::new(env!("CARGO_BIN_EXE_orz-reconciler"))
            .env_clear()
            // Git is found through it.
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .arg("--gitops")
            .arg(self.repo.path())
            .args(["--engine", "apply", "--kubeconfig"])
            .arg(self.plane.product_kubeconfig())
            .args(["--soak", "3s", "--deadline", "90s", "--poll", "50ms"])
            .args(["--status-interval", "1s", "--drift-interval", "2s"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Running(child))
    }

    fn cannot_pull(&self, app: &str, tag: &str) {
        self.kubelet
            .set_outcome(&image(app, tag), Outcome::CannotPull);
    }

    fn tenant(&self, tenant: &str) -> TestResult {
        let labels =
            json!({"orz.dev/tenant": tenant, "pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant, "labels": labels},
        });
        self.publish(tenant, Part::Tenancy, &[namespace]).map(drop)
    }

    /// Publishes and activates apps with the tags of their images.
    fn apps(&self, tenant: &str, apps: &[(&str, &str)]) -> TestResult<ReleaseId> {
        let objects: Vec<Value> = apps
            .iter()
            .flat_map(|(app, tag)| app_objects(tenant, app, tag))
            .collect();
        self.publish(tenant, Part::Work, &objects)
    }

    fn publish(&self, tenant: &str, part: Part, objects: &[Value]) -> TestResult<ReleaseId> {
        let mut files = BTreeMap::new();
        let mut references = Vec::new();
        for value in objects {
            let object = Object::new(value.clone())?;
            files.insert(object.file_name(), emit::yaml(value).into_bytes());
            references.push(object.reference());
        }
        references.sort();
        let bytes = files.iter().map(|(path, b)| (path.as_str(), b.as_slice()));
        let release = NewRelease {
            tenant: tenant.parse()?,
            part,
            cluster: "in-cluster".parse()?,
            namespace: tenant.to_owned(),
            digest: digest_of(bytes),
            files,
            objects: references,
            requires: Vec::new(),
            claims: Vec::new(),
            inputs: Vec::new(),
            at: None,
            source: Source {
                repository: "test".to_owned(),
                commit: None,
                dirty: false,
            },
            compiler: Compiler {
                version: "0".to_owned(),
                digest: Digest::of(b""),
            },
        };
        let published = self
            .repo
            .publish(vec![release], true, &request("publish"))?;
        let item = published.items.first().ok_or("nothing was published")?;
        Ok(item.release.clone())
    }

    fn live(&self, tenant: &str) -> TestResult<ReleaseId> {
        let view = self.repo.view()?;
        let stored = view.pointer(&"in-cluster".parse()?, &tenant.parse()?, Part::Work)?;
        Ok(stored.ok_or("no pointer")?.pointer.release)
    }

    fn status(&self, tenant: &str) -> TestResult<Option<Status>> {
        let statuses = self.repo.statuses_of(&tenant.parse()?)?;
        Ok(statuses.into_iter().find(|s| s.part == Part::Work))
    }

    fn automatic(&self, tenant: &str) -> TestResult<Vec<HistoryItem>> {
        let mut items = self.repo.history(&tenant.parse()?, Some(Part::Work))?;
        items.retain(|item| item.action == Some(Action::AutoRollback));
        Ok(items)
    }

    fn until(&self, what: &str, is: impl Fn() -> TestResult<bool>) -> TestResult {
        let deadline = Instant::now() + PATIENCE;
        while !is()? {
            if Instant::now() >= deadline {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(format!("not in time: {what}\n{log}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn until_phase(&self, tenant: &str, release: &ReleaseId, phase: Phase) -> TestResult {
        self.until(&format!("{tenant}: {release} is {phase:?}"), || {
            let status = self.status(tenant)?;
            Ok(status.is_some_and(|s| s.release.as_ref() == Some(release) && s.phase == phase))
        })
    }
}

fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "Test <test@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn image(app: &str, tag: &str) -> String {
    format!("registry.example/{app}:{tag}")
}

/// A Deployment with a short deadline of its own, and a secret in its environment.
fn app_objects(tenant: &str, app: &str, tag: &str) -> Vec<Value> {
    let labels = json!({"orz.dev/app": app});
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": app, "namespace": tenant}}),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": app, "namespace": tenant, "labels": labels},
            "spec": {
                "replicas": 1,
                "progressDeadlineSeconds": 6,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": app,
                        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                        "containers": [{
                            "name": "app", "image": image(app, tag),
                            "env": [{"name": "TOKEN", "value": "hunter2-hunter2"}],
                            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}},
                        }],
                    },
                },
            },
        }),
    ]
}

/// Verified; taken back by a commit that says why; blocked; fixed; and an old failure that triggers nothing.
#[test]
fn a_bad_release_comes_back_by_itself() -> TestResult {
    let world = World::start()?;
    world.tenant("acme")?;
    let _running = world.reconciler(&[])?;
    let first = world.apps("acme", &[("web", "1"), ("worker", "1")])?;
    world.until_phase("acme", &first, Phase::Verified)?;

    world.cannot_pull("web", "bad");
    let bad = world.apps("acme", &[("web", "bad"), ("worker", "1")])?;
    world.until("taken back", || Ok(world.live("acme")? == first))?;
    let items = world.automatic("acme")?;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].from.as_ref(), Some(&bad));
    let cause = items[0].cause.as_ref().ok_or("no cause")?;
    assert_eq!(cause.object, "Deployment acme/web");
    assert!(
        cause.message.contains("has timed out progressing"),
        "{cause:?}"
    );
    let details = cause.details.join("\n");
    assert!(
        details.contains("ImagePull") || details.contains("ErrImage"),
        "{cause:?}"
    );
    assert!(!format!("{cause:?}").contains("hunter2"), "{cause:?}");
    let hold = items[0].hold.as_ref().ok_or("no hold")?;
    assert!(hold.blocks(&bad));
    world.until_phase("acme", &first, Phase::Verified)?;

    // The failed one stays blocked, the fixing one goes live.
    assert_eq!(world.apps("acme", &[("web", "bad"), ("worker", "1")])?, bad);
    assert_eq!(world.live("acme")?, first);
    let fixed = world.apps("acme", &[("web", "2"), ("worker", "1")])?;
    world.until_phase("acme", &fixed, Phase::Verified)?;

    // Somebody insists on a broken worker: it fails and stays.
    world.cannot_pull("worker", "bad");
    let broken = world.apps("acme", &[("web", "2"), ("worker", "bad")])?;
    world.until("taken back again", || {
        Ok(world.automatic("acme")?.len() == 2)
    })?;
    world.until_phase("acme", &fixed, Phase::Verified)?;
    let insist = ActivateOptions {
        override_hold: true,
        ..ActivateOptions::default()
    };
    world.repo.activate(
        &"acme".parse()?,
        Part::Work,
        &broken,
        insist,
        &request("all the same"),
    )?;
    world.until_phase("acme", &broken, Phase::Failed)?;
    assert_eq!(world.live("acme")?, broken, "never a second time");

    // Now it is an old failure, and the next release changes it too: only the other app counts.
    world.cannot_pull("worker", "worse");
    let next = world.apps("acme", &[("web", "3"), ("worker", "worse")])?;
    world.until_phase("acme", &next, Phase::Verified)?;
    assert_eq!(world.automatic("acme")?.len(), 2);
    let log = std::fs::read_to_string(world.log())?;
    assert!(
        !log.contains("hunter2"),
        "no value of the environment is logged"
    );
    Ok(())
}

/// Killed at odd instants while releases fail and recover, the end is the same as without.
#[test]
fn killed_at_any_instant_it_ends_in_the_same_state() -> TestResult {
    let world = World::start()?;
    let tenants = ["ant", "bee", "cat"];
    for tenant in tenants {
        world.tenant(tenant)?;
        world.cannot_pull(tenant, "bad");
    }
    let mut first = BTreeMap::new();
    {
        let _running = world.reconciler(&[])?;
        for tenant in tenants {
            first.insert(tenant, world.apps(tenant, &[(tenant, "1")])?);
        }
        for tenant in tenants {
            world.until_phase(tenant, &first[tenant], Phase::Verified)?;
        }
    }
    for tenant in tenants {
        world.apps(tenant, &[(tenant, "bad")])?;
    }
    // Lifetimes from a few milliseconds, in which it does not even begin, to a few seconds; no two are alike.
    for life in (0..20_u64).map(|n| 15 + n * n * 11 % 2_300) {
        let _running = world.reconciler(&[])?;
        thread::sleep(Duration::from_millis(life));
    }
    let _running = world.reconciler(&[])?;
    for tenant in tenants {
        world.until_phase(tenant, &first[tenant], Phase::Verified)?;
        assert_eq!(world.automatic(tenant)?.len(), 1, "{tenant}");
        let fixed = world.apps(tenant, &[(tenant, "2")])?;
        world.until_phase(tenant, &fixed, Phase::Verified)?;
        assert_eq!(world.automatic(tenant)?.len(), 1, "{tenant}");
    }
    Ok(())
}

/// Too many failures at once are an outage: nothing moves until a person says so.
#[test]
fn an_outage_sets_the_brake() -> TestResult {
    let world = World::start()?;
    let tenants = ["ant", "bee", "cat", "dog"];
    let running = world.reconciler(&["--brake-min", "1"])?;
    let mut first = BTreeMap::new();
    for tenant in tenants {
        world.tenant(tenant)?;
        first.insert(tenant, world.apps(tenant, &[(tenant, "1")])?);
    }
    for tenant in tenants {
        world.until_phase(tenant, &first[tenant], Phase::Verified)?;
        world.cannot_pull(tenant, "bad");
    }
    for tenant in tenants {
        world.apps(tenant, &[(tenant, "bad")])?;
    }
    let cluster = "in-cluster".parse()?;
    world.until("the brake is set", || {
        Ok(world.repo.view()?.brake(&cluster)?.is_some())
    })?;
    thread::sleep(Duration::from_secs(10));
    let moved = || -> TestResult<usize> {
        let mut moved = 0;
        for tenant in tenants {
            moved += world.automatic(tenant)?.len();
        }
        Ok(moved)
    };
    assert_eq!(moved()?, 1);
    drop(running);
    let log = std::fs::read_to_string(world.log())?;
    assert_eq!(log.matches("the brake is set").count(), 1, "{log}");

    world.repo.resume(&cluster, &request("it is over"))?;
    let _running = world.reconciler(&["--brake-min", "100"])?;
    world.until(
        "the others are taken back",
        || Ok(moved()? == tenants.len()),
    )?;
    for tenant in tenants {
        world.until_phase(tenant, &first[tenant], Phase::Verified)?;
    }
    Ok(())
}
