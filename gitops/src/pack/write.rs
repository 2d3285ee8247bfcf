//! The pack itself: a header, every object deflated on its own, a checksum. No deltas: `git repack` makes better ones.

use std::io::{self, BufWriter, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use gix::ObjectId;
use gix::hash::{Hasher, Kind as HashKind};
use gix::objs::Kind;

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
/// How many objects are deflated before they are written.
const BATCH: usize = 4_096;

/// Writes a pack of these objects, each of them once.
pub(crate) fn pack(
    out: &mut impl Write,
    objects: &[(ObjectId, Kind, Vec<u8>)],
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
    for batch in objects.chunks(BATCH) {
        for ((id, ..), bytes) in batch.iter().zip(deflate_all(batch)?) {
            let mut crc = Crc::new();
            crc.update(&bytes);
            entries.push(Entry {
                id: *id,
                crc32: crc.sum(),
                offset,
            });
            out.write(&bytes)?;
            offset += bytes.len() as u64;
        }
    }
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

fn deflate_all(objects: &[(ObjectId, Kind, Vec<u8>)]) -> io::Result<Vec<Vec<u8>>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if objects.len() < PARALLEL_FROM || threads == 1 {
        return deflate_some(objects);
    }
    let share = objects.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = objects
            .chunks(share)
            .map(|chunk| scope.spawn(move || deflate_some(chunk)))
            .collect();
        let mut all = Vec::with_capacity(objects.len());
        for worker in workers {
            all.extend(
                worker
                    .join()
                    .map_err(|_| io::Error::other("a deflating thread panicked"))??,
            );
        }
        Ok(all)
    })
}

/// One encoder for all: making one costs more than deflating a manifest.
fn deflate_some(objects: &[(ObjectId, Kind, Vec<u8>)]) -> io::Result<Vec<Vec<u8>>> {
    // Level 1: the next `git repack` compresses again anyway, and publishing waits for this.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(1));
    objects
        .iter()
        .map(|(_, kind, data)| {
            let mut out = header(*kind, data.len() as u64);
            encoder.write_all(data)?;
            out.append(&mut encoder.reset(Vec::with_capacity(data.len() / 2 + 16))?);
            Ok(out)
        })
        .collect()
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
