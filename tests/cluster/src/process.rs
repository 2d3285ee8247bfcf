//! One running component.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::ClusterError;

/// A running component. Ended by its process id when dropped, so also when a test panics; when
/// the test process itself is killed, the component sees its standard input close.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with its output in `<folder>/<name>.log`.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        folder: &Path,
    ) -> Result<Self, ClusterError> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).map_err(ClusterError::io(&log))?;
        let copy = file.try_clone().map_err(ClusterError::io(&log))?;
        // What a developer has set for other clusters must not reach these.
        if !command.get_envs().any(|(name, _)| name == "KUBECONFIG") {
            command.env_remove("KUBECONFIG");
        }
        let child = command
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(copy)
            .spawn()
            .map_err(ClusterError::io(Path::new(command.get_program())))?;
        Ok(Self {
            name: name.into(),
            child,
            log,
        })
    }

    /// An error when the component has ended.
    pub(crate) fn check(&mut self) -> Result<(), ClusterError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(ClusterError::Ended {
                component: self.name.clone(),
                status: status.to_string(),
                log: self.log_end(),
            }),
            Err(source) => Err(ClusterError::Io {
                what: self.name.clone(),
                source,
            }),
        }
    }

    /// Ends it by SIGTERM and waits, so that it puts its data in order.
    pub(crate) fn stop(mut self) -> Result<(), ClusterError> {
        let asked = self.signal("TERM")?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while asked && Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Err(source) => {
                    return Err(ClusterError::Io {
                        what: self.name.clone(),
                        source,
                    });
                }
            }
        }
        Err(ClusterError::TimedOut {
            what: format!("the end of `{}` after SIGTERM", self.name),
            seconds: 20,
            last: self.log_end(),
        })
    }

    /// Sends it a signal, such as `STOP`; whether it was there to get it.
    pub(crate) fn signal(&self, name: &str) -> Result<bool, ClusterError> {
        let kill = format!("kill -{name} \"$0\"");
        let sent = Command::new("sh")
            .args(["-c", &kill, &self.child.id().to_string()])
            .status()
            .map_err(ClusterError::io(Path::new("sh")))?;
        Ok(sent.success())
    }

    fn log_end(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
