//! The reader and the emitter, beside serde_json on the same text.

use orz_core::diag::{Diagnostics, Sources};
use orz_core::{Value, emit, read};

use crate::Outcome;
use crate::measure::{Timing, again};
use crate::report::{Report, Row};
use crate::world::{World, compile};

const SECTION: &str = "text: reader and emitter, one thread";
const RUNS: usize = 9;
/// So many tenants are enough to be out of every cache.
const TENANTS: usize = 500;

pub(crate) fn run(world: &World, report: &mut Report) -> Outcome {
    let (mut json, mut yaml) = (Vec::new(), Vec::new());
    for (tenant, files) in world.tenants.iter().take(TENANTS) {
        json.extend(
            files
                .iter()
                .map(|(path, bytes)| (path.clone(), bytes.clone())),
        );
        for part in compile(tenant, files.clone(), &world.platform)?
            .parts
            .into_values()
        {
            yaml.extend(part.files);
        }
    }
    let values: Vec<Value> = yaml
        .iter()
        .map(|file| parsed(file))
        .collect::<Outcome<_>>()?;
    let compact = values
        .iter()
        .map(|value| Ok((String::new(), serde_json::to_vec(value)?)))
        .collect::<Outcome<Vec<_>>>()?;

    let (theirs, ()) = again(RUNS, || serde(&json))?;
    let (ours, ()) = again(RUNS, || all(&json))?;
    report.row(
        Row::timed(SECTION, "core::read, JSON bundles", &ours)
            .over(total(&json)?)
            .beside("serde_json", &theirs),
    );
    report.row(
        Row::timed(SECTION, "serde_json::from_slice, the same bytes", &theirs).over(total(&json)?),
    );

    let (theirs, ()) = again(RUNS, || serde(&compact))?;
    let (ours, ()) = again(RUNS, || all(&yaml))?;
    report.row(
        Row::timed(SECTION, "core::read, YAML manifests", &ours)
            .over(total(&yaml)?)
            .beside("serde_json", &theirs),
    );
    report.row(
        Row::timed(SECTION, "serde_json::from_slice, the same objects", &theirs)
            .over(total(&compact)?),
    );

    let (short, ()) = again(RUNS, || canonical(&yaml))?;
    report.row(
        Row::timed(SECTION, "core::read::canonical, YAML manifests", &short)
            .over(total(&yaml)?)
            .beside("serde_json", &theirs),
    );

    let (ours, ()) = emitted(&values, |value| Ok(emit::yaml(value).len()))?;
    let (theirs, ()) = emitted(&values, |value| Ok(serde_json::to_string(value)?.len()))?;
    report.row(
        Row::timed(SECTION, "core::emit, YAML manifests", &ours)
            .over(total(&yaml)?)
            .beside("serde_json", &theirs),
    );
    report.row(
        Row::timed(SECTION, "serde_json::to_string, the same objects", &theirs)
            .over(total(&compact)?),
    );
    Ok(())
}

fn parsed((path, bytes): &(String, Vec<u8>)) -> Outcome<Value> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let node = read::parse(bytes, path, &mut sources, &mut diagnostics).ok_or("does not parse")?;
    Ok(node.to_value())
}

fn all(files: &[(String, Vec<u8>)]) -> Outcome {
    for file in files {
        std::hint::black_box(parsed(file)?);
    }
    Ok(())
}

/// The short cut must answer for every file that the emitter wrote, or it saves nothing.
fn canonical(files: &[(String, Vec<u8>)]) -> Outcome {
    for (path, bytes) in files {
        let value = read::canonical(bytes).ok_or_else(|| format!("`{path}` is not canonical"))?;
        std::hint::black_box(value);
    }
    Ok(())
}

fn serde(files: &[(String, Vec<u8>)]) -> Outcome {
    for (_, bytes) in files {
        std::hint::black_box(serde_json::from_slice::<Value>(bytes)?);
    }
    Ok(())
}

fn emitted(values: &[Value], write: impl Fn(&Value) -> Outcome<usize>) -> Outcome<(Timing, ())> {
    again(RUNS, || {
        for value in values {
            std::hint::black_box(write(value)?);
        }
        Ok(())
    })
}

fn total(files: &[(String, Vec<u8>)]) -> Outcome<u64> {
    Ok(u64::try_from(
        files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(),
    )?)
}
