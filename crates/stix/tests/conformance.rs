//! The check against own cases, a line each, in `conformance/check.txt`.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use watchfire_stix::{Problem, check};

const DATED: &str =
    r#""spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z""#;

fn filled(text: &str) -> String {
    text.replace("$D", DATED)
        .replace("$4", "e2e1a340-4415-4ba8-9671-f7343fbf0836")
        .replace("$5", "e2e1a340-4415-5ba8-9671-f7343fbf0836")
        .replace("$M", "3773a88f65a5e780c8dff9cdc3a056f3")
}

/// `None` if the case holds, else what is wrong with it.
fn failure(line: &str) -> Option<String> {
    let (expected, object) = line.split_at(line.find('{').unwrap());
    let problems = check(filled(object).as_bytes());
    let words: Vec<&str> = expected.split_whitespace().collect();
    let found = |problem: &Problem| {
        let pointer = if problem.pointer.is_empty() { "/" } else { &problem.pointer };
        problem.severity.as_str() == words[0]
            && pointer == filled(words[1])
            && problem.clause == format!("STIX 2.1 {}", words[2])
    };
    let holds = match words[0] {
        "valid" => problems.is_empty(),
        "warning" => problems.iter().any(found) && !problems.iter().any(|on| on.severity.as_str() == "error"),
        _ => problems.iter().any(found),
    };
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    (!holds).then(|| format!("{line}\n    told: {told:#?}"))
}

#[test]
fn own_cases() {
    let lines = include_str!("conformance/check.txt").lines();
    let cases: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let failures: Vec<String> = cases.iter().filter_map(|line| failure(line)).collect();
    assert!(cases.len() > 100);
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
