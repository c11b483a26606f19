//! MISP events as a STIX 2.1 bundle.
//!
//! An event is a report, its organisation an identity, an object of MISP's a grouping. An attribute that is meant for
//! detection and can be asked for is an indicator; any other is a note on the report. Each carries what MISP said in
//! the extension, and the marking of its event or its own, whichever is stricter.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use watchfire_stix::{Tlp, Uuid};

use super::pattern::pattern;
use super::{MISP_EXTENSION, is_set, list, pack, tags, text_of};

/// The namespace of ids for what has no UUID that STIX would take.
const NAMESPACE: Uuid = Uuid::from_bytes([
    0x2b, 0x8e, 0x0d, 0x6a, 0x91, 0x3c, 0x4e, 0x52, 0xb0, 0x77, 0x5c, 0x1f, 0x8a, 0x64, 0xe3, 0x09,
]);

/// When the extension was defined; its definition and its author are the same in every bundle.
const DEFINED: &str = "2026-11-25T00:00:00.000Z";

/// Events as one bundle.
pub fn to_stix(events: &[Value]) -> Value {
    let mut to = ToStix::default();
    let objects: Vec<Value> = events.iter().flat_map(|event| to.event(event)).collect();
    json!({"type": "bundle", "id": to.bundle_id(), "objects": objects})
}

/// Events as one bundle, one at a time: what they share is told with the first that needs it.
#[derive(Default)]
pub struct ToStix {
    bundle: Bundle,
    told: BTreeSet<Tlp>,
    events: Vec<String>,
}

impl ToStix {
    /// The objects that an event adds.
    pub fn event(&mut self, event: &Value) -> Vec<Value> {
        if self.events.is_empty() {
            self.bundle.extension();
        }
        self.events.push(text_of(event, "uuid"));
        Event::of(event, &mut self.bundle).write();
        let markings = std::mem::take(&mut self.bundle.markings);
        let mut objects = marking_objects(markings.difference(&self.told).copied());
        self.told.extend(markings);
        objects.append(&mut self.bundle.objects);
        objects
    }

    /// The id of the bundle of all events so far: the same events give the same.
    pub fn bundle_id(&self) -> String {
        format!("bundle--{}", derived("bundle", &self.events.join(" ")))
    }
}

/// The published definitions of markings, each once.
pub(super) fn marking_objects(markings: impl Iterator<Item = Tlp>) -> Vec<Value> {
    let once: BTreeSet<Tlp> = markings.collect();
    let object = |tlp: Tlp| serde_json::from_str(&tlp.definition()).expect("a published object is JSON");
    once.into_iter().map(object).collect()
}

#[derive(Default)]
struct Bundle {
    objects: Vec<Value>,
    markings: BTreeSet<Tlp>,
    identities: BTreeMap<String, String>,
    /// Ids that are taken: MISP lets two things of different kinds share a UUID, and an attribute stand twice.
    taken: BTreeSet<String>,
}

impl Bundle {
    fn extension(&mut self) {
        let author = format!("identity--{}", derived("identity", "watchfire"));
        self.objects.push(json!({
            "type": "identity", "spec_version": "2.1", "id": author, "created": DEFINED, "modified": DEFINED,
            "name": "Watchfire", "identity_class": "system",
        }));
        self.objects.push(json!({
            "type": "extension-definition", "spec_version": "2.1", "id": MISP_EXTENSION, "created": DEFINED,
            "modified": DEFINED, "created_by_ref": author, "name": "MISP",
            "description": "What a MISP event, object or attribute said, as JSON of MISP's own: see docs/misp-extension.md",
            "schema": "docs/misp-extension.md", "version": "1.0", "extension_types": ["property-extension"],
        }));
    }

    /// The identity of an organisation.
    fn identity(&mut self, organisation: &Value, time: &str) -> String {
        let (uuid, name) = (text_of(organisation, "uuid"), text_of(organisation, "name"));
        let key = format!("{uuid} {name}");
        if let Some(id) = self.identities.get(&key) {
            return id.clone();
        }
        let id = self.id("identity", &uuid, &key);
        self.objects.push(json!({
            "type": "identity", "spec_version": "2.1", "id": id, "created": time, "modified": time,
            "name": if name.is_empty() { "unknown" } else { &name }, "identity_class": "organization",
        }));
        self.identities.insert(key, id.clone());
        id
    }

    /// An id with MISP's own UUID in it where STIX takes that (§2.9), and where nothing else has it.
    fn id(&mut self, object_type: &str, uuid: &str, name: &str) -> String {
        let own = Uuid::parse(uuid).filter(|uuid| uuid.is_rfc4122() && matches!(uuid.version(), 4 | 5));
        let mut id = format!(
            "{object_type}--{}",
            own.unwrap_or_else(|| derived(object_type, &format!("{uuid} {name}")))
        );
        let mut copy = 0;
        while !self.taken.insert(id.clone()) {
            copy += 1;
            id = format!("{object_type}--{}", derived(object_type, &format!("{uuid} {name} {copy}")));
        }
        id
    }
}

pub(super) fn derived(object_type: &str, name: &str) -> Uuid {
    let mut bytes = *Uuid::from_name(NAMESPACE, format!("{object_type} {name}").as_bytes()).as_bytes();
    // The namespace of version 5 is kept for observables (§2.9).
    bytes[6] = bytes[6] & 0x0F | 0x40;
    Uuid::from_bytes(bytes)
}

/// An event while it is written.
struct Event<'a> {
    event: &'a Value,
    bundle: &'a mut Bundle,
    author: String,
    report: String,
    time: String,
    members: Vec<String>,
}

impl<'a> Event<'a> {
    fn of(event: &'a Value, bundle: &'a mut Bundle) -> Self {
        let time = time(event).unwrap_or_else(|| date(event));
        let author = bundle.identity(event.get("Orgc").unwrap_or(&Value::Null), &time);
        let report = bundle.id("report", &text_of(event, "uuid"), &text_of(event, "info"));
        Self { event, bundle, author, report, time, members: Vec::new() }
    }

    fn write(mut self) {
        for attribute in list(self.event, "Attribute") {
            let id = self.attribute(attribute, None);
            self.members.push(id);
        }
        for object in list(self.event, "Object") {
            self.object(object);
        }
        let rest = without(self.event, &["Attribute", "Object"]);
        let kept = json!({
            "event": pack(rest), "attributes": is_list(self.event, "Attribute"), "objects": is_list(self.event, "Object"),
        });
        let info = text_of(self.event, "info");
        let published = published(self.event).unwrap_or_else(|| self.time.clone());
        let mut members = self.members.clone();
        if members.is_empty() {
            // A report names something (§4.16); of an empty event, who wrote it.
            members.push(self.author.clone());
        }
        let more = json!({
            "name": if info.is_empty() { "MISP event" } else { &info }, "published": published, "object_refs": members,
            "report_types": ["threat-report"],
        });
        let id = self.report.clone();
        let report = self.common("report", &id, self.event, &self.time.clone(), more, kept);
        self.bundle.objects.push(report);
    }

    /// What all objects have: author, markings, labels, and the extension.
    fn common(
        &mut self,
        object_type: &str,
        id: &str,
        said: &Value,
        time: &str,
        more: Value,
        kept: Value,
    ) -> Value {
        let mut object = json!({
            "type": object_type, "spec_version": "2.1", "id": id, "created": time, "modified": time,
            "created_by_ref": self.author,
        });
        let strictest = tlp(said).max(tlp(self.event));
        if let Some(tlp) = strictest {
            self.bundle.markings.insert(tlp);
            object["object_marking_refs"] = json!([tlp.marking_id()]);
        }
        let labels: BTreeSet<&str> = tags(said).filter(|tag| !tag.is_empty()).collect();
        if !labels.is_empty() {
            object["labels"] = json!(labels);
        }
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        let mut extension = Map::from_iter([("extension_type".to_owned(), json!("property-extension"))]);
        if let Value::Object(kept) = kept {
            extension.extend(kept);
        }
        object["extensions"] = json!({MISP_EXTENSION: extension});
        object
    }

    fn object(&mut self, object: &Value) {
        let id = self.bundle.id("grouping", &text_of(object, "uuid"), &text_of(object, "name"));
        let members: Vec<String> = list(object, "Attribute")
            .iter()
            .map(|attribute| self.attribute(attribute, Some(object)))
            .collect();
        let named = if members.is_empty() { vec![self.report.clone()] } else { members.clone() };
        let name = text_of(object, "name");
        let mut more = json!({"context": "unspecified", "object_refs": named});
        for (property, text) in [("name", name), ("description", text_of(object, "description"))] {
            if !text.is_empty() {
                more[property] = json!(text);
            }
        }
        let kept = json!({"object": pack(without(object, &["Attribute"])), "attributes": is_list(object, "Attribute")});
        let time = time(object).unwrap_or_else(|| self.time.clone());
        let grouping = self.common("grouping", &id, object, &time, more, kept);
        self.bundle.objects.push(grouping);
        self.members.push(id);
        self.members.extend(members);
    }

    /// An attribute as an indicator or as a note; gives its id.
    fn attribute(&mut self, attribute: &Value, within: Option<&Value>) -> String {
        let (kind, value) = (text_of(attribute, "type"), text_of(attribute, "value"));
        let (uuid, comment) = (text_of(attribute, "uuid"), text_of(attribute, "comment"));
        let name = format!("{kind} {value}");
        let time = time(attribute).unwrap_or_else(|| self.time.clone());
        let asked =
            pattern(&kind, &value).filter(|_| is_set(attribute, "to_ids") && !is_set(attribute, "deleted"));
        let kept = json!({"attribute": pack(attribute.clone()), "in_object": within.is_some()});
        let (object_type, more) = if let Some(pattern) = asked {
            let said = [comment, text_of(self.event, "info"), name.clone()]
                .into_iter()
                .find(|text| !text.is_empty());
            let more = json!({
                "name": name, "description": said, "pattern": pattern, "pattern_type": "stix",
                "pattern_version": "2.1", "valid_from": time, "indicator_types": ["malicious-activity"],
            });
            ("indicator", more)
        } else {
            let content = match (value.is_empty(), comment.is_empty()) {
                (true, _) => name.clone(),
                (false, true) => value,
                (false, false) => format!("{value}\n{comment}"),
            };
            ("note", json!({"abstract": name, "content": content, "object_refs": [self.report]}))
        };
        let id = self.bundle.id(object_type, &uuid, &name);
        let object = self.common(object_type, &id, attribute, &time, more, kept);
        self.bundle.objects.push(object);
        id
    }
}

fn is_list(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(Value::is_array)
}

/// An object without some of its members; a list stays away, anything else that stands there is kept.
fn without(value: &Value, names: &[&str]) -> Value {
    let mut rest = value.clone();
    if let Some(members) = rest.as_object_mut() {
        members.retain(|name, value| !(names.contains(&name.as_str()) && value.is_array()));
    }
    rest
}

/// The level of the TLP that tags ask for, the strictest of several. What claims to be one and is not is RED.
fn tlp(value: &Value) -> Option<Tlp> {
    let claims = tags(value).filter(|tag| tag.to_ascii_lowercase().starts_with("tlp:"));
    claims.map(|tag| Tlp::of_label(tag).unwrap_or(Tlp::Red)).max()
}

fn time(value: &Value) -> Option<String> {
    let seconds: i64 = text_of(value, "timestamp").parse().ok().filter(|seconds| *seconds > 0)?;
    Some(format!("{:.3}", Timestamp::from_second(seconds).ok()?))
}

fn published(event: &Value) -> Option<String> {
    let seconds: i64 = text_of(event, "publish_timestamp").parse().ok().filter(|seconds| *seconds > 0)?;
    Some(format!("{:.3}", Timestamp::from_second(seconds).ok()?))
}

fn date(event: &Value) -> String {
    let date = text_of(event, "date").parse::<jiff::civil::Date>().unwrap_or(jiff::civil::date(1970, 1, 1));
    format!("{date}T00:00:00.000Z")
}
