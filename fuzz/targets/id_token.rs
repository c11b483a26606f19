//! No set of keys and no token makes the reader panic, and none that nobody signed is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watchfire_node::fuzz::id_token(data));
