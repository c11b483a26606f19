//! The two readers of YAML agree on every text: what it holds, where, and what is wrong with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_sigma::yaml;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (nodes, problems) = yaml::read("f.yml", text);
    assert_eq!((nodes, problems), yaml::read_by_parser("f.yml", text));
});
