//! The threads that are followed, and what their system calls mean.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use nix::libc::{self, c_int, c_long, user_regs_struct};
use nix::sys::ptrace;
use nix::unistd::Pid;

use crate::{Call, Kind};

/// Longer names are cut; no file of a test has one.
const NAME_MAX: usize = 4096;

/// One of the two stops at a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edge {
    Before,
    /// With the error that it is to end with.
    After(Option<i32>),
}

#[derive(Debug, Default)]
pub(crate) struct Tasks {
    known: BTreeSet<Pid>,
    /// Those inside of a system call, with the error that it is to end with.
    inside: BTreeMap<Pid, Option<i32>>,
    /// Those that serve a remote.
    serving: BTreeSet<Pid>,
}

impl Tasks {
    pub(crate) fn all(&self) -> Vec<Pid> {
        self.known.iter().copied().collect()
    }

    pub(crate) fn forget(&mut self, pid: Pid) {
        self.known.remove(&pid);
        self.inside.remove(&pid);
        self.serving.remove(&pid);
    }

    /// Something else than a system call became of `pid`.
    pub(crate) fn event(&mut self, pid: Pid, event: c_int) {
        self.known.insert(pid);
        match event {
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                let Some(child) = ptrace::getevent(pid)
                    .ok()
                    .and_then(|child| i32::try_from(child).ok())
                else {
                    return;
                };
                self.known.insert(Pid::from_raw(child));
                if self.serving.contains(&pid) {
                    self.serving.insert(Pid::from_raw(child));
                }
            }
            libc::PTRACE_EVENT_EXEC => {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line);
                if line.contains("git-receive-pack") || line.contains("git-upload-pack") {
                    self.serving.insert(pid);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn serves(&self, pid: Pid) -> bool {
        self.serving.contains(&pid)
    }

    /// The process of a thread.
    #[expect(clippy::unused_self, reason = "what is known of threads is asked here")]
    pub(crate) fn process(&self, pid: Pid) -> Pid {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
        line.and_then(|id| id.trim().parse().ok())
            .map_or(pid, Pid::from_raw)
    }

    pub(crate) fn enters(&mut self, pid: Pid, errno: Option<i32>) {
        self.known.insert(pid);
        self.inside.insert(pid, errno);
    }

    /// Which end of a call `pid` stands at.
    pub(crate) fn edge(&mut self, pid: Pid) -> Edge {
        self.inside.remove(&pid).map_or(Edge::Before, Edge::After)
    }

    /// What the call that `pid` is about to make does, if it changes a file.
    #[expect(clippy::unused_self, reason = "what is known of threads is asked here")]
    pub(crate) fn read(&self, pid: Pid, registers: &user_regs_struct) -> Option<Call> {
        let number: c_long = registers.orig_rax.cast_signed();
        let (first, second, third) = (registers.rdi, registers.rsi, registers.rdx);
        let here = libc::AT_FDCWD;
        let at = |folder: u64, name: u64| named(pid, descriptor(folder), name);
        let (kind, path) = match number {
            libc::SYS_rename => (Kind::Rename, named(pid, here, first)),
            libc::SYS_renameat | libc::SYS_renameat2 => (Kind::Rename, at(first, second)),
            libc::SYS_open if creates(second) => (Kind::Create, named(pid, here, first)),
            libc::SYS_openat if creates(third) => (Kind::Create, at(first, second)),
            libc::SYS_creat | libc::SYS_mkdir => (Kind::Create, named(pid, here, first)),
            libc::SYS_mkdirat => (Kind::Create, at(first, second)),
            libc::SYS_link | libc::SYS_symlink => (Kind::Link, named(pid, here, second)),
            libc::SYS_linkat => (Kind::Link, at(third, registers.r10)),
            libc::SYS_symlinkat => (Kind::Link, at(second, third)),
            libc::SYS_unlink | libc::SYS_rmdir => (Kind::Unlink, named(pid, here, first)),
            libc::SYS_unlinkat => (Kind::Unlink, at(first, second)),
            libc::SYS_fsync | libc::SYS_fdatasync => (Kind::Sync, opened(pid, descriptor(first))),
            libc::SYS_write
            | libc::SYS_pwrite64
            | libc::SYS_writev
            | libc::SYS_ftruncate
            | libc::SYS_fallocate
            | libc::SYS_copy_file_range => {
                let to = if number == libc::SYS_copy_file_range {
                    third
                } else {
                    first
                };
                (Kind::Write, opened(pid, descriptor(to)))
            }
            _ => return None,
        };
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(Call {
            kind,
            program: program.trim_end().to_owned(),
            path: path?,
        })
    }
}

fn creates(flags: u64) -> bool {
    descriptor(flags) & libc::O_CREAT != 0
}

/// The lower half of a register, where numbers of 32 bits stand.
fn descriptor(register: u64) -> c_int {
    let bytes = register.to_le_bytes();
    c_int::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn opened(pid: Pid, descriptor: c_int) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()
}

fn named(pid: Pid, folder: c_int, name: u64) -> Option<PathBuf> {
    let name = text(pid, name)?;
    if name.is_absolute() {
        return Some(name);
    }
    let folder = if folder == libc::AT_FDCWD {
        fs::read_link(format!("/proc/{pid}/cwd")).ok()?
    } else {
        opened(pid, folder)?
    };
    Some(normal(&folder.join(name)))
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
}

/// A string of another process, which ends with a zero.
fn text(pid: Pid, address: u64) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut at = usize::try_from(address).ok()?;
    while bytes.len() < NAME_MAX {
        let word = ptrace::read(pid, std::ptr::without_provenance_mut(at)).ok()?;
        let word = word.to_ne_bytes();
        let end = word.iter().position(|&byte| byte == 0);
        bytes.extend(&word[..end.unwrap_or(word.len())]);
        if end.is_some() {
            return Some(OsString::from_vec(bytes).into());
        }
        at += word.len();
    }
    None
}
