//! The logs as witnesses: which saw what, what they cover, and what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::super::selection::FEW_SERVERS;
use super::super::shown::{shown, shown_owned};
use super::super::words;
use super::ink::{Ink, Paper, column};
use crate::model::{Act, Coverage, Hunted, Witness, WitnessState};

/// Acts whose witnesses are listed.
const MAX_ACTS: usize = 30;
/// Gaps of one log.
const MAX_GAPS: usize = 3;
/// Names of servers after what they miss.
const MAX_NAMES: usize = 4;

/// What the words of the list mean, said once above it.
const EXPLAINED: &str = "silent: the log was kept at that time and holds no record of those moments, though it should; \
    gap: it has a hole at that hour; unclear: it holds records of those moments, read them";

/// The acts, those with a silent log first.
pub(super) fn acts(paper: &mut Paper<'_>, hunted: &Hunted, names: &BTreeSet<&str>) -> io::Result<()> {
    let all: Vec<&Act> = hunted.acts.iter().filter(|act| names.contains(act.server.as_str())).collect();
    if all.is_empty() {
        return Ok(());
    }
    paper.heading("which logs saw it, and which should have")?;
    paper.hanging(&[(Ink::Plain, "  ")], Ink::Dim, EXPLAINED)?;
    // Acts with a log that is silent or has a hole come to the top: they are what somebody must look into.
    let mut ordered = all.clone();
    ordered.sort_by_key(|act| !act.witnesses.iter().any(is_silent));
    for act in ordered.iter().take(MAX_ACTS) {
        let about = format!("{}, {}", act.server, words::span(act.first, act.last));
        paper.hanging(&[(Ink::Plain, "  ")], Ink::Bold, &shown(&act.title))?;
        paper.hanging(&[(Ink::Plain, "    ")], Ink::Dim, &shown_owned(about))?;
        witnesses(paper, act)?;
    }
    if all.len() > MAX_ACTS {
        let text =
            format!("  {} more are in the reports", words::counted(all.len() - MAX_ACTS, "act", "acts"));
        paper.line(&[(Ink::Dim, &text)])?;
    }
    Ok(())
}

/// The order in which witnesses are told: the missing first.
const STATES: [WitnessState; 5] = [
    WitnessState::Silent,
    WitnessState::Gap,
    WitnessState::Saw,
    WitnessState::Unrecognised,
    WitnessState::NotCollected,
];

fn is_silent(witness: &Witness) -> bool {
    witness.state == WitnessState::Silent
}

/// Silent logs and those with a hole, one a line with what they would show; those that saw it, and those that are not there, as two lists.
fn witnesses(paper: &mut Paper<'_>, act: &Act) -> io::Result<()> {
    let lead = |state: WitnessState| {
        let (sign, word) = words::witness(state);
        format!("    {sign} {}", column(word, 15))
    };
    for state in STATES {
        let of_state: Vec<&Witness> = act.witnesses.iter().filter(|witness| witness.state == state).collect();
        let lead = lead(state);
        let ink = match state {
            WitnessState::Silent => Ink::Bad,
            WitnessState::Gap => Ink::Warn,
            WitnessState::Unrecognised | WitnessState::Saw => Ink::Plain,
            WitnessState::NotCollected => Ink::Dim,
        };
        if matches!(state, WitnessState::Silent | WitnessState::Gap) {
            for witness in of_state {
                let text = format!("{}: {}", witness.artifact, witness.says);
                paper.hanging(&[(ink, &lead)], Ink::Plain, &shown_owned(text))?;
            }
        } else if !of_state.is_empty() {
            let artifacts: Vec<&str> = of_state.iter().map(|witness| witness.artifact.as_str()).collect();
            paper.hanging(&[(ink, &lead)], Ink::Plain, &shown_owned(artifacts.join(", ")))?;
        }
    }
    Ok(())
}

/// What there is of each log.
pub(super) fn coverage(paper: &mut Paper<'_>, hunted: &Hunted, names: &BTreeSet<&str>) -> io::Result<()> {
    let rows: Vec<&Coverage> =
        hunted.coverage.iter().filter(|row| names.contains(row.server.as_str())).collect();
    if rows.is_empty() {
        return Ok(());
    }
    paper.heading("what the logs cover")?;
    if names.len() > FEW_SERVERS {
        return rows.chunk_by(|a, b| a.server == b.server).try_for_each(|server| summed(paper, server));
    }
    let widest = rows.iter().map(|row| shown(&row.artifact).chars().count()).max().unwrap_or(0);
    let width = widest.clamp(3, paper.width.saturating_sub(56).max(16));
    let titles =
        format!("  {}  {:<16}  {:<16}  {:>12}  gaps", column("log", width), "first", "last", "records");
    for server in rows.chunk_by(|a, b| a.server == b.server) {
        paper.line(&[(Ink::Bold, &shown(&server[0].server))])?;
        paper.line(&[(Ink::Dim, &titles)])?;
        server.iter().try_for_each(|row| covered(paper, row, width))?;
    }
    Ok(())
}

/// What the logs of one server cover, in a line: with many servers the tables are for the reports.
fn summed(paper: &mut Paper<'_>, rows: &[&Coverage]) -> io::Result<()> {
    let Some(row) = rows.first() else { return Ok(()) };
    let first = rows.iter().filter_map(|row| row.first).min();
    let last = rows.iter().filter_map(|row| row.last).max();
    let gaps: usize = rows.iter().map(|row| row.gaps.len()).sum();
    let text = format!(
        "{}, {} – {}, {}",
        words::counted(rows.len(), "log", "logs"),
        words::minute_or_dash(first),
        words::minute_or_dash(last),
        words::counted(gaps, "gap", "gaps")
    );
    paper.hanging(&[(Ink::Plain, &format!("  {}: ", shown(&row.server)))], Ink::Plain, &text)
}

fn covered(paper: &mut Paper<'_>, row: &Coverage, width: usize) -> io::Result<()> {
    let line = format!(
        "  {}  {:<16}  {:<16}  {:>12}  ",
        column(&shown(&row.artifact).cut(width), width),
        words::minute_or_dash(row.first),
        words::minute_or_dash(row.last),
        words::number(row.records)
    );
    let gaps = if row.gaps.is_empty() { "–".to_owned() } else { row.gaps.len().to_string() };
    paper.line(&[(Ink::Plain, &line), (if row.gaps.is_empty() { Ink::Dim } else { Ink::Warn }, &gaps)])?;
    for gap in row.gaps.iter().take(MAX_GAPS) {
        paper.line(&[(Ink::Warn, &format!("    gap {}", words::gap(gap)))])?;
    }
    if row.gaps.len() > MAX_GAPS {
        paper.line(&[(Ink::Warn, &format!("    and {} more", row.gaps.len() - MAX_GAPS))])?;
    }
    for problem in &row.problems {
        paper.hanging(&[(Ink::Plain, "    ")], Ink::Dim, &shown(problem))?;
    }
    Ok(())
}

/// What is missing, said once for all servers that lack it.
pub(super) fn missing(paper: &mut Paper<'_>, hunted: &Hunted, names: &BTreeSet<&str>) -> io::Result<()> {
    let told = || hunted.missing.iter().filter(|missing| names.contains(missing.server.as_str()));
    let mut lacking: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for missing in told().filter(|missing| missing.core) {
        lacking.entry((&missing.title, &missing.hides)).or_default().push(&missing.server);
    }
    let others: BTreeSet<&str> =
        told().filter(|missing| !missing.core).map(|missing| missing.title.as_str()).collect();
    if lacking.is_empty() && others.is_empty() {
        return Ok(());
    }
    paper.heading("what is missing, and what that hides")?;
    for ((title, hides), servers) in lacking {
        let on = if hunted.verdicts.len() > 1 {
            format!(" ({})", words::few(servers.iter(), MAX_NAMES, servers.len()))
        } else {
            String::new()
        };
        paper.hanging(&[(Ink::Plain, "  ")], Ink::Bold, &shown_owned(format!("{title}{on}")))?;
        paper.hanging(&[(Ink::Plain, "    ")], Ink::Plain, &shown_owned(format!("hides: {hides}")))?;
    }
    if !others.is_empty() {
        let names = others.into_iter().collect::<Vec<_>>().join(", ");
        let text =
            format!("not collected on one server at least, the reports say what each would show: {names}");
        paper.hanging(&[(Ink::Plain, "  ")], Ink::Dim, &shown_owned(text))?;
    }
    Ok(())
}
