//! A record as the XML that Windows shows of it: the proof in a report.

use std::ops::Range;

use super::binxml::{Name, Piece, Sink, Walk};
use super::chunk::{Chunk, Damage};

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
    names: Vec<String>,
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

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '"' if self.state == State::Attribute => self.text.push_str("&quot;"),
                _ => self.text.push(character),
            }
        }
    }
}

impl Sink for Writer {
    fn open(&mut self, name: Name<'_>) {
        self.end_start();
        let name = name.text();
        self.text.push('<');
        self.text.push_str(&name);
        self.names.push(name);
        self.state = State::Start;
    }

    fn attribute(&mut self, name: Name<'_>) {
        self.end_attribute();
        self.text.push(' ');
        self.text.push_str(&name.text());
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
            Piece::Value(stored) => self.escaped(&stored.text()),
            Piece::Character(character) => self.escaped(character.encode_utf8(&mut [0; 4])),
            Piece::Entity(name) => {
                let name = name.text();
                self.escaped(super::naming::entity(&name));
            }
            Piece::Slot(_) => {}
        }
    }

    fn close(&mut self) {
        self.end_start();
        if let Some(name) = self.names.pop() {
            self.text.push_str("</");
            self.text.push_str(&name);
            self.text.push('>');
        }
    }
}
