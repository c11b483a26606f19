//! STIX objects held against the standard: objects a second, against stix2-validator.
//!
//! `cargo bench -p watchfire-stix --bench stix_check` invents a bundle of indicators, malware, relationships, sightings
//! and observables and checks it, as `watchfire stix check` does: out of a stream, patterns included. Where `python3`
//! (or `-- --python FILE`) has stix2-validator, a part of the same objects is then validated by it in the same run, its
//! patterns too, in one process that has loaded its schemas before.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a bench prints its figures

mod kit;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use watchfire_stix::{Reader, Severity, check};

use kit::{argument, cpu_seconds};

const OBJECTS: usize = 100_000;
const PEER_OBJECTS: usize = 1_000;
const RUNS: usize = 5;

/// Validates the objects of a list; prints the CPU seconds and how many are valid.
const PEER: &str = "
import json, sys, time
from stix2validator import validate_instance, ValidationOptions
objects = json.load(open(sys.argv[1]))
options = ValidationOptions(version='2.1')
validate_instance(objects[0], options)
start = time.process_time()
valid = sum(1 for item in objects if validate_instance(item, options).is_valid)
print(time.process_time() - start, valid)
";

fn main() {
    let objects: Vec<String> = (0..OBJECTS).map(object).collect();
    let bundle =
        format!(r#"{{"type":"bundle","id":"bundle--{}","objects":[{}]}}"#, uuid(0, 0), objects.join(",\n"));
    let mut times: Vec<f64> = (0..RUNS).map(|_| ours(&bundle)).collect();
    times.sort_by(f64::total_cmp);
    let ours = OBJECTS as f64 / times[RUNS / 2];
    println!("{OBJECTS} objects, {} bytes", bundle.len());
    println!("watchfire        {:>8.3} s of CPU  {ours:>10.0} objects/s", times[RUNS / 2]);
    let python = argument("--python").unwrap_or_else(|| "python3".to_owned());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("objects.json");
    fs::write(&file, format!("[{}]", objects[..PEER_OBJECTS].join(","))).unwrap();
    let output = Command::new(&python).args(["-c", PEER]).arg(&file).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        println!("skipped: {python} has no stix2-validator");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let (seconds, valid) = text.trim().split_once(' ').unwrap();
    let seconds: f64 = seconds.parse().unwrap();
    assert_eq!(valid, PEER_OBJECTS.to_string(), "both find all of them valid");
    let theirs = PEER_OBJECTS as f64 / seconds;
    println!("stix2-validator  {seconds:>8.3} s of CPU  {theirs:>10.0} objects/s for {PEER_OBJECTS} of them");
    println!("objects a second, ours over theirs: {:.0}", ours / theirs);
}

fn ours(bundle: &str) -> f64 {
    let start = cpu_seconds();
    let mut errors = 0;
    for item in Reader::new(bundle.as_bytes()) {
        let problems = check(&item.unwrap().bytes);
        errors += problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    }
    let taken = cpu_seconds() - start;
    assert_eq!(errors, 0, "invented objects are valid");
    taken
}

fn uuid(kind: usize, number: usize) -> String {
    format!("{:08x}-{kind:04x}-4000-8000-{:012x}", number.wrapping_mul(0x9E37_79B1) & 0xFFFF_FFFF, number)
}

fn object(number: usize) -> String {
    let dated = |object_type: &str, kind: usize| {
        format!(
            r#""type":"{object_type}","spec_version":"2.1","id":"{object_type}--{}","created":"2021-03-02T00:00:00.000Z","modified":"2021-03-02T00:00:00.000Z""#,
            uuid(kind, number)
        )
    };
    let mut text = String::new();
    let _ = match number % 5 {
        0 => write!(
            text,
            r#"{{{},"name":"n {number}","description":"d","indicator_types":["malicious-activity"],"pattern":"[domain-name:value = 'host{number}.example' OR file:hashes.MD5 = '{number:032x}']","pattern_type":"stix","valid_from":"2021-03-02T00:00:00Z"}}"#,
            dated("indicator", 1)
        ),
        1 => write!(
            text,
            r#"{{{},"name":"n {number}","is_family":false,"malware_types":["backdoor"],"labels":["a","b"]}}"#,
            dated("malware", 2)
        ),
        2 => write!(
            text,
            r#"{{{},"relationship_type":"indicates","source_ref":"indicator--{}","target_ref":"malware--{}"}}"#,
            dated("relationship", 3),
            uuid(1, number - 2),
            uuid(2, number - 1)
        ),
        3 => write!(
            text,
            r#"{{{},"sighting_of_ref":"indicator--{}","count":3,"first_seen":"2021-03-02T00:00:00Z","last_seen":"2021-03-03T00:00:00Z"}}"#,
            dated("sighting", 4),
            uuid(1, number - 3)
        ),
        _ => write!(
            text,
            r#"{{"type":"file","spec_version":"2.1","id":"file--{}","name":"f{number}.dll","size":{number},"hashes":{{"MD5":"{number:032x}"}}}}"#,
            uuid(5, number)
        ),
    };
    text
}
