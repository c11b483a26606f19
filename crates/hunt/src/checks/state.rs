//! `hybrid`, `owa-mitigation`, `extended-protection`: holes that the build alone does not decide, because a setting or
//! the surroundings close them.
//!
//! A setting that was not collected shows nothing: then the hole is not claimed. That a server may be open to it is
//! said by the build where the fix is in the build, and asked for in the check's own words.

use serde::Deserialize;

use super::data;
use crate::content::Content;
use crate::known::Known;

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

/// Whether the evidence shows that a hole is open which a setting could close.
pub(super) fn shows_open(content: &Content, known: &Known, server: &str, check: &str) -> bool {
    match check {
        "owa-mitigation" => !mitigated(content, known, server),
        // Whether a hybrid configuration exists stands in no log that we read as a whole; findings that show it would
        // be rules. Extended Protection is judged by rules on the configuration, element by element.
        _ => false,
    }
}

/// Whether the configuration holds the stop-gap's action.
fn mitigated(content: &Content, known: &Known, server: &str) -> bool {
    let Some(data) = data::<Mitigation>(content, "owa-mitigation") else { return false };
    let action = data.mitigation.action;
    known.configuration.iter().filter(|(of, _)| of == server).any(|(_, entry)| {
        let is = entry
            .value("element")
            .is_some_and(|element| element.eq_ignore_ascii_case(action.element.as_bytes()));
        is && entry
            .value("value")
            .is_some_and(|value| memchr::memmem::find(value, action.value_contains.as_bytes()).is_some())
    })
}
