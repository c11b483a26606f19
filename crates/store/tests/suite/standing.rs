//! Promises about what is there already, and about parties.

use watchfire_store::{NewAccount, NewObject, Newest, Party, Role, UpstreamPlace};

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
    let every = home.store.read(|read| read.every_version(&[&new.id, "x"])).unwrap();
    let versions: Vec<(i64, &str)> = every.iter().map(|one| (one.version_us, one.summary.as_str())).collect();
    assert_eq!(versions, [(NOON, "red"), (NOON + 7, "clear")]);
}

pub(crate) fn what_names_an_id_is_told(home: &Home) {
    let collection = home.collection("1");
    let named = Made::new(1, NOON);
    let note = |number: u64| {
        let made = Made::new(number, NOON).marked("green");
        let own = made.id.clone();
        made.related(&own, "object_refs", &named.id)
    };
    // What names may come before what is named.
    home.add(collection, &[note(2), note(3), note(4)]);
    home.add(collection, std::slice::from_ref(&named));
    let ask = |limit| home.store.read(|read| read.naming(&[&named.id, "x"], limit)).unwrap();
    let found = ask(10);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| one.names == named.id && one.kind == "object_refs"));
    assert!(found.iter().all(|one| one.version_us == NOON && one.summary == "green"));
    assert_eq!(ask(1).len(), 2, "one more than asked tells that there are more");
}

pub(crate) fn who_gave_an_object_is_told(home: &Home) {
    let collection = home.collection("1");
    let account = NewAccount {
        name: "anna",
        role: Role::Analyst,
        organisation: "CERT-A",
        attributes: "{}",
        password_hash: None,
    };
    let anna = home.store.write(|write| write.create_account(&account, NOON)).unwrap();
    let named = Made::new(1, NOON);
    let note = Made::new(2, NOON);
    let note = note.clone().related(&note.id, "object_refs", &named.id);
    let new = [named.new_object(), NewObject { giver: Some(anna), ..note.new_object() }];
    home.store.write(|write| write.add(collection, &new, NOON)).unwrap();
    // Whoever brings it again has not given it.
    home.add(collection, std::slice::from_ref(&note));
    let giver = |id: &str| home.store.read(|read| read.newest(&[id], false)).unwrap().remove(0).giver;
    assert_eq!((giver(&note.id).as_deref(), giver(&named.id)), (Some("anna"), None));
    let naming = home.store.read(|read| read.naming(&[&named.id], 5)).unwrap();
    assert_eq!(naming.iter().map(|one| one.giver.as_deref()).collect::<Vec<_>>(), [Some("anna")]);
    let every = home.store.read(|read| read.every_version(&[&note.id])).unwrap();
    assert_eq!(every[0].giver.as_deref(), Some("anna"));
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
