//! A time axis that shows minutes and months at once.
//!
//! An intrusion is an hour here, a night there, and weeks of nothing between; logs reach back for months. On an even
//! axis every act of a night is one pixel. So the axis is cut into pieces: *busy* ones around the moments of the
//! story, drawn wide, and *quiet* ones between them, drawn narrow and marked with how long they last. Within a piece
//! time runs evenly; over all pieces it only ever runs forward.

use super::super::words;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Only a pause longer than this cuts the axis.
const MIN_PAUSE: i64 = 6 * HOUR;
/// A pause cuts the axis if it is at least one such part of the piece around it.
const PAUSE_PART: i64 = 5;
/// More pieces than this are no longer read as one axis.
const MAX_BUSY: usize = 5;
/// The least width of a piece, in pixels: room for its label.
const BUSY_MIN_PX: f64 = 84.0;
const QUIET_MIN_PX: f64 = 44.0;
/// The least distance of two labelled ticks.
const TICK_MIN_PX: f64 = 46.0;
const DAY_LABEL_PX: f64 = 74.0;
/// Distances that ticks may have, in seconds.
const STEPS: [i64; 17] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    84 * DAY,
];

/// A piece of time and where it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// Seconds since 1970.
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) quiet: bool,
}

/// A label under the axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) x: f64,
    pub(super) text: String,
}

/// The pieces, in time and from left to right without a hole.
pub(super) struct Axis {
    pub(super) pieces: Vec<Piece>,
}

impl Axis {
    /// An axis from `from` to `until` (widened to hold every moment), wide where the moments are.
    pub(super) fn new(moments: &[i64], from: i64, until: i64, left: f64, width: f64) -> Self {
        let busy = widened(busy(moments));
        let from = busy.first().map_or(from, |span| from.min(span.0));
        let until = busy.last().map_or(until, |span| until.max(span.1)).max(from + 1);
        let mut pieces = cut(&busy, from, until);
        place(&mut pieces, left, width);
        Self { pieces }
    }

    /// Where a moment stands; what lies outside stands at the edge.
    pub(super) fn x(&self, time: i64) -> f64 {
        let Some(piece) = self.pieces.iter().find(|piece| time <= piece.until).or(self.pieces.last()) else {
            return 0.0;
        };
        let part = (time - piece.from) as f64 / (piece.until - piece.from) as f64;
        piece.left + piece.width * part.clamp(0.0, 1.0)
    }

    /// Labels of days and labels of times, for two rows.
    pub(super) fn ticks(&self) -> (Vec<Tick>, Vec<Tick>) {
        let (mut days, mut times) = (Vec::new(), Vec::new());
        for piece in self.pieces.iter().filter(|piece| !piece.quiet) {
            let step = step(piece);
            let first = piece.from + (step - piece.from.rem_euclid(step)) % step;
            let marks = (0..).map(|n| first + n * step).take_while(|time| *time <= piece.until);
            let marks = marks.filter(|time| self.x(*time) <= piece.left + piece.width - 14.0);
            if step >= DAY {
                days.extend(marks.map(|time| tick(self.x(time), time, "%Y-%m-%d")));
                continue;
            }
            times.extend(marks.map(|time| tick(self.x(time), time, "%H:%M")));
            days.extend(self.days(piece));
        }
        (days, times)
    }

    /// The day at the left edge of a piece, and each further midnight that has room.
    fn days(&self, piece: &Piece) -> Vec<Tick> {
        let mut ticks = vec![tick(piece.left, piece.from, "%Y-%m-%d")];
        let mut free = piece.left + DAY_LABEL_PX;
        let midnight = piece.from.div_euclid(DAY) * DAY + DAY;
        for time in (0..).map(|n| midnight + n * DAY).take_while(|time| *time < piece.until) {
            let x = self.x(time);
            if x >= free && x + DAY_LABEL_PX <= piece.left + piece.width {
                ticks.push(tick(x, time, "%Y-%m-%d"));
                free = x + DAY_LABEL_PX;
            }
        }
        ticks
    }
}

fn tick(x: f64, time: i64, format: &str) -> Tick {
    let text = jiff::Timestamp::from_second(time).map(|time| time.strftime(format).to_string());
    Tick { x, text: text.unwrap_or_default() }
}

impl Piece {
    /// How long it lasts, in words.
    pub(super) fn length(&self) -> String {
        words::how_long(self.until - self.from)
    }
}

/// The smallest step whose labels do not touch.
fn step(piece: &Piece) -> i64 {
    let fits = |step: &i64| {
        let label = if *step >= DAY { DAY_LABEL_PX } else { TICK_MIN_PX };
        piece.width * *step as f64 >= label * (piece.until - piece.from) as f64
    };
    STEPS.into_iter().find(fits).unwrap_or(STEPS[STEPS.len() - 1])
}

/// The moments, in groups that only long pauses part.
fn busy(moments: &[i64]) -> Vec<(i64, i64)> {
    let mut sorted = moments.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut groups: Vec<&[i64]> = if sorted.is_empty() { Vec::new() } else { vec![&sorted] };
    while groups.len() < MAX_BUSY {
        let longest = (0..groups.len()).filter_map(|group| Some((pause(groups[group])?, group))).max();
        let Some(((_, at), group)) = longest else { break };
        let (before, after) = groups[group].split_at(at);
        groups[group] = before;
        groups.insert(group + 1, after);
    }
    groups.into_iter().filter_map(|group| Some((*group.first()?, *group.last()?))).collect()
}

/// The longest pause of a group that is worth a cut, and after how many moments it comes.
fn pause(group: &[i64]) -> Option<(i64, usize)> {
    let span = group.last()? - group.first()?;
    let pauses = group.windows(2).enumerate().map(|(index, pair)| (pair[1] - pair[0], index + 1));
    pauses.filter(|(length, _)| *length > MIN_PAUSE && *length * PAUSE_PART >= span).max()
}

/// Some room around each group, so that no mark stands on an edge.
fn widened(groups: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let widen = |(first, last): (i64, i64)| {
        let room = ((last - first) / 16).clamp(5 * MINUTE, DAY);
        (first - room, last + room)
    };
    let mut spans: Vec<(i64, i64)> = Vec::with_capacity(groups.len());
    for (first, last) in groups.into_iter().map(widen) {
        match spans.last_mut() {
            // Room may have eaten the pause.
            Some(before) if before.1 >= first => before.1 = last,
            _ => spans.push((first, last)),
        }
    }
    spans
}

fn cut(busy: &[(i64, i64)], from: i64, until: i64) -> Vec<Piece> {
    let piece = |from: i64, until: i64, quiet: bool| Piece { from, until, left: 0.0, width: 0.0, quiet };
    if busy.is_empty() {
        return vec![piece(from, until, false)];
    }
    let mut pieces = Vec::new();
    let mut at = from;
    for &(first, last) in busy {
        if at < first {
            pieces.push(piece(at, first, true));
        }
        pieces.push(piece(first, last, false));
        at = last;
    }
    if at < until {
        pieces.push(piece(at, until, true));
    }
    pieces
}

/// Shares the width: a least width for each piece, and the rest by how much time it holds, on a logarithmic scale.
fn place(pieces: &mut [Piece], left: f64, width: f64) {
    let least = |piece: &Piece| if piece.quiet { QUIET_MIN_PX } else { BUSY_MIN_PX };
    let weight = |piece: &Piece| {
        let minutes = ((piece.until - piece.from) / MINUTE) as f64;
        if piece.quiet { (1.0 + minutes / 1440.0).ln() * 0.5 } else { 2.0 + (1.0 + minutes).ln() }
    };
    let taken: f64 = pieces.iter().map(least).sum();
    let total: f64 = pieces.iter().map(weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let rest = (width - taken).max(0.0);
    let mut at = left;
    for piece in pieces {
        piece.left = at;
        piece.width = least(piece) + rest * weight(piece) / total;
        at += piece.width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(moments: &[i64]) -> Axis {
        Axis::new(moments, 0, 60 * DAY, 100.0, 800.0)
    }

    #[test]
    fn time_only_runs_forward_and_fills_the_width() {
        let axis = axis(&[30 * DAY, 30 * DAY + 600, 41 * DAY]);
        let mut before = 0.0;
        for hour in 0..60 * 24 {
            let x = axis.x(hour * HOUR);
            assert!(x >= before, "hour {hour}");
            before = x;
        }
        let last = axis.pieces.last().expect("there are pieces");
        assert!((axis.x(0) - 100.0).abs() < 1e-9 && (last.left + last.width - 900.0).abs() < 1e-6);
    }

    #[test]
    fn long_pauses_cut_and_an_even_month_does_not() {
        let quiet = |axis: &Axis| axis.pieces.iter().filter(|piece| piece.quiet).count();
        assert_eq!(quiet(&axis(&[30 * DAY, 30 * DAY + 600, 41 * DAY])), 3);
        let daily: Vec<i64> = (0..60).map(|day| day * DAY).collect();
        assert_eq!(quiet(&axis(&daily)), 0);
    }

    #[test]
    fn ten_minutes_of_a_month_are_wide() {
        let axis = axis(&[30 * DAY, 30 * DAY + 600]);
        assert!(axis.x(30 * DAY + 600) - axis.x(30 * DAY) > 100.0);
    }

    #[test]
    fn there_are_never_too_many_pieces() {
        let moments: Vec<i64> = (0..14).map(|power| DAY << power).collect();
        let axis = Axis::new(&moments, 0, DAY << 14, 0.0, 800.0);
        assert!(axis.pieces.iter().filter(|piece| !piece.quiet).count() <= MAX_BUSY);
    }

    #[test]
    fn labels_do_not_touch() {
        for moments in [vec![], vec![DAY], vec![DAY, 20 * DAY], (0..60).map(|day| day * DAY).collect()] {
            let (days, times) = axis(&moments).ticks();
            assert!(!days.is_empty());
            assert!(days.windows(2).all(|pair| pair[1].x - pair[0].x >= DAY_LABEL_PX - 1.0), "{days:?}");
            assert!(times.windows(2).all(|pair| pair[1].x - pair[0].x >= TICK_MIN_PX - 1.0), "{times:?}");
        }
    }
}
