//! Promises about opening a store, and about its migrations.

use std::thread;

use watchfire_store::{Options, Store, StoreError};

use crate::common::{Home, Made, NOON, many};

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
    home.behind_its_back("insert into migration (number, sha256, applied_us) values (99, 'x', 0)");
    assert!(matches!(open(home), Err(StoreError::Newer { found: 99, known: 15 })));
    home.behind_its_back("delete from migration where number = 99");
    assert!(open(home).is_ok());
}

pub(crate) fn an_altered_migration_is_refused(home: &Home) {
    home.behind_its_back("update migration set sha256 = 'x' where number = 2");
    assert!(matches!(open(home), Err(StoreError::Altered { number: 2 })));
}

/// The schema before migrations 9, 10 and 13 to 15, which gave values and, in a file, hashes of ids an era, made fewer rows of
/// an object, and told givers from accounts. Then there could be a relation that its object does not name the source of,
/// and an object could have a creator without saying so as a relation.
const WITHOUT_ERAS: &str = "
    create table value_flat (value {text} not null, marking {int} not null, object {int} not null,
      primary key (value, marking, object)) {clustered};
    insert into value_flat (value, marking, object) select value, marking, object from value;
    drop table value;
    alter table value_flat rename to value;
    create index member_object on member (object);
    create unique index member_added on member (collection, added_us);
    drop table spent;
    create table terms (object {int} primary key, words {text} not null);
    insert into terms (object, words) select object, words from beside where words <> '';
    create table given (object {int} primary key, account {int} not null);
    insert into given (object, account) select b.object, g.account from beside b join giver g on g.key = b.giver;
    drop table beside;
    drop table giver;
    drop index member_replaced;
    create index member_lane on member (lane, place);
    create index relation_object on relation (object);
    create index object_creator on object (creator, key);
    delete from relation where kind = 'created_by_ref';
    insert into relation (source, kind, target, marking, object)
      select target, 'owns', source, marking, object from relation where kind = 'located-at';
    delete from migration where number >= 9;
";
const WITHOUT_HASHES: &str = "
    create table item_text (key integer primary key, id text not null unique) strict;
    insert into item_text (key, id) select key, id from item;
    drop table item;
    alter table item_text rename to item;
    drop table item_hash;
    drop table item_filter;
";

pub(crate) fn a_store_of_before_is_brought_forward(home: &Home) {
    let collection = home.collection("1");
    let (_, giver) = home.giver("anna", "cert");
    let mut objects = many(0, 10);
    objects[1] = objects[1].clone().by("identity--c").related("a--1", "uses", "b--1");
    objects[2].values.clear();
    let located = objects[2].id.clone();
    objects[2] = objects[2].clone().related(&located, "located-at", "location--1");
    objects[3].values.clear();
    let given: Vec<_> = objects[..3]
        .iter()
        .map(|made| watchfire_store::NewObject { giver: Some(giver), ..made.new_object() })
        .collect();
    home.store.write(|write| write.add(collection, &given, NOON)).unwrap();
    home.add(collection, &objects[3..]);
    // A later version of what is there, so that there is one that is not the newest.
    home.add(collection, &[Made::new(4, NOON + 1)]);
    home.skip_to_object(2 * 131_072 - 5);
    home.add(collection, &many(10, 10));
    let before = home.store.digest().unwrap();
    let words = if home.folder.is_some() {
        [("{text}", "text"), ("{int}", "integer"), ("{clustered}", "strict, without rowid")]
    } else {
        [("{text}", "text collate \"C\""), ("{int}", "bigint"), ("{clustered}", "")]
    };
    let back = words.iter().fold(WITHOUT_ERAS.to_owned(), |text, (word, means)| text.replace(word, means));
    home.behind_its_back(&back);
    if home.folder.is_some() {
        home.behind_its_back(WITHOUT_HASHES);
    }
    let again = home.open_again();
    assert_eq!(again.digest().unwrap(), before);
    let known = many(0, 20).iter().map(|made| made.id.clone()).collect::<Vec<_>>();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    assert_eq!(again.read(|read| read.newest(&known, false)).unwrap().len(), 20, "ids of before are found");
    let found = again.read(|read| read.newest(&[&objects[1].id], false)).unwrap();
    assert_eq!(found[0].giver, Some(giver), "and so is who gave them");
    again.write(|write| write.add(collection, &[many(20, 1)[0].new_object()], NOON)).unwrap();
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
