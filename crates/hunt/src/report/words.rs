//! The words of reports: one place, so that the terminal, the page and the ticket say the same thing.
//!
//! Plain words for tired people. Times are UTC to the second, numbers have separators, nothing follows a locale.

use jiff::Timestamp;
use watchfire_artifact::Place;

use super::About;
use super::selection::tally;
use crate::model::{
    Finding, Gap, Hunted, Judged, Outcome, Reason, ShownField, Stage, Verdict, Witness, WitnessState,
};
pub(super) use crate::number::number;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `2021-03-03 05:21:09`
pub(super) fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2021-03-03 05:21`
pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2021-03-03`
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// `05:21:09`
pub(super) fn clock(time: Timestamp) -> String {
    time.strftime("%H:%M:%S").to_string()
}

/// The time to the second, or that there is none.
pub(super) fn second_or_none(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "no time".to_owned(), second)
}

/// The time to the minute, or a dash.
pub(super) fn minute_or_dash(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "–".to_owned(), minute)
}

/// From the first to the last moment, the day said once where it is one day.
pub(super) fn span(first: Option<Timestamp>, last: Option<Timestamp>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if second(first) == second(last) => second(first),
        (Some(first), Some(last)) if day(first) == day(last) => {
            format!("{} – {}", second(first), clock(last))
        }
        (Some(first), Some(last)) => format!("{} – {}", second(first), second(last)),
        (one, other) => second_or_none(one.or(other)),
    }
}

/// How long, in the largest unit that still tells it: `40 s`, `12 min`, `7 h`, `12 days`.
pub(super) fn how_long(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 2 * MINUTE => format!("{s} s"),
        s if s < 2 * HOUR => format!("{} min", s / MINUTE),
        s if s < 2 * DAY => format!("{} h", s / HOUR),
        s => format!("{} days", s / DAY),
    }
}

/// `3.4 GB`, in powers of a thousand.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 server`, `1,204 servers`
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(count as u64), if count == 1 { one } else { many })
}

/// `byte 1204`, `record 7`, or nothing for a file as a whole.
pub(super) fn place(place: Place) -> String {
    match place {
        Place::File => "the whole file".to_owned(),
        Place::Offset(offset) => format!("byte {offset}"),
        Place::Record { number, offset } => format!("record {number}, byte {offset}"),
    }
}

/// The verdict as a heading.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Compromised => "Compromised",
        Verdict::Attempted => "Attempted",
        Verdict::Exposed => "Exposed",
        Verdict::NoEvidence => "No evidence found",
        Verdict::Unknown => "Unknown",
    }
}

/// What the verdict means, as one sentence without a full stop.
pub(super) fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Compromised => "somebody attacked this server, and it worked",
        Verdict::Attempted => "somebody attacked this server; nothing here shows that it worked",
        Verdict::Exposed => {
            "no attack was found, but it ran a version with a known hole while that was being used"
        }
        Verdict::NoEvidence => "nothing was found, and the logs that would show it are here",
        Verdict::Unknown => "logs that would show an attack are not here; this does not mean clean",
    }
}

/// All verdicts, worst first, for the reading guide.
pub(super) const VERDICTS: [Verdict; 5] =
    [Verdict::Compromised, Verdict::Attempted, Verdict::Exposed, Verdict::NoEvidence, Verdict::Unknown];

/// The answer of the whole hunt, as one sentence without a full stop.
pub(super) fn headline(hunted: &Hunted) -> String {
    match hunted.verdicts.as_slice() {
        [] => "No server was recognised in this evidence".to_owned(),
        [only] => headline_of_one(only),
        all => {
            let worst = hunted.worst().unwrap_or(Verdict::Unknown);
            let count = all.iter().filter(|judged| judged.verdict == worst).count();
            format!("{} of {} servers {}", number(count as u64), number(all.len() as u64), did(worst, count))
        }
    }
}

fn headline_of_one(judged: &Judged) -> String {
    let server = &judged.server;
    match judged.verdict {
        Verdict::Compromised => format!("{server} is compromised"),
        Verdict::Attempted => format!("{server} was attacked; nothing shows that it worked"),
        Verdict::Exposed => format!("{server} was exposed; no attack was found"),
        Verdict::NoEvidence => format!("No evidence of an attack was found on {server}"),
        Verdict::Unknown => format!("The evidence cannot tell what happened on {server}"),
    }
}

fn did(verdict: Verdict, count: usize) -> &'static str {
    match (verdict, count) {
        (Verdict::Compromised, 1) => "is compromised",
        (Verdict::Compromised, _) => "are compromised",
        (Verdict::Attempted, 1) => "was attacked; nothing shows that it worked",
        (Verdict::Attempted, _) => "were attacked; nothing shows that it worked",
        (Verdict::Exposed, 1) => "was exposed; no attack was found",
        (Verdict::Exposed, _) => "were exposed; no attack was found",
        (Verdict::NoEvidence, 1) => "shows no evidence of an attack",
        (Verdict::NoEvidence, _) => "show no evidence of an attack",
        (Verdict::Unknown, _) => "cannot be judged from this evidence",
    }
}

/// `1 compromised, 2 unknown`
pub(super) fn tally_words(hunted: &Hunted) -> String {
    let counts = tally(hunted);
    let words: Vec<String> =
        counts.iter().map(|(verdict, count)| format!("{count} {}", plain(*verdict))).collect();
    words.join(", ")
}

/// The verdict within a sentence.
pub(super) fn plain(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoEvidence => "no evidence",
        other => other.name(),
    }
}

/// Whether it worked, in one word for a column.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "worked",
        Outcome::Attempted => "tried",
        Outcome::Supporting => "hint",
    }
}

/// A sign for the outcome, so that nothing depends on colour.
pub(super) fn outcome_sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "◆",
        Outcome::Attempted => "△",
        Outcome::Supporting => "○",
    }
}

/// What an outcome means.
pub(super) fn outcome_meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "the record shows that it worked",
        Outcome::Attempted => "somebody tried; the record does not show that it worked",
        Outcome::Supporting => "true of attacks and of ordinary days; it never decides a verdict alone",
    }
}

/// What a stage is, in words for those who do not do this every day.
pub(super) fn stage_meaning(stage: Stage) -> &'static str {
    match stage {
        Stage::Reconnaissance => "looking around",
        Stage::Exploitation => "using a hole",
        Stage::Persistence => "arranging to stay",
        Stage::Actions => "what they came for",
    }
}

/// What a witness did, as a sign and a word.
pub(super) fn witness(state: WitnessState) -> (&'static str, &'static str) {
    match state {
        WitnessState::Saw => ("✓", "saw it"),
        WitnessState::Silent => ("!", "silent"),
        WitnessState::Unrecognised => ("?", "unclear"),
        WitnessState::Gap => ("≈", "gap"),
        WitnessState::NotCollected => ("–", "not collected"),
    }
}

/// What that means for the reader.
pub(super) fn witness_meaning(witness: &Witness) -> &'static str {
    match (witness.state, witness.default) {
        (WitnessState::Saw, _) => "",
        (WitnessState::Silent, _) => "it was kept at that time and holds no record of those moments",
        (WitnessState::Unrecognised, _) => {
            "it holds records of those moments, and no rule knows the act in them: read them"
        }
        (WitnessState::Gap, _) => "it has a hole at that hour",
        (WitnessState::NotCollected, true) => "every server writes it, but it is not in this evidence",
        (WitnessState::NotCollected, false) => "it exists only where somebody switched it on",
    }
}

/// The key of a witness's state in every format.
pub(super) fn witness_name(state: WitnessState) -> &'static str {
    match state {
        WitnessState::Saw => "saw",
        WitnessState::Silent => "silent",
        WitnessState::Unrecognised => "unrecognised",
        WitnessState::Gap => "gap",
        WitnessState::NotCollected => "not-collected",
    }
}

/// When the first finding behind a reason was; none where the reason says its day itself.
pub(super) fn reason_time(reason: &Reason, findings: &[Finding]) -> Option<Timestamp> {
    let first = reason.findings.first.iter().filter_map(|&index| findings.get(index)?.time()).min()?;
    (!reason.text.contains(&day(first))).then_some(first)
}

/// A reason and when its first finding was: `a session was taken, 2021-03-03 05:21:09`.
pub(super) fn reason(reason: &Reason, findings: &[Finding]) -> String {
    match reason_time(reason, findings) {
        Some(time) => format!("{}, {}", reason.text, second(time)),
        None => reason.text.clone(),
    }
}

/// An entry of an allow-list: the rule, why its findings are harmless, and who says so.
pub(super) fn suppressed(entry: &crate::model::Suppressed) -> String {
    let until = entry.until.map(|day| format!(", until {day}")).unwrap_or_default();
    format!("{}: {} (by {}{until})", entry.rule, entry.reason, entry.by)
}

/// Names and values as one line: `Method=POST HttpStatus=241`.
pub(super) fn fields(fields: &[ShownField]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

/// A hole in a log: `2021-03-04 02:00 – 2021-03-04 09:00 (7 h)`.
pub(super) fn gap(gap: &Gap) -> String {
    let length = how_long(gap.until.as_second() - gap.from.as_second());
    format!("{} – {} ({length})", minute(gap.from), minute(gap.until))
}

/// At most so many of a list, and how many more there are.
pub(super) fn few(list: impl Iterator<Item: ToString>, limit: usize, count: usize) -> String {
    let more = count.saturating_sub(limit);
    let mut words: Vec<String> = list.take(limit).map(|word| word.to_string()).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

/// The names of findings, by their indices.
pub(super) fn ids(hunted: &Hunted, findings: &[usize]) -> impl Iterator<Item = String> {
    findings.iter().map(|&index| hunted.findings.get(index).map(Finding::id).unwrap_or_default())
}

/// The time that was asked for, or how far back the content says to look; none where nothing limits it.
pub(super) fn window(hunted: &Hunted, about: &About) -> Option<String> {
    let since = about.since.or(hunted.look_back).map(|since| format!("from {}", minute(since)));
    let until = about.until.map(|until| format!("to {}", minute(until)));
    let words: Vec<String> = since.into_iter().chain(until).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The first letter as a capital, for a sentence of our own that begins a line.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        for (bytes, expected) in
            [(7, "7 bytes"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (3_400_000_000, "3.4 GB")]
        {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn a_span_says_its_day_once() {
        let at = |text: &str| Some(text.parse().expect("a time of the test"));
        let first = at("2021-03-03T05:21:09Z");
        assert_eq!(span(first, first), "2021-03-03 05:21:09");
        assert_eq!(span(first, at("2021-03-03T06:00:00.5Z")), "2021-03-03 05:21:09 – 06:00:00");
        assert_eq!(span(first, at("2021-03-04T06:00:00Z")), "2021-03-03 05:21:09 – 2021-03-04 06:00:00");
        assert_eq!(span(None, None), "no time");
    }

    #[test]
    fn lengths_of_time_are_rounded_down() {
        let cases =
            [(40, "40 s"), (3600, "60 min"), (7 * HOUR + 59, "7 h"), (3 * DAY - 1, "2 days"), (-5, "0 s")];
        for (seconds, expected) in cases {
            assert_eq!(how_long(seconds), expected);
        }
    }

    #[test]
    fn no_verdict_sounds_like_clean() {
        for verdict in VERDICTS {
            assert!(!verdict_meaning(verdict).contains("is clean"));
        }
    }
}
