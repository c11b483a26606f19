//! The story in time: findings as lines, repeats of the same thing by the same address as one line.

use std::net::IpAddr;

use watchfire_sigma::Level;

use crate::model::{Cited, Finding, Moment, Outcome, ShownField};

/// Repeats this close, in seconds, are one line.
const REPEAT_S: i64 = 3600;

/// Details shown of a record; the rest stands in the finding.
const DETAILS: usize = 4;

/// How many of them may be short, so that a long one has its place: paths and command lines tell most.
const SHORT_DETAILS: usize = 3;

/// A value that is longer stands behind the short ones: it may be cut.
const SHORT_CHARS: usize = 64;

/// Fields that a line of the story says already, by its time and server.
const UNTOLD: [&str; 8] =
    ["Computer", "ServerHostName", "ServerName", "Server", "TimeStamp", "Timestamp", "UtcTime", "EventID"];

/// Characters shown of one detail.
const DETAIL_CHARS: usize = 200;

/// Tells the story of all findings that are more than background.
pub(crate) fn tell(findings: &[Finding]) -> Vec<Moment> {
    let mut moments: Vec<(Moment, &str, Option<IpAddr>)> = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        if !tells(finding) {
            continue;
        }
        let repeats = |(moment, rule, client): &&mut (Moment, &str, Option<IpAddr>)| {
            *moment.server == *finding.server()
                && *rule == finding.rule.name
                && *client == finding.client()
                && moment.outcome == finding.outcome
                && near(moment, finding)
        };
        // Findings are in time's order: what can be repeated stands near the end.
        match moments.iter_mut().rev().take(64).find(repeats) {
            Some((moment, _, _)) => {
                moment.last = finding.time().or(moment.last);
                moment.findings.push(index);
            }
            None => moments.push((moment(index, finding), &finding.rule.name, finding.client())),
        }
    }
    moments.into_iter().map(|(moment, _, _)| moment).collect()
}

/// Whether a finding is part of the story: somebody tried, it worked, or it is loud.
fn tells(finding: &Finding) -> bool {
    finding.outcome >= Outcome::Attempted && finding.level >= Level::Low || finding.level >= Level::Medium
}

fn near(moment: &Moment, finding: &Finding) -> bool {
    match (moment.last.or(moment.time), finding.time()) {
        (Some(last), Some(time)) => time.duration_since(last).as_secs().abs() <= REPEAT_S,
        (None, None) => true,
        _ => false,
    }
}

fn moment(index: usize, finding: &Finding) -> Moment {
    Moment {
        time: finding.time(),
        last: None,
        server: finding.server().to_string(),
        stage: finding.rule.stage,
        outcome: finding.outcome,
        level: finding.level,
        text: finding.rule.title.clone(),
        detail: detail(finding),
        findings: Cited::from_iter([index]),
    }
}

/// The telling values of a record, in the order in which its rule names them.
fn detail(finding: &Finding) -> String {
    let tells = |(name, value): &&ShownField| !value.is_empty() && !UNTOLD.contains(&&**name);
    let fields = finding.record_fields();
    let (short, long): (Vec<_>, Vec<_>) =
        fields.iter().filter(tells).partition(|(_, value)| value.chars().count() <= SHORT_CHARS);
    let values = short.into_iter().take(SHORT_DETAILS).chain(long);
    values.take(DETAILS).map(|(_, value)| cut(value)).collect::<Vec<_>>().join("  ")
}

fn cut(value: &str) -> String {
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if value.chars().count() <= DETAIL_CHARS {
        return value;
    }
    value.chars().take(DETAIL_CHARS).chain(['…']).collect()
}
