//! Event logs from real events that were only kept as JSON: public data sets are lines as NXLog ships them, flat.
//!
//! Other than dense logs they repeat nothing, so that a benchmark on them flatters no cache. What a line says about
//! the event goes to `System`, what the shipping added is dropped, and everything else is `EventData`, each value in
//! the type that its text looks like. A field keeps the type that it had first for its provider and event id, as in
//! the templates of Windows, and is a string where a later value does not fit it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use crate::bulk::Written;
use crate::evtx::{Event, Guid, Log, Payload, Sid, Value, file_time};

/// What [`rebuild`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// The event logs.
    pub written: Written,
    /// Events in them.
    pub events: u64,
    /// Lines that are no event of a Windows log, or too long for one.
    pub left_out: u64,
}

/// A line longer than this holds no event that fits into a chunk.
const LINE_BYTES_AT_MOST: u64 = 1024 * 1024;

/// Fields that became `System`, or that the shipping added.
const NOT_EVENT_DATA: [&str; 39] = [
    "@timestamp",
    "@version",
    "AccountName",
    "AccountType",
    "ActivityID",
    "Category",
    "Channel",
    "Domain",
    "EventID",
    "EventReceivedTime",
    "EventTime",
    "EventTypeOrignal",
    "ExecutionProcessID",
    "ExecutionThreadID",
    "Hostname",
    "Keywords",
    "Level",
    "Message",
    "Opcode",
    "OpcodeValue",
    "ProviderGuid",
    "RecordNumber",
    "Severity",
    "SeverityValue",
    "SourceModuleName",
    "SourceModuleType",
    "SourceName",
    "SyslogFacility",
    "SyslogSeverity",
    "Task",
    "ThreadID",
    "TimeCreated",
    "UserID",
    "Version",
    "beat",
    "host",
    "port",
    "tags",
    "type",
];

/// Makes one event log in `directory` of each `.jsonl` in `source`.
pub fn rebuild(source: &Path, directory: &Path) -> io::Result<Rebuilt> {
    fs::create_dir_all(directory)?;
    let mut paths: Vec<PathBuf> =
        fs::read_dir(source)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let mut rebuilt = Rebuilt { written: Written { files: 0, bytes: 0 }, events: 0, left_out: 0 };
    for path in paths {
        let (mut log, before) = (Log::default(), rebuilt.events);
        let mut types = Types::default();
        for line in lines(&path)? {
            let number = rebuilt.events - before + 1;
            let event = serde_json::from_slice(&line?).ok().and_then(|line| event(&line, number, &mut types));
            let appended = event.is_some_and(|event| log.append(&event));
            *(if appended { &mut rebuilt.events } else { &mut rebuilt.left_out }) += 1;
        }
        if rebuilt.events > before {
            let bytes = log.finish();
            let name = path.with_extension("evtx");
            fs::write(directory.join(name.file_name().unwrap_or_default()), &bytes)?;
            rebuilt.written.add(bytes.len() as u64);
        }
    }
    Ok(rebuilt)
}

/// The lines of a file; of one that is too long, pieces, which are no JSON.
fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>>> {
    let mut file = BufReader::new(File::open(path)?);
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        match file.by_ref().take(LINE_BYTES_AT_MOST).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        }
    }))
}

/// The type that each field of a provider's event had first.
#[derive(Default)]
struct Types(HashMap<(String, u16, String), Discriminant<Value>>);

impl Types {
    fn value(&mut self, provider: &str, id: u16, name: &str, text: String) -> Value {
        let value = Value::of_text(&text);
        let first =
            self.0.entry((provider.to_owned(), id, name.to_owned())).or_insert_with(|| discriminant(&value));
        if *first == discriminant(&value) { value } else { Value::String(text) }
    }
}

/// Records are numbered anew: a set is gathered from several hosts, and readers stop at the number that the chunk calls
/// its last.
fn event(line: &Map<String, Json>, record: u64, types: &mut Types) -> Option<Event> {
    let provider = text(line, "SourceName")?;
    let event_id = number(line, "EventID")?.try_into().ok()?;
    let data = line
        .iter()
        .filter(|(name, _)| !NOT_EVENT_DATA.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name, plain(value)?)))
        .map(|(name, text)| (name.clone(), types.value(&provider, event_id, name, text)))
        .collect();
    let small = |name| number(line, name).and_then(|number| u8::try_from(number).ok());
    Some(Event {
        provider_guid: text(line, "ProviderGuid").and_then(|text| Guid::parse(&text)),
        provider,
        event_id,
        version: small("Version").unwrap_or_default(),
        level: small("Level").unwrap_or(4),
        task: number(line, "Task").and_then(|task| task.try_into().ok()).unwrap_or_default(),
        opcode: small("OpcodeValue").unwrap_or_default(),
        keywords: keywords(line),
        time: time(line)?,
        record,
        activity: text(line, "ActivityID").and_then(|text| Guid::parse(&text)),
        process: number(line, "ExecutionProcessID").unwrap_or_default() as u32,
        thread: number(line, "ThreadID").unwrap_or_default() as u32,
        channel: text(line, "Channel")?,
        computer: text(line, "Hostname").unwrap_or_default(),
        user: text(line, "UserID").and_then(|text| Sid::parse(&text)),
        payload: Payload::EventData(data),
        ..Event::default()
    })
}

fn text(line: &Map<String, Json>, name: &str) -> Option<String> {
    plain(line.get(name)?)
}

/// A value as its text; lists and objects are the shipping's.
fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn number(line: &Map<String, Json>, name: &str) -> Option<u64> {
    text(line, name)?.parse().ok()
}

/// NXLog writes the 64 bits as a signed number, others in hexadecimal.
fn keywords(line: &Map<String, Json>) -> u64 {
    let text = text(line, "Keywords").unwrap_or_default();
    let hexadecimal = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    hexadecimal.or_else(|| text.parse::<i64>().ok().map(|number| number as u64)).unwrap_or_default()
}

fn time(line: &Map<String, Json>) -> Option<u64> {
    let exact = ["TimeCreated", "@timestamp"]
        .into_iter()
        .find_map(|name| text(line, name)?.parse::<Timestamp>().ok());
    // Without a zone it is the host's local time; a benchmark does not mind.
    let local = || {
        let time: DateTime = text(line, "EventTime")?.parse().ok()?;
        TimeZone::UTC.to_timestamp(time).ok()
    };
    Some(file_time(exact.or_else(local)?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use evtx::EvtxParser;
    use serde_json::json;

    use super::rebuild;

    #[test]
    fn a_line_as_nxlog_ships_it_becomes_the_event_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let line = |id: &str| {
            format!(
                r#"{{"EventID":13,"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS1","@timestamp":"2020-06-10T02:50:56.537Z","Keywords":-9223372036854775808,"RecordNumber":7,"ProcessId":"{id}","TargetObject":"HKLM\\Run","Message":"long","tags":["a"],"port":5}}"#
            )
        };
        let lines = [line("6196"), "no json".to_owned(), line("-"), r#"{"EventID":1}"#.to_owned()].join("\n");
        fs::write(folder.path().join("a.jsonl"), lines).unwrap();
        let rebuilt = rebuild(folder.path(), folder.path()).unwrap();
        assert_eq!((rebuilt.written.files, rebuilt.events, rebuilt.left_out), (1, 2, 2));
        let mut log = EvtxParser::from_path(folder.path().join("a.evtx")).unwrap();
        let events: Vec<_> =
            log.records_json_value().map(|record| record.unwrap().data["Event"].clone()).collect();
        assert_eq!(events[0]["EventData"], json!({"ProcessId": 6_196, "TargetObject": r"HKLM\Run"}));
        assert_eq!(events[0]["System"]["Keywords"], json!("0x8000000000000000"));
        assert_eq!(events[0]["System"]["EventRecordID"], json!(1));
        assert_eq!(events[1]["EventData"]["ProcessId"], json!("-"));
    }
}
