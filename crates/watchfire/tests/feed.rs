//! The MISP feed of a collection: what each reader may know, in files that MISP pulls.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test that cannot go on stops

mod node_kit;

use node_kit::{Answer, CLEAR, GREEN, Node, RED, TAXII, basic, envelope, id, indicator};
use serde_json::{Value, json};

/// What comes in a second is in the feed when it is over.
fn a_second_passes() {
    std::thread::sleep(std::time::Duration::from_millis(1_200));
}

fn file(node: &Node, name: &str, file: &str) -> Answer {
    // MISP asks without a slash at the end, and for JSON.
    let path = node.root(&format!("collections/intelligence/misp/{file}"));
    node.send("GET", &path, &[("authorization", &basic(name)), ("accept", "application/json")], b"")
}

fn valued(number: u64, value: &str, marking: Option<&str>) -> Value {
    let mut made = indicator(number, 0, marking);
    made["pattern"] = format!("[ipv4-addr:value = '{value}']").into();
    made
}

fn report(number: u64, members: &[String], marking: &str) -> Value {
    json!({
        "type": "report", "spec_version": "2.1", "id": id("report", number), "name": "Intrusion at a ministry",
        "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z", "report_types": ["campaign"],
        "published": "2021-03-03T00:00:00.000Z", "object_refs": members, "object_marking_refs": [marking],
        "created_by_ref": id("identity", 1),
    })
}

/// Values of all attributes of all events of a reader.
fn all_values(node: &Node, name: &str) -> Vec<String> {
    let manifest = file(node, name, "manifest.json").json();
    let mut values = Vec::new();
    for (uuid, entry) in manifest.as_object().unwrap() {
        let event = file(node, name, &format!("{uuid}.json")).json();
        let event = &event["Event"];
        assert_eq!(event["uuid"], *uuid);
        assert_eq!((&event["info"], &event["Tag"]), (&entry["info"], &entry["Tag"]));
        assert_eq!(event["timestamp"], entry["timestamp"].to_string());
        for attribute in event["Attribute"].as_array().unwrap() {
            values.push(attribute["value"].as_str().unwrap().to_owned());
        }
    }
    values.sort_unstable();
    values
}

#[test]
fn each_reader_gets_the_feed_they_may_know() {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    assert_eq!(file(&node, "eve", "manifest.json").json(), json!({}));
    let author = json!({
        "type": "identity", "spec_version": "2.1", "id": id("identity", 1), "name": "CERT-X", "identity_class": "organization",
        "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z", "object_marking_refs": [CLEAR],
    });
    let mut revoked = valued(6, "198.51.100.6", Some(CLEAR));
    revoked["revoked"] = true.into();
    let status = node.post(&envelope(&[
        author,
        valued(1, "198.51.100.1", Some(CLEAR)),
        valued(2, "198.51.100.2", Some(CLEAR)),
        valued(3, "198.51.100.3", Some(RED)),
        valued(4, "198.51.100.4", Some(GREEN)),
        valued(5, "198.51.100.5", Some(CLEAR)),
        revoked,
        report(1, &[id("indicator", 5), id("identity", 1)], CLEAR),
    ]));
    assert_eq!(status.json()["failure_count"], 0, "{}", status.json());
    a_second_passes();
    let everything = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"];
    assert_eq!(all_values(&node, "admin"), everything);
    assert_eq!(all_values(&node, "eve"), ["198.51.100.1", "198.51.100.2", "198.51.100.5"]);
    let manifest = file(&node, "eve", "manifest.json").json();
    assert_eq!(manifest.as_object().unwrap().len(), 2, "one of the day, one of the report");
    let reported = &manifest[&id("report", 1)["report--".len()..]];
    assert_eq!(
        (&reported["info"], &reported["Orgc"]["name"], &reported["date"], &reported["Tag"][0]["name"]),
        (&json!("Intrusion at a ministry"), &json!("CERT-X"), &json!("2021-03-03"), &json!("tlp:clear"))
    );
    // The event of the day of what is RED is there for its recipient, and nowhere for others.
    let red = |manifest: &Value| {
        let events = manifest.as_object().unwrap().iter();
        events.filter(|(_, event)| event["Tag"][0]["name"] == "tlp:red").map(|(uuid, _)| uuid.clone()).next()
    };
    let uuid = red(&file(&node, "admin", "manifest.json").json()).unwrap();
    assert_eq!(red(&manifest), None);
    let hidden = file(&node, "eve", &format!("{uuid}.json"));
    let nowhere = file(&node, "eve", "00000000-0000-4000-8000-000000000000.json");
    assert_eq!((hidden.status, &hidden.body), (404, &nowhere.body));
    let hashes = String::from_utf8(file(&node, "eve", "hashes.csv").body).unwrap();
    assert_eq!(hashes.lines().count(), 3);
    // md5 of 198.51.100.1
    assert!(hashes.contains("dd0458e5070d71722af7a64f5dda17f0,"), "{hashes}");
}

#[test]
fn a_feed_is_not_sent_twice_and_is_no_other_path() {
    let node = Node::new();
    node.post(&envelope(&[valued(1, "198.51.100.1", Some(CLEAR))]));
    a_second_passes();
    let first = file(&node, "admin", "manifest.json");
    let tag = first.header("etag").unwrap().to_owned();
    let path = node.root("collections/intelligence/misp/manifest.json");
    let ask = |known: &str| {
        node.send("GET", &path, &[("authorization", &basic("admin")), ("if-none-match", known)], b"")
    };
    let same = ask(&tag);
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(ask("W/\"other\"").status, 200);
    node.post(&envelope(&[valued(2, "198.51.100.2", Some(CLEAR))]));
    a_second_passes();
    assert_eq!(ask(&tag).status, 200, "another feed has another tag");
    for nowhere in ["", "manifest", "x.json", "hashes.csv.json", "..%2fobjects"] {
        assert_eq!(file(&node, "admin", nowhere).status, 404, "{nowhere}");
    }
    assert_eq!(node.send("GET", &path, &[("accept", TAXII)], b"").status, 401);
}

/// What was a MISP event comes back as it was.
#[test]
fn what_was_misp_is_misp_again() {
    let node = Node::new();
    let event = json!({
        "uuid": "5e396a1e-68e4-4db5-8810-ca350aba0099", "info": "An event", "date": "2021-03-05", "timestamp": "1614902400",
        "threat_level_id": "2", "analysis": "2", "published": true, "Orgc": {"name": "CERT-M", "uuid": "5e396a1e-68e4-4db5-8810-ca350aba0001"},
        "Tag": [{"name": "tlp:green"}],
        "Attribute": [
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0011", "type": "ip-dst", "category": "Network activity", "value": "198.51.100.77",
             "to_ids": true, "comment": "beacon", "timestamp": "1614902400", "deleted": false},
            {"uuid": "5e396a1e-68e4-4db5-8810-ca350aba0012", "type": "comment", "category": "Other", "value": "a word",
             "to_ids": false, "comment": "", "timestamp": "1614902400", "deleted": false}
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("e.misp.json"), folder.path().join("e.stix.json"));
    std::fs::write(&from, json!({ "Event": event }).to_string()).unwrap();
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .arg("convert")
        .args([&from, &to])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let bundle: Value = serde_json::from_slice(&std::fs::read(&to).unwrap()).unwrap();
    let status = node.post(&bundle).json();
    assert_eq!(status["failure_count"], 0, "{status}");
    a_second_passes();
    let manifest = file(&node, "admin", "manifest.json").json();
    assert_eq!(
        manifest.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["5e396a1e-68e4-4db5-8810-ca350aba0099"]
    );
    let back = file(&node, "admin", "5e396a1e-68e4-4db5-8810-ca350aba0099.json").json();
    assert_eq!(back["Event"], event);
}
