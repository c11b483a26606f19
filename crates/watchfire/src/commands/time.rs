//! Times as they are given to commands.

use anyhow::bail;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Which end of a day a bare date means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Start,
    End,
}

/// A date or an RFC 3339 time, in UTC.
pub(super) fn time(text: &str, edge: Edge) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let Ok(date) = text.parse::<Date>() else {
        bail!("{text:?} is no time\nhint: 2021-03-03 or 2021-03-03T05:00:00Z, in UTC");
    };
    let time = match edge {
        Edge::Start => date.at(0, 0, 0, 0),
        Edge::End => date.at(23, 59, 59, 999_999_999),
    };
    Ok(TimeZone::UTC.to_timestamp(time)?)
}

/// An instant from which, or before which, in microseconds since 1970; of a date its beginning.
pub(super) fn instant_us(text: Option<&str>) -> anyhow::Result<Option<i64>> {
    text.map(|text| Ok(time(text, Edge::Start)?.as_microsecond())).transpose()
}
