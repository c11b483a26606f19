//! Scalars and keys that stand on one line.
//!
//! Every function answers `None` where the text is for the general parser, so what they return is never a guess.

use std::borrow::Cow;

use saphyr::Scalar as Resolved;

use crate::yaml::{Kind, Scalar};

/// A key and its length up to and including the colon after it; none if the text does not begin with one.
pub(super) fn key(text: &str) -> Option<(String, usize)> {
    let (key, length) = if let Some((key, length)) = quoted(text)? {
        (key, length + blanks(&text[length..]))
    } else {
        let end = colon(text)?;
        let key = text[..end].trim_end_matches(' ');
        let is_key = begins_plain(text) && comment(key).is_none() && key != "<<" && !is_null(key);
        (is_key.then(|| key.to_owned())?, end)
    };
    let after = text[length..].strip_prefix(':')?;
    (after.is_empty() || after.starts_with(' ')).then_some((key, length + 1))
}

/// The same in a flow map, where a value must follow on the line.
pub(super) fn flow_key(text: &str) -> Option<(String, usize)> {
    let (key, length) = key(text)?;
    let plain = !text.starts_with(['\'', '"']);
    (!plain || !key.contains(FLOW)).then_some((key, length))
}

/// The characters that end a plain scalar inside a flow collection.
const FLOW: [char; 5] = [',', '[', ']', '{', '}'];

/// A plain scalar that ends with its line.
pub(super) fn plain(text: &str) -> Option<(Kind, Scalar)> {
    let text = &text[..comment(text).unwrap_or(text.len())];
    let text = text.trim_end_matches(' ');
    (begins_plain(text) && colon(text).is_none()).then(|| resolved(text))
}

/// A plain scalar in a flow collection, and its length.
pub(super) fn flow_plain(text: &str) -> Option<(Kind, Scalar, usize)> {
    let length = text.find(FLOW)?;
    let text = text[..length].trim_end_matches(' ');
    let sound = begins_plain(text) && comment(text).is_none() && colon(text).is_none();
    // `-` before an indicator of flow is no text.
    (sound && text != "-").then(|| {
        let (kind, scalar) = resolved(text);
        (kind, scalar, length)
    })
}

/// A quoted scalar that ends in its line, and its length with the quotes; the inner `None` if the text is not quoted.
#[expect(clippy::option_option, reason = "not quoted and not readable differ")]
pub(super) fn quoted(text: &str) -> Option<Option<(String, usize)>> {
    match text.as_bytes().first() {
        Some(b'\'') => single(text).map(Some),
        Some(b'"') => double(text).map(Some),
        _ => Some(None),
    }
}

fn single(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut at = 1;
    loop {
        let end = at + memchr::memchr(b'\'', text.as_bytes().get(at..)?)?;
        value.push_str(&text[at..end]);
        if !text[end + 1..].starts_with('\'') {
            return Some((value, end + 1));
        }
        value.push('\'');
        at = end + 2;
    }
}

fn double(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut at = 1;
    loop {
        let end = at + memchr::memchr2(b'"', b'\\', text.as_bytes().get(at..)?)?;
        value.push_str(&text[at..end]);
        if text.as_bytes()[end] == b'"' {
            return Some((value, end + 1));
        }
        // The escapes that rules use; the others are the parser's.
        value.push(match text.as_bytes().get(end + 1)? {
            b'\\' => '\\',
            b'"' => '"',
            b'/' => '/',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return None,
        });
        at = end + 2;
    }
}

/// Where a colon ends a key: before a blank or the end of the line.
fn colon(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b':', bytes).find(|&at| matches!(bytes.get(at + 1), None | Some(b' ')))
}

/// Where a comment begins: at `#` after a blank.
fn comment(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'#', bytes).find(|&at| at > 0 && bytes[at - 1] == b' ')
}

/// Whether a plain scalar may begin so (YAML 1.2.2 §7.3.3).
fn begins_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.first() {
        None => false,
        Some(b'-' | b'?' | b':') => {
            bytes.get(1).is_some_and(|&next| next != b' ' && !FLOW.contains(&char::from(next)))
        }
        Some(first) => !b",[]{}#&*!|>'\"%@`".contains(first),
    }
}

fn blanks(text: &str) -> usize {
    text.bytes().take_while(|&byte| byte == b' ').count()
}

fn is_null(text: &str) -> bool {
    matches!(text, "~" | "null" | "Null" | "NULL")
}

/// What YAML's core schema takes a plain scalar for. Only a few letters and signs begin what is no text.
fn resolved(text: &str) -> (Kind, Scalar) {
    let written = || Kind::Scalar(text.to_owned());
    if !matches!(
        text.as_bytes()[0],
        b'0'..=b'9' | b'+' | b'-' | b'.' | b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F'
    ) {
        return (written(), Scalar::Text);
    }
    match Resolved::parse_from_cow(Cow::Borrowed(text)) {
        Resolved::Null => (Kind::Null, Scalar::Text),
        Resolved::Boolean(value) => (written(), Scalar::Boolean(value)),
        Resolved::Integer(value) => (written(), Scalar::Integer(value)),
        Resolved::FloatingPoint(_) => (written(), Scalar::Float),
        Resolved::String(_) => (written(), Scalar::Text),
    }
}
