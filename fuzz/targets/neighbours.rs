//! No bytes make a reader of a neighbour's format panic, and whatever it takes can be compiled and looked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use watchfire_intel::{Builder, Warninglists};
use watchfire_interop::convert::{self, Feed, List, Names, Row, Rows, Table, Techniques};
use watchfire_interop::intel::{Format, read, warninglists};
use watchfire_stix::{Reader, Severity, check};

fuzz_target!(|data: &[u8]| {
    let lists = warninglists(data).unwrap_or_default();
    let mut builder = Builder::new(Warninglists::new(&lists).0);
    let mut source = data;
    if read("fuzz", &mut source, &mut builder).is_ok() {
        builder.build().scan(data, &mut |_, range| assert!(data.get(range).is_some()));
    }
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        if let Ok((bundle, _)) = convert::csaf_to_stix(&value) {
            whole(&bundle.to_string());
        }
        let events = convert::events(value);
        table(events.iter().flat_map(convert::event_rows));
        let (mut feed, mut techniques) = (Feed::default(), Techniques::default());
        for event in &events {
            let _ = (feed.event(event), convert::beyond_tables(event), techniques.event(event));
        }
        feed.end();
        let bundle = convert::to_stix(&events);
        let (back, _) = convert::to_misp(bundle["objects"].as_array().map(Vec::as_slice).unwrap_or_default());
        if events.iter().all(is_event) {
            assert_eq!(back, events, "an event came back otherwise");
        }
    }
    streamed(data);
    for format in [Format::Csv, Format::List, Format::OpenIoc] {
        let Ok((Rows { rows, .. }, _)) = Rows::read("fuzz", &mut &data[..], format) else { continue };
        let now = jiff::Timestamp::UNIX_EPOCH;
        whole(&convert::rows_to_stix(&rows, now).0.to_string());
        let _ = convert::rows_to_misp(&rows, now);
        table(rows.into_iter());
    }
});

/// What is written as STIX is read as STIX, and is valid.
fn whole(bundle: &str) {
    for item in Reader::new(bundle.as_bytes()) {
        let item = item.expect("what is written is JSON");
        let problems = check(&item.bytes);
        let errors = problems.iter().find(|problem| problem.severity == Severity::Error);
        assert!(errors.is_none(), "{} {errors:?}", String::from_utf8_lossy(&item.bytes));
    }
    streamed(bundle.as_bytes());
}

/// A bundle read as a stream, into whatever can be made of it.
fn streamed(data: &[u8]) {
    let _ = convert::objects(&mut &data[..]);
    let mut upgraded = Vec::new();
    if convert::upgraded(&mut &data[..], &mut upgraded).is_ok() {
        let mut again = Vec::new();
        convert::upgraded(&mut upgraded.as_slice(), &mut again).expect("what is written is STIX");
        assert_eq!(upgraded, again, "what is of 2.1 changes no more");
    }
    if let Ok(names) = Names::read(&mut &data[..]) {
        let mut rows: Vec<Row> = Vec::new();
        let read = convert::rows(&mut &data[..], &names, &mut |row| {
            rows.push(row.clone());
            Ok(())
        });
        assert!(read.is_ok(), "what was read once is read twice");
        table(rows.into_iter());
    }
    if let Ok((techniques, _)) = convert::techniques(&mut &data[..]) {
        let _ = convert::layer(&techniques, "fuzz");
    }
}

fn table(rows: impl Iterator<Item = Row>) {
    let mut table = Table::new(std::io::sink()).expect("a sink takes all");
    let mut list = List::new(std::io::sink());
    for row in rows {
        table.row(&row).expect("a sink takes all");
        list.row(&row).expect("a sink takes all");
    }
    list.end().expect("a sink takes all");
}

/// Whether lists hold what they should: attributes and objects.
fn is_event(event: &Value) -> bool {
    let objects = |value: &Value, name: &str| {
        let list = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().all(Value::is_object)
    };
    let inner = event.get("Object").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    objects(event, "Attribute")
        && objects(event, "Object")
        && inner.iter().all(|object| objects(object, "Attribute"))
}
