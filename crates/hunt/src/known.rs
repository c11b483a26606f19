//! What is known of all servers before anybody judges: findings, coverage, builds, clocks.
//!
//! Parts are read in the order of the units, so that what is known does not depend on who was quick. Names of hosts
//! become servers, stated times become UTC where records prove the clock wrong, and every finding gets the hash of its
//! file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use watchfire_artifact::document::hex_lower;
use watchfire_artifact::text::{into_printable, is_plain, printable};
use watchfire_artifact::{Gathered, Locator, Place, Problem};
use watchfire_sigma::Level;

use crate::acts::Tallies;
use crate::content::Content;
use crate::exposure::BuildNumber;
use crate::intel::{self, Indicators};
use crate::model::{Finding, Raw, RuleInfo};
use crate::options::Options;
use crate::proof::EventFiles;
use crate::scan::{Hit, Part};
use crate::servers::Servers;
use crate::tally::shift;

/// A file's clock is corrected if it is off by this much or more, in quarters of an hour.
const CLOCK_QUARTERS_MIN: i64 = 1;

/// A file's time of last change counts for a finding only up to this long after the last record of its server: what
/// is younger is the time of a copy.
const COPY_AFTER_S: i64 = 86_400;

/// What a merge needs besides the parts.
pub(crate) struct Input<'a> {
    pub(crate) roots: &'a [String],
    pub(crate) gathered: &'a Gathered,
    pub(crate) content: &'a Content,
    pub(crate) options: &'a Options,
}

/// Builds by server, with the first and last time.
pub(crate) type Builds = BTreeMap<(String, BuildNumber), (Timestamp, Timestamp)>;

/// What is known of all servers before anybody judges.
pub(crate) struct Known {
    pub(crate) findings: Vec<Finding>,
    pub(crate) tallies: Tallies,
    pub(crate) builds: Builds,
    pub(crate) servers: BTreeSet<String>,
    /// Entries of IIS configurations, by server.
    pub(crate) configuration: Vec<(String, watchfire_artifact::document::Entry)>,
    pub(crate) problems: Vec<Problem>,
    /// Which evidence holds an artifact of a server.
    pub(crate) files: BTreeMap<(String, String), BTreeSet<usize>>,
}

/// How far the stated times of a file's hosts are off, in seconds.
pub(crate) struct Clocks(BTreeMap<(usize, Option<String>), i64>);

impl Clocks {
    /// Judges by records that have both a stated time and UTC: what most of them say counts.
    pub(crate) fn judge(parts: &[Part]) -> Self {
        let mut counts: BTreeMap<(usize, Option<String>), BTreeMap<i64, u64>> = BTreeMap::new();
        for part in parts {
            for ((host, quarters), count) in &part.clocks {
                *counts.entry((part.evidence, host.clone())).or_default().entry(*quarters).or_default() +=
                    count;
            }
        }
        let judged = counts.into_iter().filter_map(|(key, counts)| {
            let (quarters, _) =
                counts.into_iter().max_by_key(|&(quarters, count)| (count, -quarters.abs()))?;
            (quarters.abs() >= CLOCK_QUARTERS_MIN).then_some((key, quarters * 900))
        });
        Self(judged.collect())
    }

    /// Seconds to add to a stated time of a host in a file.
    pub(crate) fn correction_s(&self, evidence: usize, host: Option<&str>) -> i64 {
        self.0.get(&(evidence, host.map(str::to_owned))).map_or(0, |ahead| -ahead)
    }

    /// A hit's time in UTC.
    pub(crate) fn time(&self, evidence: usize, hit: &Hit) -> Option<Timestamp> {
        let corrected = |time| shift(time, self.correction_s(evidence, hit.host.as_deref()));
        hit.utc.or_else(|| hit.stated.map(corrected))
    }
}

/// What all parts together show of the servers.
pub(crate) fn know(input: &Input<'_>, parts: &mut [Part], clocks: &Clocks) -> Known {
    let named = parts.iter().flat_map(|part| {
        part.tallies.keys().filter_map(|(host, _)| Some((part.path.as_str(), host.as_deref()?)))
    });
    let servers = Servers::learn(input.roots, named);
    let server = |part: &Part, host: Option<&str>| servers.of(&part.path, host);
    let mut known = Known {
        findings: Vec::new(),
        tallies: BTreeMap::new(),
        builds: BTreeMap::new(),
        servers: BTreeSet::new(),
        configuration: Vec::new(),
        problems: input.gathered.problems.clone(),
        files: BTreeMap::new(),
    };
    let mut files: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for part in &*parts {
        for ((host, artifact), tally) in &part.tallies {
            // A file whose records name a host belongs to it as a whole: header lines name none.
            let only = part.tallies.keys().find_map(|(host, _)| host.as_ref()).filter(|_| host.is_none());
            let key = (server(part, host.as_ref().or(only).map(String::as_str)), artifact.clone());
            let stated = part.stated.contains(&(host.clone(), artifact.clone()));
            let shift_s = if stated { clocks.correction_s(part.evidence, host.as_deref()) } else { 0 };
            known.tallies.entry(key.clone()).or_default().add(tally, shift_s);
            known.servers.insert(key.0.clone());
            known.files.entry(key.clone()).or_default().insert(part.evidence);
            files.entry(key).or_default().insert(&part.path);
        }
        for ((host, build), span) in &part.builds {
            let seen = known.builds.entry((server(part, host.as_deref()), *build)).or_insert(*span);
            *seen = (seen.0.min(span.0), seen.1.max(span.1));
        }
        known
            .configuration
            .extend(part.configuration.iter().map(|entry| (servers.of_file(&part.path), entry.clone())));
        known.problems.extend(part.problems.iter().cloned());
        known.problems.extend(dropped(input.content, part));
    }
    for (key, paths) in files {
        known.tallies.entry(key).and_modify(|tally| tally.files = paths.len() as u64);
    }
    known.problems.extend(clock_problems(input, clocks));
    known.findings = findings(input, parts, clocks, &servers);
    let with_findings: BTreeSet<&Arc<str>> = known.findings.iter().map(|finding| &finding.server).collect();
    known.servers.extend(with_findings.into_iter().map(ToString::to_string));
    if known.servers.is_empty() {
        // Nothing at all is an answer too, and it is not "clean".
        known.servers.insert(servers.of_file(input.roots.first().map_or("", String::as_str)));
    }
    drop_copies(&mut known);
    known.findings.retain(|finding| input.options.in_window(finding.time));
    known
}

fn dropped<'a>(content: &'a Content, part: &'a Part) -> impl Iterator<Item = Problem> + 'a {
    part.dropped.iter().map(|(&rule, count)| {
        let what = format!("{count} more hits of {} are counted and not listed", intel::name(content, rule));
        Problem::file(&part.path, what)
    })
}

fn clock_problems<'a>(input: &'a Input<'_>, clocks: &'a Clocks) -> impl Iterator<Item = Problem> + 'a {
    clocks.0.iter().map(|((evidence, host), ahead)| {
        let (hours, minutes) = (ahead.abs() / 3600, ahead.abs() % 3600 / 60);
        let which = if *ahead > 0 { "ahead of" } else { "behind" };
        let host = host.as_deref().unwrap_or("the host");
        let what = format!(
            "stated times of {host} are {hours} h {minutes:02} min {which} UTC, judged by records that hold both; corrected"
        );
        Problem::file(&input.gathered.evidence[*evidence].path, what)
    })
}

/// Gives each finding the SHA-256 of its file; every file is read for it once. Members of a tar archive bring theirs.
pub(crate) fn hash(input: &Input<'_>, known: &mut Known) {
    let wanted: BTreeSet<&str> = known
        .findings
        .iter()
        .filter(|finding| finding.sha256.is_empty())
        .map(|finding| &*finding.file)
        .collect();
    let evidence = &input.gathered.evidence;
    let files = evidence.par_iter().filter(|file| wanted.contains(file.path.as_str()));
    let hashed: Vec<_> = files
        .filter(|file| !matches!(file.locator, Locator::Tar { .. }))
        .map(|file| (file.path.as_str(), file.sha256()))
        .collect();
    let mut hashes: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    for (path, hash) in hashed {
        match hash {
            Ok(hash) => {
                hashes.insert(path, hex_lower(&hash).into());
            }
            Err(error) => known.problems.push(Problem::file(path, format!("cannot be hashed: {error}"))),
        }
    }
    for finding in known.findings.iter_mut().filter(|finding| finding.sha256.is_empty()) {
        finding.sha256 = hashes.get(&*finding.file).map_or_else(|| "".into(), Arc::clone);
    }
}

/// Every hit, taken from its part, as a finding. What many share, such as the name of a file, they share in memory too.
fn findings(input: &Input<'_>, parts: &mut [Part], clocks: &Clocks, servers: &Servers) -> Vec<Finding> {
    let events = EventFiles::of(&input.gathered.evidence, &input.content.rules);
    let mut findings = Vec::with_capacity(parts.iter().map(|part| part.hits.len()).sum());
    let mut indicators = Indicators::of(input.content);
    for part in parts.iter_mut().filter(|part| !part.hits.is_empty()) {
        let file: Arc<str> = part.path.as_str().into();
        let sha256: Arc<str> = part.sha256.as_deref().unwrap_or_default().into();
        let mut by_host: BTreeMap<Option<Arc<str>>, Arc<str>> = BTreeMap::new();
        for mut hit in std::mem::take(&mut part.hits) {
            let name = || servers.of(&part.path, hit.host.as_deref()).into();
            let server = by_host.entry(hit.host.clone()).or_insert_with(name);
            let raw = match (hit.raw.take(), hit.place) {
                (None, Place::Record { offset, .. }) => events.raw(part.evidence, offset, hit.rule),
                (raw, _) => Raw::Kept(into_printable(raw.unwrap_or_default())),
            };
            let shared = (Arc::clone(server), Arc::clone(&file), Arc::clone(&sha256));
            let (time, rule) = (clocks.time(part.evidence, &hit), hit.rule);
            let mut finding = finding(indicators.rule(rule), hit, time, shared, raw);
            indicators.grade(rule, &mut finding);
            findings.push(finding);
        }
    }
    drop_leftovers(&mut findings);
    findings
}

/// Takes away findings in what is left of records that the log still has, or that are left more than once.
fn drop_leftovers(findings: &mut Vec<Finding>) {
    if !findings.iter().any(|finding| finding.recovered) {
        return;
    }
    let number = |place| if let Place::Record { number, .. } = place { Some(number) } else { None };
    let key = |finding: &Finding| {
        (Arc::clone(&finding.file), Arc::as_ptr(&finding.rule) as usize, number(finding.place))
    };
    let mut left: BTreeSet<_> = findings.iter().filter(|finding| finding.recovered).map(key).collect();
    for finding in findings.iter().filter(|finding| !finding.recovered) {
        left.remove(&key(finding));
    }
    findings.retain(|finding| !finding.recovered || left.remove(&key(finding)));
}

fn finding(
    rule: Arc<RuleInfo>,
    hit: Hit,
    time: Option<Timestamp>,
    (server, file, sha256): (Arc<str>, Arc<str>, Arc<str>),
    raw: Raw,
) -> Finding {
    Finding {
        id: String::new(),
        level: rule.level,
        outcome: rule.outcome,
        graded: None,
        rule,
        server,
        time,
        artifact: hit.artifact,
        file,
        sha256,
        place: hit.place,
        recovered: hit.recovered,
        client: hit.client,
        request: hit.request,
        indicator: None,
        fields: hit.fields.into_iter().map(|(name, value)| (name, on_one_line(value))).collect(),
        raw,
    }
}

/// A value as one line of text that is safe to show.
pub(crate) fn on_one_line(value: String) -> String {
    if is_plain(&value) && !value.starts_with(' ') && !value.ends_with(' ') {
        return value;
    }
    let line: String = value.chars().map(|c| if matches!(c, '\r' | '\n' | '\t') { ' ' } else { c }).collect();
    printable(line.trim()).into_owned()
}

/// Takes the time from findings in files that were changed after their server's last record: that is the time of a
/// copy, and would tell a false story.
fn drop_copies(known: &mut Known) {
    let mut last: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for ((server, _), tally) in &known.tallies {
        if let Some(time) = tally.last {
            let seen = last.entry(server).or_insert(time);
            *seen = (*seen).max(time);
        }
    }
    for finding in &mut known.findings {
        let is_file = matches!(&*finding.artifact, "web_files" | "compiled_pages" | "other_files");
        let end = last.get(&*finding.server).map(|&end| shift(end, COPY_AFTER_S));
        if is_file && finding.time.zip(end).is_some_and(|(time, end)| time > end) {
            let modified = finding.time.map(|time| time.to_string()).unwrap_or_default();
            finding.fields.push(("modified (of this copy)".into(), modified));
            finding.time = None;
        }
    }
}

/// Whether a level is loud enough to count for a verdict.
pub(crate) fn counts(level: Level) -> bool {
    level >= Level::Medium
}
