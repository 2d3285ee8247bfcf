//! Running the programs under test.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::TestResult;

/// A reconciler that can be started, by any thread and again and again.
#[derive(Clone, Debug)]
pub struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Launch {
    /// Starts it; what it says goes to the end of the log.
    pub fn start(&self) -> TestResult<Running> {
        Ok(Running(self.command()?.spawn()?))
    }

    /// Starts one that can be killed together with the programs that it started ([`Running::kill_all`]).
    pub fn start_apart(&self) -> TestResult<Running> {
        Ok(Running(self.command()?.process_group(0).spawn()?))
    }

    fn command(&self) -> TestResult<Command> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = hermetic(&self.program, &self.home);
        command
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }
}

/// A program that runs beside the scenario; killed with signal 9 when this is dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Ends it and every program that it started at once by signal 9, as a container ends. Only for one that was
    /// started apart.
    pub fn kill_all(self) -> TestResult {
        let id = self.0.id().to_string();
        let kill = Command::new("sh")
            .args(["-c", "kill -9 \"-$0\"", &id])
            .status()?;
        if kill.success() {
            Ok(())
        } else {
            Err(format!("kill: {kill}").into())
        }
    }

    /// Stops it where it stands (SIGSTOP), until [`Running::go_on`].
    pub fn stand_still(&self) -> TestResult {
        self.signal("STOP")
    }

    /// Lets it go on where it was stopped.
    pub fn go_on(&self) -> TestResult {
        self.signal("CONT")
    }

    /// Asks it to end, as Kubernetes does, and waits until it has; its exit code.
    pub fn end(mut self) -> TestResult<Option<i32>> {
        self.signal("TERM")?;
        Ok(self.0.wait()?.code())
    }

    fn signal(&self, name: &str) -> TestResult {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status()?;
        if sent.success() {
            Ok(())
        } else {
            Err(format!("kill -s {name}: {sent}").into())
        }
    }

    /// Fails when it has ended by itself.
    pub fn check(&mut self) -> TestResult {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the reconciler ended: {status}").into()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A command that sees nothing of the machine it runs on but `PATH`.
pub(crate) fn hermetic(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("ORZ_ACTOR", "Ann <ann@example.com>");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Ann")
            .env(format!("GIT_{role}_EMAIL"), "ann@example.com");
    }
    command
}

/// The output of a command that must have ended with this exit code.
pub(crate) fn expect(output: &Output, code: i32, what: &str) -> TestResult<String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.code() == Some(code) {
        return Ok(said);
    }
    let complained = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{what}: {}, expected {code}\n{said}{complained}",
        output.status
    )
    .into())
}
