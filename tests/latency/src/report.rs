//! The table.

use std::io::Write as _;
use std::time::Duration;

use orz_core::Value;
use serde_json::json;

use crate::rounds::Rounds;
use crate::{Outcome, say};

/// What was promised; said, and never a reason to fail.
const WANTED_TIMES: f64 = 10.0;
const WANTED_P99: Duration = Duration::from_secs(2);
/// The programs come from one build.
const BUILD: &str = if cfg!(debug_assertions) {
    "development build"
} else {
    "release build"
};

/// What a process costs while nothing happens.
pub(crate) struct Usage {
    pub(crate) cpu_percent: f64,
    pub(crate) resident_bytes: u64,
}

/// Everything that was measured.
pub(crate) struct Report {
    tenants: usize,
    rounds: usize,
    first_sync: Duration,
    pub(crate) reconciler: Option<Usage>,
    /// When the rounds began.
    load: Option<String>,
    timed: Vec<Rounds>,
}

impl Report {
    pub(crate) fn new(tenants: usize, rounds: usize, first_sync: Duration) -> Self {
        Self {
            tenants,
            rounds,
            first_sync,
            reconciler: None,
            load: load(),
            timed: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, rounds: Rounds) {
        let p50 = shown(percentile(&rounds.live, 50));
        let max = shown(percentile(&rounds.live, 100));
        say(&format!("{}: p50 {p50}, max {max}", rounds.name));
        self.timed.push(rounds);
    }

    pub(crate) fn print(&self, json: bool) -> Outcome {
        let mut out = std::io::stdout();
        if json {
            writeln!(out, "{}", self.json())?;
        } else {
            self.table(&mut out)?;
        }
        Ok(())
    }

    fn table(&self, out: &mut impl std::io::Write) -> Outcome {
        writeln!(
            out,
            "{} tenants, {} rounds each, {}; {} Applications were in sync for the first time after {:.0} s",
            self.tenants,
            self.rounds,
            BUILD,
            2 * self.tenants,
            self.first_sync.as_secs_f64()
        )?;
        if let (Some(before), Some(after)) = (&self.load, load()) {
            let processors = std::thread::available_parallelism()?;
            writeln!(
                out,
                "load of the machine: {before} before and {after} after, on {processors} processors"
            )?;
        }
        if let Some(usage) = &self.reconciler {
            writeln!(
                out,
                "orz-reconciler while nothing happens: {:.1} % of a core, {} MB resident",
                usage.cpu_percent,
                usage.resident_bytes / 1_000_000
            )?;
        }
        writeln!(
            out,
            "\npointer commit to …                            p50       p99       max"
        )?;
        for rounds in &self.timed {
            writeln!(out, "{}", rounds.name)?;
            for (what, times) in rounds.rows() {
                writeln!(
                    out,
                    "  {what:<40} {:>7} {:>9} {:>9}",
                    shown(percentile(times, 50)),
                    shown(percentile(times, 99)),
                    shown(percentile(times, 100))
                )?;
            }
        }
        if let [ours, one, ..] = self.timed.as_slice() {
            let p50 = |rounds: &Rounds| percentile(&rounds.live, 50).as_secs_f64();
            let (times, p99) = (p50(one) / p50(ours), percentile(&ours.live, 99));
            writeln!(
                out,
                "\n{} {times:.1} times as fast as one poked ApplicationSet (p50), wanted at least {WANTED_TIMES:.0}",
                verdict(times >= WANTED_TIMES)
            )?;
            writeln!(
                out,
                "{} p99 {}, wanted under {}",
                verdict(p99 < WANTED_P99),
                shown(p99),
                shown(WANTED_P99)
            )?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let timed: Vec<Value> = self
            .timed
            .iter()
            .map(|rounds| {
                let mut row = json!({"name": rounds.name});
                for (what, times) in rounds.rows() {
                    let ms = |p| percentile(times, p).as_secs_f64() * 1_000.0;
                    row[what] = json!({"p50_ms": ms(50), "p99_ms": ms(99), "max_ms": ms(100)});
                }
                row
            })
            .collect();
        json!({
            "tenants": self.tenants,
            "build": BUILD,
            "load": self.load,
            "rounds": self.rounds,
            "first_sync_ms": self.first_sync.as_secs_f64() * 1_000.0,
            "reconciler": self.reconciler.as_ref().map(|usage| json!({
                "cpu_percent": usage.cpu_percent, "resident_bytes": usage.resident_bytes,
            })),
            "timed": timed,
        })
    }
}

impl Rounds {
    fn rows(&self) -> [(&'static str, &Vec<Duration>); 5] {
        [
            ("Synced, Healthy, Succeeded", &self.live),
            ("of it, Application names the release", &self.noticed),
            ("of it, from there to Succeeded", &self.synced),
            ("of it, from there to all three", &self.compared),
            ("before it, the commit itself", &self.commit),
        ]
    }
}

/// The nearest rank.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn verdict(met: bool) -> &'static str {
    if met { "met     " } else { "NOT MET " }
}

fn shown(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

fn load() -> Option<String> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next().map(str::to_owned)
}
