//! The signature in the bytes of a commit: the header `gpgsig`, whose further lines begin with a space.

/// A commit as it was signed, and its signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The commit without the header.
    pub(crate) payload: Vec<u8>,
    /// The armoured signature.
    pub(crate) signature: Vec<u8>,
}

/// The commit with this signature as its last header, where Git puts it.
pub(crate) fn with_signature(commit: &[u8], signature: &[u8]) -> Vec<u8> {
    let (headers, message) = split(commit);
    let mut out = Vec::with_capacity(commit.len() + signature.len() + 64);
    out.extend_from_slice(headers);
    let mut begin: &[u8] = b"gpgsig ";
    for line in signature.trim_ascii_end().split(|byte| *byte == b'\n') {
        out.extend_from_slice(begin);
        out.extend_from_slice(line);
        out.push(b'\n');
        begin = b" ";
    }
    out.extend_from_slice(message);
    out
}

/// The commit without any signature, which is what a signature is made over.
pub(crate) fn without_signature(commit: &[u8]) -> Vec<u8> {
    take_apart(commit).payload
}

/// The signature of a commit; `None` if it has none.
pub(crate) fn signed(commit: &[u8]) -> Option<Signed> {
    Some(take_apart(commit)).filter(|signed| !signed.signature.is_empty())
}

fn take_apart(commit: &[u8]) -> Signed {
    let (headers, message) = split(commit);
    let mut signed = Signed {
        payload: Vec::with_capacity(commit.len()),
        signature: Vec::new(),
    };
    // Further headers of the same family are for repositories of other hashes, and no part of the payload either.
    let mut within: Option<bool> = None;
    for line in headers.split_inclusive(|byte| *byte == b'\n') {
        if let (Some(ours), Some(rest)) = (within, line.strip_prefix(b" ")) {
            if ours {
                signed.signature.extend_from_slice(rest);
            }
        } else if let Some(rest) = line.strip_prefix(b"gpgsig ") {
            within = Some(true);
            signed.signature.extend_from_slice(rest);
        } else if line.starts_with(b"gpgsig") {
            within = Some(false);
        } else {
            within = None;
            signed.payload.extend_from_slice(line);
        }
    }
    signed.payload.extend_from_slice(message);
    signed
}

/// The header lines, and the rest from the empty line on.
fn split(commit: &[u8]) -> (&[u8], &[u8]) {
    let end = commit
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map_or(commit.len(), |at| at + 1);
    commit.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"tree 1\nauthor a\ncommitter c\n\ngpgsig no\n\n two\n";

    #[test]
    fn a_signature_is_put_in_and_taken_out() {
        let commit = with_signature(PLAIN, b"-----BEGIN\nabc\n\nend\n");
        assert_eq!(
            String::from_utf8_lossy(&commit),
            "tree 1\nauthor a\ncommitter c\ngpgsig -----BEGIN\n abc\n \n end\n\ngpgsig no\n\n two\n"
        );
        let signed = signed(&commit).expect("it has one");
        assert_eq!(signed.payload, PLAIN);
        assert_eq!(signed.signature, b"-----BEGIN\nabc\n\nend\n");
        assert_eq!(without_signature(&commit), PLAIN);
        assert_eq!(super::signed(PLAIN), None, "the message holds none");
    }

    #[test]
    fn signatures_for_other_hashes_are_no_part_of_what_is_signed() {
        let commit = b"tree 1\ngpgsig-sha256 x\n y\nencoding e\ngpgsig z\n\nm";
        let signed = signed(commit).expect("it has one");
        assert_eq!(signed.payload, b"tree 1\nencoding e\n\nm");
        assert_eq!(signed.signature, b"z\n");
    }
}
