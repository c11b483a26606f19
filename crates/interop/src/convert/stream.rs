//! A STIX bundle of any size as rows, as counts of techniques, or as it is: read object by object, twice where an
//! object needs the name of another.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use memchr::memmem;
use rustc_hash::FxHashMap;
use serde_json::Value;
use watchfire_intel::Kind;
use watchfire_stix::json::{self, Member, Node};
use watchfire_stix::marking::Definition;
use watchfire_stix::upgrade::upgrade;
use watchfire_stix::{Container, Id, Item, Problem, ReadError, Reader, Tlp};

use super::from_stix::kept;
use super::row::{Row, misp_type};
use super::{LeftOut, MISP_EXTENSION, Techniques, is_set, unpack};
use crate::intel::stix::{Unused, indicator};

/// Members of reports that are remembered: enough for the largest public bundles, in some fifty megabytes.
const MEMBERS_MAX: usize = 2_000_000;

/// Why a bundle cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// It cannot be read, or the output not be written.
    #[error("reading or writing failed")]
    Io(#[from] io::Error),
    /// It is no STIX.
    #[error("byte {offset}: {what}")]
    Malformed {
        /// From its start.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// There are no objects in it.
    #[error("no STIX objects")]
    Empty,
}

impl ConvertError {
    fn at(offset: u64, problem: &Problem) -> Self {
        Self::Malformed { offset, what: problem.what.clone() }
    }
}

/// What is done with an object: its tree, its bytes, and what is wrong with its JSON.
type Visit<'v> = dyn FnMut(&Node<'_>, &[u8], &[Problem]) -> Result<(), ConvertError> + 'v;

/// Calls `object` with each object.
fn each(source: &mut dyn Read, object: &mut Visit<'_>) -> Result<(), ConvertError> {
    let mut is_empty = true;
    for item in Reader::new(source) {
        let item = given(item)?;
        let (node, flaws) = json::parse(&item.bytes)
            .map_err(|problem| ConvertError::at(item.offset + problem.offset, &problem))?;
        object(&node, &item.bytes, &flaws)?;
        is_empty = false;
    }
    if is_empty { Err(ConvertError::Empty) } else { Ok(()) }
}

fn given(item: Result<Item, ReadError>) -> Result<Item, ConvertError> {
    item.map_err(|error| match error {
        ReadError::Io(error) => error.into(),
        ReadError::Malformed(problem) | ReadError::TooLarge(problem) => {
            ConvertError::at(problem.offset, &problem)
        }
    })
}

/// The number of objects of what is STIX. What goes from STIX to STIX is then copied byte for byte: nothing that another
/// signed or stored changes.
pub fn objects(source: &mut dyn Read) -> Result<u64, ConvertError> {
    let mut count = 0;
    each(source, &mut |_, _, _| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// Writes what is STIX with its objects of 2.0 in the words of 2.1 and all others byte for byte, each on a line; gives
/// how many objects there are, and what 2.1 asks for that 2.0 did not say.
pub fn upgraded(source: &mut dyn Read, out: &mut dyn Write) -> Result<(u64, LeftOut), ConvertError> {
    let (mut count, mut left_out) = (0, LeftOut::default());
    let mut reader = Reader::new(source);
    while let Some(item) = reader.next() {
        let item = given(item)?;
        let upgraded = upgrade(&item.bytes)
            .map_err(|problem| ConvertError::at(item.offset + problem.offset, &problem))?;
        upgraded.problems.iter().for_each(|problem| left_out.note(problem.what.clone()));
        out.write_all(match (count, reader.container()) {
            (0, Container::Bundle) => b"{\"objects\":[\n",
            (0, Container::List) => b"[\n",
            (0, Container::Object) => b"",
            _ => b",\n",
        })?;
        out.write_all(&upgraded.bytes)?;
        count += 1;
    }
    if count == 0 {
        return Err(ConvertError::Empty);
    }
    out.write_all(b"\n")?;
    match reader.container() {
        Container::Object => {}
        Container::List => out.write_all(b"]\n")?,
        Container::Bundle => {
            out.write_all(b"]")?;
            let around = reader.around().unwrap_or_default();
            let (bundle, _) =
                json::parse(around).map_err(|problem| ConvertError::at(problem.offset, &problem))?;
            // A bundle of 2.0 has a version, one of 2.1 has none (§8.1).
            let kept = |member: &&Member<'_>| !matches!(member.name.as_ref(), "objects" | "spec_version");
            for member in bundle.members().unwrap_or_default().iter().filter(kept) {
                let name = serde_json::to_string(&member.name).map_err(io::Error::from)?;
                write!(out, ",{name}:")?;
                out.write_all(&around[member.node.start..member.node.end])?;
            }
            out.write_all(b"}\n")?;
        }
    }
    Ok((count, left_out))
}

/// What must be known of a bundle before its objects can be told one by one: who its authors are, what its markings
/// mean, and which report names what.
#[derive(Debug, Default)]
pub struct Names {
    identities: HashMap<String, String>,
    /// None for what restricts nobody's knowing.
    markings: HashMap<String, Option<Tlp>>,
    reports: Vec<Report>,
    reported: FxHashMap<[u8; 16], u32>,
}

#[derive(Debug)]
struct Report {
    name: String,
    markings: Vec<String>,
}

impl Names {
    /// Reads a bundle for them.
    pub fn read(source: &mut dyn Read) -> Result<Self, ConvertError> {
        let mut names = Self::default();
        each(source, &mut |node, _, _| {
            names.learn(node);
            Ok(())
        })?;
        Ok(names)
    }

    fn learn(&mut self, node: &Node<'_>) {
        let text = |name: &str| node.text(name).unwrap_or_default().to_owned();
        match node.text("type") {
            Some("identity") => {
                self.identities.insert(text("id"), text("name"));
            }
            Some("marking-definition") => {
                let tlp = match Definition::of(node) {
                    Definition::Tlp(tlp) => Some(tlp),
                    Definition::Statement(_) => None,
                    // What cannot be told must not be taken for something milder.
                    Definition::Forged(_) | Definition::Other => Some(Tlp::Red),
                };
                self.markings.insert(text("id"), tlp);
            }
            Some("report") => {
                let number = self.reports.len() as u32;
                self.reports
                    .push(Report { name: text("name"), markings: texts(node, "object_marking_refs") });
                for member in texts(node, "object_refs") {
                    if let Some(uuid) = uuid(&member).filter(|_| self.reported.len() < MEMBERS_MAX) {
                        self.reported.entry(uuid).or_insert(number);
                    }
                }
            }
            _ => {}
        }
    }

    fn report(&self, id: &str) -> Option<&Report> {
        self.reports.get(*self.reported.get(&uuid(id)?)? as usize)
    }

    /// The strictest of an object's own markings and those of its report.
    fn tlp<'m>(&'m self, own: &'m [String], report: Option<&'m Report>) -> Option<Tlp> {
        let of_report = report.map(|report| report.markings.as_slice()).unwrap_or_default();
        let all = own.iter().chain(of_report);
        all.filter_map(|id| {
            self.markings.get(id).copied().unwrap_or_else(|| Some(Tlp::of_reference(id).unwrap_or(Tlp::Red)))
        })
        .max()
    }
}

fn uuid(id: &str) -> Option<[u8; 16]> {
    Id::parse(id).ok().map(|id| *id.uuid().as_bytes())
}

fn texts(node: &Node<'_>, name: &str) -> Vec<String> {
    let items = node.get(name).and_then(Node::items).unwrap_or_default();
    items.iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

/// Calls `write` with a row for each value that a bundle warns of or names; gives what rows cannot say.
pub fn rows(
    source: &mut dyn Read,
    names: &Names,
    write: &mut dyn FnMut(&Row) -> io::Result<()>,
) -> Result<LeftOut, ConvertError> {
    let mut left_out = LeftOut::default();
    each(source, &mut |node, bytes, flaws| {
        if is_unclear(flaws, &mut left_out) {
            return Ok(());
        }
        for row in object_rows(node, bytes, names, &mut left_out) {
            write(&row)?;
        }
        Ok(())
    })?;
    Ok(left_out)
}

/// Whether an object can be read in more than one way, so that neither is told.
fn is_unclear(flaws: &[Problem], left_out: &mut LeftOut) -> bool {
    let Some(flaw) = flaws.first() else { return false };
    left_out.note(format!(
        "objects that others may read differently ({}); `stix check` tells where",
        flaw.clause
    ));
    true
}

fn object_rows(node: &Node<'_>, bytes: &[u8], names: &Names, left_out: &mut LeftOut) -> Vec<Row> {
    let id = node.text("id").unwrap_or_default();
    let report = names.report(id);
    let common = Row {
        report: report.map(|report| report.name.clone()).unwrap_or_default(),
        author: node
            .text("created_by_ref")
            .and_then(|id| names.identities.get(id))
            .cloned()
            .unwrap_or_default(),
        tlp: names
            .tlp(&texts(node, "object_marking_refs"), report)
            .map(|tlp| tlp.label().to_ascii_lowercase())
            .unwrap_or_default(),
        ..Row::default()
    };
    if memmem::find(bytes, MISP_EXTENSION.as_bytes()).is_some()
        && let Some(own) = attribute_rows(bytes)
    {
        return own.into_iter().map(|row| with(row, &common)).collect();
    }
    match node.text("type").unwrap_or_default() {
        "indicator" => indicator_rows(node, id, &common, left_out),
        "vulnerability" => {
            let text = |name: &str| node.text(name).unwrap_or_default().to_owned();
            let (value, comment) = (text("name"), text("description"));
            let uuid = id.split_once("--").map(|(_, uuid)| uuid.to_owned()).unwrap_or_default();
            vec![Row { value, value_type: "vulnerability".to_owned(), comment, uuid, ..common }]
        }
        "identity" | "marking-definition" | "report" | "extension-definition" | "grouping" => Vec::new(),
        "" => {
            left_out.note("objects without a type");
            Vec::new()
        }
        other => {
            left_out.note(format!("objects of the type {other}"));
            Vec::new()
        }
    }
}

/// What a row says of itself, and where it stands.
fn with(row: Row, common: &Row) -> Row {
    let Row { report, author, tlp, .. } = common.clone();
    Row { report, author, tlp, ..row }
}

/// The row of what was MISP's: none if it was deleted or is no attribute, and nothing at all if it was not MISP's.
fn attribute_rows(bytes: &[u8]) -> Option<Vec<Row>> {
    let object: Value = serde_json::from_slice(bytes).ok()?;
    if kept(&object, "event").is_some() || kept(&object, "object").is_some() {
        return Some(Vec::new());
    }
    let attribute = unpack(kept(&object, "attribute")?)?;
    Some(if is_set(&attribute, "deleted") { Vec::new() } else { vec![Row::of_attribute(&attribute)] })
}

fn indicator_rows(node: &Node<'_>, id: &str, common: &Row, left_out: &mut LeftOut) -> Vec<Row> {
    let found = match indicator(node) {
        Ok(found) => found,
        Err(Unused::NotMeant) => {
            left_out.note("indicators that are revoked or benign");
            return Vec::new();
        }
        Err(Unused::Refused(why)) => {
            left_out.note(format!("indicators: {why}"));
            return Vec::new();
        }
    };
    let text = |name: &str| node.text(name).unwrap_or_default().to_owned();
    let uuid = id.split_once("--").map(|(_, uuid)| uuid.to_owned()).unwrap_or_default();
    let comment = if text("description").is_empty() { text("name") } else { text("description") };
    let row = |(kind, value): (Kind, String)| Row {
        value_type: misp_type(kind, &value).0.to_owned(),
        // What only repeats the value or the report is no comment.
        comment: if comment == value || comment == common.report { String::new() } else { comment.clone() },
        value,
        to_ids: true,
        uuid: uuid.clone(),
        valid_from: text("valid_from"),
        valid_until: text("valid_until"),
        confidence: found.confidence,
        ..common.clone()
    };
    found.values.into_iter().map(row).collect()
}

/// The techniques that a bundle names, counted.
pub fn techniques(source: &mut dyn Read) -> Result<(Techniques, LeftOut), ConvertError> {
    let (mut techniques, mut left_out) = (Techniques::default(), LeftOut::default());
    each(source, &mut |node, _, flaws| {
        if is_unclear(flaws, &mut left_out) {
            return Ok(());
        }
        techniques.object(node, &mut left_out);
        Ok(())
    })?;
    Ok((techniques, left_out))
}
