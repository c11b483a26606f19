//! Patterns with wildcards in the middle.
//!
//! A pattern is cut at its `*` into segments; the first is held to the beginning, the last to the end, and those
//! between are taken as far left as they fit. That is exact, because what a segment covers is fixed in characters:
//! taking it earlier never takes room from the next one. Nothing backtracks beyond one segment, so no value can make
//! a pattern slow.

use crate::pattern::{DASHES, Element, Pattern};

/// A string value with its wildcards, as rules have them, made ready.
#[derive(Clone, Debug)]
pub struct Glob {
    /// At least one; between two of them stands a `*`.
    segments: Vec<Vec<Element>>,
    cased: bool,
}

impl Glob {
    /// Reads `*`, `?` and backslashes as the specification has them; case does not matter.
    pub fn parse(text: &str) -> Self {
        Self::new(&Pattern::parse(text), false)
    }

    /// Whether it matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.matches(text.as_bytes())
    }

    pub(crate) fn new(pattern: &Pattern, cased: bool) -> Self {
        let segments =
            pattern.elements.split(|element| *element == Element::Run).map(<[Element]>::to_vec).collect();
        Self { segments, cased }
    }

    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        let [first, middle @ .., last] = self.segments.as_slice() else {
            return self.segments.first().is_some_and(|only| self.end(only, value, 0) == Some(value.len()));
        };
        let Some(mut at) = self.end(first, value, 0) else { return false };
        for segment in middle {
            let found = starts(segment, value, at).find_map(|start| self.end(segment, value, start));
            let Some(end) = found else { return false };
            at = end;
        }
        last.is_empty() || self.ends_with(last, value, at)
    }

    /// Whether the last segment ends exactly where the value does, and begins at `from` or later.
    fn ends_with(&self, segment: &[Element], value: &[u8], from: usize) -> bool {
        starts(segment, value, from).any(|start| self.end(segment, value, start) == Some(value.len()))
    }

    /// Where a segment that begins at `start` ends, if it stands there.
    fn end(&self, segment: &[Element], value: &[u8], start: usize) -> Option<usize> {
        segment.iter().try_fold(start, |at, element| Some(at + self.length(element, value.get(at..)?)?))
    }

    /// How many bytes of `rest` an element takes.
    fn length(&self, element: &Element, rest: &[u8]) -> Option<usize> {
        match element {
            Element::Literal(bytes) => {
                let head = rest.get(..bytes.len())?;
                let same = if self.cased { head == bytes } else { head.eq_ignore_ascii_case(bytes) };
                same.then_some(bytes.len())
            }
            Element::One => character(rest),
            Element::Dash => dash(rest),
            Element::Run => None,
        }
    }
}

/// Where a segment may begin: not inside a character, or `?` could take half of one.
fn starts<'a>(segment: &'a [Element], value: &'a [u8], from: usize) -> impl Iterator<Item = usize> + 'a {
    let first = match segment.first() {
        Some(Element::Literal(bytes)) => bytes.first().copied(),
        _ => None,
    };
    (from..=value.len()).filter(move |&at| match (value.get(at), first) {
        (Some(byte), Some(first)) => byte.eq_ignore_ascii_case(&first),
        (Some(byte), None) => !is_continuation(*byte),
        (None, _) => true,
    })
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// The length of the first character; a byte that begins none counts as one.
fn character(rest: &[u8]) -> Option<usize> {
    let length = match rest.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let whole = rest.get(1..length).is_some_and(|tail| tail.iter().all(|&byte| is_continuation(byte)));
    Some(if whole { length } else { 1 })
}

fn dash(rest: &[u8]) -> Option<usize> {
    if !matches!(rest.first()?, b'-' | b'/' | 0xe2) {
        return None;
    }
    let stands = |dash: &char| rest.starts_with(dash.encode_utf8(&mut [0; 4]).as_bytes());
    DASHES.iter().find(|dash| stands(dash)).map(|dash| dash.len_utf8())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, value: &str, expected: bool) {
        let glob = Glob::new(&Pattern::parse(pattern), false);
        assert_eq!(glob.matches(value.as_bytes()), expected, "{pattern:?} on {value:?}");
    }

    #[test]
    fn wildcards() {
        check("a*c", "ABBC", true);
        check("a*c", "ac", true);
        check("a*c", "acd", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("a?c", "aéc", true);
        check("*ab*ab", "ab", false);
        check("*ab*ab", "abab", true);
        check("a*b*c", "a_c_b_c", true);
        check("*b?", "abab", false);
        check("*?", "", false);
        check("*", "", true);
        check("???", "€", false);
        check("*??", "€", false);
        check("*?", "€", true);
        check("??", "aé", true);
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_definition(pattern in "[ab*?]{0,8}", value in "[ab]{0,8}") {
            fn plain(pattern: &[u8], value: &[u8]) -> bool {
                match (pattern.split_first(), value.split_first()) {
                    (None, _) => value.is_empty(),
                    (Some((b'*', rest)), _) => (0..=value.len()).any(|skip| plain(rest, &value[skip..])),
                    (Some((b'?', rest)), Some((_, tail))) => plain(rest, tail),
                    (Some((c, rest)), Some((v, tail))) => c == v && plain(rest, tail),
                    (Some(_), None) => false,
                }
            }
            let glob = Glob::new(&Pattern::parse(&pattern), false);
            prop_assert_eq!(glob.matches(value.as_bytes()), plain(pattern.as_bytes(), value.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(pattern in "[a*?é-]{0,8}", value in prop::collection::vec(any::<u8>(), 0..12)) {
            Glob::new(&Pattern::parse(&pattern).with_dashes(), false).matches(&value);
        }
    }
}
