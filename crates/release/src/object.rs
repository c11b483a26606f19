//! What an object's own markings say: those of the whole, those of its parts, and what is hidden in labels.

use watchfire_stix::json::Node;
use watchfire_stix::{Id, Mark, Object, Reference, Tlp};

use crate::definition::{Book, read_definition};
use crate::marking::{Marking, Pap};
use crate::words::{Origin, Words};

/// What follows from an object alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Who may know, by its own markings or by default.
    pub marking: Marking,
    /// Those whom it contains, as whatever has a list `object_refs` does (STIX 2.1: report, grouping, note, opinion,
    /// observed-data): an unmarked one takes its marking.
    pub members: Vec<Id>,
    /// Those whom it names in any way, members included.
    pub references: Vec<Id>,
}

/// What an object's text says of who may know it, before anybody looks up the marking definitions that it refers to.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// What cannot be applied, whatever the definitions say; and a definition's own words.
    whole: Words,
    labelled: Words,
    has_unreadable_parts: bool,
    members: Vec<Id>,
    references: Vec<Id>,
}

impl Said {
    /// Reads it. `node` is the tree of the object's bytes and `references` what it names; `flawed` is whether that text
    /// can be read in two ways, in which case nobody can say what it says.
    pub fn read(object: &Object, node: &Node<'_>, references: &[Reference], flawed: bool) -> Self {
        let mut whole = Words::default();
        if flawed {
            whole.unknown.insert("a text that can be read in two ways".to_owned());
        }
        let written = node.get("object_marking_refs").and_then(Node::items).map_or(0, <[Node<'_>]>::len);
        if written != object.object_marking_refs().len() || !is_list(node, "object_marking_refs") {
            whole.unknown.insert("object_marking_refs that cannot be read".to_owned());
        }
        if object.object_type() == "marking-definition" {
            // A definition that names people is known to those it names.
            whole.add(&read_definition(object.id(), object.bytes()));
        }
        let (members, references) = named(node, references);
        let has_unreadable_parts = !is_list(node, "granular_markings");
        Self { whole, labelled: words_of_labels(node), has_unreadable_parts, members, references }
    }
}

/// What an object's own markings say, with what the book knows of their definitions.
pub fn own(object: &Object, said: Said, book: &Book, origin: Option<Origin<'_>>, default: Tlp) -> Own {
    let Said { mut whole, labelled, has_unreadable_parts, members, references } = said;
    for id in object.object_marking_refs() {
        whole.add(&book.words(id));
    }
    let mut marking = whole.compile(origin, default);
    if labelled.tlp.is_some() || labelled.pap != Pap::Clear {
        // A label restricts, and opens nothing: anyone may have written it.
        marking = marking.join(&of_words(&labelled, origin));
    }
    for granular in object.granular_markings() {
        match &granular.mark {
            Mark::Marking(id) => {
                marking = marking.join(&of_words(&book.words(id), origin));
            }
            Mark::Language(_) => {}
            Mark::Unreadable => {
                marking = marking.join(&Marking::unknown("a marking of a part that cannot be read"));
            }
        }
    }
    if has_unreadable_parts {
        marking = marking.join(&Marking::unknown("granular_markings that are no list"));
    }
    Own { marking, members, references }
}

/// What words say, with nothing standing in for what they do not say.
fn of_words(words: &Words, origin: Option<Origin<'_>>) -> Marking {
    words.compile(origin, Tlp::Clear).said()
}

fn is_list(node: &Node<'_>, name: &str) -> bool {
    node.get(name).is_none_or(|found| found.items().is_some())
}

/// Tags that other platforms leave among the labels where they lost the marking itself.
fn words_of_labels(node: &Node<'_>) -> Words {
    let mut words = Words::default();
    let labels = node.get("labels").and_then(Node::items).unwrap_or_default();
    for label in labels.iter().filter_map(Node::as_str) {
        let label = label.trim().to_ascii_lowercase();
        if label.starts_with("tlp:") {
            // One that is not known, such as `tlp:ex:chr`, is taken for the worst.
            words.tlp = words.tlp.max(Some(Tlp::of_label(&label).unwrap_or(Tlp::Red)));
        } else if label.starts_with("pap:") {
            words.pap = words.pap.max(Pap::of_label(&label).unwrap_or(Pap::Red));
        }
    }
    words
}

fn named(node: &Node<'_>, references: &[Reference]) -> (Vec<Id>, Vec<Id>) {
    let mut ids: Vec<Id> = references
        .iter()
        .map(|reference| &reference.id)
        .filter(|id| !matches!(id.object_type(), "marking-definition" | "extension-definition"))
        .cloned()
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let listed = node.get("object_refs").and_then(Node::items).unwrap_or_default();
    let members = listed.iter().filter_map(|item| Id::parse(item.as_str()?).ok()).collect();
    (members, ids)
}
