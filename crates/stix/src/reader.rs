//! One object after the other out of a stream: a bundle, an envelope, a list or a single object of any size.
//!
//! The stream is cut at the brackets of JSON without building anything, so that memory holds one object at a time. What
//! stands inside an object is not understood here; a damaged object comes out as it is, and its reader says what is
//! wrong with it.

use std::io::{self, Read};

use memchr::memchr2;
use thiserror::Error;

use crate::json;
use crate::problem::Problem;

/// Bytes of one object. The largest payloads of artifacts seen have some megabytes; a bundle may have any size.
pub const OBJECT_LIMIT_BYTES: usize = 32 << 20;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What the objects stood in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// One object and nothing around it.
    Object,
    /// A list of objects.
    List,
    /// A bundle (STIX 2.1 §8), or an envelope (TAXII 2.1 §3.7), which has no `type`.
    Bundle,
}

/// One object, not yet understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Bytes from the start of the stream.
    pub offset: u64,
    /// A JSON pointer from the whole to the object.
    pub pointer: String,
}

/// Why there is no object.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The stream could not be read; nothing follows.
    #[error("the stream cannot be read")]
    Io(#[from] io::Error),
    /// The stream is no JSON of objects; nothing follows.
    #[error(transparent)]
    Malformed(Box<Problem>),
    /// One object was too large and was passed over; others may follow.
    #[error(transparent)]
    TooLarge(Box<Problem>),
}

/// Cuts a stream into objects.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of the stream before the buffer.
    passed: u64,
    state: State,
    container: Container,
    index: u64,
    /// The whole object while it may be one, later what stands around the list of a bundle.
    around: Vec<u8>,
    /// Where in `around` the list was left out, and how many bytes of it.
    left_out: Option<(usize, u64)>,
    started: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Members { first: bool },
    Items { first: bool, nested: bool },
    End,
    Over,
}

impl<R: Read> Reader<R> {
    /// Of a stream.
    pub fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            at: 0,
            passed: 0,
            state: State::Start,
            container: Container::Object,
            index: 0,
            around: Vec::new(),
            left_out: None,
            started: 0,
        }
    }

    /// What the objects stood in; known for certain when there are no more.
    pub fn container(&self) -> Container {
        self.container
    }

    /// How many objects there were so far, those that could not be given among them.
    pub fn objects(&self) -> u64 {
        self.index
    }

    /// The bundle without its objects, when it has been read to its end: the bytes around an empty list.
    pub fn around(&self) -> Option<&[u8]> {
        (self.container == Container::Bundle).then_some(&self.around)
    }

    /// The byte of the stream at which a byte of [`Reader::around`] stood.
    pub fn offset_around(&self, offset: u64) -> u64 {
        match self.left_out {
            Some((at, length)) if offset > at as u64 => self.started + offset + length,
            _ => self.started + offset,
        }
    }

    fn step(&mut self) -> Result<Option<Item>, ReadError> {
        loop {
            match self.state {
                State::Start => self.start()?,
                State::Members { first } => {
                    if let Some(item) = self.member(first)? {
                        return Ok(Some(item));
                    }
                }
                State::Items { first, nested } => {
                    if let Some(item) = self.item(first, nested)? {
                        return Ok(Some(item));
                    }
                }
                State::End => {
                    self.state = State::Over;
                    if self.space()?.is_some() {
                        return self.malformed("there is more after the end of the value");
                    }
                }
                State::Over => return Ok(None),
            }
        }
    }

    fn start(&mut self) -> Result<(), ReadError> {
        self.fill()?;
        if self.buffer.starts_with(b"\xEF\xBB\xBF") {
            self.at = 3; // RFC 8259 §8.1 lets a reader pass over a byte order mark
        }
        let first = self.space()?;
        self.started = self.offset();
        match first {
            Some(b'{') => {
                self.take(true);
                self.state = State::Members { first: true };
                Ok(())
            }
            Some(b'[') => {
                self.take(false);
                self.container = Container::List;
                self.state = State::Items { first: true, nested: false };
                Ok(())
            }
            Some(_) => self.malformed("neither an object nor a list begins here"),
            None => self.malformed("there is nothing to read"),
        }
    }

    /// One member of the outermost object; the object itself, when that was its last and there was no list in it.
    fn member(&mut self, first: bool) -> Result<Option<Item>, ReadError> {
        let mut next = self.space_kept()?;
        if next == Some(b'}') {
            self.take(true);
            self.state = State::End;
            return Ok(self.whole());
        }
        if !first {
            if next != Some(b',') {
                return self.malformed("a comma or a closing brace is expected here");
            }
            self.take(true);
            next = self.space_kept()?;
        }
        if next != Some(b'"') {
            return self.malformed("a name in quotation marks is expected here");
        }
        let start = self.around.len();
        self.extent(Keep::Around)?;
        let is_objects = self.around.get(start..) == Some(b"\"objects\"");
        if self.space_kept()? != Some(b':') {
            return self.malformed("a colon is expected here");
        }
        self.take(true);
        if self.space_kept()? == Some(b'[') && is_objects && self.may_be_bundle() {
            self.container = Container::Bundle;
            self.state = State::Items { first: true, nested: true };
            self.left_out = Some((self.around.len() + 1, self.offset()));
            self.take(false);
            self.around.extend_from_slice(b"[]");
            return Ok(None);
        }
        self.extent(Keep::Around)?;
        self.state = State::Members { first: false };
        Ok(None)
    }

    /// Whether nothing that was read so far says that this is something else than a bundle or an envelope.
    fn may_be_bundle(&self) -> bool {
        let mut closed = self.around.clone();
        closed.extend_from_slice(b"0}");
        let Ok((node, _)) = json::parse(&closed) else { return true };
        node.get("type").is_none_or(|node| node.as_str() == Some("bundle"))
    }

    fn whole(&mut self) -> Option<Item> {
        if self.container == Container::Bundle {
            return None;
        }
        if let Ok((node, _)) = json::parse(&self.around)
            && node.text("type") == Some("bundle")
        {
            self.container = Container::Bundle;
            return None;
        }
        let bytes = std::mem::take(&mut self.around);
        Some(Item { bytes, offset: self.started, pointer: String::new() })
    }

    fn item(&mut self, first: bool, nested: bool) -> Result<Option<Item>, ReadError> {
        let mut next = self.space()?;
        if next == Some(b']') {
            self.take(false);
            self.state = if nested { State::Members { first: false } } else { State::End };
            if let (true, Some((_, length))) = (nested, &mut self.left_out) {
                // From the opening bracket to the closing one, less the two that stand in their place.
                *length = (self.passed + self.at as u64 - *length).saturating_sub(2);
            }
            return Ok(None);
        }
        if !first {
            if next != Some(b',') {
                return self.malformed("a comma or a closing bracket is expected here");
            }
            self.take(false);
            next = self.space()?;
        }
        if matches!(next, None | Some(b',' | b']' | b'}' | b':')) {
            return self.malformed("a value is expected here");
        }
        self.state = State::Items { first: false, nested };
        let pointer = if nested { format!("/objects/{}", self.index) } else { format!("/{}", self.index) };
        self.index += 1;
        let offset = self.offset();
        let mut bytes = Vec::new();
        let length = self.extent(Keep::Into(&mut bytes))?;
        if length > OBJECT_LIMIT_BYTES as u64 {
            let what = format!("an object of {length} bytes is larger than {OBJECT_LIMIT_BYTES}");
            let problem = Problem::error(pointer, offset, "limit of this program", what);
            return Err(ReadError::TooLarge(Box::new(problem)));
        }
        Ok(Some(Item { bytes, offset, pointer }))
    }

    /// Passes over one value, keeping its bytes as long as they are within the limit; gives its length.
    fn extent(&mut self, mut keep: Keep<'_>) -> Result<u64, ReadError> {
        let start = self.offset();
        let mut cut = Cut::default();
        loop {
            if self.at == self.buffer.len() && !self.fill()? {
                if cut.is_scalar() {
                    return Ok(self.offset() - start);
                }
                return self.malformed("the text ends within a value");
            }
            let chunk = &self.buffer[self.at..];
            let end = cut.end(chunk);
            let taken = end.unwrap_or(chunk.len());
            let around = matches!(keep, Keep::Around);
            let kept = match &mut keep {
                Keep::Around => &mut self.around,
                Keep::Into(bytes) => &mut **bytes,
            };
            if kept.len() + taken <= OBJECT_LIMIT_BYTES {
                kept.extend_from_slice(&chunk[..taken]);
            } else if around {
                return self.too_large();
            } else {
                *kept = Vec::new();
            }
            self.at += taken;
            if end.is_some() {
                return Ok(self.offset() - start);
            }
        }
    }

    fn offset(&self) -> u64 {
        self.passed + self.at as u64
    }

    /// The next byte that is no space, not taken.
    fn space(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            while let Some(byte) = self.buffer.get(self.at) {
                if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                    return Ok(Some(*byte));
                }
                self.at += 1;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The same, with the spaces kept, since they belong to an object.
    fn space_kept(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.buffer.get(self.at).copied() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => {
                    if self.around.len() == OBJECT_LIMIT_BYTES {
                        return self.too_large();
                    }
                    self.take(true);
                }
                Some(byte) => return Ok(Some(byte)),
                None if self.fill()? => {}
                None => return Ok(None),
            }
        }
    }

    fn too_large<T>(&self) -> Result<T, ReadError> {
        self.malformed(&format!("the outermost object is larger than {OBJECT_LIMIT_BYTES} bytes"))
    }

    fn take(&mut self, keep: bool) {
        if keep {
            self.around.extend(self.buffer.get(self.at));
        }
        self.at += 1;
    }

    /// Reads the next chunk once the buffer is used up; `false` at the end of the stream.
    fn fill(&mut self) -> Result<bool, ReadError> {
        if self.at < self.buffer.len() {
            return Ok(true);
        }
        self.passed += self.buffer.len() as u64;
        self.at = 0;
        self.buffer.resize(CHUNK_BYTES, 0);
        let mut filled = 0;
        while filled < 3 {
            // Three bytes, so that a byte order mark is seen whole.
            match self.source.read(&mut self.buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.clear();
                    return Err(error.into());
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(filled > 0)
    }

    fn malformed<T>(&self, what: &str) -> Result<T, ReadError> {
        let pointer = match self.state {
            State::Items { nested: true, .. } => "/objects".to_owned(),
            _ => String::new(),
        };
        Err(ReadError::Malformed(Box::new(Problem::error(pointer, self.offset(), "RFC 8259", what))))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Item, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(ReadError::Io(_) | ReadError::Malformed(_)))) {
            self.state = State::Over;
        }
        step
    }
}

/// Where the bytes of a value go.
enum Keep<'k> {
    Around,
    Into(&'k mut Vec<u8>),
}

/// Finds where a value ends, chunk by chunk.
#[derive(Debug, Default)]
struct Cut {
    kind: Option<Shape>,
    depth: u64,
    in_string: bool,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nested,
    String,
    Scalar,
}

impl Cut {
    fn is_scalar(&self) -> bool {
        self.kind == Some(Shape::Scalar)
    }

    /// The bytes of the chunk that belong to the value, once its end is in sight.
    fn end(&mut self, chunk: &[u8]) -> Option<usize> {
        let shape = *self.kind.get_or_insert(match chunk.first() {
            Some(b'{' | b'[') => Shape::Nested,
            Some(b'"') => Shape::String,
            _ => Shape::Scalar,
        });
        if shape == Shape::Scalar {
            return chunk
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
        }
        let mut at = 0;
        while at < chunk.len() {
            if self.in_string {
                at = self.string(chunk, at);
                if shape == Shape::String && !self.in_string {
                    return Some(at);
                }
                continue;
            }
            match chunk[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            at += 1;
            if self.depth == 0 && shape == Shape::Nested {
                return Some(at);
            }
        }
        None
    }

    /// Goes on within a string; gives the byte after its end, or after the chunk.
    fn string(&mut self, chunk: &[u8], mut at: usize) -> usize {
        while at < chunk.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            let Some(found) = memchr2(b'"', b'\\', &chunk[at..]) else { return chunk.len() };
            at += found + 1;
            if chunk[at - 1] == b'"' {
                self.in_string = false;
                return at;
            }
            self.escaped = true;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A source that gives a byte at a time, so that every boundary is tried.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn read(text: &str) -> (Container, Vec<String>) {
        let mut whole = Reader::new(text.as_bytes());
        let shown = show(&mut whole);
        let mut trickled = Reader::new(Trickle(text.as_bytes()));
        assert_eq!(show(&mut trickled), shown, "{text}");
        (whole.container(), shown)
    }

    fn show<R: Read>(reader: &mut Reader<R>) -> Vec<String> {
        reader
            .map(|item| match item {
                Ok(item) => {
                    format!("{} {} {}", item.pointer, item.offset, String::from_utf8_lossy(&item.bytes))
                }
                Err(error) => format!("! {error}"),
            })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, container: Container, expected: &[&str]) {
        let (found, shown) = read(text);
        assert_eq!(shown, expected, "{text}");
        assert_eq!(found, container, "{text}");
    }

    #[test]
    fn containers() {
        use Container::{Bundle, List, Object};
        check(r#" {"a":1} "#, Object, &[r#" 1 {"a":1}"#]);
        check(
            r#"[{"a":"]"},{"b":"\"}"} , 3]"#,
            List,
            &[r#"/0 1 {"a":"]"}"#, r#"/1 11 {"b":"\"}"}"#, "/2 25 3"],
        );
        check(r#"{"type":"bundle","objects":[{},{ }]}"#, Bundle, &["/objects/0 28 {}", "/objects/1 31 { }"]);
        check(r#"{"objects":[{"a":[{}]}],"type":"bundle"}"#, Bundle, &[r#"/objects/0 12 {"a":[{}]}"#]);
        check(r#"{"type":"bundle","id":"x"}"#, Bundle, &[]);
        check(r#"{"objects":[]}"#, Bundle, &[]);
        check(r#"{"type":"x-a","objects":[{}]}"#, Object, &[r#" 0 {"type":"x-a","objects":[{}]}"#]);
        check(
            r#"{"objects":{"0":{}},"type":"observed-data"}"#,
            Object,
            &[r#" 0 {"objects":{"0":{}},"type":"observed-data"}"#],
        );
        check("\u{feff}[]", List, &[]);
    }

    #[test]
    fn what_is_cut_short() {
        for (text, expected) in [
            ("", "! error: the whole at byte 0: there is nothing to read (RFC 8259)"),
            ("7", "! error: the whole at byte 0: neither an object nor a list begins here (RFC 8259)"),
            (
                r#"{"objects":[{},{"a":"#,
                "! error: /objects at byte 20: the text ends within a value (RFC 8259)",
            ),
            (
                r#"{"objects":[{}"#,
                "! error: /objects at byte 14: a comma or a closing bracket is expected here (RFC 8259)",
            ),
            ("[] x", "! error: the whole at byte 3: there is more after the end of the value (RFC 8259)"),
        ] {
            assert_eq!(read(text).1.last().map(String::as_str), Some(expected), "{text}");
        }
    }

    #[test]
    fn places_around_the_objects() {
        let text = r#" {"type":"bundle","objects":[{"a":1},{"b":2}],"id":7}"#;
        let mut reader = Reader::new(text.as_bytes());
        assert_eq!(reader.by_ref().count(), 2);
        let around = reader.around().unwrap();
        assert_eq!(String::from_utf8_lossy(around), r#"{"type":"bundle","objects":[],"id":7}"#);
        let id = String::from_utf8_lossy(around).find('7').unwrap();
        assert_eq!(reader.offset_around(id as u64), text.find('7').unwrap() as u64);
    }

    #[test]
    fn an_object_too_large_is_passed_over() {
        let large = format!("[{{\"a\":\"{}\"}},{{}}]", "x".repeat(OBJECT_LIMIT_BYTES));
        let items: Vec<_> = Reader::new(large.as_bytes()).collect();
        assert!(matches!(&items[0], Err(ReadError::TooLarge(problem)) if problem.pointer == "/0"));
        assert_eq!(items[1].as_ref().unwrap().bytes, b"{}");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ a1".to_vec()), 0..64)) {
            let whole = show(&mut Reader::new(bytes.as_slice()));
            prop_assert_eq!(whole, show(&mut Reader::new(Trickle(&bytes))));
            for item in Reader::new(bytes.as_slice()).flatten() {
                let _ = json::parse(&item.bytes);
            }
        }

        #[test]
        fn a_list_comes_out_as_it_went_in(texts in prop::collection::vec(crate::json_texts(), 0..6)) {
            let list = format!("[{}]", texts.join(" ,"));
            let items: Vec<String> =
                Reader::new(list.as_bytes()).map(|item| String::from_utf8(item.unwrap().bytes).unwrap()).collect();
            prop_assert_eq!(items, texts);
        }
    }
}
