//! One cluster, one source repository, one GitOps repository and the programs.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::argocd::{ArgoCd, ArgoOptions};
use orz_cluster_tests::standin::{Outcome, StandIns};
use orz_cluster_tests::{self as cluster, ControlPlane, Crds, Objects, PRODUCT_USER, Ref};
use orz_core::format::{Action, Inventory, Phase, Status, from_bytes};
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_gitops::{HistoryItem, Repo};
use orz_test_tools::{Programs, say};
use serde_json::{Value, json};

use crate::bundle::{App, bundle, image};
use crate::hand::Hand;
use crate::program::{Launch, Running, expect, hermetic};

/// What a scenario ends with.
pub type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// Both engines with a cluster run the same scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The reconciler writes the objects.
    Apply,
    /// A real Argo CD does.
    ArgoCd,
}

impl Engine {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Apply, Self::ArgoCd];

    /// As the reconciler's flag has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::ArgoCd => "argocd",
        }
    }
}

/// How a world begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who writes the objects.
    pub engine: Engine,
    /// The Argo CD of engine `argocd`.
    pub argo: ArgoOptions,
}

impl Options {
    /// With an Argo CD as it ships.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            argo: ArgoOptions::default(),
        }
    }
}

/// How long anything may take before the scenario has failed. A machine that builds at the same time is slow.
const PATIENCE: Duration = Duration::from_mins(4);
/// The same where a scenario has a whole fleet.
const PATIENCE_FULL: Duration = Duration::from_mins(20);
pub(crate) const CLUSTER: &str = "in-cluster";

/// How many tenants are activated by one command.
const SLICE: usize = 20;

/// The scenarios of a test program run one after the other: each has a cluster to itself.
static ALONE: Mutex<()> = Mutex::new(());

/// A cluster prepared by `orzc platform install`, and two repositories.
pub struct World {
    /// Who writes the objects.
    pub engine: Engine,
    /// Ends before what it talks to, like all that follows.
    pub standins: StandIns,
    /// Argo CD; `None` with engine `apply`.
    pub argo: Option<ArgoCd>,
    /// The API server as the harness sees it.
    pub server: Objects,
    /// The control plane.
    pub plane: ControlPlane,
    /// The GitOps repository, read by the library.
    pub repo: Repo,
    folder: tempfile::TempDir,
    programs: &'static Programs,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// Starts a cluster, installs the product into it, and makes an empty source and GitOps repository.
    pub fn start(engine: Engine) -> TestResult<Self> {
        Self::start_with(&Options::new(engine))
    }

    /// Like [`World::start`].
    pub fn start_with(options: &Options) -> TestResult<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let programs = Programs::get()?;
        let engine = options.engine;
        let crds = match engine {
            Engine::Apply => Crds::Platform,
            Engine::ArgoCd => Crds::ArgoCd,
        };
        let plane = ControlPlane::start(&cluster::Options { crds })?;
        let argo = match engine {
            Engine::Apply => None,
            Engine::ArgoCd => Some(ArgoCd::start(&plane, &options.argo)?),
        };
        let standins = StandIns::start(&plane)?;
        let server = Objects::connect(&plane.harness_kubeconfig())?;
        let folder = tempfile::tempdir()?;
        let source = folder.path().join("source");
        let gitops = folder.path().join("gitops.git");
        fs::create_dir_all(source.join("tenants"))?;
        let mut init = hermetic(&programs.orzc, folder.path());
        init.arg("--source").arg(&source).arg("init");
        let made = init.arg("--gitops").arg(&gitops).output()?;
        expect(&made, 0, "init")?;
        // What `init` puts there as a first example is in nobody's way elsewhere.
        for entry in fs::read_dir(source.join("tenants"))? {
            fs::remove_dir_all(entry?.path())?;
        }
        let world = Self {
            engine,
            standins,
            argo,
            server,
            repo: Repo::open(&gitops)?,
            plane,
            folder,
            programs,
            _alone: alone,
        };
        // The real deployment controller says soon that a Deployment makes no progress.
        world.write(
            "platform/apps.json",
            &json!({"progress_deadline_seconds": 10}),
        )?;
        world.git(&["init", "--quiet", "--initial-branch=main"])?;
        let subject = format!("user:{PRODUCT_USER}");
        let mut install = vec!["platform", "install", "--subject", &subject];
        let url = ArgoCd::repository_url(&gitops);
        if engine == Engine::ArgoCd {
            install.extend(["--argocd", "--repo-url", &url]);
        }
        let admin = world.plane.harness_kubeconfig();
        expect(&world.orzc_as(&admin, &install)?, 0, "platform install")?;
        world.commit("the first state")?;
        Ok(world)
    }

    /// The source repository.
    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    /// What every reconciler of this world has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("reconciler.log")
    }

    /// Starts `orz-reconciler` with the rights that the installation gave, and timings of seconds.
    pub fn reconciler(&self, more: &[&str]) -> TestResult<Running> {
        self.launch(more).start()
    }

    /// Like [`World::reconciler`], for as many tenants as make a small machine slow at the full size.
    pub fn fleet_reconciler(&self, more: &[&str]) -> TestResult<Running> {
        let timed = ["--soak", "3s", "--deadline", size("90s", "10m")];
        let intervals = ["--status-interval", "1s", "--drift-interval"];
        let drift = [size("3s", "1m"), "--poll", "50ms"];
        self.untimed_reconciler(&[&timed[..], &intervals, &drift, more].concat())
    }

    /// Starts `orz-reconciler` with the rights that the installation gave, and the timings of the platform.
    pub fn untimed_reconciler(&self, more: &[&str]) -> TestResult<Running> {
        self.untimed_launch(more).start()
    }

    /// What [`World::reconciler`] starts, to be started by somebody else and more than once.
    pub fn launch(&self, more: &[&str]) -> Launch {
        let timed = ["--soak", "3s", "--deadline", "90s", "--poll", "50ms"];
        let intervals = ["--status-interval", "1s", "--drift-interval", "3s"];
        self.untimed_launch(&[&timed[..], &intervals, more].concat())
    }

    /// A reconciler without timings, with another way to the API server.
    pub fn launch_through(&self, kubeconfig: &Path, more: &[&str]) -> Launch {
        let mut launch = self.untimed_launch(more);
        let own = OsString::from(self.plane.product_kubeconfig());
        for argument in launch.arguments.iter_mut().filter(|a| **a == own) {
            *argument = kubeconfig.into();
        }
        launch
    }

    fn untimed_launch(&self, more: &[&str]) -> Launch {
        let mut arguments: Vec<OsString> = vec!["--gitops".into(), self.repo.path().into()];
        arguments.extend(["--engine".into(), self.engine.name().into()]);
        arguments.extend([
            "--kubeconfig".into(),
            self.plane.product_kubeconfig().into(),
        ]);
        if self.engine == Engine::ArgoCd {
            let url = ArgoCd::repository_url(self.repo.path());
            arguments.extend(["--argocd-repo".into(), url.into()]);
        }
        arguments.extend(more.iter().map(OsString::from));
        Launch {
            program: self.programs.reconciler.clone(),
            home: self.folder.path().to_owned(),
            log: self.log_file(),
            arguments,
        }
    }

    /// Writes a document of the source repository.
    pub fn write(&self, path: &str, document: &Value) -> TestResult {
        let path = self.source().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        fs::write(path, serde_json::to_vec_pretty(document)?)?;
        Ok(())
    }

    /// Writes the bundle of a tenant.
    pub fn bundle(&self, tenant: &str, apps: &[App]) -> TestResult {
        self.write(
            &format!("tenants/{tenant}/bundle.json"),
            &bundle(tenant, apps),
        )
    }

    /// Commits the source repository as it is.
    pub fn commit(&self, message: &str) -> TestResult {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])
    }

    fn git(&self, arguments: &[&str]) -> TestResult {
        let mut git = hermetic(Path::new("git"), self.folder.path());
        let output = git.args(arguments).current_dir(self.source()).output()?;
        expect(&output, 0, &format!("git {arguments:?}"))?;
        Ok(())
    }

    /// Git in the GitOps repository; what it prints.
    pub fn git_gitops(&self, arguments: &[&str]) -> TestResult<String> {
        let mut git = hermetic(Path::new("git"), self.folder.path());
        let output = git.args(arguments).current_dir(self.repo.path()).output()?;
        expect(&output, 0, &format!("git {arguments:?}"))
    }

    /// Writes a bundle, commits it, publishes and activates the tenant; the release that `work` has then.
    pub fn deploy(&self, tenant: &str, apps: &[App]) -> TestResult<ReleaseId> {
        self.bundle(tenant, apps)?;
        self.commit(tenant)?;
        let said = self.orzc(
            &[
                "--format",
                "json",
                "publish",
                "--activate",
                "--tenant",
                tenant,
                "--reason",
                "deployed",
            ],
            0,
        )?;
        let said: Value = serde_json::from_str(&said)?;
        let items = said["items"].as_array().cloned().unwrap_or_default();
        let work = items.iter().find(|item| item["part"] == "work");
        let release = work.and_then(|item| item["release"].as_str());
        Ok(release
            .ok_or_else(|| format!("no release of `work`: {said}"))?
            .parse()?)
    }

    /// Like [`World::deploy`] for many tenants, a slice of them in one commit; the releases of `work` by tenant.
    pub fn deploy_all(
        &self,
        bundles: &[(String, Vec<App>)],
    ) -> TestResult<BTreeMap<String, ReleaseId>> {
        for (tenant, apps) in bundles {
            self.bundle(tenant, apps)?;
        }
        self.commit("many")?;
        let mut releases = BTreeMap::new();
        for slice in bundles.chunks(SLICE) {
            let mut arguments = vec!["--format", "json", "publish", "--activate"];
            for (tenant, _) in slice {
                arguments.extend(["--tenant", tenant]);
            }
            arguments.extend(["--reason", "deployed"]);
            let said: Value = serde_json::from_str(&self.orzc(&arguments, 0)?)?;
            for item in said["items"].as_array().into_iter().flatten() {
                if let (Some("work"), Some(tenant), Some(release)) = (
                    item["part"].as_str(),
                    item["tenant"].as_str(),
                    item["release"].as_str(),
                ) {
                    releases.insert(tenant.to_owned(), release.parse()?);
                }
            }
        }
        if releases.len() != bundles.len() {
            return Err(format!("{} of {} were published", releases.len(), bundles.len()).into());
        }
        Ok(releases)
    }

    /// Waits until each of these releases of `work` is in this phase.
    pub fn until_all(&self, releases: &BTreeMap<String, ReleaseId>, phase: Phase) -> TestResult {
        let count = releases.len();
        self.until(format!("{count} tenants are {phase:?}"), || {
            let statuses = self.repo.statuses()?;
            let there = statuses.iter().filter(|status| {
                status.part == Part::Work
                    && status.phase == phase
                    && status.release.is_some()
                    && status.release.as_ref() == releases.get(status.tenant.as_str())
            });
            Ok(there.count() == count)
        })
    }

    /// Somebody who works in a clone of the GitOps repository with plain Git.
    pub fn hand(&self) -> TestResult<Hand> {
        Hand::new(self.repo.path(), self.folder.path())
    }

    /// Runs `orzc` as a person who may read and write both repositories and nothing of the cluster.
    pub fn orzc(&self, arguments: &[&str], code: i32) -> TestResult<String> {
        let output = self.orzc_as(Path::new("/dev/null"), arguments)?;
        expect(&output, code, &format!("orzc {}", arguments.join(" ")))
    }

    /// Like [`World::orzc`]; what it says on standard error, for a command that fails.
    pub fn orzc_fails(&self, arguments: &[&str], code: i32) -> TestResult<String> {
        let output = self.orzc_as(Path::new("/dev/null"), arguments)?;
        expect(&output, code, &format!("orzc {}", arguments.join(" ")))?;
        Ok(String::from_utf8(output.stderr)?)
    }

    fn orzc_as(&self, kubeconfig: &Path, arguments: &[&str]) -> TestResult<Output> {
        let mut command = hermetic(&self.programs.orzc, self.folder.path());
        command
            .arg("--source")
            .arg(self.source())
            .arg("--gitops")
            .arg(self.repo.path())
            .args(arguments)
            .env("KUBECONFIG", kubeconfig);
        let output = command.output()?;
        let code = output.status.code().unwrap_or(-1);
        say(&format!("$ orzc {}  (exit {code})", arguments.join(" ")));
        Ok(output)
    }

    /// What becomes of the pods of an image from now on.
    pub fn pods(&self, app: &str, tag: &str, outcome: Outcome) {
        self.standins.kubelet.set_outcome(&image(app, tag), outcome);
    }

    /// The release that a pointer names.
    pub fn live(&self, tenant: &str, part: Part) -> TestResult<ReleaseId> {
        let stored = self
            .repo
            .view()?
            .pointer(&CLUSTER.parse()?, &tenant.parse()?, part)?;
        Ok(stored
            .ok_or_else(|| format!("{tenant}/{part} has no pointer"))?
            .pointer
            .release)
    }

    /// What reconcilers published about a part.
    pub fn status(&self, tenant: &str, part: Part) -> TestResult<Option<Status>> {
        let tenant: TenantName = tenant.parse()?;
        let statuses = self.repo.statuses_of(&tenant)?;
        Ok(statuses.into_iter().find(|status| status.part == part))
    }

    /// The automatic rollbacks of a tenant's `work`, the newest first.
    pub fn automatic(&self, tenant: &str) -> TestResult<Vec<HistoryItem>> {
        let mut items = self.repo.history(&tenant.parse()?, Some(Part::Work))?;
        items.retain(|item| item.action == Some(Action::AutoRollback));
        Ok(items)
    }

    /// Waits until something is so. A failure says what the reconciler has said.
    pub fn until(&self, what: impl Display, is: impl Fn() -> TestResult<bool>) -> TestResult {
        let started = Instant::now();
        while !is()? {
            if started.elapsed() >= size(PATIENCE, PATIENCE_FULL) {
                let statuses = self.repo.statuses()?;
                return Err(format!("not in time: {what}\n{statuses:#?}\n{}", self.log()).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        let took = started.elapsed().as_secs_f64();
        say(&format!("{}: {what} after {took:.2} s", self.engine.name()));
        Ok(())
    }

    /// Waits until status says that a release of a part is in this phase.
    pub fn until_phase(
        &self,
        tenant: &str,
        part: Part,
        release: &ReleaseId,
        phase: Phase,
    ) -> TestResult {
        let short = &release.as_str()[..12];
        self.until(format!("{tenant}/{part} {short} is {phase:?}"), || {
            let status = self.status(tenant, part)?;
            Ok(status.is_some_and(|s| s.release.as_ref() == Some(release) && s.phase == phase))
        })
    }

    /// The image that a Deployment of the cluster has.
    pub fn image(&self, namespace: &str, app: &str) -> TestResult<Option<String>> {
        let found = self.server.get(&deployment(namespace, app))?;
        Ok(found.and_then(|object| {
            let path = "/spec/template/spec/containers/0/image";
            object
                .pointer(path)
                .and_then(Value::as_str)
                .map(str::to_owned)
        }))
    }

    /// What the reconcilers wrote down about a part.
    pub fn inventory(&self, tenant: &str, part: Part) -> TestResult<Option<Inventory>> {
        let name = format!("inventory-{tenant}-{part}");
        let found = self
            .server
            .get(&Ref::new("v1", "ConfigMap", "orz-system", &name))?;
        let text = found
            .as_ref()
            .and_then(|map| map["data"]["inventory.json"].as_str());
        Ok(text.map(|text| from_bytes(text.as_bytes())).transpose()?)
    }

    /// The Application of a part, in engine `argocd`.
    pub fn application(&self, tenant: &str, part: Part) -> TestResult<Value> {
        let name = format!("{tenant}-{part}");
        let application = Ref::new(
            "argoproj.io/v1alpha1",
            "Application",
            cluster::argocd::NAMESPACE,
            &name,
        );
        let found = self.server.get(&application)?;
        Ok(found.ok_or_else(|| format!("no Application {name}"))?)
    }
}

/// The size of a scenario: the usual one, or the full one where `ORZ_SCENARIO_SIZE=full` asks for it.
pub fn size<T>(usual: T, full: T) -> T {
    match std::env::var("ORZ_SCENARIO_SIZE").as_deref() {
        Ok("full") => full,
        _ => usual,
    }
}

/// A Deployment by its name.
pub fn deployment(namespace: &str, app: &str) -> Ref {
    Ref::new("apps/v1", "Deployment", namespace, app)
}
