//! Wall time, CPU time and peak memory.

use std::fs;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Linux counts the CPU time that it reports in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);
/// A sum of fewer ticks than this says too little.
const TICKS_MIN: u32 = 10;

/// What several runs of one thing took.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// Sorted.
    wall: Vec<Duration>,
    /// Mean over the runs, threads and finished children included; `None` where the system does not say,
    /// or counts too coarsely for so short a time.
    pub(crate) cpu: Option<Duration>,
    /// The most memory that the process held meanwhile, in bytes.
    pub(crate) peak: Option<u64>,
}

impl Timing {
    pub(crate) fn runs(&self) -> usize {
        self.wall.len()
    }

    pub(crate) fn median(&self) -> Duration {
        self.wall[self.wall.len() / 2]
    }

    /// Two things done one after the other, run by run in the order of their times.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            wall: self
                .wall
                .iter()
                .zip(&other.wall)
                .map(|(a, b)| *a + *b)
                .collect(),
            cpu: self.cpu.zip(other.cpu).map(|(a, b)| a + b),
            peak: self.peak.max(other.peak),
        }
    }

    /// The same with another peak: that of a child.
    pub(crate) fn with_peak(mut self, peak: Option<u64>) -> Self {
        self.peak = peak;
        self
    }

    pub(crate) fn p90(&self) -> Duration {
        self.wall[(self.wall.len() * 9).div_ceil(10).saturating_sub(1)]
    }
}

/// Runs `work` so many times, each on what `prepare` made of the number of the run, which is not measured.
/// The last result is handed back, so that no run is optimised away.
pub(crate) fn repeat<S, T>(
    runs: usize,
    mut prepare: impl FnMut(usize) -> Outcome<S>,
    mut work: impl FnMut(S) -> Outcome<T>,
) -> Outcome<(Timing, T)> {
    let mut wall = Vec::with_capacity(runs);
    let mut cpu = Some(Duration::ZERO);
    let mut peak = None;
    let mut last = None;
    for run in 0..runs {
        let state = prepare(run)?;
        drop(last.take());
        forget_peak();
        let (ticks, start) = (cpu_time(), Instant::now());
        let result = work(state)?;
        wall.push(start.elapsed());
        cpu = match (cpu, ticks, cpu_time()) {
            (Some(sum), Some(before), Some(after)) => Some(sum + after.saturating_sub(before)),
            _ => None,
        };
        peak = peak.max(peak_memory("self"));
        last = Some(result);
    }
    wall.sort();
    let count = u32::try_from(runs)?;
    let timing = Timing {
        wall,
        cpu: cpu
            .filter(|cpu| *cpu >= TICK * TICKS_MIN)
            .map(|cpu| cpu / count),
        peak,
    };
    Ok((timing, last.ok_or("nothing was measured")?))
}

/// Like [`repeat`], for work that needs nothing prepared.
pub(crate) fn again<T>(runs: usize, mut work: impl FnMut() -> Outcome<T>) -> Outcome<(Timing, T)> {
    repeat(runs, |_| Ok(()), |()| work())
}

/// CPU time of this process, its threads and its finished children.
fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; `utime` is the twelfth field behind it.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: u32 = fields
        .skip(11)
        .take(4)
        .map(|field| field.parse::<u32>().ok())
        .sum::<Option<u32>>()?;
    Some(TICK * ticks)
}

/// Makes the peak that the kernel remembers the present size.
fn forget_peak() {
    // Not everywhere allowed; then the peak is the one since the start.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that a process held, by its number; `self` for this one.
pub(crate) fn peak_memory(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
