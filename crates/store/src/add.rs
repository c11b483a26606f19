//! Adding objects to a collection: a batch at a time, each object with an outcome of its own.
//!
//! A batch is made of few statements for all its objects and not of many for each. New objects of new ids, which is
//! what a feed brings, take the short way; an object whose id is known takes the long one, past its other versions.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use crate::collection::CollectionKey;
use crate::edges::Joining;
use crate::engine::{Column, Rows};
use crate::error::Result;
use crate::giver::GiverKey;
use crate::intern::{Items, LaneOf, WHOLE_STORE};
use crate::limits::OBJECT_LIMIT_BYTES;
use crate::search::{CREATED_BY_REF, SEPARATOR, SOURCE_REF, fold_into};
use crate::store::Write;
use crate::values::NewValue;

/// The longest id, type, version word and marking summary. A STIX id is a type of up to 250 characters and 38 more;
/// an index entry of PostgreSQL holds 2,700 bytes.
const NAME_LIMIT_BYTES: usize = 1024;

/// The time over which the dates of a batch of several markings are spread: long beside a run of usual length, and over
/// before its sender sends another.
const SPREAD_US: u64 = 50_000;

/// An object as its adder read it. The store takes the bytes as they are and believes the rest.
#[derive(Debug, Clone)]
pub struct NewObject<'a> {
    /// Its STIX id.
    pub id: &'a str,
    /// Its STIX type.
    pub object_type: &'a str,
    /// Its version: `modified`, else `created`, else the date of arrival, in microseconds.
    pub version_us: i64,
    /// The STIX version of its form, such as `2.1`.
    pub spec_version: &'a str,
    /// The id of its creator.
    pub created_by: Option<&'a str>,
    /// Who may know it, as `release` sums it up.
    pub marking: &'a str,
    /// Values and words by which it can be found.
    pub values: Vec<&'a str>,
    /// What it says of how things are related.
    pub relations: Vec<NewRelation<'a>>,
    /// Who handed it over.
    pub giver: Option<GiverKey>,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A relation that an object states.
#[derive(Debug, Clone, Copy)]
pub struct NewRelation<'a> {
    /// The id it goes out from: that of the object, or one to which the object states a relation `source_ref`.
    pub source: &'a str,
    /// The relationship type, or the name of the property that holds the reference.
    pub kind: &'a str,
    /// The id it points to.
    pub target: &'a str,
}

/// What became of one object of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the collection now, at this place.
    Added {
        /// Its place.
        place: i64,
    },
    /// It was there already, byte for byte.
    Unchanged,
    /// This id and version is there with other bytes. Nothing was overwritten.
    Conflict,
    /// It cannot be stored.
    Refused(&'static str),
}

/// A map of what comes from outside.
type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// An object on its way in.
struct Entering<'a> {
    /// Its position in the batch.
    at: usize,
    item: i64,
    /// Its row, once known.
    object: i64,
    is_new: bool,
    lane: LaneOf<'a>,
}

impl Write<'_> {
    /// Adds objects to a collection; the outcomes stand in the order of `objects`, and places follow that order among
    /// those of one marking.
    pub fn add(
        &mut self,
        collection: CollectionKey,
        objects: &[NewObject<'_>],
        now_us: i64,
    ) -> Result<Vec<Outcome>> {
        Ok(self.add_and_tell(collection, objects, now_us)?.0)
    }

    /// The same; besides, of each object whether its id was not here before, in no version and named by nothing.
    pub fn add_and_tell(
        &mut self,
        collection: CollectionKey,
        objects: &[NewObject<'_>],
        now_us: i64,
    ) -> Result<(Vec<Outcome>, Vec<bool>)> {
        let mut outcomes = screen(objects);
        let live: Vec<usize> = (0..objects.len()).filter(|at| outcomes[*at].is_none()).collect();
        let items = self.intern_items(ids_of(objects, &live))?;
        let mut entering = self.enter(objects, &live, &items)?;
        let mut fresh = vec![false; objects.len()];
        for entry in &entering {
            fresh[entry.at] = items.is_fresh(entry.item);
        }
        self.insert_objects(objects, &items, &mut entering)?;
        let stored = self.settle_known(objects, &mut entering, &mut outcomes)?;
        self.insert_search(objects, &items, &entering)?;
        for (entry, lane) in &mut entering.iter_mut().zip(&stored) {
            entry.lane = LaneOf { collection: collection.0, ..lane.as_lane().unwrap_or(entry.lane) };
        }
        entering.retain(|entry| outcomes[entry.at].is_none());
        self.join(collection, objects, &items, entering, &mut outcomes, now_us)?;
        Ok((outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Unchanged)).collect(), fresh))
    }

    fn enter<'a>(
        &mut self,
        objects: &'a [NewObject<'a>],
        live: &[usize],
        items: &Items<'_>,
    ) -> Result<Vec<Entering<'a>>> {
        let mut markings: Map<&str, i64> = Map::default();
        let mut entering = Vec::with_capacity(live.len());
        for at in live.iter().copied() {
            let object = &objects[at];
            let marking = match markings.entry(object.marking) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(self.intern_marking(object.marking)?),
            };
            let lane = LaneOf {
                collection: WHOLE_STORE,
                marking,
                object_type: object.object_type,
                spec_version: object.spec_version,
            };
            entering.push(Entering { at, item: items.key(object.id), object: 0, is_new: false, lane });
        }
        Ok(entering)
    }

    /// Numbers the lanes of all that enter.
    fn lanes(&mut self, entering: &[Entering<'_>]) -> Result<Vec<i64>> {
        let mut known: Map<LaneOf<'_>, i64> = Map::default();
        let mut keys = Vec::with_capacity(entering.len());
        for entry in entering {
            keys.push(match known.entry(entry.lane) {
                Entry::Occupied(lane) => *lane.get(),
                Entry::Vacant(new) => *new.insert(self.intern_lane(entry.lane)?),
            });
        }
        Ok(keys)
    }

    fn insert_objects(
        &mut self,
        objects: &[NewObject<'_>],
        items: &Items<'_>,
        entering: &mut [Entering<'_>],
    ) -> Result<()> {
        let lanes = self.lanes(entering)?;
        let (fresh, known): (Vec<usize>, Vec<usize>) =
            (0..entering.len()).partition(|at| items.is_fresh(entering[*at].item));
        for (some, are_fresh) in [(fresh, true), (known, false)] {
            let of = |at: &usize| &objects[entering[*at].at];
            let creator = |at: &usize| of(at).created_by.map(|id| items.key(id));
            let rows = Rows {
                columns: vec![
                    Column::Ints(some.iter().map(|at| entering[*at].item).collect()),
                    Column::Ints(some.iter().map(|at| of(at).version_us).collect()),
                    Column::Ints(some.iter().map(|at| lanes[*at]).collect()),
                    Column::OptionalInts(some.iter().map(creator).collect()),
                    Column::Bytes(some.iter().map(|at| of(at).bytes).collect()),
                ],
            };
            let (unique, others) = (["item", "version_us"], ["lane", "creator", "bytes"]);
            let keys = if are_fresh {
                self.session.insert_sure("object", &unique, &others, rows)?
            } else {
                self.session.insert_new("object", &unique, &others, &rows)?
            };
            for (at, key) in some.iter().zip(keys) {
                entering[*at].is_new = key.is_some();
                entering[*at].object = key.unwrap_or_default();
            }
        }
        Ok(())
    }

    /// Compares what is in the store already with what came. The marking of what is there stays: it may have been
    /// tightened since.
    fn settle_known(
        &mut self,
        objects: &[NewObject<'_>],
        entering: &mut [Entering<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<StoredLane>> {
        let known: Vec<usize> = (0..entering.len()).filter(|at| !entering[*at].is_new).collect();
        let rows = Rows {
            columns: vec![
                Column::Ints(known.iter().map(|at| *at as i64).collect()),
                Column::Ints(known.iter().map(|at| entering[*at].item).collect()),
                Column::Ints(known.iter().map(|at| objects[entering[*at].at].version_us).collect()),
            ],
        };
        let mut stored: Vec<StoredLane> = entering.iter().map(|_| StoredLane::default()).collect();
        self.session.for_rows(
            "select r.n, o.key, o.bytes, l.marking, l.type, l.spec_version from {rows n, item, version_us} \
             join object o on o.item = r.item and o.version_us = r.version_us join lane l on l.key = o.lane",
            &rows,
            &[],
            &mut |row| {
                let at = row.int(0)? as usize;
                entering[at].object = row.int(1)?;
                if row.bytes(2)? != objects[entering[at].at].bytes {
                    outcomes[entering[at].at] = Some(Outcome::Conflict);
                }
                stored[at] = StoredLane(Some((row.int(3)?, row.string(4)?, row.string(5)?)));
                Ok(())
            },
        )?;
        Ok(stored)
    }

    fn insert_search(
        &mut self,
        objects: &[NewObject<'_>],
        items: &Items<'_>,
        entering: &[Entering<'_>],
    ) -> Result<()> {
        // All folded values of a batch in one text, each between separators: the piece of an object stands beside it.
        let mut text = String::new();
        let mut values = Vec::new();
        let mut beside = (Vec::new(), Vec::new(), Vec::new());
        let (mut sources, mut kinds, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let mut stating = (Vec::new(), Vec::new());
        for entry in entering.iter().filter(|entry| entry.is_new) {
            let object = &objects[entry.at];
            let first = text.len();
            for value in &object.values {
                if text.len() == first {
                    text.push(SEPARATOR);
                }
                let start = text.len();
                fold_into(value, &mut text);
                values.push(NewValue::new(&text, start..text.len(), entry.lane.marking, entry.object));
                text.push(SEPARATOR);
            }
            if text.len() > first || object.giver.is_some() {
                beside.0.push(entry.object);
                beside.1.push(object.giver.map(|giver| giver.0));
                beside.2.push(first..text.len());
            }
            for relation in relations_of(object) {
                sources.push(if relation.source == object.id {
                    entry.item
                } else {
                    items.key(relation.source)
                });
                kinds.push(relation.kind);
                targets.push(items.key(relation.target));
                stating.0.push(entry.lane.marking);
                stating.1.push(entry.object);
            }
        }
        self.insert_values(&text, &mut values)?;
        self.session.run_rows(
            "insert into beside (object, giver, words) {many object, giver, words}",
            &Rows {
                columns: vec![
                    Column::Ints(beside.0),
                    Column::OptionalInts(beside.1),
                    Column::Texts(beside.2.into_iter().map(|at| &text[at]).collect()),
                ],
            },
            &[],
        )?;
        let columns = vec![
            Column::Ints(sources),
            Column::Texts(kinds),
            Column::Ints(targets),
            Column::Ints(stating.0),
            Column::Ints(stating.1),
        ];
        self.session.run_rows(
            "insert into relation (source, kind, target, marking, object) \
             {many source, kind, target, marking, object} on conflict do nothing",
            &Rows { columns },
            &[],
        )
    }

    /// Gives places to what is not in the collection yet.
    fn join(
        &mut self,
        collection: CollectionKey,
        objects: &[NewObject<'_>],
        items: &Items<'_>,
        mut entering: Vec<Entering<'_>>,
        outcomes: &mut [Option<Outcome>],
        now_us: i64,
    ) -> Result<()> {
        // Taking none locks the clock: from here on nobody else adds to this collection, so what is looked up stays.
        self.take_places(collection, 0, now_us)?;
        let there = self.already_there(collection, objects, &entering)?;
        entering.retain(|entry| !there.contains(&entry.object));
        let offsets = spread(&mut entering);
        let length = offsets.last().map_or(0, |last| last + 1);
        let ticks = self.take_dates(collection, entering.len() as i64, length, now_us)?;
        let lanes = self.lanes(&entering)?;
        let mut joining = Vec::with_capacity(entering.len());
        for ((n, (entry, lane)), offset_us) in (0..).zip(entering.iter().zip(lanes)).zip(offsets) {
            let place = ticks.first_place + n;
            outcomes[entry.at] = Some(Outcome::Added { place });
            joining.push(Joining {
                place,
                item: entry.item,
                version_us: objects[entry.at].version_us,
                object: entry.object,
                lane,
                added_us: ticks.first_added_us + offset_us,
            });
        }
        self.insert_members(collection, joining, items)
    }

    fn already_there(
        &mut self,
        collection: CollectionKey,
        objects: &[NewObject<'_>],
        entering: &[Entering<'_>],
    ) -> Result<HashSet<i64>> {
        let known: Vec<&Entering<'_>> = entering.iter().filter(|entry| !entry.is_new).collect();
        let rows = Rows {
            columns: vec![
                Column::Ints(known.iter().map(|entry| entry.item).collect()),
                Column::Ints(known.iter().map(|entry| objects[entry.at].version_us).collect()),
            ],
        };
        let mut there = HashSet::new();
        self.session.for_rows(
            "select m.object from {rows item, version_us} join member m {using member_item} \
             on m.collection = $3 and m.item = r.item and m.version_us = r.version_us",
            &rows,
            &[collection.0.into()],
            &mut |row| {
                there.insert(row.int(0)?);
                Ok(())
            },
        )?;
        Ok(there)
    }

    fn insert_members(
        &mut self,
        collection: CollectionKey,
        joining: Vec<Joining>,
        items: &Items<'_>,
    ) -> Result<()> {
        let mut times: Map<i64, usize> = Map::default();
        times.reserve(joining.len());
        for row in &joining {
            *times.entry(row.item).or_default() += 1;
        }
        let (alone, others): (Vec<Joining>, Vec<Joining>) =
            joining.into_iter().partition(|row| items.is_fresh(row.item) && times.get(&row.item) == Some(&1));
        let edges = vec![(2, 2); alone.len()];
        self.insert_member_rows(collection, &alone, &edges)?;
        // One version of each id at a time, so that each finds the ones before it.
        let mut waiting = others;
        while !waiting.is_empty() {
            let mut seen = HashSet::new();
            let (now, later): (Vec<Joining>, Vec<Joining>) =
                waiting.into_iter().partition(|row| seen.insert(row.item));
            self.insert_beside_others(collection, &now)?;
            waiting = later;
        }
        Ok(())
    }

    pub(crate) fn insert_member_rows(
        &mut self,
        collection: CollectionKey,
        joining: &[Joining],
        edges: &[(i64, i64)],
    ) -> Result<()> {
        let ints = |of: fn(&Joining) -> i64| Column::Ints(joining.iter().map(of).collect());
        let rows = Rows {
            columns: vec![
                Column::Ints(vec![collection.0; joining.len()]),
                ints(|row| row.place),
                ints(|row| row.item),
                ints(|row| row.version_us),
                ints(|row| row.object),
                ints(|row| row.lane),
                ints(|row| row.added_us),
                Column::Ints(edges.iter().map(|(newest, _)| *newest).collect()),
                Column::Ints(edges.iter().map(|(_, oldest)| *oldest).collect()),
            ],
        };
        self.session.run_rows(
            "insert into member (collection, place, item, version_us, object, lane, added_us, newest, oldest) \
             {many collection, place, item, version_us, object, lane, added_us, newest, oldest}",
            &rows,
            &[],
        )
    }
}

/// How an object that is in the store already is sorted there.
#[derive(Default)]
struct StoredLane(Option<(i64, String, String)>);

impl StoredLane {
    fn as_lane(&self) -> Option<LaneOf<'_>> {
        self.0.as_ref().map(|(marking, object_type, spec_version)| LaneOf {
            collection: WHOLE_STORE,
            marking: *marking,
            object_type,
            spec_version,
        })
    }
}

/// Puts what entered together into an order by marking, and gives each its distance in microseconds from the first date.
///
/// Dates one after the other would tell a reader how many objects between two of theirs they may not see. So what is
/// marked alike stays together, in the order in which it came, and each such run begins at a random date of its own,
/// which does not depend on the others: what a reader sees of them is the same whatever else there is.
fn spread(entering: &mut Vec<Entering<'_>>) -> Vec<i64> {
    let mut runs: BTreeMap<i64, Vec<Entering<'_>>> = BTreeMap::new();
    for entry in entering.drain(..) {
        runs.entry(entry.lane.marking).or_default().push(entry);
    }
    let random = RandomState::new();
    let alone = runs.len() == 1;
    let mut begun: Vec<(i64, Vec<Entering<'_>>)> = runs
        .into_iter()
        .map(|(key, run)| ((random.hash_one(key) % SPREAD_US) as i64 * i64::from(!alone), run))
        .collect();
    begun.sort_by_key(|(begin, _)| *begin);
    let (mut offsets, mut free) = (Vec::new(), 0);
    for (begin, run) in begun {
        let begin = begin.max(free);
        offsets.extend((begin..).take(run.len()));
        free = begin + run.len() as i64;
        entering.extend(run);
    }
    offsets
}

/// What an object states; that it has a creator, too, if its adder did not list that.
fn relations_of<'a>(object: &'a NewObject<'a>) -> impl Iterator<Item = NewRelation<'a>> {
    let is_listed = |creator: &&str| {
        object.relations.iter().any(|listed| {
            listed.kind == CREATED_BY_REF && listed.target == *creator && listed.source == object.id
        })
    };
    let creator = object.created_by.filter(|creator| !is_listed(creator));
    let creator = creator.map(|target| NewRelation { source: object.id, kind: CREATED_BY_REF, target });
    object.relations.iter().copied().chain(creator)
}

/// Outcomes that are known before the store is asked.
fn screen(objects: &[NewObject<'_>]) -> Vec<Option<Outcome>> {
    let mut seen: Map<(&str, i64), &[u8]> = Map::default();
    seen.reserve(objects.len());
    let outcome = |object: &NewObject<'_>| {
        if let Some(reason) = unstorable(object) {
            return Some(Outcome::Refused(reason));
        }
        None
    };
    let mut outcomes: Vec<Option<Outcome>> = objects.iter().map(outcome).collect();
    for (object, outcome) in objects.iter().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none()) {
        match seen.entry((object.id, object.version_us)) {
            Entry::Vacant(new) => _ = new.insert(object.bytes),
            Entry::Occupied(first) if *first.get() == object.bytes => *outcome = Some(Outcome::Unchanged),
            Entry::Occupied(_) => *outcome = Some(Outcome::Conflict),
        }
    }
    outcomes
}

fn unstorable(object: &NewObject<'_>) -> Option<&'static str> {
    let ends = object.relations.iter().flat_map(|relation| [relation.source, relation.kind, relation.target]);
    let mut names = [object.id, object.object_type, object.spec_version, object.marking]
        .into_iter()
        .chain(object.created_by)
        .chain(ends);
    if object.id.is_empty() {
        return Some("it has no id");
    }
    if object.bytes.len() > OBJECT_LIMIT_BYTES {
        return Some("it is larger than 64 MiB");
    }
    let is_named = |source: &str| {
        let names = |other: &NewRelation<'_>| {
            other.source == object.id && other.kind == SOURCE_REF && other.target == source
        };
        source == object.id || object.relations.iter().any(names)
    };
    if !object.relations.iter().all(|relation| is_named(relation.source)) {
        return Some("it states a relation from an id that is not its own, nor its source_ref");
    }
    names.find_map(|name| match name {
        name if name.len() > NAME_LIMIT_BYTES => Some("a name in it is longer than 1,024 bytes"),
        name if name.contains('\0') => Some("a name in it holds a NUL"),
        _ => None,
    })
}

fn ids_of<'a>(objects: &'a [NewObject<'a>], live: &[usize]) -> Vec<&'a str> {
    let mut ids = Vec::with_capacity(live.len() * 2);
    for object in live.iter().map(|at| &objects[*at]) {
        ids.push(object.id);
        ids.extend(object.created_by);
        let sources = object.relations.iter().map(|relation| relation.source);
        ids.extend(sources.filter(|source| *source != object.id));
        ids.extend(object.relations.iter().map(|relation| relation.target));
    }
    ids
}
