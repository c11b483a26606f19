//! `watchfire stix` as a user runs it: exit codes, places, formats, standard input, and memory on large bundles.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const ADDRESS: &str =
    r#"{"type":"ipv4-addr","id":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4","value":"198.51.100.3"}"#;

/// Runs `watchfire stix` with something on its standard input.
fn stix(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .arg("stix")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn check(arguments: &[&str], input: &str, code: i32, part: &str) {
    let output = stix(arguments, input.as_bytes());
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?} {said}");
    assert!(said.contains(part), "{arguments:?} {said}");
}

fn bundle(objects: &[&str]) -> String {
    let id = "bundle--44af6c39-c09b-49c5-9de2-394224b04982";
    format!(r#"{{"type":"bundle","id":"{id}","objects":[{}]}}"#, objects.join(","))
}

#[test]
fn objects_lists_and_bundles_are_checked() {
    let wrong = ADDRESS.replace("198.51.100.3", "198.51.100.300");
    check(&["check", "-"], ADDRESS, 0, "1 objects, 0 errors");
    check(&["check", "-"], &format!("[{ADDRESS}, {ADDRESS}]"), 0, "2 objects, 0 errors");
    check(&["check", "-"], &bundle(&[ADDRESS]), 0, "1 objects, 0 errors");
    check(&["check", "-"], &bundle(&[ADDRESS, &wrong]), 1, "/objects/1/value");
    check(&["check", "-"], &bundle(&[]), 1, "§2.12");
    check(&["check", "-"], &bundle(&[&bundle(&[ADDRESS])]), 1, "§8");
    check(&["check", "-"], &bundle(&[]).replace("[]", "{}"), 1, "§8.1");
    check(&["check", "-"], &bundle(&[ADDRESS]).replace("\"type\":\"bundle\",", ""), 1, "§8.1");
    check(&["check", "-"], &format!(r#"{{"more":true,"objects":[{ADDRESS}]}}"#), 0, "1 objects, 0 errors");
    check(&["check", "no-such-file.json"], "", 2, "no-such-file.json");
}

#[test]
fn a_file_that_cannot_be_read_does_not_end_the_check() {
    let wrong = ADDRESS.replace("198.51.100.3", "198.51.100.300");
    check(&["check", "no-such-file.json", "-"], &wrong, 2, "/value");
    check(&["check", "no-such-file.json", "-"], &wrong, 2, "1 of 2 files could not be read");
}

#[test]
fn an_error_says_so_once() {
    for text in ["[{]", r#"{"type":"url","type":"url"}"#, "{"] {
        let output = stix(&["id", "-"], text.as_bytes());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.matches("error").count(), 1, "{said}");
    }
}

#[test]
fn what_should_be_is_a_warning_unless_strict() {
    let other = ADDRESS.replace("28bb3599", "28bb3590");
    check(&["check", "-"], &other, 0, "warning");
    check(&["check", "--strict", "-"], &other, 1, "§2.9");
}

#[test]
fn problems_are_told_as_json() {
    let wrong = ADDRESS.replace("198.51.100.3", "198.51.100.300");
    let lines = stix(&["check", "--format", "jsonl", "-"], bundle(&[&wrong]).as_bytes()).stdout;
    let list = stix(&["check", "--format", "json", "-"], bundle(&[&wrong]).as_bytes()).stdout;
    let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
    let lines: Vec<Value> =
        String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, list);
    assert_eq!(list[0]["pointer"], "/objects/0/value");
    let none = stix(&["check", "--format", "json", "-"], ADDRESS.as_bytes()).stdout;
    assert_eq!(serde_json::from_slice::<Value>(&none).unwrap(), Value::Array(Vec::new()));
}

#[test]
fn ids_are_printed_and_compared() {
    let id = "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4\n";
    check(&["id", "-"], ADDRESS, 0, id);
    check(&["id", "-"], r#"{"type":"ipv4-addr","value":"198.51.100.3"}"#, 0, id);
    check(&["id", "-"], &ADDRESS.replace("77cd-5a82", "77cd-4a82"), 0, id);
    check(&["id", "-"], &ADDRESS.replace("28bb3599", "28bb3590"), 1, id);
    check(&["id", "no-such-file.json"], "", 2, "no-such-file.json");
}

#[test]
fn canonical_bytes_and_no_more() {
    let output = stix(&["canonical", "-"], b" { \"b\" : 1.0, \"a\" : \"\\u20ac\" } \n");
    assert_eq!(output.stdout, "{\"a\":\"€\",\"b\":1}".as_bytes());
    assert_eq!(output.status.code(), Some(0));
    for (text, part) in
        [("{\"a\":1,\"a\":1}", "twice"), ("[9007199254740993]", "/0"), ("[\"\\ud800\"]", "surrogate")]
    {
        check(&["canonical", "-"], text, 1, part);
        assert!(stix(&["canonical", "-"], text.as_bytes()).stdout.is_empty());
    }
}

#[test]
fn hostile_texts_are_problems_with_places() {
    let deep = format!("{{\"type\":\"x-a\",\"a_b\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    check(&["check", "-"], &deep, 1, "deeper");
    check(&["check", "-"], &"[".repeat(10_000), 1, "ends");
    check(&["check", "-"], &bundle(&[ADDRESS])[..150], 1, "/objects");
    check(&["check", "-"], &ADDRESS.replace("198.51.100.3", "\\ud800"), 1, "surrogate");
    check(&["check", "-"], &ADDRESS.replace("\"value\"", "\"type\""), 1, "twice");
    check(&["check", "-"], "", 1, "nothing");
}
