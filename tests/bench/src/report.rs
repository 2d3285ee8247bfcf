//! The table, for people and for programs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::args::Args;
use crate::measure::Timing;

/// Everything measured so far.
pub(crate) struct Report {
    json: bool,
    commit: Option<String>,
    tenants: usize,
    notes: Vec<String>,
    rows: Vec<Row>,
    targets: Vec<Target>,
}

/// One line of the table.
pub(crate) struct Row {
    section: &'static str,
    what: String,
    timing: Option<Timing>,
    /// What one run works on, in bytes, for the throughput.
    bytes: Option<u64>,
    /// A size that was measured, in bytes.
    size: Option<u64>,
    beside: Vec<Beside>,
}

/// A row compared with a bound.
struct Beside {
    bound: String,
    wall: f64,
    cpu: Option<f64>,
}

struct Target {
    what: String,
    limit: String,
    found: String,
    met: bool,
}

impl Row {
    pub(crate) fn timed(section: &'static str, what: impl Into<String>, timing: &Timing) -> Self {
        Self {
            section,
            what: what.into(),
            timing: Some(timing.clone()),
            bytes: None,
            size: None,
            beside: Vec::new(),
        }
    }

    pub(crate) fn sized(section: &'static str, what: impl Into<String>, size: u64) -> Self {
        Self {
            section,
            what: what.into(),
            timing: None,
            bytes: None,
            size: Some(size),
            beside: Vec::new(),
        }
    }

    /// Says how many bytes a run goes through.
    pub(crate) fn over(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Adds a size that was measured.
    pub(crate) fn of_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Adds the ratio to a bound of the same run.
    pub(crate) fn beside(mut self, bound: &str, timing: &Timing) -> Self {
        if let Some(own) = &self.timing {
            self.beside.push(Beside {
                bound: bound.to_owned(),
                wall: ratio(own.median(), timing.median()),
                cpu: own.cpu.zip(timing.cpu).map(|(a, b)| ratio(a, b)),
            });
        }
        self
    }
}

/// How many times `b` fits into `a`.
pub(crate) fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

impl Report {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            json: args.json,
            commit: args.commit.clone(),
            tenants: args.tenants,
            notes: Vec::new(),
            rows: Vec::new(),
            targets: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
        complain(text);
    }

    /// Adds a row, and says on stderr that it is done: a whole run takes minutes.
    pub(crate) fn row(&mut self, row: Row) {
        complain(&format!("{}: {}", row.section, row.what));
        self.rows.push(row);
    }

    /// Records how a wish compares with what was found. It never fails a run: the machine may be busy.
    pub(crate) fn target(&mut self, what: &str, limit: &str, found: String, met: bool) {
        self.targets.push(Target {
            what: what.to_owned(),
            limit: limit.to_owned(),
            found,
            met,
        });
    }

    pub(crate) fn finish(&self) -> Outcome {
        let text = if self.json {
            let mut text = serde_json::to_string_pretty(&self.to_json())?;
            text.push('\n');
            text
        } else {
            self.human()?
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn human(&self) -> Outcome<String> {
        let mut lines = vec![
            [
                "what",
                "runs",
                "median",
                "p90",
                "CPU",
                "peak RSS",
                "rate or size",
                "beside",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        let mut section = "";
        for row in &self.rows {
            if section != row.section {
                section = row.section;
                lines.push(vec![section.to_uppercase()]);
            }
            lines.push(row.cells());
        }
        let width = |column: usize| {
            let cells = lines.iter().filter(|line| line.len() > 1);
            cells
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..8).map(width).collect();
        let mut text = String::new();
        for note in &self.notes {
            writeln!(text, "{note}")?;
        }
        writeln!(text, "{}\n", self.machine())?;
        for line in &lines {
            let mut out = String::new();
            for (column, cell) in line.iter().enumerate() {
                let width = if line.len() > 1 { widths[column] } else { 0 };
                if column == 0 || column == 7 {
                    write!(out, "{cell:<width$}  ")?;
                } else {
                    write!(out, "{cell:>width$}  ")?;
                }
            }
            writeln!(text, "{}", out.trim_end())?;
        }
        if !self.targets.is_empty() {
            writeln!(text)?;
        }
        for Target {
            what,
            limit,
            found,
            met,
        } in &self.targets
        {
            let met = if *met { "met    " } else { "NOT MET" };
            writeln!(text, "{met}  {what}: {found}, wanted {limit}")?;
        }
        Ok(text)
    }

    fn machine(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let commit = self.commit.as_deref().unwrap_or("unknown");
        let load = load().map_or_else(String::new, |load| format!(", load {load}"));
        format!("{cores} cores{load}, commit {commit}")
    }

    fn to_json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::to_json).collect();
        let targets: Vec<Value> = self
            .targets
            .iter()
            .map(|t| json!({ "what": t.what, "wanted": t.limit, "found": t.found, "met": t.met }))
            .collect();
        json!({
            "commit": self.commit,
            "cores": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "load": load(),
            "tenants": self.tenants,
            "notes": self.notes,
            "rows": rows,
            "targets": targets,
        })
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let timing = self.timing.as_ref();
        let amount = match (self.size, self.rate()) {
            (Some(size), _) => bytes(size),
            (None, Some(rate)) => format!("{rate:.0} MB/s"),
            (None, None) => dash(),
        };
        let beside: Vec<String> = self
            .beside
            .iter()
            .map(|b| {
                let cpu = b
                    .cpu
                    .map_or_else(String::new, |cpu| format!(" (CPU {cpu:.2}x)"));
                format!("{:.2}x {}{cpu}", b.wall, b.bound)
            })
            .collect();
        vec![
            format!("  {}", self.what),
            timing.map_or_else(dash, |t| t.runs().to_string()),
            timing.map_or_else(dash, |t| duration(t.median())),
            timing.map_or_else(dash, |t| duration(t.p90())),
            timing.and_then(|t| t.cpu).map_or_else(dash, duration),
            timing.and_then(|t| t.peak).map_or_else(dash, bytes),
            amount,
            beside.join(", "),
        ]
    }

    /// Millions of bytes a second, by the median.
    fn rate(&self) -> Option<f64> {
        let (bytes, timing) = self.bytes.zip(self.timing.as_ref())?;
        Some(megabytes(bytes) / timing.median().as_secs_f64().max(1e-9))
    }

    fn to_json(&self) -> Value {
        let timing = self.timing.as_ref();
        let ms = |d: Duration| d.as_secs_f64() * 1e3;
        let beside: Vec<Value> = self
            .beside
            .iter()
            .map(|b| json!({ "bound": b.bound, "wall": b.wall, "cpu": b.cpu }))
            .collect();
        json!({
            "section": self.section,
            "what": self.what,
            "runs": timing.map(Timing::runs),
            "medianMs": timing.map(|t| ms(t.median())),
            "p90Ms": timing.map(|t| ms(t.p90())),
            "cpuMs": timing.and_then(|t| t.cpu).map(ms),
            "peakBytes": timing.and_then(|t| t.peak),
            "megabytesPerSecond": self.rate(),
            "bytes": self.size,
            "beside": beside,
        })
    }
}

/// Says something to the person who waits.
pub(crate) fn complain(text: &str) {
    // Nobody is there to read it if it fails.
    let _ = writeln!(std::io::stderr(), "bench: {text}");
}

/// Prints the help.
pub(crate) fn help(text: &str) -> Outcome {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// A time with three digits: `1.23 s`, `45.6 ms`, `789 µs`.
pub(crate) fn duration(d: Duration) -> String {
    let us = d.as_secs_f64() * 1e6;
    let (value, unit) = match us {
        _ if us >= 1e6 => (us / 1e6, "s"),
        _ if us >= 1e3 => (us / 1e3, "ms"),
        _ => (us, "µs"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// A size: `12.3 MB`, `4.5 KB`, `678 B`.
pub(crate) fn bytes(size: u64) -> String {
    match size {
        1_000_000.. => format!("{:.1} MB", megabytes(size)),
        1_000.. => format!("{:.1} KB", megabytes(size) * 1e3),
        _ => format!("{size} B"),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes are printed with three digits"
)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// How busy the machine was in the last minute, our own work included.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg")
        .ok()?
        .split(' ')
        .next()?
        .parse()
        .ok()
}
