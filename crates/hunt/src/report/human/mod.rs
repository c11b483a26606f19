//! The report for the terminal: what a tired person reads first, and often the only thing that is read.
//!
//! The order is that of the questions: which servers, why, what now; what happened when; which logs should have
//! said more; what the logs cover and what is missing; what could not be read. Sentences are short, repeats are
//! counted (`×37`), and what does not fit is counted too. With many servers the table of verdicts comes first, and
//! only those that were attacked are told in full.

mod ink;
mod logs;
mod numbers;
mod story;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use watchfire_sigma::Level;

use self::ink::{Ink, Paper, column};
use super::selection::{FEW_SERVERS, in_full};
use super::shown::{cut, shown, shown_owned};
use super::{About, words};
use crate::model::{Hunted, Judged, Reason, RuleTally, Verdict};

/// Servers that are told in full.
const MAX_SERVERS: usize = 20;
/// Problems with evidence, and names of rules.
const MAX_PROBLEMS: usize = 10;
const MAX_RULES: usize = 5;
/// Names of findings after a reason.
const MAX_IDS: usize = 5;
/// Narrower than this, columns make no sense; wider, lines are hard to follow.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=160;

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether ANSI colours are wanted.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Moments below this are counted and not listed.
    pub min_level: Level,
}

/// Writes the report for the terminal.
///
/// # Errors
/// Only those of `out`.
pub fn write(hunted: &Hunted, about: &About, out: &mut dyn Write, style: Style) -> io::Result<()> {
    let width = style.width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let mut out = BufWriter::new(out);
    let mut paper = Paper { out: &mut out, colour: style.colour, width };
    let told = told(hunted);
    opening(&mut paper, hunted, about)?;
    if hunted.verdicts.len() > FEW_SERVERS {
        table(&mut paper, hunted)?;
    }
    for (index, judged) in told.iter().enumerate() {
        verdict(&mut paper, judged, hunted)?;
        next(&mut paper, judged, &told[..index])?;
    }
    untold(&mut paper, hunted, told.len())?;
    let names: BTreeSet<&str> = told.iter().map(|judged| judged.server.as_str()).collect();
    story::happened(&mut paper, hunted, &names, style.min_level)?;
    logs::acts(&mut paper, hunted, &names)?;
    logs::coverage(&mut paper, hunted, &names)?;
    logs::missing(&mut paper, hunted, &names)?;
    if about.summary {
        numbers::summary(&mut paper, hunted, style.min_level)?;
    }
    problems(&mut paper, hunted)?;
    numbers::suppressed(&mut paper, &hunted.suppressed)?;
    rules(&mut paper, &hunted.rules)?;
    out.flush()
}

/// The servers that are told in full, worst first.
fn told(hunted: &Hunted) -> Vec<&Judged> {
    hunted.verdicts.iter().filter(|judged| in_full(hunted, judged)).take(MAX_SERVERS).collect()
}

fn opening(paper: &mut Paper<'_>, hunted: &Hunted, about: &About) -> io::Result<()> {
    let mut read = format!(
        "watchfire {} read {} ({}) with {}",
        about.version,
        words::counted(hunted.files as usize, "file", "files"),
        words::size(hunted.bytes),
        words::counted(hunted.rules.loaded, "rule", "rules"),
    );
    if let Some(window) = words::window(hunted, about) {
        read.extend([", ", &window]);
    }
    paper.hanging(&[], Ink::Dim, &shown_owned(read + "; all times are UTC"))?;
    paper.heading(&shown_owned(words::headline(hunted)))?;
    if hunted.verdicts.len() > 1 {
        paper.line(&[(Ink::Plain, &format!("  {}", words::tally_words(hunted)))])?;
    }
    Ok(())
}

/// One line a server.
fn table(paper: &mut Paper<'_>, hunted: &Hunted) -> io::Result<()> {
    paper.gap()?;
    let names = hunted.verdicts.iter().map(|judged| shown(&judged.server).chars().count());
    let name_width = names.max().unwrap_or(0).min(paper.width / 3);
    for judged in &hunted.verdicts {
        let name = column(&shown(&judged.server).cut(name_width), name_width);
        let word = column(words::plain(judged.verdict), 11);
        let room = paper.room(name_width + 17);
        let why = judged.because.first().map(|reason| shown(&reason.text).cut(room).to_string());
        paper.line(&[
            (Ink::Plain, &format!("  {name}  ")),
            (ink(judged.verdict), &word),
            (Ink::Plain, &format!("  {}", why.unwrap_or_default())),
        ])?;
    }
    Ok(())
}

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Compromised => Ink::Bad,
        Verdict::Attempted => Ink::Warn,
        Verdict::Exposed => Ink::Note,
        // Blue and not green: nothing found is not the same as clean.
        Verdict::NoEvidence => Ink::Calm,
        Verdict::Unknown => Ink::Bold,
    }
}

fn verdict(paper: &mut Paper<'_>, judged: &Judged, hunted: &Hunted) -> io::Result<()> {
    paper.gap()?;
    let word = words::verdict(judged.verdict).to_uppercase();
    paper.line(&[(Ink::Bold, &shown(&judged.server)), (Ink::Plain, "   "), (ink(judged.verdict), &word)])?;
    if judged.because.is_empty() {
        paper.hanging(&[(Ink::Plain, "  ")], Ink::Plain, words::verdict_meaning(judged.verdict))?;
    }
    for (index, reason) in judged.because.iter().enumerate() {
        let text = words::reason(reason, &hunted.findings) + &ids(hunted, reason);
        let lead = if index == 0 { "  " } else { "  also: " };
        paper.hanging(&[(Ink::Plain, lead)], Ink::Plain, &shown_owned(text))?;
    }
    for exposure in &judged.exposures {
        let text = format!(
            "{} ({}) from {} to {}: {}",
            exposure.name,
            exposure.cves.join(", "),
            words::day(exposure.from),
            words::day(exposure.until),
            exposure.why
        );
        paper.hanging(&[(Ink::Plain, "  open to: ")], Ink::Plain, &shown_owned(text))?;
    }
    Ok(())
}

/// The next steps; those that stand above already are not said again.
fn next(paper: &mut Paper<'_>, judged: &Judged, above: &[&Judged]) -> io::Result<()> {
    if let Some(same) = above.iter().find(|other| other.next == judged.next && !judged.next.is_empty()) {
        let text = format!("the same as for {}", same.server);
        return paper.hanging(&[(Ink::Bold, "  next: ")], Ink::Plain, &shown_owned(text));
    }
    for (index, step) in judged.next.iter().enumerate() {
        let lead = if index == 0 { "  next: " } else { "        " };
        let number = format!("{}. ", index + 1);
        paper.hanging(&[(Ink::Bold, lead), (Ink::Plain, &number)], Ink::Plain, &shown(step))?;
    }
    Ok(())
}

/// ` [F4 F5 +3]`, the names of some findings behind a reason.
fn ids(hunted: &Hunted, reason: &Reason) -> String {
    let names: Vec<String> = words::ids(hunted, &reason.findings.first).take(MAX_IDS).collect();
    match reason.findings.count().saturating_sub(MAX_IDS) {
        _ if names.is_empty() => String::new(),
        0 => format!(" [{}]", names.join(" ")),
        more => format!(" [{} +{more}]", names.join(" ")),
    }
}

/// How many servers are not told in full.
fn untold(paper: &mut Paper<'_>, hunted: &Hunted, told: usize) -> io::Result<()> {
    let rest = hunted.verdicts.len() - told;
    if rest == 0 {
        return Ok(());
    }
    paper.gap()?;
    let text = format!(
        "{} not told in full here; each is in the table above and in the reports",
        words::counted(rest, "server is", "servers are")
    );
    paper.hanging(&[], Ink::Dim, &text)
}

fn problems(paper: &mut Paper<'_>, hunted: &Hunted) -> io::Result<()> {
    if hunted.problems.is_empty() {
        return Ok(());
    }
    paper.heading("what could not be read")?;
    for problem in hunted.problems.iter().take(MAX_PROBLEMS) {
        paper.hanging(&[(Ink::Plain, "  ")], Ink::Plain, &shown_owned(problem.to_string()))?;
    }
    if hunted.problems.len() > MAX_PROBLEMS {
        let more = words::number((hunted.problems.len() - MAX_PROBLEMS) as u64);
        paper.line(&[(Ink::Dim, &format!("  {more} more are in the reports"))])?;
    }
    Ok(())
}

fn rules(paper: &mut Paper<'_>, tally: &RuleTally) -> io::Result<()> {
    paper.heading("rules")?;
    let loaded = words::counted(tally.loaded, "rule was loaded", "rules were loaded");
    paper.line(&[(Ink::Plain, &format!("  {loaded}"))])?;
    if tally.left_out > 0 {
        let left_out = words::number(tally.left_out as u64);
        paper.line(&[(Ink::Dim, &format!("  {left_out} left out by the choice of rules"))])?;
    }
    let lists = [
        (Ink::Warn, "refused, as they could not be understood", &tally.refused),
        (Ink::Dim, "for logs that this program does not read", &tally.unmapped),
    ];
    for (ink, what, names) in lists.into_iter().filter(|(_, _, names)| !names.is_empty()) {
        paper.line(&[(ink, &format!("  {} {what}", words::number(names.len() as u64)))])?;
        for name in names.iter().take(MAX_RULES) {
            let name = cut(name, paper.width * 2).into_owned();
            paper.hanging(&[(Ink::Plain, "    ")], Ink::Dim, &shown_owned(name))?;
        }
        if names.len() > MAX_RULES {
            paper.line(&[(Ink::Dim, &format!("    and {} more", names.len() - MAX_RULES))])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn text(hunted: &Hunted, colour: bool, width: usize) -> String {
        let mut out = Vec::new();
        let style = Style { colour, width, min_level: Level::Informational };
        write(hunted, &sample::about(), &mut out, style).expect("memory takes every byte");
        String::from_utf8(out).expect("text is UTF-8")
    }

    #[test]
    fn the_verdict_comes_first_and_the_worst_before_all() {
        let text = text(&sample::hunted(), false, 100);
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
        assert!(place("COMPROMISED") < place("ATTEMPTED"));
        assert!(place("ATTEMPTED") < place("what happened, in time"));
        assert!(place("what happened, in time") < place("which logs saw it"));
        assert!(place("which logs saw it") < place("what the logs cover"));
        assert!(place("what the logs cover") < place("what is missing"));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let plain = text(&sample::hunted(), false, 100);
        let coloured = text(&sample::hunted(), true, 100);
        assert_ne!(plain, coloured);
        let mut stripped = String::new();
        let mut parts = coloured.split("\u{1b}[");
        stripped.push_str(parts.next().unwrap_or_default());
        parts.for_each(|part| stripped.push_str(part.split_once('m').map_or(part, |(_, text)| text)));
        let trimmed: Vec<&str> = stripped.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, plain.lines().collect::<Vec<_>>());
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [80, 120] {
            for line in text(&sample::hunted(), false, width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn nothing_of_a_log_moves_the_cursor() {
        let text = text(&sample::hunted(), false, 100);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(!text.contains('\u{202e}'));
    }

    #[test]
    fn three_hundred_servers_are_a_table_and_a_few_stories() {
        let mut hunted = sample::hunted();
        for number in 0..295 {
            let mut judged = hunted.verdicts[4].clone();
            judged.server = format!("MX{number:03}.corp.example");
            hunted.verdicts.push(judged);
        }
        let text = text(&hunted, false, 80);
        assert_eq!(text.matches("MX294").count(), 1);
        assert!(text.contains("298 servers are not told in full here"));
        assert!(text.lines().count() < 450, "{} lines", text.lines().count());
    }
}
