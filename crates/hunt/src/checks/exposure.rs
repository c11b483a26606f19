//! `exposure`: which holes a server's build left open while they were being used.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::{data, day, state};
use crate::content::Content;
use crate::exposure::BuildNumber;
use crate::known::Known;
use crate::model::{Build, Exposure};
use crate::servers::of_server;

#[derive(Deserialize)]
struct Data {
    families: Vec<Family>,
}

/// Holes that are used together.
#[derive(Deserialize)]
struct Family {
    name: String,
    cves: Vec<String>,
    exploited_from: String,
    /// A check on state that decides instead of the build.
    #[serde(default)]
    fixed_by_check: Option<String>,
    why: String,
}

/// The builds that a server's logs state.
pub(crate) fn builds(content: &Content, known: &Known, server: &str) -> Vec<Build> {
    let build = |(build, &(first, last)): (&BuildNumber, &(Timestamp, Timestamp))| Build {
        build: build.to_string(),
        name: content.builds.name(*build),
        first,
        last,
    };
    let mut builds: Vec<Build> = of_server(&known.builds, server).map(build).collect();
    builds.sort_by_key(|build| build.first);
    builds
}

/// The holes that a server was open to while they were being used, by what its logs show; `findings` are its own.
pub(crate) fn exposures(content: &Content, known: &Known, server: &str, findings: &[u32]) -> Vec<Exposure> {
    let Some(data) = data::<Data>(content, "exposure") else { return Vec::new() };
    let exposure = |family| exposure(content, known, (server, findings), family);
    data.families.iter().filter_map(exposure).collect()
}

fn exposure(
    content: &Content,
    known: &Known,
    (server, findings): (&str, &[u32]),
    family: &Family,
) -> Option<Exposure> {
    let exploited = day(&family.exploited_from)?;
    let mut span: Option<(Timestamp, Timestamp)> = None;
    let mut open: BTreeSet<String> = BTreeSet::new();
    for (build, &(first, last)) in
        of_server(&known.builds, server).filter(|(_, (_, last))| *last >= exploited)
    {
        // A hole that no build closes is open until the check on its setting says otherwise.
        let unknown = family.fixed_by_check.is_some();
        let is_open = |cve: &&String| content.builds.is_vulnerable(*build, cve).unwrap_or(unknown);
        let vulnerable: Vec<&String> = family.cves.iter().filter(is_open).collect();
        if vulnerable.is_empty() {
            continue;
        }
        open.extend(vulnerable.into_iter().cloned());
        let from = first.max(exploited);
        span = Some(span.map_or((from, last), |(a, b)| (a.min(from), b.max(last))));
    }
    let (from, until) = span?;
    let state_decides = family.fixed_by_check.as_deref();
    if state_decides.is_some_and(|check| !state::shows_open(content, known, (server, findings), check)) {
        return None;
    }
    Some(Exposure {
        name: family.name.clone(),
        cves: open.into_iter().collect(),
        from,
        until,
        why: family.why.clone(),
    })
}
