//! No indicator and no text make the index panic or leave the text; whatever is taken in is found where it stands.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_intel::{Builder, Indicator, Kind, Origin, Warninglists};

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len() / 2);
    let (values, text) = data.split_at(at);
    let mut builder = Builder::new(Warninglists::default());
    let origin = builder.origin(&Origin::default());
    let values = String::from_utf8_lossy(values);
    for value in values.lines().take(64) {
        let (kind, value) = kind(value);
        let _ = builder.add(origin, &Indicator { value, kind, ..Indicator::default() });
    }
    let index = builder.build();
    index.scan(text, &mut |indicator, range| {
        assert!(text.get(range).is_some());
        assert!(index.sources(indicator).next().is_some());
    });
    // Whatever was taken in is found where it stands alone, be it written as it is shown.
    for number in 0..index.len() as u32 {
        let Some(found) = index.sources(number).next() else { continue };
        let alone = format!(" {} ", found.value);
        let mut met = false;
        index.scan(alone.as_bytes(), &mut |other, _| {
            met |= index.sources(other).any(|source| source.value == found.value);
        });
        assert!(met, "{:?} {:?} is not found", found.kind, found.value);
    }
});

/// A value may begin with the number of its kind.
fn kind(line: &str) -> (Option<Kind>, &str) {
    let number =
        line.split_once('=').and_then(|(number, value)| Some((number.parse::<usize>().ok()?, value)));
    match number {
        Some((number, value)) if number < Kind::ALL.len() => (Some(Kind::ALL[number]), value),
        _ => (None, line),
    }
}
