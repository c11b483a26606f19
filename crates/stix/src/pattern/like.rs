//! `LIKE`: `%` is any number of characters, `_` any one; there is no escape (STIX 2.1 §9.6.1).

use super::limits::LIKE_STEPS_MAX;
use super::problem::Fault;
use super::regexp::nfc;

/// A pattern of `LIKE`, in NFC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Like {
    text: String,
}

impl Like {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: nfc(text).into_owned() }
    }

    /// The longest text that every match has.
    pub(crate) fn literal(&self) -> Option<&str> {
        self.text.split(['%', '_']).max_by_key(|part| part.len()).filter(|part| !part.is_empty())
    }

    /// Whether a whole text that is in NFC is like this.
    pub(crate) fn matches(&self, text: &str) -> Result<bool, Fault> {
        is_like(self.text.as_bytes(), text.as_bytes(), |first| match first {
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        })
    }

    /// Whether octets are like this, as characters U+0000 to U+00FF.
    pub(crate) fn matches_octets(&self, octets: &[u8]) -> Result<bool, Fault> {
        let pattern: Option<Vec<u8>> =
            self.text.chars().map(|character| u8::try_from(character).ok()).collect();
        pattern.map_or(Ok(false), |pattern| is_like(&pattern, octets, |_| 1))
    }
}

/// Greedy with one point to go back to, which is enough: a later `%` can take over whatever an earlier one could.
/// `width` tells how many bytes a character has from its first.
fn is_like(pattern: &[u8], text: &[u8], width: impl Fn(u8) -> usize) -> Result<bool, Fault> {
    let (mut at, mut from, mut steps) = (0, 0, 0_u64);
    let mut back: Option<(usize, usize)> = None;
    while from < text.len() {
        steps += 1;
        if steps > LIKE_STEPS_MAX {
            return Err(Fault::Like);
        }
        match pattern.get(at) {
            Some(b'%') => {
                at += 1;
                back = Some((at, from));
                continue;
            }
            Some(b'_') => {
                at += 1;
                from += width(text[from]);
                continue;
            }
            Some(byte) if *byte == text[from] => {
                at += 1;
                from += 1;
                continue;
            }
            _ => {}
        }
        let Some((pattern_back, text_back)) = back else { return Ok(false) };
        let next = text_back + width(text[text_back]);
        back = Some((pattern_back, next));
        (at, from) = (pattern_back, next);
    }
    Ok(pattern[at..].iter().all(|byte| *byte == b'%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(Like::new(pattern).matches(text), Ok(expected), "{text:?} like {pattern:?}");
    }

    #[test]
    fn wildcards() {
        check("he%", "hello", true);
        check("he__o", "hello", true);
        check("he_o", "hello", false);
        check("%", "", true);
        check("_", "", false);
        check("", "", true);
        check("", "a", false);
        check("%a%b", "xaxbxb", true);
        check("%ab", "aab", true);
        check("a%a", "a", false);
        check("C:\\Windows\\%\\foo", "C:\\Windows\\system32\\foo", true);
        check("a_c", "aéc", true);
        check("a_c", "a\nc", true);
        check("%é_", "ééé", true);
        check("a.c", "abc", false);
    }

    #[test]
    fn long_patterns_end() {
        check(&"%a".repeat(2_000), &"a".repeat(1_999), false);
        let endless = Like::new(&format!("%{}b", "a".repeat(100_000)));
        assert_eq!(endless.matches(&"a".repeat(200_000)), Err(Fault::Like));
    }

    #[test]
    fn octets() {
        assert_eq!(Like::new("%é%").matches_octets(b"x\xe9y"), Ok(true));
        assert_eq!(Like::new("%ă%").matches_octets(b"x\xc4\x83y"), Ok(false));
    }

    #[test]
    fn literals() {
        assert_eq!(Like::new("%foo_barbaz%").literal(), Some("barbaz"));
        assert_eq!(Like::new("%_%").literal(), None);
    }
}
