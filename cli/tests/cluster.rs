//! The whole road on a real API server, with the real command: a bundle becomes a release, a pointer makes
//! it live, the cluster follows, a change and a rollback do too.
//!
//! Stand-ins write what a kubelet and the operators would write; the deployment controller, the binder and
//! the garbage collector are the real ones.

#![expect(
    clippy::print_stderr,
    reason = "the transcript of the commands is what a failing run is read by"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use orz_cluster_tests::standin::StandIns;
use orz_cluster_tests::{ControlPlane, Crds, Objects, Options, PRODUCT_USER, Ref};
use serde_json::{Value, json};

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// A source repository, a GitOps repository and a cluster.
struct Scene {
    folder: tempfile::TempDir,
    plane: ControlPlane,
    server: Objects,
}

impl Scene {
    fn new() -> TestResult<Self> {
        let plane = ControlPlane::start(&Options {
            crds: Crds::Platform,
        })?;
        let server = Objects::connect(&plane.harness_kubeconfig())?;
        let scene = Self {
            folder: tempfile::tempdir()?,
            plane,
            server,
        };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/app-platform");
        copy(&example, &scene.source())?;
        scene.git(&["init", "--quiet", "--initial-branch=main"])?;
        scene.commit("the first state")?;
        Ok(scene)
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn gitops(&self) -> PathBuf {
        self.folder.path().join("gitops.git")
    }

    fn git(&self, arguments: &[&str]) -> TestResult {
        let status = self
            .hermetic("git")
            .args(arguments)
            .current_dir(self.source())
            .status()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("git {arguments:?}").into())
    }

    fn commit(&self, message: &str) -> TestResult {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    /// A command that sees nothing of the machine it runs on but `PATH`.
    fn hermetic(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Ann")
                .env(format!("GIT_{role}_EMAIL"), "ann@example.com");
        }
        command
    }

    fn orzc(&self, kubeconfig: &Path, arguments: &[&str]) -> TestResult<Output> {
        let mut command = self.hermetic(env!("CARGO_BIN_EXE_orzc"));
        command
            .arg("--source")
            .arg(self.source())
            .arg("--gitops")
            .arg(self.gitops());
        command
            .args(arguments)
            .env("ORZ_ACTOR", "Ann <ann@example.com>")
            .env("KUBECONFIG", kubeconfig);
        let output = command.output()?;
        eprintln!(
            "$ orzc {}  (exit {:?})",
            arguments.join(" "),
            output.status.code()
        );
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        Ok(output)
    }

    /// Runs the command as the product's user and expects this exit code.
    fn run(&self, arguments: &[&str], expected: i32) -> TestResult<String> {
        let output = self.orzc(&self.plane.product_kubeconfig(), arguments)?;
        if output.status.code() != Some(expected) {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "orzc {arguments:?}: exit {:?}, expected {expected}\n{said}",
                output.status.code()
            )
            .into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn up(&self) -> TestResult<String> {
        self.run(&["up", "--once", "--target", "cluster"], 0)
    }

    /// What the source compiles to: object → manifest.
    fn compiled(&self) -> TestResult<BTreeMap<String, (Ref, Value)>> {
        let out = self.folder.path().join("build");
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        self.run(&["build", "--out", out.to_str().ok_or("UTF-8")?], 0)?;
        let mut objects = BTreeMap::new();
        let mut open = vec![out];
        while let Some(next) = open.pop() {
            if next.is_dir() {
                for entry in fs::read_dir(next)? {
                    open.push(entry?.path());
                }
                continue;
            }
            if next.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let (mut sources, mut problems) = Default::default();
            let node =
                orz_core::read::parse(&fs::read(&next)?, "m.yaml", &mut sources, &mut problems);
            let value = node.ok_or("a manifest that cannot be read")?.to_value();
            let object = Ref::of(&value);
            objects.insert(object.to_string(), (object, value));
        }
        Ok(objects)
    }

    fn exist(&self, objects: &BTreeMap<String, (Ref, Value)>) -> TestResult<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for (name, (object, _)) in objects {
            if self.server.get(object)?.is_some() {
                found.insert(name.clone());
            }
        }
        Ok(found)
    }
}

fn copy(from: &Path, to: &Path) -> TestResult {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().ok_or("a name")?);
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Changes the list of apps of the example's project.
fn edit_apps(scene: &Scene, edit: impl FnOnce(&mut Vec<Value>)) -> TestResult {
    let path = scene.source().join("tenants/acme/projects/shop/apps.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&path)?)?;
    edit(document["apps"].as_array_mut().ok_or("a list of apps")?);
    fs::write(&path, serde_json::to_vec_pretty(&document)?)?;
    Ok(())
}

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn a_tenant_goes_live_changes_and_comes_back_on_a_real_api_server() -> TestResult {
    let scene = Scene::new()?;
    let _stand_ins = StandIns::start(&scene.plane)?;
    let namespace = "acme--shop";

    // An operator prepares the cluster; from then on the product's own user does everything.
    let subject = format!("user:{PRODUCT_USER}");
    let admin = scene.plane.harness_kubeconfig();
    for _ in 0..2 {
        let output = scene.orzc(&admin, &["platform", "install", "--subject", &subject])?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    scene.run(&["init", scene.source().to_str().ok_or("UTF-8")?], 0)?;

    // The first pass creates everything, and the real deployment controller makes it available.
    let all = scene.compiled()?;
    scene.up()?;
    assert_eq!(
        scene.exist(&all)?,
        all.keys().cloned().collect(),
        "the first pass creates everything"
    );
    for app in ["web", "prices"] {
        let deployment = Ref::new("apps/v1", "Deployment", namespace, app);
        scene
            .server
            .wait_for("Available", &deployment, PATIENCE, |object| {
                let conditions = object["status"]["conditions"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                conditions
                    .iter()
                    .any(|c| c["type"] == "Available" && c["status"] == "True")
            })?;
    }

    // A second pass finds nothing to do, and the server's own log agrees.
    let mark = scene.plane.audit_mark()?;
    scene.up()?;
    let writes = scene.plane.audit_writes_by(PRODUCT_USER, mark)?;
    assert!(
        writes.is_empty(),
        "a pass without a change wrote: {writes:?}"
    );
    assert!(
        !scene.plane.audit_entries_by(PRODUCT_USER, mark)?.is_empty(),
        "the second pass did not even read, so the log proves nothing"
    );

    // Somebody else puts an object into the namespace.
    let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "by-hand", "namespace": namespace}, "data": {"a": "b"}});
    scene.server.apply(&foreign)?;

    // An app goes: the plan says so, exactly its objects are pruned, and its volume stays.
    let mut removed_app = Value::Null;
    edit_apps(&scene, |apps| {
        let at = apps
            .iter()
            .position(|app| app["name"] == "prices")
            .expect("the example has this app");
        removed_app = apps.remove(at);
        apps[0]["calls"] = json!([]);
    })?;
    scene.commit("prices is gone")?;
    let plan = scene.run(&["plan"], 3)?;
    assert!(plan.contains("prices"), "{plan}");
    let left = scene.compiled()?;
    scene.run(&["publish", "--activate", "--reason", "prices is gone"], 0)?;
    let newer = live_work(&scene)?;
    scene.up()?;
    let gone: BTreeSet<String> = all
        .keys()
        .filter(|name| !left.contains_key(*name))
        .cloned()
        .collect();
    let durable: BTreeSet<String> = gone
        .iter()
        .filter(|name| name.contains("PersistentVolumeClaim"))
        .cloned()
        .collect();
    assert!(
        !durable.is_empty() && gone.len() > 3,
        "the example's app has too little to prove anything: {gone:?}"
    );
    for name in &gone {
        let (object, _) = &all[name];
        if durable.contains(name) {
            assert!(
                scene.server.get(object)?.is_some(),
                "{name} holds data and must stay"
            );
        } else {
            scene.server.wait_gone(object, PATIENCE)?;
        }
    }
    assert_eq!(
        scene.exist(&left)?,
        left.keys().cloned().collect(),
        "nothing else was pruned"
    );
    assert!(
        scene.server.get(&Ref::of(&foreign))?.is_some(),
        "an object of somebody else survives"
    );

    // A hand edit is corrected.
    let web = Ref::new("apps/v1", "Deployment", namespace, "web");
    let image = |object: &Value| {
        object
            .pointer("/spec/template/spec/containers/0/image")
            .cloned()
    };
    let before = image(&scene.server.get(&web)?.ok_or("web exists")?);
    let edit = json!({"spec": {"replicas": 7, "template": {"metadata": {"labels": {"edited": "by-hand"}}}}});
    scene.server.merge(&web, &edit)?;
    scene.up()?;
    let corrected = scene.server.get(&web)?.ok_or("web exists")?;
    assert_eq!(corrected["spec"]["replicas"], 2);
    assert_eq!(image(&corrected), before);

    // The older release needs the volume, which the live `data` no longer has: refused, and named.
    let rollback = ["rollback", "acme", "--reason", "prices is missed"];
    let output = scene.orzc(&scene.plane.product_kubeconfig(), &rollback)?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains("PersistentVolumeClaim acme--shop/prices-cache") && said.contains("--all"),
        "{said}"
    );

    // A rollback of all parts brings the previous objects back, and the newer release still stands
    // on `releases`.
    scene.run(&[&rollback[..], &["--all"]].concat(), 0)?;
    let older = live_work(&scene)?;
    assert_ne!(older, newer);
    scene.up()?;
    assert_eq!(
        scene.exist(&all)?,
        all.keys().cloned().collect(),
        "a rollback restores everything"
    );
    scene.run(&["show", &newer], 0)?;
    let releases = scene
        .hermetic("git")
        .args(["rev-list", "releases"])
        .current_dir(scene.gitops())
        .output()?;
    let reachable = String::from_utf8(releases.stdout)?;
    assert!(
        reachable.lines().any(|line| line == newer),
        "the newer release left the index"
    );
    scene.run(&["verify", "--recompile"], 0)?;
    Ok(())
}

/// The release that the tenant's `work` pointer names.
fn live_work(scene: &Scene) -> TestResult<String> {
    let view = orz_gitops::Repo::open(scene.gitops())?.view()?;
    let tenant = "acme".parse()?;
    let pointer = view
        .pointer(&"in-cluster".parse()?, &tenant, orz_core::id::Part::Work)?
        .ok_or("a pointer")?;
    Ok(pointer.pointer.release.to_string())
}
