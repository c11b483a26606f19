//! Evidence as attackers and accidents leave it: the rest is read, and each problem has its place.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_push_string, clippy::disallowed_methods)] // a test that cannot go on stops

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use common::{hunt, text};

const HEADER: &str = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.002\r\n#Log-type: HttpProxy Logs\r\n#Fields: DateTime,RequestId,UrlStem,AnchorMailbox,HttpStatus,ServerHostName,ClientIpAddress\r\n";
const ROW: &str = "2021-03-03T05:21:09.000Z,r1,/ecp/y.js,ServerInfo~a]@ex01.corp.example:444/ecp/proxyLogon.ecp?#,241,EX01,192.0.2.7\r\n";

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().write_all(bytes.as_ref()).unwrap();
}

fn log(row: &str) -> String {
    format!("{HEADER}{row}")
}

/// The rows found, by the file they stand in.
fn found(folder: &Path) -> Vec<String> {
    let answer = hunt(folder, &[]);
    answer
        .findings_of("exh-005-ecp-session")
        .map(|finding| text(finding, "file").rsplit('/').next().unwrap().to_owned())
        .collect()
}

#[test]
fn hostile_evidence_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "good.LOG", log(ROW));
    write(at, "empty.LOG", "");
    write(at, "zeros.LOG", vec![0; 100_000]);
    write(at, "endless.LOG", [HEADER.as_bytes(), &vec![b'a'; 9 << 20]].concat());
    write(at, "garbage.LOG", (0..=255_u8).cycle().take(300_000).collect::<Vec<u8>>());
    write(at, "cut.LOG", &log(ROW).as_bytes()[..HEADER.len() + 40]);
    write(at, "quotes.LOG", log(&format!("2021-03-03T05:00:00Z,\"\"\"\"\",,,,,\r\n{ROW}")));
    write(
        at,
        "broken.jsonl",
        "{\"EventID\":1,\"Channel\":\"Security\"}\n{\"EventID\":\nnot json\n{\"EventID\":1102,\"Channel\":\"Security\",\"Computer\":\"EX01\"}\n",
    );
    write(at, "broken.zip", b"PK\x03\x04 this is no archive");
    write(at, "broken.gz", b"\x1f\x8b\x08\x00 nor is this");
    write(at, "broken.config", "<configuration><add name=\"x\"><a b='1</configuration>");
    write(at, "not.evtx", b"ElfFile\0 and nothing else");
    write(at, "odd.reg", b"\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R");
    let answer = hunt(at, &[]);
    assert_eq!(answer.code, 1);
    let problems: Vec<String> = answer.of_kind("problem").map(ToString::to_string).collect();
    for name in [
        "empty.LOG",
        "zeros.LOG",
        "endless.LOG",
        "broken.jsonl",
        "broken.zip",
        "broken.gz",
        "broken.config",
        "not.evtx",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(name)),
            "no problem is told of {name}: {problems:#?}"
        );
    }
    assert!(answer.findings_of("exh-086-cleared").next().is_some(), "the line after the broken ones is read");
    let found = found(at);
    assert!(found.contains(&"good.LOG".to_owned()) && found.contains(&"quotes.LOG".to_owned()), "{found:?}");
}

#[test]
fn every_encoding_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = log(ROW);
    let wide = |big: bool| -> Vec<u8> {
        whole
            .encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    write(folder.path(), "a-utf8-mark.LOG", [b"\xef\xbb\xbf", whole.as_bytes()].concat());
    write(folder.path(), "b-utf16le.LOG", [vec![0xff, 0xfe], wide(false)].concat());
    write(folder.path(), "c-utf16be.LOG", [vec![0xfe, 0xff], wide(true)].concat());
    write(folder.path(), "d-utf16-no-mark.LOG", wide(false));
    write(folder.path(), "e-lf.LOG", whole.replace("\r\n", "\n"));
    write(
        folder.path(),
        "f-latin1.LOG",
        [HEADER.as_bytes(), b"2021-03-03T05:00:00Z,r0,/\xe9,,200,EX01,\r\n", ROW.as_bytes()].concat(),
    );
    let answer = hunt(folder.path(), &[]);
    let found: Vec<&str> =
        answer.findings_of("exh-005-ecp-session").map(|finding| text(finding, "file")).collect();
    assert_eq!(found.len(), 6, "{found:?}");
    for finding in answer.findings_of("exh-005-ecp-session") {
        assert!(text(finding, "raw").contains("proxyLogon.ecp"), "{finding}");
    }
    let wide = answer
        .findings_of("exh-005-ecp-session")
        .find(|finding| text(finding, "file").ends_with("b-utf16le.LOG"))
        .unwrap();
    assert_eq!(
        wide["offset"].as_u64(),
        Some(2 + 2 * HEADER.len() as u64),
        "an offset is of the file's own bytes"
    );
}

#[test]
fn a_header_that_changes_in_the_middle_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let other = "#Fields: DateTime,HttpStatus,AnchorMailbox,UrlStem,ServerHostName\r\n2021-03-03T05:22:09.000Z,241,ServerInfo~a]@ex01:444/ecp/proxyLogon.ecp?#,/ecp/y.js,EX01\r\n";
    write(folder.path(), "a.LOG", format!("{}{other}", log(ROW)));
    assert_eq!(found(folder.path()).len(), 2);
}

/// Ranges of a long file are scanned apart; columns that change between them must not be missed.
#[test]
fn a_long_file_is_cut_without_losing_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = fs::File::create(folder.path().join("long.LOG")).unwrap();
    file.write_all(HEADER.as_bytes()).unwrap();
    let filler = "2021-03-03T05:21:09.000Z,r0,/owa/,,200,EX01,192.0.2.9\r\n".repeat(4096);
    for round in 0..160 {
        file.write_all(filler.as_bytes()).unwrap();
        if round == 80 {
            file.write_all(b"#Fields: DateTime,HttpStatus,AnchorMailbox,UrlStem,ServerHostName\r\n").unwrap();
        }
        let row = if round < 80 {
            ROW
        } else {
            "2021-03-03T05:22:09.000Z,241,ServerInfo~a]@ex01:444/ecp/proxyLogon.ecp?#,/ecp/y.js,EX01\r\n"
        };
        if round != 80 {
            file.write_all(row.as_bytes()).unwrap();
        }
    }
    drop(file);
    assert_eq!(found(folder.path()).len(), 159);
}

#[test]
fn a_link_out_of_the_evidence_is_not_followed() {
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "in/good.LOG", log(ROW));
        write(folder.path(), "out/other.LOG", log(ROW));
        std::os::unix::fs::symlink(folder.path().join("out"), folder.path().join("in/out")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("in"), folder.path().join("in/loop")).unwrap();
        assert_eq!(found(&folder.path().join("in")).len(), 1);
    }
}

#[test]
fn a_terminal_obeys_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let row = ROW.replace("r1", "\u{1b}[2J\u{202e}r1").replace("/ecp/y.js", "/ecp/\u{1b}]0;x\u{7}y.js");
    write(folder.path(), "a.LOG", log(&row));
    for format in ["human", "csv"] {
        let output = common::watchfire(["hunt", folder.path().to_str().unwrap(), "--format", format]);
        assert!(!output.stdout.contains(&0x1b), "an escape comes through in {format}");
    }
}

/// A rule for every event of the laboratory's.
const ANY_EVENT: &str = "title: any\nid: 8f0e2a52-6f5c-4d0e-9d5e-3b1f3d0c7a11\nname: any-event\nlevel: high\n\
    logsource: {product: windows, service: application}\ndetection: {it: {Image: x}, condition: it}\n";

#[test]
fn lists_in_lists_end_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let deep = 300_000;
    let nested = format!("{}1{}", "[{\"a\":".repeat(deep), "}]".repeat(deep));
    let event = |inner: &str| {
        format!(
            "{{\"EventID\":1,\"Channel\":\"Application\",\"Computer\":\"A\",\"a\":{inner},\"Image\":\"x\"}}\n"
        )
    };
    write(folder.path(), "events/a.jsonl", event("1") + &event(&nested) + &event("2"));
    write(folder.path(), "rules/any.yml", ANY_EVENT);
    let rules = folder.path().join("rules");
    let answer = hunt(&folder.path().join("events"), &["--rules", rules.to_str().unwrap()]);
    assert_eq!(answer.findings_of("any-event").count(), 3);
}

#[test]
fn an_event_is_known_by_the_number_it_states() {
    let folder = tempfile::tempdir().unwrap();
    let event = watchfire_lab::evtx::Event {
        record: 568_580,
        payload: watchfire_lab::evtx::Payload::EventData(vec![(
            "Image".to_owned(),
            watchfire_lab::evtx::Value::String("x".to_owned()),
        )]),
        ..watchfire_lab::evtx::Event::default()
    };
    let mut log = watchfire_lab::evtx::write(&[event]);
    // An export counts the records anew, and leaves what they say of themselves.
    let at = log.windows(4).position(|magic| magic == b"**\0\0").unwrap();
    log[at + 8..at + 16].copy_from_slice(&3_u64.to_le_bytes());
    write(folder.path(), "events/a.evtx", log);
    write(folder.path(), "rules/any.yml", ANY_EVENT);
    let rules = folder.path().join("rules");
    let answer = hunt(&folder.path().join("events"), &["--rules", rules.to_str().unwrap()]);
    let found: Vec<_> = answer.findings_of("any-event").map(|finding| finding["record"].as_u64()).collect();
    assert_eq!(found, [Some(568_580)]);
}
