//! Times as STIX writes them (§2.16), compared as instants whatever their precision.

use std::fmt;

/// A point in time, in nanoseconds since 1970-01-01T00:00:00Z. Finer digits are cut, as the note of §2.16.1 foresees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since the epoch.
    seconds: i64,
    /// Nanoseconds of the second.
    nanoseconds: u32,
}

impl Timestamp {
    /// Reads `YYYY-MM-DDTHH:mm:ss[.s+]Z` and says how many digits stood after the point.
    pub fn parse_with_precision(text: &str) -> Option<(Self, usize)> {
        let bytes = text.as_bytes();
        let (head, tail) = bytes.split_at_checked(19)?;
        let shape = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if shape.iter().any(|(at, byte)| head[*at] != *byte) {
            return None;
        }
        let year = digits(&head[..4])?;
        let (month, day) = (digits(&head[5..7])?, digits(&head[8..10])?);
        let (hour, minute, second) = (digits(&head[11..13])?, digits(&head[14..16])?, digits(&head[17..])?);
        let fraction = match tail {
            b"Z" => &[][..],
            [b'.', fraction @ .., b'Z'] if !fraction.is_empty() => fraction,
            _ => return None,
        };
        let nanoseconds = fraction_nanoseconds(fraction)?;
        let leap_second = second == 60 && hour == 23 && minute == 59;
        let in_month = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !in_month || hour > 23 || minute > 59 || (second > 59 && !leap_second) {
            return None;
        }
        let days = days_since_epoch(i64::from(year), i64::from(month), i64::from(day));
        let seconds = days * 86400 + i64::from(hour * 3600 + minute * 60 + second);
        Some((Self { seconds, nanoseconds }, fraction.len()))
    }

    /// Reads a STIX timestamp.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_with_precision(text).map(|(timestamp, _)| timestamp)
    }

    /// From seconds since the epoch and nanoseconds of the second; what is over a second is carried.
    pub fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self {
            seconds: seconds.saturating_add(i64::from(nanoseconds / 1_000_000_000)),
            nanoseconds: nanoseconds % 1_000_000_000,
        }
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds of the second.
    pub fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }
}

/// With at least the three digits that `created` and `modified` need (§3.2).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.seconds.div_euclid(86400));
        let second = self.seconds.rem_euclid(86400);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.",
            second / 3600,
            second / 60 % 60,
            second % 60
        )?;
        let fraction = format!("{:09}", self.nanoseconds);
        let kept = fraction.trim_end_matches('0').len().max(3);
        write!(f, "{}Z", &fraction[..kept])
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

fn fraction_nanoseconds(fraction: &[u8]) -> Option<u32> {
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kept = fraction.get(..9).unwrap_or(fraction);
    Some(digits(kept)? * 10_u32.pow(9 - kept.len() as u32))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, years counted from March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The way back from [`days_since_epoch`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Timestamp::parse(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn timestamps() {
        check("2016-01-20T12:31:12.123Z", Some("2016-01-20T12:31:12.123Z"));
        check("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000Z"));
        check("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000Z"));
        check("9999-12-31T23:59:59.999999999Z", Some("9999-12-31T23:59:59.999999999Z"));
        check("2016-02-29T00:00:00.5Z", Some("2016-02-29T00:00:00.500Z"));
        check("2016-01-20T12:31:12.1234567891234Z", Some("2016-01-20T12:31:12.123456789Z"));
        check("2016-12-31T23:59:60Z", Some("2017-01-01T00:00:00.000Z"));
        for wrong in [
            "2015-02-29T00:00:00Z",
            "2016-01-20T12:31:12.Z",
            "2016-01-20T12:31:12",
            "2016-01-20T12:31:12+00:00",
            "2016-01-20t12:31:12z",
            "2016-01-20 12:31:12Z",
            "2016-01-20T24:00:00Z",
            "2016-01-20T12:60:00Z",
            "2016-13-20T12:31:12Z",
            "2016-00-20T12:31:12Z",
            "2016-01-20T12:31:60Z",
            "2016-1-20T12:31:12Z",
            "2016-01-20",
            "",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn compared_as_instants() {
        let parse = |text| Timestamp::parse(text).unwrap();
        assert_eq!(parse("2020-01-01T00:00:00Z"), parse("2020-01-01T00:00:00.000000Z"));
        assert!(parse("2020-01-01T00:00:00.9Z") > parse("2020-01-01T00:00:00.10Z"));
        assert!(parse("1969-12-31T23:59:59.5Z") < parse("1970-01-01T00:00:00Z"));
    }
}
