//! The meaning of patterns (STIX 2.1 §9): cases of our own, each with the clause that decides it, from
//! `conformance/pattern/`.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use serde_json::Value;
use watchfire_stix::pattern::{Fault, Json, Matcher, Observations, Pattern, PatternSet};

const CASES: &str = include_str!("conformance/pattern/meaning.json");

/// `match`, `no match`, `refused`, or the fault.
fn answer(pattern: &str, observed: &Value) -> String {
    let text = observed.to_string();
    let json = Json::parse(&text).unwrap();
    let (observations, bad) = Observations::of(&json);
    assert!(bad.is_empty(), "{bad:?}");
    let matcher = Pattern::parse(pattern).and_then(|pattern| Matcher::new(&pattern));
    let mut builder = PatternSet::builder();
    let added = builder.add(pattern);
    let Ok(matcher) = matcher else {
        assert!(added.is_err(), "{pattern}");
        return "refused".to_owned();
    };
    let found = matcher.find(&observations);
    let all = builder.build().find(&observations);
    match &found {
        Ok(found) => {
            let indexed = all.matches.into_iter().next().map(|found| found.observations);
            assert_eq!(indexed.as_ref(), found.as_ref().map(|found| &found.observations), "{pattern}");
        }
        Err(fault) => assert_eq!(all.faults, [(0, *fault)], "{pattern}"),
    }
    match found {
        Ok(Some(_)) => "match".to_owned(),
        Ok(None) => "no match".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn cases() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let observed = &cases["observed"][case["observed"].as_str().unwrap()];
        for expected in ["match", "no match", "refused"] {
            for pattern in case[expected].as_array().into_iter().flatten() {
                let pattern = pattern.as_str().unwrap();
                let found = answer(pattern, observed);
                if found != expected {
                    wrong.push(format!("{}: {pattern}: {found}, not {expected}", case["clause"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// So many observations of one kind, a second apart.
fn observations(count: usize) -> Value {
    let one = |number: usize| {
        let time = format!("2021-03-02T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60);
        serde_json::json!({
            "type": "observed-data", "number_observed": 1, "first_observed": time, "last_observed": time,
            "objects": {"0": {"type": "a", "b": number}},
        })
    };
    (0..count).map(one).collect()
}

#[test]
fn large_searches_that_are_sound_end_with_an_answer() {
    let observed = observations(5_000);
    for (pattern, expected) in [
        ("[a:b >= 0] REPEATS 5000 TIMES", "match"),
        ("[a:b >= 0] REPEATS 5001 TIMES", "no match"),
        ("[a:b >= 0] REPEATS 60 TIMES WITHIN 60 SECONDS", "match"),
        ("[a:b >= 0] REPEATS 61 TIMES WITHIN 60 SECONDS", "no match"),
        ("[a:b > 2500] FOLLOWEDBY [a:b < 2500]", "no match"),
        ("[a:b > 2500] FOLLOWEDBY [a:b > 100] FOLLOWEDBY [a:b < 2500]", "no match"),
        ("([a:b < 1000] AND [a:b > 4000]) WITHIN 3000 SECONDS", "no match"),
        ("([a:b < 1000] AND [a:b > 4000]) WITHIN 3003 SECONDS", "match"),
        ("([a:b >= 0] FOLLOWEDBY [a:b >= 0]) REPEATS 100 TIMES", "match"),
        ("([a:b > 10] AND [a:b < 9]) REPEATS 9 TIMES", "match"),
        ("([a:b > 10] AND [a:b < 9]) REPEATS 10 TIMES", "no match"),
    ] {
        assert_eq!(answer(pattern, &observed), expected, "{pattern}");
    }
}

#[test]
fn more_places_than_observations_is_no_search() {
    // Thirteen places for twelve observations have 12! ways to fail.
    let all = vec!["[a:b >= 0]"; 13].join(" AND ");
    assert_eq!(answer(&all, &observations(12)), "no match");
    let different: Vec<String> = (0..13).map(|number| format!("[a:b >= -{number}]")).collect();
    assert_eq!(answer(&different.join(" AND "), &observations(12)), "no match");
}

#[test]
fn patterns_built_to_explode_end() {
    let observed = observations(40);
    let places: Vec<String> = (0..20).map(|number| format!("[a:b != -{number}]")).collect();
    let within = format!("({}) WITHIN 19 SECONDS", places.join(" AND "));
    assert_eq!(answer(&within, &observed), Fault::Combinations.to_string());
    let choices = vec!["([a:b = 1] AND [a:b = -1] OR [a:b = 1] AND [a:b = -2])"; 40].join(" AND ");
    assert_eq!(answer(&choices, &observed), Fault::Combinations.to_string());
    let places = "([a:b >= 0] FOLLOWEDBY [a:b >= 0]) REPEATS 999999999 TIMES";
    assert_eq!(answer(places, &observed), Fault::Places.to_string());
    let regexp = serde_json::json!([{
        "type": "observed-data", "number_observed": 1, "first_observed": "2021-03-02T00:00:00Z",
        "last_observed": "2021-03-02T00:00:00Z", "objects": {"0": {"type": "a", "b": "a".repeat(500) + "!"}},
    }]);
    assert_eq!(answer("[a:b MATCHES '^(a|a)+(?=x)$']", &regexp), Fault::Backtracks.to_string());
}

#[test]
fn references_in_circles_end() {
    let keys: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    let one = |key: &String| (key.clone(), serde_json::json!({"type": "a", "some_refs": keys, "size": 1}));
    let objects: serde_json::Map<String, Value> = keys.iter().map(one).collect();
    let observed = serde_json::json!({
        "type": "observed-data", "number_observed": 1, "first_observed": "2021-03-02T00:00:00Z",
        "last_observed": "2021-03-02T00:00:00Z", "objects": objects,
    });
    let pattern = format!("[a:{}size > 100]", "some_refs[*].".repeat(30));
    assert_eq!(answer(&pattern, &observed), "no match");
}
