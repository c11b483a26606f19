//! Promises about what is there already, and about parties.

use watchfire_store::{GIVEN_LIMIT, GiverKey, MarkingKey, Naming, NewObject, Newest, Party, UpstreamPlace};

use crate::common::{Home, Made, NOON};

pub(crate) fn the_newest_of_ids_is_told(home: &Home) {
    let collection = home.collection("1");
    let (old, new) = (Made::new(1, NOON).marked("red"), Made::new(1, NOON + 7));
    home.add(collection, &[old, new.clone(), Made::new(2, NOON)]);
    let ask = |ids: &[&str], with_bytes| home.store.read(|read| read.newest(ids, with_bytes)).unwrap();
    let expected = Newest {
        id: new.id.clone(),
        version_us: NOON + 7,
        summary: "clear".to_owned(),
        giver: None,
        bytes: new.bytes.clone(),
    };
    let twice = [new.id.as_str(), "indicator--unheard", &new.id, "nul\0"];
    assert_eq!(ask(&twice, true), std::slice::from_ref(&expected));
    assert_eq!(ask(&[&new.id], false), [Newest { bytes: Vec::new(), ..expected }]);
    assert!(ask(&[], true).is_empty());
    let every = home.store.read(|read| read.every_version(&[&new.id, "x"], true)).unwrap();
    let versions: Vec<(i64, &str)> = every.iter().map(|one| (one.version_us, one.summary.as_str())).collect();
    assert_eq!(versions, [(NOON, "red"), (NOON + 7, "clear")]);
}

fn giver(home: &Home, name: &str) -> GiverKey {
    let (account, giver) = home.giver(name, "CERT-A");
    let again = |organisation| home.store.write(|write| write.giver(account, organisation)).unwrap();
    assert_eq!(again("CERT-A"), giver, "one number for each");
    assert_ne!(again("CERT-B"), giver, "who pulls from elsewhere gives for that");
    giver
}

pub(crate) fn what_names_an_id_is_told(home: &Home) {
    let collection = home.collection("1");
    let (anna, ben) = (giver(home, "anna"), giver(home, "ben"));
    let named = Made::new(1, NOON);
    let note = |number: u64, kind: &str| {
        let made = Made::new(number, NOON).marked("green");
        let own = made.id.clone();
        made.related(&own, kind, &named.id)
    };
    let give = |giver: GiverKey, notes: &[Made]| {
        let new: Vec<NewObject<'_>> =
            notes.iter().map(|note| NewObject { giver: Some(giver), ..note.new_object() }).collect();
        home.store.write(|write| write.add(collection, &new, NOON)).unwrap();
    };
    // What names may come before what is named.
    give(anna, &[note(2, "object_refs"), note(3, "created_by_ref"), note(4, "object_refs")]);
    give(ben, &[note(5, "object_refs")]);
    home.add(collection, &[named.clone(), note(6, "object_refs").marked("red")]);
    let ask = |giver, limit| {
        home.store.read(|read| read.naming(&[&named.id, "x"], giver, &|_, _| false, limit)).unwrap()
    };
    let found = ask(anna, 10);
    assert!(
        found.iter().all(|one| one.names == named.id && one.version_us == NOON && one.summary == "green")
    );
    let sorted = |numbers: &[u64]| {
        let mut ids: Vec<String> = numbers.iter().map(|number| note(*number, "").id).collect();
        ids.sort_unstable();
        ids
    };
    let ids = |found: &[Naming]| {
        let mut ids: Vec<String> = found.iter().map(|one| one.id.clone()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&found), sorted(&[2, 3, 4]));
    assert_eq!(ids(&ask(ben, 10)), [note(5, "").id]);
    assert_eq!(ask(anna, 1).len(), 2, "one more than asked tells that there are more");
    // Those that are marked enough are not in the way of others, however many they are.
    give(anna, &[note(7, "object_refs").marked("late")]);
    let is_enough = |id: &str, summary: &str| {
        assert_eq!(id, named.id);
        summary == "green"
    };
    let rest = home.store.read(|read| read.naming(&[&named.id], anna, &is_enough, 1)).unwrap();
    assert_eq!((ids(&rest), rest[0].summary.as_str()), (vec![note(7, "").id], "late"));
    // What contains it, each way of it once.
    let mut containing = home.store.read(|read| read.containing(&[&named.id, "x"])).unwrap();
    containing.sort_by_key(|one| (one.giver, one.summary.clone()));
    let shown: Vec<(&str, Option<GiverKey>)> =
        containing.iter().map(|one| (one.summary.as_str(), one.giver)).collect();
    assert_eq!(shown, [("red", None), ("green", Some(anna)), ("late", Some(anna)), ("green", Some(ben))]);
    assert!(containing.iter().all(|one| one.contains == named.id));
}

pub(crate) fn who_gave_an_object_is_told(home: &Home) {
    let collection = home.collection("1");
    let anna = giver(home, "anna");
    let (one, other) = (Made::new(1, NOON), Made::new(2, NOON));
    let new = [one.new_object(), NewObject { giver: Some(anna), ..other.new_object() }];
    home.store.write(|write| write.add(collection, &new, NOON)).unwrap();
    // Whoever brings it again has not given it.
    home.add(collection, std::slice::from_ref(&other));
    let given_by = |id: &str| home.store.read(|read| read.newest(&[id], false)).unwrap().remove(0).giver;
    assert_eq!((given_by(&other.id), given_by(&one.id)), (Some(anna), None));
    let every = home.store.read(|read| read.every_version(&[&other.id], false)).unwrap();
    assert_eq!(every[0].giver, Some(anna));
    assert!(every[0].bytes.is_empty());
}

/// Two transactions of one giver come one after the other, so that neither misses what the other brings.
pub(crate) fn a_giver_is_held_until_the_end(home: &Home) {
    let collection = home.collection("1");
    let anna = giver(home, "anna");
    let id = Made::new(1, NOON).id;
    std::thread::scope(|scope| {
        let adders: Vec<_> = (0..8)
            .map(|n| {
                let id = &id;
                scope.spawn(move || {
                    home.store.write(|write| {
                        write.hold_giver(anna)?;
                        let seen = write.every_version(&[id.as_str()], false)?.len();
                        // Long enough that others begin meanwhile.
                        std::thread::sleep(std::time::Duration::from_millis(5));
                        write.add(collection, &[Made::new(1, NOON + n).new_object()], NOON)?;
                        Ok(seen)
                    })
                })
            })
            .collect();
        let mut seen: Vec<usize> = adders.into_iter().map(|adder| adder.join().unwrap().unwrap()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..8).collect::<Vec<_>>(), "each saw all that were before it");
    });
}

/// What a giver gave under a marking comes collection by collection, in the order of places, in pieces.
pub(crate) fn what_was_given_under_a_marking_is_told(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let (anna, ben) = (giver(home, "anna"), giver(home, "ben"));
    let give = |collection, giver: GiverKey, from: u64, count: u64| {
        let made: Vec<Made> = (from..from + count).map(|n| Made::new(n, NOON).marked("held")).collect();
        let new: Vec<NewObject<'_>> =
            made.iter().map(|made| NewObject { giver: Some(giver), ..made.new_object() }).collect();
        home.store.write(|write| write.add(collection, &new, NOON)).unwrap();
    };
    give(one, anna, 0, GIVEN_LIMIT as u64 + 2);
    give(one, ben, 5_000, 3);
    give(two, anna, 6_000, 2);
    home.add(two, &[Made::new(9_999, NOON).marked("clear")]);
    let held = home.store.read(|read| read.markings(MarkingKey(0))).unwrap();
    let held = held.iter().find(|marking| marking.summary == "held").unwrap().key;
    let (mut after, mut pieces) = (None, Vec::new());
    while let Some((collection, given)) = home.store.read(|read| read.given_under(held, anna, after)).unwrap()
    {
        assert!(given.is_sorted_by_key(|given| given.place));
        assert!(given.iter().all(|given| given.version_us == NOON && !given.bytes.is_empty()));
        pieces.push((collection, given.len()));
        after = Some((collection, given.last().unwrap().place));
    }
    assert_eq!(pieces, [(one, GIVEN_LIMIT), (one, 2), (two, 2)]);
}

pub(crate) fn parties_are_kept(home: &Home) {
    let set = |kind: &str, name: &str, attributes: &str| {
        home.store.write(|write| write.set_party(kind, name, attributes)).unwrap();
    };
    set("organisation", "CERT-B", "{}");
    set("community", "allies", "{}");
    set("organisation", "CERT-B", "{\"nation\":\"FRA\"}");
    let line = |one: Party| format!("{} {} {}", one.kind, one.name, one.attributes);
    let shown = || {
        let read = home.store.read(|read| Ok(read.parties()?.into_iter().map(line).collect::<Vec<_>>()));
        read.unwrap()
    };
    assert_eq!(shown(), ["community allies {}", "organisation CERT-B {\"nation\":\"FRA\"}"]);
    let forget = || home.store.write(|write| write.forget_party("community", "allies")).unwrap();
    assert!(forget() && !forget());
    assert_eq!(shown().len(), 1);
}

pub(crate) fn a_place_elsewhere_is_kept(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let ask =
        |source: &str, collection| home.store.read(|read| read.upstream_place(source, collection)).unwrap();
    let set = |source: &str, collection, next: &str| {
        let place = UpstreamPlace { since: "s".to_owned(), last: "l".to_owned(), next: next.to_owned() };
        home.store.write(|write| write.set_upstream_place(source, collection, &place, NOON)).unwrap();
    };
    assert_eq!(ask("a", one), None);
    set("a", one, "1");
    set("a", two, "2");
    set("a", one, "3");
    assert_eq!(ask("a", one).map(|place| place.next).as_deref(), Some("3"));
    assert_eq!(ask("a", two).map(|place| place.next).as_deref(), Some("2"));
    assert_eq!(ask("b", one), None);
}
