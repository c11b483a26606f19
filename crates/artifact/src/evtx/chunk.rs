//! Chunks of an event file, and the records in them.
//!
//! A file is a header of 4 KiB and chunks of 64 KiB, each of which can be read alone: that is why half a file, a
//! file that was copied while it was written, and chunks carved out of a disk are all worth reading. A chunk says
//! where its records end; behind that may stand records of an earlier use, which are read too and marked.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memmem;

use super::bytes::{array_at, u32_at, u64_at};

/// The header of a file; the first chunk follows.
pub const FILE_HEADER_BYTES: u64 = 4096;

/// The size of a chunk.
pub const CHUNK_BYTES: usize = 64 << 10;

/// How a file begins.
pub const FILE_MAGIC: &[u8; 8] = b"ElfFile\0";

/// How a chunk begins.
pub const CHUNK_MAGIC: &[u8; 8] = b"ElfChnk\0";

/// The header of a chunk with its tables of strings and templates; the first record follows.
const CHUNK_HEADER_BYTES: usize = 512;

const RECORD_MAGIC: [u8; 4] = [0x2a, 0x2a, 0, 0];

/// Magic, size, number and time.
const RECORD_HEADER_BYTES: usize = 24;

/// A record's size stands once more at its end.
const RECORD_TRAILER_BYTES: usize = 4;

/// How much is read at once.
const BUFFER_BYTES: usize = 16 * CHUNK_BYTES;

/// A chunk whose checksums were never written says so in its flags.
const FLAG_NO_CRC32: u32 = 4;

/// A chunk: at most 64 KiB, less where the file breaks off.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// Where in the file it begins.
    pub offset: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A record, not yet understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its number in the log (`EventRecordID`).
    pub number: u64,
    /// When it was written: 100 ns since 1601, UTC.
    pub written: u64,
    /// Where in the chunk it begins.
    pub at: usize,
    /// Where in the chunk its binary XML stands.
    pub xml: Range<usize>,
    /// It stands behind the end that the chunk states: what is left of an earlier use of these bytes.
    pub recovered: bool,
}

/// What is wrong in a chunk, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Bytes from the start of the chunk.
    pub at: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl Damage {
    pub(crate) fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }
}

/// Where the chunk begins in which an offset of a file in good order lies.
pub fn chunk_of(offset: u64) -> u64 {
    let behind = offset.saturating_sub(FILE_HEADER_BYTES);
    FILE_HEADER_BYTES + behind / CHUNK_BYTES as u64 * CHUNK_BYTES as u64
}

/// The chunks of a file or of a range of one.
pub struct Chunks<R> {
    source: R,
    buffer: Vec<u8>,
    /// What of the buffer was handed out.
    used: usize,
    /// Where in the file the buffer begins.
    offset: u64,
    /// Chunks that begin here or later belong to somebody else.
    end: u64,
    ended: bool,
}

/// What stands where a chunk should.
#[derive(Debug)]
pub enum Found<'a> {
    /// A chunk.
    Chunk(Chunk<'a>),
    /// So many bytes from an offset on that are no chunk and not empty.
    Lost(Range<u64>),
}

impl<R: Read> Chunks<R> {
    /// The chunks that begin in `range`, where `source` gives the bytes of the file from the start of the range on.
    pub fn range(source: R, range: Range<u64>) -> Self {
        Self { source, buffer: Vec::new(), used: 0, offset: range.start, end: range.end, ended: false }
    }

    /// Where in the file the next chunk is sought.
    pub fn offset(&self) -> u64 {
        self.offset + self.used as u64
    }

    /// The next chunk. What is not one is passed over up to the next that begins anywhere.
    pub fn next_chunk(&mut self) -> io::Result<Option<Found<'_>>> {
        loop {
            let read = self.fill();
            let begins = self.offset();
            let left = self.buffer.len() - self.used;
            if left == 0 || begins >= self.end {
                // Whatever was read before the source failed was handed out first.
                return read.map(|()| None);
            }
            let from = self.used;
            let window = &self.buffer[from..from + left.min(CHUNK_BYTES)];
            if begins == 0 && window.starts_with(FILE_MAGIC) {
                self.used += left.min(FILE_HEADER_BYTES as usize);
                continue;
            }
            if window.starts_with(CHUNK_MAGIC) {
                self.used += window.len();
                let bytes = &self.buffer[from..self.used];
                return Ok(Some(Found::Chunk(Chunk { offset: begins, bytes })));
            }
            let skip = to_next_chunk(window);
            self.used += skip;
            if window[..skip].iter().any(|&byte| byte != 0) {
                return Ok(Some(Found::Lost(begins..begins + skip as u64)));
            }
        }
    }

    /// Makes a whole chunk available, if the source still has one.
    fn fill(&mut self) -> io::Result<()> {
        if self.ended || self.buffer.len() - self.used >= CHUNK_BYTES {
            return Ok(());
        }
        self.buffer.drain(..self.used);
        self.offset += self.used as u64;
        self.used = 0;
        let held = self.buffer.len();
        let room = (BUFFER_BYTES - held)
            .min(to_usize(self.end.saturating_sub(self.offset + held as u64)).max(CHUNK_BYTES));
        let mut limited = (&mut self.source).take(room as u64);
        self.buffer.reserve(room);
        // What was read before an error stays in the buffer.
        let read = io::copy(&mut limited, &mut self.buffer).map(|_| ());
        self.ended = read.is_err() || self.buffer.len() < held + room;
        read
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// How many bytes of a window are no chunk: up to the next one, or all but what may be the beginning of its magic.
fn to_next_chunk(window: &[u8]) -> usize {
    match memmem::find(&window[1..], CHUNK_MAGIC) {
        Some(at) => at + 1,
        None if window.len() < CHUNK_BYTES => window.len(),
        None => window.len() - (CHUNK_MAGIC.len() - 1),
    }
}

impl<'a> Chunk<'a> {
    /// Where the records end, as far as the chunk can be believed.
    fn free(&self) -> usize {
        let stated = u32_at(self.bytes, 48).unwrap_or(0) as usize;
        if stated < CHUNK_HEADER_BYTES { self.bytes.len() } else { stated.min(self.bytes.len()) }
    }

    /// What contradicts the chunk's own checksums and sizes.
    pub fn damage(&self) -> Option<Damage> {
        if self.bytes.len() < CHUNK_BYTES {
            return Some(Damage::new(self.bytes.len(), "the file breaks off inside a chunk"));
        }
        let flags = u32_at(self.bytes, 120)?;
        if flags & FLAG_NO_CRC32 != 0 {
            return None;
        }
        let mut header = crc32fast::Hasher::new();
        header.update(self.bytes.get(..120)?);
        header.update(self.bytes.get(128..CHUNK_HEADER_BYTES)?);
        if u32_at(self.bytes, 124)? != header.finalize() {
            return Some(Damage::new(
                124,
                "the checksum of the chunk's header is wrong: damaged, or not closed",
            ));
        }
        let records = crc32fast::hash(self.bytes.get(CHUNK_HEADER_BYTES..self.free())?);
        let wrong = u32_at(self.bytes, 52)? != records;
        wrong.then(|| {
            Damage::new(52, "the checksum of the chunk's records is wrong: damaged, changed, or not closed")
        })
    }

    /// The record that begins at `at`.
    pub fn record_at(&self, at: usize) -> Option<RawRecord> {
        self.records().record(at)
    }

    /// Its records, and damage between them.
    pub fn records(&self) -> Records<'a> {
        Records { bytes: self.bytes, at: CHUNK_HEADER_BYTES.min(self.bytes.len()), free: self.free() }
    }
}

/// The records of a chunk.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    free: usize,
}

impl Iterator for Records<'_> {
    type Item = Result<RawRecord, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at < self.free {
            if let Some(record) = self.record(self.at) {
                self.at = record.xml.end + RECORD_TRAILER_BYTES;
                return Some(Ok(record));
            }
            let at = self.at;
            let next = memmem::find(self.bytes.get(at + 1..self.free)?, &RECORD_MAGIC);
            self.at = next.map_or(self.free, |next| at + 1 + next);
            let nothing = self.bytes[at..self.at].iter().all(|&byte| byte == 0);
            return if nothing {
                self.next()
            } else {
                Some(Err(Damage::new(at, "no record where one should begin")))
            };
        }
        self.leftover().map(Ok)
    }
}

impl Records<'_> {
    /// The record at an offset, if its size fits into the chunk.
    fn record(&self, at: usize) -> Option<RawRecord> {
        if array_at::<4>(self.bytes, at)? != RECORD_MAGIC {
            return None;
        }
        let size = u32_at(self.bytes, at + 4)? as usize;
        let end = at.checked_add(size).filter(|&end| end <= self.bytes.len())?;
        let xml = at + RECORD_HEADER_BYTES..end.checked_sub(RECORD_TRAILER_BYTES)?;
        (xml.start <= xml.end).then_some(RawRecord {
            number: u64_at(self.bytes, at + 8)?,
            written: u64_at(self.bytes, at + 16)?,
            at,
            xml,
            recovered: at >= self.free,
        })
    }

    /// The next whole record behind the stated end: one whose size stands at both its ends.
    fn leftover(&mut self) -> Option<RawRecord> {
        loop {
            let found = memmem::find(self.bytes.get(self.at..)?, &RECORD_MAGIC)?;
            let at = self.at + found;
            self.at = at + RECORD_MAGIC.len();
            let whole = self
                .record(at)
                .filter(|record| u32_at(self.bytes, record.xml.end) == u32_at(self.bytes, at + 4));
            if let Some(record) = whole {
                self.at = record.xml.end + RECORD_TRAILER_BYTES;
                return Some(record);
            }
        }
    }
}
