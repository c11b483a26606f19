//! Tables of indicators (RFC 4180, and with other separators): columns are known by their names, or by what stands in
//! them.

use watchfire_intel::{Indicator, Origin, guess};

use super::types::column;
use super::{Into, seconds, uuid};

/// Lines looked at to tell a table from a list.
const LINES_TELLING: usize = 10;

/// Columns beyond this are no table of indicators.
const COLUMNS_MAX: usize = 256;

const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// Whether a text is a table: its first lines have the same number of columns, more than one.
pub(super) fn is_csv(head: &[u8]) -> bool {
    separator(&String::from_utf8_lossy(head)).is_some()
}

fn separator(text: &str) -> Option<char> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .take(LINES_TELLING)
        .collect();
    let counts = |separator: char| lines.iter().map(move |line| fields(line, separator).len());
    SEPARATORS.into_iter().find(|&separator| {
        let first = counts(separator).next().unwrap_or(0);
        // The last line may be cut, and a column may hold a line break.
        let same = counts(separator).filter(|count| *count == first).count();
        first > 1 && same * 10 >= lines.len() * 8
    })
}

/// Which column is what.
#[derive(Default)]
struct Columns {
    value: Option<usize>,
    kind: Option<usize>,
    until: Option<usize>,
    from: Option<usize>,
    confidence: Option<usize>,
    id: Option<usize>,
    title: Option<usize>,
    author: Option<usize>,
    marking: Option<usize>,
    to_ids: Option<usize>,
    comment: Option<usize>,
}

impl Columns {
    /// By their names; none if no name is known, so that the first line is data.
    fn of(header: &[String]) -> Option<Self> {
        let mut columns = Self::default();
        for (at, name) in header.iter().enumerate() {
            let name: String =
                name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
            let place = match name.as_str() {
                "value" | "indicator" | "ioc" | "iocvalue" | "indicatorvalue" | "observable"
                | "observablevalue" => &mut columns.value,
                "type" | "indicatortype" | "ioctype" | "observabletype" | "kind" => &mut columns.kind,
                "validuntil" | "expires" | "expiration" | "expirationdate" | "expirydate" => {
                    &mut columns.until
                }
                "validfrom" => &mut columns.from,
                "confidence" | "score" => &mut columns.confidence,
                "uuid" | "id" => &mut columns.id,
                "title" | "report" | "eventinfo" | "threat" | "campaign" => &mut columns.title,
                "source" | "author" | "reporter" | "provider" => &mut columns.author,
                "tlp" | "marking" => &mut columns.marking,
                "toids" => &mut columns.to_ids,
                "comment" | "description" | "notes" => &mut columns.comment,
                _ => continue,
            };
            place.get_or_insert(at);
        }
        columns.value.is_some().then_some(columns)
    }

    /// The names of columns of which nothing is read.
    fn unread(&self, header: &[String]) -> Vec<String> {
        let read = [
            self.value,
            self.kind,
            self.until,
            self.from,
            self.confidence,
            self.id,
            self.title,
            self.author,
            self.marking,
            self.to_ids,
            self.comment,
        ];
        let unread = header.iter().enumerate().filter(|(at, _)| !read.contains(&Some(*at)));
        unread.map(|(_, name)| name.clone()).collect()
    }

    /// By what stands in them: the first column that holds indicators.
    fn by_looks(row: &[String]) -> Self {
        Self { value: row.iter().position(|value| guess(value).is_some()), ..Self::default() }
    }
}

pub(super) fn read(text: &str, into: &mut Into<'_>) {
    let Some(separator) = separator(text) else { return };
    let mut columns = None;
    for (number, line) in records(text) {
        let row = fields(line, separator);
        if line.starts_with('#') || row.iter().all(String::is_empty) {
            continue;
        }
        let columns = match &columns {
            Some(columns) => columns,
            None => match Columns::of(&row) {
                Some(named) => {
                    into.loaded.columns = named.unread(&row);
                    columns = Some(named);
                    continue;
                }
                None => columns.insert(Columns::by_looks(&row)),
            },
        };
        if columns.value.is_none() {
            into.loaded.problem(&format_args!("line {number}"), &"no column holds indicators");
            return;
        }
        record(&row, columns, number, into);
    }
}

fn record(row: &[String], columns: &Columns, number: usize, into: &mut Into<'_>) {
    let cell = |at: Option<usize>| {
        at.and_then(|at| row.get(at)).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    };
    let Some(value) = cell(columns.value) else { return };
    if cell(columns.to_ids).is_some_and(|flag| matches!(flag, "0" | "false")) {
        into.loaded.not_meant += 1;
        return;
    }
    let text = |at| cell(at).unwrap_or_default().to_owned();
    let marking = cell(columns.marking).map(|tlp| {
        if tlp.to_ascii_lowercase().starts_with("tlp:") {
            tlp.to_owned()
        } else {
            format!("tlp:{}", tlp.to_ascii_lowercase())
        }
    });
    let origin = into.origin(Origin {
        author: text(columns.author),
        title: text(columns.title),
        markings: marking.into_iter().collect(),
        ..Origin::default()
    });
    let indicator = Indicator {
        value,
        kind: cell(columns.kind).and_then(column),
        id: cell(columns.id).and_then(uuid),
        valid_from: cell(columns.from).and_then(seconds),
        valid_until: cell(columns.until).and_then(seconds),
        confidence: cell(columns.confidence)
            .and_then(|cell| cell.parse().ok())
            .filter(|confidence| *confidence <= 100),
        comment: cell(columns.comment).unwrap_or_default(),
    };
    into.add(origin, &indicator, &format_args!("line {number}"));
}

/// The records of a table with the number of their first line: a quoted field may hold line breaks.
fn records(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut rest, mut number) = (text, 1);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = rest.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == b'\n' && !quoted
        });
        // A quote that never ends is a character like others.
        let end = end.or_else(|| rest.find('\n')).unwrap_or(rest.len());
        let (record, behind) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        let first = number;
        number += record.bytes().filter(|byte| *byte == b'\n').count() + 1;
        rest = behind;
        Some((first, record.trim_end_matches('\r')))
    })
}

fn fields(record: &str, separator: char) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = record;
    while fields.len() < COLUMNS_MAX {
        let (field, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted, separator)
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        fields.push(field);
        match behind.strip_prefix(separator) {
            Some(next) => rest = next,
            None => break,
        }
    }
    fields
}

/// A quoted field and what stands from the next separator on.
fn unquote(mut rest: &str, separator: char) -> (String, &str) {
    let mut field = String::new();
    while let Some(end) = rest.find('"') {
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        let Some(next) = rest.strip_prefix('"') else {
            let end = rest.find(separator).unwrap_or(rest.len());
            return (field, &rest[end..]);
        };
        field.push('"');
        rest = next;
    }
    field.push_str(rest);
    (field, "")
}
