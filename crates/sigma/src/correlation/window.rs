//! Windows of time over the hits of one group.
//!
//! Two kinds are needed. Where more can only help (`gte: 10` of a count), the window ends at each hit in turn and
//! reaches back by the time frame; windows that hold and overlap are one burst and make one match, however long it
//! lasts. Where more can hurt (`lt`, `eq`, ranges, means), every burst would pass through the wanted number while it
//! grows; so there the windows follow each other, each beginning at the first hit that the one before does not cover,
//! and are judged whole.

use std::ops::Range;

use super::evaluate::Event;

/// A run of hits of one group for which a condition held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Positions among the group's hits.
    pub(super) range: Range<usize>,
    /// The hit with which the condition was first met.
    pub(super) met_at: usize,
}

/// Sliding windows: `enter` and `leave` keep a tally up to date, `holds` judges it.
pub(super) fn sliding<T>(
    events: &[Event<'_>],
    timespan_ms: i64,
    tally: &mut T,
    enter: impl Fn(&mut T, usize),
    leave: impl Fn(&mut T, usize),
    holds: impl Fn(&T) -> bool,
) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut start = 0;
    for end in 0..events.len() {
        enter(tally, end);
        while events[end].time_ms.saturating_sub(events[start].time_ms) > timespan_ms {
            leave(tally, start);
            start += 1;
        }
        if holds(tally) {
            merge(&mut spans, Span { range: start..end + 1, met_at: end });
        }
    }
    spans
}

/// Adds a span, or lets the last one grow if they share a hit.
pub(super) fn merge(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if span.range.start < last.range.end => {
            last.range.end = last.range.end.max(span.range.end);
            last.range.start = last.range.start.min(span.range.start);
        }
        _ => spans.push(span),
    }
}

/// Windows that follow each other.
pub(super) fn tumbling(events: &[Event<'_>], timespan_ms: i64) -> Vec<Range<usize>> {
    let mut windows = Vec::new();
    let mut start = 0;
    while start < events.len() {
        let inside = |event: &Event<'_>| event.time_ms.saturating_sub(events[start].time_ms) <= timespan_ms;
        let end = start + events[start..].partition_point(inside);
        windows.push(start..end);
        start = end;
    }
    windows
}
