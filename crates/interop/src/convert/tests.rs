//! MISP events led through STIX and back, and what others' objects become.

use std::collections::BTreeMap;

use serde_json::json;
use watchfire_stix::{Severity, check};

use super::*;
use crate::intel::Format;

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

fn table_of(rows: impl IntoIterator<Item = Row>) -> String {
    let mut out = Vec::new();
    let mut table = Table::new(&mut out).unwrap();
    rows.into_iter().for_each(|row| table.row(&row).unwrap());
    table.end().unwrap();
    String::from_utf8(out).unwrap()
}

fn list_of(rows: impl IntoIterator<Item = Row>) -> (String, LeftOut) {
    let mut out = Vec::new();
    let mut list = List::new(&mut out);
    rows.into_iter().for_each(|row| list.row(&row).unwrap());
    let left_out = list.end().unwrap();
    (String::from_utf8(out).unwrap(), left_out)
}

fn read_rows(text: &str, format: Format) -> Rows {
    Rows::read("file", &mut text.as_bytes(), format).unwrap().0
}

#[test]
fn tables_lists_and_feeds() {
    let event = event();
    let table = table_of(event_rows(&event));
    assert!(table.contains("evil.example|192.0.2.9,domain|ip,1,seen,5e396a1e-68e4-4db5-8810-ca350aba0001,A campaign,CERT,tlp:red,,,\r\n"), "{table}");
    assert_eq!((table.lines().count(), beyond_tables(&event).count()), (8, 5));
    let (list, left_out) = list_of(event_rows(&event));
    assert_eq!(list.lines().count(), 4);
    assert!(left_out.lines().any(|line| line == "1 values of several lines"));
    let mut feed = Feed::default();
    let (name, text) = feed.event(&event);
    assert_eq!(
        (name, text),
        (format!("{}.json", text_of(&event, "uuid")), json!({"Event": event}).to_string())
    );
    let [(_, manifest), (_, hashes)] = feed.end();
    assert!(manifest.contains(&text_of(&event, "uuid")));
    assert_eq!(hashes.lines().count(), 9);
}

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_800_000_000, 0);

#[track_caller]
fn is_valid(bundle: &Value) {
    for object in objects(bundle) {
        let mut problems = check(object.to_string().as_bytes());
        // What is behind a URL is not ours to fetch, so its hashes cannot stand beside it (§2.5, a should).
        problems.retain(|problem| problem.what != "hashes should stand beside url");
        assert_eq!(problems, [], "{object}");
    }
}

#[test]
fn a_table_as_stix_as_misp_and_again_as_a_table() {
    let text = "value,type,comment,tlp,source,report,confidence,valid_from,valid_until,uuid\n\
        hxxps://evil[.]example/A,url,seen,amber,CERT,Op,60,2021-03-01,2021-04-01,5e396a1e-68e4-4db5-8810-ca350aba0001\n\
        192.0.2.9,,,,CERT,Op,,,2021-04-01,\n\
        C:\\Temp\\evil it's.exe,filepath,,mauve,,,,,,\nnothing here,,,,,,,,,\n";
    let Rows { rows, .. } = read_rows(text, Format::Csv);
    assert_eq!(rows.len(), 3);
    let (bundle, left_out) = rows_to_stix(&rows, NOW);
    is_valid(&bundle);
    assert_eq!(left_out, LeftOut::default());
    let all = objects(&bundle);
    let types: Vec<&str> = all.iter().map(|object| object["type"].as_str().unwrap()).collect();
    let expected = [
        "marking-definition",
        "marking-definition",
        "identity",
        "indicator",
        "indicator",
        "report",
        "indicator",
    ];
    assert_eq!(types, expected);
    assert_eq!(all[3]["pattern"], "[url:value = 'https://evil.example/A']");
    assert_eq!(all[6]["object_marking_refs"][0], watchfire_stix::Tlp::Red.marking_id());
    // Through STIX it comes back as the table said it, but for UUIDs and times that STIX wants.
    let text = bundle.to_string();
    let names = Names::read(&mut text.as_bytes()).unwrap();
    let mut again = Vec::new();
    let left_out = super::rows(&mut text.as_bytes(), &names, &mut |row| {
        again.push(row.clone());
        Ok(())
    })
    .unwrap();
    assert_eq!(left_out, LeftOut::default());
    let told = |rows: &[Row]| -> Vec<Row> {
        let keep = |row: &Row| Row { uuid: String::new(), valid_from: String::new(), ..row.clone() };
        rows.iter().map(keep).collect()
    };
    let mut first = told(&rows);
    (first[0].comment, first[1].tlp, first[2].tlp) = ("seen".into(), "tlp:amber".into(), "tlp:red".into());
    assert_eq!(told(&again)[..2], first[..2]);
    assert_eq!((again[2].value.as_str(), again[2].tlp.as_str()), (r"C:\Temp\evil it's.exe", "tlp:red"));
    let (events, left_out) = rows_to_misp(&rows, NOW);
    assert_eq!((events.len(), left_out.count()), (2, 3));
    assert_eq!(events[0]["Attribute"][0]["uuid"], "5e396a1e-68e4-4db5-8810-ca350aba0001");
    assert_eq!(events[0]["Attribute"][0]["Tag"][1]["name"], "misp:confidence-level=\"fairly-confident\"");
    assert_eq!(event_rows(&events[0]).next().unwrap().confidence, Some(50));
    comes_back(&events);
}

#[test]
fn lists_and_definitions_as_rows() {
    let values = |text: &str, format| -> Vec<String> {
        read_rows(text, format)
            .rows
            .into_iter()
            .map(|row| format!("{} {}", row.value_type, row.value))
            .collect()
    };
    assert_eq!(
        values("# x\nEvil[.]example\n203.0.113.0/24\nnothing here\n", Format::List),
        ["domain evil.example", "ip-dst 203.0.113.0/24"]
    );
    let ioc = r#"<ioc id="x"><definition><Indicator operator="OR"><IndicatorItem><Context search="FileItem/Md5sum"/>
        <Content type="string">D41D8CD98F00B204E9800998ECF8427E</Content></IndicatorItem></Indicator></definition></ioc>"#;
    assert_eq!(values(ioc, Format::OpenIoc), ["md5 d41d8cd98f00b204e9800998ecf8427e"]);
}

#[test]
fn techniques_with_counts() {
    let text = r#"{"type":"bundle","id":"bundle--e2e1a340-4415-4ba8-9671-f7343fbf0831","objects":[
        {"type":"relationship","relationship_type":"uses","source_ref":"malware--1","target_ref":"attack-pattern--1"},
        {"type":"attack-pattern","id":"attack-pattern--1","name":"Web Shell","external_references":[{"source_name":"x"},
         {"source_name":"mitre-attack","external_id":"T1505.003"}],"x_mitre_domains":["enterprise-attack"]},
        {"type":"attack-pattern","id":"attack-pattern--2","name":"Old","revoked":true},
        {"type":"attack-pattern","id":"attack-pattern--3","name":"Unused","external_references":[{"source_name":"mitre-attack","external_id":"T1003"}]},
        {"type":"relationship","relationship_type":"mitigates","source_ref":"course-of-action--1","target_ref":"attack-pattern--1"},
        {"type":"indicator","labels":["misp-galaxy:mitre-attack-pattern=\"Phishing - T1566\""],
         "external_references":[{"source_name":"mitre-attack","external_id":"T1505.003"}]},
        {"type":"report","object_refs":["attack-pattern--1","malware--1"]}]}"#;
    let (techniques, left_out) = techniques(&mut text.as_bytes()).unwrap();
    let layer = layer(&techniques, "x");
    let scores: Vec<(&str, u64)> = layer["techniques"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["techniqueID"].as_str().unwrap(), row["score"].as_u64().unwrap_or(0)))
        .collect();
    assert_eq!(scores, [("T1003", 0), ("T1505.003", 3), ("T1566", 1)]);
    assert_eq!((&layer["versions"]["layer"], &layer["domain"]), (&json!("4.5"), &json!("enterprise-attack")));
    assert_eq!(layer["gradient"]["maxValue"], 3);
    let lines: Vec<String> = left_out.lines().collect();
    assert_eq!(
        lines,
        ["1 relationships mitigates: no use of a technique", "1 techniques that are revoked or deprecated"]
    );
    let event = json!({"Tag": [{"name": "misp-galaxy:mitre-attack-pattern=\"Web Shell - T1505.003\""}],
        "Attribute": [{"Tag": [{"name": "misp-galaxy:mitre-attack-pattern=\"Web Shell - T1505.003\""}]}]});
    let mut techniques = Techniques::default();
    techniques.event(&event);
    assert_eq!(super::layer(&techniques, "x")["techniques"][0]["score"], 2);
}

fn advisory() -> Value {
    json!({
        "document": {
            "category": "csaf_security_advisory", "csaf_version": "2.0", "title": "Holes in a server",
            "publisher": {"category": "vendor", "name": "Vendor", "namespace": "https://vendor.example"},
            "distribution": {"tlp": {"label": "AMBER"}},
            "notes": [{"category": "summary", "text": "Two holes."}, {"category": "legal_disclaimer", "text": "As is."}],
            "tracking": {"id": "V-1", "status": "final", "version": "2", "initial_release_date": "2021-03-02T00:00:00Z",
                "current_release_date": "2021-03-03T10:00:00.5+01:00", "revision_history": [{"number": "1"}, {"number": "2"}]},
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "Vendor", "branches": [
            {"category": "product_name", "name": "Server", "branches": [
                {"category": "product_version", "name": "15.1", "product": {"product_id": "P1", "name": "Server 15.1",
                 "product_identification_helper": {"cpe": "cpe:2.3:a:vendor:server:15.1:*:*:*:*:*:*:*", "purl": "pkg:x"}}},
                {"category": "product_version", "name": "15.2", "product": {"product_id": "P2", "name": "Server 15.2"}}]}]}]},
        "vulnerabilities": [{"cve": "CVE-2021-26855", "cwe": {"id": "CWE-918", "name": "SSRF"},
            "notes": [{"category": "description", "text": "A request forged."}], "scores": [{"cvss_v3": {}}],
            "product_status": {"known_affected": ["P1"], "fixed": ["P2", "P9"]},
            "remediations": [{"category": "vendor_fix", "details": "Install it", "url": "https://vendor.example/fix"},
                {"category": "vendor_fix", "details": "Install it"}]}, {"title": "Another"}],
    })
}

#[test]
fn an_advisory() {
    let (bundle, left_out) = csaf_to_stix(&advisory()).unwrap();
    is_valid(&bundle);
    assert_eq!(csaf_to_stix(&advisory()).unwrap().0, bundle, "the same advisory gives the same bundle");
    let all = objects(&bundle);
    let count = |kind: &str| all.iter().filter(|object| object["type"] == kind).count();
    assert_eq!(
        ["vulnerability", "software", "course-of-action", "relationship", "report", "identity"].map(count),
        [2, 2, 1, 3, 1, 1]
    );
    let report = all.last().unwrap();
    assert_eq!(
        (&report["name"], &report["description"]),
        (&json!("Holes in a server"), &json!("Two holes."))
    );
    assert_eq!(report["modified"], "2021-03-03T09:00:00.500Z");
    assert_eq!(report["object_marking_refs"][0], watchfire_stix::Tlp::Amber.marking_id());
    let lines: Vec<String> = left_out.lines().collect();
    assert!(lines.contains(&"1 scores (CVSS)".to_owned()), "{lines:?}");
    assert!(lines.contains(&"1 statuses of products that are not in the tree".to_owned()), "{lines:?}");
    let (events, _) = to_misp(&all);
    assert_eq!(events[0]["Attribute"][0]["value"], "CVE-2021-26855");
    let mut other = advisory();
    other["document"]["csaf_version"] = json!("1.2");
    assert_eq!(csaf_to_stix(&other), Err(CsafError::Version("1.2".to_owned())));
    other = advisory();
    other["document"]["tracking"]["id"] = Value::Null;
    assert_eq!(csaf_to_stix(&other), Err(CsafError::Missing("/document/tracking/id")));
    assert!(csaf_to_stix(&json!([])).is_err());
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
    let mut ours: Vec<String> =
        read.iter().map(hash_lines).collect::<String>().lines().map(str::to_owned).collect();
    let theirs = std::fs::read_to_string(folder.join("hashes.csv")).unwrap();
    let mut theirs: Vec<String> = theirs.lines().map(|line| line.trim().to_owned()).collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}
