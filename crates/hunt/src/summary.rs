//! The findings in numbers: by level, by technique, over time, the loudest servers and rules.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serializer;
use watchfire_sigma::Level;

use crate::model::{Finding, Hunted};

/// Servers and rules that are named.
const TOP: usize = 10;

/// A histogram has at most about so many bars.
const BARS_WANTED: i64 = 60;

/// Widths of bars in seconds: a minute, ten, an hour, six, a day, a week, thirty days, a year.
const WIDTHS_S: [i64; 8] = [60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000];

/// Numbers of a hunt.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// By level, the loudest first.
    pub levels: Vec<Counted>,
    /// By ATT&CK technique, the most frequent first.
    pub attack: Vec<Counted>,
    /// Over time; bars without a finding are left out.
    pub histogram: Vec<Bar>,
    /// Seconds of one bar.
    pub bar_s: i64,
    /// Findings without a time.
    pub untimed: u64,
    /// The servers with most findings.
    pub servers: Vec<Counted>,
    /// The rules with most findings.
    pub rules: Vec<Counted>,
}

/// Something and how often it was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Counted {
    /// What.
    pub name: String,
    /// Findings.
    pub findings: u64,
    /// Different rules that found it; of a rule its level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<u64>,
    /// The loudest level among them.
    #[serde(serialize_with = "as_word")]
    pub level: Level,
}

/// Findings of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Bar {
    /// Its beginning.
    pub from: Timestamp,
    /// Findings.
    pub findings: u64,
    /// The loudest level among them.
    #[serde(serialize_with = "as_word")]
    pub level: Level,
}

#[expect(clippy::trivially_copy_pass_by_ref)] // serde hands over references
fn as_word<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.as_str())
}

/// Counts some of the findings.
pub(crate) fn count(hunted: &Hunted, listed: &[usize]) -> Summary {
    let findings: Vec<&Finding> = listed.iter().map(|&index| &hunted.findings[index]).collect();
    let (bar_s, histogram) = histogram(&findings);
    let mut levels = groups(&findings, |finding| vec![finding.level.to_string()]);
    levels.sort_by_key(|counted| Reverse(counted.level));
    let mut servers = groups(&findings, |finding| vec![finding.server().to_string()]);
    servers.truncate(TOP);
    let mut rules = groups(&findings, |finding| vec![finding.rule.title.clone()]);
    rules.truncate(TOP);
    for rule in &mut rules {
        rule.rules = None;
    }
    Summary {
        levels,
        attack: groups(&findings, |finding| finding.rule.attack.clone()),
        histogram,
        bar_s,
        untimed: findings.iter().filter(|finding| finding.time().is_none()).count() as u64,
        servers,
        rules,
    }
}

/// Findings by the names that `names` gives them, the most frequent first.
fn groups(findings: &[&Finding], names: impl Fn(&Finding) -> Vec<String>) -> Vec<Counted> {
    let mut groups: BTreeMap<String, (u64, BTreeSet<&str>, Level)> = BTreeMap::new();
    for finding in findings {
        for name in names(finding) {
            let group = groups.entry(name).or_insert((0, BTreeSet::new(), finding.level));
            group.0 += 1;
            group.1.insert(&finding.rule.name);
            group.2 = group.2.max(finding.level);
        }
    }
    let counted = |(name, (findings, rules, level)): (String, (u64, BTreeSet<&str>, Level))| Counted {
        name,
        findings,
        rules: Some(rules.len() as u64),
        level,
    };
    let mut counted: Vec<Counted> = groups.into_iter().map(counted).collect();
    counted.sort_by(|a, b| b.findings.cmp(&a.findings).then_with(|| a.name.cmp(&b.name)));
    counted
}

/// Bars of one width, which follows from how long the findings span.
fn histogram(findings: &[&Finding]) -> (i64, Vec<Bar>) {
    let times = || findings.iter().filter_map(|finding| Some((finding.time()?, finding.level)));
    let seconds = |time: Timestamp| time.as_second();
    let (Some(first), Some(last)) =
        (times().map(|(time, _)| seconds(time)).min(), times().map(|(time, _)| seconds(time)).max())
    else {
        return (0, Vec::new());
    };
    let fits = |width: &&i64| (last - first) / **width < BARS_WANTED;
    let width = WIDTHS_S.iter().find(fits).copied().unwrap_or(WIDTHS_S[WIDTHS_S.len() - 1]);
    let mut bars: BTreeMap<i64, (u64, Level)> = BTreeMap::new();
    for (time, level) in times() {
        let bar = bars.entry(seconds(time).div_euclid(width)).or_insert((0, level));
        *bar = (bar.0 + 1, bar.1.max(level));
    }
    let bar = |(number, (findings, level)): (i64, (u64, Level))| {
        let from = Timestamp::from_second(number * width).ok()?;
        Some(Bar { from, findings, level })
    };
    (width, bars.into_iter().filter_map(bar).collect())
}

impl Bar {
    /// The beginning as people read it: the day, and the minute where bars are shorter than a day.
    pub fn label(&self, bar_s: i64) -> String {
        let format = if bar_s < 86_400 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
        Offset::UTC.to_datetime(self.from).strftime(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_finding_is_counted_once_a_table() {
        let hunted = sample::hunted();
        let all: Vec<usize> = (0..hunted.findings.len()).collect();
        let summary = count(&hunted, &all);
        let sum = |counted: &[Counted]| counted.iter().map(|counted| counted.findings).sum::<u64>();
        assert_eq!(sum(&summary.levels), all.len() as u64);
        let bars: u64 = summary.histogram.iter().map(|bar| bar.findings).sum();
        assert_eq!(bars + summary.untimed, all.len() as u64);
        assert!(summary.histogram.is_sorted_by_key(|bar| bar.from));
        assert!(summary.histogram.len() as i64 <= BARS_WANTED + 1);
        assert!(summary.rules.is_sorted_by_key(|rule| Reverse(rule.findings)));
    }

    #[test]
    fn nothing_has_no_bars() {
        assert_eq!(count(&Hunted::default(), &[]), Summary::default());
    }
}
