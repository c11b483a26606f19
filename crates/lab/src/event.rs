//! Windows events as JSON lines, in the two shapes that are met most: nested as Winlogbeat ships them (Elastic
//! Common Schema), flat as NXLog does.
//!
//! In Winlogbeat's shape `EventData` without names (Exchange's cmdlet log) becomes `param1`, `param2` and so on, and
//! record numbers are kept: they start again at 1 where a log was cleared, which is a trace of its own. NXLog's
//! shape has every value at the top, no record number, and writes markup as `\u003c`.

use std::fmt::Write as _;

use crate::json::Object;
use crate::moment::Moment;
use crate::organisation::{SERVER, SERVER_FQDN};

/// The logs of Windows that were shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Application,
    ExchangeManagement,
    Security,
    Sysmon,
    System,
}

enum Shape {
    Winlogbeat,
    Nxlog,
}

impl Channel {
    /// The log's name in Windows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Channel::Application => "Application",
            Channel::ExchangeManagement => "MSExchange Management",
            Channel::Security => "Security",
            Channel::Sysmon => "Microsoft-Windows-Sysmon/Operational",
            Channel::System => "System",
        }
    }

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Channel::Application => "application.jsonl",
            Channel::ExchangeManagement => "msexchange-management.jsonl",
            Channel::Security => "security.jsonl",
            Channel::Sysmon => "sysmon.jsonl",
            Channel::System => "system.jsonl",
        }
    }

    fn shape(self) -> Shape {
        match self {
            Channel::Application | Channel::Sysmon => Shape::Nxlog,
            Channel::ExchangeManagement | Channel::Security | Channel::System => Shape::Winlogbeat,
        }
    }

    /// The number of the first event in the example: the logs are older than the week.
    pub(crate) fn first_record(self) -> u64 {
        match self {
            Channel::Application => 88_412,
            Channel::ExchangeManagement => 3_229,
            Channel::Security => 1_904_377,
            Channel::Sysmon => 402_118,
            Channel::System => 51_006,
        }
    }
}

/// One event.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) time: Moment,
    pub(crate) channel: Channel,
    pub(crate) provider: &'static str,
    pub(crate) provider_guid: &'static str,
    pub(crate) id: u16,
    /// 0 audit, 2 error, 3 warning, 4 information.
    pub(crate) level: u8,
    pub(crate) task: &'static str,
    pub(crate) keywords: &'static str,
    /// The values by name, or `param1`… where Windows knows no name.
    pub(crate) data: Vec<(String, String)>,
    pub(crate) message: String,
}

/// The event that a log begins with after somebody cleared it.
pub(crate) const LOG_CLEARED: u16 = 1_102;

impl Event {
    /// All events of one log as JSON lines, in the order of time.
    pub(crate) fn lines(mut events: Vec<Event>) -> String {
        events.sort_by_key(|event| event.time);
        let mut record = events.first().map_or(1, |event| event.channel.first_record());
        let mut text = String::new();
        for event in events {
            if event.id == LOG_CLEARED {
                record = 1;
            }
            text.push_str(&event.line(record));
            text.push('\n');
            record += 1;
        }
        text
    }

    /// The message in the manner of Sysmon: a title, then one line for each value.
    pub(crate) fn with_listed_message(mut self, title: &str) -> Self {
        title.clone_into(&mut self.message);
        for (name, value) in &self.data {
            // Writing to a string cannot fail.
            let _ = write!(self.message, "\r\n{name}: {value}");
        }
        self
    }

    fn line(&self, record: u64) -> String {
        match self.channel.shape() {
            Shape::Winlogbeat => self.winlogbeat(record),
            Shape::Nxlog => self.nxlog(),
        }
    }

    fn winlogbeat(&self, record: u64) -> String {
        let level = match self.level {
            2 => "error",
            3 => "warning",
            _ => "information",
        };
        let data = self.data.iter().fold(Object::new(), |object, (name, value)| object.text(name, value));
        let process = Object::new().number("pid", 1_004).raw("thread", r#"{"id":2312}"#).end();
        let mut winlog =
            Object::new().text("channel", self.channel.name()).text("provider_name", self.provider);
        if !self.provider_guid.is_empty() {
            winlog = winlog.text("provider_guid", self.provider_guid);
        }
        let winlog =
            winlog.number("record_id", record).number("event_id", self.id.into()).text("task", self.task);
        let winlog = winlog.raw("keywords", &format!("[{}]", crate::json::quoted(self.keywords)));
        let winlog =
            winlog.text("opcode", "Info").text("computer_name", SERVER_FQDN).raw("process", &process);
        let winlog = winlog.text("api", "wineventlog").raw(self.data_member(), &data.end()).end();
        let event = Object::new()
            .text("kind", "event")
            .number("code", self.id.into())
            .text("provider", self.provider);
        let event = event.text("created", &self.time.plus_ms(1_207).iso()).end();
        Object::new()
            .text("@timestamp", &self.time.iso())
            .raw("event", &event)
            .raw("log", &Object::new().text("level", level).end())
            .raw("host", &Object::new().text("name", SERVER_FQDN).end())
            .raw(
                "agent",
                &Object::new()
                    .text("type", "winlogbeat")
                    .text("version", "7.10.2")
                    .text("hostname", SERVER)
                    .end(),
            )
            .raw("ecs", r#"{"version":"1.5.0"}"#)
            .text("message", &self.message)
            .raw("winlog", &winlog)
            .end()
    }

    /// Windows keeps what the event log says about itself in another element than what others say in it.
    fn data_member(&self) -> &'static str {
        if self.id == LOG_CLEARED { "user_data" } else { "event_data" }
    }

    fn nxlog(&self) -> String {
        let mut object = Object::escaping_markup().text("SourceName", self.provider);
        if !self.provider_guid.is_empty() {
            object = object.text("ProviderGuid", &self.provider_guid.to_uppercase());
        }
        object = object.text("Level", &self.level.to_string()).text("Keywords", self.keywords);
        object = object.text("Channel", self.channel.name()).text("Hostname", SERVER_FQDN);
        object = object.text("TimeCreated", &self.time.iso()).text("@timestamp", &self.time.iso());
        object =
            object.number("EventID", self.id.into()).text("Message", &self.message).text("Task", self.task);
        self.data.iter().fold(object, |object, (name, value)| object.text(name, value)).end()
    }
}
