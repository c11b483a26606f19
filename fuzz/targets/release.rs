//! No object makes the gate panic, and what an unreadable or unknown marking is on stays inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_release::{Book, Directory, Gate, Known, Marking, Recipient, Said, Settling, Use, own, read_definition, settle};
use watchfire_stix::{Object, Reader, Timestamp, Tlp, json, references};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let marking = Marking::read(text);
        assert_eq!(Marking::read(&marking.summary()).summary(), marking.summary());
    }
    let mut book = Book::default();
    let mut objects = Vec::new();
    for item in Reader::new(data).flatten() {
        if let (Some(object), _) = Object::read(&item.bytes) {
            if object.object_type() == "marking-definition" {
                book.add(object.id(), read_definition(object.id(), object.bytes()));
            }
            objects.push(object);
        }
    }
    let settling: Vec<Settling> = objects
        .iter()
        .filter_map(|object| {
            let (node, flaws) = json::parse(object.bytes()).ok()?;
            let said = Said::read(object, &node, &references(&node), !flaws.is_empty());
            let own = own(object, said, &book, None, Tlp::AmberStrict);
            Some(Settling { id: object.id().clone(), own })
        })
        .collect();
    let markings = settle(&settling, &|_| Known::default());
    let (reader, directory) = (Recipient::anyone(), Directory::of("own"));
    let gate = Gate { reader: &reader, directory: &directory, purpose: Use::Know, now: Timestamp::new(0, 0) };
    for (marking, object) in markings.iter().zip(&settling) {
        assert!(marking.covers(&object.own.marking.said()), "settling widened a marking");
        let admitted = gate.admits(marking);
        assert_eq!(admitted, gate.decide(marking).is_release());
        assert!(!admitted || gate.admits(&object.own.marking.said()));
    }
});
