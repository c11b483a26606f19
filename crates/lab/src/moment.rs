//! Points in time, and the dozen ways in which one Windows server writes them down.
//!
//! Everything in the story is kept in UTC, in milliseconds. The server stands one hour east of it, which matters
//! in three places: the audit queue's `CreationTime`, the text of the dropped file, and nowhere else.

use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone};

/// The hours by which the server's wall clock is ahead of UTC.
const LOCAL_OFFSET_HOURS: i8 = 1;

/// A point in time, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    /// A time of the year 2021, in UTC.
    pub(crate) fn utc(month: i8, day: i8, hour: i8, minute: i8, second: i8) -> Self {
        let civil = date(2021, month, day).at(hour, minute, second, 0);
        let stamp =
            TimeZone::UTC.to_timestamp(civil).expect("the years of the story are far from jiff's limits");
        Self(stamp.as_millisecond())
    }

    pub(crate) fn plus_ms(self, milliseconds: i64) -> Self {
        Self(self.0 + milliseconds)
    }

    pub(crate) fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_ms(seconds * 1_000)
    }

    pub(crate) fn minus_ms(self, milliseconds: u64) -> Self {
        Self(self.0 - milliseconds as i64)
    }

    /// Milliseconds since 1970 UTC.
    pub(crate) fn milliseconds(self) -> i64 {
        self.0
    }

    /// `2021-03-03T05:24:51.236Z`: Exchange's own logs, and JSON.
    pub(crate) fn iso(self) -> String {
        format!("{}.{:03}Z", self.civil(0).strftime("%Y-%m-%dT%H:%M:%S"), self.0.rem_euclid(1_000))
    }

    /// `2021-03-03 05:24:51`: IIS.
    pub(crate) fn w3c(self) -> String {
        self.civil(0).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2021-03-03 05:24:51.236`: `UtcTime` of Sysmon.
    pub(crate) fn sysmon(self) -> String {
        format!("{}.{:03}", self.w3c(), self.0.rem_euclid(1_000))
    }

    /// `2021-03-03T06:24:51`: local time without a zone, as in the audit queue's JSON.
    pub(crate) fn local(self) -> String {
        self.civil(LOCAL_OFFSET_HOURS).strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// `3/3/2021 6:24:51 AM`: local time as an English console prints it.
    pub(crate) fn console(self) -> String {
        self.civil(LOCAL_OFFSET_HOURS).strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
    }

    /// The same in UTC.
    pub(crate) fn console_utc(self) -> String {
        self.civil(0).strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
    }

    /// `20210303`, in names of daily files.
    pub(crate) fn day(self) -> String {
        self.civil(0).strftime("%Y%m%d").to_string()
    }

    /// `2021030305`, in names of hourly files.
    pub(crate) fn hour(self) -> String {
        self.civil(0).strftime("%Y%m%d%H").to_string()
    }

    /// `210303`, in names of IIS files.
    pub(crate) fn short_day(self) -> String {
        self.civil(0).strftime("%y%m%d").to_string()
    }

    fn civil(self, offset_hours: i8) -> DateTime {
        let zone = TimeZone::fixed(Offset::constant(offset_hours));
        let stamp =
            Timestamp::from_millisecond(self.0).expect("the years of the story are far from jiff's limits");
        zone.to_datetime(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn one_moment_in_all_its_spellings() {
        let moment = Moment::utc(3, 3, 5, 24, 51).plus_ms(236);
        let spellings = [
            (moment.iso(), "2021-03-03T05:24:51.236Z"),
            (moment.w3c(), "2021-03-03 05:24:51"),
            (moment.sysmon(), "2021-03-03 05:24:51.236"),
            (moment.local(), "2021-03-03T06:24:51"),
            (moment.console(), "3/3/2021 6:24:51 AM"),
            (moment.console_utc(), "3/3/2021 5:24:51 AM"),
            (moment.day(), "20210303"),
            (moment.hour(), "2021030305"),
            (moment.short_day(), "210303"),
        ];
        for (written, expected) in spellings {
            assert_eq!(written, expected);
        }
    }
}
