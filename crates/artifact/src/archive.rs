//! Archives as folders: zip members are read at random, tar members as they come, gzip is seen through.
//!
//! Nothing is ever unpacked to a disk, so a member's name can traverse nowhere; it is only shown. Inflating is
//! limited by size and ratio, so a decompression bomb ends as a problem and not as an afternoon.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Members of one archive: a triage collection of a large server has some hundred thousand.
pub const MEMBER_COUNT_LIMIT: usize = 4_000_000;

/// A member may inflate this far whatever its ratio.
pub const INFLATED_FREE_BYTES: u64 = 1 << 30;

/// Beyond that, no log that we have seen packs better than this (deflate's own bound is 1,032).
pub const INFLATED_RATIO_LIMIT: u64 = 200;

/// An archive inside an archive is read into memory up to this size.
pub const NESTED_LIMIT_BYTES: u64 = 512 << 20;

/// Archives inside archives, at most this deep: a collection of collections is two.
pub const NESTED_DEPTH_LIMIT: usize = 3;

/// Bytes that can be read from several places at once: a file by position, or memory.
#[derive(Clone)]
pub struct Shared {
    body: Arc<Body>,
    position: u64,
}

enum Body {
    File(File, u64),
    Memory(Vec<u8>),
}

impl Shared {
    /// Opens a file for reading at any position.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { body: Arc::new(Body::File(file, length)), position: 0 })
    }

    /// Takes bytes in memory.
    pub fn memory(bytes: Vec<u8>) -> Self {
        Self { body: Arc::new(Body::Memory(bytes)), position: 0 }
    }

    fn length(&self) -> u64 {
        match &*self.body {
            Body::File(_, length) => *length,
            Body::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &*self.body {
            Body::File(file, _) => read_at(file, buffer, self.position)?,
            Body::Memory(bytes) => {
                let start = (self.position.min(bytes.len() as u64)) as usize;
                (&bytes[start..]).read(buffer)?
            }
        };
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(delta) => self.length().checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// A zip archive whose directory was read once and is shared by all who read members.
#[derive(Clone)]
pub struct Zip(zip::ZipArchive<Shared>);

/// What an archive says of a member.
#[derive(Debug, Clone)]
pub struct Member {
    /// Name inside the archive, with `/`.
    pub name: String,
    /// Bytes once inflated, as the archive claims.
    pub size: u64,
    /// Last modification, where it says so (DOS times have no zone; UTC is assumed).
    pub modified: Option<Timestamp>,
}

impl Zip {
    /// Reads the directory of a zip archive.
    pub fn open(source: Shared) -> io::Result<Self> {
        Ok(Self(zip::ZipArchive::new(source).map_err(io::Error::other)?))
    }

    /// How many members it has, folders included.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What it says of member `index`; none for a folder.
    pub fn member(&mut self, index: usize) -> io::Result<Option<Member>> {
        let file = self.0.by_index_raw(index).map_err(io::Error::other)?;
        if file.is_dir() {
            return Ok(None);
        }
        let modified = file.last_modified().and_then(dos_time);
        let name = String::from_utf8_lossy(file.name_raw()).replace('\\', "/");
        Ok(Some(Member { name, size: file.size(), modified }))
    }

    /// Reads member `index`.
    pub fn read<T>(&self, index: usize, read: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        let mut archive = self.0.clone();
        let member = archive.by_index(index).map_err(io::Error::other)?;
        let packed = member.compressed_size();
        Ok(read(&mut Bounded::new(member, packed)))
    }
}

fn dos_time(time: zip::DateTime) -> Option<Timestamp> {
    let date = DateTime::new(
        time.year() as i16,
        time.month() as i8,
        time.day() as i8,
        time.hour() as i8,
        time.minute() as i8,
        time.second().min(59) as i8,
        0,
    );
    // 1980-01-01 00:00 is what a writer without a clock puts there.
    date.ok()
        .filter(|date| *date != jiff::civil::date(1980, 1, 1).at(0, 0, 0, 0))
        .and_then(|date| TimeZone::UTC.to_timestamp(date).ok())
}

/// A reader that refuses to inflate without end.
pub struct Bounded<R> {
    inner: R,
    limit: u64,
    seen: u64,
}

impl<R: Read> Bounded<R> {
    /// Limits what comes out of `packed` compressed bytes.
    pub fn new(inner: R, packed: u64) -> Self {
        let limit = packed.saturating_mul(INFLATED_RATIO_LIMIT).max(INFLATED_FREE_BYTES);
        Self { inner, limit, seen: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.seen += count as u64;
        if self.seen > self.limit {
            let message =
                format!("inflates beyond {} bytes, more than any log does: a decompression bomb", self.limit);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(count)
    }
}

/// Sees through gzip; several members one after another are one stream, as `gzip` itself reads them.
pub fn gunzip<R: Read>(source: R, packed: u64) -> Bounded<flate2::read::MultiGzDecoder<R>> {
    Bounded::new(flate2::read::MultiGzDecoder::new(source), packed)
}

/// Reads the members of a tar stream in their order, and says how many there were.
pub fn tar_members(
    source: impl Read,
    mut each: impl FnMut(Member, &mut dyn Read),
) -> (usize, io::Result<()>) {
    let mut archive = tar::Archive::new(source);
    let mut count = 0;
    let outcome = (|| {
        for entry in archive.entries()? {
            let mut entry = entry?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            count += 1;
            if count > MEMBER_COUNT_LIMIT {
                return Err(io::Error::other(format!("more than {MEMBER_COUNT_LIMIT} members")));
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let modified = entry.header().mtime().ok().and_then(|s| Timestamp::from_second(s as i64).ok());
            each(Member { name, size: entry.size(), modified }, &mut entry);
        }
        Ok(())
    })();
    (count, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn inflating_without_end_is_refused() {
        let mut bomb = Bounded::new(io::repeat(b'a'), 4096);
        let error = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("bomb"), "{error}");
    }

    #[test]
    fn a_member_may_call_itself_anything() {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        zip.start_file("../../etc/passwd\u{1b}", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"x").unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        let mut zip = Zip::open(Shared::memory(bytes)).unwrap();
        let member = zip.member(0).unwrap().unwrap();
        assert_eq!(crate::WindowsPath::find(&member.name).as_str(), "\\etc\\passwd\u{1b}");
        let read = zip.read(0, |member| crate::lines::read_limited(member, 10)).unwrap().unwrap();
        assert_eq!(read.0, b"x");
    }

    #[test]
    fn several_gzip_members_are_one_stream() {
        let pack = |text: &[u8]| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(text).unwrap();
            packed.finish().unwrap()
        };
        let bytes = [pack(b"a\n"), pack(b"b\n")].concat();
        let read = crate::lines::read_limited(gunzip(&bytes[..], bytes.len() as u64), 100).unwrap();
        assert_eq!(read.0, b"a\nb\n");
    }
}
