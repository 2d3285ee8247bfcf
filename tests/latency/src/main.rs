//! How long a pointer commit takes until a real Argo CD says Synced and Healthy: with our reconciler, then with
//! ApplicationSets that are poked, over the same repository and the same cluster. See `docs/benchmarks.md`.

mod fleet;
mod report;
mod rounds;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use fleet::Fleet;
use report::Report;
use rounds::{Applications, Follower};

/// What a step ends with.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const HELP: &str = "\
usage: orz-latency [--tenants N] [--rounds R] [--ours] [--reconciler PATH] [--json]

  --tenants N        tenants, each with the parts `tenancy` and `work` (1000)
  --rounds R         pointer commits that are timed, for each who follows (30)
  --ours             our reconciler alone, without the ApplicationSets after it
  --reconciler PATH  the program `orz-reconciler` (the one beside this program)
  --json             print JSON instead of a table
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("orz-latency: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let here = std::env::current_exe()?;
    let (mut tenants, mut rounds, mut ours, mut json) = (1_000, 30, false, false);
    let mut program = here.with_file_name("orz-reconciler");
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
        match word.as_str() {
            "--tenants" => tenants = value()?.parse()?,
            "--rounds" => rounds = value()?.parse()?,
            "--reconciler" => program = value()?.into(),
            "--ours" => ours = true,
            "--json" => json = true,
            "-h" | "--help" => {
                write!(std::io::stdout(), "{HELP}")?;
                return Ok(());
            }
            _ => return Err(format!("unknown argument `{word}`; `--help` lists all").into()),
        }
    }
    let fleet = Fleet::start(tenants, rounds, &program)?;
    let mut report = Report::new(tenants, rounds, fleet.first_sync());

    report.reconciler = Some(fleet.usage()?);
    report.add(rounds::timed(&fleet, &Follower::Reconciler)?);
    fleet.stop_reconciler()?;
    let others = [Applications::OneSet, Applications::SixteenSets];
    for applications in others.into_iter().filter(|_| !ours) {
        let sets = fleet.hand_over(applications)?;
        report.add(rounds::timed(&fleet, &Follower::Sets(sets))?);
    }
    report.print(json)
}

/// Progress, on standard error.
fn say(line: &str) {
    // Nobody to tell when standard error is closed.
    drop(writeln!(std::io::stderr(), "{line}"));
}
