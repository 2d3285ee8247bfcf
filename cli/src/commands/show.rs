//! `orzc show RELEASE`.

use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::Release;
use orz_core::object::ObjectKey;
use serde_json::json;

use crate::context::Context;
use crate::error::Outcome;
use crate::ops::names::ReleaseName;
use crate::view::{Cell, Present, Table, Text, Tone, View, count, origin, short};

/// Tells what a release is made of and where it came from.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// At least 4 digits of the release's id, or `<tenant>/<part>` for what is live there.
    release: ReleaseName,
    /// Prints the manifests, as one YAML stream.
    #[arg(long)]
    manifests: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let heads = context.gitops(view)?.view()?;
    let release = args.release.find(&heads)?;
    let manifests = if args.manifests {
        Some(heads.manifests(&release.release)?)
    } else {
        None
    };
    view.result(&Shown { release, manifests })?;
    Ok(ExitCode::Ok)
}

struct Shown {
    release: Release,
    manifests: Option<BTreeMap<String, Vec<u8>>>,
}

impl Present for Shown {
    fn kind(&self) -> &'static str {
        "Show"
    }

    fn human(&self, text: &mut Text) {
        if let Some(manifests) = &self.manifests {
            for bytes in manifests.values() {
                text.raw("---\n");
                text.raw(&String::from_utf8_lossy(bytes));
            }
            return;
        }
        let release = &self.release;
        text.line(&[
            (
                Tone::Strong,
                &format!("{}/{}", release.tenant, release.part),
            ),
            (Tone::Plain, "  "),
            (Tone::Name, release.release.as_str()),
        ]);
        let mut facts = Table::indented(2);
        let mut fact = |name: &str, value: String| {
            facts.row(vec![Cell::new(Tone::Faint, name), Cell::plain(value)]);
        };
        fact("cluster", release.cluster.to_string());
        fact("namespace", release.namespace.clone());
        fact("digest", release.digest.to_string());
        fact("source", origin(&release.source));
        fact(
            "compiler",
            format!(
                "{} ({})",
                release.compiler.version,
                short(release.compiler.digest.as_str())
            ),
        );
        fact(
            "inputs",
            release
                .inputs
                .files
                .iter()
                .map(|file| file.path.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        );
        for claim in &release.claims {
            fact("claims", format!("{} {}", claim.kind, claim.value));
        }
        for required in &release.requires {
            let namespace = required
                .namespace
                .as_ref()
                .map(|n| format!("{n}/"))
                .unwrap_or_default();
            fact(
                "requires",
                format!(
                    "{} {namespace}{} of {}",
                    required.kind, required.name, required.part
                ),
            );
        }
        text.table(&facts);
        text.gap();
        text.line(&[(Tone::Plain, &count(release.objects.len(), "object"))]);
        let mut objects = Table::indented(2);
        for object in &release.objects {
            let key = ObjectKey::from(object);
            let namespace = key
                .namespace
                .map(|namespace| format!("{namespace}/"))
                .unwrap_or_default();
            objects.row(vec![
                Cell::plain(key.kind),
                Cell::plain(format!("{namespace}{}", key.name)),
            ]);
        }
        text.table(&objects);
    }

    fn json(&self) -> Value {
        let manifests = self.manifests.as_ref().map(|manifests| {
            manifests
                .iter()
                .map(|(file, bytes)| (file.clone(), String::from_utf8_lossy(bytes).into_owned()))
                .collect::<BTreeMap<_, _>>()
        });
        json!({ "release": self.release, "manifests": manifests })
    }
}
