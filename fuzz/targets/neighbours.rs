//! No bytes make a reader of a neighbour's format panic, and whatever it takes can be compiled and looked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use watchfire_intel::{Builder, Warninglists};
use watchfire_interop::convert;
use watchfire_interop::intel::{read, warninglists};

fuzz_target!(|data: &[u8]| {
    let lists = warninglists(data).unwrap_or_default();
    let mut builder = Builder::new(Warninglists::new(&lists).0);
    let mut source = data;
    if read("fuzz", &mut source, &mut builder).is_ok() {
        builder.build().scan(data, &mut |_, range| assert!(data.get(range).is_some()));
    }
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        let events = convert::events(value);
        let _ = (convert::csv(&events), convert::text(&events), convert::feed(&events));
        let bundle = convert::to_stix(&events);
        let (back, _) = convert::to_misp(bundle["objects"].as_array().map(Vec::as_slice).unwrap_or_default());
        if events.iter().all(is_event) {
            assert_eq!(back, events, "an event came back otherwise");
        }
    }
});

/// Whether lists hold what they should: attributes and objects.
fn is_event(event: &Value) -> bool {
    let objects = |value: &Value, name: &str| {
        let list = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().all(Value::is_object)
    };
    let inner = event.get("Object").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    objects(event, "Attribute")
        && objects(event, "Object")
        && inner.iter().all(|object| objects(object, "Attribute"))
}
