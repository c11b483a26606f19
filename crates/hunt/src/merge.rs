//! From parts to the answer: what is known, what belongs together, what it means.

use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::content::Content;
use crate::known::{Clocks, Input, Known, hash, know};
use crate::model::{Coverage, Finding, Hunted, RuleInfo};
use crate::scan::Part;
use crate::tally::Tally;
use crate::{acts, checks, pivot, timeline, verdict, witness};

/// Merges parts into the answer.
pub(crate) fn merge(input: &Input<'_>, parts: &mut [Part]) -> Hunted {
    let clocks = Clocks::judge(parts);
    let mut known = know(input, parts, &clocks);
    pivot::join(input, parts, &mut known);
    if !input.options.without_hashes {
        hash(input, &mut known);
    }
    let mut suppressed = Vec::new();
    input.options.allow.take(&mut known.findings, &mut suppressed);
    known.problems.sort();
    known.problems.dedup();
    correlate(input.content, &mut known);
    input.options.allow.take(&mut known.findings, &mut suppressed);
    checks::grade(input.content, &mut known);
    order(&mut known.findings);
    let mut acts = acts::group(&input.content.acts, &known.findings, &known.tallies);
    witness::look(input, &known, &clocks, &mut acts);
    let coverage = coverage(input.content, &known);
    let missing = checks::missing(input.content, &known);
    let verdicts = verdict::judge(input, &known, &acts, &coverage);
    Hunted {
        timeline: timeline::tell(&known.findings),
        verdicts,
        acts,
        coverage,
        missing,
        findings: known.findings,
        files: input.gathered.evidence.len() as u64,
        bytes: input.gathered.evidence.iter().map(|evidence| evidence.size).sum(),
        rules: input.content.tally.clone(),
        suppressed,
        look_back: checks::look_back(input),
        problems: known.problems,
    }
}

/// Orders findings by time, then by place, and numbers them.
fn order(findings: &mut [Finding]) {
    // In place, for there may be millions; the same findings still come in the same order.
    findings.sort_unstable_by(|a, b| {
        a.when()
            .cmp(&b.when())
            .then_with(|| a.server().cmp(b.server()))
            .then_with(|| a.file().cmp(b.file()))
            .then_with(|| a.offset().cmp(&b.offset()))
            .then_with(|| a.rule.name.cmp(&b.rule.name))
    });
    for (number, finding) in (1..).zip(findings) {
        finding.number = number;
    }
}

/// Adds a finding for each match of a correlation: it stands where its last member stands.
fn correlate(content: &Content, known: &mut Known) {
    let correlations: Vec<_> =
        content.correlations.iter().map(|(correlation, _)| correlation.clone()).collect();
    let findings = &known.findings;
    // Of millions of findings few are of rules that are joined.
    let mut joined: FxHashMap<*const RuleInfo, bool> = FxHashMap::default();
    let mut is_joined = |rule: &Arc<RuleInfo>| {
        let refers = |reference: &String| *reference == rule.name || reference.eq_ignore_ascii_case(&rule.id);
        let any = || correlations.iter().flat_map(|correlation| &correlation.rules).any(refers);
        *joined.entry(Arc::as_ptr(rule)).or_insert_with(any)
    };
    let timed: Vec<usize> = (0..findings.len())
        .filter(|&at| findings[at].time().is_some() && is_joined(&findings[at].rule))
        .collect();
    let fields: Vec<_> = timed.iter().map(|&at| move |name: &str| field(findings, at, name)).collect();
    let hits: Vec<watchfire_sigma::Hit<'_>> = timed
        .iter()
        .zip(&fields)
        .map(|(&at, field)| watchfire_sigma::Hit {
            id: Some(&known.findings[at].rule.id),
            name: Some(&known.findings[at].rule.name),
            time_ms: known.findings[at].time().map_or(0, Timestamp::as_millisecond),
            field,
        })
        .collect();
    let mut matched = Vec::new();
    for (number, found) in watchfire_sigma::correlate_all(&correlations, &hits) {
        let members: Vec<usize> = found.hits.iter().map(|&hit| timed[hit]).collect();
        matched.extend(correlated(&content.correlations[number].1, &members, &known.findings));
    }
    known.findings.extend(matched);
}

/// A finding's value of a field, by the names that correlations group by.
fn field(findings: &[Finding], at: usize, name: &str) -> Option<String> {
    let finding = &findings[at];
    match name.to_ascii_lowercase().as_str() {
        "server" | "computer" | "serverhostname" => Some(finding.server().to_string()),
        "client" | "c-ip" | "clientipaddress" => finding.client().map(|client| client.to_string()),
        _ => finding
            .fields()
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone()),
    }
}

fn correlated(info: &Arc<RuleInfo>, members: &[usize], findings: &[Finding]) -> Option<Finding> {
    let last = &findings[*members.last()?];
    let first = &findings[*members.first()?];
    let mut finding = last.clone();
    finding.rule = Arc::clone(info);
    finding.level = info.level;
    finding.outcome = info.outcome;
    let mut fields = vec![("records".into(), members.len().to_string())];
    fields.extend(first.time().map(|time| ("since".into(), time.to_string())));
    fields.extend(last.record_fields().iter().cloned());
    let details = finding.details_mut();
    details.graded = None;
    details.fields = fields;
    Some(finding)
}

fn coverage(content: &Content, known: &Known) -> Vec<Coverage> {
    let row = |((server, artifact), tally): (&(String, String), &Tally)| Coverage {
        server: server.clone(),
        artifact: artifact.clone(),
        first: tally.first,
        last: tally.last,
        files: tally.files,
        records: tally.records,
        gaps: checks::gaps(content, known, server, artifact, tally),
        problems: tally.problems.clone(),
        hours: tally.hours.clone(),
    };
    known.tallies.iter().map(row).collect()
}
