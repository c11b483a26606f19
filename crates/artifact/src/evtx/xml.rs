//! A record as the XML that Windows shows of it: the proof in a report.

use std::ops::Range;

use super::binxml::{Name, Piece, Sink, Walk};
use super::chunk::{Chunk, Damage};
use super::value::{Stored, push_utf16};

/// The longest start tag that is written again for each item of a list; real ones are some twenty bytes. A value may
/// hold tens of thousands of items.
const REPEATED_TAG_BYTES_LIMIT: usize = 256;

/// Writes a record of a chunk as XML, on one line. What was written before damage stays.
pub fn xml(chunk: &Chunk<'_>, record: &Range<usize>) -> (String, Option<Damage>) {
    let mut writer =
        Writer { text: String::with_capacity(2048), names: Vec::new(), opened: 0, state: State::Content };
    let outcome = Walk::new(chunk.bytes).record(record.clone(), &mut writer);
    while !writer.names.is_empty() {
        writer.close();
    }
    (writer.text, outcome.err())
}

/// What was written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// `<name`
    Start,
    /// ` attribute="`
    Attribute,
    /// `<name>`, text, or an end.
    Content,
}

struct Writer {
    text: String,
    /// Where the names of open elements stand.
    names: Vec<Range<usize>>,
    /// Where the last start tag ended.
    opened: usize,
    state: State,
}

impl Writer {
    fn end_attribute(&mut self) {
        if self.state == State::Attribute {
            self.text.push('"');
            self.state = State::Start;
        }
    }

    fn end_start(&mut self) {
        self.end_attribute();
        if self.state == State::Start {
            self.text.push('>');
            self.opened = self.text.len();
            self.state = State::Content;
        }
    }

    fn end_tag(&mut self, name: Range<usize>) {
        self.text.push_str("</");
        self.text.extend_from_within(name);
        self.text.push('>');
    }

    fn plain(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.escape_from(start);
    }

    fn escaped(&mut self, stored: &Stored<'_>) {
        let start = self.text.len();
        stored.push_text(&mut self.text);
        self.escape_from(start);
    }

    /// The start tag and the name of the open element, if nothing was written into it and it can be written again.
    fn repeatable(&self) -> Option<(Range<usize>, Range<usize>)> {
        let name =
            self.names.last().filter(|_| self.state == State::Content && self.opened == self.text.len())?;
        let tag = name.start - 1..self.opened;
        (tag.len() <= REPEATED_TAG_BYTES_LIMIT).then(|| (tag, name.clone()))
    }

    /// A list: the element once for each item, as Windows shows it.
    fn list(&mut self, stored: &Stored<'_>) {
        let Some((tag, name)) = self.repeatable() else { return self.escaped(stored) };
        for (number, item) in stored.items().enumerate() {
            if number > 0 {
                self.end_tag(name.clone());
                self.text.extend_from_within(tag.clone());
            }
            self.escaped(&item);
        }
    }

    /// Escapes what was appended from `start` on.
    fn escape_from(&mut self, start: usize) {
        let in_attribute = self.state == State::Attribute;
        let special = |byte: &u8| matches!(byte, b'<' | b'>' | b'&') || in_attribute && *byte == b'"';
        if !self.text.as_bytes()[start..].iter().any(special) {
            return;
        }
        let text = self.text.split_off(start);
        for character in text.chars() {
            match character {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '"' if in_attribute => self.text.push_str("&quot;"),
                _ => self.text.push(character),
            }
        }
    }
}

impl Sink for Writer {
    fn open(&mut self, name: Name<'_>) {
        self.end_start();
        self.text.push('<');
        let start = self.text.len();
        push_utf16(&mut self.text, name.utf16);
        self.names.push(start..self.text.len());
        self.state = State::Start;
    }

    fn attribute(&mut self, name: Name<'_>) {
        self.end_attribute();
        self.text.push(' ');
        push_utf16(&mut self.text, name.utf16);
        self.text.push_str("=\"");
        self.state = State::Attribute;
    }

    fn content(&mut self) {
        self.end_start();
    }

    fn text(&mut self, piece: Piece<'_>) {
        if self.state == State::Start {
            self.end_start();
        }
        match piece {
            Piece::Value(stored, _) if stored.is_list() => self.list(&stored),
            Piece::Value(stored, _) => self.escaped(&stored),
            Piece::Character(character) => self.plain(character.encode_utf8(&mut [0; 4])),
            Piece::Entity(name) => self.plain(super::naming::entity(&name.text())),
            Piece::Slot(_) => {}
        }
    }

    fn close(&mut self) {
        self.end_start();
        if let Some(name) = self.names.pop() {
            self.end_tag(name);
        }
    }
}
