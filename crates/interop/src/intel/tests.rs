//! Each format read into an index, and found again in a text.

use watchfire_intel::{Found, Index, Warninglists};

use super::*;

fn read_text(text: &str) -> (Index, Loaded) {
    let mut builder = Builder::new(Warninglists::default());
    let loaded = read("file", &mut text.as_bytes(), &mut builder).unwrap();
    (builder.build(), loaded)
}

/// What stands in a text, as kind and value.
fn find(index: &Index, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    index.scan(text.as_bytes(), &mut |number, _| {
        let Found { kind, value, .. } = index.sources(number).next().unwrap();
        found.push(format!("{} {value}", kind.name()));
    });
    found.sort();
    found
}

#[track_caller]
fn check(format: Format, text: &str, log: &str, expected: &[&str], counts: (usize, usize, usize)) -> Index {
    assert_eq!(Format::of(text.as_bytes()), format);
    let (index, loaded) = read_text(text);
    assert_eq!((loaded.indicators, loaded.not_meant, loaded.refused), counts, "{:?}", loaded.problems);
    assert_eq!(find(&index, log), expected);
    index
}

const LOG: &str =
    "c.evil.example 192.0.2.9 203.0.113.4 http://192.0.2.1/x d41d8cd98f00b204e9800998ecf8427e a@b.example";

#[test]
fn a_misp_event() {
    let attribute = |kind: &str, value: &str, more: &str| {
        format!(
            r#"{{"uuid":"5e396a1e-68e4-4db5-8810-ca350aba047c","type":"{kind}","value":"{value}"{more}}}"#
        )
    };
    let ids = r#","to_ids":true"#;
    let text = format!(
        r#"{{"Event":{{"info":"A campaign","uuid":"5e396a1e-68e4-4db5-8810-ca350aba047d","Orgc":{{"name":"CERT"}},
        "Tag":[{{"name":"tlp:amber"}},{{"name":"misp:confidence-level=\"fairly-confident\""}},{{"name":"x"}}],
        "Attribute":[{},{},{},{},{}],"Object":[{{"name":"file","Attribute":[{}]}},{{"deleted":true,"Attribute":[{}]}}]}}}}"#,
        attribute("domain|ip", "evil.example|192.0.2.9", ids),
        attribute("ip-dst|port", "203.0.113.4|443", ids),
        attribute(
            "url",
            "http://192.0.2.1/x",
            r#","to_ids":"1","Tag":[{"name":"misp:confidence-level=\"completely-confident\""}]"#
        ),
        attribute("email-src", "a@b.example", r#","to_ids":false"#),
        attribute("size-in-bytes", "7", ids),
        attribute("filename|md5", "a.exe|D41D8CD98F00B204E9800998ECF8427E", ids),
        attribute("domain", "b.example", ids),
    );
    let expected = [
        "address 192.0.2.9",
        "address 203.0.113.4",
        "domain evil.example",
        "hash d41d8cd98f00b204e9800998ecf8427e",
        "url http://192.0.2.1/x",
    ];
    let index = check(Format::Misp, &text, LOG, &expected, (5, 2, 1));
    let first = index.sources(0).next().unwrap();
    assert_eq!((first.origin.author.as_str(), first.origin.title.as_str()), ("CERT", "A campaign"));
    assert_eq!(
        (first.origin.markings.as_slice(), first.confidence),
        (&["tlp:amber".to_owned()][..], Some(50))
    );
    assert_eq!(first.id.map(|id| id[0]), Some(0x5e));
    let url = (0..5).filter_map(|number| index.sources(number).next()).find(|found| found.kind == Kind::Url);
    assert_eq!(url.unwrap().confidence, Some(100));
    for wrapped in [format!("[{text}]"), format!(r#"{{"response":[{text}]}}"#)] {
        check(Format::Misp, &wrapped, LOG, &expected, (5, 2, 1));
    }
    let search = format!(r#"{{"response":{{"Attribute":[{}]}}}}"#, attribute("domain", "evil.example", ids));
    check(Format::Misp, &search, LOG, &["domain evil.example"], (1, 0, 0));
}

#[test]
fn stix_objects() {
    let indicator = |pattern: &str, more: &str| {
        format!(
            r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836",
            "created_by_ref":"identity--e2e1a340-4415-4ba8-9671-f7343fbf0837","pattern_type":"stix","pattern":"{pattern}",
            "object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
            "valid_from":"2021-01-01T00:00:00Z","valid_until":"2021-02-01T00:00:00Z","confidence":85{more}}}"#
        )
    };
    let text = format!(
        r#"{{"type":"bundle","id":"bundle--e2e1a340-4415-4ba8-9671-f7343fbf0838","objects":[{},{},{},{},{},{},
        {{"type":"identity","id":"identity--e2e1a340-4415-4ba8-9671-f7343fbf0837","name":"Somebody"}}]}}"#,
        indicator("[domain-name:value = 'evil.example' OR ipv4-addr:value = '203.0.113.4/32']", ""),
        indicator(
            "[file:name = 'a.exe' AND file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
            r#","name":"A report""#
        ),
        indicator("[url:value = 'http://192.0.2.1/x'] FOLLOWEDBY [email-addr:value = 'a@b.example']", ""),
        indicator("[ipv4-addr:value != '192.0.2.9']", ""),
        indicator("[domain-name:value = 'x.example']", r#","revoked":true"#),
        indicator("[", ""),
    );
    let expected = ["address 203.0.113.4", "domain evil.example", "hash d41d8cd98f00b204e9800998ecf8427e"];
    let index = check(Format::Stix, &text, LOG, &expected, (3, 1, 3));
    let first = index.sources(0).next().unwrap();
    assert_eq!((first.origin.author.as_str(), first.confidence), ("Somebody", Some(85)));
    assert_eq!(first.origin.markings, ["tlp:green"]);
    assert_eq!(first.valid_from.zip(first.valid_until), Some((1_609_459_200, 1_612_137_600)));
}

#[test]
fn tables() {
    let named = "DateAdded,Indicator,IndicatorType,TLP\n2021-03-10,evil[.]example,domainname,White\n2021-03-10,203.0.113.4,,Green\n2021-03-10,\"a@b.example\",email,\n";
    let index = check(
        Format::Csv,
        named,
        LOG,
        &["address 203.0.113.4", "domain evil.example", "e-mail address a@b.example"],
        (3, 0, 0),
    );
    assert_eq!(index.sources(0).next().unwrap().origin.markings, ["tlp:white"]);
    check(
        Format::Csv,
        "2021;hxxp://192[.]0[.]2[.]1/x;bad\n2021;nothing here;bad\n",
        LOG,
        &["url http://192.0.2.1/x"],
        (1, 0, 1),
    );
    check(
        Format::Csv,
        "value\tto_ids\tvalid_until\nevil.example\t1\t2021-02-01\nb.example\t0\t\n",
        "evil.example b.example",
        &["domain evil.example"],
        (1, 1, 0),
    );
}

#[test]
fn lists() {
    let text = "# bad things\nevil.example # seen\n0.0.0.0 b.example\nD41D8CD98F00B204E9800998ECF8427E  a.exe\n\nwhat is this\n";
    let expected = ["domain b.example", "domain evil.example", "hash d41d8cd98f00b204e9800998ecf8427e"];
    check(Format::List, text, LOG, &expected, (3, 0, 1));
}

#[test]
fn openioc() {
    let item = |search: &str, value: &str, more: &str| {
        format!(
            r#"<IndicatorItem id="x" condition="is"{more}><Context search="{search}"/><Content type="string">{value}</Content></IndicatorItem>"#
        )
    };
    let text = format!(
        r#"<?xml version="1.0"?><ioc id="e2e1a340-4415-4ba8-9671-f7343fbf0836"><short_description>A &amp; B</short_description>
        <authored_by>Lab</authored_by><definition><Indicator operator="OR">{}{}{}<Indicator operator="AND">{}{}</Indicator></Indicator></definition></ioc>"#,
        item("DnsEntryItem/Host", "evil.example", ""),
        item("PortItem/remoteIP", "192.0.2.9", r#" negate="true""#),
        item("Network/URI", "http://192.0.2.1/x", ""),
        item("FileItem/Md5sum", "d41d8cd98f00b204e9800998ecf8427e", ""),
        item("FileItem/FileName", "a.exe", ""),
    );
    let expected = ["domain evil.example", "hash d41d8cd98f00b204e9800998ecf8427e", "url http://192.0.2.1/x"];
    let index = check(Format::OpenIoc, &text, LOG, &expected, (3, 2, 0));
    let origin = index.sources(0).next().unwrap().origin;
    assert_eq!((origin.title.as_str(), origin.author.as_str()), ("A & B", "Lab"));
}

#[test]
fn lists_of_warnings() {
    let text = r#"{"name":"hosts","type":"hostname","version":1,"matching_attributes":["domain","url","domain|ip"],"list":["evil.example"]}"#;
    let list = warninglist::warninglists(text.as_bytes()).unwrap().remove(0);
    assert_eq!(list.kinds, [Kind::Ip, Kind::Network, Kind::Domain, Kind::Url]);
    let (lists, problems) = Warninglists::new(&[list]);
    assert!(problems.is_empty());
    assert_eq!(lists.knows(Kind::Domain, "www.evil.example"), Some("hosts"));
    assert_eq!(warninglist::warninglists(format!("[{text},{text}]").as_bytes()).unwrap().len(), 2);
    assert!(warninglist::warninglists(text.replace("hostname", "else").as_bytes()).is_err());
}

#[test]
fn hostile_files() {
    for text in [
        "{",
        "[",
        "<",
        "<ioc",
        "{\"Event\":",
        "{\"Event\":{\"Attribute\":[{\"value\":7}]}}",
        "\"",
        "\"a",
        "a,b\n\"c",
        "\u{feff}",
    ] {
        let mut builder = Builder::new(Warninglists::default());
        let _ = read("file", &mut text.as_bytes(), &mut builder);
    }
    let deep = format!("<ioc>{}", "<Indicator>".repeat(100_000));
    let _ = read_text(&deep);
    let quoted = format!("a,b\n{}", "\"\n".repeat(20_000));
    read_text(&quoted);
}
