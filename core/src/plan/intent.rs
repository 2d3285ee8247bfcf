//! What a change of an object means, in a few words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::changes::{Owner, OwnerKind};
use crate::Value;
use crate::diff::{Change, FieldChange, ObjectChange, Step};
use crate::jobs;

/// More phrases than this say less.
const PHRASES_MAX: usize = 8;
/// Longest value that is shown, in characters; of a longer one it is only said that it changed.
const VALUE_MAX: usize = 60;

/// Lists and maps whose items count one by one, and what one of them is called.
const NOUNS: &[(&str, &str)] = &[
    ("annotations", "annotation"),
    ("containers", "container"),
    ("data", "key"),
    ("env", "env"),
    ("hard", "quota"),
    ("hostnames", "hostname"),
    ("initContainers", "init container"),
    ("labels", "label"),
    ("limits", "limit"),
    ("ports", "port"),
    ("rules", "rule"),
    ("subjects", "subject"),
    ("volumeMounts", "mount"),
    ("volumes", "volume"),
];

/// Maps whose keys people chose, so that a key alone says which one it is.
const COUNTED_MAPS: [&str; 4] = ["annotations", "data", "hard", "labels"];

/// What a change means: at most [`PHRASES_MAX`] phrases such as `image r/x:1 → :2`, `+2 env A, B`,
/// `memory 128Mi → 256Mi`. `after` is the object as it will be.
pub(super) fn summary(
    change: &ObjectChange,
    after: Option<&Value>,
    owner: Option<&Owner>,
) -> Vec<String> {
    let mut phrases = Phrases::default();
    match change.change {
        Change::Create => phrases.created(after.unwrap_or(&Value::Null)),
        Change::Update | Change::Replace => {
            for field in &change.fields {
                phrases.field(field, owner);
            }
        }
        Change::Delete | Change::Unchanged => {}
    }
    let mut texts = phrases.into_texts();
    if texts.len() > PHRASES_MAX {
        let more = texts.len() - (PHRASES_MAX - 1);
        texts.truncate(PHRASES_MAX - 1);
        texts.push(format!("{more} more"));
    }
    texts
}

/// The phrases for a release job, which belongs to an app and still is something of its own.
pub(super) fn of_release_job(job: &str, change: Change, phrases: Vec<String>) -> Vec<String> {
    match change {
        Change::Create => vec![format!("release job {job}: new")],
        Change::Delete => vec![format!("release job {job}: removed")],
        _ => phrases
            .into_iter()
            .map(|phrase| format!("release job {job}: {phrase}"))
            .collect(),
    }
}

fn is_config(owner: Option<&Owner>) -> bool {
    owner.is_some_and(|owner| owner.kind == OwnerKind::Config)
}

/// Phrases in the order of what caused them; what can be counted together is.
#[derive(Default)]
struct Phrases {
    /// Come before all others: most changes are a new image, and it matters most.
    images: Vec<String>,
    list: Vec<Phrase>,
    /// Requests and limits by container and resource, as the position of their phrase.
    amounts: BTreeMap<(String, String), usize>,
}

enum Phrase {
    Text(String),
    /// `+2 env A, B`.
    Count {
        sign: char,
        noun: String,
        names: Vec<String>,
    },
    /// A request and a limit of the same resource.
    Amount {
        subject: String,
        request: Option<String>,
        limit: Option<String>,
    },
}

impl Phrases {
    fn created(&mut self, object: &Value) {
        let containers = object
            .pointer("/spec/template/spec/containers")
            .and_then(Value::as_array);
        for image in containers
            .into_iter()
            .flatten()
            .filter_map(|c| c.get("image")?.as_str())
        {
            self.image(format!("image {}", shorten(image)));
        }
        if object.get("kind").and_then(Value::as_str) == Some("PersistentVolumeClaim")
            && let Some(storage) = object.pointer("/spec/resources/requests/storage")
        {
            self.text(format!("storage {}", show(storage)));
        }
    }

    fn field(&mut self, field: &FieldChange, owner: Option<&Owner>) {
        let (subject, steps) = locate(&field.steps, owner);
        match steps {
            [Step::Key(image)] if image == "image" && is_pod(&field.steps) => {
                self.image(format!("{subject}{}", image_change(field)));
            }
            [Step::Key(resources), Step::Key(side), Step::Key(resource)]
                if resources == "resources" && (side == "requests" || side == "limits") =>
            {
                self.amount(&subject, resource, side == "requests", arrow(field));
            }
            // The pointer of a config: its version says it, the name of the frozen ConfigMap repeats it.
            [Step::Key(data), Step::Key(key)] if data == "data" && is_config(owner) => {
                match key.as_str() {
                    "version" => self.text(format!("active version {}", arrow(field))),
                    "config_map" => {}
                    _ => self.other(&subject, steps, field),
                }
            }
            _ => self.other(&subject, steps, field),
        }
    }

    fn other(&mut self, subject: &str, steps: &[Step], field: &FieldChange) {
        let (sign, value) = match (&field.before, &field.after) {
            (None, Some(value)) => ('+', value),
            (Some(value), None) => ('-', value),
            (before, after) => {
                let short = [before, after]
                    .iter()
                    .all(|value| value.as_ref().is_some_and(is_short));
                let label = label(steps);
                self.text(if short {
                    format!("{subject}{label} {}", arrow(field))
                } else {
                    format!("{subject}{label} changed")
                });
                return;
            }
        };
        match steps {
            // One item of something that counts: its key, or what it says itself.
            [
                ..,
                Step::Key(list),
                item @ (Step::Item(_) | Step::Element | Step::Index(_) | Step::Key(_)),
            ] if noun(list).is_some() => {
                let name = match item {
                    Step::Key(key) => key.clone(),
                    Step::Item(keys) => item_name(keys),
                    Step::Element | Step::Index(_) => self_name(value),
                };
                self.count(sign, subject, list, name);
            }
            // All of it came or went at once.
            [.., Step::Key(list)] if noun(list).is_some() && !is_scalar(value) => match value {
                Value::Object(map) => map
                    .keys()
                    .for_each(|key| self.count(sign, subject, list, key.clone())),
                Value::Array(items) => items
                    .iter()
                    .for_each(|i| self.count(sign, subject, list, self_name(i))),
                _ => {}
            },
            _ if is_short(value) => {
                self.text(format!("{subject}{} {}", label(steps), arrow(field)));
            }
            _ => self.text(format!("{sign}{subject}{}", label(steps))),
        }
    }

    fn image(&mut self, text: String) {
        if !self.images.contains(&text) {
            self.images.push(text);
        }
    }

    fn text(&mut self, text: String) {
        let known = self
            .list
            .iter()
            .any(|phrase| matches!(phrase, Phrase::Text(other) if *other == text));
        if !known {
            self.list.push(Phrase::Text(text));
        }
    }

    fn count(&mut self, new_sign: char, subject: &str, list: &str, name: String) {
        // Follows from a release job, which is named itself.
        if name == jobs::SYNC_WAVE {
            return;
        }
        let new_noun = format!("{subject}{}", noun(list).unwrap_or(list));
        for phrase in &mut self.list {
            if let Phrase::Count { sign, noun, names } = phrase
                && (*sign, &*noun) == (new_sign, &new_noun)
            {
                // The same label on an object and on its pods is said once.
                if !names.contains(&name) {
                    names.push(name);
                }
                return;
            }
        }
        self.list.push(Phrase::Count {
            sign: new_sign,
            noun: new_noun,
            names: vec![name],
        });
    }

    fn amount(&mut self, subject: &str, resource: &str, is_request: bool, arrow: String) {
        let key = (subject.to_owned(), resource.to_owned());
        let at = *self.amounts.entry(key).or_insert(self.list.len());
        if at == self.list.len() {
            let subject = format!("{subject}{resource}");
            self.list.push(Phrase::Amount {
                subject,
                request: None,
                limit: None,
            });
        }
        if let Some(Phrase::Amount { request, limit, .. }) = self.list.get_mut(at) {
            *if is_request { request } else { limit } = Some(arrow);
        }
    }

    fn into_texts(self) -> Vec<String> {
        let mut texts = self.images;
        for phrase in self.list {
            match phrase {
                Phrase::Text(text) => texts.push(text),
                Phrase::Count { sign, noun, names } if names.len() <= 4 => {
                    texts.push(format!("{sign}{} {noun} {}", names.len(), names.join(", ")));
                }
                Phrase::Count { sign, noun, names } => {
                    texts.push(format!("{sign}{} {noun}", names.len()));
                }
                Phrase::Amount {
                    subject,
                    request,
                    limit,
                } if request == limit => {
                    texts.extend(request.map(|arrow| format!("{subject} {arrow}")));
                }
                Phrase::Amount {
                    subject,
                    request,
                    limit,
                } => {
                    texts.extend(request.map(|arrow| format!("{subject} request {arrow}")));
                    texts.extend(limit.map(|arrow| format!("{subject} limit {arrow}")));
                }
            }
        }
        texts
    }
}

/// Whose field it is, where that does not go without saying, and the steps that say more than
/// where things always stand.
fn locate<'a>(steps: &'a [Step], owner: Option<&Owner>) -> (String, &'a [Step]) {
    let key = |step: Option<&Step>, name: &str| matches!(step, Some(Step::Key(key)) if key == name);
    let mut rest = steps;
    if key(rest.first(), "spec") && rest.len() > 1 {
        rest = &rest[1..];
        if key(rest.first(), "template") && rest.len() > 2 {
            rest = &rest[1..];
        }
        if key(rest.first(), "spec") && rest.len() > 1 {
            rest = &rest[1..];
        }
    }
    if key(rest.first(), "metadata") && rest.len() > 1 {
        rest = &rest[1..];
    }
    if let [Step::Key(list), Step::Item(keys), inner @ ..] = rest
        && (list == "containers" || list == "initContainers")
        && !inner.is_empty()
    {
        let name = item_name(keys);
        let main = list == "containers" && owner.is_some_and(|owner| owner.name == name);
        return (
            if main {
                String::new()
            } else {
                format!("{name}: ")
            },
            inner,
        );
    }
    (String::new(), rest)
}

fn is_pod(steps: &[Step]) -> bool {
    steps.iter().any(
        |step| matches!(step, Step::Key(key) if key == "containers" || key == "initContainers"),
    )
}

fn noun(list: &str) -> Option<&'static str> {
    NOUNS
        .iter()
        .find(|(name, _)| *name == list)
        .map(|(_, noun)| *noun)
}

/// What a field is called: `replicas`, `env LOG_LEVEL`, `rules[0].timeouts.request`.
fn label(steps: &[Step]) -> String {
    // The value of a variable is the variable.
    let steps = match steps {
        [rest @ .., Step::Item(_), Step::Key(value)] if value == "value" => &steps[..=rest.len()],
        _ => steps,
    };
    let mut words: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut rest = steps;
    loop {
        let (word, used) = match rest {
            [Step::Key(list), Step::Item(keys), ..] => (Some((list, item_name(keys))), 2),
            [Step::Key(map), Step::Key(key)] if COUNTED_MAPS.contains(&map.as_str()) => {
                (Some((map, key.clone())), 2)
            }
            [Step::Key(key), ..] => {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(key);
                (None, 1)
            }
            [Step::Item(keys), ..] => {
                path.push_str(&item_name(keys));
                (None, 1)
            }
            [Step::Index(index), ..] => {
                write!(path, "[{index}]").expect("writing to a String cannot fail");
                (None, 1)
            }
            [Step::Element, ..] => (None, 1),
            [] => break,
        };
        if let Some((list, name)) = word {
            words.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
            words.push(format!("{} {name}", noun(list).unwrap_or(list)));
        }
        rest = &rest[used..];
    }
    words.extend((!path.is_empty()).then_some(path));
    words.join(" ")
}

fn item_name(keys: &[(&'static str, String)]) -> String {
    // TCP goes without saying.
    let names = keys
        .iter()
        .filter(|key| **key != ("protocol", "TCP".to_owned()));
    names
        .map(|(_, value)| value.as_str())
        .collect::<Vec<_>>()
        .join("/")
}

/// What an item without a key calls itself.
fn self_name(value: &Value) -> String {
    ["name", "mountPath", "containerPort", "port", "type"]
        .iter()
        .find_map(|field| value.get(field))
        .map_or_else(
            || {
                if is_short(value) {
                    show(value)
                } else {
                    String::new()
                }
            },
            show,
        )
}

fn image_change(field: &FieldChange) -> String {
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    match (text(&field.before), text(&field.after)) {
        (Some(before), Some(after)) => {
            let (old, new) = (split_image(&before), split_image(&after));
            let shown = if old.0 == new.0 && !new.1.is_empty() {
                shorten(new.1)
            } else {
                shorten(&after)
            };
            format!("image {} → {shown}", shorten(&before))
        }
        _ => format!("image {}", arrow(field)),
    }
}

/// An image's name, and its tag and digest.
fn split_image(image: &str) -> (&str, &str) {
    let base = image.rfind('/').map_or(0, |slash| slash + 1);
    let at = image[base..]
        .find([':', '@'])
        .map_or(image.len(), |at| base + at);
    image.split_at(at)
}

/// Digests and commit ids cut to twelve digits, which is enough to tell them apart.
fn shorten(image: &str) -> String {
    let mut out = String::new();
    for piece in image.split_inclusive([':', '@', '/']) {
        let hex = piece.trim_end_matches([':', '@', '/']);
        if hex.len() >= 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            out.push_str(&hex[..12]);
            out.push_str(&piece[hex.len()..]);
        } else {
            out.push_str(piece);
        }
    }
    out
}

fn arrow(field: &FieldChange) -> String {
    let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), show);
    format!("{} → {}", text(&field.before), text(&field.after))
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Whether a value can stand in a phrase.
fn is_short(value: &Value) -> bool {
    is_scalar(value)
        && value
            .as_str()
            .is_none_or(|text| text.chars().count() <= VALUE_MAX && !text.contains('\n'))
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
