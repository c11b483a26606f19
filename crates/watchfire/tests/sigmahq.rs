//! Public rules over public logs: SigmaHQ's regression suite, and what other engines agree on.
//!
//! The suite lies beside the repository where it is there. The consensus needs the sample logs as well, which are
//! large: `WATCHFIRE_SAMPLES=folder cargo test -p watchfire --test sigmahq -- --nocapture` takes a folder of
//! hayabusa-sample-evtx, or of the same files as JSON lines, each named like its log with `.jsonl` behind.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a test that cannot go on stops

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::{hunt, root};
use serde_json::Value;
use tempfile::TempDir;

const FOLDERS: [&str; 5] =
    ["rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance", "rules-placeholder"];

fn data(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data/hunt").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

/// `--rules` for every folder of SigmaHQ's.
fn rules() -> Option<Vec<String>> {
    let rules = data("sigmahq-rules")?;
    let given =
        FOLDERS.iter().flat_map(|part| ["--rules".to_owned(), rules.join(part).display().to_string()]);
    Some(given.collect())
}

/// File below `folder` and rule id of each finding, with the finding.
fn findings(folder: &Path, rules: &[String]) -> Vec<(String, String, Value)> {
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let answer = hunt(folder, &rules);
    let below = |finding: &Value| {
        let file = finding["file"].as_str().unwrap().replace('\\', "/");
        file.strip_prefix(&format!("{}/", folder.display())).unwrap_or(&file).to_owned()
    };
    let id = |finding: &Value| finding["rule"]["id"].as_str().unwrap().to_owned();
    answer.findings().map(|finding| (below(finding), id(finding), finding.clone())).collect()
}

/// Every file below a folder that ends so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_regression_log_fires_its_rule() {
    let (Some(suite), Some(rules)) = (data("sigmahq-regression"), rules()) else { return };
    // The suite has each log as EVTX, and its record as JSON documents, each of which is one line here.
    // Both must fire.
    let both = TempDir::new().unwrap();
    let logs = files(&suite, "evtx");
    assert_eq!(logs.len(), 202);
    for log in &logs {
        let bytes = fs::read(log.with_extension("json")).unwrap();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut text = String::new();
        for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            let document = document.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
            let records = if let Value::Array(records) = document { records } else { vec![document] };
            text.extend(records.iter().flat_map(|record| [record.to_string(), "\n".to_owned()]));
        }
        let place = both.path().join(log.file_stem().unwrap());
        fs::write(place.with_extension("jsonl"), text).unwrap();
        fs::copy(log, place.with_extension("evtx")).unwrap();
    }
    let fired: BTreeSet<String> = findings(both.path(), &rules)
        .into_iter()
        .filter(|(file, id, _)| stem(file) == id)
        .map(|(file, ..)| file)
        .collect();
    let stems = logs.iter().map(|log| log.file_stem().unwrap().to_str().unwrap());
    let wanted = stems.flat_map(|stem| [format!("{stem}.evtx"), format!("{stem}.jsonl")]);
    assert_eq!(wanted.filter(|file| !fired.contains(file)).collect::<Vec<_>>(), Vec::<String>::new());
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

#[test]
fn what_three_engines_agree_on_fires_here() {
    let Some(samples) = std::env::var_os("WATCHFIRE_SAMPLES").map(PathBuf::from) else {
        println!("skipped: WATCHFIRE_SAMPLES names no folder of sample logs");
        return;
    };
    let (Some(consensus), Some(rules)) = (data("consensus"), rules()) else { return };
    let fired: BTreeSet<(String, String, String)> = findings(&samples, &rules)
        .into_iter()
        .map(|(file, id, finding)| (file.trim_end_matches(".jsonl").to_owned(), record_id(&finding), id))
        .collect();
    let table = fs::read_to_string(consensus.join("hayabusa-sample-evtx.detections.csv")).unwrap();
    let (mut tally, mut missing) = (BTreeMap::<u64, (usize, usize)>::new(), Vec::new());
    for row in table.lines().skip(1) {
        let row = cells(row);
        let agreeing: u64 = row.last().unwrap().parse().unwrap();
        let (rows, hits) = tally.entry(agreeing).or_default();
        let is_hit = fired.contains(&(row[0].clone(), row[1].clone(), row[2].clone()));
        (*rows, *hits) = (*rows + 1, *hits + usize::from(is_hit));
        if agreeing >= 3 && !is_hit {
            missing.push(row.join(" "));
        }
    }
    for (agreeing, (rows, hits)) in &tally {
        println!("{agreeing} engines: {rows} rows, {hits} fire here");
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// The record's number, out of the finding or of the record itself.
fn record_id(finding: &Value) -> String {
    if let Some(record) = finding["record"].as_u64() {
        return record.to_string();
    }
    let raw = finding["raw"].as_str().unwrap();
    let after = raw.split_once("\"EventRecordID\"").map_or("", |(_, after)| after);
    let digits = after.trim_start_matches([':', ' ', '"']).chars().take_while(char::is_ascii_digit);
    digits.collect()
}

/// The cells of a line of the table, which quotes those with a comma in them.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}
