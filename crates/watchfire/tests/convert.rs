//! `watchfire convert` as a user runs it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test that cannot go on stops

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const EVENT: &str = r#"{"Event":{"uuid":"5e396a1e-68e4-4db5-8810-ca350aba047c","info":"Op","date":"2021-03-02","timestamp":"1614700000",
"Orgc":{"name":"CERT","uuid":"56bdf779-46f8-4353-bdf9-2bb95bce2212"},"Tag":[{"name":"tlp:amber"}],"Attribute":[
{"uuid":"5e396a1e-68e4-4db5-8810-ca350aba0001","type":"domain","value":"evil.example","to_ids":true,"comment":"c","timestamp":"1614700000"},
{"uuid":"5e396a1e-68e4-4db5-8810-ca350aba0002","type":"text","value":"x","to_ids":false,"comment":"","timestamp":"1614700000"}]}}"#;

fn watchfire(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchfire")).args(arguments).output().unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn to_stix_and_back_and_to_a_feed_a_table_and_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("event.json"), EVENT).unwrap();
    let convert = |from: &str, to: &str| {
        let output = watchfire(&[Path::new("convert"), &at(from), &at(to)]);
        assert_eq!(output.status.code(), Some(0), "{from} {to} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    };
    convert("event.json", "bundle.stix.json");
    let check =
        watchfire(&[Path::new("stix"), Path::new("check"), Path::new("--strict"), &at("bundle.stix.json")]);
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stdout));
    convert("bundle.stix.json", "back.misp.json");
    assert_eq!(json(&at("back.misp.json")), serde_json::from_str::<Value>(EVENT).unwrap());
    fs::create_dir(at("feed")).unwrap();
    convert("bundle.stix.json", "feed");
    assert_eq!(json(&at("feed/5e396a1e-68e4-4db5-8810-ca350aba047c.json")), json(&at("back.misp.json")));
    convert("feed", "again.stix.json");
    assert_eq!(json(&at("again.stix.json")), json(&at("bundle.stix.json")));
    convert("event.json", "table.csv");
    let said = convert("event.json", "list.txt");
    assert!(said.contains("left out: 1 attributes that are not meant for detection"), "{said}");
    assert_eq!(fs::read_to_string(at("list.txt")).unwrap(), "evil.example\n");
}

const TABLE: &str = "value,type,source,report,tlp,valid_until,severity\nevil[.]example,domain,CERT,Op,amber,2021-04-01,7\n\
    192.0.2.9,,CERT,Op,,,\nnothing here,,,,,,\n";

const BUNDLE: &str = r#"{"type":"bundle","id":"bundle--e2e1a340-4415-4ba8-9671-f7343fbf0831","objects":[
  {"type":"attack-pattern",  "id":"attack-pattern--e2e1a340-4415-4ba8-9671-f7343fbf0832","name":"Web Shell",
   "external_references":[{"source_name":"mitre-attack","external_id":"T1505.003"}]},
  {"type":"relationship","id":"relationship--e2e1a340-4415-4ba8-9671-f7343fbf0833","relationship_type":"uses",
   "source_ref":"malware--e2e1a340-4415-4ba8-9671-f7343fbf0834","target_ref":"attack-pattern--e2e1a340-4415-4ba8-9671-f7343fbf0832"}]}"#;

const ADVISORY: &str = include_str!("../../../fuzz/seeds/advisory.csaf.json");

/// Converts, and gives what was said.
fn said(from: &Path, to: &Path, code: i32) -> String {
    let output = watchfire(&[Path::new("convert"), from, to]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{} {} {said}", from.display(), to.display());
    said
}

#[test]
fn tables_lists_definitions_and_advisories_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let definition = r#"<ioc id="x"><definition><Indicator operator="OR"><IndicatorItem><Context search="Network/DNS"/><Content type="string">evil.example</Content></IndicatorItem></Indicator></definition></ioc>"#;
    for (name, text) in [
        ("table.csv", TABLE),
        ("list.txt", "# bad\nevil[.]example\n192.0.2.9\n"),
        ("definition.ioc", definition),
        ("advisory.json", ADVISORY),
    ] {
        fs::write(at(name), text).unwrap();
        for to in ["x.stix.json", "x.misp.json", "x.csv", "feed/"] {
            said(&at(name), &at(to), 0);
        }
        let check = watchfire(&[Path::new("stix"), Path::new("check"), &at("x.stix.json")]);
        assert_eq!(check.status.code(), Some(0), "{name} {}", String::from_utf8_lossy(&check.stdout));
        // The same values, whichever way they went.
        said(&at("x.misp.json"), &at("y.csv"), 0);
        said(&at("x.stix.json"), &at("z.csv"), 0);
        let values = |name: &str| -> Vec<String> {
            let table = fs::read_to_string(at(name)).unwrap();
            table.lines().map(|line| line.split(',').take(2).collect()).collect()
        };
        assert_eq!(values("y.csv"), values("x.csv"), "{name}");
        assert_eq!(values("z.csv"), values("x.csv"), "{name}");
    }
    let told = said(&at("table.csv"), &at("x.txt"), 0);
    for line in [
        "left out: 1 values that are no indicators",
        "left out: 1 column that says nothing of an indicator: severity",
        "left out: 1 ends of validity",
        "left out: 1 markings",
        "2 indicators converted",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert_eq!(fs::read_to_string(at("x.txt")).unwrap(), "evil.example\n192.0.2.9\n");
    let told = said(&at("table.csv"), &at("x.misp.json"), 0);
    assert!(told.contains("left out: 1 ends of validity"), "{told}");
}

#[test]
fn a_layer_of_techniques_and_bundles_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("bundle.json"), BUNDLE).unwrap();
    said(&at("bundle.json"), &at("x.layer.json"), 0);
    let layer = json(&at("x.layer.json"));
    assert_eq!(layer["techniques"][0]["techniqueID"], "T1505.003");
    assert_eq!((&layer["techniques"][0]["score"], &layer["versions"]["layer"]), (&1.into(), &"4.5".into()));
    said(&at("bundle.json"), &at("copy.stix.json"), 0);
    assert_eq!(fs::read_to_string(at("copy.stix.json")).unwrap(), BUNDLE);
    assert!(said(&at("bundle.json"), &at("bundle.json"), 2).contains("no format"));
    let told = said(&at("copy.stix.json"), &at("copy.stix.json"), 2);
    assert!(told.contains("the same file"), "{told}");
    assert_eq!(fs::read_to_string(at("copy.stix.json")).unwrap(), BUNDLE);
    assert!(
        said(&at("bundle.json"), &at("x.csv"), 0).contains("left out: 1 objects of the type attack-pattern")
    );
    // STIX 2.0 in the words of 2.1, in whatever it stands; what is of 2.1 is not touched.
    let old = r#"{"type":"tool","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2017-01-01T00:00:00Z","modified":"2017-01-01T00:00:00Z","labels":["remote-access"],"name":"VNC"}"#;
    let new = r#"{"type":"tool","spec_version":"2.1","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2017-01-01T00:00:00.000Z","modified":"2017-01-01T00:00:00.000Z","tool_types":["remote-access"],"name":"VNC"}"#;
    let id = r#""type":"bundle","id":"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd30""#;
    let other = r#"{"type":"x-a",  "spec_version":"2.1","b":1.0}"#;
    let cases = [
        (old.to_owned(), format!("{new}\n")),
        (format!("[{old},{other}]"), format!("[\n{new},\n{other}\n]\n")),
        (
            format!(r#"{{{id},"spec_version":"2.0","objects":[{old}, {other}]}}"#),
            format!("{{\"objects\":[\n{new},\n{other}\n],{id}}}\n"),
        ),
    ];
    for (from, to) in cases {
        fs::write(at("old.json"), from).unwrap();
        let arguments = ["convert", "--upgrade"].map(Path::new);
        let output = watchfire(&[arguments[0], arguments[1], &at("old.json"), &at("new.stix.json")]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_to_string(at("new.stix.json")).unwrap(), to);
    }
    // An object alone, and one that others may read differently.
    let alone = r#"{"type":"indicator","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","pattern_type":"stix","pattern":"[ipv4-addr:value = '198.51.100.7']""#;
    fs::write(at("alone.json"), format!("{alone}}}")).unwrap();
    assert_eq!(said(&at("alone.json"), &at("alone.csv"), 0), "1 values converted\n");
    fs::write(at("twice.json"), format!(r#"{alone},"pattern":"[ipv4-addr:value = '198.51.100.8']"}}"#))
        .unwrap();
    assert!(
        said(&at("twice.json"), &at("twice.csv"), 0)
            .contains("1 objects that others may read differently (RFC 7493 §2.3)")
    );
    // A place for what is wrong, and nothing half written.
    fs::write(at("cut.json"), &BUNDLE[..BUNDLE.len() - 40]).unwrap();
    for to in ["cut.stix.json", "cut.csv", "cut.layer.json"] {
        assert!(said(&at("cut.json"), &at(to), 2).contains("byte "));
        assert!(!at(to).exists(), "{to}");
    }
}

#[test]
fn what_cannot_be_converted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("event.json"), EVENT).unwrap();
    fs::write(at("bad.json"), "{").unwrap();
    fs::write(at("number.json"), "7").unwrap();
    fs::write(at("list.txt"), "evil.example\n").unwrap();
    fs::write(at("csaf.json"), r#"{"document":{"csaf_version":"1.0"}}"#).unwrap();
    for (from, to) in [
        ("event.json", "x.unknown"),
        ("bad.json", "x.csv"),
        ("number.json", "x.csv"),
        ("none.json", "x.csv"),
        ("event.json", "x.layer.json"),
        ("list.txt", "x.layer.json"),
        ("csaf.json", "x.stix.json"),
    ] {
        assert_eq!(
            watchfire(&[Path::new("convert"), &at(from), &at(to)]).status.code(),
            Some(2),
            "{from} {to}"
        );
    }
}
