//! The YAML that rules are really written in, read line by line.
//!
//! A general parser spends most of the time that a folder of rules takes to load, on a grammar that rules hardly use.
//! This reader knows block maps and lists, scalars on one line, literal block scalars and flow collections on one
//! line. At the first thing beyond that it gives up, and the general parser reads the same text from its beginning:
//! so it may be incomplete, but what it accepts it must read exactly as the parser would, places included. The tests
//! and a fuzz target hold the two against each other.

mod scalar;

use std::sync::Arc;

use super::load::structure;
use super::{Entry, Kind, Node, Piece, Scalar};
use crate::limits::{YAML_DEPTH_MAX, YAML_INDENT_MAX};
use crate::problem::Place;

/// Keys longer than this are left to the parser, which has a limit of its own for them (YAML 1.2.2 §7.4.2).
const KEY_BYTES_MAX: usize = 512;

/// Reads the one document of a piece; none if there is anything in it that this reader does not know.
pub(super) fn read(file: &Arc<str>, piece: &Piece<'_>) -> Option<Node> {
    if !is_plain(piece.text) {
        return None;
    }
    let lines = lines(piece.text);
    let mut reader = Reader { file, lines_before: piece.lines_before, lines, at: 0, column: 0 };
    reader.start()?;
    let node = reader.block(YAML_DEPTH_MAX - 1)?;
    reader.ended().then_some(node)
}

/// The lines without their breaks; after a last break, an empty one.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::with_capacity(text.len() / 40 + 1);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        lines.push(&text[start..end]);
        start = end + 1;
    }
    lines.push(&text[start..]);
    lines
}

/// Whether all characters mean to this reader what they mean to YAML: tabs, carriage returns and the rest have rules.
fn is_plain(text: &str) -> bool {
    let control = |byte: u8| byte < b' ' && byte != b'\n' || byte == 0x7f;
    let odd = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    !text.bytes().any(control) && (text.is_ascii() || !text.chars().any(odd))
}

/// The text and a position in it: the line, and the byte of it where the next node begins. All lines before a
/// position are read; blank lines and comments never are a position.
struct Reader<'a> {
    file: &'a Arc<str>,
    lines_before: usize,
    lines: Vec<&'a str>,
    at: usize,
    column: usize,
}

impl<'a> Reader<'a> {
    /// Goes to the first line with content, past a bare `---`.
    fn start(&mut self) -> Option<()> {
        if self.lines.first().is_some_and(|line| line.starts_with("---")) {
            is_end_of_line(&self.lines[0][3..]).then_some(())?;
            self.at = 1;
        }
        self.settle()
    }

    fn ended(&self) -> bool {
        self.at >= self.lines.len()
    }

    /// What is left of the line.
    fn rest(&self) -> &'a str {
        self.lines.get(self.at).map_or("", |line| &line[self.column..])
    }

    fn place(&self) -> Place {
        let before = self.lines.get(self.at).map_or("", |line| &line[..self.column]);
        let characters = if before.is_ascii() { before.len() } else { before.chars().count() };
        Place { file: self.file.clone(), line: self.lines_before + self.at + 1, column: characters + 1 }
    }

    /// Goes to the next line with content.
    fn next_line(&mut self) -> Option<()> {
        self.at += 1;
        self.settle()
    }

    fn settle(&mut self) -> Option<()> {
        while let Some(line) = self.lines.get(self.at) {
            let indent = indent(line);
            let content = &line[indent..];
            if !content.is_empty() && !content.starts_with('#') {
                // Directives and ends of documents are the parser's, as are lines that it refuses for their depth.
                let marker = indent == 0 && (content.starts_with('%') || content.starts_with("..."));
                let deep = line.len() > YAML_INDENT_MAX && structure(line) > YAML_INDENT_MAX;
                self.column = indent;
                return (!marker && !deep).then_some(());
            }
            self.at += 1;
        }
        self.column = 0;
        Some(())
    }

    /// A map or a list that begins here.
    fn block(&mut self, depth_left: usize) -> Option<Node> {
        if is_item(self.rest()) { self.list(depth_left) } else { self.map(depth_left) }
    }

    /// A list in the same column as its key: to the parser, it begins with what its first item holds.
    fn list_at_key(&mut self, depth_left: usize) -> Option<Node> {
        let (place, after) = (self.place(), &self.rest()[1..]);
        (!is_end_of_line(after)).then_some(())?;
        let place = Place { column: place.column + 1 + indent(after), ..place };
        Some(Node { place, ..self.list(depth_left)? })
    }

    fn list(&mut self, depth_left: usize) -> Option<Node> {
        let (place, column) = (self.place(), self.column);
        let depth_left = depth_left.checked_sub(1)?;
        let mut items = Vec::new();
        while !self.ended() && self.column == column && is_item(self.rest()) {
            let after = &self.rest()[1..];
            if is_end_of_line(after) {
                self.next_line()?;
                (!self.ended() && self.column > column).then_some(())?;
                items.push(self.block(depth_left)?);
                continue;
            }
            self.column += 1 + indent(after);
            let rest = self.rest();
            let compact = is_item(rest) || scalar::key(rest).is_some();
            items.push(if compact { self.block(depth_left)? } else { self.scalar(column, depth_left)? });
        }
        (self.ended() || self.column <= column).then_some(())?;
        Some(Node { place, kind: Kind::List(items), scalar: Scalar::Text })
    }

    fn map(&mut self, depth_left: usize) -> Option<Node> {
        let (place, column) = (self.place(), self.column);
        let depth_left = depth_left.checked_sub(1)?;
        let mut entries: Vec<Entry> = Vec::new();
        while !self.ended() && self.column == column && !is_item(self.rest()) {
            let place = self.place();
            let (key, length) = scalar::key(self.rest())?;
            // The parser says where a key stands twice.
            let known = length > KEY_BYTES_MAX || entries.iter().any(|entry| entry.key == key);
            (!known).then_some(())?;
            let value = self.value(column, length, depth_left)?;
            entries.push(Entry { key, place, value });
        }
        (self.ended() || self.column < column || is_item(self.rest()) && self.column == column)
            .then_some(())?;
        (!entries.is_empty()).then_some(Node { place, kind: Kind::Map(entries), scalar: Scalar::Text })
    }

    /// The value of a key of `length` bytes, its colon included, in a map at `column`.
    fn value(&mut self, column: usize, length: usize, depth_left: usize) -> Option<Node> {
        let after = &self.rest()[length..];
        if !is_end_of_line(after) {
            self.column += length + indent(after);
            return self.scalar(column, depth_left);
        }
        self.next_line()?;
        // A list may stand in the same column as its key (YAML 1.2.2 §8.2.2). An empty value is the parser's.
        if self.ended() || self.column < column {
            return None;
        }
        match is_item(self.rest()) {
            true if self.column == column => self.list_at_key(depth_left),
            false if self.column == column => None,
            _ => self.block(depth_left),
        }
    }

    /// A scalar or a flow collection here, inside a collection at `column`.
    fn scalar(&mut self, column: usize, depth_left: usize) -> Option<Node> {
        let rest = self.rest();
        if rest.starts_with('|') {
            return self.literal(column);
        }
        if rest.starts_with(['[', '{']) {
            let (node, length) = self.flow(0, depth_left)?;
            is_end_of_line(&rest[length..]).then_some(())?;
            self.next_line()?;
            return Some(node);
        }
        let place = self.place();
        let (kind, resolved, continued) = if let Some((text, length)) = scalar::quoted(rest)? {
            is_end_of_line(&rest[length..]).then_some(())?;
            (Kind::Scalar(text), Scalar::Text, false)
        } else {
            let (kind, resolved) = scalar::plain(rest)?;
            (kind, resolved, true)
        };
        self.next_line()?;
        // A plain scalar goes on in lines that are indented further.
        let goes_on = continued && !self.ended() && self.column > column;
        (!goes_on).then_some(Node { place, kind, scalar: resolved })
    }

    /// A literal block scalar (YAML 1.2.2 §8.1.2), clipped or stripped.
    fn literal(&mut self, column: usize) -> Option<Node> {
        let header = &self.rest()[1..];
        let (strip, header) = header.strip_prefix('-').map_or((false, header), |header| (true, header));
        is_end_of_line(header).then_some(())?;
        let start = self.at + 1;
        let first = (start..self.lines.len()).find(|&line| !is_blank(self.lines[line]))?;
        let width = indent(self.lines[first]);
        (width > column).then_some(())?;
        let (mut text, mut end) = (String::new(), start);
        for (number, line) in self.lines.iter().enumerate().skip(start) {
            let (blank, own) = (is_blank(line), indent(line));
            if !blank && own < width {
                // Between the collection's column and the text's stands an error.
                (own <= column).then_some(())?;
                break;
            }
            // Blanks beyond the text's column belong to the text; to the parser, those of a last line do anyway.
            let is_last = number + 1 == self.lines.len();
            (!blank || line.len() <= width && (line.is_empty() || !is_last)).then_some(())?;
            if !blank {
                (end..number).for_each(|_| text.push('\n'));
                text.push_str(&line[width..]);
                text.push('\n');
                end = number + 1;
            }
        }
        // Without a line break at its end, the text has none to keep.
        (end < self.lines.len()).then_some(())?;
        if strip {
            text.pop();
        }
        (self.at, self.column) = (first, width);
        let place = self.place();
        self.at = end;
        self.settle()?;
        Some(Node { place, kind: Kind::Scalar(text), scalar: Scalar::Text })
    }

    /// A flow collection that ends in its line, `from` bytes after the position, and its length.
    fn flow(&mut self, from: usize, depth_left: usize) -> Option<(Node, usize)> {
        let depth_left = depth_left.checked_sub(1)?;
        let text = &self.rest()[from..];
        let place = self.flow_place(from);
        let is_map = text.starts_with('{');
        let close = if is_map { '}' } else { ']' };
        let (mut items, mut entries) = (Vec::new(), Vec::<Entry>::new());
        let mut at = 1 + indent(&text[1..]);
        if text[at..].starts_with(close) {
            let kind = if is_map { Kind::Map(entries) } else { Kind::List(items) };
            return Some((Node { place, kind, scalar: Scalar::Text }, at + 1));
        }
        loop {
            let key = if is_map {
                let (key, length) = scalar::flow_key(&text[at..])?;
                let place = self.flow_place(from + at);
                at += length + indent(&text[at + length..]);
                entries.iter().all(|entry| entry.key != key).then_some(())?;
                Some((key, place))
            } else {
                None
            };
            let (node, length) = self.flow_node(from + at, depth_left)?;
            at += length + indent(&text[at + length..]);
            match key {
                Some((key, place)) => entries.push(Entry { key, place, value: node }),
                None => items.push(node),
            }
            if text[at..].starts_with(close) {
                break;
            }
            text[at..].starts_with(',').then_some(())?;
            at += 1 + indent(&text[at + 1..]);
        }
        let kind = if is_map { Kind::Map(entries) } else { Kind::List(items) };
        Some((Node { place, kind, scalar: Scalar::Text }, at + 1))
    }

    fn flow_node(&mut self, from: usize, depth_left: usize) -> Option<(Node, usize)> {
        let text = &self.rest()[from..];
        if text.starts_with(['[', '{']) {
            return self.flow(from, depth_left);
        }
        let place = self.flow_place(from);
        if let Some((text, length)) = scalar::quoted(text)? {
            return Some((Node { place, kind: Kind::Scalar(text), scalar: Scalar::Text }, length));
        }
        let (kind, resolved, length) = scalar::flow_plain(text)?;
        Some((Node { place, kind, scalar: resolved }, length))
    }

    fn flow_place(&self, from: usize) -> Place {
        let between = self.rest().get(..from).unwrap_or_default();
        let place = self.place();
        Place { column: place.column + between.chars().count(), ..place }
    }
}

/// The spaces at the beginning.
fn indent(text: &str) -> usize {
    text.bytes().take_while(|&byte| byte == b' ').count()
}

fn is_blank(line: &str) -> bool {
    indent(line) == line.len()
}

/// `- ` begins an item of a list.
fn is_item(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|after| after.is_empty() || after.starts_with(' '))
}

/// Nothing is left, or a comment, which blanks must separate from what stands before it.
fn is_end_of_line(rest: &str) -> bool {
    let blanks = indent(rest);
    blanks == rest.len() || blanks > 0 && rest[blanks..].starts_with('#')
}

#[cfg(test)]
mod tests;
