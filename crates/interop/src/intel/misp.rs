//! MISP events, as its feeds and its search give them.
//!
//! Only what is meant for detection (`to_ids`) is looked for. An attribute's `timestamp` says when it was edited and
//! nothing of when it was true, so it is no validity; `first_seen` and `last_seen` say what somebody saw, and are
//! none either.

use std::borrow::Cow;

use serde::Deserialize;
use watchfire_intel::{Indicator, Origin};

use super::types::misp_values;
use super::{IntelError, Into, uuid};

/// Whatever stands at the top: an event, what wraps one, or what a search gives.
#[derive(Deserialize)]
struct Top<'a> {
    #[serde(rename = "Event", borrow, default)]
    event: Option<Event<'a>>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    #[serde(flatten, borrow)]
    bare: Event<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Response<'a> {
    Events(#[serde(borrow)] Vec<Wrapped<'a>>),
    Attributes(#[serde(borrow)] Event<'a>),
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(rename = "Event", borrow)]
    event: Event<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    uuid: Cow<'a, str>,
    #[serde(borrow)]
    info: Cow<'a, str>,
    #[serde(rename = "Orgc", borrow)]
    orgc: Organisation<'a>,
    #[serde(rename = "Tag", borrow)]
    tags: Vec<Tag<'a>>,
    #[serde(rename = "Attribute", borrow)]
    attributes: Vec<Attribute<'a>>,
    #[serde(rename = "Object", borrow)]
    objects: Vec<Object<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Organisation<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tag<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Object<'a> {
    deleted: Flag<'a>,
    #[serde(rename = "Attribute", borrow)]
    attributes: Vec<Attribute<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Attribute<'a> {
    #[serde(borrow)]
    uuid: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(borrow)]
    to_ids: Flag<'a>,
    #[serde(borrow)]
    deleted: Flag<'a>,
    #[serde(rename = "Tag", borrow)]
    tags: Vec<Tag<'a>>,
}

/// A yes or no, which exports of different age write differently.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag<'a> {
    Plain(bool),
    Number(u8),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl Default for Flag<'_> {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl Flag<'_> {
    fn is_set(&self) -> bool {
        match self {
            Self::Plain(flag) => *flag,
            Self::Number(number) => *number == 1,
            Self::Text(text) => text == "1" || text.eq_ignore_ascii_case("true"),
        }
    }
}

pub(super) fn read(bytes: &[u8], into: &mut Into<'_>) -> Result<(), IntelError> {
    let tops: Vec<Top<'_>> = if bytes.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice(bytes).map_err(IntelError::Misp)?
    } else {
        vec![serde_json::from_slice(bytes).map_err(IntelError::Misp)?]
    };
    for top in tops {
        let events = match (top.event, top.response) {
            (Some(found), _) | (None, Some(Response::Attributes(found))) => vec![found],
            (None, Some(Response::Events(found))) => found.into_iter().map(|wrapped| wrapped.event).collect(),
            (None, None) => vec![top.bare],
        };
        for found in &events {
            event(found, into);
        }
    }
    Ok(())
}

fn event(event: &Event<'_>, into: &mut Into<'_>) {
    let of_policy = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("tlp:") || name.starts_with("pap:")
    };
    let origin = into.origin(Origin {
        author: event.orgc.name.clone().into_owned(),
        title: event.info.clone().into_owned(),
        id: event.uuid.clone().into_owned(),
        markings: event
            .tags
            .iter()
            .filter(|tag| of_policy(&tag.name))
            .map(|tag| tag.name.clone().into_owned())
            .collect(),
        ..Origin::default()
    });
    let of_event = event.tags.iter().find_map(|tag| confidence(&tag.name));
    let in_objects = event
        .objects
        .iter()
        .flat_map(|object| object.attributes.iter().map(|attribute| (attribute, object.deleted.is_set())));
    for (attribute, gone) in event.attributes.iter().map(|attribute| (attribute, false)).chain(in_objects) {
        if gone || attribute.deleted.is_set() || !attribute.to_ids.is_set() {
            into.loaded.not_meant += 1;
            continue;
        }
        let values = misp_values(&attribute.kind, &attribute.value);
        if values == [None, None] {
            into.loaded.problem(
                &attribute.uuid,
                &format!("values of the type {} are not looked for", attribute.kind),
            );
        }
        for (kind, value) in values.into_iter().flatten() {
            let indicator = Indicator {
                value,
                kind: Some(kind),
                id: uuid(&attribute.uuid),
                confidence: attribute.tags.iter().find_map(|tag| confidence(&tag.name)).or(of_event),
                ..Indicator::default()
            };
            into.add(origin, &indicator, &attribute.uuid);
        }
    }
}

/// MISP's taxonomy of confidence, on the scale of STIX 2.1 appendix A.
pub(crate) fn confidence(tag: &str) -> Option<u8> {
    let level = tag.strip_prefix("misp:confidence-level=")?;
    Some(match level.trim_matches('"') {
        "completely-confident" => 100,
        "usually-confident" => 75,
        "fairly-confident" => 50,
        "rarely-confident" => 25,
        "unconfident" => 0,
        _ => return None,
    })
}
