//! What an object's own markings say: those of the whole, those of its parts, and what is hidden in labels.

use watchfire_stix::json::Node;
use watchfire_stix::{Id, Mark, Object, Tlp};

use crate::definition::{Book, read_definition};
use crate::marking::{Marking, Pap};
use crate::words::{Origin, Words};

/// What follows from an object alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Who may know, by its own markings or by default.
    pub marking: Marking,
    /// Those whom it contains: an unmarked one takes its marking.
    pub members: Vec<Id>,
    /// Those whom it names in any way, members included.
    pub references: Vec<Id>,
}

/// Whether an object contains others (STIX 2.1: report, grouping, note, opinion, observed-data, and whatever else has
/// a list of that name).
pub fn is_container(node: &Node<'_>) -> bool {
    node.get("object_refs").is_some()
}

/// What an object's own markings say. `node` is the tree of its bytes; `flawed` is whether that text can be read in two
/// ways, in which case nobody can say what it says.
pub fn own(
    object: &Object,
    node: &Node<'_>,
    flawed: bool,
    book: &Book,
    origin: Option<Origin<'_>>,
    default: Tlp,
) -> Own {
    let mut whole = words_of_whole(object, node, book);
    if flawed {
        whole.unknown.insert("a text that can be read in two ways".to_owned());
    }
    let labelled = words_of_labels(node);
    let mut marking = whole.compile(origin, default);
    if labelled.tlp.is_some() || labelled.pap != Pap::Clear {
        // A label restricts, and opens nothing: anyone may have written it.
        marking = marking.join(&said(&labelled, origin));
    }
    for granular in object.granular_markings() {
        match &granular.mark {
            Mark::Marking(id) => {
                marking = marking.join(&said(&book.words(id), origin));
            }
            Mark::Language(_) => {}
            Mark::Unreadable => {
                marking = marking.join(&Marking::unknown("a marking of a part that cannot be read"));
            }
        }
    }
    if !is_list(node, "granular_markings") {
        marking = marking.join(&Marking::unknown("granular_markings that are no list"));
    }
    let (members, references) = named(object, node);
    Own { marking, members, references }
}

/// What words say, with nothing standing in for what they do not say.
fn said(words: &Words, origin: Option<Origin<'_>>) -> Marking {
    words.compile(origin, Tlp::Clear).said()
}

fn words_of_whole(object: &Object, node: &Node<'_>, book: &Book) -> Words {
    let mut words = Words::default();
    for id in object.object_marking_refs() {
        words.add(&book.words(id));
    }
    let written = node.get("object_marking_refs").and_then(Node::items).map_or(0, <[Node<'_>]>::len);
    if written != object.object_marking_refs().len() || !is_list(node, "object_marking_refs") {
        words.unknown.insert("object_marking_refs that cannot be read".to_owned());
    }
    if object.object_type() == "marking-definition" {
        // A definition that names people is known to those it names.
        words.add(&read_definition(object.id(), object.bytes()));
    }
    words
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

fn named(object: &Object, node: &Node<'_>) -> (Vec<Id>, Vec<Id>) {
    let mut references: Vec<Id> = object
        .references()
        .into_iter()
        .map(|reference| reference.id)
        .filter(|id| !matches!(id.object_type(), "marking-definition" | "extension-definition"))
        .collect();
    references.sort_unstable();
    references.dedup();
    let listed = node.get("object_refs").and_then(Node::items).unwrap_or_default();
    let members = listed.iter().filter_map(|item| Id::parse(item.as_str()?).ok()).collect();
    (members, references)
}
