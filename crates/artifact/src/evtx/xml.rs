//! A record as the XML that Windows shows of it: the proof in a report.

use std::ops::Range;

use super::binxml::{Name, Piece, Sink, Walk};
use super::chunk::{Chunk, Damage};
use super::value::push_utf16;

/// Writes a record of a chunk as XML, on one line. What was written before damage stays.
pub fn xml(chunk: &Chunk<'_>, record: &Range<usize>) -> (String, Option<Damage>) {
    let mut writer = Writer { text: String::with_capacity(2048), names: Vec::new(), state: State::Content };
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
            self.state = State::Content;
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
        let start = self.text.len();
        match piece {
            Piece::Value(stored, _) => stored.push_text(&mut self.text),
            Piece::Character(character) => self.text.push(character),
            Piece::Entity(name) => self.text.push_str(super::naming::entity(&name.text())),
            Piece::Slot(_) => {}
        }
        self.escape_from(start);
    }

    fn close(&mut self) {
        self.end_start();
        if let Some(name) = self.names.pop() {
            self.text.push_str("</");
            self.text.extend_from_within(name);
            self.text.push('>');
        }
    }
}
