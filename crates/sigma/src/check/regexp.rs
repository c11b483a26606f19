//! Regular expressions: `re` with `i`, `m` and `s`.
//!
//! The flavour is a subset of PCRE (modifiers appendix, "Regular Expression"); the engine here is linear in time on
//! every input, which evidence from an attacker demands. A few spellings differ between the two and are translated;
//! what the engine cannot do (look-around, back-references) is outside the subset and refused with its place.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use crate::limits::{REGEX_BYTES_MAX, REGEX_CACHE_BYTES_MAX};
use crate::pattern::{DASHES, Element, Pattern};

/// The sub-modifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags {
    /// `i`: letters match in either case.
    pub(crate) insensitive: bool,
    /// `m`: `^` and `$` match at lines.
    pub(crate) multi_line: bool,
    /// `s`: `.` matches a line break too.
    pub(crate) single_line: bool,
}

/// A regular expression, ready.
#[derive(Clone, Debug)]
pub(crate) struct Regexp {
    source: Arc<str>,
    flags: Flags,
    compiled: Regex,
}

impl Regexp {
    /// Compiles a PCRE of the specification's subset. The error is the engine's own words, in one line.
    pub(crate) fn new(pattern: &str, flags: Flags) -> Result<Self, String> {
        let source = translate(pattern);
        let compiled = builder(&source)
            .case_insensitive(flags.insensitive)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.single_line)
            .build()
            .map_err(|error| in_one_line(&error))?;
        Ok(Self { source: source.into(), flags, compiled })
    }

    /// The expression in the engine's spelling.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    /// Whether the expression matches somewhere. A value that is not UTF-8 is tried a second time with its broken
    /// bytes replaced, because `.` and `[^/]` are characters, and one stray byte must not hide an attack.
    pub(crate) fn is_match(&self, value: &[u8]) -> bool {
        if self.compiled.is_match(value) {
            return true;
        }
        let lossy = String::from_utf8_lossy(value);
        matches!(lossy, std::borrow::Cow::Owned(_)) && self.compiled.is_match(lossy.as_bytes())
    }
}

impl PartialEq for Regexp {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.flags == other.flags
    }
}

impl Eq for Regexp {}

impl Hash for Regexp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
        self.flags.hash(state);
    }
}

fn builder(source: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(source);
    builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_CACHE_BYTES_MAX);
    builder
}

/// The engine draws a picture of the error; its last line says what it is.
fn in_one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

/// Patterns with letters beyond ASCII as one expression, so that they compare by Unicode's simple case folding.
/// ASCII letters keep to ASCII: otherwise `k` would be a Kelvin sign here and nowhere else.
pub(crate) fn of_patterns(patterns: &[Pattern]) -> Option<Regex> {
    let sources: Option<Vec<String>> = patterns.iter().map(source_of).collect();
    builder(&format!(r"\A(?:{})\z", sources?.join("|"))).build().ok()
}

fn source_of(pattern: &Pattern) -> Option<String> {
    let mut source = String::new();
    for element in &pattern.elements {
        match element {
            Element::Literal(bytes) => source.extend(std::str::from_utf8(bytes).ok()?.chars().map(folded)),
            Element::One => source.push_str(r"(?:(?s:.)|(?s-u:[\x80-\xff]))"),
            Element::Run => source.push_str("(?s-u:.)*"),
            Element::Dash => source.extend(['[', '\\'].into_iter().chain(DASHES).chain([']'])),
        }
    }
    Some(source)
}

fn folded(c: char) -> String {
    if c.is_ascii_alphabetic() {
        format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase())
    } else if c.is_ascii() {
        regex::escape(c.encode_utf8(&mut [0; 4]))
    } else {
        format!("(?i:{c})")
    }
}

/// Rewrites the few spellings that PCRE reads one way and the engine another:
/// `\<` and `\>` are plain there and word boundaries here; `{` that begins no repetition is plain there and an error
/// here; inside a class `[`, `&&`, `--` and `~~` are plain there and set operations here.
fn translate(pattern: &str) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::with_capacity(pattern.len());
    let mut at = 0;
    while at < chars.len() {
        at += match chars[at] {
            '\\' => escape(&chars[at..], &mut out),
            '[' => class(&chars[at..], &mut out),
            '{' if !is_repetition(&chars[at..]) => plain(r"\{", &mut out),
            c => {
                out.push(c);
                1
            }
        };
    }
    out
}

fn plain(text: &str, out: &mut String) -> usize {
    out.push_str(text);
    1
}

/// Copies an escape and returns how many characters it took.
fn escape(rest: &[char], out: &mut String) -> usize {
    match rest.get(1) {
        Some(c @ ('<' | '>')) => out.push(*c),
        Some(c) => out.extend(['\\', *c]),
        None => out.push('\\'),
    }
    // `\p{…}`, `\x{…}` and their kin keep their braces.
    let braced = matches!(rest.get(1), Some('p' | 'P' | 'x' | 'u' | 'U')) && rest.get(2) == Some(&'{');
    let close = rest.iter().position(|&c| c == '}').filter(|_| braced);
    out.extend(close.into_iter().flat_map(|close| &rest[2..=close]));
    close.map_or(2, |close| close + 1)
}

fn is_repetition(rest: &[char]) -> bool {
    let Some(close) = rest.iter().position(|&c| c == '}') else { return false };
    let body: String = rest[1..close].iter().collect();
    let (low, high) = body.split_once(',').unwrap_or((&body, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

/// Copies a character class and returns how many characters it took.
fn class(rest: &[char], out: &mut String) -> usize {
    let mut at = 1;
    out.push('[');
    if rest.get(at) == Some(&'^') {
        out.push('^');
        at += 1;
    }
    // A bracket right at the beginning is plain.
    if rest.get(at) == Some(&']') {
        out.push_str(r"\]");
        at += 1;
    }
    while let Some(&c) = rest.get(at) {
        match c {
            ']' => {
                out.push(']');
                return at + 1;
            }
            '\\' => at += escape(&rest[at..], out),
            '[' if rest.get(at + 1) == Some(&':') => {
                out.push('[');
                at += 1;
                while let Some(&c) = rest.get(at).filter(|&&c| c != ']') {
                    out.push(c);
                    at += 1;
                }
                out.push(']');
                at += 1;
            }
            '[' => at += plain(r"\[", out),
            '&' | '~' | '-' if rest.get(at + 1) == Some(&c) => {
                // The second one, because the first may end a range.
                out.extend([c, '\\', c]);
                at += 2;
            }
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, value: &str, expected: bool) {
        let regexp = Regexp::new(pattern, Flags::default()).unwrap();
        assert_eq!(regexp.is_match(value.as_bytes()), expected, "{pattern} on {value}");
    }

    #[test]
    fn spellings_of_pcre() {
        check(r"\<a\>", "<a>", true);
        check("a{x}", "a{x}", true);
        check("a{2,3}$", "baaa", true);
        check("${x}", "a", false);
        check(r"[[a]", "[", true);
        check(r"[a&&b]", "&", true);
        check(r"[]a]", "]", true);
        check(r"[^]a]", "]", false);
        check(r"[\w+|\s]", "|", true);
        check(r"[[:digit:]]x", "7x", true);
        check(r"\x{41}", "A", true);
        check(r"\'a\'", "'a'", true);
        check(r"[+--]", ",", true);
    }

    #[test]
    fn stray_bytes_do_not_hide_a_match() {
        let regexp = Regexp::new("evil.{1,3}exe", Flags::default()).unwrap();
        assert!(regexp.is_match(b"evil\xffexe"));
    }

    #[test]
    fn errors_are_one_line() {
        for pattern in ["(", "(?=x)", r"(a)\1", "[z-a]", "a{1000}{1000}{1000}"] {
            let error = Regexp::new(pattern, Flags::default()).unwrap_err();
            assert!(!error.contains('\n') && !error.is_empty(), "{pattern}: {error}");
        }
    }
}
