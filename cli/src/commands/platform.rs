//! `orzc platform install`.

use std::path::PathBuf;

use orz_core::Value;
use orz_core::emit;
use orz_core::exit::ExitCode;
use orz_core::object::Object;
use orz_reconciler::apply::Connection;
use orz_reconciler::install::{InstallChange, Installed, Subject, install, manifests};
use serde_json::json;

use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Cell, Present, Table, Text, Tone, View};

/// Prepares a cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Install(InstallArgs),
}

/// Brings what the reconciler needs into an empty cluster: two namespaces and its rights.
///
/// Needs every right that it grants. Doing it again changes nothing; an object under one of these names
/// that somebody else made is never touched.
#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// Who reconciles: `user:NAME`, `group:NAME` or `serviceaccount:NAMESPACE/NAME`
    /// [default: the reconciler's own service account].
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<Subject>,
    /// The kubeconfig of the cluster [default: `KUBECONFIG`, else `~/.kube/config`].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Prints the objects as one YAML stream, and asks nothing of a cluster.
    #[arg(long, conflicts_with_all = ["kubeconfig", "context"])]
    print: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, _context: &mut Context, view: &mut dyn View) -> Outcome {
    let What::Install(args) = &args.what;
    let subject = args.subject.clone().unwrap_or_else(Subject::reconciler);
    if args.print {
        view.result(&Manifests(manifests(&subject)))?;
    } else {
        let connection = Connection {
            kubeconfig: args.kubeconfig.clone(),
            context: args.context.clone(),
        };
        view.result(&Report(install(&connection, &subject)?))?;
    }
    Ok(ExitCode::Ok)
}

struct Manifests(Vec<Object>);

impl Present for Manifests {
    fn kind(&self) -> &'static str {
        "PlatformManifests"
    }

    fn human(&self, text: &mut Text) {
        for object in &self.0 {
            text.raw("---\n");
            text.raw(&emit::yaml(object.value()));
        }
    }

    fn json(&self) -> Value {
        json!({ "objects": self.0.iter().map(Object::value).collect::<Vec<_>>() })
    }
}

struct Report(Vec<Installed>);

const fn word(change: InstallChange) -> (Tone, &'static str) {
    match change {
        InstallChange::Created => (Tone::Good, "created"),
        InstallChange::Updated => (Tone::Good, "updated"),
        InstallChange::Unchanged => (Tone::Faint, "unchanged"),
    }
}

impl Present for Report {
    fn kind(&self) -> &'static str {
        "PlatformInstall"
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for installed in &self.0 {
            let (tone, word) = word(installed.change);
            table.row(vec![
                Cell::plain(installed.key.to_string()),
                Cell::new(tone, word),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        let objects: Vec<Value> = self
            .0
            .iter()
            .map(|installed| {
                let key = &installed.key;
                json!({
                    "group": key.group,
                    "kind": key.kind,
                    "namespace": key.namespace,
                    "name": key.name,
                    "change": word(installed.change).1,
                })
            })
            .collect();
        json!({ "objects": objects })
    }
}
