//! The one clock of the node, and its instants as text.

use std::time::{SystemTime, UNIX_EPOCH};

use watchfire_stix::Timestamp;

/// Now, in microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_micros()).unwrap_or(i64::MAX)
}

/// An instant of the store as one of STIX.
pub(crate) fn instant(us: i64) -> Timestamp {
    Timestamp::new(us.div_euclid(1_000_000), us.rem_euclid(1_000_000) as u32 * 1000)
}

/// An instant of STIX as one of the store; finer digits are cut.
pub(crate) fn microseconds(instant: Timestamp) -> i64 {
    instant.seconds().saturating_mul(1_000_000).saturating_add(i64::from(instant.nanoseconds() / 1000))
}

/// With all six digits (TAXII 2.1 §1.5.1 asks for microseconds).
pub(crate) fn text(us: i64) -> String {
    let whole = Timestamp::new(us.div_euclid(1_000_000), 0).to_string();
    let seconds = whole.strip_suffix(".000Z").unwrap_or(&whole);
    format!("{seconds}.{:06}Z", us.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_as_text() {
        for (us, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_626_692_400_000_007, "2021-07-19T11:00:00.000007Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(text(us), expected);
            assert_eq!(microseconds(Timestamp::parse(expected).unwrap()), us);
            assert_eq!(microseconds(instant(us)), us);
        }
    }
}
