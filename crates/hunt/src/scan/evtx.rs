//! Scanning Windows event files: a record's template decides which rules can ask, before any value is decoded.
//!
//! Whatever is the same for all records of a form, channel, provider and event id is worked out once, as a [`Class`],
//! and found again by those bytes. What is left for a record is to look up what its values woke before.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_artifact::event::{Deciding, Event};
use watchfire_artifact::evtx::{
    self, Chunk, Chunks, Content, Damage, Found, RawRecord, Reader, Record, Stored,
};
use watchfire_artifact::text::into_printable;
use watchfire_artifact::{Kind, Place, Problem};
use watchfire_sigma::{Memory, Scratch};

use super::events;
use super::hits::Hit;
use super::matchers::{EventMatcher, EventRecord, FormedRecord, Places};
use super::part::{Part, RAW_LIMIT_BYTES, artifact_name};
use super::{File, Scanner, intel};
use crate::details::{Details, ShownField};
use crate::tally::{self, Tally};

/// Damage of one kind is named place by place up to here in one unit, then counted.
const DAMAGE_NAMED: u64 = 3;

/// Fields that decide, besides the template, which rules can ask.
pub(crate) const DECIDING: [&str; 3] =
    [Deciding::Channel.name(), Deciding::EventId.name(), Deciding::Provider.name()];

/// 100 ns in an hour.
const HOUR_TICKS: u64 = 36_000_000_000;

/// What one thread knows of templates and classes; units pass it on to one another.
#[derive(Default)]
pub(super) struct Worker {
    reader: Reader,
    forms: Vec<FormFields>,
    classes: Vec<Class>,
    /// By form and the bytes of the deciding values.
    by_signature: FxHashMap<Box<[u8]>, usize>,
    signature: Vec<u8>,
    scratch: Scratch,
    found: Vec<usize>,
    /// Texts of a record, where indicators are looked for.
    text: Vec<u8>,
}

/// Where in a form the fields stand that every event should have.
struct FormFields {
    deciding: [Option<usize>; 3],
    computer: Option<usize>,
    time: Option<usize>,
    client: [Option<usize>; 2],
    number: Option<usize>,
}

/// Records of one form, channel, event id and provider.
struct Class {
    compiled: Arc<EventMatcher>,
    places: Places,
    memory: Memory,
    artifact: Arc<str>,
    /// By rule that was hit, and whether its record can be read again, the names to keep and the numbers of their fields.
    shown: FxHashMap<(usize, bool), NamedFields>,
}

/// Names to show, and the numbers of their fields in a form.
type NamedFields = Vec<(Arc<str>, usize)>;

/// Scans the chunks of a file, or of a range of one.
pub(super) fn scan<R: Read>(
    scanner: &Scanner<'_>,
    file: &File<'_>,
    mut chunks: Chunks<R>,
    part: &mut Part,
) -> io::Result<()> {
    let mut worker = scanner.workers.take(Worker::default);
    worker.scratch = scanner.scratch();
    worker.reader.next_file();
    let mut scan = Scan {
        scanner,
        file,
        part,
        worker: &mut worker,
        seen: Seen::default(),
        damage: BTreeMap::new(),
        leftovers: 0,
    };
    let mut any = false;
    let outcome = loop {
        match chunks.next_chunk() {
            Ok(Some(Found::Chunk(chunk))) => {
                any = true;
                scan.chunk(&chunk);
            }
            Ok(Some(Found::Lost(range))) => scan.damaged(range.start, "bytes that are no chunk of events"),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if !any {
        scan.damaged(chunks.offset(), "no chunk of events here: empty, or lost");
    }
    scan.finish();
    scanner.scratches.give_back(std::mem::take(&mut worker.scratch));
    scanner.workers.give_back(worker);
    outcome
}

struct Scan<'s, 'c> {
    scanner: &'s Scanner<'c>,
    file: &'s File<'s>,
    part: &'s mut Part,
    worker: &'s mut Worker,
    seen: Seen,
    /// How often each kind of damage was met.
    damage: BTreeMap<&'static str, u64>,
    /// Records behind the end of a chunk that cannot be read any more.
    leftovers: u64,
}

impl Scan<'_, '_> {
    fn chunk(&mut self, chunk: &Chunk<'_>) {
        if let Some(Damage { at, what }) = chunk.damage() {
            self.damaged(chunk.offset + at as u64, what);
        }
        for raw in chunk.records() {
            let recovered = raw.as_ref().is_ok_and(|raw| raw.recovered);
            match raw.and_then(|raw| self.record(chunk, &raw)) {
                Ok(()) => {}
                // What is left of old records is often left in part.
                Err(_) if recovered => self.leftovers += 1,
                Err(Damage { at, what }) => self.damaged(chunk.offset + at as u64, what),
            }
        }
    }

    fn record(&mut self, chunk: &Chunk<'_>, raw: &RawRecord) -> Result<(), Damage> {
        let Worker { reader, forms, classes, by_signature, signature, scratch, found, text } =
            &mut *self.worker;
        let record = match reader.read(chunk, raw)? {
            evtx::Read::Formed(record) => record,
            evtx::Read::Walked(event) => {
                self.walked(&event, chunk, raw);
                return Ok(());
            }
        };
        if record.number >= forms.len() {
            // Forms are numbered in the order in which they turn up.
            forms.push(FormFields::of(&record));
        }
        let fields = &forms[record.number];
        sign(signature, &record, fields);
        let class = by_signature.get(signature.as_slice()).copied().unwrap_or_else(|| {
            classes.push(Class::new(self.scanner, self.file, &record, fields));
            by_signature.insert(signature.as_slice().into(), classes.len() - 1);
            classes.len() - 1
        });
        let class = &mut classes[class];
        let host = fields.computer.and_then(|field| record.first(field));
        let written = fields.time.and_then(|field| ticks(record.first(field)?)).unwrap_or(raw.written);
        if !raw.recovered {
            self.seen.note(host, &class.artifact, written);
        }
        found.clear();
        if class.compiled.matcher.is_empty() && self.scanner.content.intel.is_empty() {
            return Ok(());
        }
        let formed = FormedRecord { record: &record, places: &class.places };
        class.compiled.matcher.evaluate_remembering(&formed, &mut class.memory, scratch, found);
        intel::add_record(self.scanner.content, &record, text, found);
        if found.is_empty() {
            return Ok(());
        }
        let text = |field: usize| Some(record.first(field)?.text().into_owned());
        let client = events::client(fields.client.iter().filter_map(|field| text((*field)?)));
        let number = fields.number.and_then(text).and_then(|number| number.parse().ok());
        let of = Of { host, artifact: &class.artifact, written, client, number };
        let (shown, compiled) = (&mut class.shown, &class.compiled);
        let again = can_be_read_again(self.file, chunk);
        hits(self.file, self.part, &of, (chunk, raw), found, |rule| {
            let places = shown
                .entry((rule, again))
                .or_insert_with(|| compiled.shown(rule, again, |name| record.form.field(name)));
            places.iter().filter_map(|(name, field)| Some((Arc::clone(name), text(*field)?))).collect()
        });
        Ok(())
    }

    /// A record that is not like others goes the way of events as JSON.
    fn walked(&mut self, event: &Event<'_>, chunk: &Chunk<'_>, raw: &RawRecord) {
        let of = |field| event.of(field).unwrap_or_default();
        let artifacts = &self.scanner.content.artifacts;
        let artifact: Arc<str> =
            artifact_name(Kind::Evtx, &self.file.path, Some(&of(Deciding::Channel)), artifacts).into();
        let host = event.of(Deciding::Computer);
        let host = host.as_deref().map(Content::Constant);
        let written = event.utc.map_or(raw.written, evtx::to_filetime);
        if !raw.recovered {
            self.seen.note(host, &artifact, written);
        }
        let matcher = self.scanner.matchers.events(
            &of(Deciding::Channel),
            &of(Deciding::EventId),
            &of(Deciding::Provider),
        );
        let mut found = Vec::new();
        let record = EventRecord { event, wanted: matcher.matcher.wanted() };
        matcher.matcher.evaluate(&record, &mut self.worker.scratch, &mut found);
        for (_, value) in event.fields() {
            intel::add(self.scanner.content, value.as_bytes(), &mut found);
        }
        let client = events::client(events::CLIENTS.iter().filter_map(|name| event.first(name)));
        let number = event.first("EventRecordID").and_then(|number| number.parse().ok());
        let of = Of { host, artifact: &artifact, written, client, number };
        hits(self.file, self.part, &of, (chunk, raw), &found, |rule| {
            matcher.shown(rule, can_be_read_again(self.file, chunk), |name| {
                event.first(name).map(Cow::into_owned)
            })
        });
    }

    fn damaged(&mut self, offset: u64, what: &'static str) {
        let count = self.damage.entry(what).or_default();
        *count += 1;
        if *count <= DAMAGE_NAMED {
            self.part.problems.push(Problem::at(&self.file.evidence.path, offset, what));
        }
    }

    fn finish(self) {
        for (what, count) in self.damage {
            if count > DAMAGE_NAMED {
                let what = format!("{} more times: {what}", count - DAMAGE_NAMED);
                self.part.problems.push(Problem::file(&self.file.evidence.path, what));
            }
        }
        if self.leftovers > 0 {
            let what = format!(
                "{} records left from an earlier use of the file cannot be read: their templates were written over",
                self.leftovers
            );
            self.part.problems.push(Problem::file(&self.file.evidence.path, what));
        }
        self.seen.add_to(self.part);
    }
}

/// What the hits of one record have in common.
struct Of<'a> {
    host: Option<Content<'a>>,
    artifact: &'a Arc<str>,
    written: u64,
    client: Option<IpAddr>,
    /// The number that the event itself states. Logs that were exported count their records anew; people and other
    /// tools know an event by this one.
    number: Option<u64>,
}

/// Notes the rules that a record hits.
fn hits(
    file: &File<'_>,
    part: &mut Part,
    of: &Of<'_>,
    (chunk, raw): (&Chunk<'_>, &RawRecord),
    found: &[usize],
    mut shown: impl FnMut(usize) -> Vec<ShownField>,
) {
    if found.is_empty() {
        return;
    }
    let source = part.source(of.host.as_ref().map(Content::text).as_deref(), of.artifact, of.client);
    let number = of.number.unwrap_or(raw.number);
    let place = Place::Record { number, offset: chunk.offset + raw.at as u64 };
    for &rule in found {
        if !part.wants(rule) {
            continue;
        }
        let details = Details {
            fields: shown(rule),
            // A record of a plain file is written out when a report wants to see it.
            raw: (!can_be_read_again(file, chunk)).then(|| event_xml(chunk, raw).into()),
            ..Details::default()
        };
        let hit = Hit::utc(rule, source, evtx::filetime(of.written), place).with(details);
        part.hits.push(&Hit { recovered: raw.recovered, ..hit });
    }
}

/// A record as XML that is safe to show, cut to what is kept of any record.
pub(crate) fn event_xml(chunk: &Chunk<'_>, raw: &RawRecord) -> String {
    let (mut xml, _) = evtx::xml(chunk, &raw.xml);
    xml.truncate(xml.floor_char_boundary(RAW_LIMIT_BYTES));
    into_printable(xml)
}

fn can_be_read_again(file: &File<'_>, chunk: &Chunk<'_>) -> bool {
    file.evidence.is_plain_file() && evtx::chunk_of(chunk.offset) == chunk.offset
}

impl FormFields {
    fn of(record: &Record<'_>) -> Self {
        let field = |name: &str| record.form.field(name);
        Self {
            deciding: DECIDING.map(field),
            computer: field("Computer"),
            time: field("SystemTime"),
            client: events::CLIENTS.map(field),
            number: field("EventRecordID"),
        }
    }
}

impl Class {
    fn new(scanner: &Scanner<'_>, file: &File<'_>, record: &Record<'_>, fields: &FormFields) -> Self {
        let deciding: Vec<(&str, String)> = DECIDING
            .iter()
            .zip(fields.deciding)
            .filter_map(|(name, field)| Some((*name, record.first(field?)?.text().into_owned())))
            .collect();
        let channel =
            deciding.iter().find(|(name, _)| *name == "Channel").map(|(_, channel)| channel.as_str());
        let artifact = artifact_name(Kind::Evtx, &file.path, channel, &scanner.content.artifacts);
        let compiled = scanner.matchers.formed(record.form, &deciding);
        let places = Places::new(&compiled.matcher, record.form);
        Self {
            compiled,
            places,
            memory: Memory::new(),
            artifact: artifact.into(),
            shown: FxHashMap::default(),
        }
    }
}

/// Writes down what a class is known again by.
fn sign(signature: &mut Vec<u8>, record: &Record<'_>, fields: &FormFields) {
    signature.clear();
    signature.extend_from_slice(&(record.number as u32).to_le_bytes());
    for field in fields.deciding {
        // What the template says is said by the form's number.
        if let Some(Content::Stored(Stored { kind, bytes })) = field.and_then(|field| record.first(field)) {
            signature.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            signature.push(kind);
            signature.extend_from_slice(bytes);
        } else {
            signature.extend_from_slice(&u32::MAX.to_le_bytes());
        }
    }
}

/// The time of a record, as it is stored.
fn ticks(content: Content<'_>) -> Option<u64> {
    match content {
        Content::Stored(stored) => stored.ticks(),
        Content::Constant(_) => None,
    }
}

/// Kind and bytes of a host's name as stored, and an artifact.
type Source = (u8, Box<[u8]>, Arc<str>);

/// What was seen of each host and artifact, counted without making a time of every number.
#[derive(Default)]
struct Seen {
    rows: Vec<Row>,
    /// A collector of many hosts has their records take turns.
    places: FxHashMap<Source, usize>,
    /// The row of the record before: nearly always that of the next.
    last: usize,
}

struct Row {
    /// Kind and bytes of the host's name as stored, and its text.
    stored: (u8, Box<[u8]>),
    host: Option<String>,
    artifact: Arc<str>,
    records: u64,
    first: u64,
    latest: u64,
    hours: FxHashMap<u64, u64>,
    hour: u64,
    in_hour: u64,
}

impl Seen {
    fn note(&mut self, host: Option<Content<'_>>, artifact: &Arc<str>, ticks: u64) {
        let stored = match &host {
            Some(Content::Stored(Stored { kind, bytes })) => (*kind, *bytes),
            Some(Content::Constant(text)) => (u8::MAX, text.as_bytes()),
            None => (0, &b""[..]),
        };
        let is = |row: &Row| (row.stored.0, &*row.stored.1) == stored && *row.artifact == **artifact;
        if !self.rows.get(self.last).is_some_and(is) {
            let source = (stored.0, stored.1.into(), Arc::clone(artifact));
            self.last = *self.places.entry(source).or_insert_with(|| {
                self.rows.push(Row::new(stored, host.map(|host| host.text().into_owned()), artifact));
                self.rows.len() - 1
            });
        }
        self.rows[self.last].note(ticks);
    }

    fn add_to(mut self, part: &mut Part) {
        for row in &mut self.rows {
            row.end_hour();
            let tally = part.tally(row.host.as_deref(), &row.artifact);
            let time = evtx::filetime;
            let mut seen = Tally {
                records: row.records,
                first: time(row.first),
                last: time(row.latest),
                ..Tally::default()
            };
            for (&hour, &records) in &row.hours {
                if let Some(time) = time(hour * HOUR_TICKS) {
                    seen.hours.insert(tally::hour(time), records);
                }
            }
            tally.add(&seen, 0);
        }
    }
}

impl Row {
    fn new((kind, bytes): (u8, &[u8]), host: Option<String>, artifact: &Arc<str>) -> Self {
        Self {
            stored: (kind, bytes.into()),
            host,
            artifact: Arc::clone(artifact),
            records: 0,
            first: u64::MAX,
            latest: 0,
            hours: FxHashMap::default(),
            hour: 0,
            in_hour: 0,
        }
    }

    fn note(&mut self, ticks: u64) {
        self.records += 1;
        self.first = self.first.min(ticks);
        self.latest = self.latest.max(ticks);
        let hour = ticks / HOUR_TICKS;
        if hour != self.hour {
            self.end_hour();
            self.hour = hour;
        }
        self.in_hour += 1;
    }

    fn end_hour(&mut self) {
        if self.in_hour > 0 {
            *self.hours.entry(self.hour).or_default() += std::mem::take(&mut self.in_hour);
        }
    }
}
