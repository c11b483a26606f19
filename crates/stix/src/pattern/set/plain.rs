//! A million plain indicators in one table: some twenty bytes each beyond the value's own.

use std::hash::{BuildHasher, RandomState};

use crate::pattern::limits::PLAIN_BYTES_MAX;
use crate::pattern::resolve::Value;

/// Values by path. Values stand one behind the other in one text; the hash is keyed, since whoever sends indicators
/// must not choose where they collide.
#[derive(Debug, Default)]
pub(super) struct Plain {
    text: String,
    entries: Vec<Entry>,
    /// Open addressing: the first entry of each value, or [`NONE`].
    table: Vec<u32>,
    /// By place of the table: some bits of the hash, so that another value is passed by without being looked at.
    tags: Vec<u8>,
    /// How many places of the table are taken.
    taken: usize,
    hasher: RandomState,
}

/// One indicator. Its value ends where the next one's starts.
#[derive(Clone, Copy, Debug)]
struct Entry {
    path: u32,
    start: u32,
    pattern: u32,
    /// Another one of the same value and path, or [`NONE`].
    next: u32,
}

const NONE: u32 = u32::MAX;

impl Plain {
    /// Adds an indicator; `false` if there is no room for it.
    pub(super) fn add(&mut self, path: u32, value: &str, pattern: u32) -> bool {
        if self.text.len() + value.len() > PLAIN_BYTES_MAX || self.entries.len() >= NONE as usize {
            return false;
        }
        // Beyond three quarters the ways through the table grow long.
        if (self.taken + 1) * 4 > self.table.len() * 3 {
            self.grow();
        }
        let number = self.entries.len();
        self.entries.push(Entry { path, start: self.text.len() as u32, pattern, next: NONE });
        self.text.push_str(value);
        self.enter(number);
        true
    }

    /// Puts an entry into the table, or into the chain of its value.
    fn enter(&mut self, number: usize) {
        let (place, tag) = self.place(self.entries[number].path, self.value(number));
        let first = self.table[place];
        if first == NONE {
            self.table[place] = number as u32;
            self.tags[place] = tag;
            self.taken += 1;
        } else {
            let next = std::mem::replace(&mut self.entries[first as usize].next, number as u32);
            self.entries[number].next = next;
        }
    }

    /// Calls `found` with the pattern of each indicator for this value.
    pub(super) fn find(&self, path: u32, value: &Value<'_>, mut found: impl FnMut(u32)) {
        let Value::Text(text) = value else { return };
        if self.table.is_empty() {
            return;
        }
        let mut number = self.table[self.place(path, text).0];
        while let Some(entry) = self.entries.get(number as usize) {
            found(entry.pattern);
            number = entry.next;
        }
    }

    /// Gives back memory that was held for more.
    pub(super) fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    fn value(&self, number: usize) -> &str {
        let end = self.entries.get(number + 1).map_or(self.text.len(), |next| next.start as usize);
        &self.text[self.entries[number].start as usize..end]
    }

    /// Where in the table a value stands, or would, and its tag.
    fn place(&self, path: u32, value: &str) -> (usize, u8) {
        let hash = self.hasher.hash_one((path, value));
        let tag = (hash >> 56) as u8;
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let number = self.table[place];
            if number == NONE {
                return (place, tag);
            }
            if self.tags[place] == tag {
                let number = number as usize;
                if self.entries[number].path == path && self.value(number) == value {
                    return (place, tag);
                }
            }
            place = (place + 1) & mask;
        }
    }

    /// Makes room; entries are entered again in their own order, in which their values are read fastest.
    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(16);
        self.table.clear();
        self.table.resize(size, NONE);
        self.tags.clear();
        self.tags.resize(size, 0);
        self.taken = 0;
        for number in 0..self.entries.len() {
            self.entries[number].next = NONE;
            self.enter(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_again() {
        let mut plain = Plain::default();
        for number in 0..10_000 {
            assert!(plain.add(number % 3, &format!("value {}", number / 2), number));
        }
        plain.finish();
        for number in 0..10_000_u32 {
            let text = format!("value {}", number / 2);
            let mut found = Vec::new();
            plain.find(number % 3, &Value::Text(&text), |pattern| found.push(pattern));
            assert!(found.contains(&number), "{number}: {found:?}");
        }
        let mut found = Vec::new();
        plain.find(0, &Value::Text("value"), |pattern| found.push(pattern));
        plain.find(9, &Value::Text("value 1"), |pattern| found.push(pattern));
        assert!(found.is_empty());
    }

    #[test]
    fn the_same_value_many_times() {
        let mut plain = Plain::default();
        for number in 0..100_000 {
            plain.add(0, "same", number);
        }
        let mut count = 0;
        plain.find(0, &Value::Text("same"), |_| count += 1);
        assert_eq!(count, 100_000);
    }
}
