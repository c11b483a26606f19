//! Windows events as JSON lines, in the shapes that people really have.
//!
//! NXLog and Logstash write them flat, Winlogbeat nests them under `winlog`, `evtx_dump` mirrors the XML with
//! `#attributes`, Velociraptor mirrors it without. All of them become one list of Sigma's names and values. Values
//! are views of the line; those with escapes are freed of them when somebody asks for one. Nothing is put into a map.
//!
//! Two times are kept apart: the one that is UTC by construction (Sysmon's `UtcTime`, the event's own
//! `SystemTime`), and the one that the shipper states, which may be local time under a `Z`.

mod json;
mod member;
mod naming;

use std::borrow::Cow;

use jiff::Timestamp;

use crate::clock;

pub use json::JsonError;
pub use member::json_text_at;
use naming::Level;

/// One event.
#[derive(Debug, Default)]
pub struct Event<'a> {
    line: &'a str,
    room: Room,
    /// The time that is UTC by construction.
    pub utc: Option<Timestamp>,
    /// The time as the shipper states it.
    pub stated: Option<Timestamp>,
}

/// What an event needs room for besides its line; given from one event to the next.
#[derive(Debug, Default)]
pub struct Room {
    fields: Vec<(Span, Span)>,
    /// Names and values that do not stand in the line.
    own: String,
    /// Where the fields stand that decide, by [`Deciding`].
    deciding: [Option<u32>; Deciding::ALL.len()],
}

/// Fields that decide what an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deciding {
    /// `Channel`.
    Channel,
    /// `EventID`.
    EventId,
    /// `Provider_Name`.
    Provider,
    /// `Computer`.
    Computer,
}

impl Deciding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Channel, Self::EventId, Self::Provider, Self::Computer];

    /// By the name of a field.
    fn named(name: &str) -> Option<Self> {
        // Most names differ in their first letter, and most of the others in length.
        let is = |field: &Self| name.eq_ignore_ascii_case(field.name());
        let likely = match (name.as_bytes().first()? | 0x20, name.len()) {
            (b'c', 7) => Some(Self::Channel).filter(is),
            (b'c', 8) => Some(Self::Computer).filter(is),
            (b'e', 7) => Some(Self::EventId).filter(is),
            (b'p', 13) => Some(Self::Provider).filter(is),
            (b'c' | b'e' | b'p' | b' ', _) => None,
            _ => return None,
        };
        let has_blanks = likely.is_none() && name.contains(' ');
        likely.or_else(|| Self::ALL.into_iter().find(|field| has_blanks && same_name(name, field.name())))
    }

    /// Sigma's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channel => "Channel",
            Self::EventId => "EventID",
            Self::Provider => "Provider_Name",
            Self::Computer => "Computer",
        }
    }
}

/// A text: a piece of the line, or of what the event has of its own.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    kind: Spelling,
}

/// Where a text stands, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// In the line, as it is.
    Line,
    /// In the line, with escapes.
    Escaped,
    /// In what the event has of its own.
    Own,
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not one JSON object.
    #[error("not a JSON object on one line: {0}")]
    Json(#[from] JsonError),
    /// JSON, but without an event id.
    #[error("a JSON object without an event id")]
    NoEvent,
}

impl<'a> Event<'a> {
    /// Reads one line. Brackets and commas of a JSON array with one object a line are forgiven; a line of nothing
    /// else is no event and no error.
    pub fn parse(line: &'a [u8]) -> Result<Option<Self>, EventError> {
        Self::parse_in(line, &mut Room::default())
    }

    /// The same in the room of an event that is done with; whoever is done with this one gives it back.
    pub fn parse_in(line: &'a [u8], room: &mut Room) -> Result<Option<Self>, EventError> {
        let line = trim_array(line);
        if line.is_empty() {
            return Ok(None);
        }
        room.clear();
        let mut event =
            Event { line: json::text(line)?, room: std::mem::take(room), utc: None, stated: None };
        let outcome = json::read(&mut event);
        if outcome.is_ok() && event.of(Deciding::EventId).is_some() {
            return Ok(Some(event));
        }
        *room = event.room;
        outcome?;
        Err(EventError::NoEvent)
    }

    /// The room for the next event.
    pub fn into_room(self) -> Room {
        self.room
    }

    /// An event whose fields have Sigma's names already, in their order; its times are those of a record that Windows
    /// itself wrote.
    pub fn from_fields(fields: impl Iterator<Item = (String, String)>) -> Event<'static> {
        let mut event = Event::default();
        for (name, value) in fields {
            let (name, value) = (event.room.keep(&name), event.room.keep(&value));
            event.field(name, value);
        }
        event.utc =
            ["UtcTime", "SystemTime"].iter().find_map(|name| clock::iso(event.first(name)?.as_bytes()));
        event
    }

    /// The values of a field, by Sigma's name for it, ignoring ASCII case and blanks in either name.
    pub fn values<'e>(&'e self, name: &str) -> impl Iterator<Item = Cow<'e, str>> {
        self.places(name).map(|place| self.value(place))
    }

    /// The first value of a field.
    pub fn first(&self, name: &str) -> Option<Cow<'_, str>> {
        self.values(name).next()
    }

    /// The first value of a field that decides.
    pub fn of(&self, field: Deciding) -> Option<Cow<'_, str>> {
        Some(self.value(self.room.deciding[field as usize]? as usize))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.room.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.room.fields.is_empty()
    }

    /// The value of a field by its place in the line.
    pub fn value(&self, place: usize) -> Cow<'_, str> {
        self.text(self.room.fields[place].1)
    }

    /// The same as it stands in the line, and whether that is with escapes.
    pub fn written(&self, place: usize) -> (&str, bool) {
        let value = self.room.fields[place].1;
        (self.raw(value), value.kind == Spelling::Escaped)
    }

    /// The places of all fields of a name.
    pub fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        let is = |(_, field): &(usize, &str)| same_name(field, name);
        self.names().enumerate().filter(is).map(|(place, _)| place)
    }

    /// All names, in the order of the line.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.room.fields.iter().map(|(name, _)| self.raw(*name))
    }

    /// All names and values, in the order of the line.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.room.fields.iter().map(|(name, value)| (self.raw(*name), self.text(*value)))
    }

    fn text(&self, span: Span) -> Cow<'_, str> {
        let raw = self.raw(span);
        if span.kind == Spelling::Escaped { json::unescaped(raw).into() } else { raw.into() }
    }

    /// A text as it is spelt; names are kept without escapes.
    fn raw(&self, span: Span) -> &str {
        let whole = if span.kind == Spelling::Own { self.room.own.as_str() } else { self.line };
        &whole[span.start as usize..span.end as usize]
    }

    fn leaf(&mut self, level: Level, key: Span, value: Span) {
        let name = level.field_name(self.raw(key)).map_or(key, |name| self.room.keep(name));
        match self.raw(name) {
            "UtcTime" => self.utc = clock::iso(self.text(value).as_bytes()).or(self.utc),
            "SystemTime" => self.utc = self.utc.or_else(|| time(&self.text(value))),
            "TimeCreated" => self.stated = time(&self.text(value)).or(self.stated),
            "EventTime" | "@timestamp" => self.stated = self.stated.or_else(|| time(&self.text(value))),
            _ => {}
        }
        self.field(name, value);
    }

    fn field(&mut self, name: Span, value: Span) {
        if let Some(field) = Deciding::named(self.raw(name)) {
            let place = self.room.fields.len() as u32;
            self.room.deciding[field as usize].get_or_insert(place);
        }
        self.room.fields.push((name, value));
    }
}

impl Room {
    /// Keeps a text that stands nowhere else.
    fn keep(&mut self, text: &str) -> Span {
        let start = self.own.len() as u32;
        self.own.push_str(text);
        Span { start, end: self.own.len() as u32, kind: Spelling::Own }
    }

    fn clear(&mut self) {
        self.fields.clear();
        self.own.clear();
        self.deciding = Default::default();
    }
}

fn time(value: &str) -> Option<Timestamp> {
    clock::iso(value.as_bytes()).or_else(|| value.parse::<f64>().ok().and_then(clock::unix))
}

pub(crate) fn same_name(field: &str, name: &str) -> bool {
    if field.len() == name.len() {
        return field.eq_ignore_ascii_case(name);
    }
    // Sigma 2.1: blanks in a field's name are stripped ("Threat Name" is ThreatName). Nearly all names differ at once.
    bare(field).eq(bare(name))
}

/// The bytes of a name without blanks, in lower case.
fn bare(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_lowercase())
}

/// Brackets and commas around an object that stands alone on its line of an array.
fn trim_array(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    let line = line.strip_prefix(b"[").unwrap_or(line).trim_ascii_start();
    let line = line.strip_suffix(b"]").unwrap_or(line).trim_ascii_end();
    line.strip_suffix(b",").unwrap_or(line).trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[(&str, &str)]) {
        let event = Event::parse(line.as_bytes()).unwrap().unwrap();
        for (name, value) in expected {
            assert_eq!(event.first(name).as_deref(), Some(*value), "{name} of {line}");
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
    fn what_decides_is_found_as_any_name_is() {
        let line = r#"{"Command":"x","event id":7,"EventID":8,"CHANNEL":"\u0041","providername":"p","provider_NAME":"q"," Computer":"c"}"#;
        let event = Event::parse(line.as_bytes()).unwrap().unwrap();
        for field in Deciding::ALL {
            assert_eq!(event.of(field), event.first(field.name()), "{field:?}");
        }
        assert_eq!(event.of(Deciding::EventId).unwrap(), "7");
        assert_eq!(event.of(Deciding::Channel).unwrap(), "A");
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
        let told = Event::parse(b"{\"a\" 1}").unwrap_err().to_string();
        assert_eq!(told, "not a JSON object on one line: a name without `:` at byte 6");
        assert!(Event::parse(br#"{"EventID":1,"a":"\ud800"},"#).unwrap().is_some());
    }

    #[test]
    fn an_event_leaves_nothing_to_the_next_in_its_room() {
        let mut room = Room::default();
        let first = Event::parse_in(br#"{"EventID":1,"Image":"C:\\a","Hostname":"one"}"#, &mut room)
            .unwrap()
            .unwrap();
        assert_eq!(first.first("Image").unwrap(), r"C:\a");
        assert_eq!(first.of(Deciding::Computer).unwrap(), "one");
        room = first.into_room();
        assert!(Event::parse_in(br#"{"Image":"C:\\b"}"#, &mut room).is_err());
        assert!(Event::parse_in(br#"{"EventID":2,"Image":"C:\\c" "#, &mut room).is_err());
        let next = Event::parse_in(br#"{"EventID":3,"User":"D:\\d"}"#, &mut room).unwrap().unwrap();
        assert_eq!(next.fields().collect::<Vec<_>>(), [("EventID", "3".into()), ("User", r"D:\d".into())]);
        assert_eq!(next.of(Deciding::Computer), None);
    }
}
