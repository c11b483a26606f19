//! No text makes the pipeline reader panic, nor a pipeline that it accepts the reader of rules. The text is cut at a
//! line of equals signs: the pipeline before, the rules after; without one it is both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_sigma::{Environment, Pipeline, Placeholders, parse_in};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pipeline, rules) = text.split_once("\n====\n").unwrap_or((text, text));
    let (Some(pipeline), _) = Pipeline::parse("pipeline.yml", pipeline) else { return };
    let environment = Environment::new(Placeholders::new(), vec![pipeline]);
    let parsed = parse_in("rules.yml", rules, &environment);
    assert!(parsed.refused == 0 || !parsed.problems.is_empty(), "a rule was dropped without a word");
});
