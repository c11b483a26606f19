//! What a line-based log says of its own lines: which columns there are, and which of them carry time, host,
//! client and request.
//!
//! A layout is made from a log's directive lines (`#Fields:` and its kin) or from a bare line of column names, and
//! may change in the middle of a file. Lines are not turned into maps: [`Layout::row`] splits one line, when somebody
//! asks for it, into ranges kept in a buffer of the caller's, and a value is a view of the line's own bytes wherever
//! no escape stands in the way.

use serde::{Deserialize, Serialize};

mod directives;
mod row;
mod split;

use std::borrow::Cow;
use std::ops::Range;

use jiff::civil::Date;

use crate::kind::Kind;

pub(crate) use directives::{column_names, split_directive};
pub(crate) use row::oab_path;
pub use row::{Cells, Row};
pub(crate) use split::is_ncsa;

/// Columns of one log: the widest real one has 74.
pub const COLUMN_LIMIT: usize = 512;

/// Lines that one quoted record may span: stack traces in Exchange logs have some dozens.
const RECORD_LINES_LIMIT: usize = 1_000;

/// How columns are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dialect {
    /// Blanks between, `-` for nothing, `+` for a blank inside a user agent.
    W3c,
    /// Commas between, quotes doubled.
    Csv,
    /// NCSA common or combined.
    Ncsa,
    /// No columns.
    Free,
}

/// The columns of a log and what they mean to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// What the log is.
    pub kind: Kind,
    /// How its columns are told apart.
    pub dialect: Dialect,
    /// The build of Exchange that wrote it, as its header says (`15.01.2375.007`).
    pub build: Option<String>,
    columns: Vec<String>,
    roles: Roles,
    /// The date of the last `#Date:` line, for logs whose rows carry only a time.
    date: Option<Date>,
}

/// Which columns carry what; none where the log does not have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Roles {
    date: Option<usize>,
    time: Option<usize>,
    host: Option<usize>,
    client: Option<usize>,
    request: Option<usize>,
    stem: Option<usize>,
    query: Option<usize>,
    agent: Option<usize>,
    event_data: Option<usize>,
    json: Option<usize>,
}

/// A field of a row that a rule may name: a column, or something derived from columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A column as it stands.
    Column(usize),
    /// The user agent of a W3C log, with `+` read as a blank.
    Agent(usize),
    /// Stem, `?` and query, percent-decoded twice.
    Uri,
    /// A key of `EventData`'s `S:KEY=value;` list.
    Key(String),
    /// A key of the JSON object in the audit queue's `Data`.
    Json(String),
    /// A free line as a whole.
    Message,
    /// The file that an OAB generator line names.
    OabPath,
}

/// The field name that is derived from stem and query.
pub const URI: &str = "uri";

impl Layout {
    /// A layout without columns yet.
    pub fn new(kind: Kind, dialect: Dialect) -> Self {
        Self { kind, dialect, build: None, columns: Vec::new(), roles: Roles::default(), date: None }
    }

    /// A layout with the given columns.
    pub fn with_columns<'a>(
        kind: Kind,
        dialect: Dialect,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut layout = Self::new(kind, dialect);
        layout.set_columns(columns.into_iter().map(str::to_owned).collect());
        layout
    }

    /// The layout of NCSA's combined format.
    pub fn ncsa() -> Self {
        let columns = split::NCSA_COLUMNS.into_iter().chain([split::NCSA_AGENT]);
        Self::with_columns(Kind::AccessLog, Dialect::Ncsa, columns)
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// All fields that a rule can name, or none where that depends on the row (`EventData`, JSON).
    pub fn fields(&self) -> Option<Vec<&str>> {
        if self.roles.event_data.is_some() || self.roles.json.is_some() {
            return None;
        }
        let mut fields: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        if self.roles.stem.is_some() {
            fields.push(URI);
        }
        match self.kind {
            Kind::OabGenerator => fields.extend(["Message", "Path"]),
            _ if self.dialect == Dialect::Free => fields.push("Message"),
            _ => {}
        }
        Some(fields)
    }

    /// Names of fields whose bytes do not stand in the line as such.
    pub fn derived_fields(&self) -> &'static [&'static str] {
        &[URI]
    }

    /// Finds the field of a name, ignoring ASCII case.
    pub fn field(&self, name: &str) -> Option<Field> {
        if let Some(column) = self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)) {
            let is_agent = self.dialect == Dialect::W3c && self.roles.agent == Some(column);
            return Some(if is_agent { Field::Agent(column) } else { Field::Column(column) });
        }
        if name.eq_ignore_ascii_case(URI) && self.roles.stem.is_some() {
            return Some(Field::Uri);
        }
        if self.roles.event_data.is_some() {
            return Some(Field::Key(name.to_owned()));
        }
        if self.roles.json.is_some() {
            return Some(Field::Json(name.to_owned()));
        }
        match (self.dialect, name) {
            (Dialect::Free, "Message") => Some(Field::Message),
            (Dialect::Free, "Path") => Some(Field::OabPath),
            _ => None,
        }
    }

    /// Splits a line. `cells` is a buffer that the caller keeps.
    pub fn row<'a>(&'a self, line: &'a [u8], cells: &'a mut Cells) -> Row<'a> {
        split::split(self, line, cells);
        Row::new(self, line, cells)
    }

    /// The range of the record that `line` (a range in `text`) belongs to. In CSV a quoted value may run over
    /// several lines; a line that does not begin like a record belongs to one above.
    pub fn record(&self, text: &[u8], line: Range<usize>) -> Range<usize> {
        if self.dialect != Dialect::Csv || self.roles.time != Some(0) {
            return line;
        }
        let start = record_start(text, line.start);
        let mut end = if start == line.start { line.end } else { line_end(text, start) };
        let mut lines = 1;
        // A line that begins like a record is one, whatever quote was left open before it.
        let goes_on = |end: usize| end + 1 < text.len() && !begins_record(&text[end + 1..]);
        while open_quote(&text[start..end]) && goes_on(end) && lines < RECORD_LINES_LIMIT {
            end = line_end(text, end + 1);
            lines += 1;
        }
        // A quote that never closes is no reason to swallow the rows that follow.
        let end = if lines == RECORD_LINES_LIMIT { line.end } else { end };
        crate::lines::trim_return(text, start..end.max(line.end))
    }
}

fn record_start(text: &[u8], line: usize) -> usize {
    let mut start = line;
    for _ in 0..RECORD_LINES_LIMIT {
        if start == 0 || begins_record(&text[start..]) {
            return start;
        }
        start = memchr::memrchr(b'\n', &text[..start - 1]).map_or(0, |found| found + 1);
    }
    line
}

/// Whether a line begins as records of time-first logs do: with a year, perhaps quoted, or with a directive.
fn begins_record(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    matches!(text, [b'#', ..] | [b'1' | b'2', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..])
}

fn open_quote(text: &[u8]) -> bool {
    memchr::memchr_iter(b'"', text).count() % 2 == 1
}

fn line_end(text: &[u8], from: usize) -> usize {
    let from = from.min(text.len());
    memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |found| from + found)
}

/// Undoes CSV's doubling of quotes.
pub(crate) fn unquoted(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = bytes.strip_prefix(b"\"") else { return Cow::Borrowed(bytes) };
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if memchr::memmem::find(inner, b"\"\"").is_none() {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(found) = memchr::memmem::find(rest, b"\"\"") {
        plain.extend_from_slice(&rest[..=found]);
        rest = &rest[found + 2..];
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;
