//! MISP events led through STIX and back, and what others' objects become.

use std::collections::BTreeMap;

use serde_json::json;
use watchfire_stix::{Severity, check};

use super::*;

fn event() -> Value {
    json!({
        "uuid": "5e396a1e-68e4-4db5-8810-ca350aba047c", "info": "A campaign", "date": "2021-03-02", "timestamp": "1614700000",
        "published": true, "publish_timestamp": 1_614_700_001, "analysis": "2", "threat_level_id": "1", "extends_uuid": "",
        "Orgc": {"name": "CERT", "uuid": "56bdf779-46f8-4353-bdf9-2bb95bce2212"},
        "Tag": [{"name": "tlp:amber", "colour": "#fff"}, {"name": "PAP:GREEN"}, {"name": "misp-galaxy:threat-actor=\"X\""}],
        "EventReport": [{"name": "n", "content": "prose"}],
        "Attribute": [
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0001", "type": "domain|ip", "value": "evil.example|192.0.2.9",
             "category": "Network activity", "to_ids": true, "comment": "seen", "timestamp": "1614700002", "Tag": [{"name": "tlp:red"}]},
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0002", "type": "comment", "value": "a\nb", "to_ids": true, "comment": ""},
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0001", "type": "md5", "value": "no digest", "to_ids": true, "deleted": false,
             "Tag": [], "data": null, "a b": {"x": []}},
            {"type": "ip-dst|port", "value": "192.0.2.9|443", "to_ids": true, "first_seen": "2021-03-01T00:00:00+0000"},
            {"uuid": "not a uuid", "type": "filename|sha1", "value": "it's.exe|da39a3ee5e6b4b0d3255bfef95601890afd80709", "to_ids": true},
        ],
        "Object": [
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0003", "name": "file", "meta-category": "file", "description": "d",
             "ObjectReference": [{"relationship_type": "related-to"}],
             "Attribute": [{"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0004", "type": "size-in-bytes", "value": "7",
                            "to_ids": false, "object_relation": "size-in-bytes"}]},
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0005", "name": "empty"},
        ],
    })
}

fn objects(bundle: &Value) -> Vec<Value> {
    bundle["objects"].as_array().unwrap().clone()
}

#[track_caller]
fn comes_back(events: &[Value]) -> Vec<Value> {
    let bundle = to_stix(events);
    for object in objects(&bundle) {
        let problems = check(object.to_string().as_bytes());
        let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{object} {errors:?}");
    }
    // Through bytes, as a file would take them.
    let bundle: Value = serde_json::from_str(&bundle.to_string()).unwrap();
    let (back, left_out) = to_misp(&objects(&bundle));
    assert_eq!(left_out, LeftOut::default());
    assert_eq!(back, events);
    objects(&bundle)
}

#[test]
fn an_event_comes_back_as_it_went() {
    let objects = comes_back(&[event()]);
    let types = objects.iter().fold(BTreeMap::new(), |mut types, object| {
        *types.entry(object["type"].as_str().unwrap()).or_insert(0) += 1;
        types
    });
    assert_eq!((types["indicator"], types["note"], types["report"], types["grouping"]), (3, 3, 1, 2));
    let mut other = event();
    other["uuid"] = json!("5e396a1e-68e4-4db5-8810-ca350aba047d");
    other.as_object_mut().unwrap().retain(|name, _| name != "Object" && name != "Tag");
    comes_back(&[event(), other, json!({}), json!({"Attribute": [], "Object": []}), json!({"Attribute": 7})]);
}

#[test]
fn the_marking_goes_to_every_member_and_the_strictest_wins() {
    let objects = comes_back(&[event()]);
    let marking = |id: &str| {
        let object = objects.iter().find(|object| object["id"].as_str().unwrap().ends_with(id)).unwrap();
        watchfire_stix::Tlp::of_reference(object["object_marking_refs"][0].as_str().unwrap()).unwrap()
    };
    assert_eq!(marking("ca350aba0001"), watchfire_stix::Tlp::Red);
    assert_eq!(marking("ca350aba0004"), watchfire_stix::Tlp::Amber);
    let mut forged = event();
    forged["Tag"] = json!([{"name": "tlp:mauve"}]);
    let bundle = to_stix(&[forged]);
    assert_eq!(bundle["objects"][0]["name"], "TLP:RED");
}

#[test]
fn objects_that_never_were_misp() {
    let text = r#"[{"type":"indicator","spec_version":"2.1","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836","name":"n",
        "created":"2021-03-02T00:00:00.000Z","modified":"2021-03-02T00:00:00.000Z","pattern_type":"stix","valid_from":"2021-03-02T00:00:00Z",
        "pattern":"[domain-name:value = 'evil.example' OR ipv4-addr:value = '192.0.2.9']",
        "object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]},
        {"type":"indicator","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0837","pattern_type":"yara","pattern":"rule x"},
        {"type":"malware","id":"malware--e2e1a340-4415-4ba8-9671-f7343fbf0838","name":"m"}]"#;
    let objects: Vec<Value> = serde_json::from_str(text).unwrap();
    let (events, left_out) = to_misp(&objects);
    let event = &events[0];
    assert_eq!(event["Attribute"][0]["uuid"], "e2e1a340-4415-4ba8-9671-f7343fbf0836");
    assert_eq!(
        (&event["Attribute"][0]["type"], &event["Attribute"][1]["value"]),
        (&json!("domain"), &json!("192.0.2.9"))
    );
    assert_eq!(event["Tag"][0]["name"], "tlp:green");
    let lines: Vec<String> = left_out.lines().collect();
    assert_eq!(
        lines,
        ["1 indicators: patterns of the type yara are not read here", "1 objects of the type malware"]
    );
}

#[test]
fn tables_lists_and_feeds() {
    let (table, left_out) = csv(&[event()]);
    assert!(table.contains("evil.example|192.0.2.9,domain|ip,1,seen,5e396a1e-68e4-4db5-8810-ca350aba0001,A campaign,CERT,tlp:red\r\n"));
    assert_eq!((table.lines().count(), left_out.count()), (8, 5));
    assert_eq!(text(&[event()]).0.lines().count(), 4);
    let files = feed(&[event()]);
    assert_eq!(files.len(), 3);
    assert!(
        files["hashes.csv"].contains("d5d3bb8a7c3a4ac8d10f9dc2b4dd7a3a")
            || files["hashes.csv"].lines().count() == 9
    );
}

/// A public feed of 13 events, where it is at hand.
#[test]
#[allow(clippy::disallowed_methods)] // data of a known size
fn a_public_feed_loses_nothing() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/platforms/certfr-misp-feed");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: the feed is not at hand");
        return;
    };
    let mut read = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !["manifest.json", "hashes.csv"].contains(&name.as_str()) {
            read.extend(events(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()));
        }
    }
    comes_back(&read);
    let all: Vec<&Value> = read.iter().flat_map(attributes).collect();
    let comments = all.iter().filter(|attribute| !text_of(attribute, "comment").is_empty()).count();
    assert_eq!((read.len(), all.len(), comments), (13, 1913, 1345));
    let mut ours: Vec<String> = feed(&read)["hashes.csv"].lines().map(str::to_owned).collect();
    let theirs = std::fs::read_to_string(folder.join("hashes.csv")).unwrap();
    let mut theirs: Vec<String> = theirs.lines().map(|line| line.trim().to_owned()).collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}
