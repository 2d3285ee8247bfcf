//! The index of a pack, version 2: byte for byte what `git index-pack` writes.

use gix::hash::Kind as HashKind;

use super::write::Written;

/// The whole `.idx` file. Offsets from `large` on go to the table of 64-bit offsets;
/// a test lowers it, because no test writes a pack of 2 GiB.
pub(crate) fn bytes(pack: &Written, large: u64) -> Vec<u8> {
    let entries = &pack.entries;
    let mut out = Vec::with_capacity(8 + 1_024 + entries.len() * 28 + 40);
    out.extend_from_slice(b"\xfftOc");
    out.extend_from_slice(&2u32.to_be_bytes());
    let mut below: usize = 0;
    for first in 0..=255u8 {
        below += entries[below..]
            .iter()
            .take_while(|e| e.id.as_slice()[0] == first)
            .count();
        let below = u32::try_from(below).expect("a pack holds fewer than 2^32 objects");
        out.extend_from_slice(&below.to_be_bytes());
    }
    for entry in entries {
        out.extend_from_slice(entry.id.as_slice());
    }
    for entry in entries {
        out.extend_from_slice(&entry.crc32.to_be_bytes());
    }
    let mut far = Vec::new();
    for entry in entries {
        let offset = match u32::try_from(entry.offset) {
            Ok(offset) if entry.offset < large => offset,
            _ => {
                let row = u32::try_from(far.len() / 8).expect("fewer rows than objects");
                far.extend_from_slice(&entry.offset.to_be_bytes());
                row | 1 << 31
            }
        };
        out.extend_from_slice(&offset.to_be_bytes());
    }
    out.extend_from_slice(&far);
    out.extend_from_slice(pack.checksum.as_slice());
    let mut hasher = gix::hash::hasher(HashKind::Sha1);
    hasher.update(&out);
    let checksum = hasher
        .try_finalize()
        .expect("only a SHA-1 collision attack makes hashing fail");
    out.extend_from_slice(checksum.as_slice());
    out
}
