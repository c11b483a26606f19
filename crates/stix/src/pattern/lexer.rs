//! From a pattern's text to tokens (the grammar's lexer rules; STIX 2.1 §9.2, §9.4).
//!
//! Tokens are made one at a time and borrow from the text, so that a million plain indicators cost no tree.

use std::borrow::Cow;

use super::octets;

/// What the text is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// `[A-Za-z_][A-Za-z0-9_]*`, with hyphens in names of object types.
    Name(&'a str),
    Keyword(&'static str),
    Integer(&'a str),
    Float(&'a str),
    Text(Cow<'a, str>),
    Hex(Vec<u8>),
    Binary(Vec<u8>),
    /// What stands between the apostrophes; the form is looked at by the parser.
    Timestamp(&'a str),
    /// `[ ] ( ) : . , *` and the comparison signs.
    Sign(&'static str),
    End,
}

impl Token<'_> {
    /// What a message calls this token.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Name(text)
            | Self::Integer(text)
            | Self::Float(text)
            | Self::Keyword(text)
            | Self::Sign(text) => {
                format!("`{text}`")
            }
            Self::Text(_) => "a string".to_owned(),
            Self::Hex(_) => "a hex constant".to_owned(),
            Self::Binary(_) => "a binary constant".to_owned(),
            Self::Timestamp(_) => "a timestamp".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Words that the grammar keeps for itself.
const KEYWORDS: [&str; 19] = [
    "AND",
    "OR",
    "NOT",
    "FOLLOWEDBY",
    "LIKE",
    "MATCHES",
    "ISSUPERSET",
    "ISSUBSET",
    "EXISTS",
    "LAST",
    "IN",
    "START",
    "STOP",
    "SECONDS",
    "true",
    "false",
    "WITHIN",
    "REPEATS",
    "TIMES",
];

/// The keyword that a word is.
pub(crate) fn keyword(word: &str) -> Option<&'static str> {
    // No keyword mixes capitals with others.
    if !word.starts_with(|first: char| first.is_ascii_uppercase() || matches!(first, 't' | 'f')) {
        return None;
    }
    KEYWORDS.iter().find(|keyword| **keyword == word).copied()
}

/// The keyword that a word was meant to be, had its case been right.
pub(crate) fn meant(word: &str) -> Option<&'static str> {
    KEYWORDS.iter().find(|keyword| keyword.eq_ignore_ascii_case(word)).copied()
}

/// Whether a property's name can stand in a path without apostrophes.
pub(crate) fn is_bare(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && keyword(name).is_none()
}

/// What stops the lexer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stop {
    /// Byte offset.
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

fn stop<T>(at: usize, message: impl Into<String>, hint: Option<&'static str>) -> Result<T, Stop> {
    Err(Stop { at, message: message.into(), hint })
}

/// The tokens of a text.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next token and the byte at which it starts.
    pub(crate) fn next(&mut self) -> Result<(usize, Token<'a>), Stop> {
        self.skip()?;
        let start = self.at;
        let Some(byte) = self.rest().bytes().next() else { return Ok((start, Token::End)) };
        let token = match byte {
            b'\'' => Token::Text(self.string()?),
            b'h' | b'b' | b't' if self.rest().as_bytes().get(1) == Some(&b'\'') => self.prefixed(byte)?,
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word(),
            b'0'..=b'9' | b'+' | b'-' => self.number()?,
            b'.' if self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit) => self.number()?,
            _ => self.sign()?,
        };
        Ok((start, token))
    }

    /// Leaves out whitespace and comments.
    fn skip(&mut self) -> Result<(), Stop> {
        loop {
            // Most tokens stand next to the one before or after a single space.
            if self.rest().starts_with(' ') {
                self.at += 1;
            }
            match self.rest().bytes().next() {
                Some(byte) if byte.is_ascii_graphic() && byte != b'/' => return Ok(()),
                _ => self.at = self.text.len() - self.rest().trim_start().len(),
            }
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find(['\r', '\n']).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return stop(self.at, "a comment is not closed", Some("end it with `*/`"));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// A string constant. The escape character is the backslash; only the apostrophe and the backslash may follow.
    fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        let start = self.at;
        let body = &self.text[start + 1..];
        let mut owned: Option<String> = None;
        let mut from = 0;
        loop {
            let Some(found) = body[from..].find(['\'', '\\']) else {
                return stop(start, "a string is not closed", Some("end it with an apostrophe"));
            };
            let end = from + found;
            if body.as_bytes()[end] == b'\'' {
                self.at = start + 1 + end + 1;
                return Ok(match owned {
                    None => Cow::Borrowed(&body[..end]),
                    Some(text) => Cow::Owned(text + &body[from..end]),
                });
            }
            let escaped = match body.as_bytes().get(end + 1) {
                Some(b'\'') => '\'',
                Some(b'\\') => '\\',
                _ => {
                    let hint = "in a string only \\' and \\\\ may stand; write a backslash twice";
                    return stop(start + 1 + end, "a backslash escapes nothing", Some(hint));
                }
            };
            let text = owned.get_or_insert_default();
            text.push_str(&body[from..end]);
            text.push(escaped);
            from = end + 2;
        }
    }

    /// `h'…'`, `b'…'` and `t'…'`: no escapes.
    fn prefixed(&mut self, prefix: u8) -> Result<Token<'a>, Stop> {
        let start = self.at;
        let body = &self.text[start + 2..];
        let Some(end) = body.find('\'') else {
            return stop(start, "a constant is not closed", Some("end it with an apostrophe"));
        };
        self.at = start + 2 + end + 1;
        let body = &body[..end];
        match prefix {
            b'h' => match octets::from_hex(body) {
                Some(octets) => Ok(Token::Hex(octets)),
                None => {
                    stop(start, "a hex constant has something else than pairs of hexadecimal digits", None)
                }
            },
            b'b' => match octets::from_base64(body) {
                Some(octets) => Ok(Token::Binary(octets)),
                None => stop(start, "a binary constant is not base64 with its padding", None),
            },
            _ => Ok(Token::Timestamp(body)),
        }
    }

    fn word(&mut self) -> Token<'a> {
        let rest = self.rest();
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let end = rest.bytes().take_while(in_word).count();
        self.at += end;
        let word = &rest[..end];
        keyword(word).map_or(Token::Name(word), Token::Keyword)
    }

    /// `[+-]? (0 | [1-9][0-9]*)` or `[+-]? [0-9]* . [0-9]+`
    fn number(&mut self) -> Result<Token<'a>, Stop> {
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let sign = usize::from(rest.starts_with(['+', '-']));
        let whole = digits(&rest[sign..]);
        let after = &rest[sign + whole..];
        let fraction = after.strip_prefix('.').map_or(0, digits);
        if fraction > 0 {
            let end = sign + whole + 1 + fraction;
            self.at += end;
            return Ok(Token::Float(&rest[..end]));
        }
        if whole == 0 {
            return stop(self.at, "a sign is not followed by a number", None);
        }
        if whole > 1 && rest.as_bytes()[sign] == b'0' {
            return stop(self.at, "an integer has a zero in front", Some("write it without"));
        }
        self.at += sign + whole;
        Ok(Token::Integer(&rest[..sign + whole]))
    }

    fn sign(&mut self) -> Result<Token<'a>, Stop> {
        const SIGNS: [(&str, &str); 16] = [
            ("==", "="),
            ("=", "="),
            ("!=", "!="),
            ("<>", "!="),
            ("<=", "<="),
            ("<", "<"),
            (">=", ">="),
            (">", ">"),
            ("[", "["),
            ("]", "]"),
            ("(", "("),
            (")", ")"),
            (":", ":"),
            (".", "."),
            (",", ","),
            ("*", "*"),
        ];
        let rest = self.rest();
        let found = SIGNS.iter().find(|(written, _)| rest.starts_with(written));
        if let Some((written, sign)) = found {
            self.at += written.len();
            return Ok(Token::Sign(sign));
        }
        let character = rest.chars().next().unwrap_or_default();
        let hint = match character {
            '"' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '`' => {
                Some("strings stand between apostrophes: 'text'")
            }
            '&' | '|' => Some("the operators are AND and OR"),
            '/' => Some("a regular expression is a string: 'expression'"),
            _ => None,
        };
        stop(self.at, format!("`{character}` is out of place"), hint)
    }
}
