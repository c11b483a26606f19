//! `watchfire pattern`: exit codes and what is printed.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use std::fs;
use std::process::{Command, Output};

fn watchfire(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchfire")).arg("pattern").args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn check_says_where_and_why() {
    let valid = watchfire(&["check", "[a:b == 1]"]);
    assert_eq!((code(&valid), &*valid.stdout), (0, &b"valid: [a:b = 1]\n"[..]));
    let invalid = watchfire(&["check", "[a:b = x]"]);
    let printed = String::from_utf8(invalid.stdout.clone()).unwrap();
    assert_eq!(code(&invalid), 1, "{printed}");
    assert!(
        printed.starts_with("invalid: column 8: `x` stands where a constant is expected\nhint: "),
        "{printed}"
    );
    let rows = watchfire(&["check", "[a:b = x]", "--format", "jsonl"]);
    let row: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    assert_eq!((&row["valid"], &row["problems"][0]["column"]), (&false.into(), &8.into()));
}

#[test]
fn match_takes_one_object_a_list_and_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let times = r#""number_observed":1,"first_observed":"2021-03-02T00:00:00Z","last_observed":"2021-03-02T00:00:00Z""#;
    let one = format!(
        r#"{{"type":"observed-data","id":"observed-data--1",{times},"objects":{{"0":{{"type":"file","size":5}}}}}}"#
    );
    let bundle = format!(
        r#"{{"type":"bundle","objects":[{{"type":"observed-data","id":"observed-data--1",{times},"object_refs":["file--1"]}},
        {{"type":"file","id":"file--1","size":5}}]}}"#
    );
    let path = folder.path().join("observed.json");
    for (text, key) in [(&one, "0"), (&format!("[{one}]"), "0"), (&bundle, "file--1")] {
        fs::write(&path, text).unwrap();
        let file = path.to_str().unwrap();
        let found = watchfire(&["match", "[file:size = 5]", file]);
        let printed = String::from_utf8(found.stdout.clone()).unwrap();
        assert_eq!((code(&found), printed), (0, format!("observed-data--1  objects: {key}\n")));
        assert_eq!(code(&watchfire(&["match", "[file:size = 6]", file])), 1);
        assert_eq!(code(&watchfire(&["match", "[file:size = ]", file])), 2);
    }
    fs::write(&path, "{").unwrap();
    assert_eq!(code(&watchfire(&["match", "[file:size = 5]", path.to_str().unwrap()])), 2);
    fs::write(&path, "{}").unwrap();
    assert_eq!(code(&watchfire(&["match", "[file:size = 5]", path.to_str().unwrap()])), 2);
}
