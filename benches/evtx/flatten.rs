//! Events as flat JSON with the names that Sigma uses, and the log source beside them, for engines that ask for that.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

/// Categories of Sigma's taxonomy by the event ids of Sysmon.
const SYSMON: [(u64, &str); 24] = [
    (1, "process_creation"),
    (2, "file_change"),
    (3, "network_connection"),
    (5, "process_termination"),
    (6, "driver_load"),
    (7, "image_load"),
    (8, "create_remote_thread"),
    (9, "raw_access_thread"),
    (10, "process_access"),
    (11, "file_event"),
    (12, "registry_add"),
    (13, "registry_set"),
    (14, "registry_rename"),
    (15, "create_stream_hash"),
    (17, "pipe_created"),
    (18, "pipe_created"),
    (19, "wmi_event"),
    (20, "wmi_event"),
    (21, "wmi_event"),
    (22, "dns_query"),
    (23, "file_delete"),
    (25, "process_tampering"),
    (26, "file_delete_detected"),
    (29, "file_executable_detected"),
];

/// Services of Sigma's taxonomy by channel.
const SERVICES: [(&str, &str); 12] = [
    ("Security", "security"),
    ("System", "system"),
    ("Application", "application"),
    ("Microsoft-Windows-Sysmon/Operational", "sysmon"),
    ("Windows PowerShell", "powershell-classic"),
    ("Microsoft-Windows-PowerShell/Operational", "powershell"),
    ("Microsoft-Windows-TaskScheduler/Operational", "taskscheduler"),
    ("Microsoft-Windows-WMI-Activity/Operational", "wmi"),
    ("Microsoft-Windows-Windows Defender/Operational", "windefend"),
    ("Microsoft-Windows-NTLM/Operational", "ntlm"),
    ("Microsoft-Windows-Bits-Client/Operational", "bits-client"),
    ("MSExchange Management", "msexchange-management"),
];

/// Decodes logs with `evtx_dump` and writes their events flat; gives the number of events.
pub fn event_logs(dump: &Path, logs: &[PathBuf], out: &Path) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(out)?);
    let mut events = 0;
    for log in logs {
        let mut command = Command::new(dump);
        command.args(["-t", "1", "-o", "jsonl"]).arg(log).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let lines = child.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines);
        for line in lines {
            let Ok(Value::Object(record)) = serde_json::from_str(&line?) else { continue };
            write(&mut out, flat(&record))?;
            events += 1;
        }
        child.wait()?;
    }
    out.flush()?;
    Ok(events)
}

/// Events that are flat already get their log source; gives the number of events.
pub fn json_lines(logs: &[PathBuf], out: &Path) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(out)?);
    let mut events = 0;
    for log in logs {
        for line in BufReader::new(File::open(log)?).lines() {
            let Ok(Value::Object(event)) = serde_json::from_str(&line?) else { continue };
            write(&mut out, event)?;
            events += 1;
        }
    }
    out.flush()?;
    Ok(events)
}

fn write(out: &mut impl Write, mut event: Map<String, Value>) -> io::Result<()> {
    source(&mut event);
    serde_json::to_writer(&mut *out, &event)?;
    out.write_all(b"\n")
}

/// `Event.System.*` and `Event.EventData.*` brought to the top.
fn flat(record: &Map<String, Value>) -> Map<String, Value> {
    let mut event = Map::new();
    let Some(Value::Object(parts)) = record.get("Event") else { return event };
    for part in ["System", "EventData", "UserData"] {
        let Some(Value::Object(fields)) = parts.get(part) else { continue };
        for (name, value) in fields {
            add(&mut event, name, value);
        }
    }
    event
}

fn add(event: &mut Map<String, Value>, name: &str, value: &Value) {
    let Value::Object(inner) = value else {
        event.insert(name.replace(' ', ""), value.clone());
        return;
    };
    for (key, value) in inner {
        match key.as_str() {
            // The text of an element that has attributes keeps the element's name.
            "#text" => {
                event.insert(name.to_owned(), value.clone());
            }
            "#attributes" => {
                for (attribute, value) in value.as_object().into_iter().flatten() {
                    event.insert(format!("{name}_{attribute}"), value.clone());
                }
            }
            // `UserData` has an element of the provider's own in between.
            _ => add(event, key, value),
        }
    }
}

fn source(event: &mut Map<String, Value>) {
    let channel = event.get("Channel").and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = event.get("EventID").and_then(number).unwrap_or_default();
    let category = match channel.as_str() {
        "Microsoft-Windows-Sysmon/Operational" => {
            SYSMON.iter().find(|(sysmon, _)| *sysmon == id).map(|(_, name)| *name)
        }
        "Security" if id == 4_688 => Some("process_creation"),
        "Microsoft-Windows-PowerShell/Operational" if id == 4_104 => Some("ps_script"),
        "Microsoft-Windows-PowerShell/Operational" if id == 4_103 => Some("ps_module"),
        _ => None,
    };
    let service = SERVICES.iter().find(|(name, _)| *name == channel).map(|(_, service)| *service);
    event.insert("product".to_owned(), "windows".into());
    for (name, value) in [("category", category), ("service", service)] {
        if let Some(value) = value {
            event.insert(name.to_owned(), value.into());
        }
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
