//! Rows of tables, lists and OpenIOC as STIX objects and as MISP events.
//!
//! Rows of one report by one author are one report, or one event. Nothing in a table says when its objects were made,
//! so that is the time of the conversion, and ids are made of it: the same id never means two things.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use watchfire_intel::Kind;
use watchfire_stix::Tlp;

use super::pattern::pattern;
use super::row::{Row, misp_type};
use super::to_stix::derived;
use super::{LeftOut, marking_objects};
use crate::intel::types;

/// Rows by report and author, in the order in which these first stand.
fn groups(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let place = *places.entry((&row.report, &row.author)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    groups
}

/// What a label asks for; what claims to be TLP and is not is RED.
fn tlp(row: &Row) -> Option<Tlp> {
    (!row.tlp.is_empty()).then(|| Tlp::of_label(&row.tlp).unwrap_or(Tlp::Red))
}

/// Rows as a STIX 2.1 bundle, made at a time.
pub fn rows_to_stix(rows: &[Row], now: Timestamp) -> (Value, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut objects = Vec::new();
    let now = format!("{now:.3}");
    for group in groups(rows) {
        objects.extend(report(&group, &now, &mut left_out));
    }
    let mut all = marking_objects(rows.iter().filter_map(tlp));
    all.append(&mut objects);
    let id = derived("bundle", &format!("{now} {}", rows.len()));
    (json!({"type": "bundle", "id": format!("bundle--{id}"), "objects": all}), left_out)
}

fn report(group: &[&Row], now: &str, left_out: &mut LeftOut) -> Vec<Value> {
    let Some(Row { report, author, .. }) = group.first() else { return Vec::new() };
    let id = |object_type: &str, name: &str| {
        format!("{object_type}--{}", derived(object_type, &format!("{now} {author} {report} {name}")))
    };
    let common = |object_type: &str, id: String, tlp: Option<Tlp>| {
        let mut object =
            json!({"type": object_type, "spec_version": "2.1", "id": id, "created": now, "modified": now});
        if let Some(tlp) = tlp {
            object["object_marking_refs"] = json!([tlp.marking_id()]);
        }
        object
    };
    let strictest = group.iter().filter_map(|row| tlp(row)).max();
    let mut objects = Vec::new();
    let author = (!author.is_empty()).then(|| {
        let mut identity = common("identity", id("identity", ""), None);
        (identity["name"], identity["identity_class"]) = (json!(author), json!("unknown"));
        objects.push(identity);
        objects[0]["id"].clone()
    });
    let mut members: Vec<Value> = Vec::new();
    for row in group {
        let Some(pattern) = pattern(&row.value_type, &row.value) else {
            left_out.note(format!("values of the type {}", row.value_type));
            continue;
        };
        let place = members.len();
        let mut object = common("indicator", id("indicator", &format!("{place} {pattern}")), tlp(row));
        indicator(row, &pattern, now, &mut object, left_out);
        members.push(object["id"].clone());
        objects.push(object);
    }
    if !report.is_empty() && !members.is_empty() {
        let mut object = common("report", id("report", ""), strictest);
        (object["name"], object["published"], object["object_refs"]) =
            (json!(report), json!(now), json!(members));
        object["report_types"] = json!(["indicator"]);
        objects.push(object);
    }
    if let Some(author) = author {
        let is_identity = |object: &Value| object["type"] == "identity";
        objects.iter_mut().filter(|object| !is_identity(object)).for_each(|object| {
            object["created_by_ref"] = author.clone();
        });
    }
    objects
}

/// What a row says, as properties of an indicator.
fn indicator(row: &Row, pattern: &str, now: &str, object: &mut Value, left_out: &mut LeftOut) {
    object["name"] = json!(row.value);
    object["indicator_types"] = json!(["malicious-activity"]);
    (object["pattern"], object["pattern_type"], object["pattern_version"]) =
        (json!(pattern), json!("stix"), json!("2.1"));
    let from = if row.valid_from.is_empty() { now } else { &row.valid_from };
    object["valid_from"] = json!(from);
    if !row.valid_until.is_empty() {
        // `valid_until` must be later (§4.7).
        let later = row.valid_until.parse::<Timestamp>().ok() > from.parse::<Timestamp>().ok();
        if later || row.valid_from.is_empty() {
            object["valid_until"] = json!(row.valid_until);
            if !later {
                object["valid_from"] = json!(day_before(&row.valid_until));
            }
        } else {
            left_out.note("validities that end before they begin");
        }
    }
    let said = [&row.comment, &row.report, &row.value].into_iter().find(|text| !text.is_empty());
    object["description"] = json!(said);
    if let Some(confidence) = row.confidence {
        object["confidence"] = json!(confidence);
    }
    if !row.uuid.is_empty() {
        // Somebody else's object is named, not written anew (§3.6).
        let source = if row.author.is_empty() { "source" } else { &row.author };
        object["external_references"] = json!([{"source_name": source, "external_id": row.uuid}]);
    }
}

/// A table that says until when, but not from when, said it before then.
fn day_before(until: &str) -> String {
    let until = until.parse::<Timestamp>().unwrap_or_default();
    until.checked_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(until).to_string()
}

/// Rows as MISP events, made at a time.
pub fn rows_to_misp(rows: &[Row], now: Timestamp) -> (Vec<Value>, LeftOut) {
    let mut left_out = LeftOut::default();
    let events = groups(rows).iter().map(|group| event(group, now, &mut left_out)).collect();
    (events, left_out)
}

fn event(group: &[&Row], now: Timestamp, left_out: &mut LeftOut) -> Value {
    let (report, author) =
        group.first().map(|row| (row.report.as_str(), row.author.as_str())).unwrap_or_default();
    let uuid = |name: &str| derived("misp", &format!("{now} {author} {report} {name}")).to_string();
    let seconds = now.as_second().to_string();
    let attribute = |(number, row): (usize, &&Row)| {
        let kind = types::misp(&row.value_type).unwrap_or(Kind::Text);
        let tlp = tlp(row).map(|tlp| json!({"name": tlp.label().to_ascii_lowercase()}));
        let sure = row.confidence.map(|confidence| json!({"name": confidence_tag(confidence)}));
        let tags: Vec<Value> = tlp.into_iter().chain(sure).collect();
        json!({
            "uuid": if row.uuid.is_empty() { uuid(&format!("{number} {}", row.value)) } else { row.uuid.clone() },
            "type": row.value_type, "category": misp_type(kind, &row.value).1, "value": row.value,
            "to_ids": row.to_ids, "comment": row.comment, "timestamp": seconds, "deleted": false,
            "disable_correlation": false, "Tag": tags,
        })
    };
    for row in group {
        for (what, name) in
            [(&row.valid_from, "beginnings of validity"), (&row.valid_until, "ends of validity")]
        {
            if !what.is_empty() {
                left_out.note(name);
            }
        }
    }
    let attributes: Vec<Value> = group.iter().enumerate().map(attribute).collect();
    let strictest = group.iter().filter_map(|row| tlp(row)).max();
    let tags: Vec<Value> =
        strictest.iter().map(|tlp| json!({"name": tlp.label().to_ascii_lowercase()})).collect();
    json!({
        "info": if report.is_empty() { "Indicators" } else { report }, "uuid": uuid(""),
        "date": &now.to_string()[..10], "timestamp": seconds, "analysis": "2", "threat_level_id": "4",
        "published": false, "Orgc": {"name": author, "uuid": derived("misp", &format!("organisation {author}")).to_string()},
        "Tag": tags, "Attribute": attributes,
    })
}

/// MISP's taxonomy, by the scale of STIX 2.1 appendix A the other way.
pub(super) fn confidence_tag(confidence: u8) -> String {
    let level = match confidence {
        0..13 => "unconfident",
        13..38 => "rarely-confident",
        38..63 => "fairly-confident",
        63..88 => "usually-confident",
        88.. => "completely-confident",
    };
    format!("misp:confidence-level=\"{level}\"")
}
