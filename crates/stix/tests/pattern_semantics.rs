//! What patterns mean, by cases of our own from the text of the standard (STIX 2.1 §9), each by itself and in a set.

#![allow(clippy::unwrap_used, clippy::format_collect)] // a test that cannot go on stops

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
