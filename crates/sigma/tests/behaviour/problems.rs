//! What is refused, where, and with which hint.

use watchfire_sigma::{Document, Severity, parse};

use crate::support::{read, rule_text};

/// The first refusal as `line:column message [hint]`, or nothing.
fn refusal(text: &str) -> Option<String> {
    let (documents, problems) = parse("f.yml", text);
    let first = problems.into_iter().find(|problem| problem.severity == Severity::Refused)?;
    assert!(documents.is_empty(), "a refused document came back: {text}");
    assert!(!first.message.ends_with('.') && !first.message.starts_with(char::is_uppercase), "{first}");
    let hint = first.hint.map(|hint| format!(" [{hint}]")).unwrap_or_default();
    Some(format!("{}:{} {}{hint}", first.place.line, first.place.column, first.message))
}

#[track_caller]
fn check(detection: &str, expected: &str) {
    let found = refusal(&rule_text(detection)).unwrap_or_default();
    assert!(found.starts_with(expected), "{detection}\nexpected {expected}\n   found {found}");
}

#[test]
fn modifiers() {
    check(
        "s:\n  F|containz: x\ncondition: s",
        "6:7 unknown modifier `containz` [there are contains, startswith",
    );
    check("s:\n  F|i: x\ncondition: s", "6:7 `i` without `re` before it [write `re|i`]");
    check("s:\n  F|re|cidr: x\ncondition: s", "6:7 re and cidr do not go together");
    check("s:\n  F|gt|lt: 1\ncondition: s", "6:7 a comparison stands twice");
    check("s:\n  F|cidr|contains: x\ncondition: s", "6:7 cidr and a modifier of text do not go together");
    check("s:\n  F|contains|base64: x\ncondition: s", "6:7 an encoding after `contains`");
    check("s:\n  F|exists: [true, false]\ncondition: s", "6:7 `exists` takes true or false");
    check("s:\n  F|exists: maybe\ncondition: s", "6:7 `exists` takes true or false");
    check("s:\n  F|exists|neq: true\ncondition: s", "6:7 exists and another modifier");
    check("s:\n  '|gt': 5\ncondition: s", "6:7 a keyword search compares text");
}

#[test]
fn values() {
    check("s:\n  F|re: '('\ncondition: s", "6:13 not a regular expression: unclosed group [look-around");
    check("s:\n  F|re: ['a', '(?=x)']\ncondition: s", "6:19 not a regular expression: look-around");
    check("s:\n  F|cidr: 10.0.0.0/40\ncondition: s", "6:15 `10.0.0.0/40` is not an IP network [such as");
    check(
        "s:\n  F|cidr: 10.0.0.1/8\ncondition: s",
        "6:15 `10.0.0.1/8` has bits set beyond its prefix [`10.0.0.0/8`",
    );
    check(
        "s:\n  F|expand: '%nobody%'\ncondition: s",
        "6:17 nobody defined the placeholder `%nobody%` [a rule with",
    );
    check("s:\n  F|expand: plain\ncondition: s", "6:17 `expand` on a value without a placeholder");
    check("s:\n  F|gt: x\ncondition: s", "6:13 `x` is not a number");
    check("s:\n  F|hour: x\ncondition: s", "6:15 a part of a date is a whole number");
    check("s:\n  F|base64: 'a*'\ncondition: s", "6:17 a wildcard cannot be encoded [escape it");
    check("s:\n  F|contains: null\ncondition: s", "6:7 null cannot be modified");
    check("s:\n  F: {a: b}\ncondition: s", "6:10 a map cannot be the value of a field");
    check("s:\n  F: [[a]]\ncondition: s", "6:11 a list cannot be the value of a field");
    check("s:\n  F: []\ncondition: s", "6:10 an empty list would match no record");
}

#[test]
fn searches_and_conditions() {
    check("s: {}\ncondition: s", "5:8 an empty map would match every record");
    check("s: []\ncondition: s", "5:8 an empty list would match no record");
    check("s:\ncondition: s", "5:5 `s` is empty");
    check("s: [[a]]\ncondition: s", "5:9 a list cannot stand in a list of searches");
    check("s: [a]\ncondition: t", "6:16 unknown search identifier `t` [the detection has: s]");
    check("s: [a]\ncondition: 1 of t*", "6:16 no search identifier matches `t*` [the detection has: s]");
    check("s: [a]\ncondition: [s, s and]", "6:20 the condition ends where a search identifier is expected");
    check(
        "s: [a]\ncondition: s | count() > 5",
        "6:16 aggregations after `|` are not in the specification [write a c",
    );
    check("s: [a]\ncondition: 2 of s*", "6:16 `2 of` is not in the specification [use `1 of`");
    check("s: [a]", "5:5 no condition");
    check(
        "s: [a]\ntimeframe: 5m\ncondition: s",
        "5:5 `timeframe` is no part of a detection any more [write a corr",
    );
    check("s: [a]\ncondition: {a: b}", "6:16 a condition must be text, not a map");
}

#[test]
fn documents() {
    let with = |text: &str| refusal(text).unwrap_or_default();
    assert!(with("- a\n").starts_with("1:1 a document must be a map, not a list"));
    assert!(with("a: [\n").contains("not readable as yaml"));
    assert!(with("a: 1\na: 2\n").contains("2:1 not readable as yaml: duplicated key"));
    assert!(with("a: &x {b: c}\nd:\n  <<: *x\n").contains("3:3 merge keys are not YAML 1.2"));
    assert!(with("title: t\nlogsource: {product: x}\n").starts_with("1:1 a log source without a detection"));
    assert!(with("title: t\ndetection: {s: [a], condition: s}\n").starts_with("1:1 no log source"));
    let rest = "logsource: {product: x}\ndetection: {s: [a], condition: s}\n";
    assert!(with(rest).starts_with("1:1 no title"));
    assert!(
        with(&format!("title: t\nlevel: severe\n{rest}"))
            .starts_with("2:8 unknown level `severe` [informational")
    );
    assert!(with(&format!("title: t\nstatus: new\n{rest}")).starts_with("2:9 unknown status `new` [stable"));
    assert!(
        with("title: t\nlogsource: {definition: x}\ndetection: {s: [a], condition: s}\n")
            .contains("states nothing")
    );
    assert!(with(&"a".repeat(5 << 20)).starts_with("1:1 the file is larger"));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let (_, problems) = parse("f", &rule_text("s:\n  A|x: 1\n  B|y: 2\nt:\n  C|re: '('\ncondition: s"));
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

#[test]
fn warnings_do_not_refuse() {
    let text = "title: t\nid: x\ntaxonomy: ecs\nlogsource: {product: x}\n\
                detection: {s: [a], unused: [b], _u: [c], t: {F|all: x, G: [null, a]}, condition: s or t}\n";
    let (documents, problems) = parse("f", text);
    assert_eq!(documents.len(), 1);
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let expected = [
        "the id `x` is not a UUID",
        "the taxonomy `ecs` is not translated",
        "`all` over a single value",
        "null in a list of values",
        "the condition does not use `unused`",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn the_header_and_what_is_custom() {
    let text = "title: t\nid: 6c8e2f0e-4d0a-5a2e-9a57-0d9a1f6f3b11\nname: n\nstatus: test\nlevel: high\nauthor: a\n\
                date: 2026-11-24\ntags: [attack.t1505.003]\nreferences: [r]\nfields: [F]\nfalsepositives: [p]\n\
                description: |\n    d\ncheck: join\ndata: {k: [1, 2]}\nwatchfire: { stage: persistence }\n";
    let (documents, problems) = parse("f", text);
    assert_eq!(problems, []);
    let [Document::Other(header)] = documents.as_slice() else { panic!("{documents:?}") };
    assert_eq!(
        (header.title.as_str(), header.name.as_deref(), header.level.as_str()),
        ("t", Some("n"), "high")
    );
    assert_eq!((header.description.as_str(), header.date.as_str()), ("d\n", "2026-11-24"));
    assert_eq!((header.tags[0].as_str(), header.fields[0].as_str()), ("attack.t1505.003", "F"));
    let custom = |key| header.custom.get(key);
    assert_eq!(custom("check").and_then(|check| check.text()), Some("join"));
    assert_eq!(custom("watchfire").and_then(|w| w.get("stage")?.text()), Some("persistence"));
    assert_eq!(custom("data").unwrap().get("k").unwrap().items().len(), 2);
    assert_eq!(custom("data").unwrap().place.line, 15);
    assert!(custom("title").is_none());
}

#[test]
fn several_documents_stand_or_fall_alone() {
    let good = rule_text("s: [a]\ncondition: s");
    let bad = rule_text("s: [a]\ncondition: t");
    let (documents, problems) = read(&format!("{good}---\n{bad}---\n{good}---\n: [\n---\n{good}"));
    assert_eq!((documents.len(), problems.len()), (3, 2));
    assert_eq!(problems[0].to_string(), "rule:13:16: refused: unknown search identifier `t`");
}

mod never_panics {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn on_noise(text in r#"[ -~\n:\-\[\]{}'"|*&%#?\\é]{0,200}"#) {
            parse("f", &text);
        }

        #[test]
        fn on_what_looks_like_a_rule(
            field in "[A-Za-z ]{0,3}(\\|(contains|all|re|i|cidr|base64|base64offset|wide|windash|exists|gt|expand|fieldref|neq|hour|cased|x)){0,4}",
            value in r"[ -~é]{0,20}",
            condition in "(s|not|and|or|\\(|\\)|1 of|all of|them|s\\*| |\\|){0,8}",
        ) {
            let quoted = value.replace('\'', "''");
            parse("f", &rule_text(&format!("s:\n  '{field}': '{quoted}'\ncondition: '{condition}'")));
        }
    }
}

// "Status".
#[test]
fn what_a_rule_says_of_its_own_state() {
    let text = |status: &str| format!("status: {status}\n{}", rule_text("s: [a]\ncondition: s"));
    let told = refusal(&text("unsupported")).unwrap_or_default();
    assert!(told.starts_with("1:9 the rule says itself that it cannot be used"), "{told}");
    let (documents, problems) = parse("f", &text("deprecated"));
    assert_eq!((documents.len(), problems.len()), (1, 1));
    assert_eq!(problems[0].severity, Severity::Warning);
}

// Collections are of Sigma 1.
#[test]
fn collections_are_refused_and_their_neighbours_read() {
    let whole = rule_text("s: [a]\ncondition: s");
    let text = format!("action: global\ntitle: x\n---\n{whole}---\naction: reset\n");
    let parsed = watchfire_sigma::parse_in("f", &text, &watchfire_sigma::Environment::default());
    assert_eq!((parsed.documents.len(), parsed.refused), (1, 2));
    assert!(parsed.problems[0].to_string().starts_with("f:1:9: refused: a collection (`action: global`"));
}
