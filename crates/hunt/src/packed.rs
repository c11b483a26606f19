//! Times and places in the few bytes that millions of findings can afford.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchfire_artifact::Place;

/// A time, or none, in twelve bytes; none comes after all times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When {
    /// Seconds since 1970: the high half, then the low one.
    high: i32,
    low: u32,
    nanoseconds: i32,
}

impl When {
    const NONE: Self = Self { high: i32::MAX, low: 0, nanoseconds: 0 };

    /// The time; none also where a file that was read says what is no time.
    pub(crate) fn get(self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.numbers();
        Timestamp::new(seconds, nanoseconds).ok()
    }

    /// Seconds and nanoseconds; those of no time lie beyond every calendar.
    pub(crate) fn numbers(self) -> (i64, i32) {
        (i64::from(self.high) << 32 | i64::from(self.low), self.nanoseconds)
    }

    /// The same back, whatever they are.
    pub(crate) fn of_numbers(seconds: i64, nanoseconds: i32) -> Self {
        Self { high: (seconds >> 32) as i32, low: seconds as u32, nanoseconds }
    }
}

impl From<Option<Timestamp>> for When {
    fn from(time: Option<Timestamp>) -> Self {
        time.map_or(Self::NONE, |time| Self::of_numbers(time.as_second(), time.subsec_nanosecond()))
    }
}

/// What a [`Place`] is, without its numbers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum PlaceKind {
    File,
    Offset,
    Record,
}

impl PlaceKind {
    /// What a place is, its offset, and the number of its record; 0 where it has none.
    pub(crate) fn split(place: Place) -> (Self, u64, u64) {
        match place {
            Place::File => (PlaceKind::File, 0, 0),
            Place::Offset(offset) => (PlaceKind::Offset, offset, 0),
            Place::Record { number, offset } => (PlaceKind::Record, offset, number),
        }
    }

    /// The same back.
    pub(crate) fn place(self, offset: u64, record: u64) -> Place {
        match self {
            PlaceKind::File => Place::File,
            PlaceKind::Offset => Place::Offset(offset),
            PlaceKind::Record => Place::Record { number: record, offset },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_comes_back_and_keeps_its_order() {
        let new = |seconds, nanoseconds| Timestamp::new(seconds, nanoseconds).unwrap();
        let times = [
            Timestamp::MIN,
            new(-5_000_000_000, 0),
            new(-1, -999_999_999),
            new(-1, 0),
            new(0, -1),
            new(0, 0),
            new(0, 1),
            new(1_614_748_860, 412_000_000),
            new(4_294_967_296, 0),
            Timestamp::MAX,
        ];
        let whens: Vec<When> = times.iter().map(|&time| Some(time).into()).chain([None.into()]).collect();
        assert!(whens.is_sorted());
        let back: Vec<Option<Timestamp>> = whens.iter().map(|when| when.get()).collect();
        assert_eq!(back, times.iter().map(|&time| Some(time)).chain([None]).collect::<Vec<_>>());
        assert_eq!(size_of::<When>(), 12);
    }
}
