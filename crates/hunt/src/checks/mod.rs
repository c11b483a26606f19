//! Named checks: what is no test on one record but on state, absence, or several records. The code says how to look,
//! `detections/checks/` says for what.

mod exposure;
mod gaps;
mod stage_only;
mod state;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::acts::base;
use crate::content::Content;
use crate::known::{Input, Known};
use crate::model::Missing;
use crate::servers::of_server;

pub(crate) use exposure::{builds, exposures};
pub(crate) use gaps::gaps;

/// The data of a check in its shape; none where content lacks the check or misspells its data.
fn data<T: DeserializeOwned>(content: &Content, check: &str) -> Option<T> {
    serde_json::from_value(content.check(check)?.data.clone()).ok()
}

/// Changes what findings are worth by what else was found.
pub(crate) fn grade(content: &Content, known: &mut Known) {
    stage_only::grade(content, known);
}

/// What servers should have and the evidence lacks. Only hosts that show themselves as Exchange servers should.
pub(crate) fn missing(content: &Content, known: &Known) -> Vec<Missing> {
    let mut missing = Vec::new();
    for server in known.servers.iter().filter(|server| is_exchange(known, server)) {
        let has: BTreeSet<&str> =
            of_server(&known.tallies, server).map(|(artifact, _)| base(artifact)).collect();
        for spec in content
            .artifacts
            .artifacts
            .iter()
            .filter(|spec| spec.default && !has.contains(spec.artifact.as_str()))
        {
            missing.push(Missing {
                server: server.clone(),
                artifact: spec.artifact.clone(),
                title: spec.title.clone(),
                place: spec.place.clone(),
                hides: spec.without.clone(),
                core: spec.core || spec.core_group.is_some(),
            });
        }
    }
    missing
}

/// Whether a host keeps something that only Exchange servers keep, or web logs, or has findings.
fn is_exchange(known: &Known, server: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "httpproxy",
        "iis",
        "ecp_server",
        "ecp_activity",
        "ews",
        "rps_http",
        "rps_cmdlet",
        "audit",
        "cmdlet_events",
    ];
    of_server(&known.tallies, server).any(|(artifact, _)| SIGNS.contains(&base(artifact)))
}

/// The day to search back to: as asked, else as content says.
pub(crate) fn look_back(input: &Input<'_>) -> Option<Timestamp> {
    input.options.since.or_else(|| day(&input.content.artifacts.look_back))
}

/// Midnight UTC of a date, or a time in full.
fn day(text: &str) -> Option<Timestamp> {
    watchfire_artifact::clock::iso(format!("{}T00:00:00Z", text.trim()).as_bytes())
        .or_else(|| watchfire_artifact::clock::iso(text.as_bytes()))
}
