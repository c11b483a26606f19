//! The index over patterns gives exactly what one pattern after the other gives; patterns read as they print.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use proptest::prelude::*;
use serde_json::{Value, json};
use watchfire_stix::pattern::{Fault, Json, Matcher, Observations, Pattern, PatternSet};

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a:s",
        "a:n",
        "a:l[*]",
        "a:l[0]",
        "a:l[1]",
        "a:d.k",
        "a:o_ref.s",
        "a:os_refs[*].n",
        "a:x_hex",
        "a:d_bin",
        "b:s",
        "b:n",
        "b:d.k",
        "a:ip",
    ])
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "x",
        "ab",
        "abc",
        "xabcx",
        "ABC",
        "é",
        "10.0.0.1",
        "10.0.0.0/8",
        "2021-03-02T00:00:00Z",
    ])
}

fn constant() -> impl Strategy<Value = String> {
    prop_oneof![
        word().prop_map(|word| format!("'{word}'")),
        (-1..4_i32).prop_map(|number| number.to_string()),
        prop::sample::select(vec!["1.0", "1.5", "h'6162'", "b'YWI='", "t'2021-03-02T00:00:00Z'"])
            .prop_map(str::to_owned),
    ]
}

fn test() -> impl Strategy<Value = String> {
    let not = prop::sample::select(vec!["", "NOT "]);
    prop_oneof![
        4 => (path(), word()).prop_map(|(path, word)| format!("{path} = '{word}'")),
        2 => (path(), not.clone(), prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]), constant())
            .prop_map(|(path, not, operator, constant)| format!("{path} {not}{operator} {constant}")),
        1 => (path(), not.clone(), prop::collection::vec(word(), 0..3))
            .prop_map(|(path, not, words)| format!("{path} {not}IN ({})", words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", "))),
        2 => (path(), not.clone(), prop::sample::select(vec!["%", "a%", "%abc%", "_", "x_b%", "%é", "ab"]))
            .prop_map(|(path, not, like)| format!("{path} {not}LIKE '{like}'")),
        2 => (path(), not.clone(), prop::sample::select(vec!["abc", "^a", "(?i)abc", "b(?=c)", "[a-c]+$", "x|é", "ab?c"]))
            .prop_map(|(path, not, regexp)| format!("{path} {not}MATCHES '{regexp}'")),
        1 => (path(), not.clone(), prop::sample::select(vec!["10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "10.0.0.0/9"]))
            .prop_map(|(path, not, network)| format!("{path} {not}ISSUBSET '{network}'")),
        1 => (path(), not.clone(), prop::sample::select(vec!["10.0.0.1", "10.1.0.0/16"]))
            .prop_map(|(path, not, network)| format!("{path} {not}ISSUPERSET '{network}'")),
        1 => (path(), not.clone(), prop::sample::select(vec!["1, 2", "1.0, 'x'", "h'6162', b'AQ=='", "true, false"]))
            .prop_map(|(path, not, constants)| format!("{path} {not}IN ({constants})")),
        1 => (path(), not).prop_map(|(path, not)| format!("{not}EXISTS {path}")),
    ]
}

fn comparison() -> impl Strategy<Value = String> {
    test().prop_recursive(3, 8, 3, |inner| {
        (prop::collection::vec(inner, 1..3), prop::sample::select(vec![" AND ", " OR "]))
            .prop_map(|(parts, operator)| format!("({})", parts.join(operator)))
    })
}

fn pattern() -> impl Strategy<Value = String> {
    let one = comparison().prop_map(|comparison| format!("[{comparison}]"));
    one.prop_recursive(3, 6, 3, |inner| {
        let operators = prop::sample::select(vec![" AND ", " OR ", " FOLLOWEDBY "]);
        let qualifiers = prop::sample::select(vec![
            "",
            " REPEATS 2 TIMES",
            " WITHIN 3 SECONDS",
            " REPEATS 2 TIMES WITHIN 2 SECONDS",
            " START t'2021-03-02T00:00:01Z' STOP t'2021-03-02T00:00:06Z'",
        ]);
        (prop::collection::vec(inner, 1..3), operators, qualifiers)
            .prop_map(|(parts, operator, qualifier)| format!("({}){qualifier}", parts.join(operator)))
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => word().prop_map(Value::from),
        2 => (-1..4_i32).prop_map(Value::from),
        1 => prop::sample::select(vec![json!(1.0), json!(1.5), json!(null), json!(true), json!({}), json!([])]),
    ]
}

fn object() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["0", "1", "9"]);
    let pair = (
        value(),
        prop::collection::vec(value(), 0..3),
        value(),
        key.clone(),
        prop::collection::vec(key, 0..3),
    );
    (
        prop::sample::select(vec!["a", "a", "b"]),
        pair,
        value(),
        prop::sample::select(vec!["6162", "zz", ""]),
        any::<bool>(),
    )
        .prop_map(|(object_type, (s, l, k, o, os), n, hex, full)| {
            if full {
                json!({"type": object_type, "s": s, "n": n, "l": l, "d": {"k": k}, "o_ref": o, "os_refs": os,
                    "x_hex": hex, "ip": "10.0.0.1", "d_bin": if hex.is_empty() { "AQ==" } else { "YWI=" }})
            } else {
                json!({"type": object_type, "s": s, "n": n})
            }
        })
}

fn observed() -> impl Strategy<Value = Value> {
    let one = (prop::collection::vec(object(), 1..3), 0..8_u32, 0..3_u32, 1..3_u32).prop_map(
        |(objects, first, length, number)| {
            let objects: serde_json::Map<String, Value> =
                objects.into_iter().enumerate().map(|(key, object)| (key.to_string(), object)).collect();
            json!({
                "type": "observed-data", "number_observed": number,
                "first_observed": format!("2021-03-02T00:00:0{first}Z"),
                "last_observed": format!("2021-03-02T00:00:{:02}Z", first + length),
                "objects": objects,
            })
        },
    );
    prop::collection::vec(one, 0..6).prop_map(Value::Array)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_index_gives_what_one_by_one_gives(patterns in prop::collection::vec(pattern(), 1..12), observed in observed()) {
        let text = observed.to_string();
        let json = Json::parse(&text).unwrap();
        let (observations, bad) = Observations::of(&json);
        prop_assert!(bad.is_empty());
        let mut builder = PatternSet::builder();
        let mut expected = Vec::new();
        for text in &patterns {
            // A set of constants of several types is no pattern (§9.6).
            let Ok(pattern) = Pattern::parse(text) else {
                prop_assert!(builder.add(text).is_err(), "{}", text);
                continue;
            };
            let matcher = Matcher::new(&pattern);
            let added = builder.add(text);
            prop_assert_eq!(matcher.is_ok(), added.is_ok(), "{}", text);
            let (Ok(matcher), Ok(number)) = (matcher, added) else { continue };
            match matcher.find(&observations) {
                Ok(None) => {}
                Ok(Some(found)) => expected.push((number, Ok(found.observations))),
                Err(fault) => expected.push((number, Err(fault))),
            }
        }
        let all = builder.build().find(&observations);
        let mut found: Vec<(u32, Result<Vec<u32>, Fault>)> =
            all.matches.into_iter().map(|found| (found.pattern, Ok(found.observations))).collect();
        found.extend(all.faults.into_iter().map(|(pattern, fault)| (pattern, Err(fault))));
        found.sort_by_key(|(pattern, _)| *pattern);
        prop_assert_eq!(found, expected, "{:#?}", patterns);
    }

    #[test]
    fn patterns_read_as_they_print(text in pattern()) {
        let Ok(pattern) = Pattern::parse(&text) else { return Ok(()) };
        let normal = pattern.to_string();
        let again = Pattern::parse(&normal).unwrap();
        prop_assert!(again == pattern, "{} prints as {}", text, normal);
        prop_assert_eq!(again.to_string(), normal);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]()a:b.=<>!'hbt0-9 /*,%ANDORTIMESx-]{0,40}|.{0,20}") {
        let _ = Pattern::parse(&text).map(|pattern| pattern.to_string());
    }
}
