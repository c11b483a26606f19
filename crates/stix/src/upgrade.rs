//! Objects of STIX 2.0 in the words of 2.1, on request and beside the original, which stays as it came.
//!
//! What 2.1 says in other properties is moved (types that were labels), what it requires and 2.0 implied is added
//! (`spec_version`, `pattern_type`), and nothing is invented: what cannot be known is left out and told.

use std::fmt::Write;

use crate::canonical::write_string;
use crate::json::{self, Member, Node};
use crate::problem::{Problem, Severity};

/// Types whose `labels` were their kind in 2.0, and where 2.1 says it.
const KINDS: [(&str, &str); 5] = [
    ("indicator", "indicator_types"),
    ("malware", "malware_types"),
    ("report", "report_types"),
    ("threat-actor", "threat_actor_types"),
    ("tool", "tool_types"),
];

/// What came out of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The object of 2.1: values are the very bytes of the original.
    pub bytes: Vec<u8>,
    /// What 2.1 asks for and the original does not say, as warnings.
    pub problems: Vec<Problem>,
}

/// An object of STIX 2.0 as one of 2.1. What is of 2.1 already comes back byte for byte.
pub fn upgrade(bytes: &[u8]) -> Result<Upgraded, Box<Problem>> {
    let (node, flaws) = json::parse(bytes)?;
    if let Some(flaw) = flaws.into_iter().next() {
        return Err(Box::new(flaw));
    }
    let Some(members) = node.members() else {
        return Err(Box::new(Problem::error(String::new(), 0, "STIX 2.1 §3.2", "this is no STIX object")));
    };
    let object_type = node.text("type").unwrap_or_default();
    let is_old = matches!(node.text("spec_version"), None | Some("2.0")) && node.get("created").is_some();
    if !is_old {
        return Ok(Upgraded { bytes: bytes.to_vec(), problems: Vec::new() });
    }
    let mut out = String::from("{");
    for member in members.iter().filter(|member| member.name != "spec_version") {
        let name = renamed(object_type, &node, member);
        property(&mut out, name, &raw(bytes, member));
        if member.name == "type" {
            property(&mut out, "spec_version", "\"2.1\"");
        }
    }
    if object_type == "indicator" && node.get("pattern_type").is_none() {
        property(&mut out, "pattern_type", "\"stix\"");
        property(&mut out, "pattern_version", "\"2.0\"");
    }
    out.push('}');
    Ok(Upgraded { bytes: out.into_bytes(), problems: untold(object_type, &node) })
}

fn name_of_kind(object_type: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|(of, _)| *of == object_type).map(|(_, name)| name)
}

/// What a property is called in 2.1.
fn renamed<'m>(object_type: &str, node: &Node<'_>, member: &'m Member<'_>) -> &'m str {
    match name_of_kind(object_type) {
        Some(kind) if member.name == "labels" && node.get(kind).is_none() => kind,
        _ => &member.name,
    }
}

/// The value as it was written; times of creation get the digits that 2.1 asks for (§3.2).
fn raw(bytes: &[u8], member: &Member<'_>) -> String {
    let written = String::from_utf8_lossy(&bytes[member.node.start..member.node.end]).into_owned();
    if !matches!(member.name.as_ref(), "created" | "modified") {
        return written;
    }
    match member.node.as_str().and_then(crate::Timestamp::parse_with_precision) {
        Some((time, digits)) if digits < 3 => format!("\"{time}\""),
        _ => written,
    }
}

fn property(out: &mut String, name: &str, value: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    write_string(name, out);
    let _ = write!(out, ":{value}");
}

/// What 2.1 wants to know and 2.0 did not say.
fn untold(object_type: &str, node: &Node<'_>) -> Vec<Problem> {
    let warn = |what: &str| Problem {
        severity: Severity::Warning,
        pointer: String::new(),
        offset: node.start as u64,
        clause: "STIX 2.1 §4.11".to_owned(),
        what: what.to_owned(),
    };
    match object_type {
        "malware" if node.get("is_family").is_none() => {
            vec![warn(
                "is_family is not known: STIX 2.0 does not say whether malware is a family or a sample",
            )]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let upgraded = upgrade(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(upgraded.bytes).unwrap(), expected);
    }

    #[test]
    fn words_of_21() {
        check(
            r#"{"type":"indicator","id":"i","created":"2017-01-01T00:00:00Z","labels":[ "benign" ],"pattern":"[a:b=1]"}"#,
            r#"{"type":"indicator","spec_version":"2.1","id":"i","created":"2017-01-01T00:00:00.000Z","indicator_types":[ "benign" ],"pattern":"[a:b=1]","pattern_type":"stix","pattern_version":"2.0"}"#,
        );
        check(
            r#"{"type":"identity","created":"2017-01-01T00:00:00.000Z","labels":["a"],"x_n":1.50}"#,
            r#"{"type":"identity","spec_version":"2.1","created":"2017-01-01T00:00:00.000Z","labels":["a"],"x_n":1.50}"#,
        );
        let new = r#"{"type":"tool","spec_version":"2.1","created":"2017-01-01T00:00:00.000Z" }"#;
        check(new, new);
        let observable = r#"{"type":"url","value":"a:b"}"#;
        check(observable, observable);
        assert_eq!(upgrade(br#"{"type":"malware","created":"x"}"#).unwrap().problems.len(), 1);
        assert!(upgrade(b"[]").is_err());
        assert!(upgrade(br#"{"a":1,"a":2}"#).is_err());
    }
}
