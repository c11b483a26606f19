//! STIX objects as MISP events: those that once were MISP's exactly as they were, others as far as MISP has words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use watchfire_intel::Kind;
use watchfire_stix::{Id, Tlp, json as stix_json};

use super::row::misp_type;
use super::{LeftOut, MISP_EXTENSION, unpack};
use crate::intel::stix::{self, Unused};

/// Events out of the objects of a bundle, and what MISP cannot say of them.
pub fn to_misp(objects: &[Value]) -> (Vec<Value>, LeftOut) {
    let by_id: BTreeMap<&str, &Value> =
        objects.iter().filter_map(|object| Some((object.get("id")?.as_str()?, object))).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut events = Vec::new();
    for report in objects.iter().filter(|object| was_event(object)) {
        events.extend(event(report, &by_id, &mut used));
    }
    let mut left_out = LeftOut::default();
    let foreign: Vec<&Value> = objects
        .iter()
        .filter(|object| !used.contains(object["id"].as_str().unwrap_or_default()))
        .filter(|object| !is_scaffold(object, !events.is_empty()))
        .collect();
    events.extend(foreign_event(&foreign, &by_id, &mut left_out));
    (events, left_out)
}

/// What a bundle of ours has besides what was MISP's: markings, identities and the definition of the extension.
fn is_scaffold(object: &Value, ours: bool) -> bool {
    match object["type"].as_str() {
        Some("marking-definition") => Tlp::of_reference(object["id"].as_str().unwrap_or_default()).is_some(),
        Some("identity") => ours,
        Some("extension-definition") => object["id"] == MISP_EXTENSION,
        _ => false,
    }
}

/// Whether an object once was a MISP event.
pub fn was_event(object: &Value) -> bool {
    kept(object, "event").is_some()
}

/// Whether an object once was an object of a MISP event, and so a part of it.
pub fn was_object(object: &Value) -> bool {
    kept(object, "object").is_some()
}

pub(super) fn kept<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object.get("extensions")?.get(MISP_EXTENSION)?.get(name)
}

/// The event that a report was.
fn event<'o>(
    report: &'o Value,
    by_id: &BTreeMap<&'o str, &'o Value>,
    used: &mut BTreeSet<&'o str>,
) -> Option<Value> {
    let Some(Value::Object(mut event)) = unpack(kept(report, "event")?) else { return None };
    used.insert(report["id"].as_str()?);
    let mut attributes = Vec::new();
    let mut objects: Vec<Value> = Vec::new();
    for member in members(report, by_id) {
        let id = member["id"].as_str().unwrap_or_default();
        if let Some(attribute) = kept(member, "attribute") {
            used.insert(id);
            if kept(member, "in_object") != Some(&json!(true)) {
                attributes.extend(unpack(attribute));
            }
        } else if let Some(Value::Object(object)) = kept(member, "object").and_then(unpack) {
            used.insert(id);
            let inner: Vec<Value> =
                members(member, by_id).filter_map(|member| unpack(kept(member, "attribute")?)).collect();
            objects.push(with_list(object, "Attribute", inner, kept(member, "attributes")));
        }
    }
    if kept(report, "attributes") == Some(&json!(true)) || !attributes.is_empty() {
        event.insert("Attribute".to_owned(), Value::Array(attributes));
    }
    Some(with_list(event, "Object", objects, kept(report, "objects")))
}

fn with_list(
    mut members: Map<String, Value>,
    name: &str,
    list: Vec<Value>,
    was_there: Option<&Value>,
) -> Value {
    if was_there == Some(&json!(true)) || !list.is_empty() {
        members.insert(name.to_owned(), Value::Array(list));
    }
    Value::Object(members)
}

fn members<'o>(object: &'o Value, by_id: &BTreeMap<&'o str, &'o Value>) -> impl Iterator<Item = &'o Value> {
    let refs = object.get("object_refs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    refs.iter().filter_map(|id| by_id.get(id.as_str()?).copied())
}

/// Objects that never were MISP's: an event of the indicators among them.
fn foreign_event(
    foreign: &[&Value],
    by_id: &BTreeMap<&str, &Value>,
    left_out: &mut LeftOut,
) -> Option<Value> {
    let mut attributes = Vec::new();
    let mut name = String::new();
    let (mut newest, mut author) = (0, Value::Null);
    for object in foreign {
        let object_type = object["type"].as_str().unwrap_or_default();
        match object_type {
            "indicator" => match attributes_of(object) {
                Ok(found) => {
                    newest = newest.max(seconds(object));
                    attributes.extend(found);
                }
                Err(Unused::NotMeant) => left_out.note("indicators that are revoked or benign"),
                Err(Unused::Refused(why)) => left_out.note(format!("indicators: {why}")),
            },
            "vulnerability" => {
                newest = newest.max(seconds(object));
                attributes.push(vulnerability(object));
            }
            "report" if name.is_empty() => object["name"].as_str().unwrap_or_default().clone_into(&mut name),
            "identity" if author.is_null() => {
                let id = object["id"].as_str().unwrap_or_default();
                author = json!({"name": object["name"], "uuid": uuid(id)});
            }
            _ => left_out.note(format!("objects of the type {object_type}")),
        }
    }
    if attributes.is_empty() {
        return None;
    }
    let markings: BTreeSet<&str> = foreign
        .iter()
        .flat_map(|object| object.get("object_marking_refs").and_then(Value::as_array).into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let strictest = markings.iter().filter_map(|id| marking(id, by_id)).max();
    let tags: Vec<Value> =
        strictest.iter().map(|tlp| json!({"name": tlp.label().to_ascii_lowercase()})).collect();
    let first = attributes[0]["uuid"].as_str().unwrap_or_default().to_owned();
    let date = jiff::Timestamp::from_second(newest).unwrap_or_default().to_string();
    Some(json!({
        "info": if name.is_empty() { "STIX bundle" } else { &name }, "uuid": derived(&first), "date": &date[..10],
        "timestamp": newest.to_string(), "analysis": "2", "threat_level_id": "4", "published": false,
        "Orgc": author, "Tag": tags, "Attribute": attributes,
    }))
}

/// The level of a marking; what cannot be told is RED, since MISP would not carry it.
fn marking(id: &str, by_id: &BTreeMap<&str, &Value>) -> Option<Tlp> {
    if let Some(tlp) = Tlp::of_reference(id) {
        return Some(tlp);
    }
    // A statement, such as terms of use, restricts nobody's knowing.
    let is_statement = by_id.get(id).is_some_and(|object| object["definition_type"] == "statement");
    (!is_statement).then_some(Tlp::Red)
}

pub(super) fn attributes_of(indicator: &Value) -> Result<Vec<Value>, Unused> {
    let text = indicator.to_string();
    let (node, _) = stix_json::parse(text.as_bytes()).map_err(|problem| Unused::Refused(problem.what))?;
    let found = stix::indicator(&node)?;
    let id = uuid(indicator["id"].as_str().unwrap_or_default());
    let comment = indicator["name"].as_str().unwrap_or_default();
    let attribute = |(number, (kind, value)): (usize, (Kind, String))| {
        let (name, category) = misp_type(kind, &value);
        // Several values of one pattern are several attributes; the first keeps the UUID.
        let uuid = if number == 0 { id.clone() } else { derived(&format!("{id} {number}")) };
        json!({
            "uuid": uuid, "type": name, "category": category, "value": value, "to_ids": true, "comment": comment,
            "timestamp": seconds(indicator).to_string(), "deleted": false, "disable_correlation": false,
        })
    };
    Ok(found.values.into_iter().enumerate().map(attribute).collect())
}

fn vulnerability(object: &Value) -> Value {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    json!({
        "uuid": uuid(text("id")), "type": "vulnerability", "category": "External analysis", "value": text("name"),
        "to_ids": false, "comment": text("description"), "timestamp": seconds(object).to_string(), "deleted": false,
        "disable_correlation": false,
    })
}

pub(super) fn seconds(object: &Value) -> i64 {
    object["modified"]
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map_or(0, jiff::Timestamp::as_second)
}

fn uuid(id: &str) -> String {
    Id::parse(id).map_or_else(|_| derived(id), |id| id.uuid().to_string())
}

pub(super) fn derived(name: &str) -> String {
    super::to_stix::derived("misp", name).to_string()
}
