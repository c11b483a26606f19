//! The story of one server as a picture: an axis of time, a lane for each stage, and beneath it what each log kept.
//!
//! Only numbers and text are made here; the template `report/chart.html` draws them. Marks differ by shape as well
//! as by colour. A label is drawn where it touches no other label, the most telling first; a moment without a label
//! is still a mark, and stands in the table beneath.

use std::cmp::Reverse;

use super::super::shown::{Shown, shown, shown_owned};
use super::super::words;
use super::axis::{Axis, Tick};
use crate::model::{Coverage, Moment, Outcome, Stage};
use watchfire_sigma::Level;

/// The width of the picture, in its own units, which are about pixels.
const WIDTH: f64 = 1060.0;
/// Where the axis begins: names of lanes and logs stand left of it.
const LEFT: f64 = 158.0;
const AXIS_PX: f64 = WIDTH - LEFT - 6.0;
const TOP: f64 = 44.0;
const ROW_PX: f64 = 21.0;
const LANE_PAD_PX: f64 = 12.0;
/// Labelled rows within a lane.
const MAX_ROWS: usize = 6;
const LABEL_CHARS: usize = 46;
/// The width of a letter, generously, as fonts differ.
const LETTER_PX: f64 = 6.7;
/// Marks nearer than this are drawn as one.
const TOUCHING_PX: f64 = 11.0;
const STRIP_PX: f64 = 17.0;
/// More strips than this no longer fit on a page; the table has them all.
const MAX_STRIPS: usize = 24;
/// The width of a step in a strip.
const BIN_PX: f64 = 3.0;
const STRIP_NAME_CHARS: usize = 22;

/// The picture.
pub(super) struct Chart<'a> {
    pub(super) id: String,
    pub(super) summary: Shown<'a>,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) axis_px: f64,
    /// Where lanes end and strips begin.
    pub(super) strips_top: f64,
    pub(super) days: Vec<Tick>,
    pub(super) times: Vec<Tick>,
    pub(super) quiet: Vec<Quiet>,
    pub(super) lanes: Vec<Lane<'a>>,
    /// Where something worked: lines through the strips.
    pub(super) guides: Vec<f64>,
    pub(super) strips: Vec<Strip<'a>>,
    pub(super) strips_left_out: usize,
}

/// A quiet piece of the axis.
pub(super) struct Quiet {
    pub(super) x: f64,
    pub(super) middle: f64,
    pub(super) width: f64,
    pub(super) text: String,
}

/// The moments of one stage.
pub(super) struct Lane<'a> {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) marks: Vec<Mark<'a>>,
}

/// One moment, or several that would stand on each other.
pub(super) struct Mark<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) class: &'static str,
    pub(super) shape: &'static str,
    pub(super) title: Shown<'a>,
    pub(super) label: Option<Label<'a>>,
}

/// The text beside a mark.
pub(super) struct Label<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) anchor: &'static str,
    pub(super) text: Shown<'a>,
}

/// What one log kept.
pub(super) struct Strip<'a> {
    pub(super) name: Shown<'a>,
    pub(super) title: Shown<'a>,
    pub(super) y: f64,
    /// Outlines of what is kept: few, some and many records.
    pub(super) paths: [String; 3],
    pub(super) gaps: Vec<Hole>,
}

/// A gap of a log.
pub(super) struct Hole {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) title: String,
}

impl<'a> Chart<'a> {
    /// The picture of one server, or none where there is no time at all to draw.
    pub(super) fn new(
        id: String,
        server: &'a str,
        story: &[&'a Moment],
        coverage: &[&'a Coverage],
    ) -> Option<Self> {
        let axis = axis(story, coverage)?;
        let (lanes, strips_top) = lanes(story, &axis);
        let strips: Vec<Strip> = coverage
            .iter()
            .take(MAX_STRIPS)
            .enumerate()
            .map(|(row, coverage)| strip(coverage, &axis, strips_top + 26.0 + row as f64 * STRIP_PX))
            .collect();
        let (days, times) = axis.ticks();
        let worked = story.iter().filter(|moment| moment.outcome == Outcome::Succeeded);
        Some(Self {
            id,
            summary: summary(server, story, coverage),
            width: WIDTH,
            height: strips_top + 34.0 + strips.len() as f64 * STRIP_PX,
            left: LEFT,
            axis_px: AXIS_PX,
            strips_top,
            days,
            times,
            quiet: axis.pieces.iter().filter(|piece| piece.quiet).map(quiet).collect(),
            lanes,
            guides: apart(worked.filter_map(|moment| Some(axis.x(moment.time?.as_second())))),
            strips_left_out: coverage.len() - strips.len(),
            strips,
        })
    }
}

fn axis(story: &[&Moment], coverage: &[&Coverage]) -> Option<Axis> {
    let moments: Vec<i64> = story.iter().filter_map(|moment| Some(moment.time?.as_second())).collect();
    let firsts = coverage.iter().filter_map(|coverage| coverage.first);
    let lasts = coverage.iter().filter_map(|coverage| coverage.last);
    let from = firsts.map(jiff::Timestamp::as_second).chain(moments.iter().copied()).min()?;
    let until = lasts.map(jiff::Timestamp::as_second).chain(moments.iter().copied()).max()?;
    Some(Axis::new(&moments, from, until, LEFT, AXIS_PX))
}

fn quiet(piece: &super::axis::Piece) -> Quiet {
    let (x, width) = (piece.left, piece.width);
    Quiet { x, middle: x + width / 2.0, width, text: piece.length() }
}

fn summary<'a>(server: &str, story: &[&Moment], coverage: &[&Coverage]) -> Shown<'a> {
    let worked = story.iter().filter(|moment| moment.outcome == Outcome::Succeeded).count();
    let first = story.iter().filter_map(|moment| moment.time).min();
    let last = story.iter().filter_map(|moment| moment.last.or(moment.time)).max();
    shown_owned(format!(
        "{} on {server}, {}; {worked} of them worked. Beneath: what {} kept. The table that follows has the same \
         content as text.",
        words::counted(story.len(), "moment", "moments"),
        words::span(first, last),
        words::counted(coverage.len(), "log", "logs"),
    ))
}

fn lanes<'a>(story: &[&'a Moment], axis: &Axis) -> (Vec<Lane<'a>>, f64) {
    let mut y = TOP;
    let lanes = Stage::ALL.map(|stage| {
        let lane = lane(stage, story, axis, y);
        y += lane.height;
        lane
    });
    (lanes.into(), y)
}

fn lane<'a>(stage: Stage, story: &[&'a Moment], axis: &Axis, y: f64) -> Lane<'a> {
    let mut moments: Vec<(usize, &'a Moment)> = story
        .iter()
        .enumerate()
        .filter(|(_, moment)| moment.stage == stage && moment.time.is_some())
        .map(|(index, moment)| (index + 1, *moment))
        .collect();
    moments.sort_by_key(|(number, moment)| (Reverse(moment.outcome), Reverse(moment.level), *number));
    let mut rows = Rows::default();
    let mut marks = Vec::new();
    let mut bare = Vec::new();
    for (number, moment) in moments {
        match labelled(number, moment, axis, y, &mut rows) {
            Some(mark) => marks.push(mark),
            None => bare.push((number, moment)),
        }
    }
    let used = rows.taken.len().max(1);
    let bare_y = y + LANE_PAD_PX + (used as f64 + 0.5) * ROW_PX - 4.0;
    let rows_px = (used + usize::from(!bare.is_empty())) as f64 * ROW_PX;
    marks.extend(unlabelled(bare, axis, bare_y));
    Lane { name: stage.name(), meaning: words::stage_meaning(stage), y, height: rows_px + LANE_PAD_PX, marks }
}

/// What is taken in each row of a lane, and which texts have their label already.
#[derive(Default)]
struct Rows<'a> {
    taken: Vec<Vec<(f64, f64)>>,
    said: Vec<&'a str>,
}

impl Rows<'_> {
    /// The first row with room from `from` to `until`, which is then taken; a new one only for what is new.
    fn take(&mut self, from: f64, until: f64, new: bool) -> Option<usize> {
        let free = |row: &Vec<(f64, f64)>| row.iter().all(|(left, right)| until < *left || *right < from);
        let row = self.taken.iter().position(free).unwrap_or(self.taken.len());
        if row >= MAX_ROWS || (row == self.taken.len() && !new) {
            return None;
        }
        if row == self.taken.len() {
            self.taken.push(Vec::new());
        }
        self.taken[row].push((from, until));
        Some(row)
    }
}

fn labelled<'a>(
    number: usize,
    moment: &'a Moment,
    axis: &Axis,
    y: f64,
    rows: &mut Rows<'a>,
) -> Option<Mark<'a>> {
    // A hint that is not even loud only crowds the picture.
    if moment.outcome == Outcome::Supporting && moment.level < Level::Medium {
        return None;
    }
    let x = axis.x(moment.time?.as_second());
    let new = !rows.said.contains(&moment.text.as_str());
    let text = label(number, &moment.text, new);
    let room = 14.0 + text.chars().count() as f64 * LETTER_PX;
    let to_the_left = x + room > WIDTH;
    let (from, until) = if to_the_left { (x - room, x + 9.0) } else { (x - 9.0, x + room) };
    if from < LEFT - 9.0 {
        return None;
    }
    let row = rows.take(from, until, new)?;
    rows.said.push(&moment.text);
    let y = y + LANE_PAD_PX + (row as f64 + 0.5) * ROW_PX - 4.0;
    let (anchor, label_x) = if to_the_left { ("end", x - 11.0) } else { ("start", x + 11.0) };
    let label = Label { x: label_x, y: y + 4.5, anchor, text };
    Some(Mark { label: Some(label), ..mark(x, y, moment, title(number, moment)) })
}

/// The number and the text; the number alone where the text stands in the lane already.
fn label<'a>(number: usize, text: &str, new: bool) -> Shown<'a> {
    let label = if new { format!("{number} {text}") } else { number.to_string() };
    shown_owned(label).cut(LABEL_CHARS)
}

/// The marks without labels, those that would touch drawn as one.
fn unlabelled<'a>(moments: Vec<(usize, &'a Moment)>, axis: &Axis, y: f64) -> Vec<Mark<'a>> {
    let mut placed: Vec<(f64, usize, &Moment)> = moments
        .into_iter()
        .filter_map(|(number, moment)| Some((axis.x(moment.time?.as_second()), number, moment)))
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut marks: Vec<(Mark, usize, Outcome)> = Vec::new();
    for (x, number, moment) in placed {
        match marks.last_mut() {
            Some((last, more, outcome)) if x - last.x < TOUCHING_PX => {
                *more += 1;
                *outcome = (*outcome).max(moment.outcome);
                (last.class, last.shape) = (class(*outcome), shape(*outcome));
            }
            _ => marks.push((mark(x, y, moment, title(number, moment)), 0, moment.outcome)),
        }
    }
    marks.into_iter().map(|(mark, more, _)| with_more(mark, more)).collect()
}

fn with_more(mut mark: Mark<'_>, more: usize) -> Mark<'_> {
    if more > 0 {
        mark.title = shown_owned(format!("{}, and {more} more beside it", mark.title));
    }
    mark
}

fn mark<'a>(x: f64, y: f64, moment: &Moment, title: Shown<'a>) -> Mark<'a> {
    Mark { x, y, class: class(moment.outcome), shape: shape(moment.outcome), title, label: None }
}

fn title<'a>(number: usize, moment: &Moment) -> Shown<'a> {
    let time = words::second_or_none(moment.time);
    shown_owned(format!("{number}: {time}, {}, {}", words::outcome(moment.outcome), moment.text))
}

fn class(outcome: Outcome) -> &'static str {
    outcome.name()
}

/// A diamond, a triangle, a ring: told apart without colour, and at the size of a full stop.
fn shape(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "M0-7 7 0 0 7-7 0z",
        Outcome::Attempted => "M0-6 6.2 5-6.2 5z",
        Outcome::Supporting => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    }
}

/// Places that are at least two pixels apart.
fn apart(places: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut places: Vec<f64> = places.map(f64::round).collect();
    places.sort_by(f64::total_cmp);
    places.dedup_by(|next, kept| *next - *kept < 2.0);
    places
}

fn strip<'a>(coverage: &'a Coverage, axis: &Axis, y: f64) -> Strip<'a> {
    Strip {
        name: shown(&coverage.artifact).cut(STRIP_NAME_CHARS),
        title: shown_owned(format!(
            "{}: {} – {}, {}",
            coverage.artifact,
            words::minute_or_dash(coverage.first),
            words::minute_or_dash(coverage.last),
            words::counted(coverage.gaps.len(), "gap", "gaps"),
        )),
        y,
        paths: paths(&bins(coverage, axis), y),
        gaps: coverage.gaps.iter().map(|gap| hole(gap, axis)).collect(),
    }
}

fn hole(gap: &crate::model::Gap, axis: &Axis) -> Hole {
    let (from, until) = (gap.from.as_second(), gap.until.as_second());
    let x = axis.x(from);
    let title = format!(
        "gap of {}: {} – {}",
        words::how_long(until - from),
        words::minute(gap.from),
        words::minute(gap.until)
    );
    Hole { x, width: (axis.x(until) - x).max(3.0), title }
}

/// The busiest hour that each step of the strip holds.
fn bins(coverage: &Coverage, axis: &Axis) -> Vec<u64> {
    let mut bins = vec![0; (AXIS_PX / BIN_PX).ceil() as usize];
    let bin = |time: i64| (((axis.x(time) - LEFT) / BIN_PX) as usize).min(bins.len() - 1);
    let spans: Vec<(usize, usize, u64)> = coverage
        .hours
        .iter()
        .map(|(&hour, &records)| (bin(hour * 3600), bin((hour + 1) * 3600 - 1), records))
        .collect();
    for (first, last, records) in spans {
        for value in &mut bins[first..=last] {
            *value = records.max(*value);
        }
    }
    bins
}

/// Steps of equal shade as rectangles of one path: a strip costs bytes by its changes, not by its length.
fn paths(bins: &[u64], y: f64) -> [String; 3] {
    let most = bins.iter().copied().max().unwrap_or(0);
    let shade = |records: u64| match records {
        0 => None,
        r if r.saturating_mul(16) < most => Some(0),
        r if r.saturating_mul(3) < most => Some(1),
        _ => Some(2),
    };
    let mut paths = [String::new(), String::new(), String::new()];
    let mut start = 0;
    for run in bins.chunk_by(|a, b| shade(*a) == shade(*b)) {
        if let Some(shade) = shade(run[0]) {
            let (x, width) = (LEFT + start as f64 * BIN_PX, run.len() as f64 * BIN_PX);
            paths[shade].extend([format!("M{x} {y}h{width}v11h-{width}z")]);
        }
        start += run.len();
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn labels_of_a_row_do_not_collide() {
        let hunted = sample::hunted();
        let story: Vec<&Moment> =
            hunted.timeline.iter().filter(|moment| moment.server == sample::EX01).collect();
        let coverage: Vec<_> =
            hunted.coverage.iter().filter(|coverage| coverage.server == sample::EX01).collect();
        let chart =
            Chart::new("c".to_owned(), sample::EX01, &story, &coverage).expect("there is time to draw");
        for lane in &chart.lanes {
            let labels: Vec<&Label> = lane.marks.iter().filter_map(|mark| mark.label.as_ref()).collect();
            for (index, one) in labels.iter().enumerate() {
                for other in &labels[..index] {
                    assert!(
                        (one.y - other.y).abs() > 1.0 || !overlap(one, other),
                        "{} over {}",
                        one.text,
                        other.text
                    );
                }
            }
        }
        assert!(chart.lanes.iter().flat_map(|lane| &lane.marks).any(|mark| mark.label.is_some()));
    }

    fn overlap(one: &Label, other: &Label) -> bool {
        let span = |label: &Label| {
            let width = label.text.chars().count() as f64 * LETTER_PX;
            if label.anchor == "end" { (label.x - width, label.x) } else { (label.x, label.x + width) }
        };
        let ((a, b), (c, d)) = (span(one), span(other));
        a < d && c < b
    }

    #[test]
    fn hundreds_of_touching_marks_become_few() {
        let hunted = sample::hunted();
        let story: Vec<&Moment> = std::iter::repeat_n(&hunted.timeline[0], 500).collect();
        let chart = Chart::new("c".to_owned(), sample::EX01, &story, &[]).expect("there is time to draw");
        assert!(chart.lanes.iter().map(|lane| lane.marks.len()).sum::<usize>() < 4);
    }

    #[test]
    fn nothing_timed_gives_no_picture() {
        assert!(Chart::new("c".to_owned(), sample::EX01, &[], &[]).is_none());
    }

    #[test]
    fn a_strip_draws_runs_by_shade() {
        let [few, some, many] = paths(&[0, 100, 100, 20, 1], 10.0);
        assert_eq!(many, "M161 10h6v11h-6z");
        assert_eq!(some, "M167 10h3v11h-3z");
        assert_eq!(few, "M170 10h3v11h-3z");
    }
}
