//! What the main paths cost, each beside what the machine could do at best, measured in one run.
//!
//! Absolute times of a shared machine say little, so every row that has a bound is printed as a ratio to it:
//! the bound runs in the same process, on the same bytes, right before or after.

mod args;
mod bound;
mod bulk;
mod change;
mod diff;
mod git;
mod history;
mod host;
mod measure;
mod report;
mod rng;
mod source;
mod text;
mod world;

use std::process::ExitCode;

use args::Args;
use report::Report;
use world::World;

/// Anything that can end a run: the cost of a benchmark's own mistakes is a message, not a type.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let Some(args) = Args::parse(std::env::args().skip(1))? else {
        return report::help(args::HELP);
    };
    let mut report = Report::new(&args);
    let world = World::new(&args)?;
    report.note(&format!("{} tenants, {}", args.tenants, world.describe()?));
    bulk::run(&world, &args, &mut report)?;
    if args.wants("change") {
        change::run(&world, &args, &mut report)?;
    }
    if args.wants("diff") {
        diff::run(&world, &mut report)?;
    }
    if args.wants("host") {
        host::run(&world, &mut report)?;
    }
    if args.wants("history") {
        history::run(&world, &args, &mut report)?;
    }
    if args.wants("text") {
        text::run(&world, &mut report)?;
    }
    report.finish()
}
