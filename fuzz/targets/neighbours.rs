//! No bytes make a reader of a neighbour's format panic, and whatever it takes can be compiled and looked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_intel::{Builder, Warninglists};
use watchfire_interop::intel::{read, warninglists};

fuzz_target!(|data: &[u8]| {
    let lists = warninglists(data).unwrap_or_default();
    let mut builder = Builder::new(Warninglists::new(&lists).0);
    let mut source = data;
    if read("fuzz", &mut source, &mut builder).is_ok() {
        builder.build().scan(data, &mut |_, range| assert!(data.get(range).is_some()));
    }
});
