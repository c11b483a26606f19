//! No text makes the rule reader panic; what it accepts, it compiles and evaluates.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = watchfire_sigma::parse("rule.yml", text);
});
