//! Rules as content: none is dropped without a word, and a hunt counts as `rules check` does.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops

mod common;

use std::fs;
use std::path::Path;

use common::{Answer, hunt, watchfire};
use serde_json::Value;
use tempfile::TempDir;

const GOOD: &str = "title: Shell by a worker
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
status: test
level: high
author: A. Person, B. Person
references:
  - https://example.org/why
tags: [attack.execution, attack.t1059]
logsource: { product: windows, category: process_creation }
detection:
  s:
    Image|endswith: '\\cmd.exe'
  condition: s
";

/// A folder of rules: one good, one for other logs, one that is wrong and one that says so itself.
fn rules() -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("good.yml", GOOD);
    write("linux.yml", &GOOD.replace("product: windows", "product: linux"));
    write("wrong.yml", &GOOD.replace("condition: s", "condition: t"));
    write("unsupported.yml", &GOOD.replace("status: test", "status: unsupported"));
    folder
}

fn checked(folder: &Path, format: &str) -> (i32, String, String) {
    let output = watchfire(["rules", "check", folder.to_str().unwrap(), "--format", format]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn one_event(folder: &Path, image: &str) {
    let event = format!(
        "{{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Computer\":\"h\",\
         \"SystemTime\":\"2021-03-03T05:00:00Z\",{image}}}\n"
    );
    fs::write(folder.join("events.jsonl"), event).unwrap();
}

#[test]
fn every_rule_is_loaded_refused_or_not_applicable() {
    let folder = rules();
    let (code, out, err) = checked(folder.path(), "human");
    assert_eq!(code, 1);
    assert!(err.contains("4 files, 4 documents: 1 loaded, 2 refused, 1 not applicable"), "{err}");
    assert!(
        out.contains(
            "wrong.yml:13:14: refused: unknown search identifier `t`\n  hint: the detection has: s\n"
        )
    );
    assert!(out.contains("unsupported.yml:3:9: refused: the rule says itself that it cannot be used"));
    assert!(out.contains(
        "not applicable: 1 for product: linux, category: process_creation: logs of this system are not read"
    ));

    let all: Value = serde_json::from_str(&checked(folder.path(), "json").1).unwrap();
    assert_eq!(all["counts"]["refused"], 2);
    assert_eq!(all["problems"][1]["line"], 13);
    assert_eq!(all["not_applicable"][0]["rules"], 1);

    let lines = checked(folder.path(), "jsonl").1;
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["problem", "problem", "not_applicable", "counts"]);
}

#[test]
fn a_hunt_counts_as_the_check_does() {
    let (folder, evidence) = (rules(), TempDir::new().unwrap());
    one_event(evidence.path(), r#""Image":"C:\\x.exe""#);
    let builtin_checks = counts(&hunt(evidence.path(), &["--rules", "builtin"]));
    let answer = hunt(evidence.path(), &["--rules", folder.path().to_str().unwrap()]);
    let counts = counts(&answer);
    assert_eq!((&counts["refused_rules"], &counts["not_applicable"][0]["rules"]), (&2.into(), &1.into()));
    assert_eq!(counts["unmapped"].as_array().unwrap().len(), 1);
    // Named checks always apply; of the four rules one can meet a record.
    assert!(counts["loaded"].as_u64().unwrap() < builtin_checks["loaded"].as_u64().unwrap());
}

fn counts(answer: &Answer) -> Value {
    answer.of_kind("rules").next().unwrap().clone()
}

#[test]
fn a_finding_keeps_author_and_references() {
    let (folder, evidence) = (rules(), TempDir::new().unwrap());
    one_event(evidence.path(), r#""Image":"C:\\Windows\\cmd.exe""#);
    let answer = hunt(evidence.path(), &["--rules", folder.path().to_str().unwrap()]);
    let finding = answer.findings().next().unwrap();
    assert_eq!(finding["rule"]["author"], "A. Person, B. Person");
    assert_eq!(finding["rule"]["references"][0], "https://example.org/why");
    assert_eq!(
        (&finding["rule"]["title"], &finding["rule"]["level"]),
        (&"Shell by a worker".into(), &"high".into())
    );
}

#[test]
fn a_list_has_level_status_and_tags() {
    let folder = rules();
    let list = |format| {
        let path = folder.path().to_str().unwrap();
        String::from_utf8(watchfire(["rules", "list", path, "--format", format]).stdout).unwrap()
    };
    let human = list("human");
    let first = human.lines().next().unwrap();
    assert_eq!(
        first.split_whitespace().collect::<Vec<_>>().join(" "),
        "high test rule 929a690e-bef0-4204-a928-ef5e620d6fcc Shell by a worker attack.execution attack.t1059"
    );
    let lines = list("jsonl");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["tags"][1], "attack.t1059");
    assert_eq!(first["logsource"], "product: windows, category: process_creation");
    let all: Value = serde_json::from_str(&list("json")).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[test]
fn a_pipeline_gives_rules_the_names_of_an_environment() {
    let (folder, evidence) = (rules(), TempDir::new().unwrap());
    one_event(evidence.path(), r#""process_path":"C:\\Windows\\cmd.exe""#);
    let pipeline = folder.path().join("names.pipeline");
    fs::write(
        &pipeline,
        "transformations:\n  - type: field_name_mapping\n    mapping: { Image: process_path }\n",
    )
    .unwrap();
    let rules = ["--rules", folder.path().to_str().unwrap()];
    assert_eq!(hunt(evidence.path(), &rules).findings().count(), 0);
    let with = [rules[0], rules[1], "--pipeline", pipeline.to_str().unwrap()];
    assert_eq!(hunt(evidence.path(), &with).findings().count(), 1);
}

#[test]
fn a_pipeline_that_is_not_understood_stops_the_hunt() {
    let folder = rules();
    let pipeline = folder.path().join("p.pipeline");
    fs::write(&pipeline, "transformations:\n  - type: set_state\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let output = watchfire(["rules", "check", path, "--pipeline", pipeline.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("p.pipeline:2:11: refused: the transformation `set_state` is not supported"),
        "{told}"
    );
    assert!(told.contains("hint: there are field_name_mapping"), "{told}");
}

const LOGONS: &str = r"
title: Failed logon
name: failed
id: 6f0d8c1e-3f0a-4c36-9d3f-000000000001
logsource: { product: windows, service: security }
detection:
  selection: { EventID: 4625 }
  condition: selection
level: low
---
title: Many failed logons of one account
id: 6f0d8c1e-3f0a-4c36-9d3f-000000000002
correlation:
  type: event_count
  rules: [failed]
  group-by: [TargetUserName]
  timespan: 5m
  condition: { gte: 3 }
level: LEVEL
";

/// Failed logons as JSON lines and as an event file: three of bob's, one of ann's.
fn failed_logons(folder: &Path) {
    use watchfire_lab::evtx::{Event, Payload, Value, file_time, write};
    let logons = [("bob", 0_i64), ("bob", 60), ("ann", 90), ("bob", 120)];
    let event = |(record, (user, second)): (usize, &(&str, i64))| Event {
        record: record as u64 + 1,
        event_id: 4625,
        provider: "Microsoft-Windows-Security-Auditing".to_owned(),
        channel: "Security".to_owned(),
        time: file_time(1_614_749_091_000 + second * 1000),
        computer: "FILE".to_owned(),
        payload: Payload::EventData(vec![("TargetUserName".to_owned(), Value::String((*user).to_owned()))]),
        ..Event::default()
    };
    fs::write(folder.join("a.evtx"), write(&logons.iter().enumerate().map(event).collect::<Vec<_>>()))
        .unwrap();
    let line = |(user, second): &(&str, i64)| {
        format!(
            r#"{{"EventID":4625,"Channel":"Security","Computer":"LINES","TimeCreated":"2021-03-03T05:{:02}:{:02}Z","TargetUserName":"{user}"}}"#,
            second / 60,
            second % 60
        )
    };
    fs::write(folder.join("b.jsonl"), logons.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
}

#[test]
fn hits_are_grouped_by_fields_that_their_rule_does_not_name() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, rules) = (folder.path().join("logs"), folder.path().join("rules.yml"));
    fs::create_dir(&logs).unwrap();
    failed_logons(&logs);
    for (level, code, verdict) in [("high", 0, "unknown"), ("critical", 1, "attempted")] {
        fs::write(&rules, LOGONS.replace("LEVEL", level)).unwrap();
        let answer = hunt(&logs, &["--rules", rules.to_str().unwrap()]);
        let many: Vec<&Value> = answer
            .findings()
            .filter(|finding| finding["rule"]["id"] == "6f0d8c1e-3f0a-4c36-9d3f-000000000002")
            .collect();
        let told: Vec<_> = many
            .iter()
            .map(|finding| (finding["server"].as_str().unwrap(), finding["fields"].clone()))
            .collect();
        let fields = |since: &str| serde_json::json!({"records": "3", "since": since, "TargetUserName": "bob", "EventID": "4625"});
        assert_eq!(
            told,
            [("LINES", fields("2021-03-03T05:00:00Z")), ("FILE", fields("2021-03-03T05:24:51Z"))]
        );
        // A third party's rule is no proof, but loud enough to be named; at its loudest it is an incident.
        assert_eq!(answer.code, code);
        for judged in answer.of_kind("verdict") {
            assert_eq!(judged["verdict"], verdict);
            assert!(
                judged["because"].as_array().unwrap().contains(&many[0]["id"])
                    || judged["because"].as_array().unwrap().contains(&many[1]["id"])
            );
        }
    }
}

#[test]
fn fields_that_a_rule_compares_are_shown_wherever_the_record_stands() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, rules) = (folder.path().join("logs"), folder.path().join("rules.yml"));
    fs::create_dir(&logs).unwrap();
    failed_logons(&logs);
    // Within an archive a record cannot be read again.
    let mut packed = flate2::write::GzEncoder::new(
        fs::File::create(logs.join("c.evtx.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    std::io::Write::write_all(&mut packed, &fs::read(logs.join("a.evtx")).unwrap()).unwrap();
    packed.finish().unwrap();
    let rule = "title: Ann\nlogsource: { product: windows, service: security }\ndetection:\n  selection: { EventID: 4625, TargetUserName: ann }\n  condition: selection\nlevel: low\n";
    fs::write(&rules, rule).unwrap();
    let answer = hunt(&logs, &["--rules", rules.to_str().unwrap()]);
    let told: Vec<_> = answer.findings().map(|finding| finding["fields"].clone()).collect();
    assert_eq!(told, vec![serde_json::json!({"EventID": "4625", "TargetUserName": "ann"}); 3]);
    // What a correlation groups by is kept, and told once all the same.
    let grouped = format!(
        "{}---\ntitle: Ann often\ncorrelation:\n  type: event_count\n  rules: [ann]\n  group-by: [TargetUserName]\n  timespan: 1d\n  condition: {{ gte: 9 }}\nlevel: low\n",
        rule.replace("title: Ann\n", "title: Ann\nname: ann\n")
    );
    fs::write(&rules, grouped).unwrap();
    let answer = hunt(&logs, &["--rules", rules.to_str().unwrap()]);
    let told: Vec<_> = answer.findings().map(|finding| finding["fields"].clone()).collect();
    assert_eq!(told, vec![serde_json::json!({"EventID": "4625", "TargetUserName": "ann"}); 3]);
    // Neither case nor spaces of a field's name matter, in any of them.
    fs::write(&rules, rule.replace("TargetUserName", "targetUser Name").replace("EventID", "eventid"))
        .unwrap();
    assert_eq!(hunt(&logs, &["--rules", rules.to_str().unwrap()]).findings().count(), 3);
}
