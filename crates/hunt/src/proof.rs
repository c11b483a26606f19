//! The record behind a finding, as text: kept from the scan, or read again when a report shows it.
//!
//! A hunt over event files can have a finding for every fourth record, and their texts would fill the memory many
//! times over. So a record of a plain event file is known by its place, and written out when somebody looks.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use watchfire_artifact::evtx::{self, CHUNK_BYTES, Chunk};
use watchfire_artifact::lines::read_limited;
use watchfire_artifact::text::into_printable;
use watchfire_artifact::{Evidence, Locator};

use crate::scan::RAW_LIMIT_BYTES;

/// Chunks that are kept: findings are told by time, and the logs of one host take turns.
const CHUNKS_KEPT: usize = 64;

/// The record's bytes, as text that is safe to show.
#[derive(Debug, Clone)]
pub enum Raw {
    /// As it was kept.
    Kept(String),
    /// A record of an event file.
    Event(EventPlace),
}

/// Where a record of an event file stands.
#[derive(Clone)]
pub struct EventPlace {
    events: Arc<EventFiles>,
    file: u32,
    offset: u64,
}

impl fmt::Debug for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventPlace({}, {})", self.file, self.offset)
    }
}

impl Raw {
    /// The text; of a record that cannot be read any more, what was wrong.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Raw::Kept(text) => Cow::Borrowed(text),
            Raw::Event(place) => Cow::Owned(place.events.text(place.file, place.offset)),
        }
    }
}

/// The plain event files of a hunt, and the chunks of them that were read last.
pub(crate) struct EventFiles {
    /// By evidence; empty for other evidence.
    paths: Vec<PathBuf>,
    chunks: Mutex<VecDeque<(u32, u64, Vec<u8>)>>,
}

impl EventFiles {
    pub(crate) fn of(evidence: &[Evidence]) -> Arc<Self> {
        let path = |evidence: &Evidence| match &evidence.locator {
            Locator::File(path) => path.clone(),
            _ => PathBuf::new(),
        };
        Arc::new(Self { paths: evidence.iter().map(path).collect(), chunks: Mutex::default() })
    }

    /// The record that begins at an offset of a file.
    pub(crate) fn raw(self: &Arc<Self>, file: usize, offset: u64) -> Raw {
        Raw::Event(EventPlace { events: Arc::clone(self), file: file as u32, offset })
    }

    fn text(&self, file: u32, offset: u64) -> String {
        let start = evtx::chunk_of(offset);
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = chunks.iter().position(|(other, at, _)| (*other, *at) == (file, start));
        let found = known.and_then(|at| chunks.remove(at)).map_or_else(|| self.read(file, start), Ok);
        match found {
            Ok(chunk) => {
                let text = record(&Chunk { offset: start, bytes: &chunk.2 }, offset);
                chunks.push_front((file, start, chunk.2));
                chunks.truncate(CHUNKS_KEPT);
                text
            }
            Err(error) => format!("(cannot be read again: {error})"),
        }
    }

    fn read(&self, file: u32, start: u64) -> io::Result<(u32, u64, Vec<u8>)> {
        let path = self.paths.get(file as usize).ok_or(io::ErrorKind::NotFound)?;
        let mut source = std::fs::File::open(path)?;
        io::Seek::seek(&mut source, io::SeekFrom::Start(start))?;
        Ok((file, start, read_limited(source, CHUNK_BYTES as u64)?.0))
    }
}

/// The record of a chunk that begins at an offset of the file.
fn record(chunk: &Chunk<'_>, offset: u64) -> String {
    let at = (offset - chunk.offset) as usize;
    chunk.record_at(at).map_or_else(|| "(no longer where it was)".to_owned(), |raw| xml(chunk, &raw))
}

/// A record as XML that is safe to show, cut to what is kept of any record.
pub(crate) fn xml(chunk: &Chunk<'_>, raw: &evtx::RawRecord) -> String {
    let (mut xml, _) = evtx::xml(chunk, &raw.xml);
    xml.truncate(xml.floor_char_boundary(RAW_LIMIT_BYTES));
    into_printable(xml)
}
