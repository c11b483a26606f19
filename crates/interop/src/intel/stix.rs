//! Indicators of STIX 2.0 and 2.1 whose patterns ask for plain values.
//!
//! `[a = 'x' OR b = 'y']` is two values; of `[a = 'x' AND b = 'y']` the one that says most is looked for. A pattern
//! that asks for an order, a time or a repetition of several observations is not taken apart: no single value means
//! what it says.

use std::collections::HashMap;
use std::io::Read;

use watchfire_intel::{Indicator, Kind, Origin};
use watchfire_stix::json::{self, Node};
use watchfire_stix::marking::Definition;
use watchfire_stix::pattern::{
    Comparison, ComparisonExpression, Constant, ObjectPath, ObservationExpression, Pattern, Step, Test,
};
use watchfire_stix::{ReadError, Reader, Tlp};

use super::{IntelError, Into, seconds, uuid};

/// An indicator and its plain values; author and markings are ids.
pub(crate) struct Plain {
    pub(crate) author: String,
    title: String,
    pub(crate) id: String,
    pub(crate) markings: Vec<String>,
    pub(crate) values: Vec<(Kind, String)>,
    valid_from: Option<i64>,
    valid_until: Option<i64>,
    pub(crate) confidence: Option<u8>,
}

#[derive(Default)]
struct Names {
    identities: HashMap<String, String>,
    markings: HashMap<String, String>,
}

/// Indicators are taken as they come, their sources by the ids of their authors and markings; these get their names
/// when all have been read.
pub(super) fn read(source: &mut dyn Read, into: &mut Into<'_>) -> Result<(), IntelError> {
    let mut names = Names::default();
    let first = into.sink.origins();
    for item in Reader::new(source) {
        let item = match item {
            Ok(item) => item,
            Err(ReadError::Io(error)) => return Err(error.into()),
            Err(ReadError::Malformed(problem) | ReadError::TooLarge(problem)) => {
                into.loaded.problem(&format_args!("byte {}", problem.offset), &problem.what);
                continue;
            }
        };
        match json::parse(&item.bytes) {
            Ok((node, _)) => object(&node, &mut names, into),
            Err(problem) => {
                into.loaded.problem(&format_args!("byte {}", item.offset + problem.offset), &problem.what);
            }
        }
    }
    into.sink.amend_origins(first, &|origin| names.amend(origin));
    Ok(())
}

impl Names {
    fn amend(&self, origin: &mut Origin) {
        if let Some(name) = self.identities.get(&origin.author) {
            origin.author.clone_from(name);
        }
        for marking in &mut origin.markings {
            let known = Tlp::of_reference(marking).map(tlp_name);
            if let Some(name) = self.markings.get(marking).cloned().or(known) {
                *marking = name;
            }
        }
    }
}

fn object(node: &Node<'_>, names: &mut Names, into: &mut Into<'_>) {
    let id = node.text("id").unwrap_or_default();
    match node.text("type") {
        Some("identity") => {
            names.identities.insert(id.to_owned(), node.text("name").unwrap_or_default().to_owned());
        }
        Some("marking-definition") => {
            names.markings.insert(id.to_owned(), marking(node));
        }
        Some("indicator") => match indicator(node) {
            Ok(found) => add(found, into),
            Err(Unused::NotMeant) => into.loaded.not_meant += 1,
            Err(Unused::Refused(why)) => into.loaded.problem(&id, &why),
        },
        _ => {}
    }
}

fn add(found: Plain, into: &mut Into<'_>) {
    let Plain { author, title, markings, .. } = found;
    let origin = into.origin(Origin { author, title, markings, ..Origin::default() });
    let id = found.id.split_once("--").and_then(|(_, text)| uuid(text));
    for (kind, value) in &found.values {
        let indicator = Indicator {
            value,
            kind: Some(*kind),
            id,
            valid_from: found.valid_from,
            valid_until: found.valid_until,
            confidence: found.confidence,
            ..Indicator::default()
        };
        into.add(origin, &indicator, &found.id);
    }
}

/// A marking as a report shows it.
fn marking(node: &Node<'_>) -> String {
    match Definition::of(node) {
        Definition::Tlp(tlp) => tlp_name(tlp),
        Definition::Statement(text) => text,
        // What cannot be told must not be shown as something milder.
        Definition::Forged(_) => "tlp:red".to_owned(),
        Definition::Other => node.text("id").unwrap_or_default().to_owned(),
    }
}

fn tlp_name(tlp: Tlp) -> String {
    tlp.label().to_ascii_lowercase()
}

/// Why an indicator is not looked for.
pub(crate) enum Unused {
    NotMeant,
    Refused(String),
}

pub(crate) fn indicator(node: &Node<'_>) -> Result<Plain, Unused> {
    let text = |name: &str| node.text(name).unwrap_or_default().to_owned();
    let benign = node.get("indicator_types").and_then(Node::items).unwrap_or_default();
    if node.get("revoked").and_then(Node::as_bool) == Some(true)
        || benign.iter().any(|kind| kind.as_str() == Some("benign"))
    {
        return Err(Unused::NotMeant);
    }
    if let Some(other) = node.text("pattern_type").filter(|kind| *kind != "stix") {
        return Err(Unused::Refused(format!("patterns of the type {other} are not read here")));
    }
    let pattern = Pattern::parse(node.text("pattern").unwrap_or_default())
        .map_err(|problem| Unused::Refused(problem.to_string()))?;
    let mut values = Vec::new();
    observations(pattern.expression(), &mut values);
    if values.is_empty() {
        return Err(Unused::Refused("the pattern asks for no plain value".to_owned()));
    }
    let references = node.get("object_marking_refs").and_then(Node::items).unwrap_or_default();
    Ok(Plain {
        author: text("created_by_ref"),
        // Producers name an indicator by its value, which says nothing of where it comes from.
        title: node
            .text("name")
            .filter(|name| !values.iter().any(|(_, value)| name.contains(value.as_str())))
            .unwrap_or_default()
            .to_owned(),
        id: text("id"),
        markings: references.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
        values,
        valid_from: node.text("valid_from").and_then(seconds),
        valid_until: node.text("valid_until").and_then(seconds),
        confidence: node
            .get("confidence")
            .and_then(Node::as_integer)
            .and_then(|level| u8::try_from(level).ok()),
    })
}

fn observations(expression: &ObservationExpression, values: &mut Vec<(Kind, String)>) {
    match expression {
        ObservationExpression::Comparison(comparison) => values.extend(comparisons(comparison)),
        ObservationExpression::Or(parts) => parts.iter().for_each(|part| observations(part, values)),
        // START and STOP say when the pattern counts, and a single value within some seconds is itself.
        ObservationExpression::Qualified(inner, _)
            if matches!(**inner, ObservationExpression::Comparison(_)) =>
        {
            observations(inner, values);
        }
        _ => {}
    }
}

/// The values any one of which satisfies an expression.
fn comparisons(expression: &ComparisonExpression) -> Vec<(Kind, String)> {
    match expression {
        ComparisonExpression::Test(test) => plain(test),
        ComparisonExpression::Or(parts) => parts.iter().flat_map(comparisons).collect(),
        ComparisonExpression::And(parts) => {
            let mut all: Vec<_> = parts.iter().map(comparisons).filter(|values| !values.is_empty()).collect();
            all.extend(whole_path(&all).map(|path| vec![path]));
            // Of those that say as much, the last: a whole path says more than its folder.
            all.into_iter().rev().min_by_key(|values| weight(values)).unwrap_or_default()
        }
    }
}

/// A folder and a name that are asked for together are one path (§6.7).
fn whole_path(all: &[Vec<(Kind, String)>]) -> Option<(Kind, String)> {
    let one = |kind| {
        let mut of_kind = all.iter().filter_map(|values| match values.as_slice() {
            [(found, value)] if *found == kind => Some(value),
            _ => None,
        });
        of_kind.next().filter(|_| of_kind.next().is_none())
    };
    let (folder, name) = (one(Kind::Path)?, one(Kind::FileName)?);
    let separator = if folder.contains('/') { '/' } else { '\\' };
    Some((Kind::Path, format!("{}{separator}{name}", folder.trim_end_matches(['/', '\\']))))
}

/// The least for what says most.
fn weight(values: &[(Kind, String)]) -> Kind {
    values.iter().map(|(kind, _)| *kind).max().unwrap_or(Kind::Text)
}

fn plain(test: &Test) -> Vec<(Kind, String)> {
    let Some(kind) = kind(&test.path).filter(|_| !test.negated) else { return Vec::new() };
    let text = |constant: &Constant| match constant {
        Constant::Text(text) => Some((kind, text.clone())),
        _ => None,
    };
    match &test.comparison {
        Comparison::Equal(constant) => text(constant).into_iter().collect(),
        Comparison::In(constants) => constants.iter().filter_map(text).collect(),
        Comparison::IsSubset(network) if kind == Kind::Network => vec![(kind, network.clone())],
        // `LIKE '%.evil.example'` asks for what is below a domain.
        Comparison::Like(like) if kind == Kind::Domain => {
            let name = like.trim_start_matches(['%', '.']);
            if name.contains(['%', '_']) { Vec::new() } else { vec![(kind, name.to_owned())] }
        }
        _ => Vec::new(),
    }
}

/// What kind of value stands at a path, by the object types of STIX 2.1 §6.
fn kind(path: &ObjectPath) -> Option<Kind> {
    let last = path.steps.iter().rev().find_map(|step| match step {
        Step::Key(name) => Some(name.as_str()),
        _ => None,
    })?;
    let has = |name: &str| path.steps.iter().any(|step| matches!(step, Step::Key(key) if key == name));
    Some(match (path.object_type.as_str(), last) {
        ("file" | "artifact" | "x509-certificate" | "app" | "malware", _) if has("hashes") => Kind::Hash,
        (_, "sha256" | "sha1" | "md5") => Kind::Hash,
        ("ipv4-addr" | "ipv6-addr", "value") => Kind::Network,
        ("domain-name", "value") => Kind::Domain,
        ("url", "value") => Kind::Url,
        ("email-addr", "value") => Kind::Email,
        ("email-message", "value") if has("from_ref") || has("sender_ref") => Kind::Email,
        ("network-traffic", "value") if has("src_ref") || has("dst_ref") => Kind::Network,
        ("network-traffic", "User-Agent") => Kind::UserAgent,
        ("file" | "process", "name") => Kind::FileName,
        ("file" | "directory", "path") => Kind::Path,
        ("windows-registry-key", "key") | ("mutex", "name") | ("process", "command_line") => Kind::Text,
        _ => return None,
    })
}
