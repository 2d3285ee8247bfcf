//! Each page of `docs/runbook` is an incident that happens here, and ends as the page says.

mod bad_release;
mod brake_set;
mod disk_full;
mod host_down;
mod index_lost;
mod main_replaced;
mod plain_revert;
mod pointer_edited;
mod publisher_killed;
mod source_incomplete;
mod stale_job;
mod wrong_clock;

use std::path::Path;

/// A page that nobody tries, or that the index does not know, helps nobody.
#[test]
fn every_page_is_listed_and_tried() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbook");
    let read = |path: &Path| std::fs::read_to_string(path).expect("readable");
    let index = read(&folder.join("README.md"));
    let this = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents/main.rs"));
    let mut pages = 0;
    for entry in std::fs::read_dir(&folder).expect("the pages") {
        let path = entry.expect("readable").path();
        let name = path.file_stem().expect("named").to_string_lossy();
        if name == "README" {
            continue;
        }
        assert!(
            index.contains(&format!("({name}.md)")),
            "{name}: not listed"
        );
        let module = format!("\nmod {};\n", name.replace('-', "_"));
        assert!(this.contains(&module), "{name}: not tried");
        let page = read(&path);
        for part in [
            "## What you see",
            "## What it means",
            "## What to do",
            "## What not to do",
            "## How to know that it is over",
        ] {
            assert!(page.contains(part), "{name} lacks `{part}`");
        }
        pages += 1;
    }
    assert!(pages >= 10, "{pages} pages");
}
