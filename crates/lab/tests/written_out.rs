//! Events without a template are the same events: to a reader that others wrote, and to ours.

use watchfire_artifact::evtx::{Chunk, Chunks, Found, RawRecord, Read, Reader, xml};
use watchfire_lab::evtx::{Event, Log, Payload, Value, file_time};

fn events() -> Vec<Event> {
    let data = |fields: &[(&str, &str)]| {
        let field = |(name, text): &(&str, &str)| ((*name).to_owned(), Value::String((*text).to_owned()));
        Payload::EventData(fields.iter().map(field).collect())
    };
    let event = |record, event_id, payload| Event {
        record,
        event_id,
        provider: "Microsoft-Windows-Sysmon".to_owned(),
        channel: "Microsoft-Windows-Sysmon/Operational".to_owned(),
        time: file_time(1_614_749_091_236) + record,
        payload,
        ..Event::default()
    };
    let image = |image: &str, line: &str| data(&[("Image", image), ("CommandLine", line), ("User", "")]);
    vec![
        event(1, 1, image(r"C:\Windows\System32\cmd.exe", "cmd /c \"a & b\" <größer>")),
        event(2, 1, image(r"C:\Windows\System32\whoami.exe", "whoami")),
        event(3, 3, data(&[("Image", "a"), ("DestinationPort", "443")])),
        event(4, 1, data(&[("CommandLine", "whoami"), ("Image", "the same names in another order")])),
        event(5, 1, image("again", "of the first structure")),
        event(6, 1, data(&[("", "no name"), ("", "nor here")])),
        event(7, 9, Payload::None),
    ]
}

fn log(append: impl Fn(&mut Log, &Event) -> bool) -> Vec<u8> {
    let mut log = Log::default();
    for event in &events() {
        assert!(append(&mut log, event), "event {} fits", event.record);
    }
    log.finish()
}

/// Fields of every record, each a name and a text, and how many of the records had to be walked.
fn ours(log: &[u8]) -> (Vec<Vec<(String, String)>>, usize) {
    let (mut records, mut walked) = (Vec::new(), 0);
    let mut chunks = Chunks::range(log, 0..u64::MAX);
    let mut reader = Reader::new();
    while let Some(found) = chunks.next_chunk().expect("reads") {
        let Found::Chunk(chunk) = found else { panic!("bytes that are no chunk") };
        assert_eq!(chunk.damage(), None);
        for raw in chunk.records() {
            let raw = raw.expect("a record");
            let read = reader.read(&chunk, &raw).expect("reads");
            let Read::Formed(record) = read else {
                walked += 1;
                continue;
            };
            let sources = record.form.fields.iter().flat_map(|field| {
                field.sources.iter().map(|source| (field.name.clone(), record.content(source)))
            });
            let texts =
                sources.filter_map(|(name, content)| Some((name, content?.text().into_owned()))).collect();
            records.push(texts);
        }
    }
    (records, walked)
}

fn theirs(log: Vec<u8>) -> Vec<serde_json::Value> {
    let mut parser = evtx::EvtxParser::from_buffer(log).expect("a log");
    let json = |value: serde_json::Value| match value {
        serde_json::Value::Number(number) => serde_json::Value::String(number.to_string()),
        other => other,
    };
    parser.records_json_value().map(|record| texts(record.expect("a record").data, &json)).collect()
}

/// Every scalar as `scalar` makes it: a number that is written out is a text.
fn texts(
    value: serde_json::Value,
    scalar: &dyn Fn(serde_json::Value) -> serde_json::Value,
) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key, texts(value, scalar))).collect()
        }
        serde_json::Value::Array(list) => list.into_iter().map(|value| texts(value, scalar)).collect(),
        other => scalar(other),
    }
}

#[test]
fn written_out_or_not_an_event_says_the_same() {
    let (by_template, written_out) = (log(Log::append), log(Log::append_written_out));
    let ((mut expected, none), (mut found, walked)) = (ours(&by_template), ours(&written_out));
    assert_eq!((none, walked), (0, 0), "every record has a form");
    // Fields stand in the order of their document; only the sets of a form may differ in order.
    expected.iter_mut().chain(&mut found).for_each(|fields| fields.sort());
    assert_eq!(found, expected);
    assert_eq!(found.len(), events().len());
    assert!(found[0].contains(&("CommandLine".to_owned(), "cmd /c \"a & b\" <größer>".to_owned())));
    assert!(found[0].contains(&("SystemTime".to_owned(), "2021-03-03T05:24:51.2360001Z".to_owned())));
}

#[test]
fn another_reader_sees_the_same_too() {
    assert_eq!(theirs(log(Log::append_written_out)), theirs(log(Log::append)));
}

/// What another host rendered stands behind the event, as a second instance of a template in the same record.
#[test]
fn a_second_instance_in_a_record_is_read_too() {
    let log = log(Log::append);
    let mut chunks = Chunks::range(log.as_slice(), 0..u64::MAX);
    let Ok(Some(Found::Chunk(chunk))) = chunks.next_chunk() else { panic!("one chunk") };
    let raws: Vec<RawRecord> = chunk.records().map(|raw| raw.expect("a record")).collect();
    // The fifth event uses a template that stands before it, so that its bytes mean the same anywhere in the chunk.
    let fragment = &chunk.bytes[raws[4].xml.clone()];
    // A header, a token, the template, and for each value a size and a type; then the values.
    let (count, descriptors) = fragment[14..].split_at(4);
    let count = u32::from_le_bytes(count.try_into().expect("four bytes")) as usize;
    let sizes = descriptors.chunks(4).take(count).map(|size| u16::from_le_bytes([size[0], size[1]]));
    let instance = &fragment[..18 + 4 * count + sizes.map(usize::from).sum::<usize>()];
    let twice = [instance, instance, &[0; 7]].concat();
    let mut bytes = chunk.bytes.to_vec();
    let place = bytes.len() - twice.len()..bytes.len();
    bytes[place.clone()].copy_from_slice(&twice);
    let (raw, chunk) = (RawRecord { xml: place, ..raws[4].clone() }, Chunk { offset: 0, bytes: &bytes });
    let mut reader = Reader::new();
    let Ok(Read::Walked(event)) = reader.read(&chunk, &raw) else { panic!("no form has two instances") };
    assert_eq!(event.values("CommandLine").collect::<Vec<_>>(), ["of the first structure"; 2]);
    let (shown, damage) = xml(&chunk, &raw.xml);
    assert_eq!((shown.matches(">of the first structure<").count(), damage), (2, None));
}
