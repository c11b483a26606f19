//! From bytes to a tree, in one pass: what stops the reading is an error, what does not is a flaw beside the tree.

use std::borrow::Cow;

use memchr::memchr2;
use rustc_hash::FxHashSet;

use super::pointer::{self, Step};
use super::{Member, Node, Value};
use crate::problem::Problem;

/// How much one text may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Values, names not counted. A value takes 80 bytes here, so that this bounds memory.
    pub values: usize,
    /// Objects and lists within each other.
    pub depth: usize,
}

impl Limits {
    /// For one STIX object. The largest seen has 25,000 values; this one takes at most 80 MB.
    pub const OBJECT: Self = Self { values: 1 << 20, depth: 200 };
    /// For a whole document, which the caller has already bounded in bytes.
    pub const DOCUMENT: Self = Self { values: usize::MAX, depth: 200 };
}

/// Flaws told of one text; a text with more is told of once.
const FLAWS_LIMIT: usize = 1000;

/// Lists of names longer than this are searched for doubles by hashing, shorter ones by looking.
const NAMES_BY_LOOKING: usize = 16;

/// Reads one object's worth of JSON. `Ok` holds the tree and the flaws that did not stop the reading.
pub fn parse(bytes: &[u8]) -> Result<(Node<'_>, Vec<Problem>), Box<Problem>> {
    parse_with(bytes, Limits::OBJECT)
}

/// Reads JSON under given limits.
pub fn parse_with(bytes: &[u8], limits: Limits) -> Result<(Node<'_>, Vec<Problem>), Box<Problem>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let what = "the text is not UTF-8";
            return Err(Box::new(Problem::error(
                String::new(),
                error.valid_up_to() as u64,
                "RFC 8259 §8.1",
                what,
            )));
        }
    };
    let mut parser = Parser { text, bytes, at: 0, values: 0, depth: 0, limits, flaws: Vec::new() };
    let root = parser.document().map_err(|stop| Box::new(stop.into_problem()))?;
    let Parser { flaws, .. } = parser;
    let problems = flaws
        .into_iter()
        .map(|flaw| {
            let pointer = pointer::at(&root, flaw.offset);
            Problem::error(pointer, flaw.offset as u64, flaw.clause, flaw.what)
        })
        .collect();
    Ok((root, problems))
}

/// A fault that does not stop the reading.
struct Flaw {
    offset: usize,
    clause: &'static str,
    what: String,
}

/// A fault that does, with the way to it gathered while the calls return.
struct Stop {
    offset: usize,
    clause: &'static str,
    what: String,
    path: Vec<Way>,
}

enum Way {
    Name(String),
    Index(usize),
}

impl Stop {
    fn into_problem(self) -> Problem {
        let steps: Vec<Step<'_>> = self
            .path
            .iter()
            .rev()
            .map(|way| match way {
                Way::Name(name) => Step::Name(name),
                Way::Index(index) => Step::Index(*index),
            })
            .collect();
        // The way to something very deep is cut: the offset says where it is.
        let shown = &steps[..steps.len().min(16)];
        Problem::error(pointer::write(shown), self.offset as u64, self.clause, self.what)
    }
}

type Parsed<T> = Result<T, Box<Stop>>;

/// Adds a step to the way to a fault, seen from inside out.
fn via<T>(parsed: Parsed<T>, way: impl FnOnce() -> Way) -> Parsed<T> {
    parsed.map_err(|mut stop| {
        stop.path.push(way());
        stop
    })
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    values: usize,
    depth: usize,
    limits: Limits,
    flaws: Vec<Flaw>,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Parsed<Node<'a>> {
        if self.bytes.starts_with(b"\xEF\xBB\xBF") {
            self.flaw(0, "RFC 8259 §8.1", "the text begins with a byte order mark".to_owned());
            self.at = 3;
        }
        self.space();
        let root = self.node()?;
        self.space();
        if self.at < self.bytes.len() {
            return self.stop("there is more after the end of the value");
        }
        Ok(root)
    }

    fn node(&mut self) -> Parsed<Node<'a>> {
        self.values += 1;
        if self.values > self.limits.values {
            return self.stop(&format!("there are more than {} values", self.limits.values));
        }
        let start = self.at;
        let value = match self.bytes.get(start) {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Boolean(true))?,
            Some(b'f') => self.word("false", Value::Boolean(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(_) => return self.stop("a value is expected here"),
            None => return self.stop("the text ends where a value is expected"),
        };
        Ok(Node { start, end: self.at, value })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Parsed<Value<'a>>) -> Parsed<Value<'a>> {
        if self.depth == self.limits.depth {
            let what = format!("objects and lists stand deeper than {} within each other", self.limits.depth);
            return self.stop(&what);
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Parsed<Value<'a>> {
        let mut members: Vec<Member<'a>> = Vec::new();
        let mut seen: FxHashSet<Cow<'a, str>> = FxHashSet::default();
        self.space();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let start = self.at;
            if self.bytes.get(start) != Some(&b'"') {
                return self.stop("a name in quotation marks is expected here");
            }
            let name = self.string()?;
            self.space();
            if !self.eat(b':') {
                return via(self.stop("a colon is expected here"), || Way::Name(name.into()));
            }
            self.space();
            let node = via(self.node(), || Way::Name(name.to_string()))?;
            let member = Member { start, name, node };
            self.doubled(&members, &mut seen, &member);
            members.push(member);
            self.space();
            if self.eat(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.eat(b',') {
                return self.stop("a comma or a closing brace is expected here");
            }
        }
    }

    /// RFC 7493 §2.3: names stand once.
    fn doubled(&mut self, members: &[Member<'a>], seen: &mut FxHashSet<Cow<'a, str>>, member: &Member<'a>) {
        let doubled = if members.len() < NAMES_BY_LOOKING {
            members.iter().any(|other| other.name == member.name)
        } else {
            if seen.is_empty() {
                seen.extend(members.iter().map(|member| member.name.clone()));
            }
            !seen.insert(member.name.clone())
        };
        if doubled {
            let what = format!("the name {:?} stands twice in one object", member.name);
            self.flaw(member.start, "RFC 7493 §2.3", what);
        }
    }

    fn array(&mut self) -> Parsed<Value<'a>> {
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            let node = via(self.node(), || Way::Index(items.len()))?;
            items.push(node);
            self.space();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return self.stop("a comma or a closing bracket is expected here");
            }
        }
    }

    fn string(&mut self) -> Parsed<Cow<'a, str>> {
        let opening = self.at;
        self.at += 1;
        let start = self.at;
        let mut resolved: Option<String> = None;
        let mut copied = start;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                self.at = opening;
                return self.stop("a string that begins here does not end");
            };
            self.control_characters(self.at, found);
            self.at += found;
            let text = self.text;
            if self.bytes[self.at] == b'"' {
                let piece = &text[copied..self.at];
                self.at += 1;
                return Ok(match resolved {
                    None => Cow::Borrowed(piece),
                    Some(mut whole) => {
                        whole.push_str(piece);
                        Cow::Owned(whole)
                    }
                });
            }
            let whole = resolved.get_or_insert_with(String::new);
            whole.push_str(&text[copied..self.at]);
            let character = self.escape()?;
            whole.push(character);
            copied = self.at;
        }
    }

    /// RFC 8259 §7: control characters are written as escapes.
    fn control_characters(&mut self, start: usize, length: usize) {
        let piece = &self.bytes[start..start + length];
        if let Some(found) = piece.iter().position(|byte| *byte < 0x20) {
            let what = format!("the control character U+{:04X} stands in a string unescaped", piece[found]);
            self.flaw(start + found, "RFC 8259 §7", what);
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        let character = match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return self.stop("this is no escape that JSON knows"),
        };
        self.at = start + 2;
        Ok(character)
    }

    fn unicode(&mut self, start: usize) -> Parsed<char> {
        let Some(first) = self.hexadecimal(start + 2) else {
            return self.stop("four hexadecimal digits are expected after \\u");
        };
        self.at = start + 6;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let second = self.bytes.get(start + 6..start + 8).filter(|pair| *pair == b"\\u");
        let second = second.and_then(|_| self.hexadecimal(start + 8));
        if let (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) = (first, second) {
            self.at = start + 12;
            let code = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let what = format!("\\u{first:04x} is half of a surrogate pair and no character");
        self.flaw(start, "RFC 7493 §2.1", what);
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hexadecimal(&self, start: usize) -> Option<u32> {
        let digits = self.text.get(start..start + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Parsed<&'a str> {
        let start = self.at;
        self.eat(b'-');
        if self.eat(b'0') {
            if matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
                return self.stop("a number does not begin with a zero that counts nothing");
            }
        } else if self.digits() == 0 {
            return self.stop("digits are expected here");
        }
        let mut whole = true;
        if self.eat(b'.') {
            whole = false;
            if self.digits() == 0 {
                return self.stop("digits are expected after the point");
            }
        }
        if self.eat(b'e') || self.eat(b'E') {
            whole = false;
            let _ = self.eat(b'+') || self.eat(b'-');
            if self.digits() == 0 {
                return self.stop("digits are expected in the exponent");
            }
        }
        let text = &self.text[start..self.at];
        self.magnitude(text, whole, start);
        Ok(text)
    }

    /// RFC 7493 §2.2: what a double cannot hold is not the same number at the other end.
    fn magnitude(&mut self, text: &str, whole: bool, start: usize) {
        if whole && text.len() > 15 {
            let exact = text.parse::<i64>().is_ok_and(|value| value.unsigned_abs() < 1 << 53);
            if !exact {
                let what = format!("the integer {} is beyond ±(2^53-1)", shortened(text));
                self.flaw(start, "STIX 2.1 §2.10, RFC 7493 §2.2", what);
            }
        } else if !whole && text.parse::<f64>().is_ok_and(f64::is_infinite) {
            let what = format!("the number {} is beyond what a double holds", shortened(text));
            self.flaw(start, "STIX 2.1 §2.6, RFC 7493 §2.2", what);
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Parsed<Value<'a>> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        self.stop("a value is expected here")
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn flaw(&mut self, offset: usize, clause: &'static str, what: String) {
        if self.flaws.len() < FLAWS_LIMIT {
            self.flaws.push(Flaw { offset, clause, what });
        }
    }

    fn stop<T>(&self, what: &str) -> Parsed<T> {
        let ended = self.at >= self.bytes.len() && !what.contains("ends");
        let what = if ended { format!("the text ends here; {what}") } else { what.to_owned() };
        Err(Box::new(Stop { offset: self.at, clause: "RFC 8259", what, path: Vec::new() }))
    }
}

/// Enough of a number to know it by.
fn shortened(text: &str) -> &str {
    text.get(..32).unwrap_or(text)
}
