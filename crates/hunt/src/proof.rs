//! The record behind a finding, as text: kept from the scan, or read again when a report shows it.
//!
//! A hunt over event files can have a finding for every fourth record, and their texts would fill the memory many
//! times over. So a record of a plain event file is known by its place, and written out when somebody looks; so are
//! the values of the fields that its rule compares.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use watchfire_artifact::evtx::{self, CHUNK_BYTES, Chunk, RawRecord, Read, Reader};
use watchfire_artifact::lines::read_limited;
use watchfire_artifact::{Evidence, Locator};
use watchfire_sigma::{ClassKey, Fields, Rules};

use crate::details::{ShownField, on_one_line};
use crate::scan::{DECIDING, EVENT_CLASS, event_xml};

/// Chunks that are kept: findings are told by time, and the logs of one host take turns.
const CHUNKS_KEPT: usize = 64;

/// A plain event file whose records can be read again.
#[derive(Debug, Clone)]
pub(crate) struct EventFile {
    events: Arc<EventFiles>,
    /// By its place in the evidence.
    file: u32,
}

impl EventFile {
    /// The record at an offset as text that is safe to show; where it cannot be read any more, what is wrong.
    pub(crate) fn text(&self, offset: u64) -> String {
        match self.read(offset, |chunk, raw, _| event_xml(chunk, raw)) {
            Ok(Some(text)) => text,
            Ok(None) => "(no longer where it was)".to_owned(),
            Err(error) => format!("(cannot be read again: {error})"),
        }
    }

    /// The values of fields of the record at an offset, by a rule's names for them.
    pub(crate) fn fields(&self, offset: u64, rule: u32, names: &[String]) -> Vec<ShownField> {
        let fields =
            self.read(offset, |chunk, raw, learnt| self.of_record(rule, names, (chunk, raw), learnt));
        fields.ok().flatten().unwrap_or_default()
    }

    /// What `look` makes of the record; none where it is no longer.
    fn read<T>(
        &self,
        offset: u64,
        look: impl FnOnce(&Chunk<'_>, &RawRecord, &mut Learnt) -> T,
    ) -> io::Result<Option<T>> {
        self.events.chunk(self.file, evtx::chunk_of(offset), |chunk, learnt| {
            let at = (offset - chunk.offset) as usize;
            chunk.record_at(at).map(|raw| look(chunk, &raw, learnt))
        })
    }

    fn of_record(
        &self,
        rule: u32,
        names: &[String],
        (chunk, raw): (&Chunk<'_>, &RawRecord),
        Learnt { reader, own, .. }: &mut Learnt,
    ) -> Vec<ShownField> {
        match reader.read(chunk, raw) {
            Ok(Read::Formed(record)) => self.named(rule, names, own, |name| {
                let content = record.first(record.form.field(name)?)?;
                Some(content.text().into_owned())
            }),
            Ok(Read::Walked(event)) => {
                self.named(rule, names, own, |name| event.first(name).map(Cow::into_owned))
            }
            Err(_) => Vec::new(),
        }
    }

    /// The fields by a rule's names, of a record whose own names `value` knows.
    fn named(
        &self,
        rule: u32,
        names: &[String],
        known: &mut OwnNames,
        value: impl Fn(&str) -> Option<String>,
    ) -> Vec<ShownField> {
        let deciding = DECIDING.map(|name| value(name).unwrap_or_default());
        let own = known.entry((rule, deciding)).or_insert_with_key(|(rule, deciding)| {
            let constants: Vec<_> = DECIDING.into_iter().zip(deciding.iter().map(String::as_str)).collect();
            let class = ClassKey { class: EVENT_CLASS, constants: &constants, fields: Fields::Open };
            let own = |name| self.events.rules.own_name(&class, *rule as usize, name).into_owned();
            names.iter().map(|name| (name.as_str().into(), own(name))).collect()
        });
        own.iter().filter_map(|(name, own)| Some((Arc::clone(name), on_one_line(value(own)?)))).collect()
    }
}

/// By a rule and the deciding values of a record, the rule's names and the record's own.
type OwnNames = FxHashMap<(u32, [String; 3]), Vec<(Arc<str>, String)>>;

/// What was learnt of templates and names.
#[derive(Default)]
struct Learnt {
    reader: Reader,
    /// The chunk that it read last.
    last: Option<(u32, u64)>,
    own: OwnNames,
}

/// What reading records again needs: the chunks that were read last, and what was learnt.
#[derive(Default)]
struct Again {
    chunks: VecDeque<(u32, u64, Vec<u8>)>,
    learnt: Learnt,
}

impl Again {
    fn look<T>(
        &mut self,
        file: u32,
        start: u64,
        read: impl FnOnce() -> io::Result<(u32, u64, Vec<u8>)>,
        look: impl FnOnce(&Chunk<'_>, &mut Learnt) -> T,
    ) -> io::Result<T> {
        let Self { chunks, learnt } = self;
        let known = chunks.iter().position(|(other, at, _)| (*other, *at) == (file, start));
        let (.., bytes) = known.and_then(|at| chunks.remove(at)).map_or_else(read, Ok)?;
        // The chunk before may have been of another file, at the same place.
        if learnt.last.replace((file, start)) != Some((file, start)) {
            learnt.reader.next_file();
        }
        let seen = look(&Chunk { offset: start, bytes: &bytes }, learnt);
        chunks.push_front((file, start, bytes));
        chunks.truncate(CHUNKS_KEPT);
        Ok(seen)
    }
}

impl fmt::Debug for EventFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventFiles({})", self.paths.len())
    }
}

/// The plain event files of a hunt, and the chunks of them that were read last.
pub(crate) struct EventFiles {
    rules: Arc<Rules>,
    /// By evidence; empty for other evidence.
    paths: Vec<PathBuf>,
    /// As many as there are threads that look.
    again: Mutex<Vec<Again>>,
}

impl EventFiles {
    pub(crate) fn of(evidence: &[Evidence], rules: &Arc<Rules>) -> Arc<Self> {
        let path = |evidence: &Evidence| match &evidence.locator {
            Locator::File(path) => path.clone(),
            _ => PathBuf::new(),
        };
        let paths = evidence.iter().map(path).collect();
        Arc::new(Self { rules: Arc::clone(rules), paths, again: Mutex::default() })
    }

    /// One of the files, by its place in the evidence; none where it is no plain file.
    pub(crate) fn file(self: &Arc<Self>, evidence: usize) -> Option<EventFile> {
        let plain = self.paths.get(evidence).is_some_and(|path| !path.as_os_str().is_empty());
        plain.then(|| EventFile { events: Arc::clone(self), file: evidence as u32 })
    }

    /// What `look` makes of the chunk that begins at an offset of a file.
    fn chunk<T>(
        &self,
        file: u32,
        start: u64,
        look: impl FnOnce(&Chunk<'_>, &mut Learnt) -> T,
    ) -> io::Result<T> {
        let spare = || self.again.lock().unwrap_or_else(PoisonError::into_inner);
        let mut again = spare().pop().unwrap_or_default();
        let seen = again.look(file, start, || self.read(file, start), look);
        spare().push(again);
        seen
    }

    fn read(&self, file: u32, start: u64) -> io::Result<(u32, u64, Vec<u8>)> {
        let path = self.paths.get(file as usize).ok_or(io::ErrorKind::NotFound)?;
        let mut source = std::fs::File::open(path)?;
        io::Seek::seek(&mut source, io::SeekFrom::Start(start))?;
        Ok((file, start, read_limited(source, CHUNK_BYTES as u64)?.0))
    }
}
