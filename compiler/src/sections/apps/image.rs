//! References to images.

/// Why an image reference is not one that may be deployed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ImageProblem {
    /// Not a reference at all; the rule it breaks.
    Invalid(&'static str),
    /// Another program tomorrow.
    NotPinned,
}

/// Tags that name another image tomorrow, by custom of those who publish images.
const MOVING_TAGS: [&str; 9] = [
    "dev", "develop", "edge", "latest", "main", "master", "nightly", "stable", "unstable",
];

/// Whether `image` is `registry/path[:tag][@sha256:digest]` with a digest or a tag that does not move.
pub(super) fn check(image: &str) -> Result<(), ImageProblem> {
    use ImageProblem::{Invalid, NotPinned};
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64
            || !hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return Err(Invalid(
                "a digest is `sha256:` and 64 lower-case hex digits",
            ));
        }
    }
    let (name, tag) = match rest.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => {
            (Some(first), path)
        }
        _ => (None, name),
    };
    if registry.is_some_and(|registry| !is_registry(registry)) {
        return Err(Invalid(
            "a registry is a lower-case hostname with an optional port",
        ));
    }
    if !path.split('/').all(is_path_part) {
        return Err(Invalid(
            "a path has lower-case letters, digits, and `.`, `_`, `-` between them",
        ));
    }
    match tag {
        Some(tag) if !is_tag(tag) => Err(Invalid(
            "a tag has at most 128 letters, digits, `.`, `_` and `-`",
        )),
        _ if digest.is_some() => Ok(()),
        None => Err(NotPinned),
        Some(tag) if MOVING_TAGS.contains(&tag.to_ascii_lowercase().as_str()) => Err(NotPinned),
        Some(_) => Ok(()),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_path_part(part: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(|b| plain(*b))
        && bytes.last().is_some_and(|b| plain(*b))
        && bytes
            .iter()
            .all(|b| plain(*b) || matches!(b, b'.' | b'_' | b'-'))
        && !part.contains("..")
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let digest = format!("@sha256:{}", "a".repeat(64));
        let pinned = format!("registry.example.com/acme/web{digest}");
        let both = format!("registry.example.com:5000/web:1.2{digest}");
        let latest_but_pinned = format!("registry.example.com/web:latest{digest}");
        for image in [
            "registry.example.com/web:1",
            "localhost/web:1",
            "nginx:1.29",
            "nginx:stable-2026.11.1",
            &pinned,
            &both,
            &latest_but_pinned,
        ] {
            assert_eq!(check(image), Ok(()), "{image}");
        }
        for image in [
            "registry.example.com/web",
            "registry.example.com:5000/web",
            "nginx:latest",
            "nginx:LATEST",
            "nginx:stable",
        ] {
            assert_eq!(check(image), Err(ImageProblem::NotPinned), "{image}");
        }
        let long_tag = format!("registry.example.com/web:{}", "a".repeat(129));
        for image in [
            "",
            ":1",
            "/web:1",
            "Registry.example.com/web:1",
            "registry.example.com/Web:1",
            "registry.example.com//web:1",
            "registry.example.com/../web:1",
            "registry.example.com/web:",
            "registry.example.com/web:1@sha256:abc",
            "registry.example.com/web: 1",
            "registry.example.com/web:1\n",
            "https://registry.example.com/web:1",
            "registry.example.com:0/web:1",
            "registry.example.com:http/web:1",
            &long_tag,
        ] {
            assert!(
                matches!(check(image), Err(ImageProblem::Invalid(_))),
                "{image:?}: {:?}",
                check(image)
            );
        }
    }
}
