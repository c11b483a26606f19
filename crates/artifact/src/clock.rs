//! Times as logs write them, read into UTC.
//!
//! Every format here is decided by the log's own convention: Exchange writes ISO 8601 in UTC with a `Z`, IIS writes
//! date and time in UTC without one, NCSA writes an offset, and Windows events are written by shippers that sometimes
//! put local time under a `Z`. This module only reads what is written; who lies, and by how much, is judged where
//! several records can be compared.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Milliseconds since 1970 of an ISO 8601 time: `T` or a space between date and time, any fraction, `Z`, an offset,
/// or nothing, which means UTC.
pub fn iso(bytes: &[u8]) -> Option<Timestamp> {
    let bytes = bytes.trim_ascii();
    let date = iso_date(bytes)?;
    let rest = match bytes.get(10)? {
        b'T' | b't' | b' ' | b'+' => &bytes[11..],
        _ => return None,
    };
    let (time, rest) = iso_time(rest)?;
    let offset_s = offset_seconds(rest)?;
    let utc = TimeZone::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    utc.checked_sub(jiff::SignedDuration::from_secs(offset_s)).ok()
}

/// `YYYY-MM-DD` at the start of `bytes`.
pub fn iso_date(bytes: &[u8]) -> Option<Date> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, ..] = bytes else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    Date::new(year as i16, number(&[*m1, *m2])? as i8, number(&[*d1, *d2])? as i8).ok()
}

/// `HH:MM:SS` with an optional fraction; what follows it.
pub fn iso_time(bytes: &[u8]) -> Option<(Time, &[u8])> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = bytes else { return None };
    let second = number(&[*s1, *s2])?.min(59); // a leap second is read as the second before it
    let (nanosecond, rest) = fraction(rest);
    let time =
        Time::new(number(&[*h1, *h2])? as i8, number(&[*m1, *m2])? as i8, second as i8, nanosecond).ok()?;
    Some((time, rest))
}

fn fraction(bytes: &[u8]) -> (i32, &[u8]) {
    let [b'.' | b',', rest @ ..] = bytes else { return (0, bytes) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut nanosecond = 0_i32;
    let places = rest[..digits].iter().map(|digit| i32::from(digit - b'0')).chain(std::iter::repeat(0));
    for digit in places.take(9) {
        nanosecond = nanosecond * 10 + digit;
    }
    (nanosecond, &rest[digits..])
}

/// Seconds east of UTC of `Z`, `+01:00`, `+0100`, or of nothing.
fn offset_seconds(bytes: &[u8]) -> Option<i64> {
    let (sign, digits) = match bytes.trim_ascii() {
        [] | [b'Z' | b'z', ..] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [h1, h2, b':', m1, m2, ..] | [h1, h2, m1, m2, ..] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        [h1, h2] => (number(&[*h1, *h2])?, 0),
        _ => return None,
    };
    Some(sign * i64::from(hours * 3600 + minutes * 60))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |value, &digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

/// `10/Oct/2000:13:55:36 -0700`, as NCSA logs write it.
pub fn ncsa(bytes: &[u8]) -> Option<Timestamp> {
    let [d1, d2, b'/', month @ .., b' ', s, o1, o2, o3, o4] = bytes else { return None };
    let [m1, m2, m3, b'/', y1, y2, y3, y4, b':', time @ ..] = month else { return None };
    let month = month_number([*m1, *m2, *m3])?;
    let date = Date::new(number(&[*y1, *y2, *y3, *y4])? as i16, month, number(&[*d1, *d2])? as i8).ok()?;
    let (time, _) = iso_time(time)?;
    let offset_s = offset_seconds(&[*s, *o1, *o2, *o3, *o4])?;
    utc(date, time)?.checked_sub(jiff::SignedDuration::from_secs(offset_s)).ok()
}

fn month_number(name: [u8; 3]) -> Option<i8> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    MONTHS.iter().position(|month| month.eq_ignore_ascii_case(&name)).map(|index| index as i8 + 1)
}

/// A date and a time in UTC.
pub fn utc(date: Date, time: Time) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()
}

/// Seconds or milliseconds since 1970, as some shippers write them.
pub fn unix(value: f64) -> Option<Timestamp> {
    // 10^11 seconds is the year 5138, 10^11 milliseconds is 1973: nothing of ours stands between.
    let milliseconds = if value.abs() < 1e11 { value * 1000.0 } else { value };
    Timestamp::from_millisecond(milliseconds as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(iso(input.as_bytes()).map(|time| time.to_string()).as_deref(), Some(expected), "{input}");
    }

    #[test]
    fn iso_times() {
        check("2021-03-03T06:49:42.162Z", "2021-03-03T06:49:42.162Z");
        check("2021-03-03 06:49:42", "2021-03-03T06:49:42Z");
        check("2021-03-03T06:49:42+01:00", "2021-03-03T05:49:42Z");
        check("2021-03-03T06:49:42.1234567-0530", "2021-03-03T12:19:42.1234567Z");
        check("2021-12-31T23:59:60Z", "2021-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for input in
            ["", "2021", "2021-13-01T00:00:00Z", "2021-03-03T25:00:00Z", "2021-03-03", "2021-03-03T06:49:42Q"]
        {
            assert_eq!(iso(input.as_bytes()), None, "{input}");
        }
    }

    #[test]
    fn ncsa_times() {
        let time = ncsa(b"10/Oct/2000:13:55:36 -0700").map(|time| time.to_string());
        assert_eq!(time.as_deref(), Some("2000-10-10T20:55:36Z"));
        assert_eq!(ncsa(b"10/Foo/2000:13:55:36 -0700"), None);
    }

    #[test]
    fn unix_seconds_and_milliseconds() {
        assert_eq!(
            unix(1_614_754_182.162).map(|t| t.to_string()).as_deref(),
            Some("2021-03-03T06:49:42.162Z")
        );
        assert_eq!(
            unix(1_614_754_182_162.0).map(|t| t.to_string()).as_deref(),
            Some("2021-03-03T06:49:42.162Z")
        );
    }
}
