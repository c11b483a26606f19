//! What a marking definition says, and the book of all that are known.

use std::collections::{BTreeSet, HashMap};

use watchfire_stix::json::{self, Node};
use watchfire_stix::marking::Definition;
use watchfire_stix::{Id, Timestamp, Tlp};

use crate::clause::Principal;
use crate::marking::Pap;
use crate::words::{Audience, Words};

/// The property extension of a marking definition by which recipients, organisations, communities, nations and an
/// embargo are said: `recipients`, `organisations`, `communities`, `rel_to` (lists of names), `embargo_until` (the rest
/// then holds until that instant only) and `pap`.
pub const RELEASE_EXTENSION: &str = "extension-definition--7d9a3f1c-52b4-4f0e-8a6d-3c1be0a94e25";

/// Names in one audience. A marking that names more people than a large room holds names a community.
const NAMES_LIMIT: usize = 500;

/// The marking definitions that are known, by id.
#[derive(Debug, Clone, Default)]
pub struct Book {
    known: HashMap<String, Words>,
}

impl Book {
    /// Notes what a marking definition says.
    pub fn add(&mut self, id: &Id, words: Words) {
        self.known.insert(id.as_str().to_owned(), words);
    }

    /// Whether this one was noted, or is a published one of TLP.
    pub fn knows(&self, id: &Id) -> bool {
        Tlp::of_reference(id.as_str()).is_some() || self.known.contains_key(id.as_str())
    }

    /// What a reference to a marking definition says. One that is not known cannot be applied.
    pub fn words(&self, id: &Id) -> Words {
        if let Some(tlp) = Tlp::of_reference(id.as_str()) {
            return Words { tlp: Some(tlp), ..Words::default() };
        }
        self.known.get(id.as_str()).cloned().unwrap_or_else(|| unknown(id.as_str()))
    }
}

fn unknown(what: &str) -> Words {
    Words { unknown: BTreeSet::from([what.to_owned()]), ..Words::default() }
}

/// What a marking definition says, from its bytes.
pub fn read_definition(id: &Id, bytes: &[u8]) -> Words {
    match json::parse(bytes) {
        Ok((node, flaws)) if flaws.is_empty() => of_node(id, &node),
        _ => unknown(id.as_str()),
    }
}

fn of_node(id: &Id, node: &Node<'_>) -> Words {
    match Definition::of(node) {
        Definition::Tlp(tlp) => Words { tlp: Some(tlp), ..Words::default() },
        Definition::Forged(_) => unknown(id.as_str()),
        // A statement says what the law says and not who may know.
        Definition::Statement(_) => Words::default(),
        Definition::Other => other(id, node).unwrap_or_else(|| unknown(id.as_str())),
    }
}

fn other(id: &Id, node: &Node<'_>) -> Option<Words> {
    if let Some(extensions) = node.get("extensions") {
        // Another extension beside ours may restrict in a way that is not known here.
        let [only] = extensions.members()? else { return None };
        return if only.name == RELEASE_EXTENSION { audience(id, &only.node) } else { None };
    }
    // PAP as platforms write it: a definition type of that name, the level in the definition or in the name.
    let kind = node.text("definition_type")?;
    if !kind.eq_ignore_ascii_case("pap") {
        return None;
    }
    let level =
        node.get("definition").and_then(|definition| definition.text("pap").or(definition.text("PAP")));
    let pap = Pap::of_label(level.or(node.text("name"))?)?;
    Some(Words { pap, ..Words::default() })
}

/// Reads the extension. Whatever is not understood makes the whole unknown: it may have been what mattered.
fn audience(id: &Id, node: &Node<'_>) -> Option<Words> {
    let (mut among, mut until, mut pap) = (BTreeSet::new(), None, Pap::Clear);
    let mut seen = BTreeSet::new();
    for member in node.members()? {
        if !seen.insert(member.name.as_ref()) {
            return None;
        }
        let principal: fn(String) -> Principal = match member.name.as_ref() {
            "extension_type" if member.node.as_str() == Some("property-extension") => continue,
            "pap" => {
                pap = Pap::of_label(member.node.as_str()?)?;
                continue;
            }
            "embargo_until" => {
                until = Some(Timestamp::parse(member.node.as_str()?)?);
                continue;
            }
            "recipients" => Principal::Person,
            "organisations" => Principal::Organisation,
            "communities" => Principal::Community,
            "rel_to" => Principal::Nation,
            _ => return None,
        };
        for name in member.node.items()? {
            among.insert(principal(name.as_str()?.to_owned()));
        }
    }
    let names =
        ["recipients", "organisations", "communities", "rel_to"].iter().any(|name| seen.contains(name));
    if among.len() > NAMES_LIMIT || (!names && until.is_none() && pap == Pap::Clear) {
        return None;
    }
    if !names && until.is_some() {
        // An embargo that names nobody: until then it stays with the organisation.
        among.insert(Principal::Holder);
    }
    let audiences = if names || until.is_some() {
        BTreeSet::from([Audience { by: id.as_str().to_owned(), among, until }])
    } else {
        BTreeSet::new()
    };
    Some(Words { pap, audiences, ..Words::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "marking-definition--8a1cd1a4-6d5e-4c61-8a0e-0d2f4f6c8a11";

    fn read(rest: &str) -> Words {
        let text = format!(r#"{{"type":"marking-definition","spec_version":"2.1","id":"{ID}",{rest}}}"#);
        read_definition(&Id::parse(ID).unwrap(), text.as_bytes())
    }

    fn extension(inner: &str) -> String {
        format!(r#""extensions":{{"{RELEASE_EXTENSION}":{{"extension_type":"property-extension"{inner}}}}}"#)
    }

    #[test]
    fn what_is_understood() {
        let words = read(&extension(r#","recipients":["alice"],"rel_to":["FRA"],"pap":"amber""#));
        let [audience] = words.audiences.iter().collect::<Vec<_>>()[..] else { panic!("one audience") };
        assert_eq!(audience.among.len(), 2);
        assert_eq!((words.pap, audience.until), (Pap::Amber, None));
        let words = read(&extension(r#","embargo_until":"2021-07-19T11:00:00Z""#));
        let audience = words.audiences.first().unwrap();
        assert_eq!(audience.among, BTreeSet::from([Principal::Holder]));
        assert!(audience.until.is_some());
        for pap in [
            r#""definition_type":"PAP","definition":{"pap":"red"}"#,
            r#""definition_type":"pap","name":"PAP:RED""#,
        ] {
            assert_eq!(read(pap).pap, Pap::Red, "{pap}");
        }
        let statement = read(r#""definition_type":"statement","definition":{"statement":"(c)"}"#);
        assert_eq!(statement, Words::default());
    }

    #[test]
    fn what_is_not_understood_stays_inside() {
        for inner in [
            "",
            r#","recipients":"alice""#,
            r#","recipients":[1]"#,
            r#","recipients":["a"],"recipients":["b"]"#,
            r#","recipients":["a"],"except":["b"]"#,
            r#","pap":"pink""#,
            r#","embargo_until":"tomorrow""#,
        ] {
            assert!(!read(&extension(inner)).unknown.is_empty(), "{inner}");
        }
        for rest in [
            r#""definition_type":"iep","definition":{}"#,
            r#""name":"REL TO""#,
            r#""definition_type":"PAP","definition":{"pap":"pink"}"#,
            r#""definition_type":"tlp","definition":{"tlp":"green"}"#,
            r#""extensions":{"extension-definition--00000000-0000-4000-8000-000000000000":{}}"#,
        ] {
            assert!(!read(rest).unknown.is_empty(), "{rest}");
        }
    }

    #[test]
    fn a_book_knows_tlp_and_what_was_added() {
        let mut book = Book::default();
        let id = Id::parse(ID).unwrap();
        assert!(!book.knows(&id) && !book.words(&id).unknown.is_empty());
        book.add(&id, Words { pap: Pap::Red, ..Words::default() });
        assert_eq!(book.words(&id).pap, Pap::Red);
        let white = Id::parse("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9").unwrap();
        assert_eq!(book.words(&white).tlp, Some(Tlp::Clear));
    }
}
