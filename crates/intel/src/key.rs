//! Keys of words that are read from their end to their start, so that one pass gives the key of every parent domain.

/// A key while it grows to the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u64);

const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

impl Key {
    /// The key of nothing. The seed differs from process to process, so that nobody writes values that collide.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One byte more, on the left.
    pub(crate) fn push(self, byte: u8) -> Self {
        Self((self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(SPREAD))
    }

    /// All bytes of a text more, from its end.
    pub(crate) fn push_all(self, text: &[u8]) -> Self {
        text.iter().rev().fold(self, |key, byte| key.push(*byte))
    }

    /// The key, all of its bits being worth the same.
    pub(crate) fn finish(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ (mixed >> 32)
    }
}

/// What a byte is to the scan.
pub(crate) const WORD: u8 = 1;
pub(crate) const HEX: u8 = 2;

/// By byte: whether it is of a word, and a hexadecimal digit.
pub(crate) const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let it = byte as u8;
        if it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.') {
            class[byte] |= WORD;
        }
        if it.is_ascii_hexdigit() {
            class[byte] |= HEX;
        }
        byte += 1;
    }
    class
};

pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// Which keys are certainly not there: two bytes a key, and one place of memory to look at.
#[derive(Debug, Default)]
pub(crate) struct Sieve(Vec<u64>);

impl Sieve {
    pub(crate) fn with_room(keys: usize) -> Self {
        Self(if keys == 0 { Vec::new() } else { vec![0; (keys / 4).next_power_of_two()] })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, key: u64) {
        let mask = self.0.len() - 1;
        self.0[(key >> 40) as usize & mask] |= bits(key);
    }

    pub(crate) fn may_have(&self, key: u64) -> bool {
        let mask = self.0.len().wrapping_sub(1);
        self.0.get((key >> 40) as usize & mask).is_some_and(|word| word & bits(key) == bits(key))
    }
}

fn bits(key: u64) -> u64 {
    1 << (key & 63) | 1 << (key >> 6 & 63) | 1 << (key >> 12 & 63)
}
