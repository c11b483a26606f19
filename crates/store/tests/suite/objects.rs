//! Promises about objects on their way in.

use std::collections::BTreeSet;
use std::thread;

use watchfire_store::{Clearance, Entry, Filter, NewObject, Outcome, Status, StoreError, Versions};

use crate::common::{Home, Made, NOON, many};

pub(crate) fn everything() -> Filter<'static> {
    Filter {
        versions: Versions { all: true, ..Versions::default() },
        with_bytes: true,
        spec_versions: vec!["2.0", "2.1"],
        ..Filter::default()
    }
}

fn added(outcomes: &[Outcome]) -> Vec<i64> {
    outcomes
        .iter()
        .filter_map(|outcome| if let Outcome::Added { place } = outcome { Some(*place) } else { None })
        .collect()
}

pub(crate) fn bytes_are_kept(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 5);
    objects[0].bytes = (0..=255).collect();
    objects[1].bytes = Vec::new();
    objects[2].bytes = b"{\"created\":\"2021-07-19T12:00:00.000Z\" ,  \"b\":1,\"a\":1.0}\r\n".to_vec();
    objects[3].bytes = vec![b'x'; 3 << 20];
    objects[4].bytes = "\u{0}\u{fffd}ä\u{10ffff}".into();
    home.add(collection, &objects);
    let page =
        home.store.read(|read| read.page(collection, &everything(), &Clearance::Everything, 0, 10)).unwrap();
    assert_eq!(page.objects.len(), 5);
    for (stored, given) in page.objects.iter().zip(&objects) {
        assert_eq!((&stored.id, &stored.bytes), (&given.id, &given.bytes));
        assert_eq!((stored.version_us, stored.object_type.as_str()), (NOON, "indicator"));
    }
}

pub(crate) fn adding_twice_changes_nothing(home: &Home) {
    let collection = home.collection("1");
    let objects = many(0, 20);
    assert_eq!(added(&home.add(collection, &objects)), (1..=20).collect::<Vec<_>>());
    let before = home.store.digest().unwrap();
    assert!(home.add(collection, &objects).iter().all(|outcome| *outcome == Outcome::Unchanged));
    assert_eq!(home.store.digest().unwrap(), before);
    let twice = [objects[0].clone(), Made::new(77, NOON), Made::new(77, NOON)];
    assert_eq!(
        home.add(collection, &twice),
        [Outcome::Unchanged, Outcome::Added { place: 21 }, Outcome::Unchanged]
    );
}

pub(crate) fn other_bytes_of_a_version_are_a_conflict(home: &Home) {
    let collection = home.collection("1");
    let first = Made::new(1, NOON);
    home.add(collection, std::slice::from_ref(&first));
    let before = home.store.digest().unwrap();
    let mut other = first.clone();
    other.bytes.push(b' ');
    assert_eq!(home.add(collection, std::slice::from_ref(&other)), [Outcome::Conflict]);
    assert_eq!(home.store.digest().unwrap(), before);
    // Within a batch the first one counts; in another collection it is the same object still.
    let batch = [Made::new(2, NOON), { Made { bytes: b"{}".to_vec(), ..Made::new(2, NOON) } }, other.clone()];
    let outcomes = home.add(collection, &batch);
    assert_eq!(outcomes, [Outcome::Added { place: 2 }, Outcome::Conflict, Outcome::Conflict]);
    assert_eq!(home.add(home.collection("2"), &[other]), [Outcome::Conflict]);
}

pub(crate) fn one_bad_object_does_not_spoil_a_batch(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 7);
    objects[1].id = "indicator--\0".to_owned();
    objects[2].id = String::new();
    objects[3].object_type = "x".repeat(5_000);
    objects[4].values = vec!["nul\0inside".to_owned(), "v".repeat(100_000), String::new()];
    objects[5] = objects[5].clone().related("a\0", "uses", "b");
    objects[6].relations = vec![("a".to_owned(), "uses".to_owned(), "b".to_owned())];
    let outcomes = home.add(collection, &objects);
    assert!(matches!(outcomes[0], Outcome::Added { place: 1 }));
    assert!(matches!(outcomes[4], Outcome::Added { place: 2 }));
    for at in [1, 2, 3, 5, 6] {
        assert!(matches!(outcomes[at], Outcome::Refused(_)), "{at}: {:?}", outcomes[at]);
    }
}

pub(crate) fn a_failed_act_leaves_nothing(home: &Home) {
    let collection = home.collection("1");
    home.add(collection, &many(0, 3));
    let before = home.store.digest().unwrap();
    let objects = many(100, 50);
    let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
    let failed: Result<(), StoreError> = home.store.write(|write| {
        write.add(collection, &new, NOON)?;
        Err(StoreError::Missing { what: "patience" })
    });
    assert!(matches!(failed, Err(StoreError::Missing { what: "patience" })));
    assert_eq!(home.store.digest().unwrap(), before);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        home.store.write(|write| -> Result<(), StoreError> {
            write.add(collection, &new, NOON)?;
            panic!("in the middle of an act")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(
        added(&home.add(collection, &many(200, 1))),
        [4],
        "the place is not lost, and the store goes on"
    );
}

pub(crate) fn an_object_can_be_in_two_collections(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let objects = many(0, 4);
    home.add(one, &objects);
    assert_eq!(added(&home.add(two, &objects[2..])), [1, 2]);
    let page = home.store.read(|read| read.page(two, &everything(), &Clearance::Everything, 0, 10)).unwrap();
    assert_eq!(page.objects[0].bytes, objects[2].bytes);
    let rows = home.store.digest().unwrap().tables;
    assert_eq!(rows.iter().find(|(name, ..)| name == "object").unwrap().1, 4);
}

pub(crate) fn what_is_not_there_is_said(home: &Home) {
    let collection = home.collection("1");
    let other = Home::sqlite().unwrap();
    other.collection("1");
    let beyond = other.collection("2");
    assert_ne!(collection, beyond);
    let page = home.store.read(|read| read.page(beyond, &everything(), &Clearance::Everything, 0, 10));
    assert!(matches!(page, Err(StoreError::Missing { what: "collection" })), "{page:?}");
    let objects = many(0, 1);
    let added = home.store.write(|write| write.add(beyond, &[objects[0].new_object()], NOON));
    assert!(matches!(added, Err(StoreError::Missing { what: "collection" })), "{added:?}");
    assert_eq!(home.store.read(|read| read.collection("allies", "no\0where")).unwrap(), None);
    let taken = home.store.write(|write| {
        let new = watchfire_store::NewCollection {
            id: "another",
            api_root: "allies",
            alias: None,
            title: "1",
            description: None,
            can_read: true,
            can_write: true,
            media_types: "",
        };
        write.create_collection(&new, NOON)
    });
    assert!(matches!(taken, Err(StoreError::Constraint { .. })), "titles are taken once: {taken:?}");
}

pub(crate) fn places_are_gapless(home: &Home) {
    let collection = home.collection("1");
    let places = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer: u64| {
                scope.spawn(move || {
                    let mut places = Vec::new();
                    for round in 0..8 {
                        // Overlaps with what others add: known objects take no place.
                        let objects = many(writer * 10 + round * 25, 30);
                        let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
                        if round % 3 == 2 {
                            let failed: Result<(), StoreError> = home.store.write(|write| {
                                write.add(collection, &new, NOON)?;
                                Err(StoreError::Missing { what: "patience" })
                            });
                            assert!(failed.is_err());
                        }
                        places.extend(added(
                            &home.store.write(|write| write.add(collection, &new, NOON)).unwrap(),
                        ));
                    }
                    places
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<i64>>()
    });
    let expected: BTreeSet<u64> = (0..4)
        .flat_map(|writer| {
            (0..8).flat_map(move |round| writer * 10 + round * 25..writer * 10 + round * 25 + 30)
        })
        .collect();
    let mut sorted = places;
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=expected.len() as i64).collect::<Vec<_>>());
}

pub(crate) fn dates_added_rise_with_places(home: &Home) {
    let collection = home.collection("1");
    for (first, now) in [(0, NOON), (100, NOON), (200, NOON - 5_000_000), (300, NOON + 5_000_000)] {
        let objects = many(first, 10);
        let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
        home.store.write(|write| write.add(collection, &new, now)).unwrap();
    }
    let page =
        home.store.read(|read| read.page(collection, &everything(), &Clearance::Everything, 0, 100)).unwrap();
    assert!(
        page.objects
            .windows(2)
            .all(|pair| pair[0].added_us < pair[1].added_us && pair[0].place < pair[1].place)
    );
    assert_eq!(page.objects[0].added_us, NOON);
    assert_eq!(page.objects[30].added_us, NOON + 5_000_000);
}

/// The trap of sequences: a reader that pages by them sees row 2, then never row 1, which commits later.
pub(crate) fn a_cursor_never_skips_with_four_writers(home: &Home) {
    const EACH: u64 = 40;
    let collection = home.collection("1");
    let seen = thread::scope(|scope| {
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                scope.spawn(move || {
                    for number in 0..EACH {
                        home.add(collection, &[Made::new(writer * 1_000 + number, NOON)]);
                    }
                })
            })
            .collect();
        let mut seen = Vec::new();
        let mut place = 0;
        loop {
            let ended = writers.iter().all(std::thread::ScopedJoinHandle::is_finished);
            let page = home
                .store
                .read(|read| read.page(collection, &everything(), &Clearance::Everything, place, 7))
                .unwrap();
            place = page.objects.last().map_or(place, |last| last.place);
            seen.extend(page.objects.iter().map(|object| object.place));
            if ended && page.objects.is_empty() {
                return seen;
            }
        }
    });
    assert_eq!(seen, (1..=4 * EACH as i64).collect::<Vec<_>>());
}

pub(crate) fn writers_in_opposite_order_both_succeed(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    thread::scope(|scope| {
        for (first, second) in [(one, two), (two, one)] {
            scope.spawn(move || {
                for round in 0..10 {
                    let mut objects = many(round * 10, 10);
                    if first == two {
                        objects.reverse();
                    }
                    let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
                    home.store
                        .write(|write| {
                            write.add(first, &new, NOON)?;
                            write.add(second, &new, NOON)
                        })
                        .unwrap();
                }
            });
        }
    });
    for collection in [one, two] {
        let (place, _) = home.store.read(|read| read.last_place(collection)).unwrap();
        assert_eq!(place, 100);
    }
}

/// What stands in the given columns of all rows of a table.
fn columns(home: &Home, table: &str, columns: &[usize]) -> Vec<Vec<serde_json::Value>> {
    let row = |row: &serde_json::Value| columns.iter().map(|at| row[*at].clone()).collect();
    home.rows(table).iter().map(row).collect()
}

/// That no two rows of a table agree in the given columns.
#[track_caller]
fn assert_unique(home: &Home, table: &str, wanted: &[usize]) {
    let mut seen = BTreeSet::new();
    for row in columns(home, table, wanted) {
        assert!(seen.insert(format!("{row:?}")), "{row:?} is twice in {table}");
    }
}

pub(crate) fn an_id_has_one_number_whoever_writes(home: &Home) {
    let collections = [home.collection("1"), home.collection("2"), home.collection("3")];
    let other = home.open_again();
    let stores = [&home.store, &other];
    thread::scope(|scope| {
        for writer in 0..6 {
            let (store, collection) = (stores[writer % 2], collections[writer / 2]);
            scope.spawn(move || {
                for round in 0..15 {
                    // Each batch has half of the one before, and names what others bring at the same time.
                    let objects: Vec<Made> = many(round * 10, 20)
                        .into_iter()
                        .map(|made| made.by("identity--creator").related("a", "b", &format!("c--{round}")))
                        .collect();
                    let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
                    store.write(|write| write.add(collection, &new, NOON)).unwrap();
                }
            });
        }
    });
    assert_unique(home, "item", &[1]);
    assert_unique(home, "object", &[1, 2]);
    assert_unique(home, "member", &[0, 2, 3]);
    assert_eq!(home.rows("object").len(), 160);
    for collection in collections {
        assert_eq!(home.store.read(|read| read.last_place(collection)).unwrap().0, 160);
    }
}

pub(crate) fn an_id_that_was_named_was_here_before(home: &Home) {
    let collection = home.collection("1");
    let named = Made::new(1, NOON);
    let naming = Made::new(0, NOON).related("a", "b", &named.id).by("identity--c");
    let fresh = |objects: &[Made]| {
        let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
        home.store.write(|write| write.add_and_tell(collection, &new, NOON)).unwrap().1
    };
    assert_eq!(
        fresh(&[naming.clone(), Made::new(5, NOON).related("a", "b", &Made::new(6, 0).id)]),
        [true, true]
    );
    let mut creator = Made::new(2, NOON);
    creator.id = "identity--c".to_owned();
    let objects = [named, Made::new(3, NOON), Made::new(3, NOON + 1), naming, Made::new(6, NOON), creator];
    assert_eq!(fresh(&objects), [false, true, true, false, false, false]);
    assert_eq!(fresh(&objects[..2]), [false, false]);
}

pub(crate) fn ids_are_known_in_every_era(home: &Home) {
    const ERA: i64 = 131_072;
    let collection = home.collection("1");
    let add = |store: &watchfire_store::Store, objects: &[Made]| -> usize {
        let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
        added(&store.write(|write| write.add(collection, &new, NOON)).unwrap()).len()
    };
    assert_eq!(add(&home.store, &many(0, 10)), 10);
    for (round, first) in (1..=3).zip([1_000, 2_000, 3_000]) {
        home.skip_to_item(round * ERA - 5);
        // What fills an era and does not come to be must not be taken for what is in it.
        let undone = many(first + 500, 10);
        let new: Vec<NewObject<'_>> = undone.iter().map(Made::new_object).collect();
        let failed = home.store.write(|write| {
            write.add(collection, &new, NOON)?;
            write.add(collection, &new, NOON)?;
            Err::<(), _>(StoreError::Missing { what: "test" })
        });
        assert!(failed.is_err());
        assert_eq!(add(&home.store, &many(first, 10)), 10);
    }
    for store in [&home.store, &home.open_again()] {
        for first in [0, 1_000, 2_000, 3_000] {
            assert_eq!(add(store, &many(first, 10)), 0, "{first} is known");
        }
    }
    assert_eq!(add(&home.store, &many(1_500, 10)), 10, "what was undone is new");
    assert_unique(home, "item", &[1]);
    let known = many(2_000, 10);
    let filter = Filter { ids: known.iter().map(|made| made.id.as_str()).collect(), ..everything() };
    let page =
        home.store.read(|read| read.page(collection, &filter, &Clearance::Everything, 0, 100)).unwrap();
    assert_eq!(page.objects.len(), 10);
}

pub(crate) fn a_status_is_told_to_who_asked(home: &Home) {
    let collection = home.collection("1");
    let entry = |outcome: &str, message: Option<&str>| Entry {
        outcome: outcome.to_owned(),
        id: "indicator--1".to_owned(),
        version: "2021-07-19T12:00:00.000Z".to_owned(),
        message: message.map(str::to_owned),
    };
    let status = Status {
        id: "2d086da7-4bdc-4f91-900e-d77486753710".to_owned(),
        collection,
        account: "cert".to_owned(),
        requested_us: NOON,
        total: 3,
        success: 1,
        failure: 2,
        pending: 0,
        entries: vec![entry("failure", Some("other bytes")), entry("failure", None)],
    };
    home.store.write(|write| write.create_status(&status)).unwrap();
    assert_eq!(home.store.read(|read| read.status(&status.id, "cert")).unwrap().as_ref(), Some(&status));
    assert_eq!(home.store.read(|read| read.status(&status.id, "another")).unwrap(), None);
    assert_eq!(home.store.read(|read| read.status("not\0one", "cert")).unwrap(), None);
    assert_eq!(home.store.write(|write| write.expire_statuses(NOON)).unwrap(), 0);
    assert_eq!(home.store.write(|write| write.expire_statuses(NOON + 1)).unwrap(), 1);
    assert_eq!(home.store.read(|read| read.status(&status.id, "cert")).unwrap(), None);
}
