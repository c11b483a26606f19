//! The prefilter must not lose a line; everything else about it is speed.

use std::borrow::Cow;

use proptest::prelude::*;
use watchfire_sigma::{ClassKey, Encoding, Fields, Matcher, Record, Rules, Scratch, Value};

use crate::support::{rule, rule_text, sources};

/// A line of `A|B|C`, with `D` the upper-cased `A` spelt backwards: a field that does not stand in the line.
struct Line<'a>(&'a [u8], &'a Matcher);

impl Record for Line<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        let column = |number| self.0.split(|&byte| byte == b'|').nth(number);
        let number = match self.1.wanted()[slot].as_str() {
            "A" => 0,
            "B" => 1,
            "C" => 2,
            _ => {
                let reversed =
                    column(0).map(|value| value.iter().rev().map(u8::to_ascii_uppercase).collect());
                return reversed.map_or(Value::Absent, |value: Vec<u8>| Value::Text(Cow::Owned(value)));
            }
        };
        column(number).map_or(Value::Absent, Value::borrowed)
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.0.split(|&byte| byte == b'|').any(test)
    }
}

const CLASS: ClassKey<'_> =
    ClassKey { class: "k", constants: &[], fields: Fields::Closed(&["A", "B", "C", "D"]) };
const ENCODING: Encoding<'_> =
    Encoding { derived: &["D"], breaks: b"\"", replace: &[], decoded: &[], one_line: true, sample: b"" };

/// Every line with its hits, the slow way.
fn plain(matcher: &Matcher, buffer: &[u8]) -> Vec<(usize, Vec<usize>)> {
    let (mut found, mut scratch, mut start) = (Vec::new(), Scratch::new(), 0);
    for line in buffer.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let mut hits = Vec::new();
        if !text.is_empty() {
            matcher.evaluate(&Line(text, matcher), &mut scratch, &mut hits);
        }
        if !hits.is_empty() {
            found.push((start, hits));
        }
        start += line.len();
    }
    found
}

fn woken(matcher: &Matcher, buffer: &[u8]) -> Vec<(usize, Vec<usize>)> {
    let prefilter = matcher.prefilter(&ENCODING);
    let (mut found, mut scratch) = (Vec::new(), Scratch::new());
    prefilter.lines(buffer, |line, woken| {
        let mut hits = Vec::new();
        matcher.evaluate_woken(&Line(&buffer[line.clone()], matcher), woken, &mut scratch, &mut hits);
        if !hits.is_empty() {
            found.push((line.start, hits));
        }
    });
    found
}

fn matcher(detections: &[String]) -> Matcher {
    let rules = detections.iter().map(|detection| rule(&rule_text(detection))).collect();
    Rules::new(rules, sources()).matcher(&CLASS)
}

/// A search on one field out of few values, so that it often matches.
fn search() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "evil",
        "shellcode",
        "serverinfo~",
        "abc",
        "a\"bcdef",
        "ünïcode",
        "x",
        "kiss.aspx",
    ]);
    let modifier = prop::sample::select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|windash",
        "|neq",
        "|contains|cased",
    ]);
    let plain = (prop::sample::select(vec!["A", "B", "C", "D"]), modifier, prop::collection::vec(word, 1..3))
        .prop_map(|(field, modifier, words)| {
            format!("{{ '{field}{modifier}': ['{}'] }}", words.join("', '"))
        });
    let regex = prop::sample::select(vec![
        "{ 'A|re': 'shell(code)?' }",
        "{ 'B|re|i': 'KISS\\.aspx' }",
        "{ 'A|re': '(evil|serverinfo~).*x' }",
        "{ 'C|exists': false }",
        "{ 'C': null }",
        "{ 'A': 'ev*l', 'B|contains': 'code' }",
        "{ 'A|fieldref': 'B' }",
        "['evil', 'shell*code']",
        "{ '|all': ['evil', 'abc'] }",
    ]);
    prop_oneof![plain, regex.prop_map(str::to_owned)]
}

fn detection() -> impl Strategy<Value = String> {
    let condition =
        prop::sample::select(vec!["s and t", "s or t", "s and not t", "not s", "not (s or t)", "1 of them"]);
    (search(), search(), condition)
        .prop_map(|(s, t, condition)| format!("s: {s}\nt: {t}\ncondition: {condition}"))
}

fn line() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "evil",
        "EVIL",
        "ShellCode",
        "shell",
        "ServerInfo~",
        "serverinfo~x",
        "abc",
        "a\"bcdef",
        "ÜNÏCODE",
        "x",
        "KISS.ASPX",
        "live",
        "-abc",
        "/x",
        "",
        "\u{212a}iss.aspx",
    ]);
    let value = prop::collection::vec(word, 0..3).prop_map(|words| words.concat());
    let end = prop::sample::select(vec!["\n", "\r\n"]);
    (prop::collection::vec(value, 1..4), end).prop_map(|(values, end)| values.join("|") + end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn woken_lines_are_the_lines_that_match(
        detections in prop::collection::vec(detection(), 1..6),
        lines in prop::collection::vec(line(), 0..30),
    ) {
        let matcher = matcher(&detections);
        let buffer = lines.concat().into_bytes();
        prop_assert_eq!(woken(&matcher, &buffer), plain(&matcher, &buffer), "{:#?}", detections);
    }

    #[test]
    fn waking_by_value_agrees_with_one_rule_alone(
        detections in prop::collection::vec(detection(), 1..6),
        line in line(),
    ) {
        let all = matcher(&detections);
        let text = line.trim_end().as_bytes();
        let mut hits = Vec::new();
        all.evaluate(&Line(text, &all), &mut Scratch::new(), &mut hits);
        for (number, detection) in detections.iter().enumerate() {
            // Joined by or with a test that has no literal, a rule is evaluated for every record.
            let (searches, condition) = detection.split_once("condition: ").unwrap();
            let never = "_never: { A|cidr: 203.0.113.7/32 }";
            let awake = matcher(&[format!("{searches}{never}\ncondition: ({condition}) or _never")]);
            let mut found = Vec::new();
            awake.evaluate(&Line(text, &awake), &mut Scratch::new(), &mut found);
            prop_assert_eq!(hits.contains(&number), !found.is_empty(), "{}", detection);
        }
    }
}

fn lines_of(detection: &str, encoding: &Encoding<'_>, buffer: &str) -> Vec<String> {
    let matcher = matcher(&[detection.to_owned()]);
    let mut lines = Vec::new();
    matcher.prefilter(encoding).lines(buffer.as_bytes(), |line, _| lines.push(buffer[line].to_owned()));
    lines
}

#[test]
fn only_lines_with_a_literal_are_visited() {
    let lines = lines_of(
        "s: { A|contains: evilness }\ncondition: s",
        &ENCODING,
        "good\nso EvilNess\r\n\ngood\nevilness",
    );
    assert_eq!(lines, ["so EvilNess", "evilness"]);
}

#[test]
fn rules_without_literals_see_every_line() {
    for test in
        ["A|re: '[0-9]+'", "D|contains: evilness", "A|contains: abc", "A|exists: true", "A|neq: evilness"]
    {
        let lines = lines_of(&format!("s: {{ {test} }}\ncondition: s"), &ENCODING, "one\n\ntwo\n");
        assert_eq!(lines, ["one", "two"], "{test}");
    }
}

#[test]
fn literals_are_cut_where_the_format_escapes() {
    let literals = |value: &str, encoding: &Encoding<'_>| {
        let matcher = matcher(&[format!("s: {{ A|contains: '{value}' }}\ncondition: s")]);
        let prefilter = matcher.prefilter(encoding);
        let literals: Vec<String> =
            prefilter.literals().map(|l| String::from_utf8(l.to_vec()).unwrap()).collect();
        (literals, prefilter.is_always())
    };
    let json = Encoding { breaks: b"\"\\/", ..Encoding::default() };
    let w3c = Encoding { replace: &[(b' ', b'+')], ..Encoding::default() };
    assert_eq!(literals(r"C:\Windows\x", &json), (vec!["windows".into()], false));
    assert_eq!(literals(r"\a\b\c", &json), (vec![], true));
    assert_eq!(literals("Evil Bot", &w3c), (vec!["evil+bot".into()], false));
    assert_eq!(literals("größenwahn", &w3c), (vec!["enwahn".into()], false));
}

#[test]
fn blocks_join_at_lines() {
    let mut buffer = String::new();
    for number in 0..20_000 {
        buffer.push_str(if number % 997 == 0 {
            "an evilness here|x\n"
        } else {
            "nothing to see in this line|y\n"
        });
    }
    let lines = lines_of("s: { A|contains: evilness }\ncondition: s", &ENCODING, &buffer);
    assert_eq!(lines.len(), 21);
    assert!(lines.iter().all(|line| line == "an evilness here|x"));
    let one = "x".repeat(300_000) + "evilness";
    assert_eq!(lines_of("s: { A|contains: evilness }\ncondition: s", &ENCODING, &one), [one]);
}

/// A line whose field `U` is the line, percent-decoded once.
struct Escaped<'a>(&'a str);

impl Record for Escaped<'_> {
    fn value(&self, _: usize) -> Value<'_> {
        let mut parts = self.0.split('%');
        let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    decoded.push(byte);
                    decoded.extend_from_slice(&part.as_bytes()[2..]);
                }
                None => decoded.extend_from_slice(part.as_bytes()),
            }
        }
        Value::Text(Cow::Owned(decoded))
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        test(self.0.as_bytes())
    }
}

proptest! {
    // A decoded field's literal stands in the line, or the line has a percent sign.
    #[test]
    fn decoded_fields_lose_no_line(
        words in prop::collection::vec(prop::sample::select(vec!["/evilness", "%2fevil%6eess", "evil", "ness", "%", "x"]), 0..4),
        sample in prop::sample::select(vec!["", "evilness evilness", "a%20b\nc"]),
    ) {
        let rules = Rules::new(vec![rule(&rule_text("s: { U|contains: '/evilness' }\ncondition: s"))], sources());
        let matcher = rules.matcher(&ClassKey { fields: Fields::Closed(&["U"]), ..CLASS });
        let encoding = Encoding { decoded: &["U"], sample: sample.as_bytes(), ..Encoding::default() };
        let line = words.concat();
        let (mut plain, mut woken, mut scratch) = (Vec::new(), Vec::new(), Scratch::new());
        matcher.evaluate(&Escaped(&line), &mut scratch, &mut plain);
        matcher.prefilter(&encoding).lines(line.as_bytes(), |_, rules| {
            matcher.evaluate_woken(&Escaped(&line), rules, &mut scratch, &mut woken);
        });
        prop_assert_eq!(plain, woken);
    }
}
