//! Parsing: bytes become documents with positions, sorted into the tenant's units.

use std::collections::BTreeMap;

use orz_core::diag::{Diagnostic, Span, codes};
use orz_core::id::{ProjectName, TenantName};
use orz_core::read::{self, Node};

use crate::Inputs;
use crate::report::Report;

/// The documents of a tenant, by unit, in byte order of their paths.
pub(crate) struct Documents {
    /// `None` is the tenant's own unit; it is always here, the projects only when they have a file.
    pub(crate) units: BTreeMap<Option<ProjectName>, Vec<Document>>,
}

/// One parsed file of the bundle.
pub(crate) struct Document {
    /// Its whole content.
    pub(crate) root: Node,
}

/// Where a path under `tenants/<tenant>/` belongs.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A fragment of the bundle of this unit.
    Fragment(Option<ProjectName>),
    /// A fragment of a project whose name is not valid; the text says why.
    BadProject(String),
    /// `.orz/cloud.yaml`, which no section reads yet.
    CloudYaml,
    /// Anything else.
    Unexpected,
    /// Not a path inside the folder at all.
    Hostile,
}

/// Reads every file. Files that do not belong are errors: what is ignored in silence is found missing
/// in production.
pub(crate) fn parse(inputs: &Inputs, report: &mut Report) -> Option<Documents> {
    let tenant = &inputs.tenant;
    if inputs.files.is_empty() {
        report.push(
            Diagnostic::error(
                &codes::source::UNKNOWN_TENANT,
                None,
                format!("tenant `{tenant}` has no files"),
            )
            .help(format!(
                "create `tenants/{tenant}/bundle.json`, or name a tenant that has a folder"
            )),
        );
        return None;
    }
    let mut units = BTreeMap::from([(None, Vec::new())]);
    for (path, bytes) in &inputs.files {
        match place(tenant, path) {
            Place::Fragment(project) => {
                let root = read::parse(bytes, path, &mut report.sources, &mut report.diagnostics);
                units
                    .entry(project)
                    .or_default()
                    .extend(root.map(|root| Document { root }));
            }
            refused => {
                let diagnostic = refusal(tenant, path, refused, report);
                report.push(diagnostic);
            }
        }
    }
    report.pass(Documents { units })
}

/// The platform has no bundle: a folder of its name would look as if it decided something.
pub(crate) fn no_bundle(inputs: &Inputs, report: &mut Report) -> Option<()> {
    let tenant = &inputs.tenant;
    if !inputs.files.is_empty() {
        report.push(
            Diagnostic::error(
                &codes::source::INVALID_NAME,
                None,
                format!("tenant `{tenant}` is the platform itself and has no bundle"),
            )
            .help("rename the folder; what is the platform's stands in `platform/`"),
        );
    }
    report.pass(())
}

fn place(tenant: &TenantName, path: &str) -> Place {
    let hostile = |segment: &str| {
        segment.is_empty() || segment == "." || segment == ".." || segment.contains('\\')
    };
    if path.chars().any(char::is_control) || path.split('/').any(hostile) {
        return Place::Hostile;
    }
    let Some(rest) = path
        .strip_prefix("tenants/")
        .and_then(|r| r.strip_prefix(tenant.as_str())?.strip_prefix('/'))
    else {
        return Place::Hostile;
    };
    let is_fragment = |name: &str| {
        let stem = name.strip_suffix(".json").unwrap_or_default();
        !stem.is_empty() && !name.starts_with('.')
    };
    match *rest.split('/').collect::<Vec<_>>() {
        [file] if is_fragment(file) => Place::Fragment(None),
        ["projects", project, file] if is_fragment(file) => match project.parse() {
            Ok(project) => Place::Fragment(Some(project)),
            Err(error) => Place::BadProject(format!("{error}")),
        },
        [.., ".orz", "cloud.yaml" | "cloud.yml"] => Place::CloudYaml,
        _ => Place::Unexpected,
    }
}

fn refusal(tenant: &TenantName, path: &str, place: Place, report: &mut Report) -> Diagnostic {
    let shown = path.escape_debug();
    let file = report.sources.add(shown.to_string(), "");
    let span = Span {
        file,
        start: 0,
        end: 0,
    };
    match place {
        Place::BadProject(why) => Diagnostic::error(&codes::source::INVALID_NAME, span, why)
            .help("rename the project's folder"),
        Place::CloudYaml => Diagnostic::error(
            &codes::source::UNSUPPORTED_FILE,
            span,
            format!("`{shown}` describes a dev environment, and this version of orz does not read those yet"),
        )
        .help("move the file out of `tenants/` until then"),
        Place::Hostile => Diagnostic::error(
            &codes::source::HOSTILE_PATH,
            span,
            format!("`{shown}` is not a plain path inside `tenants/{tenant}/`"),
        )
        .help("use paths without `.`, `..`, `\\`, empty segments and control characters"),
        Place::Fragment(_) | Place::Unexpected => Diagnostic::error(
            &codes::source::UNEXPECTED_FILE,
            span,
            format!("`{shown}` is no part of a bundle"),
        )
        .help(format!(
            "a bundle is `tenants/{tenant}/*.json` and `tenants/{tenant}/projects/<project>/*.json`; move the file elsewhere"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_place() {
        let tenant: TenantName = "acme".parse().expect("valid");
        let shop: ProjectName = "shop".parse().expect("valid");
        for (path, expected) in [
            ("tenants/acme/bundle.json", Place::Fragment(None)),
            (
                "tenants/acme/projects/shop/a.json",
                Place::Fragment(Some(shop)),
            ),
            (
                "tenants/acme/projects/shop/.orz/cloud.yaml",
                Place::CloudYaml,
            ),
            ("tenants/acme/.orz/cloud.yml", Place::CloudYaml),
            ("tenants/acme/.json", Place::Unexpected),
            ("tenants/acme/.hidden.json", Place::Unexpected),
            ("tenants/acme/README.md", Place::Unexpected),
            ("tenants/acme/bundle.yaml", Place::Unexpected),
            ("tenants/acme/deep/bundle.json", Place::Unexpected),
            ("tenants/acme/projects/a.json", Place::Unexpected),
            ("tenants/acme/projects/shop/deep/a.json", Place::Unexpected),
            ("tenants/other/bundle.json", Place::Hostile),
            ("tenants/acmes/bundle.json", Place::Hostile),
            ("tenants/acme/../other/bundle.json", Place::Hostile),
            ("tenants/acme//bundle.json", Place::Hostile),
            ("/tenants/acme/bundle.json", Place::Hostile),
            ("tenants/acme/a\nb.json", Place::Hostile),
            ("tenants/acme/a\\b.json", Place::Hostile),
        ] {
            assert_eq!(place(&tenant, path), expected, "{path:?}");
        }
        for bad in ["Shop", "kube-system", "a--b", "-"] {
            let path = format!("tenants/acme/projects/{bad}/a.json");
            assert!(
                matches!(place(&tenant, &path), Place::BadProject(_)),
                "{path}"
            );
        }
    }
}
