//! Marking definitions (§7.2): the Traffic Light Protocol, and what only looks like it.
//!
//! TLP is told by comparing the whole object with the one that was published: an object that carries the id of
//! TLP:RED and says `clear` is a forgery, and so is one that says `red` under an id of its own (§7.2.1.4, and the
//! OASIS common object repository for TLP 2.0).

use crate::canonical;
use crate::json::{self, Node};
use crate::timestamp::Timestamp;

/// The Traffic Light Protocol, version 2.0 (FIRST, August 2022), from what anyone may know to what stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// Anyone.
    Clear,
    /// The community.
    Green,
    /// The organisation and its clients.
    Amber,
    /// The organisation.
    AmberStrict,
    /// The recipients.
    Red,
}

/// What a marking definition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// The published object of this level.
    Tlp(Tlp),
    /// It claims to be TLP and is not; why not.
    Forged(&'static str),
    /// A statement (§7.2.1.3).
    Statement(String),
    /// Something else, which only those who know it can apply.
    Other,
}

/// The id of the extension that says TLP 2.0 in STIX.
pub const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

/// A published level: its id, its name, its word, and whether it is of version 2.0.
struct Published {
    tlp: Tlp,
    id: &'static str,
    name: &'static str,
    word: &'static str,
    extension: bool,
}

const fn published(
    tlp: Tlp,
    id: &'static str,
    name: &'static str,
    word: &'static str,
    extension: bool,
) -> Published {
    Published { tlp, id, name, word, extension }
}

/// TLP 2.0 as OASIS published it on 2022-10-01; TLP 1.0 as STIX 2.1 §7.2.1.4 lists it. WHITE of 1.0 is CLEAR of 2.0.
const PUBLISHED: [Published; 9] = [
    published(
        Tlp::Clear,
        "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        "TLP:CLEAR",
        "clear",
        true,
    ),
    published(
        Tlp::Green,
        "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        "TLP:GREEN",
        "green",
        true,
    ),
    published(
        Tlp::Amber,
        "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        "TLP:AMBER",
        "amber",
        true,
    ),
    published(
        Tlp::AmberStrict,
        "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        "TLP:AMBER+STRICT",
        "amber+strict",
        true,
    ),
    published(Tlp::Red, "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED", "red", true),
    published(
        Tlp::Clear,
        "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        "TLP:WHITE",
        "white",
        false,
    ),
    published(
        Tlp::Green,
        "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
        "TLP:GREEN",
        "green",
        false,
    ),
    published(
        Tlp::Amber,
        "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
        "TLP:AMBER",
        "amber",
        false,
    ),
    published(Tlp::Red, "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "TLP:RED", "red", false),
];

impl Tlp {
    /// All levels, the most open first.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// The level that a reference to a published marking definition means, of either version of TLP. `None` for every
    /// other id: what it means is not known from its id.
    pub fn of_reference(id: &str) -> Option<Self> {
        PUBLISHED.iter().find(|published| published.id == id).map(|published| published.tlp)
    }

    /// The level by its label, such as `TLP:AMBER+STRICT` or `amber+strict`, in any case; `WHITE` is CLEAR.
    pub fn of_label(label: &str) -> Option<Self> {
        let label = label.trim();
        let head = label.get(..4).filter(|head| head.eq_ignore_ascii_case("tlp:"));
        let word = head.map_or(label, |_| &label[4..]);
        PUBLISHED
            .iter()
            .find(|published| published.word.eq_ignore_ascii_case(word))
            .map(|published| published.tlp)
    }

    fn published(self) -> &'static Published {
        let found = PUBLISHED.iter().find(|published| published.extension && published.tlp == self);
        found.expect("every level is published")
    }

    /// The label as FIRST writes it, such as `TLP:AMBER+STRICT`.
    pub fn label(self) -> &'static str {
        self.published().name
    }

    /// The id of the published marking definition of TLP 2.0.
    pub fn marking_id(self) -> &'static str {
        self.published().id
    }

    /// The published marking definition of TLP 2.0, in its canonical form.
    pub fn definition(self) -> String {
        self.published().objects().swap_remove(0)
    }
}

impl Published {
    /// The object in its canonical form; for TLP 1.0 also as STIX 2.0 wrote it, without `spec_version` and `name`.
    fn objects(&self) -> Vec<String> {
        let Self { id, name, word, .. } = self;
        if self.extension {
            return vec![format!(
                r#"{{"created":"2022-10-01T00:00:00.000Z","extensions":{{"{TLP_EXTENSION}":{{"extension_type":"property-extension","tlp_2_0":"{word}"}}}},"id":"{id}","name":"{name}","spec_version":"2.1","type":"marking-definition"}}"#
            )];
        }
        let head = format!(
            r#"{{"created":"2017-01-20T00:00:00.000Z","definition":{{"tlp":"{word}"}},"definition_type":"tlp","id":"{id}""#
        );
        vec![
            format!(r#"{head},"name":"{name}","spec_version":"2.1","type":"marking-definition"}}"#),
            format!(r#"{head},"type":"marking-definition"}}"#),
            format!(r#"{head},"name":"{name}","type":"marking-definition"}}"#),
            format!(r#"{head},"spec_version":"2.1","type":"marking-definition"}}"#),
        ]
    }
}

impl Definition {
    /// What a marking definition is, by all of it.
    pub fn of(node: &Node<'_>) -> Self {
        let id = node.text("id").unwrap_or_default();
        if let Some(published) = PUBLISHED.iter().find(|published| published.id == id) {
            let found = normal(node);
            return if published.objects().contains(&found) {
                Self::Tlp(published.tlp)
            } else {
                Self::Forged("it has the id of a published TLP marking and says something else")
            };
        }
        if node.text("definition_type") == Some("tlp") {
            return Self::Forged("it says TLP under an id that was not published for it");
        }
        if node.get("extensions").is_some_and(|extensions| extensions.get(TLP_EXTENSION).is_some()) {
            return Self::Forged("it says TLP 2.0 under an id that was not published for it");
        }
        if node.text("name").is_some_and(|name| Tlp::of_label(name).is_some()) {
            return Self::Forged(
                "it has the name of a TLP marking under an id that was not published for it",
            );
        }
        match node.get("definition").and_then(|definition| definition.text("statement")) {
            Some(statement) if node.text("definition_type") == Some("statement") => {
                Self::Statement(statement.to_owned())
            }
            _ => Self::Other,
        }
    }

    /// What a marking definition is, from its bytes.
    pub fn read(bytes: &[u8]) -> Self {
        match json::parse(bytes) {
            Ok((node, flaws)) if flaws.is_empty() => Self::of(&node),
            Ok(_) => Self::Forged("its text is flawed and can be read in two ways"),
            Err(_) => Self::Other,
        }
    }
}

/// The canonical form with `created` in milliseconds: the same instant is the same value.
fn normal(node: &Node<'_>) -> String {
    let written = canonical::of(node);
    let Some(created) = node.text("created") else { return written };
    match Timestamp::parse(created) {
        Some(time) => {
            written.replacen(&format!("\"created\":\"{created}\""), &format!("\"created\":\"{time}\""), 1)
        }
        None => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_objects_are_recognised() {
        for tlp in Tlp::ALL {
            assert_eq!(Definition::read(tlp.definition().as_bytes()), Definition::Tlp(tlp));
            assert_eq!(Tlp::of_reference(tlp.marking_id()), Some(tlp));
            assert_eq!(Tlp::of_label(tlp.label()), Some(tlp));
        }
        assert_eq!(Tlp::of_label("tlp:white"), Some(Tlp::Clear));
        assert_eq!(Tlp::of_label("TLP:PINK"), None);
        assert!(Tlp::Amber < Tlp::AmberStrict && Tlp::AmberStrict < Tlp::Red);
    }

    #[test]
    fn one_changed_value_is_a_forgery() {
        let red = Tlp::Red.definition();
        for (from, to) in [
            ("\"red\"", "\"clear\""),
            ("TLP:RED", "TLP:CLEAR"),
            ("property-extension", "new-sdo"),
            ("2022-10-01T00:00:00.000Z", "2022-10-01T00:00:00.001Z"),
            ("\"spec_version\"", "\"lang\":\"en\",\"spec_version\""),
            ("e828b379", "f828b379"),
        ] {
            let changed = red.replacen(from, to, 1);
            assert_ne!(changed, red);
            assert!(matches!(Definition::read(changed.as_bytes()), Definition::Forged(_)), "{changed}");
        }
        let same = red.replacen("00:00.000Z", "00:00Z", 1);
        assert_eq!(Definition::read(same.as_bytes()), Definition::Tlp(Tlp::Red));
        let twice = red.replacen("{\"created\"", "{\"name\":\"TLP:CLEAR\",\"created\"", 1);
        assert!(matches!(Definition::read(twice.as_bytes()), Definition::Forged(_)));
    }

    #[test]
    fn other_definitions() {
        let statement = r#"{"type":"marking-definition","id":"marking-definition--4a0042fe-8b88-40fe-9600-dfa128ce6fbd",
            "definition_type":"statement","definition":{"statement":"(c) A"}}"#;
        assert_eq!(Definition::read(statement.as_bytes()), Definition::Statement("(c) A".to_owned()));
        assert_eq!(Definition::read(b"{}"), Definition::Other);
    }
}
