//! The store under load: batches of objects in, pages out, an empty poll, a look-up, a search; in CPU and wall time.
//!
//! `cargo bench -p watchfire-store --bench store` writes to a file; `-- --store postgres://…` to a server;
//! `-- --objects N` fills it with N objects (100,000 by default), in batches of 10,000 as one TAXII POST brings them,
//! and prints the figures for the first and the last of them: they should be the same.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a bench prints its figures

mod kit;

use std::fs;
use std::time::Instant;

use watchfire_store::{
    Clearance, CollectionKey, Cursor, Filter, GiverKey, MarkingKey, NewAccount, NewCollection, NewObject,
    NewRelation, Options, Query, Role, Sought, Store,
};

use kit::argument;

const BATCH: u64 = 10_000;
const PAGE: usize = 1_000;
/// 1 January 2021.
const START_US: i64 = 1_609_459_200_000_000;

/// An indicator of some 930 bytes, as a feed carries it.
struct Indicator {
    id: String,
    name: String,
    domain: String,
    words: Vec<String>,
    bytes: String,
    version_us: i64,
    marking: &'static str,
}

const CREATOR: &str = "identity--5d2dd3ee-2b6c-4dd4-a9b1-2f6ff1f1a1a1";

impl Indicator {
    fn new(number: u64) -> Self {
        // The numbers of ids are scattered, as those of real ids are.
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let id = format!(
            "indicator--{:08x}-{:04x}-4{:03x}-a000-{number:012x}",
            scattered >> 32,
            scattered & 0xffff,
            (scattered >> 16) & 0xfff
        );
        let domain = format!("{:x}.node-{number}.example", scattered >> 20);
        let name = format!("Command and control {number}");
        let version_us = START_US + number as i64 * 1_000;
        let filler = "Seen in a campaign against mail servers, reported by a partner. ".repeat(6);
        let bytes = format!(
            "{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"{id}\",\"created_by_ref\":\"{CREATOR}\",\
             \"created\":\"2021-07-19T12:00:00.000Z\",\"modified\":\"2021-07-19T12:00:00.000Z\",\"name\":\"{name}\",\
             \"description\":\"{filler}\",\"pattern\":\"[domain-name:value = '{domain}']\",\"pattern_type\":\"stix\",\
             \"valid_from\":\"2021-07-19T12:00:00Z\",\"indicator_types\":[\"malicious-activity\"],\
             \"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"]}}"
        );
        let marking = if number.is_multiple_of(10) { "red" } else { "green" };
        let words = vec![name.clone(), domain.clone()];
        Self { id, name, domain, words, bytes, version_us, marking }
    }

    fn new_object(&self, giver: GiverKey) -> NewObject<'_> {
        NewObject {
            id: &self.id,
            object_type: "indicator",
            version_us: self.version_us,
            spec_version: "2.1",
            created_by: Some(CREATOR),
            marking: self.marking,
            values: self.words.iter().map(String::as_str).collect(),
            relations: vec![NewRelation { source: &self.id, kind: "created_by_ref", target: CREATOR }],
            giver: Some(giver),
            bytes: self.bytes.as_bytes(),
        }
    }
}

fn main() {
    let objects: u64 = argument("--objects").and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let address = argument("--store").unwrap_or_else(|| folder.join("bench.db").to_str().unwrap().to_owned());
    let store = Store::open(&address, &Options::default(), START_US).unwrap();
    let collection = store.write(|write| write.create_collection(&new_collection(), START_US)).unwrap();
    let account = NewAccount {
        name: "bench",
        role: Role::Analyst,
        organisation: "CERT",
        attributes: "{}",
        password_hash: None,
    };
    let giver = store.write(|write| {
        let key = write.create_account(&account, START_US)?;
        write.giver(key, account.organisation)
    });
    let giver = giver.unwrap();
    println!("{:<44} {:>12} {:>12}", "", "by wall", "by CPU");
    let mut filled = 0;
    let mut next_report = BATCH;
    while filled < objects {
        let batch: Vec<Indicator> = (filled..filled + BATCH).map(Indicator::new).collect();
        let new: Vec<NewObject<'_>> = batch.iter().map(|one| one.new_object(giver)).collect();
        let label = format!("add {BATCH} to {filled}, objects/s");
        let watch = Watch::start();
        store.write(|write| write.add(collection, &new, START_US)).unwrap();
        filled += BATCH;
        if filled >= next_report || filled >= objects {
            watch.rate(&label, BATCH as usize);
            next_report *= 10;
            measure_reads(&store, collection, filled, &batch[77]);
        }
    }
    println!("resident: {} MB", resident_kib() / 1024);
    if let Some(path) = store.path() {
        println!("file: {} bytes an object", fs::metadata(path).unwrap().len() / objects);
    }
    drop(store);
    fs::remove_dir_all(folder).unwrap();
}

fn new_collection() -> NewCollection<'static> {
    NewCollection {
        id: "91a7b528-80eb-42ed-a74d-c6fbd5a26116",
        api_root: "bench",
        alias: None,
        title: "bench",
        description: None,
        can_read: true,
        can_write: true,
        media_types: "application/stix+json;version=2.1",
    }
}

fn measure_reads(store: &Store, collection: CollectionKey, filled: u64, known: &Indicator) {
    let filter = Filter { with_bytes: true, ..Filter::default() };
    let green = store.read(|read| read.markings(MarkingKey(0))).unwrap();
    let green =
        Clearance::only(green.iter().filter(|marking| marking.summary == "green").map(|marking| marking.key));
    for (who, clearance) in [("all", &Clearance::Everything), ("green", &green)] {
        for (where_from, after) in [("first", 0), ("last", filled as i64 - BATCH as i64)] {
            let watch = Watch::start();
            let (mut after, mut seen) = (after, 0);
            for _ in 0..8 {
                let page = store.read(|read| read.page(collection, &filter, clearance, after, PAGE)).unwrap();
                seen += page.objects.len();
                after = page.next.unwrap_or(after);
            }
            watch.rate(&format!("  pages of {PAGE}, {where_from} of {filled}, {who}, objects/s"), seen);
        }
    }
    let poll = Filter { added_after_us: Some(i64::MAX), with_bytes: true, ..Filter::default() };
    repeat("  empty poll, µs", 1_000, || {
        assert!(store.read(|read| read.page(collection, &poll, &green, 0, PAGE)).unwrap().objects.is_empty());
    });
    let by_id = Filter { ids: vec![&known.id], with_bytes: true, ..Filter::default() };
    repeat("  object by id, µs", 1_000, || {
        assert_eq!(store.read(|read| read.page(collection, &by_id, &green, 0, 1)).unwrap().objects.len(), 1);
    });
    for (label, sought) in [
        ("  search by value, µs", Sought::Exact(&known.domain)),
        ("  search by beginning, µs", Sought::Prefix(&known.name)),
    ] {
        let query = Query { values: vec![sought], ..Query::default() };
        repeat(label, 1_000, || {
            let (found, _) = store.read(|read| read.search(&query, &green, &Cursor::default(), 10)).unwrap();
            assert!(!found.is_empty());
        });
    }
}

fn repeat(label: &str, times: u32, mut act: impl FnMut()) {
    let watch = Watch::start();
    (0..times).for_each(|_| act());
    let (wall, cpu) = watch.seconds();
    let each = |seconds: f64| seconds * 1e6 / f64::from(times);
    println!("{label:<44} {:>12.1} {:>12.1}", each(wall), each(cpu));
}

/// Wall and CPU time of this process; a server's own CPU time is not in it.
struct Watch {
    wall: Instant,
    cpu: f64,
}

impl Watch {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    fn seconds(&self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu)
    }

    fn rate(&self, label: &str, count: usize) {
        let (wall, cpu) = self.seconds();
        println!("{label:<44} {:>12.0} {:>12.0}", count as f64 / wall, count as f64 / cpu.max(0.01));
    }
}

/// User and system time, in the kernel's hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = String::from_utf8(fs::read("/proc/self/stat").unwrap()).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let field = |at: usize| after_name.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
    (field(11) + field(12)) / 100.0
}

fn resident_kib() -> u64 {
    let status = String::from_utf8(fs::read("/proc/self/status").unwrap()).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
