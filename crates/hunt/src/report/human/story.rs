//! What happened, line by line: when, on which server, whether it worked, what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use watchfire_sigma::Level;

use super::super::selection::story;
use super::super::shown::{shown, shown_owned};
use super::super::words;
use super::ink::{Ink, Paper, column};
use crate::model::{Hunted, Moment, Outcome};

/// Lines of the story.
const MAX_MOMENTS: usize = 60;

/// The story of the named servers, as one.
pub(super) fn happened(
    paper: &mut Paper<'_>,
    hunted: &Hunted,
    names: &BTreeSet<&str>,
    min_level: Level,
) -> io::Result<()> {
    let all = hunted.timeline.iter().filter(|moment| names.contains(moment.server.as_str()));
    let (loud, quiet): (Vec<&Moment>, Vec<&Moment>) = all.partition(|moment| moment.level >= min_level);
    let (moments, left_out) = story(loud, MAX_MOMENTS);
    if moments.is_empty() && quiet.is_empty() {
        return Ok(());
    }
    paper.heading("what happened, in time")?;
    let servers: BTreeSet<&str> = moments.iter().map(|moment| moment.server.as_str()).collect();
    let labels = labels(&servers);
    let mut day = None;
    for moment in moments {
        let today = moment.time.map_or_else(|| "without a time".to_owned(), words::day);
        if day.as_ref() != Some(&today) {
            paper.line(&[(Ink::Bold, &format!("  {today}"))])?;
            day = Some(today);
        }
        line_of_story(paper, moment, &labels)?;
    }
    left_out_of_story(paper, left_out, quiet.len(), min_level)
}

fn left_out_of_story(
    paper: &mut Paper<'_>,
    left_out: usize,
    quiet: usize,
    min_level: Level,
) -> io::Result<()> {
    if left_out > 0 {
        let text =
            format!("  {} left out; the reports have more", counted_moments(left_out, "less telling "));
        paper.line(&[(Ink::Dim, &text)])?;
    }
    if quiet > 0 {
        let text = format!("  {} below level {min_level} left out", counted_moments(quiet, ""));
        paper.line(&[(Ink::Dim, &text)])?;
    }
    Ok(())
}

fn counted_moments(count: usize, which: &str) -> String {
    words::counted(count, &format!("{which}moment is"), &format!("{which}moments are"))
}

/// A short name for each server of the story: its first label if that is enough, nothing if there is one server.
fn labels<'a>(servers: &BTreeSet<&'a str>) -> BTreeMap<&'a str, String> {
    let short = |server: &str| server.split('.').next().unwrap_or_default().to_owned();
    let shorts: BTreeSet<String> = servers.iter().map(|server| short(server)).collect();
    let label = |server: &str| match servers.len() {
        0 | 1 => String::new(),
        count if shorts.len() == count => shown(&short(server)).cut(15).to_string(),
        _ => shown(server).cut(24).to_string(),
    };
    servers.iter().map(|server| (*server, label(server))).collect()
}

/// Time, server, whether it worked, what it was; beneath it the telling detail.
fn line_of_story(paper: &mut Paper<'_>, moment: &Moment, labels: &BTreeMap<&str, String>) -> io::Result<()> {
    let width = labels.values().map(|label| label.chars().count()).max().unwrap_or(0);
    let clock = moment.time.map_or_else(|| " ".repeat(8), words::clock);
    let label = labels.get(moment.server.as_str()).map_or("", String::as_str);
    let server = if width == 0 { String::new() } else { column(label, width) + "  " };
    let mark =
        format!("{} {}", words::outcome_sign(moment.outcome), column(words::outcome(moment.outcome), 6));
    let (mark_ink, text_ink) = match moment.outcome {
        Outcome::Succeeded => (Ink::Bad, Ink::Bold),
        Outcome::Attempted => (Ink::Warn, Ink::Plain),
        Outcome::Supporting => (Ink::Dim, Ink::Plain),
    };
    let lead = format!("    {clock}  {server}");
    let indent = lead.chars().count() + mark.chars().count() + 2;
    let lead = [(Ink::Plain, lead.as_str()), (mark_ink, mark.as_str()), (Ink::Plain, "  ")];
    paper.hanging(&lead, text_ink, &shown_owned(moment.text.clone() + &repeats(moment)))?;
    if moment.detail.is_empty() {
        return Ok(());
    }
    let detail = shown(&moment.detail).cut(paper.room(indent));
    paper.line(&[(Ink::Plain, &" ".repeat(indent)), (Ink::Dim, &detail)])
}

/// ` ×37 until 06:10:00`, where a line stands for several records.
fn repeats(moment: &Moment) -> String {
    if moment.findings.count() < 2 {
        return String::new();
    }
    let until = match (moment.time, moment.last) {
        (Some(time), Some(last)) if words::second(last) > words::second(time) => {
            format!(" until {}", ending(time, last))
        }
        _ => String::new(),
    };
    format!("  ×{}{until}", words::number(moment.findings.count() as u64))
}

fn ending(first: Timestamp, last: Timestamp) -> String {
    if words::day(first) == words::day(last) { words::clock(last) } else { words::second(last) }
}
