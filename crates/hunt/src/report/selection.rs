//! Which of the findings and moments a report lists, and in which order it groups them.
//!
//! Reports for people cannot list ten thousand rows. What is left out is always the least telling part, and never
//! anything that a verdict rests on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use watchfire_sigma::Level;

use crate::model::{Finding, Hunted, Judged, Moment, Outcome, RuleInfo, Verdict};

/// With at most this many servers, a report tells of each of them in full, whatever its verdict.
pub(super) const FEW_SERVERS: usize = 8;

/// Indices of the findings that reasons of verdicts name.
pub(super) fn cited(hunted: &Hunted) -> BTreeSet<usize> {
    behind_reasons(hunted).collect()
}

fn behind_reasons(hunted: &Hunted) -> impl Iterator<Item = usize> {
    let reasons = hunted.verdicts.iter().flat_map(|judged| &judged.because);
    reasons.flat_map(|reason| reason.findings.first.iter().copied())
}

/// Indices of the findings to list: loud enough, or named by a verdict, whose proof must not vanish.
pub(super) fn listed(hunted: &Hunted, min_level: Level) -> Vec<usize> {
    let mut wanted: Vec<bool> = hunted.findings.iter().map(|finding| finding.level >= min_level).collect();
    for index in behind_reasons(hunted) {
        wanted.get_mut(index).into_iter().for_each(|wanted| *wanted = true);
    }
    (0..wanted.len()).filter(|&index| wanted[index]).collect()
}

/// Findings of one rule.
pub(super) struct Group<'a> {
    pub(super) rule: &'a RuleInfo,
    /// The loudest level among them, after grading.
    pub(super) level: Level,
    /// The strongest outcome among them, after grading.
    pub(super) outcome: Outcome,
    /// Indices, in the order of the report.
    pub(super) findings: Vec<usize>,
}

/// The listed findings by rule: the loudest and strongest rules first, then by their first finding.
pub(super) fn by_rule<'a>(hunted: &'a Hunted, listed: &[usize]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<&str, Group<'a>> = BTreeMap::new();
    for &index in listed {
        let Finding { rule, level, outcome, .. } = &hunted.findings[index];
        let group = groups.entry(&rule.id).or_insert_with(|| Group {
            rule,
            level: *level,
            outcome: *outcome,
            findings: Vec::new(),
        });
        group.level = group.level.max(*level);
        group.outcome = group.outcome.max(*outcome);
        group.findings.push(index);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups
        .sort_by_key(|group| (Reverse(group.level), Reverse(group.outcome), group.findings.first().copied()));
    groups
}

/// At most `limit` of some findings, those that verdicts name first, then the earliest; in the order of the report.
pub(super) fn at_most(findings: &[usize], limit: usize, cited: &BTreeSet<usize>) -> Vec<usize> {
    let mut chosen: Vec<usize> = findings.to_vec();
    chosen.sort_by_key(|index| (!cited.contains(index), *index));
    chosen.truncate(limit);
    chosen.sort_unstable();
    chosen
}

/// At most `limit` moments, the most telling ones, still in the order of time; and how many were left out.
pub(super) fn story<'a>(moments: Vec<&'a Moment>, limit: usize) -> (Vec<&'a Moment>, usize) {
    let left_out = moments.len().saturating_sub(limit);
    if left_out == 0 {
        return (moments, 0);
    }
    let mut ranked: Vec<(usize, &'a Moment)> = moments.into_iter().enumerate().collect();
    ranked.sort_by_key(|(place, moment)| (Reverse(moment.outcome), Reverse(moment.level), *place));
    ranked.truncate(limit);
    ranked.sort_by_key(|(place, _)| *place);
    (ranked.into_iter().map(|(_, moment)| moment).collect(), left_out)
}

/// Whether a report tells of this server in full.
pub(super) fn in_full(hunted: &Hunted, judged: &Judged) -> bool {
    hunted.verdicts.len() <= FEW_SERVERS || judged.verdict >= Verdict::Attempted
}

/// How many servers have each verdict, worst first; verdicts that nobody has are left out.
pub(super) fn tally(hunted: &Hunted) -> Vec<(Verdict, usize)> {
    let mut counts: BTreeMap<Reverse<Verdict>, usize> = BTreeMap::new();
    for judged in &hunted.verdicts {
        *counts.entry(Reverse(judged.verdict)).or_default() += 1;
    }
    counts.into_iter().map(|(Reverse(verdict), count)| (verdict, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_a_verdict_names_is_always_listed() {
        let hunted = sample::hunted();
        let listed = listed(&hunted, Level::Critical);
        assert!(cited(&hunted).iter().all(|index| listed.contains(index)));
        assert!(listed.len() < hunted.findings.len());
    }

    #[test]
    fn a_cut_keeps_what_is_cited_and_the_order() {
        assert_eq!(at_most(&[1, 2, 3, 9], 2, &BTreeSet::from([9])), [1, 9]);
    }

    #[test]
    fn a_long_story_keeps_its_worst_moments_in_time() {
        let hunted = sample::hunted();
        let (kept, left_out) = story(hunted.timeline.iter().collect(), 2);
        assert_eq!(left_out, hunted.timeline.len() - 2);
        assert!(kept.iter().all(|moment| moment.outcome == Outcome::Succeeded));
        assert!(kept[0].time <= kept[1].time);
    }

    #[test]
    fn groups_come_loudest_first_and_lose_nothing() {
        let hunted = sample::hunted();
        let listed = listed(&hunted, Level::Informational);
        let groups = by_rule(&hunted, &listed);
        assert!(groups.is_sorted_by_key(|group| Reverse(group.level)));
        assert_eq!(groups.iter().map(|group| group.findings.len()).sum::<usize>(), listed.len());
    }
}
