//! No line of JSON makes an event panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::event::{Event, json_text_at};

fuzz_target!(|data: &[u8]| {
    if let Ok(Some(event)) = Event::parse(data) {
        let _ = (event.first("EventID"), event.values("Data").count(), event.fields().count());
    }
    let _ = json_text_at(data, "Parameters");
});
