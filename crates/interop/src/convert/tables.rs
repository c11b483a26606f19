//! Events as a table and as a list.

use std::collections::BTreeSet;

use serde_json::Value;

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

/// A cell; what a spreadsheet would run as a formula is made text.
fn quoted(cell: &str) -> String {
    let harmless = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}
