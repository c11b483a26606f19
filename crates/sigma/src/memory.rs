//! What is remembered of values that were seen before.
//!
//! Logs repeat themselves: of the values of real Windows events some 98 in 100 have been seen a moment ago. What a
//! value wakes and how the tests on it end depends on nothing but the value, so both are kept by the value's stored
//! bytes, and a value that is known is neither decoded nor searched. A memory belongs to one matcher and one thread;
//! when it is full it is emptied.

use rustc_hash::FxHashMap;

/// Values longer than this are dumps, which seldom repeat; scripts that run every few minutes are shorter.
const VALUE_BYTES_MAX: usize = 8 << 10;

/// Bytes of values that are kept for one matcher. A busy log has some dozens of matchers in use at a time.
const BYTES_MAX: usize = 1 << 20;

/// What an entry costs besides the value's bytes.
const ENTRY_BYTES: usize = 112;

/// What one thread remembers for one matcher.
#[derive(Debug, Default)]
pub struct Memory {
    entries: Vec<Entry>,
    /// By hash of place, kind and bytes. A second value with the same hash takes the place of the first.
    by_hash: FxHashMap<u64, u32>,
    bytes: usize,
    /// For the record at hand: by place, the entry of its value.
    asked: Vec<Asked>,
    /// By place, the entry of the record before: most values of a record are those of the last.
    last: Vec<u32>,
}

/// A value and what follows from it.
#[derive(Debug)]
struct Entry {
    place: u32,
    kind: u8,
    bytes: Box<[u8]>,
    /// The rules that it wakes as the value of a slot, and as one of all texts, once that is known.
    woken: [Option<Box<[u32]>>; 2],
    /// Outcomes of the atoms that were asked.
    outcomes: Vec<(u32, bool)>,
}

/// What a value is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// The value of a slot.
    Slot = 0,
    /// One of the texts in which keywords are sought.
    Text = 1,
}

impl Entry {
    fn is(&self, place: u32, kind: u8, bytes: &[u8]) -> bool {
        self.place == place && self.kind == kind && *self.bytes == *bytes
    }
}

/// Whether a place of the record at hand was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    NotYet,
    /// Its value cannot be remembered.
    Unknown,
    Entry(u32),
}

impl Memory {
    /// A memory of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns to the next record, whose values stand in so many places.
    pub(crate) fn next_record(&mut self, places: usize) {
        if self.bytes > BYTES_MAX {
            self.entries.clear();
            self.by_hash.clear();
            self.last.clear();
            self.bytes = 0;
        }
        self.asked.clear();
        self.asked.resize(places, Asked::NotYet);
        self.last.resize(places, u32::MAX);
    }

    /// The entry of the value in a place, as `stored` gives its kind and bytes; none if it is not remembered.
    pub(crate) fn entry<'a>(
        &mut self,
        place: usize,
        stored: impl FnOnce() -> Option<(u8, &'a [u8])>,
    ) -> Option<usize> {
        match self.asked[place] {
            Asked::Entry(entry) => return Some(entry as usize),
            Asked::Unknown => return None,
            Asked::NotYet => {}
        }
        let entry = stored()
            .filter(|(_, bytes)| bytes.len() <= VALUE_BYTES_MAX)
            .map(|(kind, bytes)| self.look_up(place as u32, kind, bytes));
        self.asked[place] = entry.map_or(Asked::Unknown, Asked::Entry);
        entry.map(|entry| entry as usize)
    }

    fn look_up(&mut self, place: u32, kind: u8, bytes: &[u8]) -> u32 {
        let is =
            |number: u32| self.entries.get(number as usize).is_some_and(|entry| entry.is(place, kind, bytes));
        let last = self.last[place as usize];
        if is(last) {
            return last;
        }
        let hash = hash(place << 8 | u32::from(kind), bytes);
        let known = self.by_hash.get(&hash).copied().filter(|&number| is(number));
        let number = known.unwrap_or_else(|| self.add(hash, place, kind, bytes));
        self.last[place as usize] = number;
        number
    }

    fn add(&mut self, hash: u64, place: u32, kind: u8, bytes: &[u8]) -> u32 {
        self.bytes += bytes.len() + ENTRY_BYTES;
        let woken = [None, None];
        self.entries.push(Entry { place, kind, bytes: bytes.into(), woken, outcomes: Vec::new() });
        let number = (self.entries.len() - 1) as u32;
        self.by_hash.insert(hash, number);
        number
    }

    /// The rules that an entry's value wakes, if that is known.
    pub(crate) fn woken(&self, entry: usize, what: As) -> Option<&[u32]> {
        self.entries[entry].woken[what as usize].as_deref()
    }

    pub(crate) fn set_woken(&mut self, entry: usize, what: As, woken: Vec<u32>) {
        self.bytes += 4 * woken.len();
        self.entries[entry].woken[what as usize] = Some(woken.into());
    }

    /// How an atom ends on an entry's value, if that is known.
    pub(crate) fn outcome(&self, entry: usize, atom: usize) -> Option<bool> {
        let atom = atom as u32;
        self.entries[entry].outcomes.iter().find(|(other, _)| *other == atom).map(|(_, outcome)| *outcome)
    }

    pub(crate) fn set_outcome(&mut self, entry: usize, atom: usize, outcome: bool) {
        self.bytes += 8;
        self.entries[entry].outcomes.push((atom as u32, outcome));
    }
}

/// Eight bytes at a time, folded by a wide multiplication. Whoever writes a log can make two values collide, and gains
/// that they are compared and not remembered.
fn hash(seed: u32, bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let fold = |hash: u64, word: u64| {
        let wide = u128::from(hash ^ word).wrapping_mul(u128::from(ODD));
        (wide as u64) ^ (wide >> 64) as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let start = u64::from(seed) ^ (bytes.len() as u64) << 40 ^ ODD;
    let hash = words.iter().fold(start, |hash, word| fold(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(memory: &mut Memory, slot: usize, kind: u8, bytes: &[u8]) -> Option<usize> {
        memory.next_record(3);
        memory.entry(slot, || Some((kind, bytes)))
    }

    #[test]
    fn a_value_is_known_again_by_place_kind_and_bytes() {
        let mut memory = Memory::new();
        let first = ask(&mut memory, 1, 1, b"abc");
        assert_eq!(ask(&mut memory, 1, 1, b"abc"), first);
        assert_eq!(ask(&mut memory, 1, 1, b"abc"), first);
        assert_ne!(ask(&mut memory, 2, 1, b"abc"), first);
        assert_ne!(ask(&mut memory, 1, 2, b"abc"), first);
        assert_ne!(ask(&mut memory, 1, 1, b"abd"), first);
        assert_eq!(ask(&mut memory, 1, 1, &[b'x'; VALUE_BYTES_MAX + 1]), None);
    }

    #[test]
    fn a_full_memory_begins_anew() {
        let mut memory = Memory::new();
        let mut entries = 0;
        for number in 0..100_000_u32 {
            entries = entries.max(ask(&mut memory, 0, 1, &number.to_le_bytes()).unwrap());
        }
        assert!(entries < BYTES_MAX / ENTRY_BYTES + 2);
    }
}
