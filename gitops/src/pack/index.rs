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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use gix::objs::Kind;

    use crate::objects::id_of;
    use crate::pack::write;

    /// The limit above which an offset takes eight bytes, lowered for both sides.
    #[test]
    fn far_offsets_are_written_as_git_writes_them() {
        let objects: Vec<_> = (0..300u32)
            .map(|i| {
                let bytes = format!("{i} {}", "x".repeat(i as usize)).into_bytes();
                (id_of(Kind::Blob, &bytes), Kind::Blob, bytes)
            })
            .collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (pack, idx) = (folder.path().join("a.pack"), folder.path().join("a.idx"));
        let mut file = std::fs::File::create(&pack).expect("created");
        let written = write::pack(&mut file, &objects).expect("written");
        let offsets: Vec<u64> = written.entries.iter().map(|entry| entry.offset).collect();
        for limit in [12u64, 100, 2_000, (1 << 31) - 1] {
            let far = offsets.iter().filter(|offset| **offset > limit).count();
            let output = Command::new("git")
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .args(["index-pack", &format!("--index-version=2,{limit}"), "-o"])
                .args([&idx, &pack])
                .output()
                .expect("git runs");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let theirs = std::fs::read(&idx).expect("their index");
            // Theirs is the last offset that still fits, ours the first that does not.
            let ours = super::bytes(&written, limit + 1);
            assert_eq!(
                ours.len(),
                8 + 1_024 + 300 * 28 + far * 8 + 40,
                "limit {limit}"
            );
            assert!(ours == theirs, "limit {limit}");
            let _ = std::fs::remove_file(&idx);
        }
    }

    #[test]
    fn a_pack_deflated_by_several_threads_is_indexed_alike() {
        let objects: Vec<_> = (0..3_000u32)
            .map(|i| {
                let bytes = format!("object {i}").repeat(5).into_bytes();
                (id_of(Kind::Blob, &bytes), Kind::Blob, bytes)
            })
            .collect();
        let mut whole = Vec::new();
        let written = write::pack(&mut whole, &objects).expect("written");
        assert_eq!(written.entries.len(), objects.len());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pack = folder.path().join("a.pack");
        std::fs::write(&pack, whole).expect("written");
        let output = Command::new("git")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .arg("index-pack")
            .arg(&pack)
            .output()
            .expect("git runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let theirs = std::fs::read(pack.with_extension("idx")).expect("their index");
        assert!(theirs == super::bytes(&written, 1 << 31));
    }
}
