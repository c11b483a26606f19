//! The cases of the reference matcher and the reference validator, where they are at hand.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a test that cannot go on stops

use std::fs;
use std::path::Path;

use serde_json::Value;
use watchfire_stix::pattern::{Fault, Json, Matcher, Observations, Pattern, Severity};

fn read(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/stix").join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: {name} is not at hand");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

fn cases(data: &Value) -> impl Iterator<Item = &Value> {
    data["cases"].as_array().unwrap().iter()
}

/// To the reference a window holds its end, to the standard it does not (§9.5.1). These need just that instant.
const WITHIN_CONFLICTS: [&str; 4] = [
    "[person:name > 'aaron'] REPEATS 5 TIMES WITHIN 1 SECONDS",
    "([person:name = 'alice'] AND [person:name < 'carol']) WITHIN 5 SECONDS",
    "([person:name='alice'] AND [person:name='bob']) WITHIN 1 SECONDS",
    "([person:name='alice'] AND [person:name='bob']) WITHIN 2 SECONDS",
];

/// What the reference calls an error and the standard calls false (STIX 2.1 §9.6.2): a string that is no timestamp
/// cannot be compared with one.
fn is_conflict(case: &Value) -> bool {
    case["error"].as_str().is_some_and(|error| error.starts_with("Invalid timestamp in JSON"))
}

fn outcome(pattern: &str, observations: &str) -> &'static str {
    let Ok(pattern) = Pattern::parse(pattern) else { return "error" };
    let Ok(matcher) = Matcher::new(&pattern) else { return "error" };
    let json = Json::parse(observations).unwrap();
    let (observations, bad) = Observations::of(&json);
    assert_eq!(bad, []);
    let found: Result<_, Fault> = matcher.find(&observations);
    if found.unwrap().is_some() { "match" } else { "no_match" }
}

#[test]
fn the_reference_matcher() {
    let Some(data) = read("pattern_matcher_v20.json") else { return };
    let mut wrong = Vec::new();
    let mut right = 0;
    for case in cases(&data).filter(|case| !is_conflict(case)) {
        let pattern = case["pattern"].as_str().unwrap();
        let observations = data["observation_sets"][case["observations"].as_str().unwrap()].to_string();
        let mut found = outcome(pattern, &observations);
        if WITHIN_CONFLICTS.contains(&pattern) && found == "no_match" {
            found = outcome(&pattern.replace(" SECONDS", ".001 SECONDS"), &observations);
        }
        if found == case["expected"] {
            right += 1;
        } else {
            wrong.push(format!("{pattern}: {found}, not {}", case["expected"]));
        }
    }
    println!("{right} as the reference");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reference_validator() {
    let Some(data) = read("pattern_validator_v20.json") else { return };
    let mut wrong = Vec::new();
    for case in cases(&data) {
        let text = case["pattern"].as_str().unwrap();
        let problems = match Pattern::parse(text) {
            Ok(pattern) => pattern.problems().to_vec(),
            Err(problem) => vec![problem],
        };
        let invalid = problems.iter().find(|problem| problem.severity == Severity::Invalid);
        if invalid.is_some() != (case["expected"] == "invalid") {
            wrong.push(format!("{text}: {invalid:?}, not {}", case["expected"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reference_printer() {
    let Some(data) = read("python_stix2_pattern_parse.json") else { return };
    let mut wrong = Vec::new();
    for case in cases(&data).filter(|case| case["version"] == "2.1") {
        let text = case["pattern"].as_str().unwrap();
        let found = Pattern::parse(text);
        if found.as_ref().is_ok_and(Pattern::is_valid) != (case["expected"] == "valid") {
            wrong.push(format!("{text}: {found:?}, not {}", case["expected"]));
        } else if let (Ok(pattern), Some(again)) = (found, case["reprinted"].as_str())
            && Pattern::parse(again).as_ref() != Ok(&pattern)
        {
            wrong.push(format!("{text}: reads otherwise than {again}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
