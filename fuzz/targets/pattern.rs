//! No text makes the pattern reader panic; what it accepts prints in a form that reads as the same pattern; matching
//! never panics, and the index over patterns gives what one pattern gives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_stix::pattern::{Fault, Json, Matcher, Observations, Pattern, PatternSet};

const OBSERVED: &str = r#"[{"type":"observed-data","number_observed":2,"first_observed":"2021-03-02T00:00:00Z",
"last_observed":"2021-03-02T00:00:05Z","objects":{"0":{"type":"a","b":[1,2.5,"x",true,null,{"c":"y"}],"c":"AQIDBA==",
"d_bin":"AQIDBA==","e_ref":"1","f_refs":["0","1"],"value":"10.0.0.1","size":5},"1":{"type":"b","a":"abc","b_hex":"ff"}}},
{"type":"observed-data","number_observed":1,"first_observed":"2021-03-02T00:00:03Z",
"last_observed":"2021-03-02T00:00:03Z","objects":{"0":{"type":"a","b":"x","value":"10.0.0.0/8"}}}]"#;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The first line is a pattern, what follows observed data; without it there is some here.
    let (text, observed) = text.split_once('\n').unwrap_or((text, OBSERVED));
    let Ok(pattern) = Pattern::parse(text) else { return };
    let normal = pattern.to_string();
    let again = Pattern::parse(&normal).unwrap_or_else(|problem| panic!("{normal}: {problem}"));
    assert!(again == pattern, "{normal} is another pattern");
    assert_eq!(again.to_string(), normal);
    let mut builder = PatternSet::builder();
    let added = builder.add(text);
    let Ok(matcher) = Matcher::new(&pattern) else {
        assert!(added.is_err());
        return;
    };
    assert!(added.is_ok());
    let Ok(json) = Json::parse(observed) else { return };
    let (observations, _) = Observations::of(&json);
    let found = matcher.find(&observations);
    let all = builder.build().find(&observations);
    let indexed: Result<_, Fault> = match (all.matches.first(), all.faults.first()) {
        (Some(found), _) => Ok(Some(&found.observations)),
        (None, Some((_, fault))) => Err(*fault),
        (None, None) => Ok(None),
    };
    match (&found, indexed) {
        (Err(_), Err(_)) => {}
        (found, indexed) => {
            let found = found.as_ref().map(|found| found.as_ref().map(|found| &found.observations));
            assert_eq!(found.map_err(|fault| *fault), indexed, "{normal}");
        }
    }
});
