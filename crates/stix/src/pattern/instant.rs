//! STIX timestamps as instants (STIX 2.1 §2.16), and durations.
//!
//! An instant counts attoseconds from 1970, so that any fraction that is written in practice is kept exactly and
//! "before the end" is "at most one less".

use std::fmt;

/// Attoseconds.
pub(crate) type Ticks = i128;

/// Ticks in a second. Digits of a fraction beyond the eighteenth are not read.
pub(crate) const SECOND: Ticks = 1_000_000_000_000_000_000;

/// The digits of a fraction that are read.
const FRACTION_DIGITS: usize = 18;

/// How a text is no timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoInstant {
    /// Not of the form `2014-01-13T07:03:17Z`.
    Form,
    /// Of that form, but there is no such day.
    Day,
}

/// Reads a timestamp: RFC 3339 in UTC, upper case, any number of fraction digits.
pub(crate) fn instant(text: &str) -> Result<Ticks, NoInstant> {
    let (date, rest) = text.split_once('T').ok_or(NoInstant::Form)?;
    let rest = rest.strip_suffix('Z').ok_or(NoInstant::Form)?;
    let (time, fraction) = match rest.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (rest, None),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let within = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        // A leap second is a second like others to RFC 3339.
        && second <= 60;
    if !within {
        return Err(NoInstant::Form);
    }
    let fraction = fraction.map_or(Ok(0), ticks_of_fraction)?;
    if day > days_of_month(year, month) {
        return Err(NoInstant::Day);
    }
    let seconds = days_from_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Ok(Ticks::from(seconds) * SECOND + fraction)
}

/// Three numbers of fixed width between separators.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Result<[i64; 3], NoInstant> {
    let mut found = [0; 3];
    let mut parts = text.split(separator);
    for (number, width) in found.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width).ok_or(NoInstant::Form)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoInstant::Form);
        }
        *number = part.parse().map_err(|_| NoInstant::Form)?;
    }
    if parts.next().is_some() { Err(NoInstant::Form) } else { Ok(found) }
}

fn ticks_of_fraction(digits: &str) -> Result<Ticks, NoInstant> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NoInstant::Form);
    }
    let read = digits.bytes().chain(std::iter::repeat(b'0')).take(FRACTION_DIGITS);
    Ok(read.fold(0, |ticks, digit| ticks * 10 + Ticks::from(digit - b'0')))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// A positive time span, exact to the attosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub(crate) Ticks);

impl Span {
    /// Reads a decimal number of seconds; `None` if it is not one or is beyond what can be written as a timestamp.
    pub(crate) fn from_seconds(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let whole: Ticks = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let ticks = ticks_of_fraction(fraction).ok()?;
        (whole <= super::limits::WITHIN_SECONDS_MAX).then(|| Self(whole * SECOND + ticks))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / SECOND, self.0 % SECOND);
        if fraction == 0 {
            return write!(out, "{whole}");
        }
        let digits = format!("{fraction:0FRACTION_DIGITS$}");
        write!(out, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Ticks, NoInstant>) {
        assert_eq!(instant(text), expected, "{text}");
    }

    #[test]
    fn instants() {
        check("1970-01-01T00:00:00Z", Ok(0));
        check("1970-01-01T00:00:00.5Z", Ok(SECOND / 2));
        check("1970-01-01T00:00:00.0000000000000000019Z", Ok(1));
        check("1969-12-31T23:59:59Z", Ok(-SECOND));
        check("2000-02-29T12:00:00Z", Ok(951_825_600 * SECOND));
        check("2016-12-31T23:59:60Z", Ok(1_483_228_800 * SECOND));
        check("0000-03-01T00:00:00Z", Ok(-62_162_035_200 * SECOND));
        check("9999-12-31T23:59:59.999Z", Ok(253_402_300_799 * SECOND + 999 * SECOND / 1000));
    }

    #[test]
    fn no_instants() {
        for text in [
            "",
            "2010-05-21T13:21:43",
            "2010-05-21T13:21:43z",
            "2010-05-21t13:21:43Z",
            "2010/05/21T13:21:43Z",
            "2010-05-21T13:21:99Z",
            "2010-05-21T13:21Z",
            "2010-05-21T24:00:00Z",
            "2010-13-21T13:21:43Z",
            "2010-05-21T13:21:43.Z",
            "2010-05-21T13:21:43.1.2Z",
            "2010-05-21T13:21:43+00:00Z",
            "+010-05-21T13:21:43Z",
        ] {
            check(text, Err(NoInstant::Form));
        }
        check("2023-02-29T12:00:00Z", Err(NoInstant::Day));
        check("2024-04-31T12:00:00Z", Err(NoInstant::Day));
        check("1900-02-29T12:00:00Z", Err(NoInstant::Day));
    }

    #[test]
    fn spans() {
        let show = |text| Span::from_seconds(text).map(|span| span.to_string());
        assert_eq!(show("300").as_deref(), Some("300"));
        assert_eq!(show("+5").as_deref(), Some("5"));
        assert_eq!(show(".0001").as_deref(), Some("0.0001"));
        assert_eq!(show("1.50").as_deref(), Some("1.5"));
        assert_eq!(show("99999999999999999999"), None);
        assert_eq!(show("99999999999999999999999999999999999999"), None);
    }
}
