//! A source repository, a GitOps repository, a folder that follows it, and the programs.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use orz_core::format::Phase;
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_gitops::Repo;
use orz_test_tools::{Programs, say};

use crate::names::Names;
use crate::page::{self, Item, Step};

/// What a test of a page ends with.
pub type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// The folder of one incident, which its page calls `/srv`:
///
/// - `source`: the source repository, in which commands run.
/// - `gitops.git`: the GitOps repository; or `host/gitops.git`, which is reached as `git@git.example.com:gitops.git`.
/// - `live`: what the reconciler makes follow, and `reconciler.log`: what it says.
#[derive(Debug)]
pub struct World {
    _folder: tempfile::TempDir,
    root: PathBuf,
    names: Names,
    programs: &'static Programs,
    is_remote: bool,
    env: BTreeMap<String, String>,
}

/// A program that runs beside; killed with signal 9 when this is dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Machines of others may be slow.
const PATIENCE: Duration = Duration::from_mins(3);
/// Where a page is rewritten: what takes its time to become true is true by then.
const SETTLED: Duration = Duration::from_secs(10);
const REMOTE: &str = "git@git.example.com:gitops.git";

impl World {
    /// With tenants `acme` and `beta` in the source, and nothing published. The GitOps repository is a folder.
    pub fn new() -> TestResult<Self> {
        Self::with(false)
    }

    /// Like [`World::new`], with the GitOps repository on a host. While the file `down` is in the folder, nobody
    /// reaches it.
    pub fn with_host() -> TestResult<Self> {
        Self::with(true)
    }

    fn with(is_remote: bool) -> TestResult<Self> {
        let programs = Programs::get()?;
        let folder = tempfile::tempdir()?;
        let root = folder.path().canonicalize()?;
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let year = 1970 + u32::try_from(seconds.as_secs() / 31_556_952)?;
        let world = Self {
            names: Names::new(root.display().to_string(), year),
            env: ssh(&root)?,
            _folder: folder,
            root,
            programs,
            is_remote,
        };
        world.write(
            "home/gitconfig",
            "[user]\n\tname = Ann Operator\n\temail = ann@example.com\n[init]\n\tdefaultBranch = main\n\
             [core]\n\tabbrev = 12\n[advice]\n\tdetachedHead = false\n",
        )?;
        fs::create_dir_all(world.path("source/tenants"))?;
        let gitops = if is_remote {
            world.git(".", "init --quiet --bare host/gitops.git")?;
            REMOTE
        } else {
            "../gitops.git"
        };
        world.ok(&format!("orzc init --tenant acme --gitops {gitops}"))?;
        for tenant in ["acme", "beta"] {
            world.bundle(tenant, "1.0.0")?;
        }
        world.ok("git init --quiet")?;
        world.commit("the first state")?;
        Ok(world)
    }

    /// A path in the folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Writes a file.
    pub fn write(&self, relative: &str, text: &str) -> TestResult {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().ok_or("below the root")?)?;
        Ok(fs::write(path, text)?)
    }

    /// Reads a file.
    pub fn read(&self, relative: &str) -> TestResult<String> {
        let path = self.path(relative);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Sets a variable for every command from here on; an empty one is taken away.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.env.remove(name);
        } else {
            self.env.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Writes the bundle of a tenant: one app, at this version of its image.
    pub fn bundle(&self, tenant: &str, version: &str) -> TestResult {
        let bundle = format!(
            "{{\n  \"tenant\": {{ \"name\": \"{tenant}\" }},\n  \"apps\": [{{\n    \"name\": \"web\",\n    \
             \"image\": \"registry.example.com/{tenant}/web:{version}\",\n    \"port\": 8080,\n    \
             \"resources\": {{ \"cpu\": \"10m\", \"memory\": \"16Mi\" }}\n  }}]\n}}\n"
        );
        self.write(&format!("source/tenants/{tenant}/bundle.json"), &bundle)?;
        self.write(
            &format!("source/platform/tenants/{tenant}.json"),
            "{ \"plan\": \"free\" }\n",
        )
    }

    /// Commits the source as it is.
    pub fn commit(&self, message: &str) -> TestResult {
        self.git("source", "add --all")?;
        self.ok(&format!("git commit --quiet --message '{message}'"))
            .map(drop)
    }

    /// Brings a tenant to a version of its app: source, commit, publish, activate. The release of its `work` is called
    /// `name` from then on.
    pub fn deploy(&self, tenant: &str, version: &str, name: &str) -> TestResult<ReleaseId> {
        self.bundle(tenant, version)?;
        if !self.git("source", "status --porcelain")?.is_empty() {
            self.commit(&format!("{tenant} {version}"))?;
        }
        self.ok(&format!(
            "orzc publish --activate --tenant {tenant} --reason '{version} of web'"
        ))?;
        let release = self.live(tenant)?;
        self.name(name, release.as_str());
        Ok(release)
    }

    /// Gives an id a name.
    pub fn name(&self, name: &str, id: &str) {
        self.names.give(name, id.trim());
    }

    /// The GitOps repository, where it is.
    pub fn gitops(&self) -> PathBuf {
        self.path(if self.is_remote {
            "host/gitops.git"
        } else {
            "gitops.git"
        })
    }

    /// The GitOps repository, opened.
    pub fn repo(&self) -> TestResult<Repo> {
        Ok(Repo::open(self.gitops())?)
    }

    /// The release of `work` that is live.
    pub fn live(&self, tenant: &str) -> TestResult<ReleaseId> {
        let tenant: TenantName = tenant.parse()?;
        let stored = self
            .repo()?
            .view()?
            .pointer(&cluster()?, &tenant, Part::Work)?;
        let stored = stored.ok_or_else(|| format!("{tenant}/work has no pointer"))?;
        Ok(stored.pointer.release)
    }

    /// The path of the pointer of a tenant's `work`, in the GitOps repository.
    pub fn pointer(&self, tenant: &str) -> TestResult<String> {
        Ok(orz_core::paths::pointer(
            &cluster()?,
            &tenant.parse()?,
            Part::Work,
        ))
    }

    /// Starts the reconciler, with the engine that needs no cluster, and timings of seconds.
    pub fn reconciler(&self) -> TestResult<Running> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("reconciler.log"))?;
        let mut command = self.hermetic(&self.programs.reconciler);
        if self.is_remote {
            command.args(["--gitops", REMOTE, "--poll", "500ms"]);
        } else {
            command.arg("--gitops").arg(self.gitops());
        }
        command.args(["--engine", "dir", "--target"]);
        command.arg(self.path("live"));
        command
            .args(["--soak", "1s", "--deadline", "1m"])
            .args(["--status-interval", "200ms", "--drift-interval", "1s"])
            .stdout(Stdio::null())
            .stderr(log);
        Ok(Running(command.spawn()?))
    }

    /// Waits until something is so; a failure says what the reconciler has said.
    pub fn until(&self, what: &str, is: impl Fn() -> TestResult<bool>) -> TestResult {
        let started = Instant::now();
        while !is()? {
            if started.elapsed() >= PATIENCE {
                let log = self.read("reconciler.log").unwrap_or_default();
                return Err(format!("not in time: {what}\n{log}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until status says that everything of a tenant that is live was verified.
    pub fn until_verified(&self, tenant: &str) -> TestResult {
        self.until(&format!("{tenant} is verified"), || {
            let repo = self.repo()?;
            let tenant: TenantName = tenant.parse()?;
            let statuses = repo.statuses_of(&tenant)?;
            let pointers = repo.view()?.pointers_of(&tenant)?;
            Ok(pointers.iter().all(|file| {
                let pointer = file.valid().map(|stored| &stored.pointer);
                statuses.iter().any(|status| {
                    Some(status.part) == pointer.map(|pointer| pointer.part)
                        && status.release.as_ref() == pointer.map(|pointer| &pointer.release)
                        && status.phase == Phase::Verified
                })
            }))
        })
    }

    /// Runs a command of the shell in `source`; what it prints. It must succeed.
    pub fn ok(&self, command: &str) -> TestResult<String> {
        match self.run("source", command)? {
            (0, said) => Ok(said),
            (code, said) => Err(format!("`{command}`: exit {code}\n{said}").into()),
        }
    }

    /// `git` in a folder; what it prints. It must succeed.
    pub fn git(&self, folder: &str, arguments: &str) -> TestResult<String> {
        match self.run(folder, &format!("git {arguments}"))? {
            (0, said) => Ok(said),
            (code, said) => {
                Err(format!("`git {arguments}` in {folder}: exit {code}\n{said}").into())
            }
        }
    }

    /// The exit code of a command of the shell, and what it printed: standard error after standard output.
    pub fn run(&self, folder: &str, command: &str) -> TestResult<(i32, String)> {
        let mut shell = self.hermetic(Path::new("sh"));
        shell.args(["-c", command]).current_dir(self.path(folder));
        let output = shell.stdin(Stdio::null()).output()?;
        let mut said = String::from_utf8(output.stdout)?;
        said.push_str(&String::from_utf8(output.stderr)?);
        // As a shell says it of a command that was killed.
        let code = output.status.code().unwrap_or(137);
        Ok((code, said))
    }

    /// A command that sees nothing of the machine but its programs.
    pub fn hermetic(&self, program: &Path) -> Command {
        let mut path = Vec::new();
        for program in [&self.programs.orzc, &self.programs.reconciler] {
            path.extend(program.parent().map(Path::to_owned));
        }
        let machine = std::env::var_os("PATH").unwrap_or_default();
        path.extend(std::env::split_paths(&machine));
        let mut command = Command::new(program);
        command
            .current_dir(self.path("source"))
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap_or(machine))
            .env("HOME", self.path("home"))
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_GLOBAL", self.path("home/gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", &self.root)
            .envs(&self.env);
        command
    }

    /// Does what a page of `docs/runbook` says, and what `event` does where the page says that something happens.
    pub fn play(
        &mut self,
        page: &str,
        mut event: impl FnMut(&mut Self, &str) -> TestResult,
    ) -> TestResult {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/runbook")
            .join(page);
        let text = fs::read_to_string(&path)?;
        let overwrite = std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite");
        let mut blocks = Vec::new();
        for item in page::parse(&text).map_err(|error| format!("{page}: {error}"))? {
            match item {
                Item::Event(name) => {
                    event(self, &name).map_err(|error| format!("{page}: `{name}`: {error}"))?;
                }
                Item::Block(mut block) => {
                    if overwrite && block.soon {
                        thread::sleep(SETTLED);
                    }
                    let asked = Instant::now();
                    let found = loop {
                        let found = self.steps(&block.steps)?;
                        let over = !block.soon || overwrite || asked.elapsed() >= PATIENCE;
                        if over || found == block.steps {
                            break found;
                        }
                        thread::sleep(Duration::from_millis(300));
                    };
                    if !overwrite && found != block.steps {
                        return Err(self.differs(page, &block.steps, &found).into());
                    }
                    block.steps = found;
                    blocks.push(block);
                }
            }
        }
        if overwrite {
            say(&format!("{page} is rewritten"));
            fs::write(path, page::rewrite(&text, &blocks))?;
        }
        Ok(())
    }

    /// The steps with what was printed.
    fn steps(&self, steps: &[Step]) -> TestResult<Vec<Step>> {
        let mut found = Vec::with_capacity(steps.len());
        for step in steps {
            let (code, said) = self.run("source", &self.names.meant(&step.command)?)?;
            let mut output = self.names.steady(&said);
            if code != 0 {
                let gap = if output.is_empty() { "" } else { "\n" };
                write!(output, "{gap}[exit {code}]")?;
            }
            found.push(Step {
                command: step.command.clone(),
                output,
            });
        }
        Ok(found)
    }

    fn differs(&self, page: &str, expected: &[Step], found: &[Step]) -> String {
        let mut said = format!("docs/runbook/{page} is not what happens");
        for (expected, found) in expected.iter().zip(found) {
            if expected != found {
                let (command, wanted, got) = (&found.command, &expected.output, &found.output);
                said =
                    format!("{said}\n$ {command}\n--- the page\n{wanted}\n--- the program\n{got}");
                break;
            }
        }
        let log = self.read("reconciler.log").unwrap_or_default();
        format!("{said}\n--- the reconciler\n{log}")
    }
}

/// The only cluster.
fn cluster() -> TestResult<ClusterName> {
    Ok("in-cluster".parse()?)
}

/// What stands in for `ssh` to the host: this machine, unless the host is down.
fn ssh(root: &Path) -> TestResult<BTreeMap<String, String>> {
    let at = root.display();
    let script = format!(
        "#!/bin/sh\nif [ -e '{at}/down' ]; then\n  \
         echo 'ssh: connect to host git.example.com port 22: Connection refused' >&2\n  exit 255\nfi\n\
         shift\ncd '{at}/host' && exec sh -c \"$*\"\n"
    );
    let program = root.join("ssh");
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(BTreeMap::from([
        ("GIT_SSH_COMMAND".to_owned(), program.display().to_string()),
        ("GIT_SSH_VARIANT".to_owned(), "simple".to_owned()),
    ]))
}
