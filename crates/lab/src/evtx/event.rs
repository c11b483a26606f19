//! Events, and the templates in which Windows keeps them.
//!
//! The outer template has the element `System`, with its eighteen values in the order that `wevtsvc` uses. What the
//! provider says stands in a second template, nested as the last value (type 0x21), or, for events of the old
//! interface, in the outer template itself as an array of strings.

use super::identity::{Guid, Sid};
use super::template::{Content, Element, Filling, Instance, Template};
use super::value::{BINARY_XML, Value};

const EVENT_NAMESPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `Provider Name`.
    pub provider: String,
    /// `Provider Guid`; events of the old interface have none.
    pub provider_guid: Option<Guid>,
    /// `EventID`.
    pub event_id: u16,
    /// `EventID Qualifiers`, of the old interface.
    pub qualifiers: Option<u16>,
    /// `Version`.
    pub version: u8,
    /// `Level`.
    pub level: u8,
    /// `Task`.
    pub task: u16,
    /// `Opcode`.
    pub opcode: u8,
    /// `Keywords`.
    pub keywords: u64,
    /// `TimeCreated SystemTime`: hundreds of nanoseconds since 1601, see [`file_time`](super::file_time).
    pub time: u64,
    /// `EventRecordID`.
    pub record: u64,
    /// `Correlation ActivityID`.
    pub activity: Option<Guid>,
    /// `Correlation RelatedActivityID`.
    pub related_activity: Option<Guid>,
    /// `Execution ProcessID`.
    pub process: u32,
    /// `Execution ThreadID`.
    pub thread: u32,
    /// `Channel`.
    pub channel: String,
    /// `Computer`.
    pub computer: String,
    /// `Security UserID`.
    pub user: Option<Sid>,
    /// What the provider says.
    pub payload: Payload,
}

/// What a provider says.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Nothing.
    None,
    /// `EventData` with named `Data`, or, with empty names, `Data` alone.
    EventData(Vec<(String, Value)>),
    /// `UserData` with one element of the provider's own, whose children are the fields.
    UserData {
        /// The name of the element.
        element: String,
        /// The namespace of the element.
        namespace: String,
        /// The names of the children, and what stands in them.
        fields: Vec<(String, Value)>,
    },
    /// Strings and bytes of the old interface (`ReportEvent`).
    Classic {
        /// The inserts of the message.
        strings: Vec<String>,
        /// The raw data.
        binary: Vec<u8>,
    },
}

impl Default for Event {
    fn default() -> Self {
        Self {
            provider: "Laboratory".to_owned(),
            provider_guid: None,
            event_id: 1,
            qualifiers: None,
            version: 0,
            level: 4,
            task: 0,
            opcode: 0,
            keywords: 0x8000_0000_0000_0000,
            time: super::file_time(1_614_749_091_236),
            record: 1,
            activity: None,
            related_activity: None,
            process: 4,
            thread: 8,
            channel: "Application".to_owned(),
            computer: "EX01.corp.example".to_owned(),
            user: None,
            payload: Payload::None,
        }
    }
}

/// The place of what the provider says.
const PAYLOAD: u16 = 17;
const CLASSIC_BINARY: u16 = 18;

impl Event {
    /// The event as an instance of its template.
    pub(crate) fn instance(&self) -> Instance {
        let mut root = Element::new("Event").attribute("xmlns", Content::text(EVENT_NAMESPACE));
        root = root.child(self.system());
        let mut values = self.system_values();
        match &self.payload {
            Payload::None => {}
            Payload::Classic { strings, binary } => {
                root = root.child(classic());
                values.push(Filling::Plain(Value::StringArray(strings.clone())));
                values.push(Filling::Plain(absent_if(binary.is_empty(), Value::Binary(binary.clone()))));
            }
            Payload::EventData(_) | Payload::UserData { .. } => {
                root = root.depends_on(PAYLOAD).with(Content::optional(PAYLOAD, BINARY_XML));
                values.push(Filling::Nested(Box::new(self.nested())));
            }
        }
        Instance { template: Template::new(root), values }
    }

    fn system(&self) -> Element {
        let number = |name: &str, index: u16, kind: u8| {
            Element::new(name).depends_on(index).with(Content::optional(index, kind))
        };
        let provider = Element::new("Provider")
            .attribute("Name", Content::optional(14, 0x01))
            .attribute("Guid", Content::optional(15, 0x0f));
        let id = number("EventID", 3, 0x06).attribute("Qualifiers", Content::optional(4, 0x06));
        let created = Element::new("TimeCreated").attribute("SystemTime", Content::optional(6, 0x11));
        let correlation = Element::new("Correlation")
            .attribute("ActivityID", Content::optional(7, 0x0f))
            .attribute("RelatedActivityID", Content::optional(13, 0x0f));
        let execution = Element::new("Execution")
            .attribute("ProcessID", Content::optional(8, 0x08))
            .attribute("ThreadID", Content::optional(9, 0x08));
        let security = Element::new("Security").attribute("UserID", Content::optional(12, 0x13));
        Element::new("System")
            .child(provider)
            .child(id)
            .child(number("Version", 11, 0x04))
            .child(number("Level", 0, 0x04))
            .child(number("Task", 2, 0x06))
            .child(number("Opcode", 1, 0x04))
            .child(number("Keywords", 5, 0x15))
            .child(created)
            .child(number("EventRecordID", 10, 0x0a))
            .child(correlation)
            .child(execution)
            .child(number("Channel", 16, 0x01))
            // The machine's name is part of the template: it is the same for all that it writes.
            .child(Element::new("Computer").with(Content::text(&self.computer)))
            .child(security)
    }

    fn system_values(&self) -> Vec<Filling> {
        let guid = |guid: Option<Guid>| guid.map_or(Value::Null, Value::Guid);
        let values = [
            Value::UInt8(self.level),
            Value::UInt8(self.opcode),
            Value::UInt16(self.task),
            Value::UInt16(self.event_id),
            self.qualifiers.map_or(Value::Null, Value::UInt16),
            Value::HexInt64(self.keywords),
            Value::FileTime(self.time),
            guid(self.activity),
            Value::UInt32(self.process),
            Value::UInt32(self.thread),
            Value::UInt64(self.record),
            Value::UInt8(self.version),
            self.user.clone().map_or(Value::Null, Value::Sid),
            guid(self.related_activity),
            Value::String(self.provider.clone()),
            guid(self.provider_guid),
            Value::String(self.channel.clone()),
        ];
        values.into_iter().map(Filling::Plain).collect()
    }

    /// The second template.
    fn nested(&self) -> Instance {
        let (root, fields) = match &self.payload {
            Payload::EventData(fields) => (event_data(fields), fields.as_slice()),
            Payload::UserData { element, namespace, fields } => {
                (user_data(element, namespace, fields), fields.as_slice())
            }
            Payload::None | Payload::Classic { .. } => (Element::new("EventData"), [].as_slice()),
        };
        let values = fields.iter().map(|(_, value)| Filling::Plain(value.clone())).collect();
        Instance { template: Template::new(root), values }
    }
}

fn absent_if(absent: bool, value: Value) -> Value {
    if absent { Value::Null } else { value }
}

fn classic() -> Element {
    let data = Element::new("Data").with(Content::place(PAYLOAD, 0x81));
    let binary =
        Element::new("Binary").depends_on(CLASSIC_BINARY).with(Content::optional(CLASSIC_BINARY, 0x0e));
    Element::new("EventData").child(data).child(binary)
}

fn event_data(fields: &[(String, Value)]) -> Element {
    numbered(fields).fold(Element::new("EventData"), |root, (index, name, value)| {
        let mut data = Element::new("Data");
        if !name.is_empty() {
            data = data.attribute("Name", Content::text(name));
        }
        root.child(data.with(Content::place(index, value.declared_kind())))
    })
}

fn user_data(element: &str, namespace: &str, fields: &[(String, Value)]) -> Element {
    let own = Element::new(element).attribute("xmlns", Content::text(namespace));
    let own = numbered(fields).fold(own, |own, (index, name, value)| {
        own.child(Element::new(name).with(Content::place(index, value.declared_kind())))
    });
    Element::new("UserData").child(own)
}

fn numbered(fields: &[(String, Value)]) -> impl Iterator<Item = (u16, &str, &Value)> {
    fields.iter().enumerate().map(|(index, (name, value))| (index as u16, name.as_str(), value))
}
