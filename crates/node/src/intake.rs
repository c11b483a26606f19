//! What comes in, read: an envelope becomes objects with all that the store and the gate ask of them, and failures.

use std::collections::BTreeSet;

use watchfire_release::{Book, Said, read_definition};
use watchfire_stix::json::{self, Node as Json};
use watchfire_stix::{
    Container, Mark, Object, Problem, ReadError, Reader, Reference, Severity, SpecVersion, Timestamp, check,
    references,
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
pub(crate) enum BadEnvelope {
    /// It is no JSON.
    Malformed(String),
    /// It is, and no envelope.
    Unsuited(String),
}

/// An object that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) message: String,
}

/// Of an object that did not say which it is.
impl Default for Failure {
    fn default() -> Self {
        Self { id: "none".to_owned(), version: "none".to_owned(), message: String::new() }
    }
}

/// An object on its way in.
pub(crate) struct Taken {
    pub(crate) object: Object,
    /// What it says of who may know it.
    pub(crate) said: Said,
    /// Its version, where it has one of its own.
    pub(crate) version_us: Option<i64>,
    pub(crate) values: Vec<String>,
    /// What it states: from, how, to.
    pub(crate) relations: Vec<(String, String, String)>,
}

/// Cuts a body into objects (TAXII 2.1 §3.7). A bundle is cut likewise: clients send those, too.
pub(crate) fn cut(body: &[u8]) -> Result<Vec<Result<Vec<u8>, Failure>>, BadEnvelope> {
    let mut reader = Reader::new(body);
    let mut cut = Vec::new();
    loop {
        if cut.len() > ENVELOPE_OBJECTS_LIMIT {
            return Err(BadEnvelope::Unsuited(format!(
                "more than {ENVELOPE_OBJECTS_LIMIT} objects in one envelope"
            )));
        }
        match reader.next() {
            None => break,
            Some(Ok(item)) => cut.push(Ok(item.bytes)),
            Some(Err(ReadError::TooLarge(problem))) => {
                cut.push(Err(Failure { message: problem.what, ..Failure::default() }));
            }
            Some(Err(error)) => return Err(BadEnvelope::Malformed(error.to_string())),
        }
    }
    match reader.container() {
        Container::Bundle if !cut.is_empty() => Ok(cut),
        Container::Bundle => Err(BadEnvelope::Unsuited("the envelope holds no objects".to_owned())),
        Container::List | Container::Object => {
            Err(BadEnvelope::Unsuited("an envelope is an object with a list of objects".to_owned()))
        }
    }
}

/// Reads an object, once, for the store and the gate; or why it is not taken.
pub(crate) fn take(bytes: &[u8], validation: Validation) -> Result<Taken, Failure> {
    let (node, mut problems) =
        json::parse(bytes).map_err(|problem| Failure { message: say(&problem), ..Failure::default() })?;
    let flaws = problems.len();
    let refuse = |problem: &Problem| refused(&node, say(problem));
    let Some(object) = Object::of(bytes, &node, &mut problems) else {
        let why = problems.get(flaws).or(problems.first());
        return Err(why.map_or_else(|| refused(&node, "no object".to_owned()), refuse));
    };
    // Without these nobody can say which version it is.
    let untimed = |problem: &&Problem| matches!(problem.pointer.as_str(), "/created" | "/modified");
    if let Some(problem) = problems.iter().find(untimed) {
        return Err(refuse(problem));
    }
    problems.truncate(flaws);
    if validation == Validation::Strict && object.spec_version() == SpecVersion::V21 {
        problems.extend(check::check_node(&node));
        if let Some(problem) = problems.iter().find(|problem| problem.severity == Severity::Error) {
            return Err(refuse(problem));
        }
    }
    let references = references(&node);
    Ok(Taken {
        said: Said::read(&object, &node, &references, flaws > 0),
        version_us: object.version().map(microseconds),
        values: values(&node),
        relations: relations(&object, &node, references),
        object,
    })
}

fn say(problem: &Problem) -> String {
    let place = if problem.pointer.is_empty() { String::new() } else { format!("{}: ", problem.pointer) };
    format!("{place}{} ({})", problem.what, problem.clause)
}

/// A failure names the object as far as it named itself.
fn refused(node: &Json<'_>, message: String) -> Failure {
    let text = |name: &str| node.text(name).map(|text| text.chars().take(300).collect::<String>());
    let named = Failure { message, ..Failure::default() };
    Failure {
        id: text("id").unwrap_or(named.id),
        version: text("modified").or_else(|| text("created")).unwrap_or(named.version),
        message: named.message,
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

/// The properties in which a marking is referred to: these say who may know, and name nothing that could be told or looked
/// for; and nearly every object has one.
const MARKING_PROPERTIES: [&str; 2] = ["object_marking_refs", "marking_ref"];

/// Every reference, by its property, and what a relationship relates.
fn relations(object: &Object, node: &Json<'_>, references: Vec<Reference>) -> Vec<(String, String, String)> {
    let own = object.id().as_str();
    let mut found: Vec<(String, String, String)> = references
        .into_iter()
        .filter_map(|reference| {
            let is_name = |part: &&str| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit());
            let kind = reference.pointer.rsplit('/').find(is_name).unwrap_or("reference");
            let names = !MARKING_PROPERTIES.contains(&kind);
            names.then(|| (own.to_owned(), kind.to_owned(), reference.id.as_str().to_owned()))
        })
        .collect();
    let ends = (node.text("source_ref"), node.text("relationship_type"), node.text("target_ref"));
    let names = |id: &str| found.iter().any(|(_, kind, target)| kind == "source_ref" && target == id);
    if let (Some(source), Some(kind), Some(target)) = ends
        && names(source)
    {
        found.push((source.to_owned(), kind.to_owned(), target.to_owned()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Values by which an object can be found: what names it, what it is about.
fn values(node: &Json<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let fits = !text.is_empty() && text.len() <= watchfire_store::VALUE_LIMIT_BYTES;
        // Few, so that comparing them all costs less than to hash each.
        if fits && found.len() < VALUES_LIMIT && !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
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
        let failure = take(bytes, Validation::Strict).err().unwrap();
        assert_eq!(failure.id, "indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836");
        assert_eq!(failure.version, "2021-01-01T00:00:00.000Z");
        assert!(failure.message.contains("pattern"), "{}", failure.message);
        assert!(take(bytes, Validation::Form).is_ok());
        for nothing in ["7", "{", "{}"] {
            assert_eq!(take(nothing.as_bytes(), Validation::Form).err().unwrap().id, "none");
        }
        let untimed = String::from_utf8_lossy(bytes).replacen("2021-01-01", "yesterday", 1);
        assert!(take(untimed.as_bytes(), Validation::Form).is_err());
    }
}
