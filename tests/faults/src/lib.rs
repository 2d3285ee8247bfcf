//! Faults of the machine at exactly one system call of a program, of any of its threads and children.
//!
//! A program that writes files is whole before and after each of its system calls, and a test that kills it at random
//! hits the few that matter hardly ever. Here every call that changes a folder is counted, and at the N-th one
//! everything is killed, or the call fails with an error of the system that it never reached.

mod run;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tasks;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trace;

pub use run::{Call, Ended, Errno, Fault, Kind, Run, Victims};

/// Whether faults can be made on this machine. Where they cannot, a test says so loudly and proves nothing.
pub fn is_supported() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

/// One line on standard error, past the capture of the test runner.
pub fn say(line: &str) {
    // Nobody to tell when standard error is closed.
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("{line}\n").as_bytes(),
    ));
}
