//! A list of string values on one field, as one test.
//!
//! Lists in rules range from one value to thousands of indicators. What they cost must not grow with their length:
//! whole values, beginnings and endings are looked up by hash, many substrings are found in one pass, and only
//! patterns with wildcards in the middle are tried one by one.

use std::sync::Arc;

use regex::bytes::Regex;
use rustc_hash::FxHashMap;

use super::glob::Glob;
use super::regexp;
use crate::fold::{self, Finder};
use crate::pattern::{Element, Pattern};
use crate::scan::{NEEDLE_BYTES_MIN, Scanner};

/// From how many substrings on one pass for all is cheaper than one pass each.
const TOGETHER_FROM: usize = 8;

/// Many patterns; a value passes if one of them matches all of it.
#[derive(Debug)]
pub(crate) struct TextSet {
    cased: bool,
    /// Every pattern has bytes that no value in ASCII can have.
    beyond_ascii: bool,
    /// Some pattern is `*` alone.
    anything: bool,
    equals: Ends,
    starts: Ends,
    ends: Ends,
    finders: Vec<Finder>,
    /// Many substrings, in the set's own case.
    short: Option<Short>,
    scanner: Option<Scanner>,
    globs: Vec<Glob>,
    /// Patterns whose letters beyond ASCII have case.
    unicode: Option<Regex>,
}

impl TextSet {
    pub(crate) fn new(patterns: &[Pattern], cased: bool) -> Self {
        let mut parts = Parts::default();
        for pattern in patterns {
            parts.sort(pattern, cased);
        }
        let unicode = parts.unicode(cased);
        let (short, long): (Vec<_>, Vec<_>) =
            parts.contains.into_iter().partition(|literal| literal.len() < NEEDLE_BYTES_MIN);
        let together = |literals: &Vec<Vec<u8>>| literals.len() >= TOGETHER_FROM;
        let alone = [&short, &long].into_iter().filter(|literals| !together(literals)).flatten();
        let beyond_ascii = |pattern: &Pattern| {
            pattern.literals().any(|bytes| !bytes.is_ascii()) && (cased || !pattern.folds_to_ascii())
        };
        Self {
            cased,
            beyond_ascii: patterns.iter().all(beyond_ascii),
            anything: parts.anything,
            equals: Ends::new(parts.equals, cased, Side::Start),
            starts: Ends::new(parts.starts, cased, Side::Start),
            ends: Ends::new(parts.ends, cased, Side::End),
            finders: alone.map(|literal| Finder::new(literal, cased)).collect(),
            scanner: together(&long).then(|| Scanner::new(shared(&long))),
            short: together(&short).then(|| Short::new(short, cased)),
            globs: parts.globs,
            unicode,
        }
    }

    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        if self.beyond_ascii && value.is_ascii() {
            return false;
        }
        self.anything
            || self.equals.any(value, |literal| literal.len() == value.len())
            || self.starts.any(value, |_| true)
            || self.ends.any(value, |_| true)
            || self.finders.iter().any(|finder| finder.is_in(value))
            || self.short.as_ref().is_some_and(|short| short.any_in(value))
            || self.scanned(value)
            || self.globs.iter().any(|glob| glob.matches(value))
            || self.unicode.as_ref().is_some_and(|unicode| unicode.is_match(value))
    }

    fn scanned(&self, value: &[u8]) -> bool {
        let Some(scanner) = &self.scanner else { return false };
        let mut found = false;
        scanner.scan(value, |needle, at| {
            let literal = &scanner.needles()[needle];
            found = !self.cased || value[at..].starts_with(literal);
            !found
        });
        found
    }
}

fn shared(literals: &[Vec<u8>]) -> Vec<Arc<[u8]>> {
    literals.iter().map(|literal| literal.as_slice().into()).collect()
}

/// Many substrings that are too short for the scanner: one pass, by first byte.
#[derive(Debug)]
struct Short {
    cased: bool,
    by_first: Vec<Vec<Vec<u8>>>,
}

impl Short {
    fn new(literals: Vec<Vec<u8>>, cased: bool) -> Self {
        let mut by_first = vec![Vec::new(); 256];
        for literal in literals {
            // An empty one is in every text; `contains: ''` becomes `*` before it gets here.
            let Some(&first) = literal.first() else { continue };
            by_first[usize::from(first.to_ascii_lowercase())].push(literal);
        }
        Self { cased, by_first }
    }

    fn any_in(&self, value: &[u8]) -> bool {
        let stands = |text: &[u8], literal: &[u8]| {
            if self.cased { text.starts_with(literal) } else { fold::starts_with(text, literal) }
        };
        (0..value.len()).any(|at| {
            let literals = &self.by_first[usize::from(value[at].to_ascii_lowercase())];
            literals.iter().any(|literal| stands(&value[at..], literal))
        })
    }
}

/// Patterns by shape.
#[derive(Default)]
struct Parts {
    anything: bool,
    equals: Vec<Vec<u8>>,
    starts: Vec<Vec<u8>>,
    ends: Vec<Vec<u8>>,
    contains: Vec<Vec<u8>>,
    globs: Vec<Glob>,
    unicode: Vec<Pattern>,
}

impl Parts {
    /// The patterns with cased letters beyond ASCII. Should the regex engine refuse them for their size, they still
    /// match in ASCII's way.
    fn unicode(&mut self, cased: bool) -> Option<Regex> {
        let patterns = std::mem::take(&mut self.unicode);
        if patterns.is_empty() {
            return None;
        }
        let unicode = regexp::of_patterns(&patterns);
        if unicode.is_none() {
            self.globs.extend(patterns.iter().map(|pattern| Glob::new(pattern, cased)));
        }
        unicode
    }

    fn sort(&mut self, pattern: &Pattern, cased: bool) {
        use Element::{Literal, Run};
        if !cased && pattern.is_unicode() {
            self.unicode.push(pattern.clone());
            return;
        }
        match pattern.elements.as_slice() {
            [] => self.equals.push(Vec::new()),
            [Run] => self.anything = true,
            [Literal(bytes)] => self.equals.push(bytes.clone()),
            [Literal(bytes), Run] => self.starts.push(bytes.clone()),
            [Run, Literal(bytes)] => self.ends.push(bytes.clone()),
            [Run, Literal(bytes), Run] => self.contains.push(bytes.clone()),
            _ => self.globs.push(Glob::new(pattern, cased)),
        }
    }
}

/// Which end of the value a literal is held to.
#[derive(Clone, Copy, Debug)]
enum Side {
    Start,
    End,
}

/// Literals that must stand at one end of a value, found by the eight (or fewer) bytes there.
#[derive(Debug)]
struct Ends {
    literals: Vec<Vec<u8>>,
    cased: bool,
    side: Side,
    key_bytes: usize,
    by_key: FxHashMap<u64, Vec<u32>>,
}

impl Ends {
    fn new(literals: Vec<Vec<u8>>, cased: bool, side: Side) -> Self {
        let key_bytes = literals.iter().map(Vec::len).min().unwrap_or(0).min(8);
        let mut ends = Self { literals, cased, side, key_bytes, by_key: FxHashMap::default() };
        for number in 0..ends.literals.len() {
            if let Some(key) = ends.key(&ends.literals[number]) {
                ends.by_key.entry(key).or_default().push(number as u32);
            }
        }
        ends
    }

    /// Whether a literal that `also` accepts stands at this end of `value`.
    fn any(&self, value: &[u8], also: impl Fn(&[u8]) -> bool) -> bool {
        if self.literals.is_empty() {
            return false;
        }
        let Some(numbers) = self.key(value).and_then(|key| self.by_key.get(&key)) else { return false };
        let mut literals = numbers.iter().map(|&number| self.literals[number as usize].as_slice());
        literals.any(|literal| also(literal) && self.stands(value, literal))
    }

    fn stands(&self, value: &[u8], literal: &[u8]) -> bool {
        match (self.side, self.cased) {
            (Side::Start, false) => fold::starts_with(value, literal),
            (Side::Start, true) => value.starts_with(literal),
            (Side::End, false) => fold::ends_with(value, literal),
            (Side::End, true) => value.ends_with(literal),
        }
    }

    fn key(&self, text: &[u8]) -> Option<u64> {
        let outside = text.len().checked_sub(self.key_bytes)?;
        let part = match self.side {
            Side::Start => &text[..self.key_bytes],
            Side::End => &text[outside..],
        };
        let lower = part.iter().map(|byte| u64::from(byte.to_ascii_lowercase()));
        Some(lower.fold(0, |key, byte| key << 8 | byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(patterns: &[&str], cased: bool) -> TextSet {
        TextSet::new(&patterns.iter().map(|pattern| Pattern::parse(pattern)).collect::<Vec<_>>(), cased)
    }

    #[test]
    fn long_lists_match_like_short_ones() {
        let numbers = 0..200;
        for form in ["{}", "*{}", "{}*", "*{}*", "a*{}"] {
            let patterns: Vec<String> =
                numbers.clone().map(|number| form.replace("{}", &format!("Value{number:03}X"))).collect();
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let (any, cased) = (set(&patterns, false), set(&patterns, true));
            let front = if form.starts_with('a') { "a" } else { "" };
            for number in numbers.clone() {
                let value = format!("{front}value{number:03}x");
                assert!(any.matches(value.as_bytes()), "{form} {value}");
                assert!(!cased.matches(value.as_bytes()), "{form} {value}");
                assert!(
                    cased.matches(value.replace('v', "V").replace('x', "X").as_bytes()),
                    "{form} {value}"
                );
            }
            assert!(!any.matches(b"avalue200x") && !any.matches(b"value") && !any.matches(b""));
        }
    }

    #[test]
    fn lengths_matter_for_equality() {
        let set = set(&["cmd.exe", "cmd"], false);
        assert!(
            set.matches(b"CMD")
                && set.matches(b"cmd.EXE")
                && !set.matches(b"cmd.ex")
                && !set.matches(b"xcmd")
        );
    }

    #[test]
    fn letters_beyond_ascii_fold() {
        let set = set(&["*müller*", "straße?"], false);
        assert!(set.matches("HANS MÜLLER".as_bytes()) && set.matches("STRAßE1".as_bytes()));
        assert!(!set.matches("muller".as_bytes()));
        assert!(set.matches(b"\xffM\xc3\x9cLLER\xfe"));
    }

    #[test]
    fn many_short_literals_and_signs_without_case() {
        let patterns: Vec<String> =
            ('\u{2600}'..'\u{2640}').map(|c| format!("*{c}*")).chain(["*ab*".into()]).collect();
        let set = set(&patterns.iter().map(String::as_str).collect::<Vec<_>>(), false);
        assert!(set.unicode.is_none() && set.short.is_some());
        assert!(set.matches("x \u{2620}".as_bytes()) && set.matches(b"xABx"));
        assert!(!set.matches("x \u{2650}".as_bytes()) && !set.matches(b"xAx"));
    }

    #[test]
    fn a_letter_that_folds_to_ascii_matches_ascii() {
        assert!(set(&["*\u{212a}elvin*"], false).matches(b"kelvin"));
        assert!(!set(&["kelvin"], false).matches("\u{212a}elvin".as_bytes()));
    }

    #[test]
    fn invalid_utf8_matches_the_ascii_inside() {
        let set = set(&["*evil*"], false);
        assert!(set.matches(b"\xff\xfeEVIL\x80"));
    }
}
