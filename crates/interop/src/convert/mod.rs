//! One neighbour's format said in another's: MISP as STIX 2.1 and back; tables, lists and OpenIOC as either; CSAF as
//! STIX; and any of them as a table, a list, or a layer of techniques. Bundles of any size are read as streams.
//!
//! What STIX has no words for travels in a documented property extension (`docs/misp-extension.md`), so that a MISP
//! event comes back as it went. What a target cannot say is listed, never dropped in silence.

mod csaf;
mod feed;
mod from_rows;
mod from_stix;
mod navigator;
mod pattern;
mod row;
mod stream;
mod tables;
mod to_stix;

use std::collections::BTreeMap;

use serde_json::Value;

pub use csaf::{CsafError, csaf_to_stix};
pub use feed::{About, Feed, event_of, hash_lines, manifest_entry, uuid_of};
pub use from_rows::{rows_to_misp, rows_to_stix};
pub use from_stix::{to_misp, was_event, was_object};
pub use navigator::{Techniques, layer};
pub use row::{Row, Rows};
pub use stream::{ConvertError, Names, objects, rows, techniques, upgraded};
pub use tables::{List, Table, beyond_tables};
use to_stix::marking_objects;
pub use to_stix::{ToStix, to_stix};

/// The extension that holds what only MISP can say. Its definition is part of every bundle that uses it.
pub const MISP_EXTENSION: &str = "extension-definition--6f2a2b0c-8b57-4f3e-9a0e-3f6e2d1c5b84";

/// What a target cannot say, counted by what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeMap<String, usize>);

impl LeftOut {
    fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// One line for each kind of thing.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(what, count)| format!("{count} {what}"))
    }

    /// So many of something.
    pub fn many(&mut self, what: &str, count: usize) {
        if count > 0 {
            *self.0.entry(what.to_owned()).or_default() += count;
        }
    }

    /// What something else left out as well.
    pub fn add(&mut self, other: Self) {
        other.0.into_iter().for_each(|(what, count)| *self.0.entry(what).or_default() += count);
    }

    /// How many things.
    pub fn count(&self) -> usize {
        self.0.values().sum()
    }
}

/// The events of a file: an event, what wraps one, a list of them, or what a search gives.
pub fn events(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.into_iter().flat_map(events).collect(),
        Value::Object(mut members) => match (members.remove("Event"), members.remove("response")) {
            (Some(event), _) => vec![event],
            (None, Some(response)) => events(response),
            (None, None) => vec![Value::Object(members)],
        },
        _ => Vec::new(),
    }
}

/// The rows of an event.
pub fn event_rows(event: &Value) -> impl Iterator<Item = Row> {
    Row::of_event(event)
}

/// All attributes of an event, those of its objects behind its own.
fn attributes(event: &Value) -> impl Iterator<Item = &Value> {
    let in_objects = list(event, "Object").iter().flat_map(|object| list(object, "Attribute"));
    list(event, "Attribute").iter().chain(in_objects)
}

/// The items of a list that is a member; none where there is no list.
fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// MISP's JSON as it can stand in an extension: as it is, or as text where STIX would not allow it, since it knows
/// neither null nor empty lists (STIX 2.1 §2.3, §2.12).
fn pack(said: Value) -> Value {
    if said.is_object() && is_allowed(&said) { said } else { Value::String(said.to_string()) }
}

fn is_allowed(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty() && items.iter().all(is_allowed),
        Value::Object(members) => {
            let is_name = |name: &String| {
                (1..=250).contains(&name.len())
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            };
            !members.is_empty() && members.iter().all(|(name, value)| is_name(name) && is_allowed(value))
        }
        _ => true,
    }
}

/// The same, the other way.
fn unpack(packed: &Value) -> Option<Value> {
    match packed {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Object(_) => Some(packed.clone()),
        _ => None,
    }
}

/// A member as text; numbers too, which exports of different age write differently.
fn text_of(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// A yes or no.
fn is_set(value: &Value, name: &str) -> bool {
    match value.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(other) => other == 1 || other == "1" || other == "true",
        None => false,
    }
}

/// The names of the tags of an event, an attribute or an object.
fn tags(value: &Value) -> impl Iterator<Item = &str> {
    let tags = value.get("Tag").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tags.iter().filter_map(|tag| tag.get("name")?.as_str())
}

#[cfg(test)]
mod tests;
