//! `watchfire hunt --intel` as a user runs it: what is found, what is told of it, and what is no reason for a verdict.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const LOG: &str = "#Software: Microsoft Internet Information Services 10.0\r
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r
2021-03-03 05:20:31 10.20.0.5 GET /owa/ - 443 - 203.0.113.47 Mozilla/5.0+(Evil) https://www.evil.example/a 302 0 0 4\r
2021-03-03 05:20:32 10.20.0.5 GET /owa/auth/x.js - 443 - 8.8.8.8 Mozilla/5.0 - 200 0 0 4\r
2021-03-03 05:20:33 10.20.0.5 GET /owa/ - 443 - 198.51.100.9 Mozilla/5.0 - 200 0 0 4\r
";

fn hunt(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .arg("hunt")
        .arg(folder)
        .args(["--format", "jsonl"])
        .args(arguments)
        .output()
        .unwrap()
}

fn findings(output: &Output) -> Vec<Value> {
    let rows = String::from_utf8(output.stdout.clone()).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["kind"] == "finding").collect()
}

/// Holds a bundle to every must and should.
#[track_caller]
fn is_valid(report: &Path) {
    let check = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(["stix", "check", "--strict"])
        .arg(report)
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stdout));
}

/// A folder with a log, and beside it one with a file of indicators.
fn prepare(name: &str, indicators: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("EX01/inetpub/logs/LogFiles/W3SVC1");
    fs::create_dir_all(&logs).unwrap();
    fs::write(logs.join("u_ex210303.log"), LOG).unwrap();
    let intel = folder.path().join("intel");
    fs::create_dir(&intel).unwrap();
    fs::write(intel.join(name), indicators).unwrap();
    let intel = intel.join(name).to_string_lossy().into_owned();
    (folder, intel)
}

#[test]
fn every_format_leads_to_the_record() {
    let misp = r#"{"Event":{"info":"Op","Orgc":{"name":"CERT"},"Attribute":[{"type":"domain","value":"evil.example","to_ids":true}]}}"#;
    let stix = r#"[{"type":"indicator","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836","pattern_type":"stix","pattern":"[domain-name:value = 'evil.example']"}]"#;
    let ioc = r#"<ioc id="x"><definition><Indicator operator="OR"><IndicatorItem><Context search="Network/DNS"/><Content type="string">evil.example</Content></IndicatorItem></Indicator></definition></ioc>"#;
    for (name, text) in [
        ("event.json", misp),
        ("bundle.json", stix),
        ("table.csv", "type,value\ndomain,evil[.]example\n"),
        ("list.txt", "# bad\nhxxps://www[.]evil[.]example/a\n"),
        ("definition.ioc", ioc),
    ] {
        let (folder, intel) = prepare(name, text);
        let output = hunt(&folder.path().join("EX01"), &["--intel", &intel]);
        let found = findings(&output);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(found[0]["time"], "2021-03-03T05:20:31Z", "{name}");
        assert!(found[0]["raw"].as_str().unwrap().contains("evil.example"), "{name}");
    }
}

#[test]
fn the_source_its_confidence_and_its_validity_are_told() {
    let table = "value,source,report,confidence,valid_from,valid_until,tlp\n203.0.113.47,CERT,Op,60,2021-03-01,2021-04-01,green\n";
    let (folder, intel) = prepare("table.csv", table);
    let found = findings(&hunt(&folder.path().join("EX01"), &["--intel", &intel]));
    let (indicator, source) = (&found[0]["indicator"], &found[0]["indicator"]["sources"][0]);
    assert_eq!((&indicator["value"], &indicator["kind"]), (&"203.0.113.47".into(), &"address".into()));
    assert_eq!((&source["author"], &source["title"]), (&"CERT".into(), &"Op".into()));
    assert_eq!((&source["confidence"], &source["markings"][0]), (&60.into(), &"tlp:green".into()));
    assert_eq!(source["valid_from"], "2021-03-01T00:00:00Z");
    assert_eq!(source["valid_until"], "2021-04-01T00:00:00Z");
    assert_eq!((&found[0]["level"], &found[0]["outcome"]), (&"medium".into(), &"attempted".into()));
}

#[test]
fn what_is_harmless_or_over_is_no_reason_for_a_verdict() {
    let table = "value,valid_until\n8.8.8.8,\n203.0.113.47,2021-03-01\n";
    let (folder, intel) = prepare("table.csv", table);
    let output = hunt(&folder.path().join("EX01"), &["--intel", &intel]);
    let found = findings(&output);
    assert_eq!((output.status.code(), found.len()), (Some(0), 2), "{found:?}");
    for (finding, why) in found.iter().zip(["valid until 2021-03-01", "public resolvers of names"]) {
        assert_eq!(finding["outcome"], "supporting");
        assert!(finding["graded"].as_str().unwrap().contains(why), "{finding}");
    }
}

#[test]
fn warning_lists_of_the_user() {
    let (folder, intel) = prepare("list.txt", "evil.example\n");
    let list = folder.path().join("list.json");
    fs::write(
        &list,
        r#"{"name":"ours","type":"hostname","matching_attributes":["domain"],"list":["evil.example"]}"#,
    )
    .unwrap();
    let output =
        hunt(&folder.path().join("EX01"), &["--intel", &intel, "--warninglist", list.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(findings(&output)[0]["graded"].as_str().unwrap().contains("ours"));
}

#[test]
fn a_file_is_found_by_any_of_its_digests_and_a_page_by_its_address() {
    // What `abc` digests to (RFC 1321 A.5, FIPS 180).
    let list = "900150983cd24fb0d6963f7d28e17f72\na9993e364706816aba3e25717850c26c9cd0d89d\n\
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nC:\\inetpub\\wwwroot\\client\\x.aspx\n";
    for (number, value) in list.lines().enumerate() {
        let (folder, intel) = prepare("list.txt", &format!("{value}\n"));
        let server = folder.path().join("EX01");
        for path in ["inetpub/wwwroot/client/page.aspx", "Windows/Temp/tool.bin", "Windows/Temp/other.bin"] {
            let path = server.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, if path.ends_with("other.bin") { "abd" } else { "abc" }).unwrap();
        }
        let log = server.join("inetpub/logs/LogFiles/W3SVC1/u_ex210303.log");
        let more = LOG.replace("GET /owa/auth/x.js", "GET /client/X.aspx");
        fs::write(log, if number == 3 { &more } else { LOG }).unwrap();
        let output = hunt(&server, &["--intel", &intel, "--rules", "/dev/null"]);
        let mut files: Vec<String> = findings(&output)
            .iter()
            .map(|found| found["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect();
        files.sort();
        let expected: &[&str] = if number == 3 { &["u_ex210303.log"] } else { &["page.aspx", "tool.bin"] };
        assert_eq!(files, expected, "{value}");
    }
}

#[test]
fn files_without_indicators_are_an_error() {
    for text in ["", "{", "no indicators here\n", r#"{"type":"bundle","id":"x"}"#] {
        let (folder, intel) = prepare("file.json", text);
        let output = hunt(&folder.path().join("EX01"), &["--intel", &intel]);
        assert_eq!(output.status.code(), Some(2), "{text}");
    }
}

#[test]
fn event_files_and_events_as_json_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (json, native) = (folder.path().join("json"), folder.path().join("native"));
    for (folder, files) in [
        (&json, watchfire_lab::example(watchfire_lab::DEFAULT_SEED)),
        (&native, watchfire_lab::example_event_logs(watchfire_lab::DEFAULT_SEED)),
    ] {
        for file in files {
            let path = folder.join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.bytes).unwrap();
        }
    }
    let intel = folder.path().join("list.txt");
    fs::write(&intel, "203.0.113.47\nw3wp.exe\n198.51.100.77\n").unwrap();
    let of_events = |folder: &Path| {
        let output = hunt(folder, &["--intel", intel.to_str().unwrap(), "--rules", "/dev/null"]);
        let mut found: Vec<String> = findings(&output)
            .iter()
            .filter(|finding| finding["rule"]["name"].as_str().unwrap().starts_with("indicator"))
            .filter(|finding| ["sysmon", "security_events"].contains(&finding["artifact"].as_str().unwrap()))
            .map(|finding| {
                format!(
                    "{} {} {}",
                    finding["artifact"],
                    finding["time"].as_str().unwrap_or_default().get(..19).unwrap_or_default(),
                    finding["indicator"]["value"]
                )
            })
            .collect();
        found.sort();
        found
    };
    let (json, native) = (of_events(&json), of_events(&native));
    assert!(native.len() > 3, "{native:?}");
    assert_eq!(json, native);
}

#[test]
fn what_was_found_leaves_as_stix_that_passes_the_strict_check() {
    let stix = r#"[{"type":"indicator","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836","pattern_type":"stix","pattern":"[domain-name:value = 'evil.example']"}]"#;
    let (folder, intel) = prepare("bundle.json", stix);
    let table = folder.path().join("table.csv");
    fs::write(&table, "value,tlp\n203.0.113.47,green\n\"Mozilla/5.0 (Evil)\",\n").unwrap();
    let report = folder.path().join("found.stix.json");
    let arguments =
        ["--intel", &intel, "--intel", table.to_str().unwrap(), "--report", report.to_str().unwrap()];
    hunt(&folder.path().join("EX01"), &arguments);
    let bundle: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let count = |kind: &str| {
        bundle["objects"].as_array().unwrap().iter().filter(|object| object["type"] == kind).count()
    };
    assert_eq!((count("sighting"), count("observed-data"), count("identity")), (3, 3, 1));
    // The indicator of the bundle is its author's.
    assert_eq!(count("indicator"), 2);
    assert_eq!(bundle["objects"][0]["name"], "TLP:AMBER");
    is_valid(&report);
}

#[test]
fn rules_leave_as_indicators_of_sigma() {
    let folder = tempfile::tempdir().unwrap();
    for file in watchfire_lab::example(watchfire_lab::DEFAULT_SEED) {
        let path = folder.path().join("EX01").join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.bytes).unwrap();
    }
    let report = folder.path().join("found.stix.json");
    let output = hunt(&folder.path().join("EX01"), &["--report", report.to_str().unwrap(), "--tlp", "green"]);
    let rules: std::collections::BTreeSet<String> =
        findings(&output).iter().map(|finding| finding["rule"]["id"].to_string()).collect();
    let bundle: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    assert_eq!(objects[0]["name"], "TLP:GREEN");
    let sigma: Vec<&Value> = objects.iter().filter(|object| object["type"] == "indicator").collect();
    assert!(sigma.len() > 10 && sigma.len() <= rules.len(), "{} of {}", sigma.len(), rules.len());
    assert!(
        sigma.iter().all(|object| object["pattern_type"] == "sigma"
            && object["pattern"].as_str().unwrap().contains("title:"))
    );
    is_valid(&report);
}
