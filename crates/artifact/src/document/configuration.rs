//! XML that IIS and ASP.NET keep: every element with attributes is an entry, so that rules decide what matters.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Entry;
use crate::problem::Problem;
use crate::text::text;
use crate::windows_path::WindowsPath;

/// Elements inside elements; IIS needs about ten.
const DEPTH_LIMIT: usize = 256;

/// Entries of one configuration; a large farm has some ten thousand.
const ENTRY_LIMIT: usize = 1_000_000;

/// Each element that has attributes, with the site and the location it stands in.
pub(super) fn elements(shown: &str, xml: &[u8], problems: &mut Vec<Problem>) -> Vec<Entry> {
    let xml = &*text(xml);
    let mut entries = Vec::new();
    let mut open: Vec<Option<Context>> = Vec::new();
    walk(shown, xml, problems, |step, range| match step {
        Step::Open(element) | Step::Alone(element) if entries.len() < ENTRY_LIMIT => {
            let mut entry =
                Entry { fields: Vec::new(), offset: range.start as u64, raw: xml.as_bytes()[range].to_vec() };
            let name = element.local_name().as_ref().to_owned();
            entry.push("element", name.as_bytes());
            attributes(element, &mut entry);
            let context = context_of(&name, &entry);
            if matches!(step, Step::Open(_)) && open.len() < DEPTH_LIMIT {
                open.push(context);
            }
            for (field, value) in open.iter().flatten() {
                if entry.value(field).is_none() {
                    entry.push(field, value.clone());
                }
            }
            if entry.fields.len() > 1 {
                entries.push(entry);
            }
        }
        Step::Close => {
            open.pop();
        }
        _ => {}
    });
    entries.retain(|entry| {
        entry.fields.iter().any(|(name, _)| !matches!(name.as_str(), "element" | "site" | "location"))
    });
    entries
}

/// What an element says of all elements inside it.
type Context = (&'static str, Vec<u8>);

fn context_of(name: &str, entry: &Entry) -> Option<Context> {
    match name {
        "site" => entry.value("name").map(|value| ("site", value.to_vec())),
        "location" => entry.value("path").map(|value| ("location", value.to_vec())),
        _ => None,
    }
}

fn attributes(element: &BytesStart<'_>, entry: &mut Entry) {
    for attribute in element.attributes().with_checks(false).flatten() {
        let raw = attribute.value;
        let value =
            quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), std::borrow::Cow::into_owned);
        entry.push(attribute.key.local_name().as_ref(), value);
    }
}

/// The page that a `*.compiled` file was made from.
pub(super) fn compiled(
    shown: &str,
    path: &WindowsPath,
    xml: &[u8],
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    let mut entries = elements(shown, xml, problems);
    entries.retain(|entry| entry.value("virtualPath").is_some());
    for entry in &mut entries {
        entry.push("path", path.as_str());
        entry.push("name", path.name());
        let page = entry
            .value("virtualPath")
            .and_then(|path| path.rsplit(|&byte| byte == b'/').next())
            .map(<[u8]>::to_vec);
        entry.push("page", page.unwrap_or_default());
    }
    entries
}

enum Step<'a> {
    Open(&'a BytesStart<'a>),
    Alone(&'a BytesStart<'a>),
    Close,
}

/// Walks XML forgivingly and ends with a problem where it cannot go on.
fn walk(
    shown: &str,
    xml: &str,
    problems: &mut Vec<Problem>,
    mut each: impl FnMut(Step<'_>, std::ops::Range<usize>),
) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event();
        let range = start.min(xml.len())..(reader.buffer_position() as usize).min(xml.len());
        match event {
            Ok(Event::Start(element)) => each(Step::Open(&element), range),
            Ok(Event::Empty(element)) => each(Step::Alone(&element), range),
            Ok(Event::End(_)) => each(Step::Close, range),
            Ok(Event::Eof) => return,
            Ok(_) => {}
            Err(error) => {
                problems.push(Problem::at(shown, start as u64, format!("XML breaks off here: {error}")));
                return;
            }
        }
    }
}
