//! Scanning a line-based log: whole buffers past the prefilter, single lines only where a rule's literal stands.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use watchfire_artifact::layout::Cells;
use watchfire_artifact::lines::{Chunk, Chunks};
use watchfire_artifact::text::text;
use watchfire_artifact::{Kind, Layout, Place, Problem};
use watchfire_sigma::Scratch;

use super::hits::Hit;
use super::matchers::LineMatcher;
use super::part::{Part, RAW_LIMIT_BYTES, artifact_name};
use super::{File, Scanner, intel};
use crate::details::Details;
use crate::exposure::BuildNumber;
use crate::tally::hour;

/// A line is looked at for its time every so many bytes.
const SAMPLE_BYTES: usize = 16 * 1024;

/// Lines without a time that are passed over in search of one: headers of exports, a record's further lines.
const LINES_WITHOUT_TIME: usize = 16;

/// Scans the chunks of a log.
pub(super) fn scan<R: Read>(
    scanner: &Scanner<'_>,
    file: &File<'_>,
    layout: Layout,
    mut chunks: Chunks<R>,
    part: &mut Part,
) -> io::Result<()> {
    let mut scan = Scan {
        scanner,
        file,
        layout: Arc::new(layout),
        matcher: None,
        part,
        scratch: scanner.scratch(),
        artifact: None,
        ends_cut: false,
    };
    let outcome = chunks.for_each(|chunk| scan.chunk(chunk));
    scanner.scratches.give_back(std::mem::take(&mut scan.scratch));
    scan.finish();
    outcome
}

struct Scan<'s, 'c> {
    scanner: &'s Scanner<'c>,
    file: &'s File<'s>,
    layout: Arc<Layout>,
    /// The matcher for the layout, once rows of it have been seen.
    matcher: Option<Arc<LineMatcher>>,
    part: &'s mut Part,
    scratch: Scratch,
    /// The artifact's name, once a record has told its protocol.
    artifact: Option<String>,
    /// Whether the last line so far has no end.
    ends_cut: bool,
}

impl Scan<'_, '_> {
    fn chunk(&mut self, chunk: &Chunk<'_>) {
        if chunk.overlong {
            let what = "a line without an end: read in pieces";
            self.part.problems.push(Problem::at(&self.file.evidence.path, chunk.offset_of(0), what));
        }
        let text = chunk.text;
        self.ends_cut = text.last() != Some(&b'\n');
        let mut start = 0;
        while let Some(directive) = next_directive(text, start) {
            self.rows(chunk, start..directive.start);
            if Arc::make_mut(&mut self.layout).directive(&text[directive.clone()]) {
                self.matcher = None;
            }
            start = (directive.end + 1).min(text.len());
        }
        self.rows(chunk, start..text.len());
    }

    fn matcher(&mut self, rows: &[u8]) -> Arc<LineMatcher> {
        if let Some(matcher) = &self.matcher {
            return Arc::clone(matcher);
        }
        let log = self.file.path.as_str().rsplit('\\').nth(1).unwrap_or_default();
        let matcher = self.scanner.matchers.lines(&self.layout, log, rows);
        self.matcher = Some(Arc::clone(&matcher));
        matcher
    }

    /// Scans lines that are all records under the present layout.
    fn rows(&mut self, chunk: &Chunk<'_>, range: Range<usize>) {
        let base = range.start;
        let rows = &chunk.text[range];
        if rows.is_empty() {
            return;
        }
        self.sample(rows);
        let (layout, matcher) = (Arc::clone(&self.layout), self.matcher(rows));
        let mut done = 0;
        let mut found = Vec::new();
        let mut cells = Cells::default();
        matcher.prefilter.lines(rows, |line, woken| {
            if line.start < done {
                return;
            }
            let record = layout.record(rows, line.clone());
            let row = layout.row(&rows[record.clone()], &mut cells);
            found.clear();
            let view = matcher.record(row);
            if record.end > line.end || record.start < line.start {
                // A record of several lines is woken by the literals of all of them.
                matcher.matcher.evaluate(&view, &mut self.scratch, &mut found);
            } else {
                matcher.matcher.evaluate_woken(&view, woken, &mut self.scratch, &mut found);
            }
            if !found.is_empty() && !is_header(&layout, &row) {
                let place = base + record.start..base + record.end;
                self.hits(chunk, place, &row, (&found, &matcher));
            }
            done = record.end;
        });
        for (place, indicators) in intel::by_line(self.scanner.content, rows) {
            let record = layout.record(rows, place);
            let row = layout.row(&rows[record.clone()], &mut cells);
            self.hits(chunk, base + record.start..base + record.end, &row, (&indicators, &matcher));
        }
    }

    fn hits(
        &mut self,
        chunk: &Chunk<'_>,
        range: Range<usize>,
        row: &watchfire_artifact::layout::Row<'_>,
        (rules, matcher): (&[usize], &LineMatcher),
    ) {
        let artifact = self.artifact(row);
        for &rule in rules {
            if !self.part.wants(rule) {
                continue;
            }
            let raw = chunk.raw(range.start..range.end.min(range.start + RAW_LIMIT_BYTES));
            let raw = if raw.len() == range.len() { text(raw) } else { text(&chunk.text[range.clone()]) };
            let details = Details {
                request: row.request().map(|request| text(&request).into()),
                fields: matcher.shown(rule, row),
                raw: Some(raw.into()),
                ..Details::default()
            };
            let source = self.part.source(host(&self.layout, row).as_deref(), &artifact, row.client());
            let place = Place::Offset(chunk.offset_of(range.start));
            self.part.hits.push(&Hit::stated(rule, source, row.time(), place).with(details));
        }
    }

    /// Counts the records and looks at enough of them to know every hour that has one.
    fn sample(&mut self, rows: &[u8]) {
        let mut cells = Cells::default();
        let mut previous: Option<(usize, i64)> = None;
        let mut at = 0;
        while at < rows.len() {
            let next = (at + SAMPLE_BYTES).min(rows.len());
            // The last line of all is looked at too: it is the end of what this log covers.
            let next =
                if next == rows.len() { next } else { line_start(rows, next).max(line(rows, at).end + 1) };
            let next = next.min(rows.len());
            let records = count_lines(&rows[at..next]);
            let seen = self.note_first(rows, at..next, records, &mut cells);
            if next == rows.len() {
                let last = line_start(rows, rows.len().saturating_sub(2));
                if last > at {
                    let end = self.note(&rows[line(rows, last)], 0, &mut cells);
                    self.between(rows, at..last, seen, end, &mut cells);
                }
            }
            if let (Some((before, hour)), Some(_)) = (previous, seen) {
                self.between(rows, before..at, Some(hour), seen, &mut cells);
            }
            previous = seen.map(|hour| (at, hour)).or(previous);
            at = next.max(at + 1);
        }
    }

    /// Notes the first line of a range that has a time: a list of column names may stand before it.
    fn note_first(
        &mut self,
        rows: &[u8],
        range: Range<usize>,
        mut records: u64,
        cells: &mut Cells,
    ) -> Option<i64> {
        let mut at = range.start;
        for _ in 0..LINES_WITHOUT_TIME {
            let line = line(rows, at);
            if is_header(&self.layout, &self.layout.row(&rows[line.clone()], cells)) {
                records = records.saturating_sub(1);
            } else {
                let seen = self.note(&rows[line.clone()], std::mem::take(&mut records), cells);
                if seen.is_some() {
                    return seen;
                }
            }
            at = line.end + 1;
            if at >= range.end {
                break;
            }
        }
        None
    }

    /// Where two looks lie more than an hour apart, looks at every line between.
    fn between(
        &mut self,
        rows: &[u8],
        range: Range<usize>,
        from: Option<i64>,
        to: Option<i64>,
        cells: &mut Cells,
    ) {
        let far = from.zip(to).is_some_and(|(from, to)| (to - from).abs() > 1);
        if !far {
            return;
        }
        let mut at = range.start;
        while at < range.end {
            let line = line(rows, at);
            self.note(&rows[line.clone()], 0, cells);
            at = line.end + 1;
        }
    }

    /// Notes one line for `records` records; its hour.
    fn note(&mut self, line: &[u8], records: u64, cells: &mut Cells) -> Option<i64> {
        let layout = Arc::clone(&self.layout);
        let row = layout.row(line, cells);
        let time = row.time();
        let host = host(&self.layout, &row);
        let build = self.build(&row);
        let artifact = artifact_of(&mut self.artifact, &self.layout, self.file, self.scanner, &row);
        if let (Some(build), Some(time)) = (build, time) {
            self.part.build(host.as_deref(), build, time);
        }
        self.part.tally(host.as_deref(), &artifact).note(time, records);
        time.map(hour)
    }

    fn build(&self, row: &watchfire_artifact::layout::Row<'_>) -> Option<BuildNumber> {
        let stated = row.build().map(|build| text(&build).into_owned());
        stated.as_deref().or(self.layout.build.as_deref())?.parse().ok()
    }

    fn artifact(&mut self, row: &watchfire_artifact::layout::Row<'_>) -> String {
        artifact_of(&mut self.artifact, &self.layout, self.file, self.scanner, row)
    }

    fn finish(self) {
        let part = self.part;
        if self.ends_cut
            && part.tallies.values().any(|tally| tally.records > 0)
            && self.layout.kind != Kind::OabGenerator
        {
            part.problems.push(Problem::file(
                &self.file.evidence.path,
                "the last line has no end: a live log, or one that was cut",
            ));
        }
        part.layout = Some(Arc::unwrap_or_clone(self.layout));
    }
}

/// The artifact's name; the first record with a protocol decides where the path does not.
fn artifact_of(
    known: &mut Option<String>,
    layout: &Layout,
    file: &File<'_>,
    scanner: &Scanner<'_>,
    row: &watchfire_artifact::layout::Row<'_>,
) -> String {
    if let Some(known) = known {
        return known.clone();
    }
    let protocol =
        layout.field("Protocol").and_then(|field| row.value(&field)).map(|value| text(&value).into_owned());
    let protocol = protocol.filter(|name| !name.is_empty() && name.len() < 32);
    let name = artifact_name(layout.kind, &file.path, protocol.as_deref(), &scanner.content.artifacts);
    if row.time().is_some() {
        *known = Some(name.clone());
    }
    name
}

/// The host that wrote a record. Message tracking names the host at the other end, which is no witness of itself.
fn host(layout: &Layout, row: &watchfire_artifact::layout::Row<'_>) -> Option<String> {
    if layout.kind == Kind::MessageTracking {
        return None;
    }
    row.host().map(|host| text(&host).into_owned())
}

/// Whether a line is the list of column names itself, as some exports put first.
fn is_header(layout: &Layout, row: &watchfire_artifact::layout::Row<'_>) -> bool {
    let first = layout.columns().first();
    first.is_some_and(|name| row.column(0).is_some_and(|value| value.eq_ignore_ascii_case(name.as_bytes())))
}

/// The next directive line at or after `from`.
pub(crate) fn next_directive(text: &[u8], from: usize) -> Option<Range<usize>> {
    let start = if text.get(from) == Some(&b'#') && (from == 0 || text[from - 1] == b'\n') {
        from
    } else {
        memchr::memmem::find(&text[from..], b"\n#")? + from + 1
    };
    Some(line(text, start))
}

fn line(text: &[u8], start: usize) -> Range<usize> {
    let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |found| start + found);
    start..end
}

/// The start of the line that `at` lies in.
fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &text[..at]).map_or(0, |found| found + 1)
}

fn count_lines(text: &[u8]) -> u64 {
    let newlines = memchr::memchr_iter(b'\n', text).count();
    (newlines + usize::from(!text.is_empty() && text.last() != Some(&b'\n'))) as u64
}
