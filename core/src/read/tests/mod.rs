mod cases;
mod codes;
mod json;
mod places;

use super::{Node, parse};
use crate::diag::{Diagnostics, RenderOptions, Sources, render};

/// The document, or everything that is said about it, as people see it.
fn read(path: &str, input: &[u8]) -> Result<Node, String> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let node = parse(input, path, &mut sources, &mut diagnostics);
    assert_eq!(
        node.is_none(),
        diagnostics.has_errors(),
        "no document exactly if there is an error"
    );
    diagnostics.sort();
    let told = render(&diagnostics, &sources, RenderOptions::default());
    node.filter(|_| diagnostics.is_empty()).ok_or(told)
}
