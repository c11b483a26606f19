//! No line of JSON makes an event panic, and what is JSON is what another reader takes for it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use watchfire_artifact::event::{Deciding, Event, EventError, json_text_at};

fuzz_target!(|data: &[u8]| {
    let read = Event::parse(data);
    if let Ok(Some(event)) = &read {
        let _ = (event.values("Data").count(), event.fields().count());
        for field in Deciding::ALL {
            assert_eq!(event.of(field), event.first(field.name()));
        }
    }
    // Brackets around the object are forgiven, so they are left out of the comparison.
    if data.first() == Some(&b'{') && data.last() == Some(&b'}') {
        let is_json = serde_json::from_slice::<IgnoredAny>(data).is_ok() && std::str::from_utf8(data).is_ok();
        assert_eq!(!matches!(read, Err(EventError::Json(_))), is_json);
    }
    let _ = json_text_at(data, "Parameters");
});
