//! A STIX object: the bytes as they came and a view of what every part of the program asks for.
//!
//! **Invariant**: the bytes are never written anew. Whatever is stored, served or signed is [`Object::bytes`].

use std::sync::Arc;

use crate::id::Id;
use crate::json::pointer::Step;
use crate::json::{self, Node};
use crate::problem::Problem;
use crate::timestamp::Timestamp;

/// An object, byte for byte, with a typed view of its common properties (§3.2).
#[derive(Debug, Clone)]
pub struct Object {
    bytes: Arc<[u8]>,
    id: Id,
    spec_version: SpecVersion,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
    created_by_ref: Option<Id>,
    revoked: bool,
    object_marking_refs: Vec<Id>,
    granular_markings: Vec<GranularMarking>,
}

/// The version of STIX in which an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecVersion {
    /// 2.0, whose objects do not say so themselves.
    V20,
    /// 2.1
    V21,
}

/// Which parts of an object carry a marking or a language of their own (§7.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GranularMarking {
    /// What the parts carry.
    pub mark: Mark,
    /// Which parts.
    pub selectors: Vec<String>,
}

/// What a granular marking says of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The marking definition of this id applies.
    Marking(Id),
    /// The text is in this language (RFC 5646).
    Language(String),
    /// Neither can be read: whoever decides what may leave must keep the parts inside.
    Unreadable,
}

/// A place in an object that names another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// A JSON pointer to the place.
    pub pointer: String,
    /// The id that stands there.
    pub id: Id,
}

impl Object {
    /// Reads an object. `None` where there is none to speak of: no JSON object, no identifier that could be its own.
    /// What is wrong otherwise stands in the problems.
    pub fn read(bytes: &[u8]) -> (Option<Self>, Vec<Problem>) {
        match json::parse(bytes) {
            Ok((node, mut problems)) => {
                let object = Self::of(bytes, &node, &mut problems);
                (object, problems)
            }
            Err(problem) => (None, vec![*problem]),
        }
    }

    /// The view of a tree that was read from these bytes, for who needs the tree, too; what is wrong is added to
    /// `problems`.
    pub fn of(bytes: &[u8], node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut view = View { root: node, problems };
        let id = view.own_id()?;
        let spec_version = view.spec_version();
        Some(Self {
            bytes: Arc::from(bytes),
            id,
            spec_version,
            created: view.timestamp("created"),
            modified: view.timestamp("modified"),
            created_by_ref: view.reference("created_by_ref"),
            revoked: node.get("revoked").and_then(Node::as_bool).unwrap_or(false),
            object_marking_refs: view.object_marking_refs(),
            granular_markings: view.granular_markings(),
        })
    }

    /// The object as it came, to be kept and sent as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same bytes, shared.
    pub fn shared_bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// The `type`.
    pub fn object_type(&self) -> &str {
        self.id.object_type()
    }

    /// The `id`.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The version of STIX.
    pub fn spec_version(&self) -> SpecVersion {
        self.spec_version
    }

    /// When the first version was made.
    pub fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// When this version was made; `None` for what has no versions.
    pub fn modified(&self) -> Option<Timestamp> {
        self.modified
    }

    /// By which instant this version is known among others of its id: `modified`, else `created` (TAXII 2.1 §3.4).
    pub fn version(&self) -> Option<Timestamp> {
        self.modified.or(self.created)
    }

    /// Who made it.
    pub fn created_by_ref(&self) -> Option<&Id> {
        self.created_by_ref.as_ref()
    }

    /// Whether its creator has taken it back.
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// The markings of the whole object.
    pub fn object_marking_refs(&self) -> &[Id] {
        &self.object_marking_refs
    }

    /// The markings of its parts.
    pub fn granular_markings(&self) -> &[GranularMarking] {
        &self.granular_markings
    }

    /// The whole as a tree, read anew.
    pub fn json(&self) -> Node<'_> {
        json::parse(&self.bytes).expect("these bytes were read before").0
    }

    /// Every place that names another object; see [`references`].
    pub fn references(&self) -> Vec<Reference> {
        references(&self.json())
    }
}

/// Every place in an object's tree that names another object: properties that end in `_ref` or `_refs` at any depth
/// (§3.1), and the extension definitions whose ids are names in `extensions` (§7.3).
pub fn references(root: &Node<'_>) -> Vec<Reference> {
    let mut found = Vec::new();
    gather(root, &mut Vec::new(), &mut found);
    found
}

fn gather<'n>(node: &'n Node<'_>, steps: &mut Vec<Step<'n>>, found: &mut Vec<Reference>) {
    for (index, item) in node.items().unwrap_or_default().iter().enumerate() {
        steps.push(Step::Index(index));
        gather(item, steps, found);
        steps.pop();
    }
    for member in node.members().unwrap_or_default() {
        steps.push(Step::Name(&member.name));
        if member.name.ends_with("_ref") {
            named(&member.node, steps, found);
        } else if member.name.ends_with("_refs") {
            for (index, item) in member.node.items().unwrap_or_default().iter().enumerate() {
                steps.push(Step::Index(index));
                named(item, steps, found);
                steps.pop();
            }
        } else {
            if let Ok(id) = Id::parse(&member.name) {
                found.push(Reference { pointer: json::pointer::write(steps), id });
            }
            gather(&member.node, steps, found);
        }
        steps.pop();
    }
}

fn named(node: &Node<'_>, steps: &[Step<'_>], found: &mut Vec<Reference>) {
    if let Some(id) = node.as_str().and_then(|text| Id::parse(text).ok()) {
        found.push(Reference { pointer: json::pointer::write(steps), id });
    }
}

/// The tree while it is looked at.
struct View<'n, 'a, 'p> {
    root: &'n Node<'a>,
    problems: &'p mut Vec<Problem>,
}

impl View<'_, '_, '_> {
    fn own_id(&mut self) -> Option<Id> {
        if self.root.members().is_none() {
            self.problem(self.root, "", "STIX 2.1 §3.2", format!("{} is no STIX object", self.root.kind()));
            return None;
        }
        let Some(node) = self.root.get("id") else {
            self.problem(self.root, "", "STIX 2.1 §3.2", "the object has no id".to_owned());
            return None;
        };
        let id = self.id(node, "/id")?;
        let named = self.root.text("type");
        if named != Some(id.object_type()) {
            let what = format!(
                "the id says {}, the type says {}",
                id.object_type(),
                named.unwrap_or("nothing that can be read")
            );
            self.problem(node, "/id", "STIX 2.1 §2.9", what);
            return None;
        }
        Some(id)
    }

    fn spec_version(&self) -> SpecVersion {
        let dated = self.root.get("created").is_some();
        match self.root.text("spec_version") {
            Some("2.0") => SpecVersion::V20,
            // STIX 2.0 objects have no spec_version; in 2.1 only observables may leave it out, and those are undated.
            None if dated => SpecVersion::V20,
            _ => SpecVersion::V21,
        }
    }

    fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        let node = self.root.get(name)?;
        let read = node.as_str().and_then(Timestamp::parse);
        if read.is_none() {
            let what = "this is no timestamp in UTC as YYYY-MM-DDTHH:mm:ss[.s+]Z";
            self.problem(node, &format!("/{name}"), "STIX 2.1 §2.16", what.to_owned());
        }
        read
    }

    fn reference(&mut self, name: &str) -> Option<Id> {
        let node = self.root.get(name)?;
        self.id(node, &format!("/{name}"))
    }

    fn id(&mut self, node: &Node<'_>, pointer: &str) -> Option<Id> {
        let Some(text) = node.as_str() else {
            self.problem(node, pointer, "STIX 2.1 §2.9", format!("{} is no identifier", node.kind()));
            return None;
        };
        match Id::parse(text) {
            Ok(id) => Some(id),
            Err(error) => {
                self.problem(node, pointer, "STIX 2.1 §2.9", error.to_string());
                None
            }
        }
    }

    fn object_marking_refs(&mut self) -> Vec<Id> {
        let Some(node) = self.root.get("object_marking_refs") else { return Vec::new() };
        let Some(items) = node.items() else {
            let what = format!("{} is no list of identifiers", node.kind());
            self.problem(node, "/object_marking_refs", "STIX 2.1 §7.2.2", what);
            return Vec::new();
        };
        let place = |index: usize| format!("/object_marking_refs/{index}");
        items.iter().enumerate().filter_map(|(index, item)| self.id(item, &place(index))).collect()
    }

    fn granular_markings(&mut self) -> Vec<GranularMarking> {
        let Some(node) = self.root.get("granular_markings") else { return Vec::new() };
        let Some(items) = node.items() else {
            let what = format!("{} is no list of granular markings", node.kind());
            self.problem(node, "/granular_markings", "STIX 2.1 §7.2.3", what);
            return Vec::new();
        };
        items.iter().enumerate().map(|(index, item)| self.granular_marking(item, index)).collect()
    }

    fn granular_marking(&mut self, node: &Node<'_>, index: usize) -> GranularMarking {
        let mark = match (node.get("marking_ref"), node.text("lang")) {
            (Some(reference), None) => self
                .id(reference, &format!("/granular_markings/{index}/marking_ref"))
                .map_or(Mark::Unreadable, Mark::Marking),
            (None, Some(language)) => Mark::Language(language.to_owned()),
            _ => Mark::Unreadable,
        };
        let selectors = node.get("selectors").and_then(Node::items).unwrap_or_default();
        GranularMarking {
            mark,
            selectors: selectors.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
        }
    }

    fn problem(&mut self, node: &Node<'_>, pointer: &str, clause: &str, what: String) {
        self.problems.push(Problem::error(pointer.to_owned(), node.start as u64, clause, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDICATOR: &str = r#"{ "type":"indicator","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836",
        "spec_version":"2.1", "created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00Z",
        "created_by_ref":"identity--e2e1a340-4415-4ba8-9671-f7343fbf0837","revoked":true,
        "object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", 7],
        "granular_markings":[{"selectors":["name"],"lang":"de"},{"selectors":["labels.[0]"]}],
        "extensions":{"extension-definition--e2e1a340-4415-4ba8-9671-f7343fbf0838":{"a_refs":["url--28bb3599-77cd-5a82-a950-b5bc3caf07c4"]}} }"#;

    #[test]
    fn a_view_beside_the_bytes() {
        let (object, problems) = Object::read(INDICATOR.as_bytes());
        let object = object.unwrap();
        assert_eq!(object.bytes(), INDICATOR.as_bytes());
        assert_eq!(object.object_type(), "indicator");
        assert_eq!(object.created(), object.modified());
        assert!(object.is_revoked());
        assert_eq!(object.object_marking_refs().len(), 1);
        assert_eq!(object.granular_markings()[0].mark, Mark::Language("de".to_owned()));
        assert_eq!(object.granular_markings()[1].mark, Mark::Unreadable);
        let places: Vec<String> = problems.into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(places, ["/object_marking_refs/1"]);
        let named: Vec<String> = object.references().into_iter().map(|found| found.pointer).collect();
        let extension = "/extensions/extension-definition--e2e1a340-4415-4ba8-9671-f7343fbf0838";
        assert_eq!(
            named,
            ["/created_by_ref", "/object_marking_refs/0", extension, &format!("{extension}/a_refs/0")]
        );
    }

    #[test]
    fn what_is_no_object() {
        for (text, part) in [
            ("[]", "no STIX object"),
            ("{}", "no id"),
            (r#"{"id":1}"#, "no identifier"),
            (r#"{"id":"url--28bb3599-77cd-5a82-a950-b5bc3caf07c4","type":"file"}"#, "the type says file"),
            (r#"{"id":"#, "ends"),
        ] {
            let (object, problems) = Object::read(text.as_bytes());
            assert!(object.is_none(), "{text}");
            assert!(problems[0].what.contains(part), "{text}: {:?}", problems[0]);
        }
    }
}
