//! Whose commits are followed, as the program was told.

use std::error::Error;

use orz_gitops::{Repo, TrustedPublishers};
use orz_reconciler::follow::{About, Clock, Level, Log, SystemClock};

use crate::Arguments;

/// Whether the process writes to the repository that it follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    Nothing,
    Many,
}

/// The repository with what is demanded of those who wrote it.
///
/// A process that takes releases back must be believed itself: else its first automatic rollback would be a pointer
/// that it refuses.
pub(crate) fn demand(
    repo: Repo,
    arguments: &Arguments,
    writes: Writes,
    log: Log,
) -> Result<Repo, Box<dyn Error>> {
    if writes == Writes::Many {
        // A key that is named and cannot be used is known before anything has to be taken back.
        repo.signs()?;
    }
    let Some(file) = &arguments.trusted_publishers else {
        return Ok(repo);
    };
    let publishers = TrustedPublishers::read(file, &arguments.trusted_since)?;
    for skipped in publishers.skipped() {
        let said = format!(
            "`{}`, line {} is not used: {}",
            file.display(),
            skipped.line,
            skipped.why
        );
        log.line(Level::Alert, About::default(), &said);
    }
    if writes == Writes::Many
        && let Err(distrust) = repo.is_trusted_by(&publishers, &SystemClock::start().now())?
    {
        return Err(format!(
            "what the reconciler writes would not be followed, as `{}` does not trust it: {distrust}; \
             name a key of that file with `ORZ_SIGNING_KEY`",
            file.display()
        )
        .into());
    }
    let said = format!(
        "follows only what is signed by: {}",
        publishers.keys().join(", ")
    );
    log.line(Level::Info, About::default(), &said);
    Ok(repo.demanding(publishers))
}
