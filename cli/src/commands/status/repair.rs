//! What a person can do about a part: commands that can be run as they stand, but for the reason.

use orz_core::format::{Blocks, Phase, StateKind};
use orz_core::id::Part;
use orz_gitops::LastChange;
use orz_gitops::check::reason;

use super::row::{Broken, Line, Stand};

/// What leads out of where a pointer stands; nothing where it goes on by itself.
pub(super) fn of_pointer(line: &Line) -> Vec<String> {
    let pointer = &line.stored.pointer;
    let (tenant, part) = (&pointer.tenant, pointer.part);
    let command = |verb: &str| format!("`orzc {verb} {tenant} --part {part} --reason TEXT`");
    let mut help = Vec::new();
    if let Some(invalid) = &line.invalid {
        let back = command("rollback");
        if invalid.reason == reason::UNTRUSTED_PUBLISHER {
            help.push(format!(
                "with a key that the reconciler trusts, {back} goes back to the last verified release, and \
                 `orzc publish --activate` goes on"
            ));
            help.push(
                "`orzc verify --trusted FILE` lists every commit that nobody trusted signed"
                    .to_owned(),
            );
            return help;
        }
        if invalid.is_unlisted() {
            help.push(
                "if `releases` was replaced by an older one, the pointer is right: push the newer one of any clone, or run `orzc publish`, which puts the same releases back"
                    .to_owned(),
            );
        }
        help.push(if invalid.reason == reason::CLAIM_LOST {
            let again = format!(
                "`orzc activate {tenant} {} --reason TEXT`",
                crate::view::short(pointer.release.as_str())
            );
            format!("{again} claims it again once nobody else holds it, {back} goes back")
        } else {
            format!("{back} goes back to the last verified release")
        });
        help.extend(revert(line.changed.as_ref()));
        if is_about_releases(invalid.reason) {
            help.push(
                "somebody wrote to branch `releases` by hand: `orzc verify` lists what was changed"
                    .to_owned(),
            );
        }
        return help;
    }
    if line.stand() == Stand::Seen(Phase::Failed) {
        help.push(format!(
            "publish what repairs it, or {} goes back to the last verified release",
            command("rollback")
        ));
    }
    if pointer.state.kind == StateKind::Frozen {
        help.push(format!("{} ends the freeze", command("thaw")));
    }
    // They are about the tenant as a whole, and so said once.
    if pointer.state.kind.is_leaving() && matches!(part, Part::Tenancy | Part::Platform) {
        help.push(format!(
            "`orzc activate {tenant} --override-leaving --reason TEXT` calls the tenant back"
        ));
        if pointer.state.kind == StateKind::Retiring {
            help.push(format!(
                "`orzc destroy {tenant} --reason TEXT` names what stays, and deletes it"
            ));
        }
    }
    if let Some(hold) = &pointer.hold
        && hold.blocks == Blocks::All
    {
        help.push(format!(
            "{} lets the next `orzc publish --activate` go live",
            command("release-hold")
        ));
    }
    help
}

/// What removes a file that is no pointer.
pub(super) fn of_broken(broken: &Broken) -> Vec<String> {
    match revert(broken.changed.as_ref()) {
        Some(help) => vec![help],
        None => vec![format!(
            "repair or remove `{}` on branch `main`",
            broken.path
        )],
    }
}

fn revert(changed: Option<&LastChange>) -> Option<String> {
    let commit = crate::view::short(changed?.commit.as_str());
    Some(format!(
        "`git revert {commit}` on branch `main` takes that commit back"
    ))
}

/// Whether it is the index or the release that is not as `orzc publish` left it, and not the pointer alone.
fn is_about_releases(reason: &str) -> bool {
    matches!(
        reason,
        reason::INDEX_MALFORMED
            | reason::NO_COMMIT
            | reason::NOT_PARENTLESS
            | reason::NOT_CANONICAL
            | reason::NOT_A_FILE
            | reason::OBJECTS_MISMATCH
            | reason::NOT_ALLOWED
    )
}
