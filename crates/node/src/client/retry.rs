//! When a request is made again, and after how long: what a server asks for, within limits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::answer::Got;
use crate::error::{NodeError, Result};

/// Attempts after the first.
const AGAIN_LIMIT: u32 = 5;

/// The wait before the first of them where the server names none; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait that a server can ask for. Whoever asks for more is pulled from later.
pub(super) const WAIT_LIMIT: Duration = Duration::from_mins(5);

/// What follows an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is what there is.
    Done,
    /// The same request again, after a wait.
    Again(Duration),
}

/// What follows an answer, or none.
pub(super) fn after(answer: &Result<Got>, attempt: u32) -> Next {
    if attempt >= AGAIN_LIMIT {
        return Next::Done;
    }
    let own_wait = FIRST_WAIT * 2_u32.pow(attempt);
    let got = match answer {
        Ok(got) => got,
        // A server that cannot be reached, or broke off, may be starting.
        Err(NodeError::Upstream { .. }) => return Next::Again(own_wait),
        Err(_) => return Next::Done,
    };
    match got.status.as_u16() {
        429 | 503 => match got.header("retry-after").map(|text| asked_wait(text, now())) {
            Some(Some(wait)) if wait > WAIT_LIMIT => Next::Done,
            Some(Some(wait)) => Next::Again(wait),
            _ => Next::Again(own_wait),
        },
        408 | 500 | 502 | 504 => Next::Again(own_wait),
        _ => Next::Done,
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn asked_wait(text: &str, now_s: u64) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    Some(Duration::from_secs(http_date(text)?.saturating_sub(now_s)))
}

/// A date of HTTP (RFC 9110 §5.6.7), `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since 1970.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let stamp = watchfire_stix::Timestamp::parse(&format!("{year}-{month:02}-{day}T{time}Z"))?;
    u64::try_from(stamp.seconds()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, StatusCode};

    use super::*;

    fn next(status: u16, retry_after: Option<&str>, attempt: u32) -> Next {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert("retry-after", text.parse().unwrap());
        }
        after(&Ok(Got { status: StatusCode::from_u16(status).unwrap(), headers, body: Vec::new() }), attempt)
    }

    #[test]
    fn what_is_asked_again() {
        let seconds = |count| Next::Again(Duration::from_secs(count));
        assert_eq!(next(200, None, 0), Next::Done);
        assert_eq!(next(429, Some("7"), 0), seconds(7));
        assert_eq!(next(503, Some("0"), 4), seconds(0));
        assert_eq!(next(503, None, 1), seconds(1));
        assert_eq!(next(503, Some("soon"), 1), seconds(1));
        assert_eq!(next(502, Some("7"), 2), seconds(2));
        assert_eq!(next(429, Some("7"), 5), Next::Done);
        assert_eq!(next(429, Some("99999999999999999999"), 0), Next::Done);
        for status in [301, 400, 401, 403, 404, 406, 413] {
            assert_eq!(next(status, Some("7"), 0), Next::Done, "{status}");
        }
    }

    #[test]
    fn dates_of_http() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for wrong in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
        assert_eq!(asked_wait("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_700), Some(Duration::from_secs(77)));
        assert_eq!(asked_wait("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_800), Some(Duration::ZERO));
    }
}
