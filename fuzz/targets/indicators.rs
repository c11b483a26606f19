//! No indicator and no text make the index panic or leave the text; what is found in a part is found in the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_intel::{Builder, Indicator, Kind, Origin, Warninglists};

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len() / 2);
    let (values, text) = data.split_at(at);
    let mut builder = Builder::new(Warninglists::default());
    let origin = builder.origin(Origin::default());
    let values = String::from_utf8_lossy(values);
    let mut plain = Vec::new();
    for value in values.lines().take(64) {
        if builder.add(origin, &Indicator { value, ..Indicator::default() }).is_ok() {
            plain.push(value.to_owned());
        }
    }
    let index = builder.build();
    index.scan(text, &mut |indicator, range| {
        assert!(text.get(range).is_some());
        assert!(index.sources(indicator).next().is_some());
    });
    // Every digest is found where it stands alone. Names and paths of odd characters may end where text ends them.
    for number in 0..index.len() as u32 {
        let Some(found) = index.sources(number).next() else { continue };
        if found.kind != Kind::Hash {
            continue;
        }
        let alone = format!(" {} ", found.value);
        let mut met = false;
        index.scan(alone.as_bytes(), &mut |other, _| {
            met |= index.sources(other).any(|source| source.value == found.value);
        });
        assert!(met, "{:?} {:?} is not found", found.kind, found.value);
    }
});
