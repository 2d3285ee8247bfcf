//! Unites the fragments of a unit: keyed lists are joined and sorted, objects stand in one file only.
//!
//! What has the wrong type is left out here; the schema has reported it.

use std::collections::BTreeMap;

use orz_core::diag::{Diagnostic, Span, codes};
use orz_core::read::{Data, Node};

use crate::report::Report;
use crate::sections::{SECTIONS, Shape};

/// Section → its entries, sorted by key.
pub(crate) type Fragments = BTreeMap<&'static str, Vec<Node>>;

/// Merges the documents of one unit, given in byte order of their paths.
pub(crate) fn merge(roots: Vec<Node>, report: &mut Report) -> Fragments {
    let mut values: BTreeMap<&'static str, Vec<(Span, Node)>> = BTreeMap::new();
    for root in roots {
        let Data::Map(entries) = root.data else {
            continue;
        };
        for entry in entries {
            if let Some((section, _)) = SECTIONS.iter().find(|(section, _)| *section == entry.key) {
                values
                    .entry(section)
                    .or_default()
                    .push((entry.key_span, entry.value));
            }
        }
    }
    let mut fragments = Fragments::new();
    for (section, shape) in SECTIONS {
        let Some(values) = values.remove(section) else {
            continue;
        };
        let nodes = match shape {
            Shape::Object => one_object(section, values, report),
            Shape::List(keys) => one_list(section, keys, values, report),
        };
        fragments.insert(section, nodes);
    }
    fragments
}

fn one_object(section: &str, mut values: Vec<(Span, Node)>, report: &mut Report) -> Vec<Node> {
    for (key_span, _) in &values[1..] {
        report.push(
            Diagnostic::error(
                &codes::model::DUPLICATE_NAME,
                *key_span,
                format!("`{section}` stands in two files"),
            )
            .label("again here")
            .related(values[0].0, "first here")
            .help(format!("keep all of `{section}` in one file")),
        );
    }
    vec![values.swap_remove(0).1]
}

fn one_list(
    section: &str,
    keys: &[&str],
    values: Vec<(Span, Node)>,
    report: &mut Report,
) -> Vec<Node> {
    let mut sorted: BTreeMap<Vec<String>, Node> = BTreeMap::new();
    for node in values.into_iter().flat_map(|(_, value)| match value.data {
        Data::List(items) => items,
        _ => Vec::new(),
    }) {
        let Some(key) = key_of(&node, keys) else {
            continue;
        };
        let span = |node: &Node| node.get(keys[0]).map_or(node.span, |name| name.span);
        if let Some(first) = sorted.get(&key) {
            let name = key.join(" ");
            report.push(
                Diagnostic::error(
                    &codes::model::DUPLICATE_NAME,
                    span(&node),
                    format!(
                        "two entries of `{section}` are named `{}`",
                        name.escape_debug()
                    ),
                )
                .label("again here")
                .related(span(first), "first here")
                .help(format!(
                    "remove one, or change its `{}`",
                    keys.join("` or `")
                )),
            );
        } else {
            sorted.insert(key, node);
        }
    }
    sorted.into_values().collect()
}

fn key_of(node: &Node, keys: &[&str]) -> Option<Vec<String>> {
    keys.iter()
        .map(|key| match &node.get(key)?.data {
            Data::String(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}
