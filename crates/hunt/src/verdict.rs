//! The answer for each server, with its reasons, what is missing, and what to do next.
//!
//! One proof that it worked is enough for *compromised*, one try for *attempted*. *No evidence* is said only where
//! the logs that would show it are there, for the whole time and without holes; everything else is *unknown*.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;
use watchfire_sigma::Level;

use crate::acts::base;
use crate::checks;
use crate::known::{Input, Known, counts};
use crate::model::{Act, Cited, Coverage, Exposure, Finding, Judged, Outcome, Reason, Verdict, WitnessState};
use crate::number::number;

/// Steps that are advised at once: more is not read by somebody in trouble.
const NEXT_STEPS: usize = 3;

/// Reasons that are given; findings hold the rest.
const REASONS: usize = 8;

/// Judges all servers, the worst first.
pub(crate) fn judge(input: &Input<'_>, known: &Known, acts: &[Act], coverage: &[Coverage]) -> Vec<Judged> {
    let findings = by_server(known.findings.iter().map(Finding::server));
    let own_acts = by_server(acts.iter().map(|act| act.server.as_str()));
    let own_coverage = by_server(coverage.iter().map(|row| row.server.as_str()));
    let one = |name: &String| {
        Server {
            input,
            known,
            name,
            findings: of(&findings, name),
            acts: of(&own_acts, name).iter().map(|&at| &acts[at as usize]).collect(),
            coverage: of(&own_coverage, name).iter().map(|&at| &coverage[at as usize]).collect(),
        }
        .judge()
    };
    let mut judged: Vec<Judged> = known.servers.iter().map(one).collect();
    judged.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.server.cmp(&b.server)));
    judged
}

/// By server, what is of it in a list.
type ByServer<'a> = FxHashMap<&'a str, Vec<u32>>;

fn of<'a>(all: &'a ByServer<'_>, server: &str) -> &'a [u32] {
    all.get(server).map(Vec::as_slice).unwrap_or_default()
}

fn by_server<'a>(servers: impl Iterator<Item = &'a str>) -> ByServer<'a> {
    let mut found = ByServer::default();
    servers.zip(0..).for_each(|(server, at)| found.entry(server).or_default().push(at));
    found
}

/// One server and everything that is known of it.
struct Server<'a> {
    input: &'a Input<'a>,
    known: &'a Known,
    name: &'a str,
    /// As indices.
    findings: &'a [u32],
    acts: Vec<&'a Act>,
    coverage: Vec<&'a Coverage>,
}

impl Server<'_> {
    fn judge(&self) -> Judged {
        let exposures = checks::exposures(self.input.content, self.known, self.name, self.findings);
        let incomplete = self.incomplete();
        let verdict = match self.strongest() {
            Some(Outcome::Succeeded) => Verdict::Compromised,
            Some(Outcome::Attempted) => Verdict::Attempted,
            _ if !exposures.is_empty() => Verdict::Exposed,
            _ if incomplete.is_empty() && self.loud().all(|(_, finding)| finding.level < Level::High) => {
                Verdict::NoEvidence
            }
            _ => Verdict::Unknown,
        };
        let mut missing = self.silent_witnesses();
        missing.extend(incomplete);
        Judged {
            server: self.name.to_owned(),
            verdict,
            because: self.reasons(verdict, &exposures),
            missing,
            next: self.next(verdict),
            builds: checks::builds(self.input.content, self.known, self.name),
            exposures,
        }
    }

    fn findings(&self) -> impl Iterator<Item = (usize, &Finding)> {
        self.findings.iter().map(|&at| (at as usize, &self.known.findings[at as usize]))
    }

    fn acts(&self) -> impl Iterator<Item = &Act> {
        self.acts.iter().copied()
    }

    fn coverage(&self) -> impl Iterator<Item = &Coverage> {
        self.coverage.iter().copied()
    }

    fn strongest(&self) -> Option<Outcome> {
        self.findings().filter(|(_, finding)| counts(finding.level)).map(|(_, finding)| finding.outcome).max()
    }

    /// Findings that prove nothing by themselves, and that somebody should look at.
    fn loud(&self) -> impl Iterator<Item = (usize, &Finding)> {
        self.findings().filter(|(_, finding)| finding.outcome == Outcome::Supporting && counts(finding.level))
    }

    /// Why: acts that succeeded first, then other findings that did, then tries, then holes.
    fn reasons(&self, verdict: Verdict, exposures: &[Exposure]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let decisive = match verdict {
            Verdict::Compromised => Outcome::Succeeded,
            _ => Outcome::Attempted,
        };
        let mut told = BTreeSet::new();
        let mut acts: Vec<&Act> =
            self.acts().filter(|act| act.outcome >= decisive && counts(act.level)).collect();
        acts.sort_by_key(|act| (std::cmp::Reverse(act.outcome), act.first.is_none(), act.first));
        for act in &acts {
            told.extend(act.findings.iter().copied());
        }
        let mut names: Vec<(&str, &str)> = Vec::new();
        for act in &acts {
            if !names.contains(&(&act.name, &act.title)) {
                names.push((&act.name, &act.title));
            }
        }
        for (name, title) in names {
            let same: Vec<&Act> =
                acts.iter().copied().filter(|act| act.name == name && act.title == title).collect();
            reasons.push(self.act_reason(title, &same));
        }
        let others = self.findings().filter(|(at, finding)| {
            finding.outcome >= decisive && counts(finding.level) && !told.contains(at)
        });
        reasons.extend(by_rule(others));
        reasons.truncate(REASONS);
        if verdict == Verdict::Exposed {
            reasons.extend(exposures.iter().map(exposure_reason));
        }
        if reasons.is_empty() {
            reasons.extend(self.unproven());
            reasons.extend(by_rule(self.loud()).into_iter().take(REASONS));
        }
        if reasons.is_empty() {
            reasons.push(Reason { text: self.nothing_found(verdict), findings: Cited::default() });
        }
        reasons
    }

    /// That there are findings, and what they are worth.
    fn unproven(&self) -> Option<Reason> {
        let loudest = self.loud().map(|(_, finding)| finding.level).max()?;
        let count = self.loud().count();
        let plural = if count == 1 { "finding that proves" } else { "findings that prove" };
        let text = format!(
            "{} {plural} nothing alone and should be looked at (highest level: {loudest})",
            number(count as u64)
        );
        Some(Reason { text, findings: self.loud().map(|(at, _)| at).collect() })
    }

    fn act_reason(&self, title: &str, acts: &[&Act]) -> Reason {
        let findings: BTreeSet<usize> = acts.iter().flat_map(|act| act.findings.iter().copied()).collect();
        let saw: BTreeSet<&str> =
            findings.iter().map(|&at| base(self.known.findings[at].artifact())).collect();
        let saw = saw.into_iter().map(|artifact| self.title(artifact)).collect::<Vec<_>>().join(", ");
        let (first, last) =
            (acts.iter().filter_map(|act| act.first).min(), acts.iter().filter_map(|act| act.last).max());
        let when = match (acts.len(), first, last) {
            (_, None, _) | (_, _, None) => String::new(),
            (1, Some(first), _) => format!(", {}", clock(first)),
            (count, Some(first), Some(last)) => {
                format!(", {count} times from {} to {}", clock(first), clock(last))
            }
        };
        Reason { text: format!("{title}{when}; seen by: {saw}"), findings: findings.into_iter().collect() }
    }

    fn nothing_found(&self, verdict: Verdict) -> String {
        let (first, last) = (
            self.coverage().filter_map(|row| row.first).min(),
            self.coverage().filter_map(|row| row.last).max(),
        );
        let span = match (first, last) {
            (Some(first), Some(last)) => format!("from {} to {}", clock(first), clock(last)),
            _ => "without any time".to_owned(),
        };
        match verdict {
            Verdict::NoEvidence => {
                format!("nothing was found, and the logs that would show it are complete {span}")
            }
            _ => format!("nothing was found in what there is ({span}), and that is not enough to tell"),
        }
    }

    /// Witnesses of what happened that should have recorded it and did not.
    fn silent_witnesses(&self) -> Vec<String> {
        let mut silent = Vec::new();
        for act in self.acts().filter(|act| act.outcome > Outcome::Supporting && counts(act.level)) {
            for witness in &act.witnesses {
                let state = match witness.state {
                    WitnessState::Silent => "was kept and holds no record where it should show",
                    WitnessState::Gap => "has a hole where it should show",
                    WitnessState::Saw | WitnessState::Unrecognised | WitnessState::NotCollected => continue,
                };
                let when = act.first.map(clock).unwrap_or_default();
                silent.push(format!("{when}: {} {state} {}", self.title(&witness.artifact), witness.says));
            }
        }
        silent.sort();
        silent.dedup();
        silent
    }

    /// What keeps "no evidence" from being said.
    fn incomplete(&self) -> Vec<String> {
        let specs = &self.input.content.artifacts.artifacts;
        let mut why = Vec::new();
        for spec in specs.iter().filter(|spec| spec.core) {
            why.extend(self.incomplete_artifact(&spec.artifact));
        }
        let groups: BTreeSet<&str> = specs.iter().filter_map(|spec| spec.core_group.as_deref()).collect();
        for group in groups {
            let members: Vec<&str> = specs
                .iter()
                .filter(|spec| spec.core_group.as_deref() == Some(group))
                .map(|spec| spec.artifact.as_str())
                .collect();
            let best = members.iter().map(|artifact| self.incomplete_artifact(artifact)).min_by_key(Vec::len);
            why.extend(best.unwrap_or_default());
        }
        why.extend(self.gaps());
        why
    }

    /// Why one artifact does not cover the whole time.
    fn incomplete_artifact(&self, artifact: &str) -> Vec<String> {
        let rows: Vec<&Coverage> =
            self.coverage().filter(|row| base(&row.artifact) == artifact && row.records > 0).collect();
        let title = self.title(artifact);
        let Some(first) = rows.iter().filter_map(|row| row.first).min() else {
            return vec![self.absent(artifact, &title)];
        };
        let late = checks::look_back(self.input)
            .filter(|look_back| crate::tally::hour(first) > crate::tally::hour(*look_back) + 24);
        late.map(|look_back| {
            format!(
                "{title} begin on {}; nothing can be said of the time from {} until then",
                day(first),
                day(look_back)
            )
        })
        .into_iter()
        .collect()
    }

    fn absent(&self, artifact: &str, title: &str) -> String {
        let hides = self.input.content.artifacts.artifacts.iter().find(|spec| spec.artifact == artifact);
        let hides = hides.map(|spec| spec.without.as_str()).unwrap_or_default();
        format!("no {title} in the evidence; that hides: {hides}")
    }

    fn gaps(&self) -> Vec<String> {
        let of_row = |row: &Coverage| {
            let title = self.title(&row.artifact);
            let gap = move |gap: &crate::model::Gap| {
                format!("{title} are silent from {} to {}", clock(gap.from), clock(gap.until))
            };
            row.gaps.iter().map(gap).collect::<Vec<_>>()
        };
        self.coverage().flat_map(of_row).collect()
    }

    /// An artifact's title, with its part.
    fn title(&self, artifact: &str) -> String {
        let spec = self.input.content.artifacts.artifacts.iter().find(|spec| spec.artifact == base(artifact));
        let title = spec.map_or(artifact, |spec| spec.title.as_str());
        match artifact.split_once('/') {
            Some((_, part)) if spec.is_some() => format!("{title} ({part})"),
            _ => title.to_owned(),
        }
    }

    /// The next things to do: the verdict's first, then what the worst acts call for, then the verdict's others.
    fn next(&self, verdict: Verdict) -> Vec<String> {
        let advice = &self.input.content.advice;
        let general =
            advice.verdicts.get(verdict.name()).map(|steps| steps.steps.as_slice()).unwrap_or_default();
        let mut acts: Vec<&Act> =
            self.acts().filter(|act| act.outcome > Outcome::Supporting && counts(act.level)).collect();
        acts.sort_by_key(|act| std::cmp::Reverse((act.outcome, act.stage, act.level)));
        let special = acts.iter().filter_map(|act| advice.acts.get(&act.name)?.steps.first());
        let mut next: Vec<String> = Vec::new();
        for step in general.iter().take(1).chain(special).chain(general.iter().skip(1)) {
            if next.len() < NEXT_STEPS && !next.contains(step) {
                next.push(step.clone());
            }
        }
        next
    }
}

/// One reason for each rule, the strongest and loudest first.
fn by_rule<'a>(findings: impl Iterator<Item = (usize, &'a Finding)>) -> Vec<Reason> {
    let mut numbers: FxHashMap<(&str, Outcome), usize> = FxHashMap::default();
    let mut rules: Vec<(&Finding, Cited)> = Vec::new();
    for (at, finding) in findings {
        let number = *numbers.entry((&finding.rule.name, finding.outcome)).or_insert_with(|| {
            rules.push((finding, Cited::default()));
            rules.len() - 1
        });
        rules[number].1.push(at);
    }
    rules.sort_by_key(|(first, _)| std::cmp::Reverse((first.outcome, first.level)));
    let reason = |(first, findings): (&Finding, Cited)| {
        let title = first.graded().unwrap_or(&first.rule.title);
        let when = first.time().map(|time| format!(", {}", clock(time))).unwrap_or_default();
        let count = findings.count();
        let times = if count > 1 { format!(", {} records", number(count as u64)) } else { String::new() };
        Reason { text: format!("{title}{when}{times}"), findings }
    };
    rules.into_iter().map(reason).collect()
}

fn exposure_reason(exposure: &Exposure) -> Reason {
    let text = format!(
        "its build was open to {} ({}) while that was being used: seen from {} to {}. {}",
        exposure.name,
        exposure.cves.join(", "),
        day(exposure.from),
        day(exposure.until),
        exposure.why.trim_end_matches('.'),
    );
    Reason { text, findings: Cited::default() }
}

fn clock(time: Timestamp) -> String {
    TimeZone::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn day(time: Timestamp) -> String {
    TimeZone::UTC.to_datetime(time).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_reason_names_the_first_findings_and_counts_the_rest() {
        let rules = sample::rules();
        let findings: Vec<Finding> = (0..2_100)
            .map(|number| sample::finding(number, &rules[number % 2], sample::EX01, "2021-03-03T05:00:00Z"))
            .collect();
        let reasons = by_rule(findings.iter().enumerate());
        let (first, more): (Vec<_>, Vec<_>) =
            reasons.iter().map(|reason| (reason.findings.first[0], reason.findings.more)).unzip();
        assert_eq!((first, more), (vec![1, 0], vec![50, 50]));
        assert!(reasons.iter().all(|reason| reason.text.ends_with("1,050 records")), "{reasons:?}");
    }
}
