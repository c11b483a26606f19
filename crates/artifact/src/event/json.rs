//! The JSON of one event, read once from front to end.
//!
//! A general reader makes values of everything, some of them twice; an event needs to know where its leaves stand.
//! What is JSON here is what RFC 8259 says, and nothing is decoded that has no escape. Objects and lists nested deeper
//! than any event's are passed over, without recursion: lines come from whoever wrote the log.

use super::naming::Level;
use super::{Event, Span, Spelling};

/// Objects inside objects, and lists inside lists; the deepest real shape has five.
const DEPTH_LIMIT: usize = 12;

/// What is no JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// What stands there.
    pub what: &'static str,
    /// Bytes from the start of the object, from 1.
    pub at: usize,
}

type Result<T> = std::result::Result<T, JsonError>;

/// The line as text.
pub(super) fn text(line: &[u8]) -> Result<&str> {
    if u32::try_from(line.len()).is_err() {
        return Err(JsonError { what: "a line of more than 4 GiB", at: 1 });
    }
    std::str::from_utf8(line).map_err(|error| JsonError { what: "no UTF-8", at: error.valid_up_to() + 1 })
}

/// Reads an event's line into its fields.
pub(super) fn read(event: &mut Event<'_>) -> Result<()> {
    let mut reader = Reader { text: event.line.as_bytes(), at: 0 };
    if reader.next() != Some(b'{') {
        return reader.wrong("no object");
    }
    reader.object(event, Level::Top, 0, 0)?;
    match reader.next() {
        None => Ok(()),
        Some(_) => reader.wrong("more behind the object"),
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, what: &'static str) -> Result<T> {
        Err(JsonError { what, at: self.at + 1 })
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// An object, behind whose brace it stands next: `objects` and `lists` are those around it.
    fn object(&mut self, event: &mut Event<'a>, level: Level, objects: usize, lists: usize) -> Result<()> {
        if self.is_empty(b'}') {
            return Ok(());
        }
        loop {
            let key = self.name(|reader| reader.key(event))?;
            match self.next() {
                Some(b'{') if objects < DEPTH_LIMIT => {
                    let level = level.enter(event.raw(key));
                    self.object(event, level, objects + 1, lists)?;
                }
                Some(b'[') if lists < DEPTH_LIMIT => self.list(event, level, key, lists)?,
                Some(b'{' | b'[') => self.pass_over()?,
                Some(b'n') => self.word("null")?,
                _ => {
                    let value = self.scalar()?;
                    event.leaf(level, key, value);
                }
            }
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    /// A list under a name. Each item is a value of that name; of objects in it only what they hold themselves.
    fn list(&mut self, event: &mut Event<'a>, level: Level, key: Span, lists: usize) -> Result<()> {
        if self.is_empty(b']') {
            return Ok(());
        }
        loop {
            match self.next() {
                Some(b'{') => {
                    let level = level.enter(event.raw(key));
                    self.object(event, level, DEPTH_LIMIT, lists + 1)?;
                }
                Some(b'[') => self.pass_over()?,
                Some(b'n') => self.word("null")?,
                _ => {
                    let value = self.scalar()?;
                    event.leaf(level, key, value);
                }
            }
            if self.ends(b']')? {
                return Ok(());
            }
        }
    }

    /// Goes behind the brace or bracket that opens, and, if nothing is in it, behind the one that closes.
    fn is_empty(&mut self, close: u8) -> bool {
        self.at += 1;
        let is_empty = self.next() == Some(close);
        self.at += usize::from(is_empty);
        is_empty
    }

    /// The name of a member, read by `string`, and its colon.
    fn name<T>(&mut self, string: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.next() != Some(b'"') {
            return self.wrong("no name of a member");
        }
        let name = string(self)?;
        if self.next() != Some(b':') {
            return self.wrong("a name without `:`");
        }
        self.at += 1;
        Ok(name)
    }

    /// Whether an object or a list ends here, or goes on behind a comma.
    fn ends(&mut self, close: u8) -> Result<bool> {
        let next = self.next();
        if next != Some(b',') && next != Some(close) {
            return self.wrong("neither a comma nor the end of an object or a list");
        }
        self.at += 1;
        Ok(next == Some(close))
    }

    /// A string, a number or a truth value, as its text.
    fn scalar(&mut self) -> Result<Span> {
        if self.text.get(self.at) == Some(&b'"') {
            return self.string();
        }
        let start = self.at;
        self.pass_plain()?;
        Ok(span(start, self.at))
    }

    /// Goes behind a number or a truth value.
    fn pass_plain(&mut self) -> Result<()> {
        match self.text.get(self.at) {
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return self.wrong("no value");
        }
        self.at += word.len();
        Ok(())
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    fn number(&mut self) -> Result<()> {
        let is = |reader: &Self, bytes: &[u8]| reader.text.get(reader.at).is_some_and(|b| bytes.contains(b));
        if is(self, b"-") {
            self.at += 1;
        }
        if is(self, b"0") {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if is(self, b".") {
            self.at += 1;
            self.digits()?;
        }
        if is(self, b"eE") {
            self.at += 1;
            if is(self, b"+-") {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<()> {
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return self.wrong("no value");
        }
        self.at += digits;
        Ok(())
    }

    /// A string, as it stands in the line.
    fn string(&mut self) -> Result<Span> {
        let start = self.at + 1;
        let escaped = self.pass_string()?;
        let kind = if escaped { Spelling::Escaped } else { Spelling::Line };
        Ok(Span { kind, ..span(start, self.at - 1) })
    }

    /// The name of a member, without escapes.
    fn key(&mut self, event: &mut Event<'a>) -> Result<Span> {
        let key = self.string()?;
        if key.kind == Spelling::Line {
            return Ok(key);
        }
        let name = event.text(key).into_owned();
        Ok(event.room.keep(&name))
    }

    /// Goes behind a string, and says whether it has escapes.
    fn pass_string(&mut self) -> Result<bool> {
        self.at += 1;
        let mut escaped = false;
        loop {
            // Eight bytes at a time, then those of the end of the line.
            if let Some(word) = self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
                let plain = plain(*word);
                self.at += plain;
                if plain == 8 {
                    continue;
                }
            }
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.pass_escape()?;
                }
                Some(0..0x20) => return self.wrong("a control character in a string"),
                Some(_) => self.at += 1,
                None => return self.wrong("a string without an end"),
            }
        }
    }

    fn pass_escape(&mut self) -> Result<()> {
        let length = match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if hex(self.text.get(self.at + 2..self.at + 6)).is_some() => 6,
            _ => return self.wrong("no escape"),
        };
        self.at += length;
        Ok(())
    }

    /// Goes behind an object or a list, whatever stands in it.
    fn pass_over(&mut self) -> Result<()> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.next() {
                Some(opens @ (b'{' | b'[')) => {
                    let close = if opens == b'{' { b'}' } else { b']' };
                    if !self.is_empty(close) {
                        open.push(close);
                        if close == b'}' {
                            self.name(Self::pass_string)?;
                        }
                        continue;
                    }
                }
                Some(b'"') => {
                    self.pass_string()?;
                }
                Some(b'n') => self.word("null")?,
                _ => self.pass_plain()?,
            }
            loop {
                let Some(&close) = open.last() else { return Ok(()) };
                if !self.ends(close)? {
                    if close == b'}' {
                        self.name(Self::pass_string)?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }
}

fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32, kind: Spelling::Line }
}

/// How many of eight bytes from the front on are none of `"`, `\\` and control characters.
fn plain(word: [u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    // The highest bit of a byte that is below `limit` (borrows reach only bytes behind the first such one).
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = is(b'"') | is(b'\\') | below(word, b' ');
    found.trailing_zeros() as usize / 8
}

/// A string's text without its escapes, which are known to be some. A lone surrogate is no text in JSON's own grammar;
/// with one, all of it is kept as it was written.
pub(super) fn unescaped(raw: &str) -> String {
    unescape(raw).unwrap_or_else(|| raw.to_owned())
}

/// A string's text without its escapes; none if a surrogate has no partner.
fn unescape(mut raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    while let Some(at) = memchr::memchr(b'\\', raw.as_bytes()) {
        text.push_str(&raw[..at]);
        let (character, length) = match raw.as_bytes()[at + 1] {
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            b'u' => character(&raw.as_bytes()[at..])?,
            other => (char::from(other), 2),
        };
        text.push(character);
        raw = &raw[at + length..];
    }
    text.push_str(raw);
    Some(text)
}

/// The character of `\\uXXXX`, or of two of them, and how long that is.
fn character(escape: &[u8]) -> Option<(char, usize)> {
    let first = hex(escape.get(2..6))?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = escape.get(6..8).filter(|start| start == b"\\u").and_then(|_| hex(escape.get(8..12)))?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let character = is_pair.then(|| 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
    Some((char::from_u32(character)?, 12))
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_json(line: &str) -> bool {
        let mut event = Event { line, ..Event::default() };
        read(&mut event).is_ok()
    }

    #[track_caller]
    fn check(line: &str) {
        let expected =
            serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok() && line.trim_start().starts_with('{');
        assert_eq!(is_json(line), expected, "{line}");
    }

    #[test]
    fn what_is_json_and_what_is_none() {
        for value in [
            "0",
            "-0",
            "-",
            "01",
            "1.5",
            "1.",
            ".5",
            "1e5",
            "1E+5",
            "1e",
            "-1.0e-7",
            "+1",
            "NaN",
            "true",
            "tru",
            "truee",
            "null",
            "nul",
            "\"\"",
            "\"a",
            "\"\\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12aF\"",
            "\"\\ud800\"",
            "\"\t\"",
            "[]",
            "[1,]",
            "[1 2]",
            "[,]",
            "[[[]],{}]",
            "{}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":{\"b\":[{}]}}",
            "",
            " 1 ",
            "1 1",
            "]",
            "}",
        ] {
            check(&format!("{{\"EventID\":{value}}}"));
            check(&format!("{{\"EventID\":[{value}]}}"));
            // Deep enough to be passed over.
            let (front, back) = ("[{\"a\":".repeat(DEPTH_LIMIT + 1), "}]".repeat(DEPTH_LIMIT + 1));
            check(&format!("{{\"EventID\":1,\"b\":{front}{value}{back}}}"));
        }
        check("{} {}");
        check("[]");
    }

    #[test]
    fn depth_is_passed_over() {
        let deep = 200_000;
        let line =
            format!("{{\"EventID\":1,\"a\":{}1{},\"b\":2}}", "[{\"a\":".repeat(deep), "}]".repeat(deep));
        let event = Event::parse(line.as_bytes()).unwrap().unwrap();
        assert_eq!(
            (event.first("EventID"), event.first("a"), event.first("b")),
            (Some("1".into()), None, Some("2".into()))
        );
        let cut = &line[..line.len() / 2];
        assert!(Event::parse(cut.as_bytes()).is_err());
    }

    #[test]
    fn escapes() {
        let text = |string: &str| {
            let line = format!("{{\"EventID\":\"{string}\"}}");
            Event::parse(line.as_bytes()).unwrap().unwrap().first("EventID").unwrap().into_owned()
        };
        assert_eq!(text(r#"C:\\a\/\"b\"\tc"#), "C:\\a/\"b\"\tc");
        assert_eq!(text(r"\u00e4\ud83d\udca1!"), "ä💡!");
        assert_eq!(text(r"a\ud83d!"), r"a\ud83d!");
        assert_eq!(text(r"a\ud83d\u0041"), r"a\ud83d\u0041");
    }

    proptest! {
        #[test]
        fn json_is_what_others_take_for_json(line in r#"\{("[a\\u0 ]{0,9}"[:,]?|[\[\]{}:,0-9eE.\- ]|true|null){0,24}\}?"#) {
            check(&line);
        }

        #[test]
        fn strings_come_back(text in any::<String>()) {
            let line = format!("{{\"EventID\":{}}}", serde_json::to_string(&text).unwrap());
            let event = Event::parse(line.as_bytes()).unwrap().unwrap();
            prop_assert_eq!(event.first("EventID"), Some(text.into()));
        }
    }
}
