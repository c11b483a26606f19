//! `watchfire hunt plan|scan|merge` gives what one hunt gives, and says why where it cannot.

#![allow(clippy::unwrap_used)] // a test that cannot go on stops

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn watchfire(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchfire")).current_dir(folder).args(arguments).output().unwrap()
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = watchfire(folder, arguments);
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], why: &str) {
    let output = watchfire(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains(why), "{said}");
}

/// The example's evidence, with a log that is longer than a unit so that it is cut.
fn evidence() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/exchange-2016");
    let evidence = folder.path().join("evidence");
    copy(&example, &evidence);
    // The longest, by size and then by name.
    let logs = watchfire_lab::files(&evidence, "log").unwrap();
    let log = logs.into_iter().max_by_key(|log| (fs::metadata(log).unwrap().len(), log.clone())).unwrap();
    let text = fs::read(&log).unwrap();
    let header = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(20).unwrap().0 + 1;
    let mut long = text.clone();
    while long.len() < 17 << 20 {
        long.extend_from_slice(&text[header..]);
    }
    fs::write(&log, long).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn shards_give_the_same_bytes() {
    let folder = evidence();
    let at = folder.path();
    let whole = done(at, &["hunt", "evidence", "--format", "jsonl", "--min-level", "informational"]);
    for shards in [1, 3] {
        done(at, &["hunt", "plan", "evidence", "--shards", &shards.to_string(), "--out", "plan.json"]);
        let mut merge =
            vec!["hunt", "merge", "plan.json", "--format", "jsonl", "--min-level", "informational"]
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>();
        for shard in (1..=shards).rev() {
            let (shard, part) = (shard.to_string(), format!("{shard}.part"));
            done(at, &["hunt", "scan", "plan.json", "--shard", &shard, "--out", &part]);
            merge.push(part);
        }
        let merged = done(at, &merge.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(merged == whole, "{shards} shards: {} bytes and {}", merged.len(), whole.len());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = evidence();
    let at = folder.path();
    done(at, &["hunt", "plan", "evidence", "--shards", "2", "--out", "plan.json"]);
    refused(at, &["hunt", "plan", "evidence", "--shards", "0"], "1 to");
    refused(at, &["hunt", "scan", "plan.json", "--shard", "3", "--out", "3.part"], "no shard 3");
    done(at, &["hunt", "scan", "plan.json", "--shard", "1", "--out", "1.part"]);
    refused(at, &["hunt", "merge", "plan.json", "1.part"], "no part file holds shard 2");
    done(at, &["hunt", "scan", "plan.json", "--shard", "2", "--out", "2.part"]);

    let part = fs::read(at.join("2.part")).unwrap();
    fs::write(at.join("short.part"), &part[..part.len() - 1]).unwrap();
    refused(at, &["hunt", "merge", "plan.json", "1.part", "short.part"], "breaks off");
    let mut changed = part.clone();
    let last = changed.len() - 20;
    changed[last] ^= 1;
    fs::write(at.join("changed.part"), changed).unwrap();
    refused(at, &["hunt", "merge", "plan.json", "1.part", "changed.part"], "damaged");
    refused(at, &["hunt", "merge", "plan.json", "plan.json"], "not a part file");

    done(at, &["hunt", "plan", "evidence", "--shards", "3", "--out", "other.json"]);
    refused(at, &["hunt", "merge", "other.json", "1.part"], "another plan");
    fs::write(at.join("evidence/new.log"), "x").unwrap();
    refused(at, &["hunt", "scan", "plan.json", "--shard", "1", "--out", "1.part"], "not what was planned");
}
