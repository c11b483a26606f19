//! `stage-only`: a first step without any later one from the same client is a failed attempt, and is graded so; a first
//! step that was followed up is part of what followed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;

use super::data;
use crate::content::{Content, seconds};
use crate::known::Known;
use crate::tally::shift;

#[derive(Deserialize)]
struct Data {
    probe: String,
    later: Vec<String>,
    within: String,
}

/// Later steps of one client on one server.
#[derive(Default)]
struct Later {
    /// In time's order.
    timed: Vec<Timestamp>,
    is_untimed: bool,
}

impl Later {
    /// Whether one of them followed a probe, to the second; what has no time may have.
    fn follows(&self, probe: Option<Timestamp>, within_s: i64) -> bool {
        let Some(probe) = probe else { return true };
        let (before, end) = (shift(probe, -1), shift(probe, within_s + 1));
        let next = self.timed.partition_point(|&time| time <= before);
        self.is_untimed || self.timed.get(next).is_some_and(|&time| time < end)
    }
}

/// Says of each probe whether it was followed up.
pub(super) fn grade(content: &Content, known: &mut Known) {
    let Some(data) = data::<Data>(content, "stage-only") else { return };
    let Some(check) = content.check("stage-only") else { return };
    let within_s = seconds(&data.within).unwrap_or(86_400);
    let mut later: BTreeMap<(String, Option<IpAddr>), Later> = BTreeMap::new();
    for finding in known.findings.iter().filter(|finding| data.later.contains(&finding.rule.name)) {
        let later = later.entry((finding.server().to_owned(), finding.client())).or_default();
        later.timed.extend(finding.time());
        later.is_untimed |= finding.time().is_none();
    }
    for later in later.values_mut() {
        later.timed.sort_unstable();
    }
    for probe in known.findings.iter_mut().filter(|finding| finding.rule.name == data.probe) {
        let of_client = later.get(&(probe.server().to_owned(), probe.client()));
        let followed = of_client.is_some_and(|later| later.follows(probe.time(), within_s));
        if !followed {
            probe.details_mut().graded = Some(check.info.title.as_str().into());
            probe.level = check.info.level;
            probe.outcome = check.info.outcome;
        }
    }
}
