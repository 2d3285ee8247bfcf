//! Changes as a comment on a pull request.

use std::fmt::Write as _;

use super::group::{Group, groups, notes};
use super::text::line;
use super::{NOTHING, REWRITTEN, Section};
use crate::plan::changes::{PlannedChange, Totals};

/// No comment is longer, in bytes. Git hosts take 65,536 characters; the rest is for what a caller
/// adds around it.
pub const MARKDOWN_MAX: usize = 65_000;
/// Kept free for the line that says what was left out.
const FOOTER: usize = 300;

/// First every heading and line of intent that fits, then, in the same order, every difference that
/// still fits beneath.
pub(in crate::plan) fn markdown(
    what: &str,
    intro: &str,
    sections: &[Section],
    totals: Totals,
) -> String {
    let head = format!("### {what}: {totals}\n\n{intro}\n");
    let mut left = MARKDOWN_MAX.saturating_sub(FOOTER + head.len());
    let mut take = |piece: &str| {
        let fits = piece.len() <= left;
        left -= if fits { piece.len() } else { 0 };
        fits
    };

    let (mut lines_out, mut parts_out, mut diffs_out) = (0_usize, 0_usize, 0_usize);
    let mut written = Vec::new();
    for section in sections {
        let mut text = heading(section);
        if !take(&text) {
            parts_out += 1;
            continue;
        }
        if section.changes.changes.is_empty() {
            let line = format!("- {REWRITTEN}\n");
            if take(&line) {
                text.push_str(&line);
            }
        }
        for group in groups(section.changes) {
            let line = group_line(&group);
            if take(&line) {
                text.push_str(&line);
            } else {
                lines_out += 1;
            }
        }
        written.push((text, section));
    }

    let mut out = head;
    for (text, section) in written {
        out.push_str(&text);
        for change in &section.changes.changes {
            let details = details(change);
            if take(&details) {
                out.push_str(&details);
            } else {
                diffs_out += 1;
            }
        }
    }
    if sections.is_empty() {
        write!(out, "\n{NOTHING}\n").expect("writing to a String cannot fail");
    }
    let left_out: Vec<String> = [
        (parts_out, "part"),
        (lines_out, "line"),
        (diffs_out, "manifest difference"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
    .collect();
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        writeln!(
            out,
            "\n_Left out, because a comment would be too long: {left_out}._"
        )
        .expect("writing to a String cannot fail");
    }
    out
}

fn heading(section: &Section) -> String {
    let mut text = format!("\n#### {} {}", code(&section.title), line(&section.place));
    if !section.because.is_empty() {
        text.push_str(", ");
        text.push_str(&line(&section.because));
    }
    text.push_str("\n\n");
    text
}

fn group_line(group: &Group) -> String {
    let mut text = match &group.owner {
        Some(owner) => format!("- **{}**", code(owner)),
        None => format!(
            "- {}",
            group
                .changes
                .first()
                .map_or_else(String::new, |change| object(change))
        ),
    };
    let phrases: Vec<String> = group.phrases().iter().map(|phrase| code(phrase)).collect();
    if !phrases.is_empty() {
        text.push_str(": ");
        text.push_str(&phrases.join(", "));
    }
    text.push('\n');
    text
}

/// One collapsible manifest. A blank line before and after the fence, or hosts show it as HTML.
fn details(change: &PlannedChange) -> String {
    let lines: Vec<String> = change.diff.lines().map(line).collect();
    let lines = lines.join("\n");
    let fence = "`".repeat(longest_run(&lines).max(2) + 1);
    let notes = notes(change);
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", html(&notes.join("; ")))
    };
    format!(
        "\n<details><summary>{} <code>{}</code>{notes}</summary>\n\n{fence}diff\n{lines}\n{fence}\n\n</details>\n",
        change.change.symbol(),
        html(&change.key().to_string()),
    )
}

fn object(change: &PlannedChange) -> String {
    code(&format!("{} {}", change.change.symbol(), change.key()))
}

/// Text as inline code: nothing in it is markup, and nobody is mentioned.
fn code(text: &str) -> String {
    let text = line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    // A backtick at an edge would join the fence.
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn html(text: &str) -> String {
    line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
