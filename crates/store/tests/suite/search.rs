//! Promises about finding things.

use watchfire_store::{Clearance, Cursor, Direction, Found, Query, Sought};

use super::paging::cleared;
use crate::common::{Home, Made, NOON, many};

fn search(home: &Home, query: &Query<'_>, clearance: &Clearance, limit: usize) -> Vec<Found> {
    let (mut all, mut after) = (Vec::new(), Cursor::default());
    loop {
        let (found, next) = home.store.read(|read| read.search(query, clearance, &after, limit)).unwrap();
        assert!(found.len() <= limit);
        all.extend(found);
        match next {
            Some(next) => after = next,
            None => return all,
        }
    }
}

fn ids(found: &[Found]) -> Vec<&str> {
    found.iter().map(|found| found.id.as_str()).collect()
}

pub(crate) fn values_are_found_whole_and_by_beginning(home: &Home) {
    let collection = home.collection("1");
    let long = format!("cmd.exe /c {}", "é".repeat(2_000));
    let objects = [
        Made::new(1, NOON).valued(&["Example.COM", "198.51.100.7"]),
        Made::new(2, NOON).valued(&["exam", "Straße.example"]),
        Made::new(3, NOON).valued(&["examine", "examiner", &long]),
        Made::new(4, NOON).valued(&["100%", "a_b", "axb"]),
    ];
    home.add(collection, &objects);
    let ask = |sought: Sought<'_>| {
        let query = Query { values: vec![sought], ..Query::default() };
        let mut found: Vec<usize> = search(home, &query, &Clearance::Everything, 10)
            .iter()
            .map(|found| objects.iter().position(|object| object.id == found.id).unwrap() + 1)
            .collect();
        found.dedup();
        found
    };
    assert_eq!(ask(Sought::Exact("example.com")), [1]);
    assert_eq!(ask(Sought::Exact(" EXAMPLE.com ")), [1]);
    assert_eq!(ask(Sought::Exact("example")), [0; 0]);
    assert_eq!(ask(Sought::Exact("STRASSE.example")), [0; 0]);
    assert_eq!(ask(Sought::Exact("straße.EXAMPLE")), [2]);
    assert_eq!(ask(Sought::Prefix("exam")), [2, 3, 1]);
    assert_eq!(ask(Sought::Prefix("198.51.")), [1]);
    assert_eq!(ask(Sought::Exact(&long)), [3]);
    assert_eq!(ask(Sought::Prefix("CMD.exe /c é")), [3]);
    assert_eq!(ask(Sought::Prefix("100%")), [4]);
    assert_eq!(ask(Sought::Exact("a_b")), [4], "no character is a wildcard");
    assert_eq!(ask(Sought::Exact("nul\0")), [0; 0]);
}

/// Values stand by era, of 131,072 objects each: a search goes through all of them, and goes on in any.
pub(crate) fn values_are_found_in_every_era(home: &Home) {
    const ERA: i64 = 131_072;
    let collection = home.collection("1");
    let mut objects = many(0, 40);
    for (n, object) in objects.iter_mut().enumerate() {
        object.values = vec!["same".to_owned(), format!("same-{}", 40 - n)];
        if n % 3 == 0 {
            object.marking = "red".to_owned();
        }
    }
    // One batch is of two eras; one era holds nothing; the last is the hundredth.
    for (batch, after) in objects.chunks(10).zip([0, ERA - 5, 3 * ERA, 100 * ERA]) {
        if after > 0 {
            home.skip_to_object(after);
        }
        home.add(collection, batch);
    }
    let query = |sought| Query { values: vec![sought], ..Query::default() };
    let clear = cleared(home, &["clear"]);
    for limit in [1, 3, 7, 100] {
        let ask = |sought, clearance: &Clearance| search(home, &query(sought), clearance, limit);
        let all: Vec<&str> = objects.iter().map(|object| object.id.as_str()).collect();
        assert_eq!(ids(&ask(Sought::Exact("same"), &Clearance::Everything)), all);
        assert_eq!(ask(Sought::Exact("same"), &clear).len(), 26);
        assert_eq!(ids(&ask(Sought::Exact("same-40"), &Clearance::Everything)), all[..1]);
        assert_eq!(ids(&ask(Sought::Exact("same-1"), &Clearance::Everything)), all[39..]);
        for (clearance, count) in [(&Clearance::Everything, 40), (&clear, 26)] {
            let found = ask(Sought::Prefix("same-"), clearance);
            let mut found = ids(&found);
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), count);
        }
    }
    let last = &objects[39];
    assert_eq!(search(home, &query(Sought::Exact("same-2")), &clear, 9).len(), 1);
    home.store.write(|write| write.remark(&objects[38].id, NOON, "red")).unwrap();
    assert_eq!(search(home, &query(Sought::Exact("same-2")), &clear, 9), []);
    home.store.write(|write| write.remark(&last.id, NOON, "clear")).unwrap();
    assert_eq!(ids(&search(home, &query(Sought::Exact("same-1")), &clear, 9)), [last.id.as_str()]);
}

pub(crate) fn a_search_keeps_to_the_clearance(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 60);
    for (n, object) in objects.iter_mut().enumerate() {
        object.values = vec!["same".to_owned()];
        object.created_by = Some("identity--a".to_owned());
        *object = object.clone().related("x--1", "uses", "y--1");
        if n % 4 != 0 {
            object.marking = "red".to_owned();
        }
    }
    home.add(collection, &objects);
    let queries = [
        Query { values: vec![Sought::Exact("same")], ..Query::default() },
        Query { values: vec![Sought::Prefix("sa")], ..Query::default() },
        Query { created_by: Some("identity--a"), ..Query::default() },
        Query { related_to: Some("y--1"), ..Query::default() },
        Query { since_us: Some(NOON), ..Query::default() },
        Query { types: vec!["indicator"], ..Query::default() },
        Query::default(),
    ];
    for query in &queries {
        for limit in [1, 4, 15, 100] {
            assert_eq!(search(home, query, &cleared(home, &["clear"]), limit).len(), 15, "{query:?}");
            assert_eq!(search(home, query, &Clearance::Everything, limit).len(), 60, "{query:?}");
        }
        let start = Cursor::default();
        let none = home.store.read(|read| read.search(query, &Clearance::only([]), &start, 10)).unwrap();
        assert_eq!(none, (Vec::new(), None));
        let exact =
            home.store.read(|read| read.search(query, &cleared(home, &["clear"]), &start, 15)).unwrap();
        assert_eq!(exact.1, None, "no cursor that leads to hidden rows only");
    }
    let hidden = Query { id: Some(&objects[1].id), ..Query::default() };
    assert_eq!(search(home, &hidden, &cleared(home, &["clear"]), 10), []);
}

pub(crate) fn every_part_of_a_query_must_hold(home: &Home) {
    let collection = home.collection("1");
    let objects = [
        Made::new(1, NOON).valued(&["alpha", "beta"]).by("identity--a").related("r--1", "uses", "malware--1"),
        Made::new(2, NOON + 10).valued(&["alpha", "beta"]).by("identity--b").of_type("malware"),
        Made::new(3, NOON + 20).valued(&["alpha", "gamma"]).by("identity--a").of_type("malware"),
    ];
    home.add(collection, &objects);
    let ask = |query: Query<'_>| {
        let found = search(home, &query, &Clearance::Everything, 10);
        found.iter().map(|found| (found.version_us - NOON) / 10 + 1).collect::<Vec<_>>()
    };
    let alpha = || vec![Sought::Exact("alpha")];
    let query = Query::default;
    assert_eq!(ask(Query { values: alpha(), ..query() }), [1, 2, 3]);
    assert_eq!(ask(Query { values: vec![Sought::Exact("alpha"), Sought::Prefix("be")], ..query() }), [1, 2]);
    assert_eq!(ask(Query { values: vec![Sought::Prefix("alp"), Sought::Prefix("gam")], ..query() }), [3]);
    assert_eq!(ask(Query { values: alpha(), types: vec!["malware"], ..query() }), [2, 3]);
    assert_eq!(ask(Query { values: alpha(), created_by: Some("identity--a"), ..query() }), [1, 3]);
    assert_eq!(
        ask(Query { values: alpha(), since_us: Some(NOON + 10), until_us: Some(NOON + 20), ..query() }),
        [2]
    );
    assert_eq!(ask(Query { related_to: Some("malware--1"), ..query() }), [1]);
    assert_eq!(ask(Query { related_to: Some("malware--1"), types: vec!["malware"], ..query() }), [0; 0]);
    assert_eq!(ask(Query { id: Some(&objects[1].id), ..query() }), [2]);
    assert_eq!(
        ask(Query { id: Some(&objects[1].id), values: vec![Sought::Exact("gamma")], ..query() }),
        [0; 0]
    );
    assert_eq!(ask(Query { id: Some("indicator--none"), ..query() }), [0; 0]);
    assert_eq!(ask(Query { until_us: Some(NOON + 20), ..query() }), [1, 2]);
}

pub(crate) fn search_pages_join_to_the_whole(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 2_500);
    for (n, object) in objects.iter_mut().enumerate() {
        object.values.push("same".to_owned());
        object.version_us += (n as i64 * 7_919) % 1_000;
        object.marking = ["clear", "green"][n % 2].to_owned();
        if n % 100 == 0 {
            object.values.push("rare".to_owned());
        }
    }
    home.add(collection, &objects);
    for (query, expected) in [
        (Query { values: vec![Sought::Exact("same")], ..Query::default() }, 2_500),
        (Query { values: vec![Sought::Prefix("host-")], ..Query::default() }, 2_500),
        (Query { values: vec![Sought::Exact("same"), Sought::Exact("rare")], ..Query::default() }, 25),
        (Query { since_us: Some(NOON), ..Query::default() }, 2_500),
        (Query { types: vec!["indicator"], ..Query::default() }, 2_500),
    ] {
        let whole = search(home, &query, &Clearance::Everything, 10_000);
        assert_eq!(whole.len(), expected, "{query:?}");
        let mut sorted = ids(&whole);
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), expected, "none twice: {query:?}");
        for limit in [17, 1_000] {
            assert_eq!(search(home, &query, &Clearance::Everything, limit), whole, "{query:?}");
        }
    }
}

/// Objects with a value in common stand in one row: it is found by as if each had its own, from any place on, and each can
/// be taken out of it and come back.
pub(crate) fn values_in_common_are_found_and_remarked(home: &Home) {
    let collection = home.collection("1");
    let made = |number: u64| {
        let marking = if number.is_multiple_of(9) { "red" } else { "clear" };
        let other = format!("same-{}", number % 3);
        Made::new(number, NOON).valued(&["same", &other, "same", ""]).marked(marking)
    };
    let mut objects: Vec<Made> = (0..1_300).map(made).collect();
    home.add(collection, &objects[..700]);
    for object in &objects[700..705] {
        home.add(collection, std::slice::from_ref(object));
    }
    home.add(collection, &objects[705..]);
    check_values_in_common(home, &objects);
    // The first of a run, some within one, one that is alone, the last; then back, and the first once more.
    for at in [1, 2, 600, 702, 703, 1_299] {
        for marking in ["red", "clear", "red", "clear"].iter().take(if at == 1 { 4 } else { 3 }) {
            home.store.write(|write| write.remark(&objects[at].id, NOON, marking)).unwrap();
            objects[at].marking = (*marking).to_owned();
        }
    }
    check_values_in_common(home, &objects);
    for object in &mut objects {
        home.store.write(|write| write.remark(&object.id, NOON, "amber")).unwrap();
        object.marking = "amber".to_owned();
    }
    check_values_in_common(home, &objects);
    let mut dump = Vec::new();
    home.store.dump(&mut dump).unwrap();
    for target in [Home::sqlite(), Home::postgres()].into_iter().flatten() {
        target.store.restore(&mut dump.as_slice()).unwrap();
        check_values_in_common(&target, &objects);
    }
}

/// Searches as a list of all objects answers them.
#[track_caller]
fn check_values_in_common(home: &Home, objects: &[Made]) {
    let expected = |cleared: &[&str], keep: &dyn Fn(usize) -> bool| -> Vec<String> {
        let seen = objects.iter().enumerate().filter(|(_, made)| cleared.contains(&&*made.marking));
        seen.filter(|(at, _)| keep(*at)).map(|(_, made)| made.id.clone()).collect()
    };
    for markings in [&["clear"][..], &["red"], &["clear", "red", "amber"]] {
        let clearance = if markings.len() > 1 { Clearance::Everything } else { cleared(home, markings) };
        for limit in [9, 250, 5_000] {
            let ask = |sought: Sought<'_>| {
                let query = Query { values: vec![sought], ..Query::default() };
                search(home, &query, &clearance, limit)
            };
            let all = expected(markings, &|_| true);
            assert_eq!(ids(&ask(Sought::Exact("same"))), all, "{markings:?} {limit}");
            assert_eq!(ids(&ask(Sought::Exact("same-2"))), expected(markings, &|at| at % 3 == 2));
            let mut by_beginning: Vec<String> =
                ask(Sought::Prefix("same-")).into_iter().map(|found| found.id).collect();
            assert_eq!(by_beginning.len(), all.len(), "{markings:?} {limit}");
            by_beginning.sort_unstable();
            let mut all = all;
            all.sort_unstable();
            assert_eq!(by_beginning, all, "{markings:?} {limit}");
        }
    }
}

/// On a server the keys of batches that are written at the same time may alternate.
pub(crate) fn values_in_common_of_four_writers_are_found(home: &Home) {
    std::thread::scope(|scope| {
        for writer in 0..4_u64 {
            scope.spawn(move || {
                let collection = home.collection(&writer.to_string());
                for round in 0..5 {
                    let mut batch = many((writer * 5 + round) * 60, 60);
                    batch.iter_mut().for_each(|made| made.values = vec!["same".to_owned()]);
                    home.add(collection, &batch);
                }
            });
        }
    });
    for sought in [Sought::Exact("same"), Sought::Prefix("sa")] {
        let query = Query { values: vec![sought], ..Query::default() };
        for limit in [7, 100, 5_000] {
            let found = search(home, &query, &Clearance::Everything, limit);
            let mut ids = ids(&found);
            assert_eq!(ids.len(), 1_200);
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 1_200, "{sought:?} {limit}");
        }
    }
}

pub(crate) fn relations_are_walked_both_ways(home: &Home) {
    let collection = home.collection("1");
    let mut report = Made::new(1, NOON).of_type("report");
    let report_id = report.id.clone();
    for n in 0..25 {
        report = report.related(&report_id, "object_refs", &format!("malware--{n}"));
    }
    let uses = Made::new(2, NOON).of_type("relationship").related("intrusion-set--1", "uses", "malware--7");
    let secret = Made::new(3, NOON)
        .of_type("relationship")
        .related("intrusion-set--2", "uses", "malware--7")
        .marked("red");
    home.add(collection, &[report, uses, secret]);
    let walk = |id: &str, direction: Direction, clearance: &Clearance, limit: usize| {
        let (mut all, mut after) = (Vec::new(), Cursor::default());
        loop {
            let (found, next) =
                home.store.read(|read| read.related(id, direction, clearance, &after, limit)).unwrap();
            all.extend(
                found.into_iter().map(|found| format!("{} {} {}", found.source, found.kind, found.target)),
            );
            match next {
                Some(next) => after = next,
                None => return all,
            }
        }
    };
    let clear = cleared(home, &["clear"]);
    for limit in [1, 4, 25, 100] {
        assert_eq!(walk(&report_id, Direction::Outgoing, &clear, limit).len(), 25);
        let incoming = walk("malware--7", Direction::Incoming, &clear, limit);
        assert_eq!(
            incoming,
            [format!("{report_id} object_refs malware--7"), "intrusion-set--1 uses malware--7".into()]
        );
        assert_eq!(walk("malware--7", Direction::Incoming, &Clearance::Everything, limit).len(), 3);
    }
    assert_eq!(walk("malware--7", Direction::Outgoing, &clear, 10), [""; 0]);
    assert_eq!(walk("intrusion-set--2", Direction::Outgoing, &clear, 10), [""; 0]);
    assert_eq!(walk("nothing--1", Direction::Outgoing, &clear, 10), [""; 0]);
}

pub(crate) fn dates_are_found_in_every_era(home: &Home) {
    let collection = home.collection("1");
    // Three eras, and dates that go to and fro between them; two objects of each date.
    let dated = |number: u64| Made::new(number, NOON + (number % 10) as i64);
    let objects: Vec<Made> = (0..30).map(dated).collect();
    home.add(collection, &objects[..10]);
    home.skip_to_object(131_072 + 100);
    home.add(collection, &objects[10..20]);
    home.skip_to_object(3 * 131_072 - 5);
    home.add(collection, &objects[20..]);
    let query = Query { since_us: Some(NOON + 3), until_us: Some(NOON + 6), ..Query::default() };
    let (mut found, mut after) = (Vec::new(), Cursor::default());
    loop {
        let (some, next) =
            home.store.read(|read| read.search(&query, &Clearance::Everything, &after, 2)).unwrap();
        found.extend(some);
        let Some(next) = next else { break };
        after = next;
    }
    let dates: Vec<i64> = found.iter().map(|one| one.version_us - NOON).collect();
    assert_eq!(dates, [3, 3, 3, 4, 4, 4, 5, 5, 5]);
    let filter = watchfire_store::Filter {
        versions: watchfire_store::Versions { at_us: vec![NOON + 7, NOON + 9], ..Default::default() },
        spec_versions: vec!["2.1"],
        ..Default::default()
    };
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let page =
            home.store.read(|read| read.page(collection, &filter, &Clearance::Everything, after, 4)).unwrap();
        ids.extend(page.objects.into_iter().map(|stored| stored.id));
        let Some(next) = page.next else { break };
        after = next;
    }
    let wanted: Vec<&str> = [7, 9, 17, 19, 27, 29].iter().map(|at| objects[*at].id.as_str()).collect();
    assert_eq!(ids, wanted);
}
