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

#[test]
fn what_cannot_be_converted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("event.json"), EVENT).unwrap();
    fs::write(at("bad.json"), "{").unwrap();
    fs::write(at("number.json"), "7").unwrap();
    for (from, to) in
        [("event.json", "x.unknown"), ("bad.json", "x.csv"), ("number.json", "x.csv"), ("none.json", "x.csv")]
    {
        assert_eq!(
            watchfire(&[Path::new("convert"), &at(from), &at(to)]).status.code(),
            Some(2),
            "{from} {to}"
        );
    }
}
