//! What to do about a fault of the machine, told by what the system or `git` said.

use std::io;

/// The same words for an error of our own and for one that `git` met.
pub(crate) fn help(kind: Option<io::ErrorKind>, message: &str) -> Option<String> {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let help = if matches!(kind, Some(StorageFull | QuotaExceeded))
        || said(&[
            "o space left on device",
            "Out of diskspace",
            "isk quota exceeded",
        ]) {
        "no branch was moved; make room and repeat the command"
    } else if kind == Some(ReadOnlyFilesystem) || said(&["ead-only file system"]) {
        "see that the repository can be written to, and repeat the command; `orzc status` says what is live"
    } else if kind == Some(PermissionDenied) || said(&["ermission denied"]) {
        "run as the owner of the repository, or see that it can be written to"
    } else if said(&["nput/output error"]) {
        "see whether the disk is sound, then repeat the command; `git fsck --strict` and `orzc verify` tell what is damaged"
    } else if said(&[
        "couldn't write",
        "couldn't set",
        "unable to write",
        "write error",
    ]) {
        "see that the disk has room, can be written to and is sound, then repeat the command; `orzc status` says what is live"
    } else {
        return None;
    };
    Some(help.to_owned())
}
