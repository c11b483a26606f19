//! Scanning one unit of evidence: what it is, what it covers, and which rules it hits.
//!
//! A scan sees one file, or one range of one, and nothing else: no other file, no server, no verdict. It returns a
//! [`Part`], and everything that needs several files happens afterwards over parts.

mod digests;
mod documents;
mod events;
mod evtx;
mod hits;
mod intel;
mod lines;
mod matchers;
mod part;
mod pool;
mod shape;
mod yara;

use std::io::{self, Read};

use watchfire_artifact::digests::{Digesting, Wanted};
use watchfire_artifact::evtx::Chunks as EventChunks;
use watchfire_artifact::lines::{Chunks, read_head, read_limited};
use watchfire_artifact::{
    Evidence, HEAD_BYTES, Kind, Locator, Problem, Recognised, WindowsPath, document, recognise,
};

use watchfire_sigma::{Clock, Costs, Scratch};

use crate::content::Content;
use crate::unit::Unit;

pub(crate) use evtx::{DECIDING, event_xml};
pub(crate) use hits::Hit;
pub(crate) use lines::next_directive;
pub(crate) use matchers::EVENT_CLASS;
use matchers::Matchers;
pub(crate) use part::{HitSource, Part};
use pool::Pool;

/// Scans units with one set of content; matchers compiled for one unit serve the others.
pub(crate) struct Scanner<'c> {
    content: &'c Content,
    matchers: Matchers<'c>,
    /// What scans of event files have learned, for the next one to go on with.
    workers: Pool<evtx::Worker>,
    scratches: Pool<Scratch>,
    /// Where time is to be measured.
    clock: Option<Clock>,
}

/// One file at the scanner's hand.
struct File<'a> {
    evidence: &'a Evidence,
    path: WindowsPath,
}

impl<'c> Scanner<'c> {
    /// A scanner over some content, which measures where it is given a clock.
    pub(crate) fn new(content: &'c Content, clock: Option<Clock>) -> Self {
        Self {
            content,
            matchers: Matchers::new(content),
            workers: Pool::default(),
            scratches: Pool::default(),
            clock,
        }
    }

    /// What the rules have cost in all scans, if it was measured.
    pub(crate) fn costs(&self) -> Option<Costs> {
        let mut sum = Costs::new(self.clock?);
        self.scratches.each(|scratch| scratch.costs().into_iter().for_each(|costs| sum.add(costs)));
        Some(sum)
    }

    /// The time in nanoseconds, if it is measured.
    pub(crate) fn now(&self) -> u64 {
        self.clock.map_or(0, |clock| clock())
    }

    /// Memory for a matcher, to be given back.
    fn scratch(&self) -> Scratch {
        self.scratches.take(|| self.clock.map_or_else(Scratch::new, Scratch::counting))
    }

    /// Scans one unit. A tar archive gives a part for each member.
    pub(crate) fn scan(&self, evidence: &Evidence, unit: &Unit) -> Vec<Part> {
        let mut parts = self.parts(evidence, unit);
        for part in &mut parts {
            part.hits.close();
        }
        parts
    }

    fn parts(&self, evidence: &Evidence, unit: &Unit) -> Vec<Part> {
        match (&evidence.locator, &unit.range) {
            (Locator::Tar { .. }, _) => self.tar(evidence, unit),
            (_, Some((range, recognised))) => {
                let file = File { evidence, path: WindowsPath::find(&evidence.path) };
                let mut part = Part::new(unit.evidence, &evidence.path);
                let outcome = if recognised.kind == Kind::Evtx {
                    part.kind = Kind::Evtx;
                    evidence.read_from(range.start, |source| {
                        evtx::scan(self, &file, EventChunks::range(source, range.clone()), &mut part)
                    })
                } else {
                    evidence.read_from(range.start.max(1) - 1, |source| {
                        let chunks = Chunks::range(source, recognised.encoding, range.clone());
                        self.by_lines(&file, recognised, chunks, &mut part)
                    })
                };
                part.outcome(outcome.and_then(|inner| inner));
                vec![part]
            }
            (_, None) => {
                let mut part = Part::new(unit.evidence, &evidence.path);
                let outcome = evidence.read(|source| self.whole(evidence, source, &mut part));
                part.outcome(outcome.and_then(|inner| inner));
                vec![part]
            }
        }
    }

    fn tar(&self, evidence: &Evidence, unit: &Unit) -> Vec<Part> {
        let mut parts = Vec::new();
        let outcome = evidence.members(|member, source| {
            let mut part = Part::new(unit.evidence, &member.path);
            let mut hashing = Digesting::new(source, Wanted { sha256: true, ..Wanted::default() });
            let outcome = self.whole(member, &mut hashing, &mut part);
            part.outcome(outcome);
            if !part.hits.is_empty() {
                // What the scan left unread is part of the file too.
                let rest = io::copy(&mut hashing, &mut io::sink());
                part.outcome(rest.map(|_| ()));
                part.sha256 = hashing.finish().pop().map(|(_, sha256)| sha256);
            }
            parts.push(part);
        });
        if let Err(error) = outcome {
            let mut part = Part::new(unit.evidence, &evidence.path);
            part.problems.push(Problem::file(&evidence.path, format!("the archive breaks off: {error}")));
            parts.push(part);
        }
        parts
    }

    /// Scans a whole file from its first byte.
    fn whole(&self, evidence: &Evidence, mut source: &mut dyn Read, part: &mut Part) -> io::Result<()> {
        let file = File { evidence, path: WindowsPath::find(&evidence.path) };
        let mut head = Vec::new();
        // A reader that fails later still gave us a start to tell the file by.
        let outcome = read_head(&mut source, HEAD_BYTES, &mut head);
        let (recognised, problems) = recognise(&evidence.path, &file.path, &head);
        part.problems.extend(problems);
        self.inventory(&file, &head, part);
        outcome?;
        let whole = io::Cursor::new(head).chain(source);
        if recognised.kind == Kind::Evtx {
            part.kind = Kind::Evtx;
            return evtx::scan(self, &file, EventChunks::range(whole, 0..u64::MAX), part);
        }
        if recognised.kind.is_log() {
            let chunks = Chunks::whole(whole, recognised.encoding);
            return self.by_lines(&file, &recognised, chunks, part);
        }
        let wanted = digests::wanted(self.content);
        let mut whole = Digesting::new(whole, wanted);
        if self.content.yara.is_some() {
            let bytes = self.by_yara(&file, recognised.kind, &mut whole, part)?;
            if recognised.kind.is_document() {
                self.document(&file, recognised.kind, bytes.as_slice(), part)?;
            }
        } else if recognised.kind.is_document() {
            self.document(&file, recognised.kind, &mut whole, part)?;
        }
        if wanted.any() { self.known_file(&file, recognised.kind, whole, part) } else { Ok(()) }
    }

    fn by_lines<R: Read>(
        &self,
        file: &File<'_>,
        recognised: &Recognised,
        chunks: Chunks<R>,
        part: &mut Part,
    ) -> io::Result<()> {
        part.kind = recognised.kind;
        match &recognised.layout {
            Some(layout) => lines::scan(self, file, layout.clone(), chunks, part),
            None => events::scan(self, file, chunks, part),
        }
    }
}

/// Reads a small file whole.
fn read_document(source: impl Read) -> io::Result<(Vec<u8>, bool)> {
    read_limited(source, document::DOCUMENT_LIMIT_BYTES)
}
