//! Scanning Windows events as JSON lines: every line is parsed, because channel and event id decide which rules ask.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_artifact::event::{Deciding, Event, EventError, Room};
use watchfire_artifact::lines::{self, Chunk, Chunks};
use watchfire_artifact::text::text;
use watchfire_artifact::{Kind, Place, Problem};
use watchfire_sigma::Scratch;

use super::hits::Hit;
use super::matchers::EventMatcher;
use super::part::{Part, RAW_LIMIT_BYTES, artifact_name};
use super::shape::Shapes;
use super::{File, Scanner, intel};
use crate::details::Details;
use crate::tally::Tally;

/// Lines that cannot be read are named one by one up to here, then counted.
const BAD_LINES_NAMED: u64 = 3;

/// A quarter of an hour: the smallest step between time zones.
const QUARTER_S: i64 = 900;

/// Scans the chunks of a file of events.
pub(super) fn scan<R: Read>(
    scanner: &Scanner<'_>,
    file: &File<'_>,
    mut chunks: Chunks<R>,
    part: &mut Part,
) -> io::Result<()> {
    let mut scan = Scan {
        scanner,
        file,
        part,
        scratch: scanner.scratch(),
        room: Room::default(),
        classes: FxHashMap::default(),
        signature: Vec::new(),
        rows: Vec::new(),
        places: FxHashMap::default(),
        last: 0,
        bad: 0,
    };
    let outcome = chunks.for_each(|chunk| scan.chunk(chunk));
    scanner.scratches.give_back(std::mem::take(&mut scan.scratch));
    scan.finish();
    outcome
}

struct Scan<'s, 'c> {
    scanner: &'s Scanner<'c>,
    file: &'s File<'s>,
    part: &'s mut Part,
    scratch: Scratch,
    room: Room,
    /// By channel, event id and provider.
    classes: FxHashMap<Box<[u8]>, Class>,
    signature: Vec<u8>,
    rows: Vec<Row>,
    /// By host and artifact: a collector of many hosts has their events take turns.
    places: FxHashMap<(Option<Box<str>>, Arc<str>), usize>,
    /// The row of the event before: nearly always that of the next.
    last: usize,
    bad: u64,
}

/// Events of one channel, event id and provider.
struct Class {
    matcher: Arc<EventMatcher>,
    artifact: Arc<str>,
    shapes: Shapes,
}

/// What was seen of one artifact of one host.
struct Row {
    host: Option<Box<str>>,
    artifact: Arc<str>,
    tally: Tally,
    /// Some have no time but the stated one.
    stated: bool,
    /// How often the stated time ran ahead of UTC by so many quarters of an hour.
    clocks: BTreeMap<i64, u64>,
}

impl Scan<'_, '_> {
    fn chunk(&mut self, chunk: &Chunk<'_>) {
        for line in lines::ranges(chunk.text) {
            match Event::parse_in(&chunk.text[line.clone()], &mut self.room) {
                Ok(Some(event)) => {
                    self.event(&event, chunk.offset_of(line.start), &chunk.text[line]);
                    self.room = event.into_room();
                }
                Ok(None) => {}
                Err(error) => self.bad_line(chunk.offset_of(line.start), &error),
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, offset: u64, line: &[u8]) {
        let host = event.of(Deciding::Computer);
        self.sign(event);
        if !self.classes.contains_key(self.signature.as_slice()) {
            let class = self.class(event);
            self.classes.insert(self.signature.as_slice().into(), class);
        }
        let class = self.classes.get_mut(self.signature.as_slice()).expect("it was put there");
        let (matcher, artifact) = (Arc::clone(&class.matcher), Arc::clone(&class.artifact));
        let mut found = Vec::new();
        if !matcher.matcher.is_empty() {
            class.shapes.evaluate(&matcher.matcher, event, &mut self.scratch, &mut found);
        }
        self.note(host.as_deref(), &artifact, event);
        intel::add(self.scanner.content, line, &mut found);
        for rule in found {
            if !self.part.wants(rule) {
                continue;
            }
            let details = Details {
                fields: matcher.shown(rule, false, |name| event.first(name).map(Cow::into_owned)),
                raw: Some(text(&line[..line.len().min(RAW_LIMIT_BYTES)]).into()),
                ..Details::default()
            };
            let client = client(CLIENTS.iter().filter_map(|name| event.first(name)));
            let source = self.part.source(host.as_deref(), &artifact, client);
            let place = Place::Offset(offset);
            let hit = match event.utc {
                Some(_) => Hit::utc(rule, source, event.utc, place),
                None => Hit::stated(rule, source, event.stated, place),
            };
            self.part.hits.push(&hit.with(details));
        }
    }

    /// Writes down what the event's class is known by.
    fn sign(&mut self, event: &Event<'_>) {
        self.signature.clear();
        for field in [Deciding::Channel, Deciding::EventId, Deciding::Provider] {
            let value = event.of(field).unwrap_or_default();
            self.signature.extend_from_slice(&(value.len() as u32).to_le_bytes());
            self.signature.extend_from_slice(value.as_bytes());
        }
    }

    fn class(&self, event: &Event<'_>) -> Class {
        let of = |field| event.of(field).unwrap_or_default();
        let channel = &*of(Deciding::Channel);
        let artifacts = &self.scanner.content.artifacts;
        Class {
            matcher: self.scanner.matchers.events(channel, &of(Deciding::EventId), &of(Deciding::Provider)),
            artifact: artifact_name(Kind::EventsJson, &self.file.path, Some(channel), artifacts).into(),
            shapes: Shapes::default(),
        }
    }

    /// Counts the event for its host and artifact.
    fn note(&mut self, host: Option<&str>, artifact: &Arc<str>, event: &Event<'_>) {
        let is = |row: &Row| row.host.as_deref() == host && *row.artifact == **artifact;
        if !self.rows.get(self.last).is_some_and(is) {
            let source = (host.map(Box::from), Arc::clone(artifact));
            self.last = *self.places.entry(source).or_insert_with_key(|(host, artifact)| {
                self.rows.push(Row {
                    host: host.clone(),
                    artifact: Arc::clone(artifact),
                    tally: Tally::default(),
                    stated: false,
                    clocks: BTreeMap::new(),
                });
                self.rows.len() - 1
            });
        }
        let row = &mut self.rows[self.last];
        row.tally.note(event.utc.or(event.stated), 1);
        row.stated |= event.utc.is_none();
        if let (Some(utc), Some(stated)) = (event.utc, event.stated) {
            let ahead = stated.as_second() - utc.as_second();
            let quarters = (ahead as f64 / QUARTER_S as f64).round() as i64;
            *row.clocks.entry(quarters).or_default() += 1;
        }
    }

    fn bad_line(&mut self, offset: u64, error: &EventError) {
        self.bad += 1;
        if self.bad <= BAD_LINES_NAMED {
            self.part.problems.push(Problem::at(&self.file.evidence.path, offset, error.to_string()));
        }
    }

    fn finish(self) {
        for Row { host, artifact, tally, stated, clocks } in self.rows {
            for (quarters, count) in clocks {
                *self.part.clocks.entry((host.as_deref().map(str::to_owned), quarters)).or_default() += count;
            }
            if stated {
                self.part.stated.insert((host.as_deref().map(str::to_owned), artifact.to_string()));
            }
            self.part.tally(host.as_deref(), &artifact).add(&tally, 0);
        }
        if self.bad > BAD_LINES_NAMED {
            let what = format!("{} more lines are no events", self.bad - BAD_LINES_NAMED);
            self.part.problems.push(Problem::file(&self.file.evidence.path, what));
        }
    }
}

/// Fields that name the address at the other end.
pub(super) const CLIENTS: [&str; 2] = ["IpAddress", "SourceAddress"];

/// The address at the other end, as the first of these texts names it, where that is not the host itself.
pub(super) fn client<T: AsRef<str>>(mut named: impl Iterator<Item = T>) -> Option<IpAddr> {
    let address: IpAddr = named.next()?.as_ref().parse().ok()?;
    (!address.is_loopback()).then_some(address)
}
