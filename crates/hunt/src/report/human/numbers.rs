//! Findings in numbers, and what an allow-list took out.

use std::io;

use super::super::selection::listed;
use super::super::shown::{shown, shown_owned};
use super::super::words;
use super::ink::{Ink, Paper, column};
use crate::model::{Hunted, Suppressed};
use crate::summary::{self, Bar, Counted, Summary};
use watchfire_sigma::Level;

/// Techniques that are named.
const MAX_TECHNIQUES: usize = 15;

/// The numbers of the findings of a level and above.
pub(super) fn summary(paper: &mut Paper<'_>, hunted: &Hunted, min_level: Level) -> io::Result<()> {
    let Summary { levels, attack, histogram, bar_s, untimed, servers, rules } =
        summary::count(hunted, &listed(hunted, min_level));
    if levels.is_empty() {
        return Ok(());
    }
    table(paper, "findings by level", &levels, levels.len())?;
    table(paper, "by technique", &attack, MAX_TECHNIQUES)?;
    table(paper, "the rules with most findings", &rules, rules.len())?;
    table(paper, "the servers with most findings", &servers, servers.len())?;
    bars(paper, &histogram, bar_s)?;
    if untimed > 0 {
        paper.line(&[(Ink::Dim, &format!("  {} without a time", words::number(untimed)))])?;
    }
    Ok(())
}

fn table(paper: &mut Paper<'_>, heading: &str, rows: &[Counted], limit: usize) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    paper.heading(heading)?;
    for row in rows.iter().take(limit) {
        let mut said = vec![words::number(row.findings)];
        said.extend(row.rules.map(|rules| words::counted(rules as usize, "rule", "rules")));
        // A row that is a level need not say it again.
        said.extend((row.name != row.level.as_str()).then(|| row.level.to_string()));
        let said = said.join(", ");
        let width = (paper.width / 2).min(60);
        let name = column(&shown(&row.name).cut(width), width);
        paper.line(&[(Ink::Plain, &format!("  {name}  ")), (ink(row.level), &said)])?;
    }
    if rows.len() > limit {
        paper.line(&[(Ink::Dim, &format!("  and {} more", rows.len() - limit))])?;
    }
    Ok(())
}

/// The histogram; the longest bar takes what is left of the line.
fn bars(paper: &mut Paper<'_>, bars: &[Bar], bar_s: i64) -> io::Result<()> {
    let Some(most) = bars.iter().map(|bar| bar.findings).max() else { return Ok(()) };
    paper.heading("findings over time, UTC")?;
    let room = paper.room(32).min(60) as u64;
    for bar in bars {
        let length = (bar.findings * room).div_ceil(most.max(1));
        let drawn = "\u{2588}".repeat(length as usize);
        let label = bar.label(bar_s);
        paper.line(&[
            (Ink::Plain, &format!("  {label}  ")),
            (ink(bar.level), &drawn),
            (Ink::Plain, &format!(" {}", words::number(bar.findings))),
        ])?;
    }
    Ok(())
}

fn ink(level: Level) -> Ink {
    match level {
        Level::Critical | Level::High => Ink::Bad,
        Level::Medium => Ink::Warn,
        Level::Low | Level::Informational => Ink::Dim,
    }
}

/// What the allow-list took out; an entry that took out nothing is told too.
pub(super) fn suppressed(paper: &mut Paper<'_>, suppressed: &[Suppressed]) -> io::Result<()> {
    if suppressed.is_empty() {
        return Ok(());
    }
    paper.heading("left out by the allow-list")?;
    for entry in suppressed {
        let count = format!("  {:>6}  ", words::number(entry.findings));
        paper.hanging(&[(Ink::Plain, &count)], Ink::Plain, &shown_owned(words::suppressed(entry)))?;
    }
    Ok(())
}
