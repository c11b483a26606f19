//! Events as a table, as a list, and as the folder of a MISP feed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{LeftOut, attributes, is_set, tags, text_of};

/// A table of all attributes (RFC 4180), with what a table can say; what it cannot is listed.
pub fn csv(events: &[Value]) -> (String, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut table = "value,type,to_ids,comment,uuid,report,source,tlp\r\n".to_owned();
    for event in events {
        let author = event.get("Orgc").map(|organisation| text_of(organisation, "name")).unwrap_or_default();
        for attribute in attributes(event) {
            let tlp =
                tags(attribute).chain(tags(event)).find(|tag| tag.to_ascii_lowercase().starts_with("tlp:"));
            let cells = [
                text_of(attribute, "value"),
                text_of(attribute, "type"),
                u8::from(is_set(attribute, "to_ids")).to_string(),
                text_of(attribute, "comment"),
                text_of(attribute, "uuid"),
                text_of(event, "info"),
                author.clone(),
                tlp.unwrap_or_default().to_owned(),
            ];
            table.push_str(&cells.map(|cell| quoted(&cell)).join(","));
            table.push_str("\r\n");
        }
        for (name, what) in [
            ("Object", "objects: their attributes stand alone"),
            ("EventReport", "reports in prose"),
            ("Galaxy", "galaxies"),
        ] {
            for _ in event.get(name).and_then(Value::as_array).into_iter().flatten() {
                left_out.note(what);
            }
        }
        tags(event)
            .filter(|tag| !tag.to_ascii_lowercase().starts_with("tlp:"))
            .for_each(|_| left_out.note("tags of events"));
    }
    (table, left_out)
}

/// The values that are meant for detection, one a line and each once.
pub fn text(events: &[Value]) -> (String, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut values: BTreeSet<String> = BTreeSet::new();
    for attribute in events.iter().flat_map(attributes) {
        let value = text_of(attribute, "value");
        if !is_set(attribute, "to_ids") || is_set(attribute, "deleted") {
            left_out.note("attributes that are not meant for detection");
        } else if value.contains(['\n', '\r']) {
            left_out.note("values of several lines");
        } else {
            values.insert(value);
        }
    }
    (values.into_iter().map(|value| value + "\n").collect(), left_out)
}

/// The files of a MISP feed, by name: each event, the manifest, and the digests by which others look values up.
pub fn feed(events: &[Value]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut manifest = serde_json::Map::new();
    let mut hashes = String::new();
    for event in events {
        let uuid = text_of(event, "uuid");
        let number = |name: &str| text_of(event, name).parse::<i64>().map_or(Value::Null, Value::from);
        manifest.insert(
            uuid.clone(),
            json!({
                "Orgc": event.get("Orgc"), "Tag": event.get("Tag").cloned().unwrap_or_else(|| json!([])),
                "info": event.get("info"), "date": event.get("date"), "analysis": number("analysis"),
                "threat_level_id": number("threat_level_id"), "timestamp": number("timestamp"),
            }),
        );
        for attribute in attributes(event) {
            for value in values(attribute) {
                let _ = writeln!(hashes, "{},{uuid}", md5(&value));
            }
        }
        files.insert(format!("{uuid}.json"), json!({"Event": event}).to_string());
    }
    files.insert("manifest.json".to_owned(), Value::Object(manifest).to_string());
    files.insert("hashes.csv".to_owned(), hashes);
    files
}

/// The values of an attribute as feeds hash them: the parts of composite ones apart, times as Python writes them.
fn values(attribute: &Value) -> Vec<String> {
    let (kind, value) = (text_of(attribute, "type"), text_of(attribute, "value"));
    if kind == "datetime" {
        return vec![value.replacen('T', " ", 1).replace("+0000", "+00:00").replace('Z', "+00:00")];
    }
    if kind.contains('|') { value.split('|').map(str::to_owned).collect() } else { vec![value] }
}

fn md5(value: &str) -> String {
    Md5::digest(value.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A cell; what a spreadsheet would run as a formula is made text.
fn quoted(cell: &str) -> String {
    let harmless = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}
