//! Promises about opening a store, and about its migrations.

use std::thread;

use watchfire_store::{Options, Store, StoreError};

use crate::common::{Home, NOON, many};

fn behind_its_back(home: &Home, statement: &str) {
    if home.folder.is_some() {
        rusqlite::Connection::open(&home.address).unwrap().execute_batch(statement).unwrap();
    } else {
        postgres::Client::connect(&home.address, postgres::NoTls).unwrap().batch_execute(statement).unwrap();
    }
}

fn open(home: &Home) -> Result<Store, StoreError> {
    Store::open(&home.address, &Options::default(), NOON)
}

pub(crate) fn opening_again_changes_nothing(home: &Home) {
    let collection = home.collection("1");
    home.add(collection, &many(0, 10));
    let before = home.store.digest().unwrap();
    let again = home.open_again();
    assert_eq!(again.digest().unwrap(), before);
    let objects = many(10, 1);
    again.write(|write| write.add(collection, &[objects[0].new_object()], NOON)).unwrap();
    assert_ne!(home.store.digest().unwrap(), before, "and both see what either writes");
}

pub(crate) fn a_newer_store_is_refused(home: &Home) {
    behind_its_back(home, "insert into migration (number, sha256, applied_us) values (99, 'x', 0)");
    assert!(matches!(open(home), Err(StoreError::Newer { found: 99, known: 8 })));
    behind_its_back(home, "delete from migration where number = 99");
    assert!(open(home).is_ok());
}

pub(crate) fn an_altered_migration_is_refused(home: &Home) {
    behind_its_back(home, "update migration set sha256 = 'x' where number = 2");
    assert!(matches!(open(home), Err(StoreError::Altered { number: 2 })));
}

pub(crate) fn several_may_open_at_once(home: &Home) {
    let address = if home.folder.is_some() {
        home.address.replace("watchfire.db", "another.db")
    } else {
        crate::common::server::shared().unwrap().new_database()
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Store::open(&address, &Options::default(), NOON).unwrap());
        }
    });
    assert!(Store::open(&address, &Options::default(), NOON).is_ok());
}
