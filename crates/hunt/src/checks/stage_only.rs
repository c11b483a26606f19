//! `stage-only`: a first step without any later one from the same client is a failed attempt, and is graded so; a first
//! step that was followed up is part of what followed.

use serde::Deserialize;

use super::data;
use crate::content::{Content, seconds};
use crate::known::Known;

#[derive(Deserialize)]
struct Data {
    probe: String,
    later: Vec<String>,
    within: String,
}

/// Says of each probe whether it was followed up.
pub(super) fn grade(content: &Content, known: &mut Known) {
    let Some(data) = data::<Data>(content, "stage-only") else { return };
    let Some(check) = content.check("stage-only") else { return };
    let within_s = seconds(&data.within).unwrap_or(86_400);
    let later: Vec<_> = known
        .findings
        .iter()
        .filter(|finding| data.later.contains(&finding.rule.name))
        .map(|finding| (finding.server.clone(), finding.client, finding.time))
        .collect();
    for probe in known.findings.iter_mut().filter(|finding| finding.rule.name == data.probe) {
        let followed = later.iter().any(|(server, client, time)| {
            let near = probe
                .time
                .zip(*time)
                .is_none_or(|(a, b)| (0..=within_s).contains(&b.duration_since(a).as_secs()));
            *server == probe.server && *client == probe.client && near
        });
        if !followed {
            probe.graded = Some(check.info.title.clone());
            probe.level = check.info.level;
            probe.outcome = check.info.outcome;
        }
    }
}
