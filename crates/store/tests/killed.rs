//! A process that writes is killed at random moments: what it was told is written is there, whole, and nothing else is
//! half there. `WATCHFIRE_STORE_KILLS` says how often (a dozen by default).
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops
#![allow(clippy::assigning_clones, clippy::needless_for_each)] // made to be read, not to be fast

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Dice, Home, Made, NOON};
use watchfire_store::{Clearance, Filter, NewObject, Options, Store, Versions};

/// Tells the test binary that it is the process to be killed, and which store it writes to.
const VICTIM: &str = "WATCHFIRE_STORE_VICTIM";

/// Objects in a batch: each batch is there whole or not at all.
const BATCH: u64 = 7;

fn batch(number: u64) -> Vec<Made> {
    let mut objects = common::many(number * BATCH, BATCH);
    for object in &mut objects {
        object.bytes.resize(2_000, b' ');
    }
    objects
}

/// Writes until it is killed, and says what was acknowledged. Does nothing as an ordinary test.
#[test]
fn the_victim() {
    let Ok(address) = std::env::var(VICTIM) else { return };
    let store = Store::open(&address, &Options::default(), NOON).unwrap();
    let collection = store.read(|read| read.collection("allies", &id())).unwrap().unwrap().key;
    let first = store.read(|read| read.last_place(collection)).unwrap().0.unsigned_abs() / BATCH;
    for number in first.. {
        let objects = batch(number);
        let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
        store.write(|write| write.add(collection, &new, NOON)).unwrap();
        println!("acknowledged {number}");
    }
}

fn id() -> String {
    format!("00000000-0000-4000-8000-{:0>12}", "1")
}

/// Lets the victim write for a random while and kills it; the last batch that it was told is written.
fn kill_one(address: &str, dice: &mut Dice) -> Option<u64> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_victim", "--nocapture", "--test-threads=1"])
        .env(VICTIM, address)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let patience_us = 1_000 * dice.roll(40) + dice.roll(1_000);
    let killer = {
        let pid = victim.id().to_string();
        let mut begun = lines;
        let mut last = None;
        // Waits for the first word, then for a random while, then kills; what was said until then is read after.
        for line in begun.by_ref() {
            let line = line.unwrap();
            if let Some((_, number)) = line.split_once("acknowledged ") {
                last = number.parse().ok();
                break;
            }
        }
        thread::sleep(Duration::from_micros(patience_us));
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        for line in begun.map_while(Result::ok) {
            // The last line may be cut: then nobody was told.
            if let Some(number) = line.strip_prefix("acknowledged ").and_then(|number| number.parse().ok()) {
                last = Some(number);
            }
        }
        last
    };
    victim.wait().unwrap();
    killer
}

fn acknowledged_rows_survive(home: &Home) {
    let kills =
        std::env::var("WATCHFIRE_STORE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let collection = home.collection("1");
    let mut dice = Dice(kills);
    for round in 0..kills {
        let last = kill_one(&home.address, &mut dice).expect("the victim wrote something");
        let store = home.open_again();
        let (place, _) = store.read(|read| read.last_place(collection)).unwrap();
        let batches = place.unsigned_abs() / BATCH;
        assert_eq!(place.unsigned_abs() % BATCH, 0, "round {round}: a batch is half there");
        assert!(batches > last, "round {round}: batch {last} was acknowledged and is not there");
        check_bytes(&store, collection, batches.saturating_sub(40)..batches);
    }
    if home.folder.is_some() {
        let connection = rusqlite::Connection::open(&home.address).unwrap();
        let verdict: String = connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }
}

fn check_bytes(store: &Store, collection: watchfire_store::CollectionKey, batches: std::ops::Range<u64>) {
    let filter = Filter {
        versions: Versions { all: true, ..Versions::default() },
        with_bytes: true,
        ..Filter::default()
    };
    let (mut after, end) = ((batches.start * BATCH) as i64, (batches.end * BATCH) as i64);
    for number in batches {
        let page = store
            .read(|read| read.page(collection, &filter, &Clearance::Everything, after, BATCH as usize))
            .unwrap();
        let places: Vec<i64> = page.objects.iter().map(|object| object.place).collect();
        assert_eq!(places, (after + 1..=after + BATCH as i64).collect::<Vec<_>>());
        for (stored, made) in page.objects.iter().zip(batch(number)) {
            assert_eq!((&stored.id, &stored.bytes), (&made.id, &made.bytes));
        }
        after += BATCH as i64;
    }
    assert_eq!(after, end);
}

#[test]
fn sqlite_keeps_what_it_acknowledged() {
    acknowledged_rows_survive(&Home::sqlite().unwrap());
}

#[test]
fn postgres_keeps_what_it_acknowledged() {
    if let Some(home) = Home::postgres() {
        acknowledged_rows_survive(&home);
    }
}
