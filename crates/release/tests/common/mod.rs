//! A small graph of objects for tests: made from texts, settled, and let out through a gate.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test binary uses a part, and stops where it cannot go on

use std::collections::HashMap;

use watchfire_release::{
    Book, Directory, Gate, Known, Marking, Organisation, Recipient, Released, Said, Settling, Use, own,
    read_definition, settle,
};
use watchfire_stix::{Id, Object, Timestamp, Tlp, json, references};

pub const TLP_CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
pub const TLP_GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
pub const TLP_AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
pub const TLP_STRICT: &str = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";
pub const TLP_RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";

pub fn id(object_type: &str, number: usize) -> String {
    format!("{object_type}--{number:08x}-5cc1-4c4f-8a55-1d9a4d3a1b11")
}

pub fn object(object_type: &str, number: usize, rest: &str) -> String {
    let id = id(object_type, number);
    let comma = if rest.is_empty() { "" } else { "," };
    format!(
        r#"{{"type":"{object_type}","spec_version":"2.1","id":"{id}","created":"2021-03-02T00:00:00.000Z","modified":"2021-03-02T00:00:00.000Z"{comma}{rest}}}"#
    )
}

/// Objects that came together.
#[derive(Default)]
pub struct Graph {
    objects: Vec<Object>,
    containers: Vec<(String, String)>,
}

impl Graph {
    pub fn add(&mut self, text: &str) {
        let (object, problems) = Object::read(text.as_bytes());
        self.objects.push(object.unwrap_or_else(|| panic!("{text}: {problems:?}")));
    }

    /// A container that was there before has this member and this marking.
    pub fn known_container(&mut self, member: &str, tlp: &str) {
        self.containers.push((member.to_owned(), tlp.to_owned()));
    }

    pub fn bytes(&self, at: usize) -> &[u8] {
        self.objects[at].bytes()
    }

    pub fn markings(&self) -> Vec<Marking> {
        let mut book = Book::default();
        for object in self.objects.iter().filter(|object| object.object_type() == "marking-definition") {
            book.add(object.id(), read_definition(object.id(), object.bytes()));
        }
        let settling = |object: &Object| {
            let (node, flaws) = json::parse(object.bytes()).unwrap();
            let said = Said::read(object, &node, &references(&node), !flaws.is_empty());
            let own = own(object, said, &book, None, Tlp::AmberStrict);
            Settling { id: object.id().clone(), own }
        };
        let batch: Vec<Settling> = self.objects.iter().map(settling).collect();
        let mut containers: HashMap<&str, Marking> = HashMap::new();
        for (member, tlp) in &self.containers {
            let marking = book.words(&Id::parse(tlp).unwrap()).compile(None, Tlp::Red);
            let joined = containers.get(member.as_str()).map_or(marking.clone(), |all| all.join(&marking));
            containers.insert(member, joined);
        }
        settle(&batch, &|id| Known { own: None, containers: containers.get(id.as_str()) })
    }

    pub fn gate<T>(reader: &Recipient, purpose: Use, ask: impl FnOnce(&Gate<'_>) -> T) -> T {
        let mut directory = Directory::of("CERT");
        directory.organisations.insert("ELSEWHERE".to_owned(), Organisation::default());
        ask(&Gate { reader, directory: &directory, purpose, now: Timestamp::new(1_626_692_400, 0) })
    }

    pub fn release(&self, reader: &Recipient, purpose: Use) -> Released<Vec<Vec<u8>>> {
        let markings = self.markings();
        let bytes = self.objects.iter().map(|object| object.bytes().to_vec());
        Self::gate(reader, purpose, |gate| gate.release_each(markings.iter().zip(bytes)))
    }
}
