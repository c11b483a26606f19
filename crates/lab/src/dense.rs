//! Dense event logs for benchmarks, made of the full chunks of logs that somebody has.
//!
//! Public collections of `.evtx` are mostly empty space: a file is as long as Windows made it, and a sample holds a
//! few dozen records. Here every chunk that is nearly full is taken as it is, byte for byte, and chunks are laid one
//! after the other, again from the first when all were used, under a new file header. Record numbers therefore
//! repeat; whoever measures with this measures a reader's work on real records, with caches flattered by repetition.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::bulk::Written;
use crate::evtx::{CHUNK_BYTES, HEADER_BLOCK_BYTES, header};
use crate::files;

/// A chunk whose free space begins beyond this offset is nearly full.
const NEARLY_FULL: u32 = 48_000;
/// Full chunks that are kept in memory: 1 GiB, more than any public collection has.
const CHUNKS_AT_MOST: usize = 16_384;
const CHUNKS_PER_MIB: u64 = 16;
/// Where a chunk says up to where it is filled, and what its last record is called.
const FREE_SPACE_AT: usize = 48;
const LAST_RECORD_AT: usize = 32;

/// Writes `files` event logs of `mib` times 1,048,576 bytes of chunks each into `directory`, from the nearly full
/// chunks of all `.evtx` under `source`, in the order of their paths.
pub fn dense(source: &Path, directory: &Path, files: u64, mib: u64) -> io::Result<Written> {
    let chunks = full_chunks(source)?;
    if chunks.is_empty() {
        return Err(io::Error::new(ErrorKind::NotFound, "no nearly full chunk of an event log was found"));
    }
    fs::create_dir_all(directory)?;
    let mut endless = chunks.iter().cycle();
    let mut written = Written { files: 0, bytes: 0 };
    for number in 0..files {
        let path = directory.join(format!("dense-{number:03}.evtx"));
        written.add(write_log(&path, &mut endless, mib * CHUNKS_PER_MIB)?);
    }
    Ok(written)
}

fn write_log<'a>(path: &Path, chunks: &mut impl Iterator<Item = &'a Vec<u8>>, count: u64) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(&[0; HEADER_BLOCK_BYTES])?;
    let mut last_record = 0;
    for chunk in chunks.take(count as usize) {
        last_record = last_record_id(chunk).unwrap_or_default();
        out.write_all(chunk)?;
    }
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&header(count, last_record.wrapping_add(1)))?;
    out.flush()?;
    Ok(HEADER_BLOCK_BYTES as u64 + count * CHUNK_BYTES as u64)
}

fn full_chunks(source: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut chunks = Vec::new();
    for path in files(source, "evtx")? {
        let mut log = File::open(path)?;
        log.seek(SeekFrom::Start(HEADER_BLOCK_BYTES as u64))?;
        let mut chunk = vec![0; CHUNK_BYTES];
        while whole(&mut log, &mut chunk)? && chunks.len() < CHUNKS_AT_MOST {
            if nearly_full(&chunk) {
                chunks.push(chunk.clone());
            }
        }
    }
    Ok(chunks)
}

/// Fills the buffer, or says that the file ends within it.
fn whole(log: &mut File, chunk: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(chunk) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn nearly_full(chunk: &[u8]) -> bool {
    let free = chunk.get(FREE_SPACE_AT..).and_then(<[u8]>::first_chunk).copied().map(u32::from_le_bytes);
    chunk.starts_with(b"ElfChnk\0")
        && free.is_some_and(|free| free > NEARLY_FULL && free as usize <= CHUNK_BYTES)
}

fn last_record_id(chunk: &[u8]) -> Option<u64> {
    chunk.get(LAST_RECORD_AT..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CHUNK_BYTES, HEADER_BLOCK_BYTES, dense, nearly_full};

    fn chunk(free: u32, mark: u8) -> Vec<u8> {
        let mut chunk = b"ElfChnk\0".to_vec();
        chunk.resize(CHUNK_BYTES, mark);
        chunk[48..52].copy_from_slice(&free.to_le_bytes());
        chunk
    }

    #[test]
    fn only_chunks_that_are_nearly_full_are_taken() {
        assert!(nearly_full(&chunk(48_001, 1)));
        assert!(nearly_full(&chunk(65_536, 1)));
        assert!(!nearly_full(&chunk(48_000, 1)));
        assert!(!nearly_full(&chunk(65_537, 1)), "a chunk cannot be fuller than full");
        assert!(!nearly_full(&vec![0; CHUNK_BYTES]));
        assert!(!nearly_full(b"ElfChnk\0"));
    }

    #[test]
    fn chunks_stay_as_they_are_and_begin_again_when_all_were_used() {
        let folder = tempfile::tempdir().unwrap();
        let (source, out) = (folder.path().join("in"), folder.path().join("out"));
        fs::create_dir_all(source.join("b")).unwrap();
        let log = |chunks: &[Vec<u8>]| [vec![0; HEADER_BLOCK_BYTES], chunks.concat()].concat();
        let cut_short = chunk(60_000, 9)[..1_000].to_vec();
        fs::write(source.join("b/2.evtx"), log(&[chunk(60_000, 2), cut_short])).unwrap();
        fs::write(source.join("a.EVTX"), log(&[chunk(600, 7), chunk(60_000, 1)])).unwrap();
        fs::write(source.join("empty.evtx"), b"").unwrap();
        fs::write(source.join("other.txt"), log(&[chunk(60_000, 8)])).unwrap();

        let written = dense(&source, &out, 2, 1).unwrap();
        assert_eq!((written.files, written.bytes), (2, 2 * (4_096 + 16 * 65_536)));
        let first = fs::read(out.join("dense-000.evtx")).unwrap();
        assert_eq!(first[42..44], [16, 0]);
        let marks: Vec<u8> =
            first[HEADER_BLOCK_BYTES..].chunks(CHUNK_BYTES).map(|chunk| chunk[1_000]).collect();
        assert_eq!(marks, [1, 2].repeat(8));
        assert!(first[HEADER_BLOCK_BYTES..].starts_with(&chunk(60_000, 1)));
    }

    #[test]
    fn a_folder_without_event_logs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(dense(folder.path(), &folder.path().join("out"), 1, 1).is_err());
    }
}
