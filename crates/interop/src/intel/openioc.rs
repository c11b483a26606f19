//! OpenIOC 1.0 and 1.1: the items of a definition that say enough by themselves.
//!
//! A definition is a tree of AND and OR. What stands under OR is an indicator of its own. Under AND a digest, an
//! address, a domain or a URL still is one; a file name that only counts together with a size is not.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use watchfire_intel::{Indicator, Kind, Origin};

use super::{IntelError, Into, uuid};

/// Elements nest no deeper in real definitions than some twenty levels.
const DEPTH_MAX: usize = 256;

#[derive(Default)]
struct Definition {
    id: String,
    title: String,
    author: String,
    items: Vec<Item>,
}

#[derive(Default)]
struct Item {
    id: String,
    search: String,
    value: String,
    under_and: bool,
    negated: bool,
}

pub(super) fn read(bytes: &[u8], into: &mut Into<'_>) -> Result<(), IntelError> {
    let definition = parse(bytes)?;
    let origin = into.origin(Origin {
        author: definition.author.trim().to_owned(),
        title: definition.title.trim().to_owned(),
        id: definition.id,
        ..Origin::default()
    });
    for item in definition.items {
        let kind = kind(&item.search);
        if item.negated || (item.under_and && !kind.is_some_and(says_enough)) {
            into.loaded.not_meant += 1;
            continue;
        }
        let Some(kind) = kind else {
            into.loaded.problem(&item.id, &format!("values of {} are not looked for", item.search));
            continue;
        };
        let indicator =
            Indicator { value: &item.value, kind: Some(kind), id: uuid(&item.id), ..Indicator::default() };
        into.add(origin, &indicator, &item.id);
    }
    Ok(())
}

fn says_enough(kind: Kind) -> bool {
    matches!(kind, Kind::Hash | Kind::Network | Kind::Ip | Kind::Domain | Kind::Url | Kind::Email)
}

fn parse(bytes: &[u8]) -> Result<Definition, IntelError> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    let mut definition = Definition::default();
    let mut operators: Vec<bool> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut item: Option<Item> = None;
    loop {
        match reader.read_event().map_err(IntelError::Xml)? {
            Event::Eof => return Ok(definition),
            Event::Start(start) if path.len() < DEPTH_MAX => {
                open(&start, &mut definition, &mut operators, &mut item);
                path.push(start.local_name().as_ref().to_owned());
            }
            Event::Empty(start) => open(&start, &mut definition, &mut Vec::new(), &mut item),
            Event::Text(text) => {
                let text = unescape(&text);
                content(path.last().map_or("", String::as_str), &text, &mut definition, &mut item);
            }
            Event::GeneralRef(name) => {
                let text = match name.as_ref() {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "",
                };
                content(path.last().map_or("", String::as_str), text, &mut definition, &mut item);
            }
            Event::End(end) => {
                match end.local_name().as_ref() {
                    "Indicator" => drop(operators.pop()),
                    "IndicatorItem" => definition.items.extend(item.take()),
                    _ => {}
                }
                path.pop();
            }
            _ => {}
        }
    }
}

fn open(
    start: &BytesStart<'_>,
    definition: &mut Definition,
    operators: &mut Vec<bool>,
    item: &mut Option<Item>,
) {
    match start.local_name().as_ref() {
        "ioc" | "OpenIOC" => definition.id = attribute(start, "id"),
        "Indicator" => operators.push(attribute(start, "operator").eq_ignore_ascii_case("and")),
        "IndicatorItem" => {
            *item = Some(Item {
                id: attribute(start, "id"),
                under_and: operators.last().copied().unwrap_or(false),
                negated: attribute(start, "negate").eq_ignore_ascii_case("true")
                    || attribute(start, "condition").eq_ignore_ascii_case("isnot"),
                ..Item::default()
            });
        }
        "Context" => {
            if let Some(item) = item {
                item.search = attribute(start, "search");
            }
        }
        _ => {}
    }
}

fn content(element: &str, text: &str, definition: &mut Definition, item: &mut Option<Item>) {
    match (element, item) {
        ("Content", Some(item)) => item.value.push_str(text),
        ("short_description", None) => definition.title.push_str(text),
        ("authored_by", None) => definition.author.push_str(text),
        _ => {}
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let found = start.try_get_attribute(name).ok().flatten();
    found.map(|found| unescape(&found.value)).unwrap_or_default()
}

fn unescape(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

/// What a term of Mandiant's list of terms is about.
fn kind(search: &str) -> Option<Kind> {
    let last = search.rsplit('/').next()?.to_ascii_lowercase();
    Some(match last.as_str() {
        "md5sum" | "sha1sum" | "sha256sum" | "sha512sum" => Kind::Hash,
        "dns" | "host" | "recordname" | "domain" => Kind::Domain,
        "remoteip" | "localip" | "ipv4address" | "ip" => Kind::Network,
        "uri" | "url" => Kind::Url,
        "useragent" => Kind::UserAgent,
        "from" | "to" | "replyto" if search.starts_with("Email") => Kind::Email,
        "filename" | "name" if search.starts_with("FileItem") || search.starts_with("ProcessItem") => {
            Kind::FileName
        }
        "fullpath" | "filepath" | "path" if !search.starts_with("RegistryItem") => Kind::Path,
        "keypath" | "path" | "mutex" | "name" | "value" => Kind::Text,
        _ => return None,
    })
}
