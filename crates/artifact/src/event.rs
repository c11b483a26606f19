//! Windows events as JSON lines, in the shapes that people really have.
//!
//! NXLog and Logstash write them flat, Winlogbeat nests them under `winlog`, `evtx_dump` mirrors the XML with
//! `#attributes`, Velociraptor mirrors it without. All of them become one list of Sigma's names and values. Values
//! are views of the line wherever the JSON has no escape in them; nothing is put into a map.
//!
//! Two times are kept apart: the one that is UTC by construction (Sysmon's `UtcTime`, the event's own
//! `SystemTime`), and the one that the shipper states, which may be local time under a `Z`.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::clock;

/// Objects inside objects; the deepest real shape has five.
const DEPTH_LIMIT: usize = 12;

/// One event.
#[derive(Debug, Default)]
pub struct Event<'a> {
    fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The time that is UTC by construction.
    pub utc: Option<Timestamp>,
    /// The time as the shipper states it.
    pub stated: Option<Timestamp>,
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not one JSON object.
    #[error("not a JSON object on one line: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but without an event id.
    #[error("a JSON object without an event id")]
    NoEvent,
}

impl<'a> Event<'a> {
    /// Reads one line. Brackets and commas of a JSON array with one object a line are forgiven; a line of nothing
    /// else is no event and no error.
    pub fn parse(line: &'a [u8]) -> Result<Option<Self>, EventError> {
        let line = trim_array(line);
        if line.is_empty() {
            return Ok(None);
        }
        let object: Object = serde_json::from_slice(line)?;
        let mut event = Event::default();
        event.fields.reserve(48);
        event.absorb(Level::Top, object, 0);
        if event.first("EventID").is_none() {
            return Err(EventError::NoEvent);
        }
        Ok(Some(event))
    }

    /// An event whose fields have Sigma's names already, in their order; its times are those of a record that Windows
    /// itself wrote.
    pub fn from_fields(fields: impl Iterator<Item = (String, String)>) -> Event<'static> {
        let mut event = Event {
            fields: fields.map(|(name, value)| (name.into(), value.into())).collect(),
            utc: None,
            stated: None,
        };
        event.utc =
            ["UtcTime", "SystemTime"].iter().find_map(|name| clock::iso(event.first(name)?.as_bytes()));
        event
    }

    /// The values of a field, by Sigma's name for it, ignoring ASCII case and blanks in either name.
    pub fn values<'e>(&'e self, name: &str) -> impl Iterator<Item = &'e str> {
        self.fields.iter().filter(move |(field, _)| same_name(field, name)).map(|(_, value)| value.as_ref())
    }

    /// The first value of a field.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| same_name(field, name)).map(|(_, value)| value.as_ref())
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The value of a field by its place in the line.
    pub fn value(&self, place: usize) -> &str {
        &self.fields[place].1
    }

    /// The places of all fields of a name.
    pub fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        (0..self.fields.len()).filter(move |&place| same_name(&self.fields[place].0, name))
    }

    /// All names and values, in the order of the line.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    fn absorb(&mut self, level: Level, object: Object<'a>, depth: usize) {
        for (key, raw) in object.0 {
            match raw.get().as_bytes().first() {
                Some(b'{') if depth < DEPTH_LIMIT => {
                    if let Ok(inner) = serde_json::from_str(raw.get()) {
                        self.absorb(level.enter(&key), inner, depth + 1);
                    }
                }
                Some(b'[') => self.list(level, &key, raw),
                Some(b'{' | b'n') | None => {}
                Some(_) => self.leaf(level, key, leaf_text(raw)),
            }
        }
    }

    fn list(&mut self, level: Level, key: &str, raw: &'a RawValue) {
        let Ok(items) = serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) else { return };
        for item in items {
            match item.get().as_bytes().first() {
                Some(b'{') => {
                    if let Ok(inner) = serde_json::from_str(item.get()) {
                        self.absorb(level.enter(key), inner, DEPTH_LIMIT);
                    }
                }
                Some(b'[' | b'n') | None => {}
                Some(_) => self.leaf(level, Cow::Owned(key.to_owned()), leaf_text(item)),
            }
        }
    }

    fn leaf(&mut self, level: Level, key: Cow<'a, str>, value: Cow<'a, str>) {
        let name = level.field_name(key);
        match name.as_ref() {
            "UtcTime" => self.utc = clock::iso(value.as_bytes()).or(self.utc),
            "SystemTime" => self.utc = self.utc.or_else(|| time(&value)),
            "TimeCreated" => self.stated = time(&value).or(self.stated),
            "EventTime" | "@timestamp" => self.stated = self.stated.or_else(|| time(&value)),
            _ => {}
        }
        self.fields.push((name, value));
    }
}

fn time(value: &str) -> Option<Timestamp> {
    clock::iso(value.as_bytes()).or_else(|| value.parse::<f64>().ok().and_then(clock::unix))
}

fn same_name(field: &str, name: &str) -> bool {
    if field.len() == name.len() {
        return field.eq_ignore_ascii_case(name);
    }
    // Sigma 2.1: blanks in a field's name are stripped ("Threat Name" is ThreatName).
    let bare = |text: &'_ str| {
        text.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    (field.contains(' ') || name.contains(' ')) && bare(field) == bare(name)
}

/// Brackets and commas around an object that stands alone on its line of an array.
fn trim_array(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    let line = line.strip_prefix(b"[").unwrap_or(line).trim_ascii_start();
    let line = line.strip_suffix(b"]").unwrap_or(line).trim_ascii_end();
    line.strip_suffix(b",").unwrap_or(line).trim_ascii_end()
}

/// Where in the object a leaf stands, as far as its name depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// At the top, or in a container that adds nothing (`Event`, `winlog`, `EventData`).
    Top,
    /// Inside `System.Provider`.
    Provider,
    /// Inside `System.EventID`.
    EventId,
    /// Inside `System.TimeCreated`.
    TimeCreated,
    /// Inside `System.Execution`.
    Execution,
    /// Inside `EventData.Data` and other lists without names.
    Data,
    /// Inside Elastic's `process`.
    Process,
    /// Inside Elastic's `process.parent`.
    ParentProcess,
    /// Inside Elastic's `file`.
    File,
    /// Inside Elastic's `event`.
    EventMeta,
    /// Inside Elastic's `host`, `agent` and the like: the shipper's own business.
    Host,
    /// Inside the shipper's own business.
    Shipper,
}

impl Level {
    fn enter(self, key: &str) -> Self {
        match (self, key) {
            (Level::Top, "Provider") => Level::Provider,
            (Level::Top, "EventID") => Level::EventId,
            (Level::Top, "TimeCreated") => Level::TimeCreated,
            (Level::Top, "Execution") => Level::Execution,
            (Level::Top, "Data") => Level::Data,
            (Level::Top, "process") => Level::Process,
            (Level::Process, "parent") => Level::ParentProcess,
            (Level::Top, "file") => Level::File,
            (Level::Top, "event") => Level::EventMeta,
            (Level::Top, "host") => Level::Host,
            (Level::Top, "agent" | "ecs" | "log" | "tags" | "input" | "@metadata") => Level::Shipper,
            (level, _) => level,
        }
    }

    /// Sigma's name for a leaf.
    fn field_name(self, key: Cow<'_, str>) -> Cow<'_, str> {
        let fixed = match (self, key.as_ref()) {
            (Level::Provider, "Name")
            | (Level::Top, "SourceName" | "provider_name" | "ProviderName" | "Provider") => "Provider_Name",
            (Level::Provider, _) => "Provider_Guid",
            (Level::EventId, "#text" | "Value")
            | (Level::Top, "event_id" | "EventId")
            | (Level::EventMeta, "code") => "EventID",
            (Level::EventId, _) => "Qualifiers",
            (Level::TimeCreated, _) => "SystemTime",
            (Level::Execution, "ProcessID") => "Execution_ProcessID",
            (Level::Execution, "ThreadID") => "Execution_ThreadID",
            (Level::Data, "#text") => "Data",
            (Level::Top, "channel" | "log_name") => "Channel",
            (Level::Top, "computer_name" | "Hostname" | "ComputerName" | "MachineName")
            | (Level::Host, "name" | "hostname") => "Computer",
            (Level::Top, "record_id" | "RecordNumber" | "EventRecordId") => "EventRecordID",
            (Level::Top, "message") => "Message",
            (Level::Process, "executable") => "Image",
            (Level::Process, "command_line") => "CommandLine",
            (Level::ParentProcess, "executable") => "ParentImage",
            (Level::ParentProcess, "command_line") => "ParentCommandLine",
            (Level::File, "path") => "TargetFilename",
            (
                Level::Process
                | Level::ParentProcess
                | Level::File
                | Level::EventMeta
                | Level::Host
                | Level::Shipper,
                _,
            ) => "_shipper",
            _ => return key,
        };
        Cow::Borrowed(fixed)
    }
}

/// A JSON object as its members, values not yet read.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed where it has no escape.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// A scalar as text: strings without their quotes and escapes, numbers and booleans as written.
fn leaf_text(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    // A lone surrogate is no text in JSON's own grammar; it is kept as it was written.
    serde_json::from_str::<String>(text).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// The value of a top-level member of a JSON object, as text: scalars as they are, lists and objects as JSON.
pub fn json_text_at(json: &[u8], key: &str) -> Option<String> {
    let object: Object = serde_json::from_slice(json).ok()?;
    let (_, raw) = object.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') => Some(unescaped(raw)),
        _ => Some(leaf_text(raw).into_owned()),
    }
}

/// A list or an object as text in which strings stand unescaped, so that a literal of a rule finds them.
fn unescaped(raw: &RawValue) -> String {
    fn write(value: &serde_json::Value, into: &mut String) {
        match value {
            serde_json::Value::String(text) => into.push_str(text),
            serde_json::Value::Array(items) => items.iter().for_each(|item| {
                write(item, into);
                into.push(' ');
            }),
            serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| {
                if name != "Name" && name != "Value" {
                    into.push_str(name);
                    into.push('=');
                }
                write(value, into);
                into.push(' ');
            }),
            other => into.push_str(&other.to_string()),
        }
    }
    let mut text = String::new();
    if let Ok(value) = serde_json::from_str(raw.get()) {
        write(&value, &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[(&str, &str)]) {
        let event = Event::parse(line.as_bytes()).unwrap().unwrap();
        for (name, value) in expected {
            assert_eq!(event.first(name), Some(*value), "{name} of {line}");
        }
    }

    const EXPECTED: [(&str, &str); 5] = [
        ("EventID", "1"),
        ("Channel", "Microsoft-Windows-Sysmon/Operational"),
        ("Provider_Name", "Microsoft-Windows-Sysmon"),
        ("Computer", "EX01.corp.example"),
        ("Image", r"C:\Windows\System32\cmd.exe"),
    ];

    #[test]
    fn a_flat_event() {
        check(
            r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","SourceName":"Microsoft-Windows-Sysmon","Hostname":"EX01.corp.example","Image":"C:\\Windows\\System32\\cmd.exe","UtcTime":"2021-03-14 06:40:15.338"}"#,
            &EXPECTED,
        );
    }

    #[test]
    fn a_winlogbeat_event() {
        check(
            r#"{"@timestamp":"2021-03-14T06:40:15.338Z","winlog":{"event_id":1,"channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon","computer_name":"EX01.corp.example","event_data":{"Image":"C:\\Windows\\System32\\cmd.exe"}},"message":"Process Create","agent":{"name":"beat"}}"#,
            &EXPECTED,
        );
    }

    #[test]
    fn an_evtx_dump_event() {
        check(
            r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon","Guid":"g"}},"EventID":{"#attributes":{"Qualifiers":16384},"#text":1},"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"EX01.corp.example","TimeCreated":{"#attributes":{"SystemTime":"2021-03-14T06:40:15.338Z"}}},"EventData":{"Image":"C:\\Windows\\System32\\cmd.exe"}}}"##,
            &EXPECTED,
        );
    }

    #[test]
    fn a_velociraptor_event() {
        let line = r#"{"System":{"Provider":{"Name":"Microsoft-Windows-Sysmon","Guid":"g"},"EventID":{"Value":1},"TimeCreated":{"SystemTime":1615704015.338},"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"EX01.corp.example"},"EventData":{"Image":"C:\\Windows\\System32\\cmd.exe"}}"#;
        check(line, &EXPECTED);
        let event = Event::parse(line.as_bytes()).unwrap().unwrap();
        assert_eq!(event.utc.map(|time| time.to_string()).as_deref(), Some("2021-03-14T06:40:15.338Z"));
    }

    #[test]
    fn unnamed_data_keeps_every_value() {
        let line = r##"{"Event":{"System":{"EventID":1,"Channel":"MSExchange Management"},"EventData":{"Data":{"#text":["Set-OabVirtualDirectory","-ExternalUrl \"x\""]}}}}"##;
        let event = Event::parse(line.as_bytes()).unwrap().unwrap();
        let data: Vec<_> = event.values("Data").collect();
        assert_eq!(data, ["Set-OabVirtualDirectory", "-ExternalUrl \"x\""]);
    }

    #[test]
    fn names_compare_without_blanks() {
        check(r#"{"EventID":1116,"Threat Name":"x"}"#, &[("ThreatName", "x")]);
    }

    #[test]
    fn what_is_no_event_says_why() {
        assert!(matches!(Event::parse(b"{\"a\":1}"), Err(EventError::NoEvent)));
        assert!(matches!(Event::parse(b"{\"a\":"), Err(EventError::Json(_))));
        assert!(matches!(Event::parse(b"["), Ok(None)));
        assert!(Event::parse(br#"{"EventID":1,"a":"\ud800"},"#).unwrap().is_some());
    }
}
