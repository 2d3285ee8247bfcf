//! From saves to what is live, until somebody ends it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use orz_core::exit::ExitCode;
use orz_core::id::TenantName;
use orz_gitops::Repo;

use super::event::{Event, Round, What};
use super::inbox::{Inbox, Woken};
use super::{Args, put};
use crate::args::Select;
use crate::clock::Clock;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::compile::{Detail, compile};
use crate::ops::target::Target;
use crate::place::{absolute, shown};
use crate::source::{Difference, Hint, Known};
use crate::view::View;

/// How long one round waits for parts that require something from others: the next save must not wait for long, and
/// there is another round soon.
const WAIT: Duration = Duration::from_secs(2);
/// The pause before what did not work is tried again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Watches until Ctrl-C.
pub(super) fn run(
    args: &Args,
    target: &Target,
    repo: &Repo,
    context: &mut Context,
    view: &mut dyn View,
) -> Outcome {
    let root = absolute(&context.source_root()?)?;
    // Whatever would be wrong at every save is found out before the first.
    context.asked(&args.who, Some(&args.reason))?;
    let mut inbox = Inbox::open(&root, args.poll)?;
    let watching = What::Watching {
        source: shown(&root),
        target: target.to_string(),
    };
    tell(context, view, watching)?;
    let mut watch = Watched {
        args,
        target,
        repo,
        root,
        known: Known::default(),
        owed: BTreeSet::new(),
        owed_all: false,
        said: Vec::new(),
    };
    let mut woken = Woken::Saved(Hint::All);
    let mut retry: Option<(Instant, Duration)> = None;
    loop {
        let difference = match woken {
            Woken::Ended => {
                tell(context, view, What::Ended)?;
                return Ok(ExitCode::Ok);
            }
            Woken::Looking(why, every) => {
                tell(context, view, What::Looking { why, every })?;
                watch.known.look(&watch.root, &Hint::All)
            }
            Woken::Saved(hint) => watch.known.look(&watch.root, &hint),
            Woken::Late => Difference::default(),
        };
        let saved = difference != Difference::default();
        let due = retry.is_some_and(|(at, _)| at <= Instant::now());
        if saved || due {
            context.clock = Clock::read()?;
            let again = watch.round(difference, saved, context, view)?;
            let pause = match retry {
                Some((_, pause)) if !saved => (pause * 2).min(PAUSE.1),
                _ => PAUSE.0,
            };
            retry = again.then(|| (Instant::now() + pause, pause));
        }
        let patience = retry.map(|(at, _)| at.saturating_duration_since(Instant::now()));
        woken = inbox.wait(patience);
    }
}

/// A source that is watched.
struct Watched<'a> {
    args: &'a Args,
    target: &'a Target,
    repo: &'a Repo,
    root: PathBuf,
    known: Known,
    /// The tenants of which something is not in place.
    owed: BTreeSet<TenantName>,
    /// Everything has to be compiled again.
    owed_all: bool,
    /// What was said last, which is not said again without a save.
    said: Vec<String>,
}

impl Watched<'_> {
    /// Puts in place what is different and what is owed; whether it has to be tried again without a save.
    fn round(
        &mut self,
        difference: Difference,
        saved: bool,
        context: &Context,
        view: &mut dyn View,
    ) -> Result<bool, CommandError> {
        let wanted = &self.args.select.tenants;
        let is_wanted = |tenant: &TenantName| wanted.is_empty() || wanted.contains(tenant);
        let mut tenants: BTreeSet<TenantName> = difference.tenants.into_iter().collect();
        tenants.append(&mut self.owed);
        tenants.retain(is_wanted);
        // Nobody compiles what has no files.
        tenants.retain(|tenant| !difference.gone.contains(tenant.as_str()));
        let all = difference.all || std::mem::take(&mut self.owed_all);
        let gone = difference.gone.into_iter();
        let gone: BTreeSet<String> = gone
            .filter(|folder| folder.parse().is_ok_and(|tenant| is_wanted(&tenant)))
            .collect();
        if !all && tenants.is_empty() && gone.is_empty() {
            return Ok(false);
        }
        let (round, again) = self.put(all, tenants, gone, context, view);
        let words = round.words();
        if saved || (round.is_news() && words != self.said) {
            tell(context, view, What::Round(Box::new(round)))?;
        }
        self.said = words;
        Ok(again)
    }

    /// Compiles and puts in place; whether it has to be tried again.
    fn put(
        &mut self,
        all: bool,
        tenants: BTreeSet<TenantName>,
        gone: BTreeSet<String>,
        context: &Context,
        view: &mut dyn View,
    ) -> (Round, bool) {
        let began = context.clock.elapsed();
        let mut round = Round {
            tenants: Some(tenants.clone()),
            broken: BTreeSet::new(),
            gone,
            up: None,
            error: None,
            seconds: 0.0,
        };
        if !all && tenants.is_empty() {
            return (round, false);
        }
        let select = Select {
            tenants: if all {
                self.args.select.tenants.clone()
            } else {
                tenants.into_iter().collect()
            },
            platform_cluster: self.args.select.platform_cluster.clone(),
        };
        let compilation = match compile(context, &select, Detail::Errors, view) {
            Ok(compilation) => compilation,
            Err(error) => {
                // An error of the platform's data is one of everybody, and whatever is saved next may end it.
                self.owed_all |= all;
                self.owed.extend(select.tenants);
                round.tenants = (!all).then(|| self.owed.clone());
                round.error = Some(error);
                round.seconds = context.clock.elapsed() - began;
                return (round, false);
            }
        };
        let compiled = context.clock.elapsed() - began;
        let mut outputs = Vec::new();
        let mut names = BTreeSet::new();
        if compilation.tally.errors > 0 {
            round.error = Some(compilation.tally.stop());
        }
        for tenant in compilation.tenants {
            names.insert(tenant.tenant.clone());
            match tenant.output {
                Some(output) if tenant.errors == 0 => outputs.push(output),
                _ => drop(round.broken.insert(tenant.tenant)),
            }
        }
        round.tenants = Some(names.clone());
        let mut again = false;
        if !outputs.is_empty() {
            let wait = Duration::from_secs(self.args.wait).min(WAIT);
            let target = self.target;
            match put(self.args, target, self.repo, context, outputs, wait, view) {
                Ok(mut up) => {
                    up.seconds.compile = compiled;
                    round.up = Some(up);
                    self.owed = round.unsettled();
                    again = !self.owed.is_empty();
                }
                Err(error) => {
                    view.progress(None);
                    // The machine's fault passes by itself; a refusal needs somebody.
                    again = error.exit == ExitCode::Internal;
                    self.owed = names.difference(&round.broken).cloned().collect();
                    round.error = Some(error);
                }
            }
        }
        round.seconds = context.clock.elapsed() - began;
        (round, again)
    }
}

fn tell(context: &Context, view: &mut dyn View, what: What) -> Result<(), CommandError> {
    let time = context.clock.now();
    Ok(view.event(&Event { time, what })?)
}
