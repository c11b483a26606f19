//! What is known of all servers before anybody judges: findings, coverage, builds, clocks.
//!
//! Parts are read in the order of the units, so that what is known does not depend on who was quick. Names of hosts
//! become servers, stated times become UTC where records prove the clock wrong, and every finding gets the hash of its
//! file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rayon::prelude::*;
use watchfire_artifact::document::hex_lower;
use watchfire_artifact::{Gathered, Locator, Place, Problem};
use watchfire_sigma::Level;

use crate::acts::Tallies;
use crate::content::Content;
use crate::exposure::BuildNumber;
use crate::finding::{Origin, SourceFile};
use crate::intel::{self, Indicators};
use crate::model::Finding;
use crate::options::Options;
use crate::proof::EventFiles;
use crate::scan::{Hit, HitSource, Part};
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
    pub(crate) configuration: BTreeMap<String, Vec<watchfire_artifact::document::Entry>>,
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
    fn time(&self, part: &Part, hit: &Hit) -> Option<Timestamp> {
        let time = hit.when.get()?;
        if !hit.is_stated || self.0.is_empty() {
            return Some(time);
        }
        let host = part.sources[hit.source as usize].host.as_deref();
        Some(shift(time, self.correction_s(part.evidence, host)))
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
        configuration: BTreeMap::new(),
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
        if !part.configuration.is_empty() {
            let of_server = known.configuration.entry(servers.of_file(&part.path)).or_default();
            of_server.extend(part.configuration.iter().cloned());
        }
        known.problems.extend(part.problems.iter().cloned());
        known.problems.extend(dropped(input.content, part));
    }
    for (key, paths) in files {
        known.tallies.entry(key).and_modify(|tally| tally.files = paths.len() as u64);
    }
    known.problems.extend(clock_problems(input, clocks));
    known.findings = findings(input, parts, clocks, &servers);
    let with_findings: BTreeSet<&str> = known.findings.iter().map(Finding::server).collect();
    known.servers.extend(with_findings.into_iter().map(ToString::to_string));
    if known.servers.is_empty() {
        // Nothing at all is an answer too, and it is not "clean".
        known.servers.insert(servers.of_file(input.roots.first().map_or("", String::as_str)));
    }
    drop_copies(&mut known);
    known.findings.retain(|finding| input.options.in_window(finding.time()));
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
    let unknown = || known.findings.iter().filter(|finding| finding.source_file().sha256.get().is_none());
    let wanted: BTreeSet<&str> = unknown().map(Finding::file).collect();
    let evidence = &input.gathered.evidence;
    let files = evidence.par_iter().filter(|file| wanted.contains(file.path.as_str()));
    let hashed: Vec<_> = files
        .filter(|file| !matches!(file.locator, Locator::Tar { .. }))
        .map(|file| (file.path.as_str(), file.sha256()))
        .collect();
    let mut hashes: BTreeMap<&str, Box<str>> = BTreeMap::new();
    for (path, hash) in hashed {
        match hash {
            Ok(hash) => {
                hashes.insert(path, hex_lower(&hash).into());
            }
            Err(error) => known.problems.push(Problem::file(path, format!("cannot be hashed: {error}"))),
        }
    }
    for finding in unknown() {
        if let Some(hash) = hashes.get(finding.file()) {
            finding.source_file().sha256.get_or_init(|| hash.clone());
        }
    }
}

/// Every hit, taken from its part, as a finding. Hits leave as findings come, so that there is one of both.
fn findings(input: &Input<'_>, parts: &mut [Part], clocks: &Clocks, servers: &Servers) -> Vec<Finding> {
    let events = EventFiles::of(&input.gathered.evidence, &input.content.rules);
    let mut findings = Vec::with_capacity(parts.iter().map(|part| part.hits.len()).sum());
    let mut indicators = Indicators::of(input.content);
    let mut names = BTreeSet::new();
    let mut last: Option<Arc<SourceFile>> = None;
    for part in parts.iter_mut().filter(|part| !part.hits.is_empty()) {
        // Ranges of a file follow each other.
        let same = last.take().filter(|last| *last.path == part.path && part.sha256.is_none());
        let file = same.unwrap_or_else(|| {
            let sha256 = part.sha256.as_deref().map(|hash| OnceLock::from(Box::from(hash)));
            let (path, sha256) = (part.path.as_str().into(), sha256.unwrap_or_default());
            Arc::new(SourceFile { path, sha256, events: events.file(part.evidence) })
        });
        last = Some(Arc::clone(&file));
        let origin = |source: &HitSource| {
            let HitSource { host, artifact, client } = source.clone();
            let server = servers.of(&part.path, host.as_deref()).into();
            Arc::new(Origin { server, artifact, client, file: Arc::clone(&file) })
        };
        let origins: Vec<Arc<Origin>> = part.sources.iter().map(origin).collect();
        for hit in std::mem::take(&mut part.hits).iter() {
            let hit = hit.expect("we wrote it, or saw that it was written by us");
            let time = clocks.time(part, &hit);
            let rule = indicators.rule(hit.rule as usize);
            let origin = Arc::clone(&origins[hit.source as usize]);
            let mut details = hit.details;
            if let Some(details) = &mut details {
                details.make_safe(&mut names);
            }
            let mut finding = Finding::new(rule, hit.rule, origin, time, hit.place, details);
            finding.recovered = hit.recovered;
            indicators.grade(hit.rule as usize, &mut finding);
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
        let file = Arc::as_ptr(finding.source_file()) as usize;
        (file, Arc::as_ptr(&finding.rule) as usize, number(finding.place()))
    };
    let mut left: BTreeSet<_> = findings.iter().filter(|finding| finding.recovered).map(key).collect();
    for finding in findings.iter().filter(|finding| !finding.recovered) {
        left.remove(&key(finding));
    }
    findings.retain(|finding| !finding.recovered || left.remove(&key(finding)));
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
        let is_file = matches!(finding.artifact(), "web_files" | "compiled_pages" | "other_files");
        let end = last.get(finding.server()).map(|&end| shift(end, COPY_AFTER_S));
        if is_file && finding.time().zip(end).is_some_and(|(time, end)| time > end) {
            let modified = finding.time().map(|time| time.to_string()).unwrap_or_default();
            finding.details_mut().fields.push(("modified (of this copy)".into(), modified));
            finding.set_time(None);
        }
    }
}

/// Whether a level is loud enough to count for a verdict.
pub(crate) fn counts(level: Level) -> bool {
    level >= Level::Medium
}
