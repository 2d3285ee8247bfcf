//! What differs between runs, under names that do not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Names of ids, and what else stands for something else.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The folder that a page calls `/srv`.
    root: String,
    /// The years in which this may run; any other was said on purpose.
    years: [String; 2],
    ids: Mutex<Ids>,
}

#[derive(Debug, Default)]
struct Ids {
    /// The longest form in which each was seen, by its name.
    known: BTreeMap<String, String>,
    unnamed: usize,
}

/// So many hex digits are an id.
const DIGITS: usize = 12;

impl Names {
    pub(crate) fn new(root: String, year: u32) -> Self {
        Self {
            root,
            years: [year.to_string(), (year + 1).to_string()],
            ids: Mutex::default(),
        }
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an id a name; the same id keeps its first one.
    pub(crate) fn give(&self, name: &str, id: &str) {
        let mut ids = self.ids();
        if !ids.known.values().any(|known| known == id) {
            ids.known.insert(name.to_owned(), id.to_owned());
        }
    }

    /// What the command means in this run.
    pub(crate) fn meant(&self, command: &str) -> Result<String, String> {
        let ids = self.ids();
        let mut out = String::new();
        let mut rest = command;
        while let Some((before, after)) = rest.split_once('<') {
            out.push_str(before);
            match after.split_once('>') {
                Some((name, tail)) if is_name(name) => {
                    let id = ids.known.get(name);
                    out.push_str(id.ok_or_else(|| {
                        format!("`<{name}>` in `{command}` stands for nothing yet")
                    })?);
                    rest = tail;
                }
                _ => {
                    out.push('<');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        Ok(out.replace("/srv/", &format!("{}/", self.root)))
    }

    /// What was printed, as a page says it.
    pub(crate) fn steady(&self, text: &str) -> String {
        let text = text.replace(&self.root, "/srv");
        let text = self.ids_named(&text);
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.split_once("Date: ") {
                // As Git says it.
                Some((before, _)) if before.trim().is_empty() => format!("{before}Date: <time>"),
                _ => spans(&self.times(line)).trim_end().to_owned(),
            })
            .collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn ids_named(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            if end == 0 {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let (token, tail) = rest.split_at(end);
            let is_id = token.len() >= DIGITS
                && token
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            if is_id {
                out.push_str(&self.name_of(token));
            } else {
                out.push_str(token);
            }
            rest = tail;
        }
        out
    }

    fn name_of(&self, id: &str) -> String {
        let mut ids = self.ids();
        let same = |known: &str| known.starts_with(id) || id.starts_with(known);
        let found = ids.known.iter_mut().find(|(_, known)| same(known));
        if let Some((name, known)) = found {
            if known.len() < id.len() {
                id.clone_into(known);
            }
            return format!("<{name}>");
        }
        ids.unnamed += 1;
        let name = format!("id-{}", ids.unnamed);
        ids.known.insert(name.clone(), id.to_owned());
        format!("<{name}>")
    }

    /// `line` with `<time>` for the points in time of these years.
    fn times(&self, line: &str) -> String {
        const LENGTH: usize = "2026-01-31T12:00:00Z".len();
        let mut out = String::new();
        let mut rest = line;
        while !rest.is_empty() {
            let is_time = rest.get(..LENGTH).is_some_and(|text| {
                text.ends_with('Z')
                    && text.as_bytes()[10] == b'T'
                    && self.years.iter().any(|year| text.starts_with(year))
            });
            if is_time {
                out.push_str("<time>");
                rest = &rest[LENGTH..];
            } else {
                let first = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..first]);
                rest = &rest[first..];
            }
        }
        out
    }
}

/// What a page may call an id.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `line` with `<n> s` for every `0.12 s` and `12 s`.
fn spans(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let named: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(n, word)| {
            let number = word.trim_start_matches('(');
            let is_number = number.starts_with(|c: char| c.is_ascii_digit())
                && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let unit = words.get(n + 1).is_some_and(|next| {
                next.starts_with('s') && !next[1..].starts_with(char::is_alphanumeric)
            });
            if is_number && unit {
                word.replace(number, "<n>")
            } else {
                (*word).to_owned()
            }
        })
        .collect();
    named.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_a_name_in_both_directions() {
        let names = Names::new("/tmp/x".to_owned(), 2026);
        let good = "0123456789abcdef0123456789abcdef01234567";
        names.give("good", good);
        names.give("again", good);
        let said = "acme  0123456789ab  at 2026-05-01T00:00:00Z, was 89abcdef0123  \n\
            /tmp/x/gitops.git: until 2036-05-01T00:00:00Z (12 s later) 0.25 s, 3 seconds\n Date: Sat Nov 21\n\n";
        assert_eq!(
            names.steady(said),
            "acme  <good>  at <time>, was <id-1>\n/srv/gitops.git: until 2036-05-01T00:00:00Z (<n> s later) <n> s, 3 seconds\n Date: <time>"
        );
        assert_eq!(
            names.meant("git -C /srv/a show <good> <id-1> < /srv/b"),
            Ok(format!(
                "git -C /tmp/x/a show {good} 89abcdef0123 < /tmp/x/b"
            ))
        );
        names.steady("89abcdef0123456789abcdef0123456789abcdef");
        assert_eq!(
            names.meant("<id-1>").as_deref(),
            Ok("89abcdef0123456789abcdef0123456789abcdef")
        );
        assert!(names.meant("git show <other>").is_err());
    }
}
