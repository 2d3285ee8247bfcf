//! Validation: documents become the typed model, or every schema error at once.

mod merge;
mod plaintext;
pub(crate) mod schema_errors;

use orz_core::diag::{Diagnostic, codes};
use orz_core::read::{Data, Node};

use crate::Inputs;
use crate::model::{Model, Unit};
use crate::parse::Documents;
use crate::report::Report;
use crate::schema;
use crate::sections::Bundle;

/// Checks every document against the bundle's schema, unites the fragments of each unit and types them.
pub(crate) fn validate(
    documents: Documents,
    inputs: &Inputs,
    report: &mut Report,
) -> Option<Model> {
    let tenant = &inputs.tenant;
    let operator = inputs
        .platform
        .operator(tenant, &mut report.sources, &mut report.diagnostics);
    let mut merged = Vec::new();
    for (project, documents) in documents.units {
        for document in &documents {
            check_document(&document.root, tenant.as_str(), report);
        }
        let roots = documents
            .into_iter()
            .map(|document| document.root)
            .collect();
        merged.push((project, merge::merge(roots, report)));
    }
    let merged = report.pass(merged)?;
    let operator = operator?;

    let mut units = Vec::new();
    for (project, mut fragments) in merged {
        let namespace = project
            .as_ref()
            .map_or_else(|| tenant.to_string(), |p| tenant.project_namespace(p));
        match Bundle::from_entries(|section| fragments.remove(section).unwrap_or_default()) {
            Ok(bundle) => units.push(Unit { project, namespace, bundle }),
            Err((section, error, span)) => report.push(Diagnostic::error(
                &codes::model::INTERNAL,
                span,
                format!("the schema accepts this entry of `{section}`, but the compiler does not: {error}"),
            )),
        }
    }
    report.pass(Model {
        tenant: tenant.clone(),
        operator,
        units,
    })
}

fn check_document(root: &Node, tenant: &str, report: &mut Report) {
    if plaintext::find(root, &mut report.diagnostics) {
        return;
    }
    schema::bundle_checker().check_bundle(root, tenant, &mut report.diagnostics);
    if let Some(node) = root.at("/tenant/name")
        && let Data::String(name) = &node.data
        && name != tenant
    {
        report.push(
            Diagnostic::error(
                &codes::model::TENANT_MISMATCH,
                node.span,
                format!(
                    "this folder is tenant `{tenant}`, the bundle says `{}`",
                    name.escape_debug()
                ),
            )
            .label("another tenant's name")
            .help(format!(
                "write `\"name\": \"{tenant}\"`, or leave the name out"
            )),
        );
    }
}
