//! Follows a program through its system calls by `ptrace`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::process::{Command, Stdio};

use nix::errno::Errno as Code;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::tasks::{Edge, Tasks};
use crate::{Call, Ended, Errno, Fault, Run, Victims};

/// Stops until somebody follows it, and is then the program.
const SHELL: &str = r#"kill -STOP $$; exec "$@""#;

pub(crate) fn trace(run: &Run) -> io::Result<Ended> {
    let folder = std::env::temp_dir().join(format!(
        "orz-faults-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    fs::create_dir_all(&folder)?;
    let (out, err) = (folder.join("out"), folder.join("err"));
    let child = shell(&run.command)
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?)
        .spawn()?;
    let root = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    waitpid(root, Some(WaitPidFlag::WUNTRACED))?;
    ptrace::seize(
        root,
        Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL,
    )?;
    kill(root, Signal::SIGCONT)?;
    let mut follower = Follower {
        run,
        root,
        tasks: Tasks::default(),
        calls: Vec::new(),
        killed: None,
        code: None,
    };
    follower.follow()?;
    let ended = Ended {
        code: follower.code,
        stdout: String::from_utf8_lossy(&fs::read(&out)?).into_owned(),
        stderr: String::from_utf8_lossy(&fs::read(&err)?).into_owned(),
        calls: follower.calls,
    };
    fs::remove_dir_all(&folder)?;
    Ok(ended)
}

fn shell(of: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(SHELL).arg("sh");
    shell.arg(of.get_program()).args(of.get_args());
    if let Some(folder) = of.get_current_dir() {
        shell.current_dir(folder);
    }
    // What the command was given, and nothing else: it may have cleared what it would inherit.
    shell.env_clear();
    let set: Vec<(&OsStr, &OsStr)> = of
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    shell.envs(set);
    shell
}

struct Follower<'r> {
    run: &'r Run,
    root: Pid,
    tasks: Tasks,
    calls: Vec<Call>,
    killed: Option<Victims>,
    code: Option<i32>,
}

impl Follower<'_> {
    fn follow(&mut self) -> io::Result<()> {
        // Only what this thread started or follows: others wait for their own children.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let status = match waitpid(None, Some(flags)) {
                Err(Code::ECHILD) => return Ok(()),
                Err(Code::EINTR) => continue,
                status => status?,
            };
            let done = match status {
                WaitStatus::Exited(pid, code) => {
                    if pid == self.root {
                        self.code = Some(code);
                    }
                    self.tasks.forget(pid);
                    Ok(())
                }
                WaitStatus::Signaled(pid, ..) => {
                    self.tasks.forget(pid);
                    Ok(())
                }
                WaitStatus::PtraceSyscall(pid) => self.call(pid),
                WaitStatus::PtraceEvent(pid, _, event) => {
                    self.tasks.event(pid, event);
                    self.go_on(pid, None)
                }
                WaitStatus::Stopped(pid, signal) => self.go_on(pid, Some(signal)),
                _ => Ok(()),
            };
            match done {
                // Killed meanwhile; its end is still to be waited for.
                Err(Code::ESRCH) => {}
                done => done?,
            }
        }
    }

    fn go_on(&self, pid: Pid, signal: Option<Signal>) -> nix::Result<()> {
        if self.dies(pid) {
            return kill(pid, Signal::SIGKILL);
        }
        ptrace::syscall(pid, signal)
    }

    fn dies(&self, pid: Pid) -> bool {
        match self.killed {
            None => false,
            Some(Victims::All) => true,
            Some(Victims::First) => self.tasks.process(pid) == self.root,
            Some(Victims::Client) => !self.tasks.serves(pid),
        }
    }

    /// `pid` stands before or after a system call.
    fn call(&mut self, pid: Pid) -> nix::Result<()> {
        let mut registers = ptrace::getregs(pid)?;
        if let Edge::After(refused) = self.tasks.edge(pid) {
            if let Some(code) = refused {
                registers.rax = (-i64::from(code)).cast_unsigned();
                ptrace::setregs(pid, registers)?;
            }
            return self.go_on(pid, None);
        }
        let mut refused = None;
        if self.killed.is_none()
            && let Some(call) = self.tasks.read(pid, &registers)
            && self.run.kinds.contains(&call.kind)
            && call.path.starts_with(&self.run.below)
        {
            self.calls.push(call);
            let number = self.calls.len();
            match self.run.fault {
                Some((at, Fault::Kill(victims))) if at == number => {
                    self.killed = Some(victims);
                    for victim in self.tasks.all() {
                        if self.dies(victim) {
                            // Whoever is gone already is dead too.
                            let _ = kill(victim, Signal::SIGKILL);
                        }
                    }
                }
                Some((at, Fault::Once(errno))) if at == number => refused = Some(code(errno)),
                Some((at, Fault::From(errno))) if at <= number => refused = Some(code(errno)),
                _ => {}
            }
        }
        if refused.is_some() {
            // A number that no call has: the kernel does nothing.
            registers.orig_rax = u64::MAX;
            ptrace::setregs(pid, registers)?;
        }
        self.tasks.enters(pid, refused);
        self.go_on(pid, None)
    }
}

fn code(errno: Errno) -> i32 {
    match errno {
        Errno::NoSpace => libc::ENOSPC,
        Errno::ReadOnly => libc::EROFS,
        Errno::Broken => libc::EIO,
    }
}
