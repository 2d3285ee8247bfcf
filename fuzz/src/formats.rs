use std::fmt::Debug;

use orz_core::format::{
    Action, Claim, Document, Inventory, Pointer, Release, Trailers, from_bytes, to_bytes,
};
use orz_core::paths;

/// What is stored is read back: documents, the trailers of commits, and paths.
///
/// The input is tried as each of them; for trailers and file names it is a list of texts with zero bytes between them.
pub fn formats(data: &[u8]) {
    document::<Pointer>(data);
    document::<Release>(data);
    document::<Claim>(data);
    document::<Inventory>(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    repository_paths(text);
    let texts: Vec<&str> = text.split('\0').collect();
    trailers(text, &texts);
    file_names(&texts);
}

fn document<T: Document + Debug + PartialEq>(data: &[u8]) {
    let Ok(read) = from_bytes::<T>(data) else {
        return;
    };
    let bytes = to_bytes(&read);
    assert!(bytes.ends_with(b"\n"), "a file ends with a newline");
    let again = from_bytes::<T>(&bytes).expect("what was written is readable");
    assert_eq!(again, read, "{}", T::KIND);
    assert_eq!(to_bytes(&again), bytes, "{}", T::KIND);
    let value: serde_json::Value = serde_json::from_slice(&bytes).expect("formats are JSON");
    assert_eq!(value["kind"], T::KIND);
}

fn trailers(message: &str, texts: &[&str]) {
    // Any message at all can be read, also one that somebody else wrote.
    let found = Trailers::parse(message);
    let line = |value: &Option<String>| {
        let value = value.as_deref().unwrap_or_default();
        assert!(!value.contains('\n'), "a trailer is one line: {value:?}");
    };
    line(&found.reason);
    line(&found.actor);
    line(&found.request_id);

    let &[subject, reason, actor, request_id, ..] = texts else {
        return;
    };
    let optional = |text| Some(text).filter(|text: &&str| !text.is_empty());
    for action in [
        Action::Init,
        Action::Publish,
        Action::Activate,
        Action::Rollback,
        Action::Hold,
        Action::ReleaseHold,
    ] {
        let Ok(written) = Trailers::new(action, optional(reason), actor, optional(request_id))
        else {
            continue;
        };
        let message = written.message(subject);
        assert_eq!(Trailers::parse(&message), written, "{message:?}");
        // As Git stores it, and as `git commit` cleans it up.
        assert_eq!(Trailers::parse(message.trim()), written, "{message:?}");
    }
}

/// A path names what it holds, and nothing else has that path.
fn repository_paths(path: &str) {
    if let Some((cluster, tenant, part)) = paths::parse_pointer(path) {
        assert_eq!(paths::pointer(&cluster, &tenant, part), path);
    }
    if let Some((tenant, part, release)) = paths::parse_index_entry(path) {
        assert_eq!(paths::index_entry(&tenant, part, &release), path);
    }
    let mut words = path.split_whitespace();
    let (Some(tenant), Some(cluster), Some(part), Some(release)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return;
    };
    if let (Ok(tenant), Ok(cluster), Ok(part)) = (tenant.parse(), cluster.parse(), part.parse()) {
        let path = paths::pointer(&cluster, &tenant, part);
        let named = Some((cluster, tenant, part));
        assert_eq!(paths::parse_pointer(&path), named, "{path}");
        if let (Some((_, tenant, part)), Ok(release)) = (named, release.parse()) {
            let path = paths::index_entry(&tenant, part, &release);
            let named = Some((tenant, part, release));
            assert_eq!(paths::parse_index_entry(&path), named, "{path}");
        }
    }
}

/// The name of a file stays in its folder and says which object it holds.
fn file_names(texts: &[&str]) {
    let &[group, kind, namespace, name, ..] = texts else {
        return;
    };
    for namespace in [None, Some(namespace)] {
        let file = paths::manifest(group, kind, namespace, name);
        // 200, or what is kept of a longer one, `~`, a digest and `.yaml`.
        assert!(file.len() <= 202, "{file} is too long");
        assert!(
            file.bytes().all(|b| b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || b".-_%~ABCDEF".contains(&b)),
            "{file}"
        );
        let stem = file.strip_suffix(".yaml").expect("a manifest is YAML");
        if stem.contains('~') {
            continue;
        }
        let &[of, place, named] = stem.split('_').collect::<Vec<_>>().as_slice() else {
            panic!("{file} has not three parts");
        };
        assert_eq!(unescape(named), name, "{file}");
        assert_eq!(unescape(place), namespace.unwrap_or("-"), "{file}");
        // No kind has a dot; groups do.
        if !kind.contains('.') {
            let (own_kind, own_group) = of.split_once('.').unwrap_or((of, ""));
            assert_eq!(unescape(own_kind), kind.to_ascii_lowercase(), "{file}");
            assert_eq!(unescape(own_group), group, "{file}");
        }
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let (digits, after) = escaped.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        rest = after;
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).expect("escaped text is UTF-8")
}
