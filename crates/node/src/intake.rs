//! What comes in, read: an envelope becomes objects with all that the store and the gate ask of them, and failures.

use std::collections::{BTreeSet, HashSet};

use watchfire_release::{Book, Origin, Own, Settling, own, read_definition};
use watchfire_stix::json::{self, Node as Json};
use watchfire_stix::{
    Container, Mark, Object, Problem, ReadError, Reader, Severity, SpecVersion, Timestamp, Tlp, check,
};

use crate::clock::microseconds;
use crate::config::Validation;

/// Objects of one envelope: some hundred times what clients send at once.
const ENVELOPE_OBJECTS_LIMIT: usize = 1_000_000;

/// Values by which an object is found, at most, and the longest text of which each word is one.
const VALUES_LIMIT: usize = 64;
const WORDS_LIMIT: usize = 24;

/// Why a whole envelope is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadEnvelope(pub(crate) String);

/// An object that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) message: String,
}

/// An object on its way in.
pub(crate) struct Taken {
    pub(crate) object: Object,
    /// What of it is at the gate.
    pub(crate) settling: Settling,
    /// Its version, where it has one of its own.
    pub(crate) version_us: Option<i64>,
    pub(crate) created_by: Option<String>,
    pub(crate) values: Vec<String>,
    /// What it states: from, how, to.
    pub(crate) relations: Vec<(String, String, String)>,
}

/// How objects are read.
pub(crate) struct Reading<'a> {
    pub(crate) book: &'a Book,
    pub(crate) origin: Option<Origin<'a>>,
    pub(crate) default: Tlp,
    pub(crate) validation: Validation,
}

/// Cuts a body into objects (TAXII 2.1 §3.7). A bundle is cut likewise: clients send those, too.
pub(crate) fn cut(body: &[u8]) -> Result<Vec<Result<Vec<u8>, Failure>>, BadEnvelope> {
    let mut reader = Reader::new(body);
    let mut cut = Vec::new();
    loop {
        if cut.len() > ENVELOPE_OBJECTS_LIMIT {
            return Err(BadEnvelope(format!("more than {ENVELOPE_OBJECTS_LIMIT} objects in one envelope")));
        }
        match reader.next() {
            None => break,
            Some(Ok(item)) => cut.push(Ok(item.bytes)),
            Some(Err(ReadError::TooLarge(problem))) => {
                cut.push(Err(Failure {
                    id: "none".to_owned(),
                    version: "none".to_owned(),
                    message: problem.what,
                }));
            }
            Some(Err(error)) => return Err(BadEnvelope(error.to_string())),
        }
    }
    match reader.container() {
        Container::Bundle if !cut.is_empty() => Ok(cut),
        Container::Bundle => Err(BadEnvelope("the envelope holds no objects".to_owned())),
        Container::List | Container::Object => {
            Err(BadEnvelope("an envelope is an object with a list of objects".to_owned()))
        }
    }
}

/// The view of an object, or why it has none.
pub(crate) fn view(bytes: &[u8]) -> Result<Object, Failure> {
    let (object, problems) = Object::read(bytes);
    let Some(object) = object else {
        let message = problems.first().map_or_else(|| "no object".to_owned(), say);
        return Err(failure(bytes, message));
    };
    // Without these nobody can say which version it is.
    let untimed =
        problems.iter().find(|problem| matches!(problem.pointer.as_str(), "/created" | "/modified"));
    match untimed {
        Some(problem) => Err(failure(bytes, say(problem))),
        None => Ok(object),
    }
}

fn say(problem: &Problem) -> String {
    let place = if problem.pointer.is_empty() { String::new() } else { format!("{}: ", problem.pointer) };
    format!("{place}{} ({})", problem.what, problem.clause)
}

/// A failure names the object as far as it named itself.
fn failure(bytes: &[u8], message: String) -> Failure {
    let text = |name: &str| {
        let (node, _) = json::parse(bytes).ok()?;
        Some(node.text(name)?.chars().take(300).collect::<String>())
    };
    Failure {
        id: text("id").unwrap_or_else(|| "none".to_owned()),
        version: text("modified").or_else(|| text("created")).unwrap_or_else(|| "none".to_owned()),
        message,
    }
}

/// The marking definitions among objects, and the ids of those that are elsewhere.
pub(crate) fn definitions<'o>(objects: impl Iterator<Item = &'o Object> + Clone) -> (Book, BTreeSet<String>) {
    let mut book = Book::default();
    for object in objects.clone().filter(|object| object.object_type() == "marking-definition") {
        book.add(object.id(), read_definition(object.id(), object.bytes()));
    }
    let mut missing = BTreeSet::new();
    for object in objects {
        let parts = object.granular_markings().iter().filter_map(|part| match &part.mark {
            Mark::Marking(id) => Some(id),
            Mark::Language(_) | Mark::Unreadable => None,
        });
        for id in object.object_marking_refs().iter().chain(parts).filter(|id| !book.knows(id)) {
            missing.insert(id.as_str().to_owned());
        }
    }
    (book, missing)
}

/// Reads an object for the store and the gate.
pub(crate) fn read(object: Object, reading: &Reading<'_>) -> Result<Taken, Failure> {
    let (node, flaws) = json::parse(object.bytes()).expect("these bytes were read before");
    if reading.validation == Validation::Strict && object.spec_version() == SpecVersion::V21 {
        let broken = flaws
            .iter()
            .cloned()
            .chain(check::check_node(&node))
            .find(|problem| problem.severity == Severity::Error);
        if let Some(problem) = broken {
            return Err(failure(object.bytes(), say(&problem)));
        }
    }
    let own: Own = own(&object, &node, !flaws.is_empty(), reading.book, reading.origin, reading.default);
    let relations = relations(&object, &node);
    let values = values(&node);
    drop(node);
    Ok(Taken {
        settling: Settling { id: object.id().clone(), own },
        version_us: object.version().map(microseconds),
        created_by: object.created_by_ref().map(|id| id.as_str().to_owned()),
        values,
        relations,
        object,
    })
}

/// Every reference, by its property, and what a relationship relates.
fn relations(object: &Object, node: &Json<'_>) -> Vec<(String, String, String)> {
    let own = object.id().as_str();
    let mut found: Vec<(String, String, String)> = object
        .references()
        .into_iter()
        .map(|reference| {
            let is_name = |part: &&str| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit());
            let kind = reference.pointer.rsplit('/').find(is_name).unwrap_or("reference");
            (own.to_owned(), kind.to_owned(), reference.id.as_str().to_owned())
        })
        .collect();
    let ends = (node.text("source_ref"), node.text("relationship_type"), node.text("target_ref"));
    if let (Some(source), Some(kind), Some(target)) = ends {
        found.push((source.to_owned(), kind.to_owned(), target.to_owned()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Values by which an object can be found: what names it, what it is about.
fn values(node: &Json<'_>) -> Vec<String> {
    let mut found = HashSet::new();
    let mut add = |text: &str| {
        if !text.is_empty() && text.len() <= watchfire_store::VALUE_LIMIT_BYTES && found.len() < VALUES_LIMIT
        {
            found.insert(text.to_owned());
        }
    };
    for name in ["name", "value", "path", "key", "command_line", "account_login", "subject", "x_value"] {
        if let Some(text) = node.text(name) {
            add(text);
        }
    }
    for name in ["aliases", "labels", "threat_actor_types"] {
        let items = node.get(name).and_then(Json::items).unwrap_or_default();
        items.iter().filter_map(Json::as_str).for_each(&mut add);
    }
    for member in node.get("hashes").and_then(Json::members).unwrap_or_default() {
        member.node.as_str().into_iter().for_each(&mut add);
    }
    for reference in node.get("external_references").and_then(Json::items).unwrap_or_default() {
        reference.text("external_id").into_iter().for_each(&mut add);
    }
    for literal in node.text("pattern").map(literals).unwrap_or_default() {
        add(&literal);
    }
    for word in node.text("name").map(|name| watchfire_store::words(name, WORDS_LIMIT)).unwrap_or_default() {
        add(word);
    }
    let mut found: Vec<String> = found.into_iter().collect();
    found.sort_unstable();
    found
}

/// The string literals of a STIX pattern (§9.2): between apostrophes, a backslash before what is meant as it is.
pub(crate) fn literals(pattern: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '\'' {
            continue;
        }
        let mut literal = String::new();
        loop {
            match characters.next() {
                None => return found,
                Some('\'') => break,
                Some('\\') => literal.extend(characters.next()),
                Some(other) => literal.push(other),
            }
        }
        found.push(literal);
    }
    found
}

/// The version of an object that has none, as it is shown: the date on which it was added (TAXII 2.1 §3.4).
pub(crate) fn version_text(version_us: i64) -> String {
    let seconds = version_us.div_euclid(1_000_000);
    Timestamp::new(seconds, version_us.rem_euclid(1_000_000) as u32 * 1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        let count = |text: &str| cut(text.as_bytes()).map(|objects| objects.len());
        assert_eq!(count(r#"{"objects":[{},{"id":1}]}"#), Ok(2));
        assert_eq!(count(r#"{"more":false,"objects":[1]}"#), Ok(1));
        assert_eq!(count(r#"{"type":"bundle","id":"bundle--x","objects":[{}]}"#), Ok(1));
        for wrong in [
            "",
            "{",
            "[]",
            "[{}]",
            "{}",
            "null",
            "7",
            r#"{"objects":[]}"#,
            r#"{"objects":{}}"#,
            r#"{"objects":[{}]} x"#,
            r#"{"objects":[{}]"#,
        ] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn literals_of_patterns() {
        assert_eq!(literals(r"[a:b = 'x' AND c:d IN ('y', 'it\'s')]"), ["x", "y", "it's"]);
        assert_eq!(literals("[a:b = 'open"), [""; 0]);
        assert_eq!(literals(""), [""; 0]);
    }

    #[test]
    fn a_bad_object_is_a_failure_with_its_name() {
        let bytes = br#"{"type":"indicator","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836","spec_version":"2.1",
            "created":"2021-01-01T00:00:00.000Z","modified":"2021-01-01T00:00:00.000Z"}"#;
        let book = Book::default();
        let reading = |validation| Reading { book: &book, origin: None, default: Tlp::Red, validation };
        let object = view(bytes).unwrap();
        let failure = read(object.clone(), &reading(Validation::Strict)).err().unwrap();
        assert_eq!(failure.id, "indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836");
        assert_eq!(failure.version, "2021-01-01T00:00:00.000Z");
        assert!(failure.message.contains("pattern"), "{}", failure.message);
        assert!(read(object, &reading(Validation::Form)).is_ok());
        assert_eq!(view(b"7").unwrap_err().id, "none");
        let untimed = String::from_utf8_lossy(bytes).replacen("2021-01-01", "yesterday", 1);
        assert!(view(untimed.as_bytes()).is_err());
    }
}
