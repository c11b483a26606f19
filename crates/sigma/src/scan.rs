//! The scanner: all literals of all rules in one pass over a buffer, without regard to case.
//!
//! If the shortest literal has `s + 3` bytes, then among any `s` neighbouring positions inside an occurrence of a
//! literal one is a multiple of `s`. So it is enough to look at every `s`-th position of the buffer, provided that
//! each literal is known by `s` consecutive four-byte grams of its own, its rarest ones. A look is a load, a
//! multiplication and a test of one bit in a table that stays in the first-level cache; only where the bit is set
//! (one position in some hundreds) does anything slower happen, and what that reports has been compared byte by byte.
//!
//! This is why rules are asked for long literals: seven bytes make a step of four, and clean logs go by at several
//! bytes a cycle, whether there is one literal or a thousand.

use std::sync::Arc;

use crate::{fold, rarity};

/// The length of a gram.
pub(crate) const GRAM: usize = 4;

/// Shortest literal that can be scanned for.
pub(crate) const NEEDLE_BYTES_MIN: usize = GRAM;

/// Steps that the probing loop is compiled for. Beyond eight bytes a step the memory is the bound.
const STRIDES: [usize; 7] = [1, 2, 3, 4, 5, 6, 8];

/// One unrolled round of the probing loop looks at this many positions …
const PROBES: usize = 8;
/// … inside a block of this size: seven steps of eight and a gram.
const BLOCK: usize = 64;

const WORD_BITS: usize = 64;

/// A fixed set of literals, compiled for one-pass search.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    needles: Vec<Arc<[u8]>>,
    stride: usize,
    probe: Probe,
    bits: Box<[u64]>,
    /// `entries` of one bucket lie between two neighbouring heads.
    heads: Box<[u32]>,
    entries: Box<[Entry]>,
}

/// Finds the next sampled position whose bit is set.
type Probe = fn(bits: &[u64], text: &[u8], from: usize) -> Option<usize>;

#[derive(Clone, Copy, Debug)]
struct Entry {
    gram: u32,
    needle: u32,
    /// Where in the needle the gram stands.
    offset: u32,
}

impl Scanner {
    /// Compiles the literals. Those shorter than [`NEEDLE_BYTES_MIN`] must have been dealt with elsewhere.
    pub(crate) fn new(needles: Vec<Arc<[u8]>>) -> Self {
        let shortest = needles.iter().map(|needle| needle.len()).min().unwrap_or(NEEDLE_BYTES_MIN);
        debug_assert!(shortest >= NEEDLE_BYTES_MIN, "a gram needs four bytes");
        let stride = stride_for(shortest);
        let entries = entries_of(&needles, stride);
        let (bits, probe) = filter_of(&entries, stride);
        let (heads, entries) = table_of(entries);
        Self { needles, stride, probe, bits, heads, entries }
    }

    pub(crate) fn needles(&self) -> &[Arc<[u8]>] {
        &self.needles
    }

    /// Calls `found` with a literal's number and offset for every occurrence in `text`, until it answers false.
    /// Occurrences come roughly from left to right, not exactly.
    pub(crate) fn scan(&self, text: &[u8], mut found: impl FnMut(usize, usize) -> bool) {
        if self.entries.is_empty() {
            return;
        }
        let mut from = 0;
        while let Some(at) = (self.probe)(&self.bits, text, from) {
            if !self.resolve(text, at, &mut found) {
                return;
            }
            from = at + self.stride;
        }
    }

    /// Reports the literals whose gram stands at `at` and that really are there.
    fn resolve(&self, text: &[u8], at: usize, found: &mut impl FnMut(usize, usize) -> bool) -> bool {
        let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk::<GRAM>()) else {
            return true;
        };
        let gram = fold::gram(*bytes);
        let bucket = bucket_of(gram, self.heads.len() - 1);
        let range = self.heads[bucket] as usize..self.heads[bucket + 1] as usize;
        for entry in self.entries[range].iter().filter(|entry| entry.gram == gram) {
            let needle = entry.needle as usize;
            let start = at.checked_sub(entry.offset as usize);
            let hit = start.filter(|&start| fold::starts_with(&text[start..], &self.needles[needle]));
            if hit.is_some_and(|start| !found(needle, start)) {
                return false;
            }
        }
        true
    }
}

fn stride_for(shortest: usize) -> usize {
    let widest = shortest.saturating_sub(GRAM - 1);
    STRIDES.into_iter().rev().find(|&stride| stride <= widest).unwrap_or(1)
}

/// For each literal, the grams of its rarest window of `stride` positions.
fn entries_of(needles: &[Arc<[u8]>], stride: usize) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(needles.len() * stride);
    for (number, needle) in needles.iter().enumerate() {
        let grams: Vec<u32> = needle.windows(GRAM).map(|w| fold::gram([w[0], w[1], w[2], w[3]])).collect();
        let weights: Vec<f64> = needle.windows(GRAM).map(weight).collect();
        let sum = |start: usize| weights[start..start + stride].iter().sum::<f64>();
        let last = grams.len().saturating_sub(stride);
        let start = (0..=last).min_by(|&a, &b| sum(a).total_cmp(&sum(b))).unwrap_or(0);
        entries.extend((start..start + stride).map(|offset| Entry {
            gram: grams[offset],
            needle: number as u32,
            offset: offset as u32,
        }));
    }
    entries
}

fn weight(window: &[u8]) -> f64 {
    let chance: f64 = window.iter().map(|&byte| f64::from(rarity::per_myriad(byte)) / 1e4).product();
    let gram = fold::gram([window[0], window[1], window[2], window[3]]);
    if rarity::is_common_gram(gram) { 1.0 + chance } else { chance }
}

/// The bit table, large enough that few bits are set by chance, small enough for the cache.
fn filter_of(entries: &[Entry], stride: usize) -> (Box<[u64]>, Probe) {
    // In words of eight bytes: 256 bytes, 8 KB, 256 KB.
    const SMALL: usize = 32;
    const MIDDLE: usize = 1 << 10;
    const LARGE: usize = 32 << 10;
    let (words, probe) = match entries.len() {
        0..32 => (SMALL, probe_for::<SMALL>(stride)),
        32..4_096 => (MIDDLE, probe_for::<MIDDLE>(stride)),
        _ => (LARGE, probe_for::<LARGE>(stride)),
    };
    let mut bits = vec![0u64; words].into_boxed_slice();
    for entry in entries {
        let bit = bucket_of(entry.gram, words * WORD_BITS);
        bits[bit / WORD_BITS] |= 1 << (bit % WORD_BITS);
    }
    (bits, probe)
}

/// Entries sorted by bucket, and where each bucket begins.
fn table_of(mut entries: Vec<Entry>) -> (Box<[u32]>, Box<[Entry]>) {
    let buckets = (entries.len() * 2).next_power_of_two();
    entries.sort_by_key(|entry| (bucket_of(entry.gram, buckets), entry.needle));
    let mut heads = vec![0u32; buckets + 1];
    for entry in &entries {
        heads[bucket_of(entry.gram, buckets) + 1] += 1;
    }
    for at in 1..heads.len() {
        heads[at] += heads[at - 1];
    }
    (heads.into_boxed_slice(), entries.into_boxed_slice())
}

/// The bucket of a gram among `count`, a power of two. Multiplication mixes upwards, so the high bits are taken.
#[inline]
fn bucket_of(gram: u32, count: usize) -> usize {
    let mixed = gram.wrapping_mul(0x9E37_79B1);
    ((u64::from(mixed) * count as u64) >> 32) as usize
}

fn probe_for<const WORDS: usize>(stride: usize) -> Probe {
    match stride {
        1 => probe::<WORDS, 1>,
        2 => probe::<WORDS, 2>,
        3 => probe::<WORDS, 3>,
        4 => probe::<WORDS, 4>,
        5 => probe::<WORDS, 5>,
        6 => probe::<WORDS, 6>,
        _ => probe::<WORDS, 8>,
    }
}

/// The loop in which the time is spent. Table size and step are constants, so that every index is known to be in
/// bounds and the rounds unroll into plain loads.
fn probe<const WORDS: usize, const STRIDE: usize>(bits: &[u64], text: &[u8], from: usize) -> Option<usize> {
    let bits: &[u64; WORDS] = bits.try_into().expect("the table was made for this probe");
    let mut at = from;
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        for probe in 0..PROBES {
            let o = probe * STRIDE;
            if is_set(bits, [block[o], block[o + 1], block[o + 2], block[o + 3]]) {
                return Some(at + o);
            }
        }
        at += PROBES * STRIDE;
    }
    let mut windows = text.get(at..)?.windows(GRAM).step_by(STRIDE);
    let steps = windows.position(|w| is_set(bits, [w[0], w[1], w[2], w[3]]))?;
    Some(at + steps * STRIDE)
}

#[inline]
fn is_set<const WORDS: usize>(bits: &[u64; WORDS], bytes: [u8; GRAM]) -> bool {
    let bit = bucket_of(fold::gram(bytes), WORDS * WORD_BITS);
    bits[(bit / WORD_BITS) & (WORDS - 1)] >> (bit % WORD_BITS) & 1 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanned(needles: &[String], text: &[u8]) -> Vec<(usize, usize)> {
        let scanner = Scanner::new(needles.iter().map(|needle| needle.as_bytes().into()).collect());
        let mut hits = Vec::new();
        scanner.scan(text, |needle, at| {
            hits.push((at, needle));
            true
        });
        hits.sort_unstable();
        hits
    }

    fn naive(needles: &[String], text: &[u8]) -> Vec<(usize, usize)> {
        let all = (0..text.len()).flat_map(|at| (0..needles.len()).map(move |needle| (at, needle)));
        all.filter(|&(at, needle)| fold::starts_with(&text[at..], needles[needle].as_bytes())).collect()
    }

    proptest! {
        // Few letters and long texts, so that there are many hits, overlaps and near misses.
        #[test]
        fn finds_exactly_what_a_plain_search_finds(
            needles in prop::collection::vec("[abAB@`]{4,12}", 1..6),
            text in prop::collection::vec(prop::sample::select(b"abAB@` \n".to_vec()), 0..300),
        ) {
            prop_assert_eq!(scanned(&needles, &text), naive(&needles, &text));
        }

        #[test]
        fn finds_what_was_planted(
            needles in prop::collection::vec("[a-z/~.]{4,20}", 1..80),
            noise in prop::collection::vec(any::<u8>(), 0..200),
            plant in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
        ) {
            let number = plant.index(needles.len());
            let at = at.index(noise.len() + 1);
            let mut text = noise;
            text.splice(at..at, needles[number].to_ascii_uppercase().into_bytes());
            prop_assert!(scanned(&needles, &text).contains(&(at, number)));
        }
    }

    #[test]
    fn many_needles_use_the_large_table() {
        let needles: Vec<String> =
            (0..9_000).map(|number| format!("indicator-{number:05}.example")).collect();
        let text = format!("x{}y", needles[8_765]);
        assert_eq!(scanned(&needles, text.as_bytes()), [(1, 8_765)]);
    }

    #[test]
    fn no_needles_find_nothing() {
        assert_eq!(scanned(&[], b"anything at all"), []);
    }
}
