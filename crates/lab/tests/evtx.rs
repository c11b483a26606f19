//! Event logs that the laboratory writes are read back by a reader that others wrote.

use evtx::{EvtxParser, ParserSettings};
use serde_json::{Value as Json, json};
use watchfire_lab::evtx::{Event, Guid, Log, Payload, Sid, Value, file_time, write};
use watchfire_lab::{DEFAULT_SEED, example, example_event_logs};

/// All records of a log, checksums of the chunks checked.
fn read(log: Vec<u8>) -> Vec<(u64, Json)> {
    let mut parser = EvtxParser::from_buffer(log)
        .expect("the header can be read")
        .with_configuration(ParserSettings::new().validate_checksums(true));
    parser
        .records_json_value()
        .map(|record| record.expect("the record can be read"))
        .map(|record| (record.event_record_id, record.data["Event"].clone()))
        .collect()
}

fn only(event: &Event) -> Json {
    let mut records = read(write(std::slice::from_ref(event)));
    assert_eq!(records.len(), 1);
    records.remove(0).1
}

fn guid(text: &str) -> Guid {
    Guid::parse(text).expect("it is written as one")
}

fn data(fields: &[(&str, Value)]) -> Payload {
    Payload::EventData(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

#[test]
fn the_system_element_comes_back() {
    let event = Event {
        provider: "Microsoft-Windows-Sysmon".to_owned(),
        provider_guid: Some(guid("{5770385f-c22a-43e0-bf4c-06f5698ffbd9}")),
        event_id: 11,
        version: 2,
        task: 11,
        time: file_time(1_614_749_091_236) + 1_230,
        record: 402_118,
        activity: Some(guid("{bcd1a0ce-1020-4000-8000-00000000abcd}")),
        process: 2_312,
        thread: 3_044,
        channel: "Microsoft-Windows-Sysmon/Operational".to_owned(),
        user: Sid::parse("S-1-5-18"),
        ..Event::default()
    };
    let expected = json!({
        "Provider": {"#attributes": {
            "Name": "Microsoft-Windows-Sysmon", "Guid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}",
        }},
        "EventID": 11, "Version": 2, "Level": 4, "Task": 11, "Opcode": 0, "Keywords": "0x8000000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": "2021-03-03T05:24:51.2361230Z"}},
        "EventRecordID": 402_118,
        "Correlation": {"#attributes": {"ActivityID": "{bcd1a0ce-1020-4000-8000-00000000abcd}"}},
        "Execution": {"#attributes": {"ProcessID": 2_312, "ThreadID": 3_044}},
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "EX01.corp.example",
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    });
    assert_eq!(only(&event)["System"], expected);
}

#[test]
fn absent_values_leave_out_what_depends_on_them() {
    let event = only(&Event::default());
    assert_eq!(event["System"]["Provider"], json!({"#attributes": {"Name": "Laboratory"}}));
    assert_eq!(event["System"]["EventID"], json!(1), "no qualifiers");
    let qualified = only(&Event { qualifiers: Some(16_384), ..Event::default() });
    assert_eq!(qualified["System"]["EventID"], json!({"#attributes": {"Qualifiers": 16_384}, "#text": 1}));
}

#[test]
fn every_type_of_value_comes_back() {
    let cases = [
        ("string", Value::String("größer 💡 <b>".to_owned()), json!("größer 💡 <b>")),
        ("empty", Value::String(String::new()), json!("")),
        ("ansi", Value::AnsiString(b"plain".to_vec()), json!("plain")),
        ("int8", Value::Int8(-8), json!(-8)),
        ("uint8", Value::UInt8(200), json!(200)),
        ("int16", Value::Int16(-30_000), json!(-30_000)),
        ("uint16", Value::UInt16(60_000), json!(60_000)),
        ("int32", Value::Int32(-2_000_000_000), json!(-2_000_000_000)),
        ("uint32", Value::UInt32(4_000_000_000), json!(4_000_000_000_u32)),
        ("int64", Value::Int64(-9_000_000_000), json!(-9_000_000_000_i64)),
        ("uint64", Value::UInt64(9_000_000_000), json!(9_000_000_000_u64)),
        ("real32", Value::Real32(0.5), json!("0.5")),
        ("real64", Value::Real64(-1.25), json!("-1.25")),
        ("true", Value::Bool(true), json!(true)),
        ("false", Value::Bool(false), json!(false)),
        ("binary", Value::Binary(vec![0xde, 0xad, 0xbe, 0xef]), json!("DEADBEEF")),
        (
            "guid",
            Value::Guid(guid("54849625-5478-4994-a5ba-3e3b0328c30d")),
            json!("{54849625-5478-4994-a5ba-3e3b0328c30d}"),
        ),
        ("filetime", Value::FileTime(file_time(1_614_749_091_236)), json!("2021-03-03T05:24:51.2360000Z")),
        ("systime", Value::SysTime([2021, 3, 3, 3, 5, 24, 51, 236]), json!("2021-03-03T05:24:51.2360000Z")),
        (
            "sid",
            Value::Sid(Sid::parse("S-1-5-21-1004336348-1177238915-682003330-512").unwrap()),
            json!("S-1-5-21-1004336348-1177238915-682003330-512"),
        ),
        ("hex32", Value::HexInt32(0xc000_006d), json!("0xc000006d")),
        ("hex64", Value::HexInt64(0x3e7), json!("0x3e7")),
        ("size", Value::SizeT(0x7ff6_1234), json!("0x7ff61234")),
    ];
    for (name, value, expected) in cases {
        let event = Event { payload: data(&[("Value", value)]), ..Event::default() };
        assert_eq!(only(&event)["EventData"], json!({"Value": expected}), "{name}");
    }
}

#[test]
fn null_and_arrays_come_back() {
    let event = Event {
        payload: data(&[
            ("Absent", Value::Null),
            ("Lines", Value::StringArray(vec!["one".to_owned(), "two".to_owned()])),
            ("Numbers", Value::UInt32Array(vec![7, 8])),
            ("After", Value::String("kept".to_owned())),
        ]),
        ..Event::default()
    };
    let event = only(&event);
    assert_eq!(event["EventData"]["Absent"], json!(""));
    assert_eq!(event["EventData"]["After"], json!("kept"));
    let text = event["EventData"].to_string();
    for part in ["one", "two", "7", "8"] {
        assert!(text.contains(part), "{part} is in {text}");
    }
}

#[test]
fn unnamed_data_user_data_and_the_old_interface_come_back() {
    let unnamed =
        Payload::EventData(vec![(String::new(), Value::String("Set-OabVirtualDirectory".to_owned()))]);
    let event = only(&Event { payload: unnamed, ..Event::default() });
    assert_eq!(event["EventData"]["Data"]["#text"], json!("Set-OabVirtualDirectory"));

    let payload = Payload::UserData {
        element: "LogFileCleared".to_owned(),
        namespace: "http://manifests.microsoft.com/win/2004/08/windows/eventlog".to_owned(),
        fields: vec![("SubjectUserName".to_owned(), Value::String("SYSTEM".to_owned()))],
    };
    let event = only(&Event { event_id: 1_102, payload, ..Event::default() });
    assert_eq!(event["UserData"]["LogFileCleared"]["SubjectUserName"], json!("SYSTEM"));

    let payload =
        Payload::Classic { strings: vec!["first".to_owned(), "second".to_owned()], binary: vec![0xab, 0xcd] };
    let event = only(&Event { payload, qualifiers: Some(0), ..Event::default() });
    assert_eq!(event["EventData"]["Data"]["#text"], json!(["first", "second"]));
    assert_eq!(event["EventData"]["Binary"], json!("ABCD"));
}

#[test]
fn a_log_of_many_chunks_keeps_every_record_in_order() {
    let events: Vec<Event> = (0..2_000)
        .map(|number| Event {
            record: 10_000 + number,
            event_id: (number % 7) as u16,
            payload: data(&[
                ("CommandLine", Value::String(format!("cmd.exe /c echo {number}"))),
                (["A", "B", "C"][number as usize % 3], Value::UInt32(number as u32)),
            ]),
            ..Event::default()
        })
        .collect();
    let log = write(&events);
    assert_eq!((log.len() - 4_096) % 65_536, 0);
    assert!(log.len() > 4_096 + 3 * 65_536, "more than three chunks");
    let records = read(log);
    assert_eq!(records.len(), events.len());
    for (number, (id, record)) in records.iter().enumerate() {
        assert_eq!(*id, 10_000 + number as u64);
        assert_eq!(record["EventData"]["CommandLine"], json!(format!("cmd.exe /c echo {number}")));
    }
}

#[test]
fn the_storys_events_come_back() {
    let logs = example_event_logs(DEFAULT_SEED);
    let names: Vec<_> = logs.iter().map(|log| log.path.rsplit('/').next().unwrap()).collect();
    let expected = [
        "Application.evtx",
        "MSExchange Management.evtx",
        "Microsoft-Windows-Sysmon%4Operational.evtx",
        "Security.evtx",
        "System.evtx",
    ];
    assert_eq!(names, expected);
    let lines: usize = example(DEFAULT_SEED)
        .iter()
        .filter(|file| file.path.starts_with("events/"))
        .map(|file| file.bytes.split(|byte| *byte == b'\n').count() - 1)
        .sum();
    let records: Vec<_> = logs.into_iter().flat_map(|log| read(log.bytes)).collect();
    assert_eq!(records.len(), lines);
    let cleared = records.iter().find(|(_, event)| event["System"]["EventID"] == json!(1_102));
    let (number, cleared) = cleared.expect("the log was cleared");
    assert_eq!(*number, 1);
    assert_eq!(cleared["UserData"]["LogFileCleared"]["SubjectUserSid"], json!("S-1-5-18"));
}

#[test]
fn an_event_longer_than_a_chunk_is_left_out_and_said_so() {
    let long = |(length, record): (usize, u64)| Event {
        record,
        payload: data(&[("Text", Value::String("x".repeat(length)))]),
        ..Event::default()
    };
    let mut log = Log::default();
    let appended: Vec<bool> =
        [10, 40_000, 31_000, 10].into_iter().zip(1..).map(|event| log.append(&long(event))).collect();
    assert_eq!(appended, [true, false, true, true]);
    let lengths: Vec<usize> = read(log.finish())
        .iter()
        .map(|(_, event)| event["EventData"]["Text"].as_str().unwrap().len())
        .collect();
    assert_eq!(lengths, [10, 31_000, 10]);
}

#[test]
fn a_log_without_events_is_a_log() {
    assert!(read(write(&[])).is_empty());
}
