//! The story's events in the files in which Windows itself keeps them, with the types that Windows gives values.
//!
//! In the example they are JSON lines because the responder's tools shipped them so. The same events as `.evtx` are
//! what a responder takes from the disk, and the same must be found in them.

use crate::collection::File;
use crate::event::{Channel, Event, LOG_CLEARED};
use crate::evtx::{self, Guid, Payload, Value, file_time};
use crate::organisation::SERVER_FQDN;

const LOGS: &str = "C/Windows/System32/winevt/Logs";
/// Keywords of the events that the audit writes, and of those of the old interface.
const AUDIT_SUCCESS: u64 = 0x8020_0000_0000_0000;
const CLASSIC: u64 = 0x0080_0000_0000_0000;
/// Tasks that have a name here and a number there.
const TASKS: [(u16, u16); 3] = [(4_688, 13_312), (4_624, 12_544), (LOG_CLEARED, 104)];

/// One log as a file.
pub(crate) fn event_log(channel: Channel, mut events: Vec<Event>) -> File {
    events.sort_by_key(|event| event.time);
    let mut record = channel.first_record();
    let mut binary = Vec::with_capacity(events.len());
    for event in &events {
        if event.id == LOG_CLEARED {
            record = 1;
        }
        binary.push(typed(event, record));
        record += 1;
    }
    let name = channel.name().replace('/', "%4");
    File { path: format!("{LOGS}/{name}.evtx"), bytes: evtx::write(&binary) }
}

fn typed(event: &Event, record: u64) -> evtx::Event {
    let number = |task: &str| task.parse().ok();
    let task = TASKS.iter().find(|(id, _)| *id == event.id).map(|(_, task)| *task);
    let keywords = match event.keywords {
        "Audit Success" => AUDIT_SUCCESS,
        text => {
            text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(CLASSIC)
        }
    };
    evtx::Event {
        provider: event.provider.to_owned(),
        provider_guid: Guid::parse(event.provider_guid),
        event_id: event.id,
        qualifiers: event.provider_guid.is_empty().then_some(0),
        level: event.level,
        task: task.or_else(|| number(event.task)).unwrap_or_default(),
        keywords,
        time: file_time(event.time.milliseconds()),
        record,
        process: 1_004,
        thread: 2_312,
        channel: event.channel.name().to_owned(),
        computer: SERVER_FQDN.to_owned(),
        payload: payload(event),
        ..evtx::Event::default()
    }
}

fn payload(event: &Event) -> Payload {
    if event.provider_guid.is_empty() {
        // Without values of its own, an event of the old interface has the message for its only one.
        let mut strings: Vec<String> = event.data.iter().map(|(_, value)| value.clone()).collect();
        if strings.is_empty() {
            strings.push(event.message.clone());
        }
        return Payload::Classic { strings, binary: Vec::new() };
    }
    let fields = event.data.iter().map(|(name, text)| (name.clone(), Value::of_text(text))).collect();
    if event.id == LOG_CLEARED {
        let namespace = "http://manifests.microsoft.com/win/2004/08/windows/eventlog".to_owned();
        return Payload::UserData { element: "LogFileCleared".to_owned(), namespace, fields };
    }
    Payload::EventData(fields)
}
