//! `orzc platform install` and `orzc platform applicationsets`.

use std::path::PathBuf;

use orz_core::Value;
use orz_core::emit;
use orz_core::exit::ExitCode;
use orz_core::id::ClusterName;
use orz_core::object::Object;
use orz_reconciler::apply::Connection;
use orz_reconciler::argocd::{ArgoSettings, application_sets};
use orz_reconciler::install::{
    InstallChange, Installed, Subject, install, install_for_argocd, manifests, manifests_for_argocd,
};
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
    Applicationsets(ApplicationSetsArgs),
}

/// Prints what Argo CD alone needs to follow the pointers: its projects, and ApplicationSets over the pointers.
///
/// For clusters without `orz-reconciler`: nothing is judged or rolled back automatically then, and a pointer
/// commit is live after Argo CD's own polling.
#[derive(Debug, clap::Args)]
struct ApplicationSetsArgs {
    /// The GitOps repository as Argo CD reaches it.
    #[arg(long, value_name = "URL")]
    repo_url: String,
    /// The cluster whose pointers are followed.
    #[arg(long, value_name = "CLUSTER", default_value = "in-cluster")]
    cluster: ClusterName,
    /// The namespace of Argo CD.
    #[arg(long, value_name = "NAMESPACE", default_value = ArgoSettings::NAMESPACE)]
    argocd_namespace: String,
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
    /// Prepares a cluster in which Argo CD applies what the reconciler points it at.
    #[arg(long, requires = "repo_url")]
    argocd: bool,
    /// The GitOps repository as Argo CD reaches it.
    #[arg(long, value_name = "URL", requires = "argocd")]
    repo_url: Option<String>,
    /// The namespace of Argo CD.
    #[arg(long, value_name = "NAMESPACE", default_value = ArgoSettings::NAMESPACE)]
    argocd_namespace: String,
    /// Prints the objects as one YAML stream, and asks nothing of a cluster.
    #[arg(long, conflicts_with_all = ["kubeconfig", "context"])]
    print: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, _context: &mut Context, view: &mut dyn View) -> Outcome {
    match &args.what {
        What::Install(args) => prepare(args, view),
        What::Applicationsets(args) => {
            let settings = settings(&args.repo_url, &args.argocd_namespace);
            view.result(&Manifests(application_sets(&args.cluster, &settings)))?;
            Ok(ExitCode::Ok)
        }
    }
}

fn prepare(args: &InstallArgs, view: &mut dyn View) -> Outcome {
    let subject = args.subject.clone().unwrap_or_else(Subject::reconciler);
    let argocd = args
        .repo_url
        .as_ref()
        .map(|url| settings(url, &args.argocd_namespace));
    if args.print {
        let objects = match &argocd {
            Some(settings) => manifests_for_argocd(&subject, settings),
            None => manifests(&subject),
        };
        let values = objects.into_iter().map(Object::into_value).collect();
        view.result(&Manifests(values))?;
        return Ok(ExitCode::Ok);
    }
    let connection = Connection {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
    };
    view.result(&Report(match &argocd {
        Some(settings) => install_for_argocd(&connection, &subject, settings)?,
        None => install(&connection, &subject)?,
    }))?;
    Ok(ExitCode::Ok)
}

fn settings(repo_url: &str, namespace: &str) -> ArgoSettings {
    ArgoSettings {
        repo_url: repo_url.to_owned(),
        namespace: namespace.to_owned(),
    }
}

struct Manifests(Vec<Value>);

impl Present for Manifests {
    fn kind(&self) -> &'static str {
        "PlatformManifests"
    }

    fn human(&self, text: &mut Text) {
        for object in &self.0 {
            text.raw("---\n");
            text.raw(&emit::yaml(object));
        }
    }

    fn json(&self) -> Value {
        json!({ "objects": self.0 })
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
