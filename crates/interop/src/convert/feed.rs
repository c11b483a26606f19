//! A MISP feed: its files, and events made of indicators that never were MISP's.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde_json::{Value, json};
use watchfire_stix::Tlp;

use super::from_stix::{attributes_of, derived, seconds};
use super::{attributes, text_of};

/// What is said of an event as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its UUID: the same whenever the event is asked for.
    pub uuid: String,
    /// Its title.
    pub info: String,
    /// Its day, `YYYY-MM-DD`.
    pub date: String,
    /// The name of the organisation that made it.
    pub author: String,
    /// The level of its TLP, which every attribute has.
    pub tlp: Tlp,
    /// When it last changed, in seconds since 1970: MISP takes an event again when this has risen.
    pub changed: i64,
}

/// The UUID of what has a name.
pub fn uuid_of(name: &str) -> String {
    derived(name)
}

/// An event of indicators; none where no value of theirs can be said in MISP's words.
pub fn event_of(about: &About, indicators: &[Value]) -> Option<Value> {
    let attributes: Vec<Value> =
        indicators.iter().filter_map(|indicator| attributes_of(indicator).ok()).flatten().collect();
    if attributes.is_empty() {
        return None;
    }
    let newest = indicators.iter().map(seconds).max().unwrap_or_default().max(about.changed);
    Some(json!({
        "info": about.info, "uuid": about.uuid, "date": about.date, "timestamp": newest.to_string(),
        "publish_timestamp": newest.to_string(), "analysis": "2", "threat_level_id": "4", "published": true,
        "Orgc": { "name": about.author, "uuid": derived(&about.author) },
        "Tag": [{ "name": about.tlp.label().to_ascii_lowercase() }], "Attribute": attributes,
    }))
}

/// What the manifest says of an event.
pub fn manifest_entry(event: &Value) -> Value {
    let number = |name: &str| text_of(event, name).parse::<i64>().map_or(Value::Null, Value::from);
    json!({
        "Orgc": event.get("Orgc"), "Tag": event.get("Tag").cloned().unwrap_or_else(|| json!([])),
        "info": event.get("info"), "date": event.get("date"), "analysis": number("analysis"),
        "threat_level_id": number("threat_level_id"), "timestamp": number("timestamp"),
    })
}

/// The lines by which others look the values of an event up: the MD5 of a value and the UUID of the event.
pub fn hash_lines(event: &Value) -> String {
    let uuid = text_of(event, "uuid");
    let mut lines = String::new();
    for value in attributes(event).flat_map(values) {
        let _ = writeln!(lines, "{},{uuid}", md5(&value));
    }
    lines
}

/// A MISP feed: a file for each event, the manifest, and the digests by which others look values up.
#[derive(Debug, Default)]
pub struct Feed {
    manifest: serde_json::Map<String, Value>,
    hashes: String,
}

impl Feed {
    /// The name of an event's file, and the file.
    pub fn event(&mut self, event: &Value) -> (String, String) {
        let uuid = text_of(event, "uuid");
        self.hashes.push_str(&hash_lines(event));
        self.manifest.insert(uuid.clone(), manifest_entry(event));
        (format!("{uuid}.json"), json!({"Event": event}).to_string())
    }

    /// The names and texts of the files that stand beside the events.
    pub fn end(self) -> [(&'static str, String); 2] {
        let Self { manifest, hashes } = self;
        [("manifest.json", Value::Object(manifest).to_string()), ("hashes.csv", hashes)]
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_indicators() {
        let indicator = |number: u64, pattern: &str| {
            json!({
                "type": "indicator", "id": format!("indicator--0000000{number}-5cc1-4c4f-8a55-1d9a4d3a1b11"), "name": "n",
                "modified": format!("2021-03-02T00:00:0{number}.000Z"), "pattern_type": "stix", "pattern": pattern,
            })
        };
        let about = About {
            uuid: uuid_of("2021-03-02"),
            info: "day".to_owned(),
            date: "2021-03-02".to_owned(),
            author: "CERT-A".to_owned(),
            tlp: Tlp::AmberStrict,
            changed: 0,
        };
        let made = [
            indicator(1, "[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'a.example']"),
            indicator(2, "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"),
            indicator(3, "[file:size > 7]"),
        ];
        let event = event_of(&about, &made).unwrap();
        assert_eq!(event["Attribute"].as_array().unwrap().len(), 3);
        assert_eq!(
            (&event["timestamp"], &event["Tag"][0]["name"]),
            (&json!("1614643203"), &json!("tlp:amber+strict"))
        );
        assert_eq!(manifest_entry(&event)["timestamp"], 1_614_643_203);
        let lines = hash_lines(&event);
        let md5 = lines.lines().next().and_then(|line| line.split(',').next());
        assert_eq!((lines.lines().count(), md5), (3, Some("526291673f8700ef4e4902e29550a03b")));
        assert_eq!(event_of(&about, &made[2..]), None);
        let later = event_of(&About { changed: 1_614_643_999, ..about }, &made).unwrap();
        assert_eq!(
            later["timestamp"], "1614643999",
            "one that came later changes the event, whatever its own date"
        );
    }
}
