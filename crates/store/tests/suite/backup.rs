//! Promises about dumps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use watchfire_store::{AuditEntry, Clearance, NewAccount, Outcome, Role, StoreError};

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
        whole.replacen("\"migration\":10", "\"migration\":2", 1),
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
