//! What is run, and what is to happen to it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// What a system call does to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Gives a file another name.
    Rename,
    /// Makes a file or a folder, or opens one that is to be made where it is missing.
    Create,
    /// Gives a file one more name.
    Link,
    /// Takes a name away.
    Unlink,
    /// Brings a file or a folder to the disk.
    Sync,
    /// Changes the bytes of a file.
    Write,
}

impl Kind {
    /// Those between which a kill can leave something else behind.
    pub const NAMES: [Self; 5] = [
        Self::Rename,
        Self::Create,
        Self::Link,
        Self::Unlink,
        Self::Sync,
    ];
    /// Those that need room.
    pub const ROOM: [Self; 4] = [Self::Rename, Self::Create, Self::Link, Self::Write];
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Rename,
        Self::Create,
        Self::Link,
        Self::Unlink,
        Self::Sync,
        Self::Write,
    ];
}

/// A counted system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it does.
    pub kind: Kind,
    /// The name of the program that makes it, at most 15 bytes of it.
    pub program: String,
    /// What it does it to; of a rename the old name.
    pub path: PathBuf,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} of `{}` by `{}`",
            self.kind,
            self.path.display(),
            self.program
        )
    }
}

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victims {
    /// The program and all that it started, as when a container ends.
    All,
    /// The program alone; what it started goes on, as after a `kill -9`.
    First,
    /// All but what serves a remote by Git's protocol: that would be on another machine.
    Client,
}

/// An error of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// `ENOSPC`
    NoSpace,
    /// `EROFS`
    ReadOnly,
    /// `EIO`
    Broken,
}

/// What happens at a call, in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A kill that nobody can catch.
    Kill(Victims),
    /// This call fails, and no other.
    Once(Errno),
    /// This call fails, and so does every counted one after it.
    From(Errno),
}

/// A program to run.
#[derive(Debug)]
pub struct Run {
    /// What to run. Its standard streams are set here.
    pub command: Command,
    /// Only calls below this folder count.
    pub below: PathBuf,
    /// Only calls of these kinds count.
    pub kinds: BTreeSet<Kind>,
    /// At which call, counted from 1, something happens, and what.
    pub fault: Option<(usize, Fault)>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a kill.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// What was counted, in order, up to a kill.
    pub calls: Vec<Call>,
}

impl Run {
    /// Runs it to its end, and that of all that it started.
    ///
    /// # Errors
    /// Where it cannot be started or followed, as on a machine that is not supported.
    pub fn end(self) -> io::Result<Ended> {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        {
            // Whoever follows a program must be one thread, which waits for nobody else.
            let thread = std::thread::spawn(move || crate::trace::trace(&self));
            thread
                .join()
                .map_err(|_| io::Error::other("whoever followed the program panicked"))?
        }
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
        {
            Err(io::Error::other(
                "faults can be made on Linux on x86-64 only",
            ))
        }
    }
}
