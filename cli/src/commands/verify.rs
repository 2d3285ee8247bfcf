//! `orzc verify`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orz_compiler::{Inputs, Platform};
use orz_core::Value;
use orz_core::diag::{Diagnostics, Severity, Sources};
use orz_core::id::{CommitId, Part};
use orz_gitops::{Recompile, RecordedInputs, TrustedPublishers, VerifyReport};
use serde_json::json;

use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Present, Text, Tone, View, count, short};

/// Proves that the GitOps repository is what `orzc` alone would have made of it.
///
/// Every pointer, release, recorded input and claim is checked, and that nothing on the index ever changed
/// or vanished. Exits with 1 when anything is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also compiles the recorded inputs of every release again, and compares the bytes. A release of
    /// another compiler is reported as vouched for by its digest only.
    #[arg(long)]
    recompile: bool,
    /// Also demands a good signature of one of these keys on every commit of `main` and `releases`. The
    /// file is what `gpg.ssh.allowedSignersFile` of Git takes; signatures of SSH are checked, others are not.
    #[arg(long, value_name = "FILE")]
    trusted: Option<PathBuf>,
    /// Takes this commit and all before it as they are, for a repository that was not signed from the first
    /// one on. Repeatable: one of `main` and one of `releases`, as `git rev-parse main releases` names them.
    #[arg(
        long,
        value_name = "COMMIT",
        requires = "trusted",
        value_delimiter = ','
    )]
    trusted_since: Vec<CommitId>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let trusted = args
        .trusted
        .as_deref()
        .map(|file| TrustedPublishers::read(file, &args.trusted_since))
        .transpose()?;
    let repo = context.gitops(view)?;
    let recompile = Recompile {
        compiler: orz_compiler::compiler_identity().digest,
        compile: &compile,
    };
    view.progress(Some("verifying"));
    let mut report = repo.verify(args.recompile.then_some(&recompile))?;
    if let Some(trusted) = &trusted {
        view.progress(Some("checking signatures"));
        repo.verify_signatures(trusted, &mut report)?;
    }
    view.progress(None);
    for skipped in trusted.iter().flat_map(TrustedPublishers::skipped) {
        let file = args.trusted.as_deref().unwrap_or(Path::new(""));
        view.note(&format!(
            "`{}`, line {} is not used: {}",
            file.display(),
            skipped.line,
            skipped.why
        ));
    }
    let code = report.exit_code();
    view.result(&Verified {
        report,
        recompile: args.recompile,
    })?;
    Ok(code)
}

type Files = BTreeMap<String, Vec<u8>>;

/// Compiles what was recorded, and nothing else: neither the source nor this machine has a say.
fn compile(recorded: &RecordedInputs) -> Result<BTreeMap<Part, Files>, String> {
    let (platform, files): (Files, Files) = recorded
        .files
        .clone()
        .into_iter()
        .partition(|(path, _)| path.starts_with("platform/"));
    let platform = Platform::load(&platform);
    let loaded = platform
        .value
        .ok_or_else(|| first_error(&platform.diagnostics, &platform.sources))?;
    let inputs = Inputs {
        tenant: recorded.tenant.clone(),
        files,
        platform: &loaded,
        at: recorded.at.clone(),
    };
    let compiled = orz_compiler::compile(&inputs);
    let output = compiled
        .output
        .ok_or_else(|| first_error(&compiled.diagnostics, &compiled.sources))?;
    Ok(output
        .parts
        .into_iter()
        .map(|(part, compiled)| (part, compiled.files))
        .collect())
}

fn first_error(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let error = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.severity == Severity::Error);
    error.map_or_else(
        || "the recorded inputs do not compile".to_owned(),
        |error| match error.span {
            Some(span) => format!(
                "{}: {} ({})",
                sources.locate(span),
                error.message,
                error.code.name
            ),
            None => format!("{} ({})", error.message, error.code.name),
        },
    )
}

struct Verified {
    report: VerifyReport,
    recompile: bool,
}

impl Present for Verified {
    fn kind(&self) -> &'static str {
        "Verify"
    }

    fn human(&self, text: &mut Text) {
        let report = &self.report;
        for finding in &report.findings {
            let path = finding.path.as_deref().unwrap_or_default();
            text.line(&[
                (Tone::Bad, finding.code),
                (Tone::Plain, "  "),
                (Tone::Plain, path),
            ]);
            for line in finding.message.lines() {
                text.line(&[(Tone::Plain, "  "), (Tone::Plain, line)]);
            }
            if let Some(commit) = &finding.commit {
                text.line(&[
                    (Tone::Faint, "  by commit "),
                    (Tone::Faint, short(commit.as_str())),
                ]);
            }
        }
        for commit in &report.untrusted {
            text.line(&[
                (Tone::Bad, commit.distrust.reason),
                (Tone::Plain, "  "),
                (Tone::Plain, commit.branch),
                (Tone::Plain, " "),
                (Tone::Plain, short(commit.commit.as_str())),
                (Tone::Plain, "  "),
                (Tone::Plain, &commit.subject),
            ]);
            text.line(&[(Tone::Plain, "  "), (Tone::Plain, &commit.distrust.detail)]);
            if let Some(key) = &commit.distrust.key {
                text.line(&[(Tone::Faint, "  key "), (Tone::Faint, key)]);
            }
            let who = format!("  by {} at {}", commit.author, commit.time);
            text.line(&[(Tone::Faint, &who)]);
        }
        for path in &report.digest_only {
            text.line(&[
                (Tone::Notice, "digest-only"),
                (Tone::Plain, "  "),
                (Tone::Plain, path),
            ]);
        }
        let checked = [
            count(report.pointers, "pointer"),
            count(report.releases, "release"),
            count(report.inputs, "input"),
            count(report.claims, "claim"),
        ];
        let (tone, verdict) = if report.is_ok() {
            (Tone::Good, "sound".to_owned())
        } else {
            let findings = report.findings.len() + report.untrusted.len();
            (Tone::Bad, count(findings, "finding"))
        };
        let mut said = vec![format!("{} checked", checked.join(", "))];
        if self.recompile {
            said.push(format!(
                "{} compiled again to the same bytes",
                count(report.recompiled, "release")
            ));
        }
        if let Some(signatures) = report.signatures {
            let good = signatures - report.untrusted.len();
            said.push(format!(
                "{good} of {} signed by trusted publishers",
                count(signatures, "commit")
            ));
        }
        if !report.digest_only.is_empty() {
            said.push(format!(
                "{} vouched for by the digest only",
                count(report.digest_only.len(), "release")
            ));
        }
        text.line(&[
            (tone, &verdict),
            (Tone::Plain, &format!(": {}", said.join("; "))),
        ]);
    }

    fn json(&self) -> Value {
        let report = &self.report;
        let findings: Vec<Value> = report
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "code": finding.code,
                    "reason": finding.reason,
                    "path": finding.path,
                    "commit": finding.commit,
                    "message": finding.message,
                })
            })
            .collect();
        let untrusted: Vec<Value> = report
            .untrusted
            .iter()
            .map(|commit| {
                json!({
                    "branch": commit.branch,
                    "commit": commit.commit,
                    "reason": commit.distrust.reason,
                    "message": commit.distrust.detail,
                    "key": commit.distrust.key,
                    "author": commit.author,
                    "time": commit.time,
                    "subject": commit.subject,
                })
            })
            .collect();
        let signatures = report
            .signatures
            .map(|checked| json!({ "checked": checked, "untrusted": untrusted }));
        json!({
            "ok": report.is_ok(),
            "findings": findings,
            "checked": {
                "pointers": report.pointers,
                "releases": report.releases,
                "inputs": report.inputs,
                "claims": report.claims,
            },
            "recompiled": self.recompile.then_some(report.recompiled),
            "digestOnly": report.digest_only,
            "signatures": signatures,
        })
    }
}
