//! Splitting one line into the ranges of its columns, dialect by dialect.

use super::row::{Cell, Cells};
use super::{COLUMN_LIMIT, Dialect, Layout};

/// Splits `line` into `cells`.
pub(super) fn split(layout: &Layout, line: &[u8], cells: &mut Cells) {
    cells.0.clear();
    match layout.dialect {
        Dialect::W3c => w3c(layout, line, cells),
        Dialect::Csv => csv(line, cells),
        Dialect::Ncsa => ncsa(line, cells),
        Dialect::Free => cells.push(0, line.len()),
    }
}

fn w3c(layout: &Layout, line: &[u8], cells: &mut Cells) {
    let line_length = line.trim_ascii_end().len();
    let mut start = 0;
    for blank in memchr::memchr_iter(b' ', &line[..line_length]).take(COLUMN_LIMIT) {
        cells.push(start, blank);
        start = blank + 1;
    }
    cells.push(start, line_length);
    // Port 444 writes two blanks before some user names: an empty value too many is no value.
    let mut surplus = cells.0.len().saturating_sub(layout.columns.len());
    cells.0.retain(|cell| {
        let spurious = surplus > 0 && cell.start == cell.end;
        surplus -= usize::from(spurious);
        !spurious
    });
    // Otherwise only a user agent is free text; a line with more blanks than columns has them there.
    if let (1.., Some(agent)) = (surplus, layout.roles.agent) {
        cells.0[agent].end = cells.0[agent + surplus].end;
        cells.0.drain(agent + 1..=agent + surplus);
    }
}

fn csv(line: &[u8], cells: &mut Cells) {
    let mut start = 0;
    while start <= line.len() && cells.0.len() < COLUMN_LIMIT {
        let end = csv_value_end(line, start);
        cells.push(start, end);
        start = end + 1;
    }
}

fn csv_value_end(line: &[u8], start: usize) -> usize {
    let mut search = start;
    if line.get(start) == Some(&b'"') {
        // Behind the closing quote: one that is not doubled.
        search = start + 1;
        loop {
            match memchr::memchr(b'"', &line[search..]) {
                None => return line.len(),
                Some(quote) if line.get(search + quote + 1) == Some(&b'"') => search += quote + 2,
                Some(quote) => {
                    search += quote + 1;
                    break;
                }
            }
        }
    }
    memchr::memchr(b',', &line[search..]).map_or(line.len(), |comma| search + comma)
}

/// Columns of an NCSA line, in the order that [`ncsa`] finds them.
pub(crate) const NCSA_COLUMNS: [&str; 11] = [
    "c-ip",
    "ident",
    "cs-username",
    "time",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "cs-version",
    "sc-status",
    "sc-bytes",
    "cs(Referer)",
];

/// The twelfth column, only in the combined format.
pub(crate) const NCSA_AGENT: &str = "cs(User-Agent)";

fn ncsa(line: &[u8], cells: &mut Cells) {
    let mut at = 0;
    for _ in 0..3 {
        at = word(line, at, cells);
    }
    at = between(line, at, b'[', b']', cells);
    let request = cells.0.len();
    at = between(line, at, b'"', b'"', cells);
    let cell = cells.0.pop();
    if let Some(Cell { start, end }) = cell {
        request_line(line, start, end, cells);
    }
    debug_assert!(cells.0.len() == request + 4, "a request line has method, stem, query and version");
    at = word(line, at, cells);
    at = word(line, at, cells);
    at = between(line, at, b'"', b'"', cells);
    between(line, at, b'"', b'"', cells);
}

fn word(line: &[u8], from: usize, cells: &mut Cells) -> usize {
    let from = from.min(line.len());
    let end = memchr::memchr(b' ', &line[from..]).map_or(line.len(), |blank| from + blank);
    cells.push(from, end);
    end + 1
}

fn between(line: &[u8], from: usize, open: u8, close: u8, cells: &mut Cells) -> usize {
    let from = from.min(line.len());
    let start = memchr::memchr(open, &line[from..]).map_or(line.len(), |found| from + found + 1);
    let end = memchr::memchr(close, &line[start..]).map_or(line.len(), |found| start + found);
    cells.push(start, end);
    end + 2
}

fn request_line(line: &[u8], start: usize, end: usize, cells: &mut Cells) {
    let method_end = memchr::memchr(b' ', &line[start..end]).map_or(end, |blank| start + blank);
    let target_end = memchr::memrchr(b' ', &line[start..end]).map_or(end, |blank| start + blank);
    let target = (method_end + 1).min(end)..target_end.max((method_end + 1).min(end));
    let stem_end = memchr::memchr(b'?', &line[target.clone()]).map_or(target.end, |mark| target.start + mark);
    cells.push(start, method_end);
    cells.push(target.start, stem_end);
    cells.push((stem_end + 1).min(target.end), target.end);
    cells.push((target.end + 1).min(end), end);
}

/// Whether a line has the shape of an NCSA record.
pub(crate) fn is_ncsa(line: &[u8]) -> bool {
    let mut cells = Cells::default();
    ncsa(line, &mut cells);
    let text =
        |index: usize| cells.0.get(index).and_then(|cell| line.get(cell.start..cell.end)).unwrap_or_default();
    crate::clock::ncsa(text(3)).is_some() && text(8).len() == 3 && text(8).iter().all(u8::is_ascii_digit)
}
