//! Every field of every record of real event logs, as we read it and as the `evtx` crate writes it out.
//!
//! The public samples lie beside the repository where they are there; `WATCHFIRE_SAMPLES=folder` adds any other folder
//! of event logs. `cargo test -p watchfire-lab --test differential -- --nocapture` tells the numbers.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use evtx::{EvtxParser, ParserSettings};
use quick_xml::Reader as XmlReader;
use quick_xml::events::{BytesStart, Event as Xml};
use watchfire_artifact::evtx::{Chunks, Found, Read, Reader, xml};

/// Names and texts, in any order.
type Fields = Vec<(String, String)>;

/// Records by their number and the 100 ns of their writing; a dirty log may hold one twice.
type Log = BTreeMap<(u64, u64), Fields>;

fn ours(log: &[u8]) -> Log {
    let mut records = Log::new();
    let mut chunks = Chunks::range(log, 0..u64::MAX);
    let mut reader = Reader::new();
    while let Some(found) = chunks.next_chunk().expect("reads from memory") {
        let Found::Chunk(chunk) = found else { continue };
        for raw in chunk.records().flatten().filter(|raw| !raw.recovered) {
            let Ok(read) = reader.read(&chunk, &raw) else { continue };
            let fields = match read {
                Read::Walked(event) => event.fields().map(|(name, value)| own((name, &value))).collect(),
                Read::Formed(record) => formed(&record),
            };
            let shown = flat(&xml(&chunk, &raw.xml).0);
            assert_eq!(apart(&fields, &shown), None, "record {} is shown as it was read", raw.number);
            records.insert((raw.number, raw.written), fields);
        }
    }
    records
}

fn formed(record: &watchfire_artifact::evtx::Record<'_>) -> Fields {
    let mut fields = Fields::new();
    for field in &record.form.fields {
        let contents = field.sources.iter().filter_map(|source| record.content(source));
        fields.extend(contents.flat_map(|content| {
            content.texts().map(|text| (field.name.clone(), text.into_owned())).collect::<Vec<_>>()
        }));
    }
    fields
}

fn own((name, text): (&str, &str)) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

fn theirs(log: Vec<u8>) -> Log {
    let Ok(parser) = EvtxParser::from_buffer(log) else { return Log::new() };
    let mut parser = parser.with_configuration(ParserSettings::new().num_threads(1).indent(false));
    let mut records = Log::new();
    for record in parser.records().flatten() {
        let written =
            watchfire_artifact::evtx::to_filetime(record.timestamp.to_string().parse().expect("a time"));
        records.insert((record.event_record_id, written), flat(&record.data));
    }
    records
}

/// The fields of an event's XML by Sigma's names: `Data` by its `Name`, all else by element or attribute.
fn flat(xml: &str) -> Fields {
    let mut reader = XmlReader::from_str(xml);
    let (mut fields, mut stack) = (Fields::new(), Vec::<(String, Option<String>)>::new());
    let mut text = String::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}")) {
            Xml::Eof => return fields,
            Xml::Start(start) => {
                keep(&mut fields, &stack, &mut text);
                open(&mut fields, &mut stack, &start);
            }
            Xml::Empty(start) => {
                open(&mut fields, &mut stack, &start);
                stack.pop();
            }
            Xml::End(_) => {
                keep(&mut fields, &stack, &mut text);
                stack.pop();
            }
            Xml::Text(piece) => text += &piece,
            Xml::CData(piece) => text += &piece,
            Xml::GeneralRef(name) => {
                let name: &str = &name;
                text += &quick_xml::escape::unescape(&format!("&{name};")).unwrap();
            }
            _ => {}
        }
    }
}

fn open(fields: &mut Fields, stack: &mut Vec<(String, Option<String>)>, start: &BytesStart<'_>) {
    let name = start.name().as_ref().to_owned();
    let mut named = None;
    let section = stack.get(1).map_or(name.clone(), |(section, _)| section.clone());
    for attribute in start.attributes() {
        let attribute = attribute.unwrap();
        let key = attribute.key.as_ref().to_owned();
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
        match (section.as_str(), name.as_str(), key.as_str()) {
            (_, "Data", "Name") => named = Some(value),
            ("System", "Provider", "Name" | "Guid") => fields.push((format!("Provider_{key}"), value)),
            ("System", "TimeCreated", _) => fields.push(("SystemTime".to_owned(), value)),
            ("System", "Execution", _) => fields.push((format!("Execution_{key}"), value)),
            ("RenderingInfo", ..) => {}
            _ if key.starts_with("xmlns") || stack.is_empty() => {}
            _ => fields.push((key, value)),
        }
    }
    stack.push((name, named));
}

fn keep(fields: &mut Fields, stack: &[(String, Option<String>)], text: &mut String) {
    let text = std::mem::take(text);
    let Some((name, named)) = stack.last().filter(|_| stack.len() > 1 && !text.is_empty()) else { return };
    let is_said = stack.get(1).is_none_or(|(section, _)| section != "RenderingInfo") || name == "Message";
    if is_said {
        fields.push((named.clone().unwrap_or_else(|| name.clone()), text));
    }
}

/// Fields that one side has and the other has not, each pair of them alike left out.
fn apart(ours: &[(String, String)], theirs: &[(String, String)]) -> Option<String> {
    let mut theirs: Vec<_> = theirs.iter().filter(|(_, text)| !text.is_empty()).collect();
    let mut ours: Vec<_> = ours.iter().filter(|(_, text)| !text.is_empty()).collect();
    ours.retain(|one| {
        let same = theirs.iter().position(|two| one.0 == two.0 && is_alike(&one.1, &two.1));
        same.map(|place| theirs.swap_remove(place)).is_none()
    });
    (!ours.is_empty() || !theirs.is_empty()).then(|| format!("ours {ours:?}, theirs {theirs:?}"))
}

/// Whether two readers mean the same. Theirs writes GUIDs small, `_` for what XML cannot hold, and a Boolean that is
/// neither 0 nor 1 as the number that it is.
fn is_alike(ours: &str, theirs: &str) -> bool {
    let is_odd_boolean = ours == "true" && theirs.parse::<u32>().is_ok_and(|number| number > 1);
    let is_guid = ours.len() == 38 && ours.starts_with('{') && ours.ends_with('}');
    let legal =
        |c: char| if c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}'..) { '_' } else { c };
    ours == theirs
        || is_odd_boolean
        || is_guid && ours.eq_ignore_ascii_case(theirs)
        || ours.chars().map(legal).eq(theirs.chars())
}

fn logs() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut open = vec![data];
    open.extend(std::env::var_os("WATCHFIRE_SAMPLES").map(PathBuf::from));
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.map(|entry| entry.expect("a folder can be listed").path()));
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_field_of_every_record_is_as_another_reader_has_it() {
    let (mut records, mut only_ours, mut fields, mut wrong) = (0, 0, 0, Vec::new());
    for path in logs() {
        let bytes = fs::read(&path).expect("a log");
        let (ours, theirs) = (ours(&bytes), theirs(bytes));
        only_ours += ours.keys().filter(|key| !theirs.contains_key(key)).count();
        for (key, theirs) in theirs {
            (records, fields) = (records + 1, fields + theirs.len());
            let difference = ours.get(&key).map_or(Some("not read".to_owned()), |ours| apart(ours, &theirs));
            wrong.extend(difference.map(|said| format!("{} record {}: {said}", path.display(), key.0)));
        }
    }
    println!("{records} records of theirs with {fields} fields, {only_ours} more of ours");
    assert!(wrong.is_empty(), "{} records differ\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}
