//! One line, split: its values by field, its time, host, client and request.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

use super::{Dialect, Field, Layout, unquoted};
use crate::clock;
use crate::event::json_text_at;
use crate::kind::Kind;
use crate::text::percent_decoded_twice;

/// The ranges of one line's columns, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Cells(pub(super) Vec<Cell>);

/// Where one value stands in its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Cells {
    pub(super) fn push(&mut self, start: usize, end: usize) {
        self.0.push(Cell { start, end });
    }
}

/// One line under its layout.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    layout: &'a Layout,
    line: &'a [u8],
    cells: &'a [Cell],
}

impl<'a> Row<'a> {
    pub(super) fn new(layout: &'a Layout, line: &'a [u8], cells: &'a Cells) -> Self {
        Self { layout, line, cells: &cells.0 }
    }

    /// The line.
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// How many values the line has.
    pub fn width(&self) -> usize {
        self.cells.len()
    }

    /// The value of a field; none where the line does not have it.
    pub fn value(&self, field: &Field) -> Option<Cow<'a, [u8]>> {
        match field {
            Field::Column(column) => self.column(*column),
            Field::Agent(column) => self.column(*column).map(plus_as_blank),
            Field::Uri => self.uri(),
            Field::Key(key) => self.event_data_value(key),
            Field::Json(key) => self.json_value(key),
            Field::Message => Some(Cow::Borrowed(self.line)),
            Field::OabPath => oab_path(self.line).map(Cow::Borrowed),
        }
    }

    /// The value of a field by its name.
    pub fn named(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.value(&self.layout.field(name)?)
    }

    /// The value of a column by its number.
    pub fn column(&self, column: usize) -> Option<Cow<'a, [u8]>> {
        let cell = self.cells.get(column)?;
        let bytes = self.line.get(cell.start..cell.end)?;
        if self.layout.dialect != Dialect::Csv {
            return Some(Cow::Borrowed(if bytes == b"-" { b"" } else { bytes }));
        }
        Some(unquoted(bytes))
    }

    fn role(&self, column: Option<usize>) -> Option<Cow<'a, [u8]>> {
        self.column(column?).filter(|value| !value.is_empty())
    }

    /// The time of the record in UTC, as it is written.
    pub fn time(&self) -> Option<Timestamp> {
        let roles = &self.layout.roles;
        match self.layout.dialect {
            Dialect::Free => {
                clock::iso(self.line.get(..self.line.len().min(35))?).or_else(|| free_time(self.line))
            }
            Dialect::Csv => clock::iso(&self.role(roles.time)?),
            Dialect::Ncsa => clock::ncsa(&self.role(roles.time)?),
            Dialect::W3c => {
                let (time, _) =
                    clock::iso_time(&self.role(roles.time)?).map(|(time, rest)| (time, rest.len()))?;
                let date = match roles.date {
                    Some(_) => clock::iso_date(&self.role(roles.date)?)?,
                    None => self.layout.date?,
                };
                clock::utc(date, time)
            }
        }
    }

    /// The host that wrote the record, where the record says so.
    pub fn host(&self) -> Option<Cow<'a, [u8]>> {
        self.role(self.layout.roles.host)
    }

    /// The address that asked: the first of several, without a zone.
    pub fn client(&self) -> Option<IpAddr> {
        let value = self.role(self.layout.roles.client)?;
        let first = value.split(|byte| matches!(byte, b' ' | b',' | b';')).find(|part| !part.is_empty())?;
        let address = std::str::from_utf8(first.split(|&byte| byte == b'%').next()?).ok()?;
        address.trim_matches(['[', ']']).parse().ok()
    }

    /// The number by which the front end and the back end know the same request: HttpProxy's `RequestId`, IIS's
    /// `cafeReqId=`.
    pub fn request(&self) -> Option<Cow<'a, [u8]>> {
        if self.layout.kind != Kind::Iis {
            return self.role(self.layout.roles.request);
        }
        let query = self.role(self.layout.roles.query)?;
        let start = memchr::memmem::find(&query, b"cafeReqId=")? + b"cafeReqId=".len();
        let end = query[start..]
            .iter()
            .position(|byte| matches!(byte, b'&' | b';'))
            .map_or(query.len(), |at| start + at);
        Some(Cow::Owned(query[start..end].to_vec()))
    }

    /// The build of Exchange that this record states, if it does (`S:BLD=15.1.2375.7`).
    pub fn build(&self) -> Option<Cow<'a, [u8]>> {
        self.layout.roles.event_data?;
        self.event_data_value("BLD").filter(|value| !value.is_empty())
    }

    fn uri(&self) -> Option<Cow<'a, [u8]>> {
        let stem = self.column(self.layout.roles.stem?)?;
        let query = self.role(self.layout.roles.query).unwrap_or_default();
        let mut whole = stem.into_owned();
        if !query.is_empty() {
            whole.push(b'?');
            // HttpProxy keeps the mark in its query column, IIS does not.
            whole.extend_from_slice(query.strip_prefix(b"?").unwrap_or(&query));
        }
        Some(match percent_decoded_twice(&whole) {
            Cow::Borrowed(_) => Cow::Owned(whole),
            Cow::Owned(decoded) => Cow::Owned(decoded),
        })
    }

    fn event_data_value(&self, key: &str) -> Option<Cow<'a, [u8]>> {
        match self.role(self.layout.roles.event_data)? {
            Cow::Borrowed(data) => event_data_value(data, key),
            Cow::Owned(data) => event_data_value(&data, key).map(|value| Cow::Owned(value.into_owned())),
        }
    }

    fn json_value(&self, key: &str) -> Option<Cow<'a, [u8]>> {
        let json = self.role(self.layout.roles.json)?;
        json_text_at(&json, key).map(|text| Cow::Owned(text.into_bytes()))
    }
}

fn plus_as_blank(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if memchr::memchr(b'+', &value).is_none() {
        return value;
    }
    Cow::Owned(value.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect())
}

/// The value of `key` in a list `S:KEY=value;S:KEY='it''s quoted';'S:KEY=quoted as a whole';…`, whatever the type
/// letters before the colon.
fn event_data_value<'a>(data: &'a [u8], key: &str) -> Option<Cow<'a, [u8]>> {
    let mut rest = data;
    while !rest.is_empty() {
        let length = if rest.first() == Some(&b'\'') {
            let (entry, length) = event_data_item(rest);
            match entry {
                Cow::Borrowed(entry) if is_key(entry, key) => return after_equals(entry).map(Cow::Borrowed),
                Cow::Owned(entry) if is_key(&entry, key) => {
                    return after_equals(&entry).map(|value| Cow::Owned(value.to_vec()));
                }
                _ => length,
            }
        } else {
            let value = after_equals(rest)?;
            let (item, length) = event_data_item(value);
            if is_key(rest, key) {
                return Some(item);
            }
            rest.len() - value.len() + length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    None
}

/// Whether an entry `S:KEY=…` is of a key.
fn is_key(entry: &[u8], key: &str) -> bool {
    let equals = memchr::memchr(b'=', entry).unwrap_or(entry.len());
    let name = &entry[..equals];
    let name = name.iter().position(|&byte| byte == b':').map_or(name, |colon| &name[colon + 1..]);
    name.eq_ignore_ascii_case(key.as_bytes())
}

fn after_equals(entry: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'=', entry).map(|equals| &entry[equals + 1..])
}

/// A value and the bytes it takes, its semicolon included.
fn event_data_item(data: &[u8]) -> (Cow<'_, [u8]>, usize) {
    if data.first() != Some(&b'\'') {
        let end = memchr::memchr(b';', data).unwrap_or(data.len());
        return (Cow::Borrowed(&data[..end]), end + 1);
    }
    let mut end = 1;
    let mut doubled = false;
    while let Some(quote) = memchr::memchr(b'\'', &data[end.min(data.len())..]) {
        end += quote;
        if data.get(end + 1) != Some(&b'\'') {
            break;
        }
        doubled = true;
        end += 2;
    }
    let end = end.min(data.len());
    let inner = &data[1..end.max(1)];
    let value = if doubled { undouble(inner, b'\'') } else { Cow::Borrowed(inner) };
    // Behind the quote comes the semicolon; whatever else stands there belongs to nobody.
    let semicolon = memchr::memchr(b';', &data[end..]).map_or(data.len(), |found| end + found);
    (value, semicolon + 1)
}

fn undouble(bytes: &[u8], quote: u8) -> Cow<'_, [u8]> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        plain.push(byte);
        if byte == quote && bytes.peek() == Some(&quote) {
            bytes.next();
        }
    }
    Cow::Owned(plain)
}

/// The file in `… temporary file 'C:\x' needs to be removed`, with or without the quotes.
pub(crate) fn oab_path(line: &[u8]) -> Option<&[u8]> {
    const BEFORE: &[u8] = b"temporary file";
    const BEHIND: &[u8] = b"needs to be removed";
    let start = memchr::memmem::find(line, BEFORE)? + BEFORE.len();
    let end = start + memchr::memmem::find(&line[start..], BEHIND)?;
    let path = line[start..end].trim_ascii();
    let path = path.strip_prefix(b"'").unwrap_or(path);
    Some(path.strip_suffix(b"'").unwrap_or(path))
}

/// A time somewhere at the start of a free line: after a bracket or a word.
fn free_time(line: &[u8]) -> Option<Timestamp> {
    let head = &line[..line.len().min(60)];
    (0..head.len()).filter(|&at| at == 0 || !head[at - 1].is_ascii_digit()).find_map(|at| {
        let token = &line[at..(at + 30).min(line.len())];
        let end = token.iter().position(|&byte| matches!(byte, b',' | b']' | b'\t')).unwrap_or(token.len());
        let token = &token[..end];
        clock::iso(token).or_else(|| clock::iso(token.get(..19)?))
    })
}
