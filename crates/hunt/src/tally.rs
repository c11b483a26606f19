//! What was seen of one artifact of one host, counted while scanning and added up afterwards.
//!
//! Absence is evidence here, so the count is of hours: an hour in which a log says nothing though its neighbours do
//! is a hole that somebody may have made. Hours are exact where every record is read (events); in long logs they come
//! from lines looked at every few kilobytes and, wherever two of those lie more than an hour apart, from every line
//! between.

use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::Gap;

/// Hours from one record's hour to the next that make a gap in a log that writes every hour.
const GAP_HOURS_MIN: i64 = 2;

/// Fewer hours than these have no rhythm to judge by.
const RHYTHM_HOURS_MIN: usize = 8;

/// A gap must be this many times longer than nearly all others of the same log.
const GAP_FACTOR: i64 = 4;

const HOUR_S: i64 = 3600;

/// Records of one artifact of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// How many.
    pub(crate) records: u64,
    /// The first.
    pub(crate) first: Option<Timestamp>,
    /// The last.
    pub(crate) last: Option<Timestamp>,
    /// Records, or looks at records, in each hour since 1970.
    pub(crate) hours: BTreeMap<i64, u64>,
    /// Files it came from.
    pub(crate) files: u64,
    /// What is odd about it.
    pub(crate) problems: Vec<String>,
}

impl Tally {
    /// Notes a record's time, and that it stands for `records` records.
    pub(crate) fn note(&mut self, time: Option<Timestamp>, records: u64) {
        self.records += records;
        let Some(time) = time else { return };
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        // A look at a single line stands for that line.
        *self.hours.entry(hour(time)).or_default() += records.max(1);
    }

    /// Adds another tally of the same artifact; its times are moved by `shift_s` seconds first.
    pub(crate) fn add(&mut self, other: &Tally, shift_s: i64) {
        let shifted = |time: Option<Timestamp>| time.map(|time| shift(time, shift_s));
        self.records += other.records;
        self.files += other.files;
        for time in [shifted(other.first), shifted(other.last)].into_iter().flatten() {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        let shift_hours = (shift_s as f64 / HOUR_S as f64).round() as i64;
        for (&hour, &records) in &other.hours {
            *self.hours.entry(hour + shift_hours).or_default() += records;
        }
        self.problems.extend(other.problems.iter().cloned());
    }

    /// Whether it has records within the hour of `time`, or in both neighbours of that hour.
    pub(crate) fn covers(&self, time: Timestamp) -> bool {
        let hour = hour(time);
        let has = |hour: i64| self.hours.contains_key(&hour);
        has(hour) || (has(hour - 1) && has(hour + 1))
    }

    /// Spans without records that are too long for this log's own rhythm. A log that writes every hour has lost one
    /// when it skips one; of any other, `silence_hours` are the least that count.
    pub(crate) fn gaps(&self, silence_hours: i64) -> Vec<Gap> {
        let hours: Vec<i64> = self.hours.keys().copied().collect();
        let mut steps: Vec<i64> = hours.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if steps.len() < RHYTHM_HOURS_MIN {
            return Vec::new();
        }
        steps.sort_unstable();
        let usual = steps[(steps.len() - 1) * 95 / 100];
        let limit = if usual == 1 { GAP_HOURS_MIN } else { (usual * GAP_FACTOR).max(silence_hours) };
        let is_gap = |pair: &&[i64]| pair[1] - pair[0] >= limit;
        hours
            .windows(2)
            .filter(is_gap)
            .map(|pair| Gap { from: start(pair[0] + 1), until: start(pair[1]) })
            .collect()
    }
}

/// The hour since 1970.
pub(crate) fn hour(time: Timestamp) -> i64 {
    time.as_second().div_euclid(HOUR_S)
}

fn start(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * HOUR_S).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time moved by seconds.
pub(crate) fn shift(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(hours: impl IntoIterator<Item = i64>) -> Tally {
        let mut tally = Tally::default();
        hours.into_iter().for_each(|hour| tally.note(Some(start(hour)), 1));
        tally
    }

    #[test]
    fn one_lost_hour_of_an_hourly_log_is_a_gap() {
        let gaps = tally((0..40).filter(|hour| *hour != 17)).gaps(3);
        assert_eq!(gaps, [Gap { from: start(17), until: start(18) }]);
    }

    #[test]
    fn a_log_of_working_hours_has_no_gap_every_night() {
        let days = (0..10).flat_map(|day| (8..18).map(move |hour| day * 24 + hour));
        assert!(tally(days).gaps(3).is_empty());
    }

    #[test]
    fn few_hours_have_no_rhythm() {
        assert!(tally([0, 1, 9]).gaps(3).is_empty());
    }

    #[test]
    fn an_hour_is_covered_by_itself_or_by_both_neighbours() {
        let tally = tally([1, 3, 7]);
        assert!(tally.covers(start(1)) && tally.covers(start(2)) && !tally.covers(start(5)));
    }
}
