//! The encodings of SSH: base64, and strings with their length before them.

/// Reads a blob from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn string(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// A whole number that is not negative, without the zeros that stand before it.
    pub(super) fn natural(&mut self) -> Option<&'b [u8]> {
        let bytes = self.string()?;
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return None;
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Some(&bytes[zeros..])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Adds a string with its length.
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("names and digests are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of a base64 text; line feeds are passed over.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\n').collect();
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let mut groups = digits.chunks_exact(4).peekable();
    while let Some(group) = groups.next() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && groups.peek().is_some()) {
            return None;
        }
        let mut bits = 0u32;
        for byte in &group[..4 - padding] {
            let digit = ALPHABET.iter().position(|digit| digit == byte)?;
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        bits <<= 6 * padding;
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (kept, dropped) = bytes.split_at(3 - padding);
        if dropped.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

/// The base64 text of bytes, without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(padded);
        for position in 0..=group.len() {
            let digit = bits >> (18 - 6 * position) & 63;
            out.push(char::from(
                ALPHABET[usize::try_from(digit).expect("six bits")],
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("TQ==", Some(b"M")),
            ("TWE=", Some(b"Ma")),
            ("TW\nFu\n", Some(b"Man")),
            ("TWFuTQ==", Some(b"ManM")),
            ("TQ", None),
            ("TQ=", None),
            ("T===", None),
            ("TQ==TWFu", None),
            ("TR==", None),
            ("TW-u", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), bytes, "{text:?}");
            if let Some(bytes) = bytes {
                let plain = text.replace(['=', '\n'], "");
                assert_eq!(encode(bytes), plain, "{bytes:?}");
            }
        }
    }

    #[test]
    fn strings_end_where_the_blob_does() {
        let mut blob = Vec::new();
        put(&mut blob, b"ab");
        put(&mut blob, &[0, 0x80]);
        let mut reader = Reader(&blob);
        assert_eq!(reader.string(), Some(&b"ab"[..]));
        assert_eq!(reader.natural(), Some(&[0x80][..]));
        assert!(reader.is_empty());
        assert_eq!(Reader(&[0, 0, 0, 3, 1]).string(), None);
        assert_eq!(
            Reader(&[0, 0, 0, 1, 0x80]).natural(),
            None,
            "a negative number"
        );
    }
}
