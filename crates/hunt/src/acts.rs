//! Acts: findings of several logs that are one thing somebody did, and the logs that should have seen it.
//!
//! An intruder who deletes one log leaves the others. So each act names its witnesses in content; here they are
//! looked for within the act's own span of time, and for each that is missing it is said whether its log was kept
//! for that hour (then it should have recorded the act), has a hole there, or is not in the evidence.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use watchfire_sigma::Level;

use crate::content::{ActSpec, WitnessSpec};
use crate::model::{Act, Finding, Outcome, Stage, Witness, WitnessState};
use crate::servers::of_server;
use crate::tally::{Tally, shift};

/// Hours of silence that make a hole in a log without an hourly rhythm.
const HOLE_HOURS: i64 = 24;

/// Tallies by server and artifact.
pub(crate) type Tallies = BTreeMap<(String, String), Tally>;

/// Groups findings, which are in time's order, into acts.
pub(crate) fn group(specs: &[ActSpec], findings: &[Finding], tallies: &Tallies) -> Vec<Act> {
    let mut by_act: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(act) = &finding.rule.act {
            by_act.entry((finding.server(), act)).or_default().push(index);
        }
    }
    let mut acts = Vec::new();
    for ((server, name), members) in by_act {
        let Some(spec) = specs.iter().find(|spec| spec.act == name) else { continue };
        for cluster in clusters(spec, findings, &members) {
            acts.push(act(spec, server, findings, cluster, tallies));
        }
    }
    acts.sort_by(|a, b| {
        (&a.server, a.first, &a.name, &a.findings).cmp(&(&b.server, b.first, &b.name, &b.findings))
    });
    acts
}

/// Findings closer in time than the act allows are one.
fn clusters(spec: &ActSpec, findings: &[Finding], members: &[usize]) -> Vec<Vec<usize>> {
    let (mut timed, untimed): (Vec<usize>, Vec<usize>) =
        members.iter().partition(|&&index| findings[index].time().is_some());
    timed.sort_by_key(|&index| (findings[index].time(), index));
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for index in timed {
        let time = findings[index].time();
        let near =
            last.zip(time).is_some_and(|(last, time)| time.duration_since(last).as_secs() <= spec.within_s());
        match clusters.last_mut() {
            Some(cluster) if near => cluster.push(index),
            _ => clusters.push(vec![index]),
        }
        last = time;
    }
    // A page on the disk has no time of its own: it is proof of every use of its act.
    if clusters.is_empty() && !untimed.is_empty() {
        clusters.push(Vec::new());
    }
    for cluster in &mut clusters {
        cluster.extend(&untimed);
    }
    clusters
}

fn act(
    spec: &ActSpec,
    server: &str,
    findings: &[Finding],
    mut cluster: Vec<usize>,
    tallies: &Tallies,
) -> Act {
    cluster.sort_unstable();
    let members = || cluster.iter().map(|&index| &findings[index]);
    let span = (members().filter_map(Finding::time).min(), members().filter_map(Finding::time).max());
    let clients: BTreeSet<_> = members().filter_map(Finding::client).collect();
    let strongest = members().map(|finding| finding.outcome).max();
    let look = Look {
        server,
        span,
        within_s: spec.within_s(),
        worked: strongest == Some(Outcome::Succeeded),
        findings,
        tallies,
    };
    let witnesses = spec.witnesses.iter().filter_map(|witness| look.witness(witness, &cluster));
    Act {
        name: spec.act.clone(),
        title: title(spec, members().map(|finding| (finding.outcome, finding.level, finding))),
        server: server.to_owned(),
        first: span.0,
        last: span.1,
        stage: members().map(|finding| finding.rule.stage).max().unwrap_or(Stage::Reconnaissance),
        outcome: strongest.unwrap_or(Outcome::Supporting),
        level: members().map(|finding| finding.level).max().unwrap_or(Level::Informational),
        clients: clients.into_iter().collect(),
        witnesses: witnesses.collect(),
        findings: cluster,
    }
}

/// An act's own title says that it happened; what was only tried is told by its loudest record.
fn title<'a>(spec: &ActSpec, members: impl Iterator<Item = (Outcome, Level, &'a Finding)>) -> String {
    match members.max_by_key(|(outcome, level, _)| (*outcome, *level)) {
        Some((Outcome::Attempted | Outcome::Supporting, _, finding)) => {
            finding.graded().unwrap_or(&finding.rule.title).to_owned()
        }
        _ => spec.title.clone(),
    }
}

/// What a witness is looked for by.
struct Look<'a> {
    server: &'a str,
    span: (Option<Timestamp>, Option<Timestamp>),
    within_s: i64,
    /// Whether the act worked: only then must its witnesses exist.
    worked: bool,
    findings: &'a [Finding],
    tallies: &'a Tallies,
}

impl Look<'_> {
    /// What one witness did; none where it is not missed.
    fn witness(&self, witness: &WitnessSpec, cluster: &[usize]) -> Option<Witness> {
        let of_artifact = |index: &usize| base(self.findings[*index].artifact()) == witness.artifact;
        let seen: Vec<usize> = cluster.iter().copied().filter(of_artifact).collect();
        let state = match (seen.is_empty(), self.worked) {
            (false, _) => WitnessState::Saw,
            (true, true) => self.absence(witness)?,
            (true, false) => return None,
        };
        // What must first be switched on is missed only where it was, and has a hole or lost a numbered request.
        let missed = matches!(state, WitnessState::Saw | WitnessState::Gap | WitnessState::Silent);
        if !witness.default && !missed {
            return None;
        }
        Some(Witness {
            artifact: witness.artifact.clone(),
            says: witness.says.clone(),
            default: witness.default,
            state,
            findings: seen,
        })
    }

    /// Why a witness says nothing; none where the act has no time to judge by. Whether a log that was kept is silent
    /// or holds records that no rule knows is for [`crate::witness`] to see.
    fn absence(&self, witness: &WitnessSpec) -> Option<WitnessState> {
        let of_server = of_server(self.tallies, self.server);
        let logs: Vec<&Tally> = of_server
            .filter(|(artifact, _)| base(artifact) == witness.artifact)
            .map(|(_, tally)| tally)
            .collect();
        if logs.is_empty() {
            return Some(WitnessState::NotCollected);
        }
        if logs.iter().all(|log| log.hours.is_empty()) {
            // A state, not a log: what was collected of it shows the act or does not.
            let collected = logs.iter().any(|log| log.records > 0);
            return Some(if collected { WitnessState::Unrecognised } else { WitnessState::NotCollected });
        }
        let times = [self.span.0?, self.span.1?];
        if self.seen_elsewhere(witness) {
            return Some(WitnessState::Saw);
        }
        let in_gap =
            |log: &Tally, time| log.gaps(HOLE_HOURS).iter().any(|gap| gap.from <= time && time < gap.until);
        let holed = |log: &&Tally| times.iter().any(|&time| in_gap(log, time));
        let covered = |log: &&Tally| times.iter().any(|&time| log.covers(time));
        Some(if logs.iter().any(holed) {
            WitnessState::Gap
        } else if logs.iter().any(covered) {
            WitnessState::Silent
        } else {
            WitnessState::NotCollected
        })
    }

    /// Whether the log has a finding of another act in this one's time: it saw what was going on.
    fn seen_elsewhere(&self, witness: &WitnessSpec) -> bool {
        let (Some(first), Some(last)) = self.span else { return false };
        let (from, until) = (shift(first, -self.within_s), shift(last, self.within_s));
        // Findings are in time's order, those without one at the end.
        let start = self.findings.partition_point(|finding| finding.time().is_some_and(|time| time < from));
        let until = |finding: &&Finding| finding.time().is_some_and(|time| time <= until);
        self.findings[start..]
            .iter()
            .take_while(until)
            .any(|finding| finding.server() == self.server && base(finding.artifact()) == witness.artifact)
    }
}

/// The artifact without the log's own part: `httpproxy` of `httpproxy/Ecp`.
pub(crate) fn base(artifact: &str) -> &str {
    artifact.split('/').next().unwrap_or(artifact)
}
