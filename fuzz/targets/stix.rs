//! No bytes make the reader of STIX, the check or the canonical form panic; a canonical form is its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_stix::marking::Definition;
use watchfire_stix::{Object, Reader, canonical, check, deterministic, json};

fuzz_target!(|data: &[u8]| {
    if let Ok(form) = canonical(data) {
        assert_eq!(canonical(&form).ok().as_ref(), Some(&form), "a form has another form");
    }
    for item in Reader::new(data).flatten() {
        let start = item.offset as usize;
        assert!(data.get(start..).is_some_and(|rest| rest.starts_with(&item.bytes)), "bytes were changed");
        let _ = check(&item.bytes);
        let _ = Definition::read(&item.bytes);
        if let (Some(object), _) = Object::read(&item.bytes) {
            assert_eq!(object.bytes(), item.bytes);
            let _ = object.references();
        }
        if let Ok((node, _)) = json::parse(&item.bytes) {
            let _ = deterministic::uuids_in_use(&node);
        }
    }
});
