//! The pack itself: a header, every object deflated on its own, a checksum. No deltas: `git repack` makes better ones.

use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use gix::ObjectId;
use gix::hash::{Hasher, Kind as HashKind};
use gix::objs::Kind;
use orz_core::parallel;

/// What the index needs to know about a written pack.
pub(crate) struct Written {
    /// Sorted by id.
    pub(crate) entries: Vec<Entry>,
    /// The pack's last 20 bytes.
    pub(crate) checksum: ObjectId,
}

/// One object in a pack.
pub(crate) struct Entry {
    pub(crate) id: ObjectId,
    pub(crate) crc32: u32,
    pub(crate) offset: u64,
}

/// Below this many objects a second thread costs more than it saves.
const PARALLEL_FROM: usize = 512;
/// How many objects a thread deflates at a time; a few times as many are in memory before they are written.
const BATCH: usize = 256;

/// Writes a pack of these objects, each of them once.
///
/// The bytes do not depend on how many threads there are: each object is deflated on its own, and written in the
/// order given.
pub(crate) fn pack<B: AsRef<[u8]> + Sync>(
    out: &mut impl Write,
    objects: &[(ObjectId, Kind, B)],
) -> io::Result<Written> {
    let count = u32::try_from(objects.len())
        .map_err(|_| io::Error::other("more than 2^32 objects in one pack"))?;
    let mut out = Hashing {
        out: BufWriter::with_capacity(1 << 16, out),
        hasher: gix::hash::hasher(HashKind::Sha1),
    };
    out.write(b"PACK")?;
    out.write(&2u32.to_be_bytes())?;
    out.write(&count.to_be_bytes())?;
    let mut offset = 12;
    let mut entries = Vec::with_capacity(objects.len());
    let mut outcome = Ok(());
    let threads = match std::thread::available_parallelism() {
        Ok(threads) if objects.len() >= PARALLEL_FROM => threads,
        _ => NonZeroUsize::MIN,
    };
    parallel::for_each(
        threads,
        objects.chunks(BATCH),
        |batch| deflate(batch),
        |deflated| {
            if outcome.is_ok() {
                outcome = deflated.and_then(|Batch { bytes, objects }| {
                    for (id, crc32, length) in objects {
                        entries.push(Entry { id, crc32, offset });
                        offset += length as u64;
                    }
                    out.write(&bytes)
                });
            }
        },
    );
    outcome?;
    entries.sort_by_key(|entry| entry.id);
    let checksum = out.finish()?;
    Ok(Written { entries, checksum })
}

struct Hashing<W: Write> {
    out: BufWriter<W>,
    hasher: Hasher,
}

impl<W: Write> Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<ObjectId> {
        let checksum = self
            .hasher
            .try_finalize()
            .map_err(|e| io::Error::other(e.to_string()))?;
        self.out.write_all(checksum.as_slice())?;
        self.out.flush()?;
        Ok(checksum)
    }
}

/// Some objects as they stand in a pack.
struct Batch {
    /// One behind the other.
    bytes: Vec<u8>,
    /// Id, CRC-32 and length of each.
    objects: Vec<(ObjectId, u32, usize)>,
}

/// One encoder for all: making one costs more than deflating a manifest.
fn deflate<B: AsRef<[u8]>>(objects: &[(ObjectId, Kind, B)]) -> io::Result<Batch> {
    let size: usize = objects.iter().map(|(.., data)| data.as_ref().len()).sum();
    // Level 1: the next `git repack` compresses again anyway, and publishing waits for this.
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(size / 2 + 1_024), Compression::new(1));
    let mut batch = Batch {
        bytes: Vec::new(),
        objects: Vec::with_capacity(objects.len()),
    };
    for (id, kind, data) in objects {
        let data = data.as_ref();
        let start = encoder.get_ref().len();
        encoder
            .get_mut()
            .extend_from_slice(&header(*kind, data.len() as u64));
        encoder.write_all(data)?;
        // The stream ends, and the next one begins behind it.
        batch.bytes = encoder.reset(Vec::new())?;
        let mut crc = Crc::new();
        crc.update(&batch.bytes[start..]);
        batch
            .objects
            .push((*id, crc.sum(), batch.bytes.len() - start));
        *encoder.get_mut() = std::mem::take(&mut batch.bytes);
    }
    batch.bytes = std::mem::take(encoder.get_mut());
    Ok(batch)
}

/// Kind and size as a number of variable length.
fn header(kind: Kind, mut size: u64) -> Vec<u8> {
    let number: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut out = Vec::new();
    let mut byte = number << 4 | low_bits(size, 4);
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = low_bits(size, 7);
        size >>= 7;
    }
    out.push(byte);
    out
}

fn low_bits(number: u64, bits: u32) -> u8 {
    u8::try_from(number & ((1 << bits) - 1)).expect("at most seven bits")
}
