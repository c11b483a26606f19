//! Parts of dates: `minute`, `hour`, `day`, `week`, `month`, `year`.
//!
//! "It is not designed to handle timezone or format conversions" (modifiers appendix, "Time Modifiers"): the digits
//! are taken as they stand. Dates are ISO 8601, with a `T` or a space before the time; a column that holds only a
//! date or only a time, as in W3C logs, has just those parts.

/// Which part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Part {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }
}

/// The part of the date that `value` is, or nothing if it is none.
pub(crate) fn part(part: Part, value: &[u8]) -> Option<i64> {
    let value = value.trim_ascii();
    let date = date(value);
    let time = match date {
        Some(_) => value
            .get(10..)
            .filter(|rest| matches!(rest.first(), Some(b'T' | b't' | b' ')))
            .map(|rest| &rest[1..]),
        None => Some(value),
    };
    match part {
        Part::Minute => clock(time?).map(|(_, minute)| minute),
        Part::Hour => clock(time?).map(|(hour, _)| hour),
        Part::Day => date.map(|(_, _, day)| day),
        Part::Month => date.map(|(_, month, _)| month),
        Part::Year => date.map(|(year, _, _)| year),
        Part::Week => date.map(|(year, month, day)| iso_week(year, month, day)),
    }
}

/// `YYYY-MM-DD` at the beginning.
fn date(value: &[u8]) -> Option<(i64, i64, i64)> {
    let separated = matches!((value.get(4)?, value.get(7)?), (b'-', b'-') | (b'/', b'/'));
    let (year, month, day) = (digits(value, 0, 4)?, digits(value, 5, 2)?, digits(value, 8, 2)?);
    (separated && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}

/// `hh:mm` at the beginning.
fn clock(value: &[u8]) -> Option<(i64, i64)> {
    let (hour, minute) = (digits(value, 0, 2)?, digits(value, 3, 2)?);
    (value[2] == b':' && hour < 24 && minute < 60).then_some((hour, minute))
}

fn digits(value: &[u8], at: usize, count: usize) -> Option<i64> {
    let digits = value.get(at..at + count)?;
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// The week of ISO 8601: the one with the year's first Thursday is week 1.
fn iso_week(year: i64, month: i64, day: i64) -> i64 {
    let ordinal = days_before(year, month) + day;
    let weekday = weekday(year, ordinal);
    let week = (ordinal - weekday + 10) / 7;
    if week < 1 {
        weeks_in(year - 1)
    } else if week > weeks_in(year) {
        1
    } else {
        week
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    BEFORE[(month - 1) as usize] + i64::from(month > 2 && is_leap(year))
}

/// Monday is 1, Sunday 7.
fn weekday(year: i64, ordinal: i64) -> i64 {
    let before = year - 1;
    let days =
        before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) + ordinal;
    (days - 1).rem_euclid(7) + 1
}

fn weeks_in(year: i64) -> i64 {
    let first = weekday(year, 1);
    if first == 4 || (first == 3 && is_leap(year)) { 53 } else { 52 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let of = |name, value: &str| part(Part::named(name).unwrap(), value.as_bytes());
        let value = "2021-03-02T08:51:00.008Z";
        let parts = ["minute", "hour", "day", "week", "month", "year"].map(|name| of(name, value).unwrap());
        assert_eq!(parts, [51, 8, 2, 9, 3, 2021]);
        assert_eq!(of("hour", "2019-03-02 23:00:08"), Some(23));
        assert_eq!(of("hour", "06:07:08"), Some(6));
        assert_eq!(of("day", "06:07:08"), None);
        assert_eq!(of("hour", "2019-03-02"), None);
        assert_eq!(of("year", "nonsense"), None);
        assert_eq!(of("year", "é021-03-02"), None);
    }

    #[test]
    fn weeks_at_the_turn_of_the_year() {
        let week = |value: &str| part(Part::Week, value.as_bytes()).unwrap();
        assert_eq!(week("2021-01-01"), 53);
        assert_eq!(week("2021-01-04"), 1);
        assert_eq!(week("2018-12-31"), 1);
        assert_eq!(week("2020-12-31"), 53);
        assert_eq!(week("2024-12-30"), 1);
    }
}
