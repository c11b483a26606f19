//! No answer of another server makes the client panic, lead it elsewhere, or change a byte of what it takes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watchfire_node::fuzz::answer(data));
