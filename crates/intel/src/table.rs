//! Numbers found again by a key: open addressing, eight bytes a place, nothing moved but places when it grows.

/// No number stands here.
const NONE: u32 = u32::MAX;

/// Numbers by key. What a number stands for is known to the caller, who says whether it is the one that is sought.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Part of the key, and the number.
    places: Vec<(u32, u32)>,
    taken: usize,
}

impl Table {
    /// The number under a key for which `is` holds.
    pub(crate) fn find(&self, key: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let (tag, mask) = (tag(key), self.places.len() - 1);
        let mut at = tag as usize & mask;
        loop {
            let (other, number) = self.places[at];
            if number == NONE {
                return None;
            }
            if other == tag && is(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a number that is not there yet.
    pub(crate) fn add(&mut self, key: u64, number: u32) {
        if (self.taken + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        self.enter((tag(key), number));
        self.taken += 1;
    }

    /// The same, forgetting all others where so many are there.
    pub(crate) fn add_recent(&mut self, key: u64, number: u32, at_most: usize) {
        if self.taken >= at_most {
            *self = Self::default();
        }
        self.add(key, number);
    }

    fn enter(&mut self, place: (u32, u32)) {
        let mask = self.places.len() - 1;
        let mut at = place.0 as usize & mask;
        while self.places[at].1 != NONE {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(16);
        let old = std::mem::replace(&mut self.places, vec![(0, NONE); size]);
        for place in old.into_iter().filter(|(_, number)| *number != NONE) {
            self.enter(place);
        }
    }
}

fn tag(key: u64) -> u32 {
    (key >> 16) as u32
}
