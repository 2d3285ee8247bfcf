//! The digest of a release.

use sha2::{Digest as _, Sha256};

use crate::id::{Digest, hex};

/// SHA-256 over the files of a release, independent of Git.
///
/// Encoding: the files sorted by path (byte order); for each, the length of the path in bytes as an
/// unsigned 64-bit big-endian number, the path, the length of the content likewise, the content.
/// A release without files has the digest of the empty input.
///
/// `files` must be sorted by path and name no path twice; debug builds assert it.
pub fn digest_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Digest {
    let mut hasher = Sha256::new();
    let mut previous: Option<&str> = None;
    for (path, bytes) in files {
        debug_assert!(
            previous.is_none_or(|p| p < path),
            "paths must be sorted and unique: {path}"
        );
        previous = Some(path);
        for field in [path.as_bytes(), bytes] {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
    }
    hex(&hasher.finalize())
        .parse()
        .expect("SHA-256 is 64 hex digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed once with an independent implementation:
    /// `printf '\0\0\0\0\0\0\0\1a\0\0\0\0\0\0\0\2hi…' | sha256sum`.
    #[test]
    fn vectors() {
        type Case<'a> = (&'a [(&'a str, &'a [u8])], &'a str);
        let cases: [Case; 3] = [
            (
                &[],
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                &[("a", b"hi")],
                "fbf8b8180086611c970968c7cbebaa0242e3191e2f805bfb6e4fc5ce9169cd0e",
            ),
            (
                &[("a", b"hi"), ("b.yaml", b"")],
                "4534b32928abe1ab8065bf91ded26200729c625218a71695f892ed7591f9bc67",
            ),
        ];
        for (files, expected) in cases {
            assert_eq!(digest_of(files.iter().copied()).as_str(), expected);
        }
    }

    #[test]
    fn a_byte_cannot_move_between_path_and_content() {
        assert_ne!(
            digest_of([("a", b"bc".as_slice())]),
            digest_of([("ab", b"c".as_slice())])
        );
    }
}
