//! Promises about what was done.

use std::thread;

use watchfire_store::{AuditEntry, StoreError};

use crate::common::{Home, NOON};

fn entry(action: &str) -> AuditEntry<'_> {
    AuditEntry {
        at_us: NOON,
        actor: "anna",
        origin: "192.0.2.1",
        action,
        subject: "indicator--1",
        detail: "",
    }
}

/// Runs a statement past the store, as somebody with a shell on the machine would; whether the engine allowed it.
fn behind_its_back(home: &Home, statement: &str) -> bool {
    if home.folder.is_some() {
        rusqlite::Connection::open(&home.address).unwrap().execute_batch(statement).is_ok()
    } else {
        postgres::Client::connect(&home.address, postgres::NoTls).unwrap().batch_execute(statement).is_ok()
    }
}

pub(crate) fn audit_is_append_only(home: &Home) {
    home.store.write(|write| write.audit(&[entry("object.release"), entry("sign-in")])).unwrap();
    home.store.write(|write| write.place_audit(10)).unwrap();
    for statement in [
        "update audit set actor = 'nobody'",
        "delete from audit",
        "update audit_place set place = place + 1",
        "delete from audit_place",
    ] {
        assert!(!behind_its_back(home, statement), "{statement} was allowed");
    }
    if home.folder.is_none() {
        assert!(!behind_its_back(home, "truncate audit cascade"));
    }
    assert!(behind_its_back(home, "update account set name = name"), "other tables can be written to");
    let rows = home.store.read(|read| read.audit_by_place(0, 10)).unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.place, row.action.as_str())).collect::<Vec<_>>(),
        [(Some(1), "object.release"), (Some(2), "sign-in")]
    );
}

pub(crate) fn audit_is_written_with_the_act(home: &Home) {
    let failed: Result<(), StoreError> = home.store.write(|write| {
        write.audit(&[entry("object.release")])?;
        Err(StoreError::Missing { what: "object" })
    });
    assert!(failed.is_err());
    assert_eq!(home.store.read(|read| read.audit_of_subject("indicator--1", 10)).unwrap(), []);
    let hostile = AuditEntry { actor: "o'; drop table audit; --\0", ..entry("sign-in.failed") };
    home.store.write(|write| write.audit(&[entry("object.release"), hostile])).unwrap();
    let rows = home.store.read(|read| read.audit_of_subject("indicator--1", 10)).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].actor.as_str(), rows[0].place), ("o'; drop table audit; --\u{fffd}", None));
    assert_eq!(home.store.read(|read| read.audit_of_actor("anna", 10)).unwrap().len(), 1);
}

pub(crate) fn every_audit_row_gets_one_place(home: &Home) {
    const EACH: usize = 30;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        home.store.write(|write| write.audit(&[entry("a"), entry("b")])).unwrap();
                    }
                })
            })
            .collect();
        let placers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..20 {
                        home.store.write(|write| write.place_audit(7)).unwrap();
                    }
                })
            })
            .collect();
        writers.into_iter().chain(placers).for_each(|thread| thread.join().unwrap());
    });
    while home.store.write(|write| write.place_audit(50)).unwrap() > 0 {}
    let rows = home.store.read(|read| read.audit_by_place(0, 1_000)).unwrap();
    let places: Vec<i64> = rows.iter().filter_map(|row| row.place).collect();
    assert_eq!(places, (1..=4 * EACH as i64 * 2).collect::<Vec<_>>());
    let mut keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4 * EACH * 2);
}
