//! `hybrid`, `owa-mitigation`, `extended-protection`: holes that the build alone does not decide, because a setting or
//! the surroundings close them.
//!
//! A setting that was not collected shows nothing: then the hole is not claimed. That a server may be open to it is
//! said by the build where the fix is in the build, and asked for in the check's own words.

use serde::Deserialize;

use super::data;
use crate::content::Content;
use crate::known::Known;
use crate::model::Finding;

#[derive(Deserialize)]
struct Mitigation {
    mitigation: Rules,
}

#[derive(Deserialize)]
struct Rules {
    action: Action,
}

#[derive(Deserialize)]
struct Action {
    element: String,
    value_contains: String,
}

/// Whether the evidence shows that a hole is open which a setting could close: a rule that stands for the same fact
/// found it so, or, for the stop-gap of one hole, the collected configuration lacks it.
pub(super) fn shows_open(
    content: &Content,
    known: &Known,
    (server, findings): (&str, &[u32]),
    check: &str,
) -> bool {
    let Some(check) = content.check(check) else { return false };
    let same_fact = |finding: &Finding| finding.rule.facts.iter().any(|fact| check.info.facts.contains(fact));
    findings.iter().any(|&at| same_fact(&known.findings[at as usize]))
        || lacks_stop_gap(content, known, server, &check.name)
}

/// Whether a configuration was collected that lacks the stop-gap's action.
fn lacks_stop_gap(content: &Content, known: &Known, server: &str, check: &str) -> bool {
    let collected = known.configuration.contains_key(server);
    data::<Mitigation>(content, check).is_some() && collected && !mitigated(content, known, server, check)
}

/// Whether the configuration holds the stop-gap's action.
fn mitigated(content: &Content, known: &Known, server: &str, check: &str) -> bool {
    let Some(data) = data::<Mitigation>(content, check) else { return false };
    let action = data.mitigation.action;
    known.configuration.get(server).into_iter().flatten().any(|entry| {
        let is = entry
            .value("element")
            .is_some_and(|element| element.eq_ignore_ascii_case(action.element.as_bytes()));
        is && entry
            .value("value")
            .is_some_and(|value| memchr::memmem::find(value, action.value_contains.as_bytes()).is_some())
    })
}
