//! `gaps`: hours or days missing from a log that is written all the time.

use serde::Deserialize;

use super::data;
use crate::acts::base;
use crate::content::Content;
use crate::known::Known;
use crate::model::Gap;
use crate::servers::of_server;
use crate::tally::Tally;

#[derive(Deserialize)]
struct Data {
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    artifact: String,
    silence_hours: i64,
}

/// Spans in which one log is silent though it should not be. A span in which all logs of the server are silent is not
/// counted: the server was off.
pub(crate) fn gaps(
    content: &Content,
    known: &Known,
    server: &str,
    artifact: &str,
    tally: &Tally,
) -> Vec<Gap> {
    let Some(data) = data::<Data>(content, "gaps") else { return Vec::new() };
    let Some(log) = data.logs.iter().find(|log| log.artifact == base(artifact)) else { return Vec::new() };
    let others = || of_server(&known.tallies, server).filter(|(name, _)| *name != artifact);
    let alive = |gap: &Gap| {
        let hours = crate::tally::hour(gap.from)..crate::tally::hour(gap.until);
        others().any(|(_, tally)| tally.hours.range(hours.clone()).next().is_some())
    };
    tally.gaps(log.silence_hours).into_iter().filter(alive).collect()
}
