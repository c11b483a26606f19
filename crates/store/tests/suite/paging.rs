//! Promises about pages: nothing is lost, nothing is told that may not be known.

use watchfire_store::{
    Clearance, CollectionKey, Filter, MarkingKey, Outcome, PAGE_LIMIT_BYTES, Page, Stored, Versions,
};

use super::objects::everything;
use crate::common::{Home, Made, NOON, many};

/// The clearance for some summaries of markings.
pub(crate) fn cleared(home: &Home, summaries: &[&str]) -> Clearance {
    let markings = home.store.read(|read| read.markings(MarkingKey(0))).unwrap();
    Clearance::only(
        markings
            .iter()
            .filter(|marking| summaries.contains(&marking.summary.as_str()))
            .map(|marking| marking.key),
    )
}

pub(crate) fn page(
    home: &Home,
    collection: CollectionKey,
    filter: &Filter<'_>,
    clearance: &Clearance,
) -> Page {
    home.store.read(|read| read.page(collection, filter, clearance, 0, 1_000)).unwrap()
}

fn numbers(page: &Page) -> Vec<i64> {
    page.objects.iter().map(|object| object.place).collect()
}

/// Walks all pages.
pub(crate) fn walk(
    home: &Home,
    collection: CollectionKey,
    filter: &Filter<'_>,
    clearance: &Clearance,
    limit: usize,
) -> Vec<Stored> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = home.store.read(|read| read.page(collection, filter, clearance, after, limit)).unwrap();
        assert!(page.objects.len() <= limit);
        all.extend(page.objects);
        match page.next {
            Some(next) => after = next,
            None => return all,
        }
    }
}

pub(crate) fn pages_join_to_the_whole(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 100);
    for (n, object) in objects.iter_mut().enumerate() {
        object.marking = ["clear", "green", "red"][n % 3].to_owned();
        object.object_type = ["indicator", "malware"][n % 2].to_owned();
    }
    home.add(collection, &objects);
    let whole = walk(home, collection, &everything(), &Clearance::Everything, 1_000);
    assert_eq!(whole.len(), 100);
    for limit in [1, 7, 50, 99, 100, 101] {
        assert_eq!(
            walk(home, collection, &everything(), &Clearance::Everything, limit),
            whole,
            "limit {limit}"
        );
    }
    let exact =
        home.store.read(|read| read.page(collection, &everything(), &Clearance::Everything, 0, 100)).unwrap();
    assert_eq!(exact.next, None, "a full last page says that it is the last");
}

pub(crate) fn a_page_of_large_objects_ends_early(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 200);
    for object in &mut objects {
        object.bytes.resize(300_000, b' ');
    }
    home.add(collection, &objects);
    let first = page(home, collection, &everything(), &Clearance::Everything);
    let bytes: usize = first.objects.iter().map(|object| object.bytes.len()).sum();
    assert!((PAGE_LIMIT_BYTES..PAGE_LIMIT_BYTES * 2 + 64 * 300_000).contains(&bytes), "{bytes}");
    assert!(first.objects.len() < 200 && first.next.is_some());
    let all = walk(home, collection, &everything(), &Clearance::Everything, 1_000);
    assert_eq!(all.iter().map(|object| object.place).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
}

/// Dates one after the other would tell how many objects stand between two that a reader sees.
pub(crate) fn dates_tell_nothing_of_what_is_withheld(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 60);
    for (n, object) in objects.iter_mut().enumerate() {
        object.marking = ["clear", "red", "green"][n % 3].to_owned();
    }
    home.add(collection, &objects);
    for summary in ["clear", "red", "green"] {
        let clearance = cleared(home, &[summary]);
        let seen = page(home, collection, &everything(), &clearance).objects;
        assert_eq!(seen.len(), 20);
        assert!(seen.windows(2).all(|pair| pair[0].added_us + 1 == pair[1].added_us), "{summary}");
        let order: Vec<&str> = seen.iter().map(|object| object.id.as_str()).collect();
        let came = objects.iter().filter(|object| object.marking == summary);
        assert_eq!(order, came.map(|object| object.id.as_str()).collect::<Vec<_>>());
    }
    let all = page(home, collection, &everything(), &Clearance::Everything).objects;
    assert!(all.windows(2).all(|pair| pair[0].added_us < pair[1].added_us && pair[0].place < pair[1].place));
}

pub(crate) fn what_is_placed_anew_comes_again(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let marked: Vec<Made> = many(0, 6).into_iter().map(|made| made.marked("held")).collect();
    home.add(one, &marked[..4]);
    home.add(one, &many(100, 3));
    home.add(two, &marked[4..]);
    let key = home.store.read(|read| read.markings(MarkingKey(0))).unwrap()[0].key;
    let waiting = |before| home.store.read(|read| read.added_before(key, before, 3)).unwrap();
    assert!(waiting(NOON).is_empty());
    assert_eq!(waiting(NOON + 1_000_000), [(one, vec![1, 2, 3]), (two, vec![1, 2])]);
    let last = page(home, one, &everything(), &Clearance::Everything).objects.pop().unwrap();
    home.store.write(|write| write.place_anew(one, &[1, 2, 3], NOON + 2_000_000)).unwrap();
    assert_eq!(waiting(NOON + 1_000_000), [(one, vec![4]), (two, vec![1, 2])]);
    let after = Filter { added_after_us: Some(last.added_us), ..everything() };
    let again = page(home, one, &after, &Clearance::Everything);
    let ids: Vec<&str> = again.objects.iter().map(|object| object.id.as_str()).collect();
    assert_eq!(ids, marked[..3].iter().map(|made| made.id.as_str()).collect::<Vec<_>>());
    assert_eq!(numbers(&again), [8, 9, 10]);
    let whole = page(home, one, &everything(), &Clearance::Everything);
    assert_eq!(whole.objects.len(), 7, "and each is there once");
    let stood = home.store.read(|read| read.standings(one, &[(&marked[0].id, NOON), ("x", 1)])).unwrap();
    assert_eq!((stood.len(), stood[0].place, stood[0].summary.as_str()), (1, 8, "held"));
}

pub(crate) fn filters_select(home: &Home) {
    let collection = home.collection("1");
    let mut objects = many(0, 12);
    for (n, object) in objects.iter_mut().enumerate() {
        object.object_type = ["indicator", "malware", "tool"][n % 3].to_owned();
        object.spec_version = ["2.0", "2.1"][usize::from(n >= 6)].to_owned();
    }
    home.add(collection, &objects);
    let ask = |filter: Filter<'_>| numbers(&page(home, collection, &filter, &Clearance::Everything));
    let filter = Filter::default;
    assert_eq!(ask(Filter { types: vec!["malware"], ..filter() }), [2, 5, 8, 11]);
    assert_eq!(
        ask(Filter { types: vec!["malware", "tool"], spec_versions: vec!["2.0"], ..filter() }),
        [2, 3, 5, 6]
    );
    assert_eq!(ask(Filter { ids: vec![&objects[3].id, &objects[1].id, "x--no", "\0"], ..filter() }), [2, 4]);
    assert_eq!(ask(Filter { ids: vec![&objects[3].id], types: vec!["tool"], ..filter() }), [0; 0]);
    assert_eq!(ask(Filter { types: vec!["identity"], ..filter() }), [0; 0]);
    let bare =
        page(home, collection, &Filter { ids: vec![&objects[0].id], ..filter() }, &Clearance::Everything);
    assert!(bare.objects[0].bytes.is_empty(), "a manifest reads no bytes");
}

pub(crate) fn added_after_loses_nothing(home: &Home) {
    let collection = home.collection("1");
    home.add(collection, &many(0, 25));
    home.add(collection, &many(100, 25));
    let (mut seen, mut last) = (Vec::new(), None);
    loop {
        let filter = Filter { added_after_us: last, ..everything() };
        let page =
            home.store.read(|read| read.page(collection, &filter, &Clearance::Everything, 0, 7)).unwrap();
        let Some(end) = page.objects.last() else { break };
        last = Some(end.added_us);
        seen.extend(numbers(&page));
    }
    assert_eq!(seen, (1..=50).collect::<Vec<_>>());
    let before = Filter { added_after_us: Some(NOON - 1), ..everything() };
    assert_eq!(walk(home, collection, &before, &Clearance::Everything, 9).len(), 50);
    let at = Filter { added_after_us: Some(NOON), ..everything() };
    assert_eq!(walk(home, collection, &at, &Clearance::Everything, 9).len(), 49, "after is after");
}

/// Neither by a row, nor by a short page, nor by a cursor that leads nowhere.
pub(crate) fn red_rows_are_not_counted(home: &Home) {
    let collection = home.collection("1");
    for start in (0..500).step_by(50) {
        let mut objects = many(start, 50);
        objects.iter_mut().skip(1).for_each(|object| object.marking = "red".to_owned());
        home.add(collection, &objects);
    }
    home.add(collection, &[Made::new(9_999, NOON).marked("red")]);
    let clear = cleared(home, &["clear"]);
    for limit in [1, 3, 10, 100] {
        let mut after = 0;
        let mut seen = 0;
        loop {
            let page = home
                .store
                .read(|read| read.page(collection, &Filter::default(), &clear, after, limit))
                .unwrap();
            seen += page.objects.len();
            let Some(next) = page.next else { break };
            assert_eq!(page.objects.len(), limit, "a page that is not the last is full");
            after = next;
        }
        assert_eq!(seen, 10);
    }
    let nothing = page(home, collection, &everything(), &Clearance::only([]));
    assert_eq!(nothing, Page::default());
    let unknown = page(home, collection, &everything(), &Clearance::only([MarkingKey(4_711)]));
    assert_eq!(unknown, Page::default());
    assert_eq!(walk(home, collection, &everything(), &cleared(home, &["clear", "red"]), 100).len(), 501);
}

pub(crate) fn the_last_version_one_may_see_is_the_last(home: &Home) {
    let collection = home.collection("1");
    let versions = [
        Made::new(1, NOON + 1),
        Made::new(1, NOON + 2).marked("green"),
        Made::new(1, NOON + 3).marked("red"),
        Made::new(1, NOON + 4).marked("green"),
        Made::new(1, NOON + 5).marked("red"),
    ];
    home.add(collection, &versions);
    let ask = |clearance: &[&str], versions: Versions| -> Vec<i64> {
        let filter = Filter { versions, ..Filter::default() };
        let page = page(home, collection, &filter, &cleared(home, clearance));
        let mut seen: Vec<i64> = page.objects.iter().map(|object| object.version_us - NOON).collect();
        // Which marking of a batch comes first is chance.
        seen.sort_unstable();
        seen
    };
    let (last, first) = (Versions::default(), Versions { first: true, ..Versions::default() });
    assert_eq!(ask(&["clear", "green", "red"], last.clone()), [5]);
    assert_eq!(ask(&["clear", "green"], last.clone()), [4]);
    assert_eq!(ask(&["clear"], last), [1]);
    assert_eq!(ask(&["green", "red"], first.clone()), [2]);
    assert_eq!(ask(&["red"], first), [3]);
    let both = Versions { first: true, last: true, ..Versions::default() };
    assert_eq!(ask(&["clear", "green"], both), [1, 4]);
    let instants = Versions { at_us: vec![NOON + 2, NOON + 3, NOON + 9], ..Versions::default() };
    assert_eq!(ask(&["clear", "green"], instants.clone()), [2]);
    assert_eq!(ask(&["clear", "green", "red"], Versions { last: true, ..instants }), [2, 3, 5]);
}

/// More lanes than are merged in one statement.
pub(crate) fn many_lanes_make_one_page(home: &Home) {
    let collection = home.collection("1");
    for lanes in [2, 5, 33, 64, 65, 150] {
        let objects: Vec<Made> =
            (0..lanes).map(|n| Made::new(lanes * 1_000 + n, NOON).marked(&format!("to {n}"))).collect();
        home.add(collection, &objects);
        let whole = walk(home, collection, &everything(), &Clearance::Everything, 1_000);
        assert!(whole.windows(2).all(|pair| pair[0].place + 1 == pair[1].place));
        assert_eq!(walk(home, collection, &everything(), &Clearance::Everything, 11), whole);
        let some: Vec<String> = (0..lanes).step_by(2).map(|n| format!("to {n}")).collect();
        let some = cleared(home, &some.iter().map(String::as_str).collect::<Vec<_>>());
        let seen = walk(home, collection, &everything(), &some, 4);
        let expected: Vec<Stored> = whole.into_iter().filter(|object| some.allows(object.marking)).collect();
        assert_eq!(seen, expected);
    }
}

pub(crate) fn removing_leaves_a_tombstone(home: &Home) {
    let collection = home.collection("1");
    let objects =
        [Made::new(1, NOON), Made::new(2, NOON), Made::new(2, NOON + 1).marked("red"), Made::new(3, NOON)];
    for object in &objects {
        home.add(collection, std::slice::from_ref(object));
    }
    let filter = Filter { ids: vec![&objects[1].id], ..everything() };
    let clear = cleared(home, &["clear"]);
    let remove = |clearance: &Clearance| {
        home.store.write(|write| write.remove(collection, &filter, clearance, NOON + 60)).unwrap()
    };
    assert_eq!(remove(&clear), 1, "what one may not see one does not remove");
    assert_eq!(remove(&clear), 0);
    assert_eq!(remove(&Clearance::Everything), 1);
    assert_eq!(numbers(&page(home, collection, &everything(), &Clearance::Everything)), [1, 4]);
    let told = |clearance: &Clearance| {
        let stones = home.store.read(|read| read.tombstones(collection, clearance, 0, 10)).unwrap();
        stones.iter().map(|stone| (stone.place, stone.removed_place)).collect::<Vec<_>>()
    };
    assert_eq!(told(&clear), [(5, 2)], "a red object's end is red");
    assert_eq!(told(&Clearance::Everything), [(5, 2), (6, 3)]);
    // Every place is an object, a tombstone, or named by one; what comes again gets a place of its own.
    assert_eq!(home.add(collection, &objects[1..2]), [Outcome::Added { place: 7 }]);
}

pub(crate) fn removing_the_last_shows_the_one_before(home: &Home) {
    let collection = home.collection("1");
    let versions: Vec<Made> = (0..6).map(|n| Made::new(1, NOON + n)).collect();
    home.add(collection, &versions);
    for expected in (0..5).rev() {
        let last = Filter { ids: vec![&versions[0].id], ..Filter::default() };
        let removed =
            home.store.write(|write| write.remove(collection, &last, &Clearance::Everything, NOON)).unwrap();
        assert_eq!(removed, 1);
        let left = page(home, collection, &Filter::default(), &Clearance::Everything);
        assert_eq!(
            left.objects.iter().map(|object| object.version_us - NOON).collect::<Vec<_>>(),
            [expected]
        );
    }
}

pub(crate) fn tightening_a_marking_hides_everywhere(home: &Home) {
    let (one, two) = (home.collection("1"), home.collection("2"));
    let object = Made::new(1, NOON).valued(&["198.51.100.7"]).related("a--1", "uses", "b--1");
    home.add(one, std::slice::from_ref(&object));
    home.add(two, std::slice::from_ref(&object));
    home.store.write(|write| write.remark(&object.id, NOON, "red")).unwrap();
    let (clear, red) = (cleared(home, &["clear"]), cleared(home, &["red"]));
    let query = watchfire_store::Query {
        values: vec![watchfire_store::Sought::Exact("198.51.100.7")],
        ..watchfire_store::Query::default()
    };
    for (clearance, expected) in [(&clear, 0), (&red, 1)] {
        assert_eq!(page(home, one, &everything(), clearance).objects.len(), expected);
        assert_eq!(page(home, two, &everything(), clearance).objects.len(), expected);
        let start = watchfire_store::Cursor::default();
        let (found, _) = home.store.read(|read| read.search(&query, clearance, &start, 10)).unwrap();
        assert_eq!(found.len(), expected);
        let direction = watchfire_store::Direction::Outgoing;
        let (related, _) =
            home.store.read(|read| read.related("a--1", direction, clearance, &start, 10)).unwrap();
        assert_eq!(related.len(), expected);
        let incoming = watchfire_store::Direction::Incoming;
        for id in ["a--1", "b--1"] {
            let (related, _) =
                home.store.read(|read| read.related(id, incoming, clearance, &start, 10)).unwrap();
            assert_eq!(related.len(), expected, "{id}");
        }
        let pointing = watchfire_store::Query { related_to: Some("a--1"), ..query.clone() };
        let (found, _) = home.store.read(|read| read.search(&pointing, clearance, &start, 10)).unwrap();
        assert_eq!(found.len(), expected);
    }
    // What comes again does not loosen it.
    let third = home.collection("3");
    home.add(third, &[object]);
    assert_eq!(page(home, third, &everything(), &clear).objects.len(), 0);
    assert_eq!(page(home, third, &everything(), &red).objects.len(), 1);
}
