//! Hits of rules as they wait for the merge: written down, for there may be millions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchfire_artifact::Place;

use crate::details::Details;
use crate::packed::{PlaceKind, When};

/// A record that a rule hits.
#[derive(Debug)]
pub(crate) struct Hit {
    /// The rule, by its place in the content.
    pub(crate) rule: u32,
    /// Where it comes from, by its place in [`super::Part::sources`].
    pub(crate) source: u32,
    /// When: UTC, or as stated.
    pub(crate) when: When,
    /// Whether the time is only as stated: UTC unless the file's clock proves wrong.
    pub(crate) is_stated: bool,
    /// What is left of a record that the log has dropped.
    pub(crate) recovered: bool,
    /// Where in the file.
    pub(crate) place: Place,
    /// What few hits have.
    pub(crate) details: Option<Box<Details>>,
}

impl Hit {
    /// A hit whose time is UTC by construction.
    pub(crate) fn utc(rule: usize, source: u32, time: Option<Timestamp>, place: Place) -> Self {
        let (rule, is_stated, recovered) = (rule as u32, false, false);
        Self { rule, source, when: time.into(), is_stated, recovered, place, details: None }
    }

    /// A hit whose time is the stated one.
    pub(crate) fn stated(rule: usize, source: u32, time: Option<Timestamp>, place: Place) -> Self {
        Self { is_stated: true, ..Self::utc(rule, source, time, place) }
    }

    /// The same, with what few hits have.
    pub(crate) fn with(self, details: Details) -> Self {
        Self { details: details.boxed(), ..self }
    }
}

/// Hits, in the order in which they were found: some fifteen bytes each where they would stand seventy as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Hits {
    count: usize,
    /// One step after the other, in postcard.
    written: Vec<u8>,
    /// Where and when the last one was.
    #[serde(skip)]
    last: At,
}

/// Time and place of a hit as numbers. Hits follow each other in a file, so the next is told by how far it is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct At {
    seconds: i64,
    nanoseconds: i32,
    offset: i64,
    record: i64,
}

/// A hit as it is written down.
#[derive(Serialize, Deserialize)]
struct Step<D> {
    rule: u32,
    source: u32,
    is_stated: bool,
    recovered: bool,
    kind: PlaceKind,
    by: At,
    details: D,
}

impl At {
    fn of(hit: &Hit) -> (PlaceKind, Self) {
        let ((seconds, nanoseconds), (kind, offset, record)) =
            (hit.when.numbers(), PlaceKind::split(hit.place));
        (kind, Self { seconds, nanoseconds, offset: offset as i64, record: record as i64 })
    }

    /// How far `to` is from here; numbers go around, so that any two have a distance.
    fn to(self, to: Self) -> Self {
        Self {
            seconds: to.seconds.wrapping_sub(self.seconds),
            nanoseconds: to.nanoseconds.wrapping_sub(self.nanoseconds),
            offset: to.offset.wrapping_sub(self.offset),
            record: to.record.wrapping_sub(self.record),
        }
    }

    fn moved(self, by: Self) -> Self {
        Self {
            seconds: self.seconds.wrapping_add(by.seconds),
            nanoseconds: self.nanoseconds.wrapping_add(by.nanoseconds),
            offset: self.offset.wrapping_add(by.offset),
            record: self.record.wrapping_add(by.record),
        }
    }
}

impl Hits {
    /// Adds one.
    pub(crate) fn push(&mut self, hit: &Hit) {
        let (kind, at) = At::of(hit);
        let &Hit { rule, source, is_stated, recovered, .. } = hit;
        let by = self.last.to(at);
        let step = Step { rule, source, is_stated, recovered, kind, by, details: &hit.details };
        let written = std::mem::take(&mut self.written);
        self.written = postcard::to_extend(&step, written).expect("plain data can be written to memory");
        self.count += 1;
        self.last = at;
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives back the memory that further hits would have taken.
    pub(crate) fn close(&mut self) {
        self.written.shrink_to_fit();
    }

    /// All of them, and an error where a part file holds none of ours.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<Hit, postcard::Error>> {
        let (mut rest, mut at) = (self.written.as_slice(), At::default());
        (0..self.count).map(move |_| {
            let (step, after) = postcard::take_from_bytes::<Step<Option<Box<Details>>>>(rest)?;
            (rest, at) = (after, at.moved(step.by));
            Ok(Hit {
                rule: step.rule,
                source: step.source,
                when: When::of_numbers(at.seconds, at.nanoseconds),
                is_stated: step.is_stated,
                recovered: step.recovered,
                place: step.kind.place(at.offset as u64, at.record as u64),
                details: step.details,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_come_back_as_they_went_in() {
        let time = Some(Timestamp::new(1_614_748_860, 412_000_000).unwrap());
        let details = || Details {
            fields: vec![("a".into(), "b".into())],
            raw: Some("c".into()),
            ..Details::default()
        };
        let given = [
            Hit::utc(7, 1, time, Place::Record { number: 3, offset: u64::MAX }).with(details()),
            Hit { recovered: true, ..Hit::stated(usize::from(u16::MAX), 0, None, Place::File) },
            Hit::stated(0, 9, time, Place::Offset(4096)),
        ];
        let mut hits = Hits::default();
        for hit in &given {
            hits.push(hit);
        }
        let back: Vec<Hit> = hits.iter().map(Result::unwrap).collect();
        assert_eq!(format!("{back:?}"), format!("{given:?}"));
        assert_eq!(hits.len(), 3);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let mut hits = Hits::default();
        (0..3).for_each(|rule| hits.push(&Hit::utc(rule, 0, None, Place::Offset(1))));
        hits.written.pop();
        assert_eq!(hits.iter().map(|hit| hit.is_ok()).collect::<Vec<_>>(), [true, true, false]);
    }
}
