//! Comparing bytes without regard to the case of ASCII letters.
//!
//! Values of logs are bytes that are nearly always ASCII, sometimes UTF-8 and now and then neither; these comparisons
//! never look at what the bytes mean beyond `A` to `Z`, so no value can make them fail.

use memchr::{memchr, memchr2};

use crate::rarity;

/// `needle` stands at the beginning of `text`.
pub(crate) fn starts_with(text: &[u8], needle: &[u8]) -> bool {
    text.get(..needle.len()).is_some_and(|head| head.eq_ignore_ascii_case(needle))
}

/// `needle` stands at the end of `text`.
pub(crate) fn ends_with(text: &[u8], needle: &[u8]) -> bool {
    let start = text.len().checked_sub(needle.len());
    start.is_some_and(|start| text[start..].eq_ignore_ascii_case(needle))
}

/// The four bytes at `at`, letters in lower case and a few other bytes mangled alike: a key, never a proof.
pub(crate) fn gram(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | 0x2020_2020
}

/// Finds one literal anywhere in a text by its rarest byte.
#[derive(Clone, Debug)]
pub(crate) struct Finder {
    needle: Vec<u8>,
    cased: bool,
    /// Where in the needle its rarest byte stands.
    rarest: usize,
}

impl Finder {
    pub(crate) fn new(needle: &[u8], cased: bool) -> Self {
        let rarest = (0..needle.len()).min_by_key(|&at| rarity::per_myriad(needle[at])).unwrap_or(0);
        Self { needle: needle.to_vec(), cased, rarest }
    }

    /// Whether the literal occurs in `text`.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        self.find(text, 0).is_some()
    }

    /// The first occurrence that begins at `from` or later.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let Some(&rare) = self.needle.get(self.rarest) else {
            return (from <= text.len()).then_some(from);
        };
        let last = text.len().checked_sub(self.needle.len())?;
        let mut at = from;
        while at <= last {
            // Only where the rare byte could stand without the needle reaching over the end.
            let window = &text[at + self.rarest..=last + self.rarest];
            at += self.next(rare, window)?;
            if self.stands_at(&text[at..at + self.needle.len()]) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    fn next(&self, rare: u8, window: &[u8]) -> Option<usize> {
        if self.cased || !rare.is_ascii_alphabetic() {
            memchr(rare, window)
        } else {
            memchr2(rare.to_ascii_lowercase(), rare.to_ascii_uppercase(), window)
        }
    }

    fn stands_at(&self, candidate: &[u8]) -> bool {
        if self.cased { candidate == self.needle } else { candidate.eq_ignore_ascii_case(&self.needle) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
        (from..=text.len()).find(|&at| starts_with(&text[at..], needle))
    }

    proptest! {
        #[test]
        fn finder_agrees_with_a_plain_search(text in "[abAB\u{e9} ]{0,40}", needle in "[abAB]{0,4}", from in 0usize..50) {
            let finder = Finder::new(needle.as_bytes(), false);
            prop_assert_eq!(finder.find(text.as_bytes(), from), naive(text.as_bytes(), needle.as_bytes(), from));
        }
    }
}
