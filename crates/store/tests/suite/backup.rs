//! Promises about dumps.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use sha2::Digest as _;
use watchfire_store::{AuditEntry, Clearance, Cursor, NewAccount, Outcome, Query, Role, Sought, StoreError};

use super::objects::everything;
use crate::common::{Home, Made, NOON, many};

/// Something in most tables, and characters that a dump could spoil.
fn furnish(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let mut objects = many(0, 1_500);
    objects[0].bytes = (0..=255).collect();
    objects[1] = Made::new(1, NOON).related("a--1", "uses", "b--1").by("identity--1").marked("red");
    objects[2].values = vec!["\"quoted\"\n\\u0000 ä \u{1f525}".to_owned()];
    objects[3].bytes = "line\nfeed\r\n\u{7f}\u{2028}".into();
    home.add(one, &objects);
    home.add(two, &objects[..10]);
    home.add(one, &[Made::new(0, NOON + 1)]);
    let filter = watchfire_store::Filter { ids: vec![&objects[5].id], ..everything() };
    let new = NewAccount {
        name: "anna",
        role: Role::Releaser,
        organisation: "cert",
        attributes: "{}",
        password_hash: None,
    };
    let entry =
        AuditEntry { at_us: NOON, actor: "a", origin: "o", action: "x", subject: "s", detail: "\"\u{1}\"" };
    home.store
        .write(|write| {
            write.remove(one, &filter, &Clearance::Everything, NOON)?;
            let anna = write.create_account(&new, NOON)?;
            write.set_totp_secret(anna, Some(&[0, 255, 128]))?;
            write.create_token(anna, &[200; 32], "t", "s", (NOON, NOON + 1))?;
            write.audit(&[entry, entry, entry])?;
            write.place_audit(2)?;
            write.create_job("hunt", b"\xff\xfe", &[b"a", b"\x80"], NOON)?;
            let claimed = write.claim("w", NOON, 1)?.ok_or(StoreError::Missing { what: "shard" })?;
            write.complete(claimed.shard, "w", &[b"\x00hit"])
        })
        .unwrap();
}

fn dump(home: &Home) -> Vec<u8> {
    let mut out = Vec::new();
    home.store.dump(&mut out).unwrap();
    out
}

pub(crate) fn a_dump_is_restored_row_for_row(home: &Home) {
    furnish(home);
    let bytes = dump(home);
    let before = home.store.digest().unwrap();
    assert!(before.tables.iter().filter(|(_, rows, _)| *rows > 0).count() > 15);
    // Into a file, and into a server where one is installed: from either engine to either.
    for target in [Home::sqlite(), Home::postgres()].into_iter().flatten() {
        assert_eq!(target.store.restore(&mut bytes.as_slice()).unwrap(), before);
        assert_eq!(target.store.digest().unwrap(), before);
        assert_eq!(dump(&target), bytes);
        let collection =
            target.store.read(|read| read.collection("allies", "00000000-0000-4000-8000-000000000001"));
        let collection = collection.unwrap().unwrap().key;
        let (last, _) = target.store.read(|read| read.last_place(collection)).unwrap();
        let added = target.add(collection, &[Made::new(9_999, NOON)]);
        assert_eq!(added, [Outcome::Added { place: last + 1 }], "life goes on where it was");
        target.collection("3");
        let again = target.store.restore(&mut bytes.as_slice());
        assert!(matches!(again, Err(StoreError::Unsuited { .. })), "only into an empty store: {again:?}");
    }
}

pub(crate) fn a_damaged_dump_is_refused(home: &Home) {
    furnish(home);
    let whole = String::from_utf8(dump(home)).unwrap();
    let target = Home::sqlite().unwrap();
    let empty = target.store.digest().unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n") + "\n";
    let object = lines.iter().position(|line| line.contains("\"n\\\":700")).unwrap();
    let end = whole.len();
    let damaged = [
        String::new(),
        "{}\n".to_owned(),
        whole[..end / 2].to_owned(),
        whole[..end - 1].to_owned(),
        without(object),
        without(lines.len() - 1),
        whole.replacen("\\\"n\\\":700", "\\\"n\\\":701", 1),
        whole.replacen("\"migration\":15", "\"migration\":2", 1),
        whole.replacen("{\"table\":\"object\"}", "{\"table\":\"thing\"}", 1),
        whole.replacen(lines[object], "[1,2]", 1),
        whole.replacen(lines[object], "[\"x\",null,3,4,5,6]", 1),
        whole.replacen(lines[object], &"[".repeat(100_000), 1),
    ];
    for text in &damaged {
        assert_ne!(*text, whole);
        let refused = target.store.restore(&mut text.as_bytes());
        let shown: String = text.chars().take(80).collect();
        assert!(refused.is_err(), "accepted: {shown}");
        assert_eq!(target.store.digest().unwrap(), empty, "nothing is left of it: {shown}");
    }
    target.store.restore(&mut whole.as_bytes()).unwrap();
}

/// What a store of an earlier migration holds: of each table that it had the rows, as a dump of then wrote them.
fn of_migration(number: i64) -> Vec<(&'static str, Vec<Value>)> {
    let collection = "00000000-0000-4000-8000-000000000001";
    let mut tables = vec![
        ("marking", vec![json!([1, "clear"]), json!([2, "red"])]),
        ("collection", vec![json!([1, collection, "allies", null, "1", null, 1, 1, "m", 0])]),
        ("clock", vec![json!([1, 2, NOON + 1])]),
        ("lane", vec![json!([1, 0, 1, "indicator", "2.1"]), json!([2, 1, 1, "indicator", "2.1"])]),
        ("item", vec![json!([1, "indicator--a"]), json!([2, "indicator--b"]), json!([3, "identity--c"])]),
        (
            "object",
            vec![json!([1, 1, NOON, 1, 3, "{\"a\":1}"]), json!([2, 2, NOON, 1, null, {"hex": "ff00"}])],
        ),
        (
            "member",
            vec![json!([1, 1, 1, NOON, 1, 2, NOON, 2, 2]), json!([1, 2, 2, NOON, 2, 2, NOON + 1, 2, 2])],
        ),
        ("tombstone", vec![]),
        (
            "relation",
            if number < 6 {
                // Until then references to markings were kept.
                vec![json!([1, "created_by_ref", 3, 1, 1]), json!([1, "object_marking_refs", 3, 1, 1])]
            } else {
                vec![json!([1, "created_by_ref", 3, 1, 1])]
            },
        ),
        ("status", vec![]),
        ("status_entry", vec![]),
        ("account", vec![json!([1, "anna", "releaser", "cert", "{}", null, null, 0, 0, 0, 0, 0])]),
        ("collection_right", vec![json!([1, 1, 1, 0])]),
        ("token", vec![]),
        ("certificate", vec![]),
        ("audit", vec![json!([1, NOON, "a", "o", "x", "s", "d"])]),
        ("audit_unplaced", vec![]),
        ("audit_clock", vec![json!([1, 1])]),
        ("audit_place", vec![json!([1, 1])]),
        ("job", vec![json!([1, "hunt", "spec", NOON])]),
        ("shard", vec![json!([1, 1, 0, "a", "ready", null, 0, 0, null])]),
        ("hit", vec![]),
    ];
    let session = json!([{"hex": "ff"}, 1, NOON, NOON, NOON]);
    let mut add_until = |from: i64, until: i64, name, rows| {
        if (from..=until).contains(&number) {
            tables.push((name, rows));
        }
    };
    add_until(6, 12, "terms", vec![json!([1, "\u{1f}alpha\u{1f}"]), json!([2, "\u{1f}beta\u{1f}"])]);
    add_until(8, 12, "given", vec![json!([1, 1])]);
    let mut add = |from, name, rows| add_until(from, i64::MAX, name, rows);
    add(13, "beside", vec![json!([1, 1, "\u{1f}alpha\u{1f}"]), json!([2, null, "\u{1f}beta\u{1f}"])]);
    add(4, "party", vec![json!(["organisation", "cert", "{}"])]);
    add(5, "upstream", vec![json!(["https://x", 1, "s", "l", "n", NOON])]);
    add(11, "spent", vec![json!(["word", NOON])]);
    let values = [json!(["alpha", 1, 1]), json!(["beta", 1, 2])];
    let in_era = [json!([0, "alpha", 1, 1]), json!([0, "beta", 1, 2])];
    let in_runs = [json!([0, "alpha", 1, 1, null]), json!([0, "beta", 1, 2, null])];
    let values = match number {
        ..9 => values,
        9..14 => in_era,
        _ => in_runs,
    };
    add(1, "value", values.to_vec());
    let sessions = if number < 7 { session } else { json!([{"hex": "ff"}, 1, NOON, NOON, NOON, "o", "m"]) };
    add(1, "session", vec![sessions]);
    tables
}

fn dump_of_migration(number: i64) -> String {
    let mut text = json!({"format": "watchfire-store-dump", "migration": number}).to_string() + "\n";
    let mut end = Vec::new();
    for (name, rows) in of_migration(number) {
        let mut lines = String::new();
        for row in &rows {
            writeln!(lines, "{row}").unwrap();
        }
        let mut digest = String::new();
        for byte in sha2::Sha256::digest(lines.as_bytes()) {
            write!(digest, "{byte:02x}").unwrap();
        }
        end.push(json!([name, rows.len(), digest]));
        writeln!(text, "{}", json!({ "table": name })).unwrap();
        text.push_str(&lines);
    }
    text + &json!({ "end": end }).to_string() + "\n"
}

pub(crate) fn a_dump_of_an_earlier_migration_is_restored(home: &Home) {
    let is_file = home.folder.is_some();
    for number in 3..=14 {
        let Some(target) = (if is_file { Home::sqlite() } else { Home::postgres() }) else { return };
        let empty = target.store.digest().unwrap();
        let text = dump_of_migration(number);
        let damaged = text.replace("\"alpha\"", "\"alphb\"");
        assert!(target.store.restore(&mut damaged.as_bytes()).is_err());
        assert_eq!(target.store.digest().unwrap(), empty, "nothing is left of a damaged one");
        target.store.restore(&mut text.as_bytes()).unwrap_or_else(|error| panic!("{number}: {error}"));
        let collection =
            target.store.read(|read| read.collection("allies", "00000000-0000-4000-8000-000000000001"));
        let collection = collection.unwrap().unwrap().key;
        let page =
            target.store.read(|read| read.page(collection, &everything(), &Clearance::Everything, 0, 10));
        let bytes: Vec<Vec<u8>> = page.unwrap().objects.into_iter().map(|stored| stored.bytes).collect();
        assert_eq!(bytes, [b"{\"a\":1}".to_vec(), vec![0xff, 0]], "{number}");
        let query = Query { values: vec![Sought::Exact("Alpha")], ..Query::default() };
        let found =
            target.store.read(|read| read.search(&query, &Clearance::Everything, &Cursor::default(), 9));
        assert_eq!(found.unwrap().0[0].id, "indicator--a", "{number}");
        let newest = target.store.read(|read| read.newest(&["indicator--b", "indicator--x"], false)).unwrap();
        assert_eq!(newest.len(), 1, "{number}");
        let given = target.store.read(|read| read.newest(&["indicator--a"], false)).unwrap();
        assert_eq!(given[0].giver.is_some(), number >= 8, "{number}");
        let mut known = Made::new(0, NOON);
        known.id = "indicator--a".to_owned();
        known.bytes = b"{\"a\":1}".to_vec();
        let added = target.add(collection, &[known, Made::new(1, NOON)]);
        assert_eq!(added, [Outcome::Unchanged, Outcome::Added { place: 3 }], "{number}");
        assert_eq!(target.rows("relation").len(), 1, "{number}");
        assert_eq!(target.rows("audit_clock"), [json!([1, 1])], "{number}");
        assert_eq!(target.rows("party").len(), usize::from(number >= 4));
        assert_eq!(target.rows("giver"), [json!([1, 1, "cert"])], "{number}");
        // It is a store as any other: opened again, and its dump restored.
        let before = target.store.digest().unwrap();
        assert_eq!(target.open_again().digest().unwrap(), before);
        let again = Home::sqlite().unwrap();
        again.store.restore(&mut dump(&target).as_slice()).unwrap();
        assert_eq!(again.store.digest().unwrap(), before, "{number}");
    }
    let later = dump_of_migration(9).replace("\"migration\":9", "\"migration\":99");
    assert!(home.store.restore(&mut later.as_bytes()).unwrap_err().to_string().contains("99"));
    // What an empty store has of its own is no reason to throw anything away.
    home.store.write(|write| write.set_party("organisation", "cert", "{}")).unwrap();
    let refused = home.store.restore(&mut dump_of_migration(9).as_bytes());
    assert!(matches!(refused, Err(StoreError::Unsuited { .. })), "{refused:?}");
}

pub(crate) fn a_dump_is_of_one_moment(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let objects = many(round * 20, 20);
                let new: Vec<_> = objects.iter().map(Made::new_object).collect();
                home.store
                    .write(|write| {
                        write.add(one, &new, NOON)?;
                        write.add(two, &new, NOON)
                    })
                    .unwrap();
            }
        });
        for _ in 0..5 {
            let target = Home::sqlite().unwrap();
            target.store.restore(&mut dump(home).as_slice()).unwrap();
            let places =
                [one, two].map(|collection| target.store.read(|read| read.last_place(collection)).unwrap().0);
            assert_eq!(places[0], places[1], "both or neither");
        }
        stop.store(true, Ordering::SeqCst);
    });
}
