//! What analysts ask of a hunt besides the verdict: fewer rules, an allow-list, numbers, other columns.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops

mod common;

use std::fs;

use common::{example, watchfire};
use serde_json::Value;

/// What a hunt over the example prints, and how it ends.
fn hunt(arguments: &[&str]) -> (i32, String, String) {
    let example = example();
    let output = watchfire([&["hunt", example.to_str().unwrap()], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn lines(arguments: &[&str], kind: &str) -> Vec<Value> {
    let arguments = [&["--format", "jsonl"], arguments].concat();
    let (_, out, _) = hunt(&arguments);
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).collect()
}

fn names(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["rule"]["name"].as_str().unwrap()).collect()
}

#[test]
fn rules_are_chosen_by_level_tag_and_name() {
    let all = lines(&["--min-level", "informational"], "finding");
    let name = names(&all)[0];
    let without = lines(&["--min-level", "informational", "--exclude", &format!("rule={name}")], "finding");
    assert!(!without.is_empty() && !names(&without).contains(&name));
    let only = lines(&["--min-level", "informational", "--include", &format!("rule={name}")], "finding");
    assert!(!only.is_empty() && names(&only).iter().all(|other| *other == name));
    let loud = lines(&["--include", "level=critical"], "finding");
    assert!(!loud.is_empty() && loud.iter().all(|finding| finding["rule"]["level"] == "critical"));
    assert!(lines(&["--include", "level=critical"], "rules")[0]["left_out"].as_u64().unwrap() > 0);
    assert_eq!(lines(&[], "rules")[0]["left_out"], 0);
    for wrong in ["level", "level=loud", "colour=red"] {
        let (status, _, said) = hunt(&["--include", wrong]);
        assert_eq!(status, 2, "{said}");
        assert!(said.contains("hint:"), "{said}");
    }
}

#[test]
fn a_profile_names_files_and_rules_and_changes_no_answer() {
    let (status, plain, _) = hunt(&[]);
    let (same, profiled, said) = hunt(&["--profile"]);
    assert_eq!((status, plain), (same, profiled));
    let table =
        |head: &str| said.split(head).nth(1).map(|table| table.lines().nth(1).unwrap().trim().to_owned());
    let file = table("MB/s  file").expect("a table of files");
    assert!(file.contains("exchange-2016"), "{file}");
    // Woken at least as often as matched, and some rule did both.
    let rule = table("matched  rule").expect("a table of rules");
    let [_, woken, matched] = [0, 1, 2].map(|column| rule.split_whitespace().nth(column).unwrap());
    assert!(woken.parse::<u64>().unwrap() >= matched.parse().unwrap(), "{rule}");
}

#[test]
fn the_allow_list_takes_out_and_says_so() {
    let all = lines(&[], "finding");
    let (rule, server) = (&all[0]["rule"]["id"], &all[0]["server"]);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("allow.yml");
    let text = format!(
        "- {{rule: {rule}, server: {server}, reason: rehearsal, by: a.b}}\n\
         - {{rule: no-such-rule, reason: backup, by: c.d}}\n"
    );
    fs::write(&list, text).unwrap();
    let list = list.to_str().unwrap();
    let rest = lines(&["--allow", list], "finding");
    assert!(rest.iter().all(|finding| finding["rule"]["id"] != *rule || finding["server"] != *server));
    let told = lines(&["--allow", list], "suppressed");
    assert_eq!(told.len(), 2);
    assert!(told[0]["findings"].as_u64().unwrap() > 0 && told[0]["reason"] == "rehearsal");
    assert_eq!((&told[1]["findings"], &told[1]["by"]), (&Value::from(0), &Value::from("c.d")));
    let (_, human, _) = hunt(&["--allow", list]);
    assert!(human.contains("left out by the allow-list") && human.contains("rehearsal (by a.b)"), "{human}");
    fs::write(folder.path().join("bad.yml"), "- {rule: x, by: a.b}\n").unwrap();
    let (status, _, said) = hunt(&["--allow", folder.path().join("bad.yml").to_str().unwrap()]);
    assert!(status == 2 && said.contains("reason"), "{said}");
}

#[test]
fn the_numbers_are_those_of_the_findings() {
    let findings = lines(&[], "finding");
    let summary = &lines(&["--summary"], "summary")[0];
    let sum = |table: &str| {
        summary[table].as_array().unwrap().iter().map(|row| row["findings"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(sum("levels"), findings.len() as u64);
    assert_eq!(sum("histogram") + summary["untimed"].as_u64().unwrap(), findings.len() as u64);
    let of_technique = findings
        .iter()
        .filter(|finding| finding["attack"].as_array().unwrap().contains(&summary["attack"][0]["name"]));
    assert_eq!(summary["attack"][0]["findings"].as_u64().unwrap(), of_technique.count() as u64);
    assert!(lines(&[], "summary").is_empty());
}

#[test]
fn columns_are_stable_and_can_be_chosen() {
    let (_, standard, _) = hunt(&["--format", "csv"]);
    assert!(standard.starts_with("time,server,stage,outcome,level,rule,title,artifact,client,file,"));
    let (_, chosen, _) = hunt(&["--format", "csv", "--columns", "level,id"]);
    assert!(chosen.starts_with("level,id\r\n"), "{chosen}");
    assert_eq!(chosen.lines().count(), standard.lines().count());
    let (status, _, said) = hunt(&["--columns", "loud"]);
    assert!(status == 2 && said.contains("hint:"), "{said}");
}
