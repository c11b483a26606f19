//! What patterns mean, by cases of our own from the text of the standard (STIX 2.1 §9), and that many patterns
//! compiled together mean the same.

#![allow(clippy::unwrap_used, clippy::format_collect)] // a test that cannot go on stops

use proptest::prelude::*;
use watchfire_stix::pattern::{Fault, Json, Match, Matcher, Observations, Pattern, PatternSet};

/// Three observations, at seconds 0 to 0, 5 to 10 and 20 to 20; the second was seen twice.
const OBSERVED: &str = r#"[
{"type":"observed-data","id":"observed-data--1","number_observed":1,"first_observed":"2021-03-02T00:00:00Z",
 "last_observed":"2021-03-02T00:00:00Z","objects":{
  "0":{"type":"file","name":"évil.exe","size":5,"entropy":2.0,"when":"2021-01-01T00:00:00.000Z","nothing":null,
       "parent_directory_ref":"1","contains_refs":["2","9"],"tags":["a","b"],"x":{"a b":"y"},"on":true},
  "1":{"type":"directory","path":"C:\\Windows"},
  "2":{"type":"artifact","payload_bin":"AQID"}}},
{"type":"observed-data","id":"observed-data--2","number_observed":2,"first_observed":"2021-03-02T00:00:05Z",
 "last_observed":"2021-03-02T00:00:10Z","objects":{
  "0":{"type":"ipv4-addr","value":"10.1.2.3"},"1":{"type":"file","name":"b","size":7}}},
{"type":"observed-data","id":"observed-data--3","number_observed":1,"first_observed":"2021-03-02T00:00:20Z",
 "last_observed":"2021-03-02T00:00:20Z","objects":{
  "0":{"type":"ipv4-addr","value":"10.0.0.0/8"},"1":{"type":"file","name":"line\nbreak","size":9}}}]"#;

/// What one pattern finds by itself, which is what the set must find too.
fn both(pattern: &str, observed: &str) -> Result<Option<Vec<u32>>, Fault> {
    let parsed = Pattern::parse(pattern).unwrap_or_else(|problem| panic!("{pattern}: {problem}"));
    let matcher = Matcher::new(&parsed).unwrap_or_else(|problem| panic!("{pattern}: {problem}"));
    let json = Json::parse(observed).unwrap();
    let (observations, bad) = Observations::of(&json);
    assert_eq!(bad, []);
    let alone = matcher.find(&observations).map(|found| found.map(|Match { observations }| observations));
    let mut builder = PatternSet::builder();
    builder.add(pattern).unwrap();
    let all = builder.build().find(&observations);
    let together = match (all.matches.first(), all.faults.first()) {
        (Some(found), _) => Ok(Some(found.observations.clone())),
        (None, Some((_, fault))) => Err(*fault),
        (None, None) => Ok(None),
    };
    assert_eq!(alone, together, "{pattern} means something else in a set");
    alone
}

#[track_caller]
fn check(pattern: &str, expected: &[u32]) {
    let expected = (!expected.is_empty()).then(|| expected.to_vec());
    assert_eq!(both(pattern, OBSERVED), Ok(expected), "{pattern}");
}

#[test]
fn comparisons() {
    check("[file:size = 5]", &[0]);
    check("[file:size > 5]", &[1, 2]);
    check("[file:size <= 7.0]", &[0, 1]);
    check("[file:entropy = 2]", &[0]);
    check("[file:size IN (7, 9)]", &[1, 2]);
    check("[file:size NOT IN (7, 9)]", &[0]);
    check("[file:size = '5']", &[]);
    check("[file:size != '5']", &[0, 1, 2]);
    check("[file:on = true]", &[0]);
    check("[file:when = t'2021-01-01T00:00:00Z']", &[0]);
    check("[file:name > t'2021-01-01T00:00:00Z']", &[]);
    check("[file:name LIKE '_vil%']", &[0]);
    check("[file:name MATCHES 'e.b']", &[2]);
    check("[file:name MATCHES '^(?!b).+exe$']", &[0]);
    check("[ipv4-addr:value ISSUBSET '10.1.0.0/16']", &[1]);
    check("[ipv4-addr:value ISSUPERSET '10.9.9.9']", &[2]);
    check("[ipv4-addr:value NOT ISSUBSET '10.1.0.0/16']", &[2]);
    check("[artifact:payload_bin = h'010203']", &[0]);
    check("[artifact:payload_bin MATCHES '\\\\x02.']", &[0]);
}

#[test]
fn what_is_missing_is_false() {
    check("[file:nowhere != 1]", &[]);
    check("[file:nowhere NOT IN (1)]", &[]);
    check("[EXISTS file:nowhere]", &[]);
    check("[NOT EXISTS file:nowhere]", &[]);
    check("[NOT EXISTS file:name]", &[]);
    check("[EXISTS file:nothing]", &[0]);
}

#[test]
fn normal_form_counts_for_like_and_matches_only() {
    check("[file:name = 'e\u{301}vil.exe']", &[]);
    check("[file:name LIKE 'e\u{301}vil%']", &[0]);
    check("[file:name MATCHES 'e\u{301}vil']", &[0]);
}

#[test]
fn paths() {
    check("[file:parent_directory_ref.path = 'C:\\\\Windows']", &[0]);
    check("[file:contains_refs[*].payload_bin = b'AQID']", &[0]);
    check("[file:contains_refs[1].payload_bin = b'AQID']", &[]);
    check("[EXISTS file:contains_refs[1]]", &[0]);
    check("[file:tags[*] = 'b']", &[0]);
    check("[file:tags[0] = 'b']", &[]);
    check("[file:tags[*] != 'b']", &[0]);
    check("[file:tags[-1] = 'b']", &[]);
    check("[file:x.'a b' = 'y']", &[0]);
}

#[test]
fn and_is_about_one_object() {
    check("[file:size = 7 AND file:name = 'b']", &[1]);
    check("[file:size = 7 AND ipv4-addr:value = '10.1.2.3']", &[]);
    check("[file:size = 7 OR ipv4-addr:value = '10.0.0.0/8']", &[1, 2]);
}

#[test]
fn observation_operators() {
    check("[file:size = 5] AND [file:size = 9]", &[0, 2]);
    check("[file:size = 5] AND [file:name LIKE '%exe']", &[]);
    check("[file:size = 7] AND [file:name = 'b']", &[1]);
    check("[file:size = 5] OR [file:size = 8]", &[0]);
    check("[file:size = 5] FOLLOWEDBY [file:size = 9]", &[0, 2]);
    check("[file:size = 9] FOLLOWEDBY [file:size = 5]", &[]);
    check("[file:size = 7] FOLLOWEDBY [file:size = 7]", &[1]);
}

#[test]
fn qualifiers() {
    check("[file:size = 7] REPEATS 2 TIMES", &[1]);
    check("[file:size = 7] REPEATS 3 TIMES", &[]);
    check("[file:size < 9] REPEATS 3 TIMES AND [file:size > 5]", &[0, 1, 2]);
    check("[file:size > 5] REPEATS 2 TIMES AND [file:size = 7] REPEATS 2 TIMES", &[]);
    check("([file:size = 5] AND [file:size = 9]) WITHIN 20 SECONDS", &[]);
    check("([file:size = 5] AND [file:size = 9]) WITHIN 20.1 SECONDS", &[0, 2]);
    check("([file:size = 5] FOLLOWEDBY [file:size = 7]) WITHIN 5.5 SECONDS", &[0, 1]);
    check("[file:size > 0] REPEATS 3 TIMES WITHIN 6 SECONDS", &[0, 1]);
    check("[file:size > 0] REPEATS 4 TIMES WITHIN 6 SECONDS", &[]);
    check("[file:size > 0] START t'2021-03-02T00:00:10Z' STOP t'2021-03-02T00:00:20Z'", &[1]);
    check("[file:size > 0] START t'2021-03-02T00:00:11Z' STOP t'2021-03-02T00:00:20.1Z'", &[2]);
}

#[test]
fn an_invalid_constant_is_not_matched() {
    for text in
        ["[a:b IN (1, 'x')]", "[a:b ISSUBSET 'x']", "[a:b MATCHES '(']", "[a:b = t'2023-02-30T00:00:00Z']"]
    {
        let pattern = Pattern::parse(text).unwrap();
        assert!(Matcher::new(&pattern).is_err(), "{text}");
        assert!(PatternSet::builder().add(text).is_err(), "{text}");
    }
}

/// `count` observations of one file each, a second apart.
fn many(count: usize, name: &str) -> String {
    let one = |second: usize| {
        let at = format!("2021-03-02T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        format!(
            r#"{{"type":"observed-data","number_observed":1,"first_observed":"{at}","last_observed":"{at}",
            "objects":{{"0":{{"type":"file","name":"{name}","size":{second}}}}}}}"#
        )
    };
    format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
}

#[test]
fn patterns_built_to_explode_end() {
    let text = "a".repeat(300);
    let regexp = "[file:name MATCHES '(?=a)(a+)+\\\\1$x' OR file:name MATCHES '(?=(a+))(\\\\1|a+)+b']";
    assert_eq!(both(regexp, &many(1, &text)), Err(Fault::Backtracks));
    // 39 seconds have room for 39 of these observations, and 40 are asked for: every way to fill them is in vain.
    let pigeons =
        "([file:size >= 0] REPEATS 20 TIMES AND [file:size > 0] REPEATS 20 TIMES) WITHIN 39 SECONDS";
    assert_eq!(both(pigeons, &many(300, "a")), Err(Fault::Combinations));
    let choices = vec!["(([file:size = 1] FOLLOWEDBY [file:size = 2]) OR [file:size = 3])"; 40].join(" AND ");
    assert_eq!(both(&choices, &many(300, "a")), Err(Fault::Combinations));
    let places = format!("([file:size > 1] AND [file:size > 2] REPEATS {} TIMES) WITHIN 100 SECONDS", 2_000);
    assert_eq!(both(&places, &many(3_000, "a")), Err(Fault::Places));
}

fn test_text() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "a:s",
        "a:n",
        "a:l[*]",
        "a:l[0]",
        "a:r_ref.s",
        "a:v",
        "a:d_bin",
        "b:s",
        "b:n",
        "b:x.y",
    ]);
    let comparison = prop::sample::select(vec![
        "= 'x'",
        "= 'xyz'",
        "!= 'x'",
        "= 1",
        "= 1.0",
        "> 1",
        "<= 2.5",
        "IN ('x', 'xyz', 'q')",
        "NOT IN ('x')",
        "IN (1, 2)",
        "LIKE 'x%'",
        "LIKE '%yz'",
        "NOT LIKE '%z%'",
        "MATCHES 'yz'",
        "MATCHES '^x(?=y)'",
        "MATCHES 'y|z'",
        "NOT MATCHES 'x'",
        "ISSUBSET '10.0.0.0/8'",
        "ISSUPERSET '10.1.0.0/16'",
        "NOT ISSUBSET '10.1.0.0/16'",
        "= h'01'",
        "= true",
        "= t'2021-03-02T00:00:00Z'",
    ]);
    prop_oneof![
        8 => (path.clone(), comparison).prop_map(|(path, comparison)| format!("{path} {comparison}")),
        1 => path.clone().prop_map(|path| format!("EXISTS {path}")),
        1 => path.prop_map(|path| format!("NOT EXISTS {path}")),
    ]
}

fn comparison_text() -> impl Strategy<Value = String> {
    test_text().prop_recursive(2, 6, 3, |inner| {
        let many = prop::collection::vec(inner, 2..4);
        (many, any::<bool>())
            .prop_map(|(parts, and)| format!("({})", parts.join(if and { " AND " } else { " OR " })))
    })
}

fn pattern_text() -> impl Strategy<Value = String> {
    let leaf = comparison_text().prop_map(|text| format!("[{text}]"));
    leaf.prop_recursive(2, 5, 3, |inner| {
        let joined =
            (prop::collection::vec(inner.clone(), 2..4), 0..3_usize).prop_map(|(parts, operator)| {
                format!("({})", parts.join([" AND ", " OR ", " FOLLOWEDBY "][operator]))
            });
        let qualifier = prop::sample::select(vec![
            "REPEATS 2 TIMES",
            "WITHIN 3 SECONDS",
            "START t'2021-03-02T00:00:01Z' STOP t'2021-03-02T00:00:04Z'",
        ]);
        prop_oneof![
            joined,
            (inner, qualifier).prop_map(|(inner, qualifier)| format!("({inner}) {qualifier}"))
        ]
    })
}

fn observed_text() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "\"x\"",
        "\"xyz\"",
        "\"q\"",
        "1",
        "1.0",
        "2",
        "true",
        "null",
        "[]",
        "[\"x\",\"xyz\"]",
        "[1,2]",
        "\"10.1.2.3\"",
        "\"10.1.0.0/16\"",
        "\"AQ==\"",
        "\"2021-03-02T00:00:00Z\"",
        "{\"y\":\"xyz\"}",
        "\"0\"",
        "\"1\"",
    ]);
    let key = prop::sample::select(vec!["s", "n", "l", "r_ref", "v", "d_bin", "x"]);
    let object = (prop::bool::ANY, prop::collection::vec((key, value), 0..5)).prop_map(|(a, members)| {
        let members = members.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect::<String>();
        format!("{{\"type\":\"{}\"{members}}}", if a { "a" } else { "b" })
    });
    let observation = (prop::collection::vec(object, 0..4), 0..6_u8, 0..3_u8, 1..3_u8).prop_map(
        |(objects, first, length, number)| {
            let objects = objects.iter().enumerate().map(|(key, object)| format!("\"{key}\":{object}"));
            format!(
                "{{\"type\":\"observed-data\",\"number_observed\":{number},\"objects\":{{{}}},\
                 \"first_observed\":\"2021-03-02T00:00:0{first}Z\",\"last_observed\":\"2021-03-02T00:00:0{}Z\"}}",
                objects.collect::<Vec<_>>().join(","),
                first + length
            )
        },
    );
    prop::collection::vec(observation, 0..6).prop_map(|all| format!("[{}]", all.join(",")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The index gives exactly what one pattern after the other gives.
    #[test]
    fn a_set_is_its_patterns(
        patterns in prop::collection::vec(pattern_text(), 1..20),
        observed in observed_text(),
    ) {
        let json = Json::parse(&observed).unwrap();
        let (observations, bad) = Observations::of(&json);
        prop_assert!(bad.is_empty());
        let mut builder = PatternSet::builder();
        let mut expected = Vec::new();
        for text in &patterns {
            let pattern = Pattern::parse(text).unwrap();
            let (number, matcher) = match (builder.add(text), Matcher::new(&pattern)) {
                (Ok(number), Ok(matcher)) => (number, matcher),
                (added, matcher) => {
                    prop_assert!(added.is_err() && matcher.is_err(), "{text}");
                    continue;
                }
            };
            match matcher.find(&observations) {
                Ok(None) => {}
                Ok(Some(found)) => expected.push((number, Ok(found.observations))),
                Err(fault) => expected.push((number, Err(fault))),
            }
        }
        let all = builder.build().find(&observations);
        let mut found: Vec<_> = all.matches.into_iter().map(|found| (found.pattern, Ok(found.observations))).collect();
        found.extend(all.faults.into_iter().map(|(pattern, fault)| (pattern, Err(fault))));
        found.sort_by_key(|(pattern, _)| *pattern);
        prop_assert_eq!(found, expected);
    }

    /// What is printed reads as the same pattern.
    #[test]
    fn a_normal_form_is_the_pattern(text in pattern_text()) {
        let pattern = Pattern::parse(&text).unwrap();
        let normal = pattern.to_string();
        let again = Pattern::parse(&normal).unwrap();
        prop_assert_eq!(&again, &pattern);
        prop_assert_eq!(again.to_string(), normal);
    }
}
