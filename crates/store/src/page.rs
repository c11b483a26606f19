//! Pages of a collection: objects and manifest, filtered, in the order of places, cut to what the reader may see.
//!
//! A page is a merge of lanes (see `lane` in the migrations): one index range for each, read in step, so its cost
//! depends on its length and not on the collection's, nor on how much of it is hidden. There is no offset, no count
//! and no snapshot to keep: the cursor is the last place, and lives as long as the store.
//!
//! Places tell how much a collection holds that a reader does not see. They are for the node; what leaves it is a
//! sealed cursor and the dates.

use std::collections::{BTreeMap, BTreeSet};

use crate::clearance::{Clearance, MarkingKey};
use crate::collection::CollectionKey;
use crate::edges::{AT_ALL, INSIDE};
use crate::engine::{Column, Row, Rows, Value};
use crate::era::ERA_OBJECTS;
use crate::error::Result;
use crate::ids;
use crate::limits::{PAGE_LIMIT, PAGE_LIMIT_BYTES};
use crate::store::Read;

/// Rows that are fetched at once, so that a page is at most that many objects larger than its limit.
const FETCHED: usize = 64;

/// Lanes that are merged in one statement. Beyond that the collection is walked in the order of places: with so many
/// lanes a reader sees most of it, or asks for a handful of ids.
const MERGED_LANES_LIMIT: usize = 64;

/// Which versions of an object (TAXII 2.1 §3.4 `match[version]`). Nothing chosen is as good as `last`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// The first that the reader may see.
    pub first: bool,
    /// The last that the reader may see.
    pub last: bool,
    /// Every one.
    pub all: bool,
    /// Those of these instants.
    pub at_us: Vec<i64>,
}

/// What a page is to hold (TAXII 2.1 §3.4). An empty list does not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Objects with one of these ids.
    pub ids: Vec<&'a str>,
    /// Objects of one of these types.
    pub types: Vec<&'a str>,
    /// Objects in one of these specification versions; where none is named, each in the newest that the reader may see
    /// it in, and not in older ones.
    pub spec_versions: Vec<&'a str>,
    /// Which versions of them.
    pub versions: Versions,
    /// Objects added later than this.
    pub added_after_us: Option<i64>,
    /// Whether to read the bytes; a manifest needs none.
    pub with_bytes: bool,
}

/// An object in a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place. Not for readers of other nodes.
    pub place: i64,
    /// When it was added: unique in the collection and rising with its places.
    pub added_us: i64,
    /// Its STIX id.
    pub id: String,
    /// Its version.
    pub version_us: i64,
    /// Its STIX type.
    pub object_type: String,
    /// The specification version of its form.
    pub spec_version: String,
    /// Who may know it.
    pub marking: MarkingKey,
    /// Its bytes, as they came; empty where they were not asked for.
    pub bytes: Vec<u8>,
}

/// One page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects in the order of their places.
    pub objects: Vec<Stored>,
    /// Where the next page begins, if there is more that the reader may see.
    pub next: Option<i64>,
}

/// A lane that the reader may see and asks for.
struct Lane {
    key: i64,
    marking: MarkingKey,
    object_type: String,
    spec_version: String,
}

/// What a page is made of.
struct Sight<'a> {
    lanes: &'a [Lane],
    /// Whether they are of several specification versions, of which the newest counts (TAXII 2.1 §3.4).
    is_mixed: bool,
}

impl Sight<'_> {
    /// The lanes among which a row is the first or the last, and those that push it out.
    fn generation(&self, lane: i64) -> (Vec<i64>, Vec<i64>) {
        let keys = |keep: &dyn Fn(&Lane) -> bool| {
            self.lanes.iter().filter(|lane| keep(lane)).map(|lane| lane.key).collect::<Vec<i64>>()
        };
        let own = self.lanes.iter().find(|other| other.key == lane).filter(|_| self.is_mixed);
        let Some(own) = own else { return (keys(&|_| true), Vec::new()) };
        let own = own.spec_version.as_str();
        (keys(&|lane| lane.spec_version == own), keys(&|lane| lane.spec_version.as_str() > own))
    }

    /// Leaves those rows of one item that are in the newest specification version.
    fn keep_newest_generation(&self, rows: &mut Vec<Candidate>) {
        if !self.is_mixed {
            return;
        }
        let spec = |row: &Candidate| {
            self.lanes.iter().find(|lane| lane.key == row.lane).map(|lane| lane.spec_version.as_str())
        };
        let newest = rows.iter().map(spec).max().flatten();
        rows.retain(|row| spec(row) == newest);
    }
}

/// A row of `member` on its way to a page.
#[derive(Clone, Copy)]
struct Candidate {
    place: i64,
    item: i64,
    version_us: i64,
    object: i64,
    lane: i64,
    added_us: i64,
    newest: i64,
    oldest: i64,
}

const CANDIDATE: &str = "m.place, m.item, m.version_us, m.object, m.lane, m.added_us, m.newest, m.oldest";

fn read_candidate(row: &Row<'_>) -> Result<Candidate> {
    Ok(Candidate {
        place: row.int(0)?,
        item: row.int(1)?,
        version_us: row.int(2)?,
        object: row.int(3)?,
        lane: row.int(4)?,
        added_us: row.int(5)?,
        newest: row.int(6)?,
        oldest: row.int(7)?,
    })
}

impl Read<'_> {
    /// A page of a collection after the place `after` (0 for the first page) of at most `limit` objects.
    pub fn page(
        &mut self,
        collection: CollectionKey,
        filter: &Filter<'_>,
        clearance: &Clearance,
        after: i64,
        limit: usize,
    ) -> Result<Page> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let Some(after) = self.begin_after(collection, filter.added_after_us, after)? else {
            return Ok(Page::default());
        };
        let lanes = self.visible_lanes(collection, filter, clearance)?;
        if lanes.is_empty() {
            return Ok(Page::default());
        }
        let is_mixed = filter.spec_versions.is_empty()
            && lanes.iter().any(|lane| lane.spec_version != lanes[0].spec_version);
        let sight = Sight { lanes: &lanes, is_mixed };
        let mut chosen = if filter.ids.is_empty() {
            self.walk(collection, &filter.versions, &sight, after, limit + 1)?
        } else {
            self.by_ids(collection, filter, &sight, after)?
        };
        let last = chosen.last().map(|last| last.place);
        chosen.truncate(limit);
        let objects = self.fetch(&chosen, &lanes, filter.with_bytes)?;
        let next = objects.last().map(|end| end.place).filter(|end| Some(*end) != last);
        Ok(Page { objects, next })
    }

    /// The later of the two beginnings as a place; none where nothing can follow, which is what most polls find.
    fn begin_after(
        &mut self,
        collection: CollectionKey,
        added_after_us: Option<i64>,
        after: i64,
    ) -> Result<Option<i64>> {
        let (last_place, last_added_us) = self.last_place(collection)?;
        let Some(added_after_us) = added_after_us else { return Ok((after < last_place).then_some(after)) };
        if added_after_us >= last_added_us || after >= last_place {
            return Ok(None);
        }
        Ok(Some(self.place_before(collection, added_after_us, after, last_place)?))
    }

    /// The last place from `low` to `high` whose object was added at an instant or before, else `low`. Dates rise with
    /// places, so halves are left out one after the other.
    fn place_before(
        &mut self,
        collection: CollectionKey,
        added_us: i64,
        mut low: i64,
        mut high: i64,
    ) -> Result<i64> {
        // Places of what was taken out or placed anew are empty.
        let text = "select place, added_us from member where collection = $1 and place > $2 and place <= $3 \
            order by place limit 1";
        while low < high {
            let middle = low + (high - low) / 2;
            let values = [collection.0.into(), middle.into(), high.into()];
            let next = self.session.first(text, &values, |row| Ok((row.int(0)?, row.int(1)?)))?;
            match next {
                Some((place, added)) if added <= added_us => low = place,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn visible_lanes(
        &mut self,
        collection: CollectionKey,
        filter: &Filter<'_>,
        clearance: &Clearance,
    ) -> Result<Vec<Lane>> {
        let mut lanes = self.session.list(
            "select key, marking, type, spec_version from lane where collection = $1 order by key",
            &[collection.0.into()],
            |row| {
                let marking = MarkingKey(row.int(1)?);
                Ok(Lane {
                    key: row.int(0)?,
                    marking,
                    object_type: row.string(2)?,
                    spec_version: row.string(3)?,
                })
            },
        )?;
        let asked = |list: &[&str], word: &str| list.is_empty() || list.contains(&word);
        lanes.retain(|lane| {
            clearance.allows(lane.marking)
                && asked(&filter.types, &lane.object_type)
                && asked(&filter.spec_versions, &lane.spec_version)
        });
        Ok(lanes)
    }

    /// The next rows in the order of places, whatever their id.
    fn walk(
        &mut self,
        collection: CollectionKey,
        versions: &Versions,
        sight: &Sight<'_>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Candidate>> {
        let instants_only = !(versions.at_us.is_empty() || versions.all || versions.first || versions.last);
        if instants_only && !sight.is_mixed {
            return self.by_instants(collection, &versions.at_us, sight.lanes, after, limit);
        }
        let keys: Vec<i64> = sight.lanes.iter().map(|lane| lane.key).collect();
        let (mut chosen, mut after) = (Vec::new(), after);
        loop {
            let wanted = limit - chosen.len();
            let rows = self.step(collection, versions, &keys, after, wanted)?;
            let ended = rows.len() < wanted;
            for row in rows {
                after = row.place;
                if self.is_wanted(collection, versions, sight, &row)? {
                    chosen.push(row);
                }
            }
            if ended || chosen.len() >= limit {
                return Ok(chosen);
            }
        }
    }

    /// Rows that may be wanted, from the heads of all lanes at once.
    fn step(
        &mut self,
        collection: CollectionKey,
        versions: &Versions,
        lanes: &[i64],
        after: i64,
        limit: usize,
    ) -> Result<Vec<Candidate>> {
        let mut values = vec![Value::Int(after), Value::Int(limit as i64)];
        let merged = lanes.len() <= MERGED_LANES_LIMIT;
        if merged {
            // Few texts, so that each is prepared once: the number of arms is a power of two, and lane 0 is empty.
            let arms = lanes.len().next_power_of_two();
            values.extend((0..arms).map(|arm| Value::Int(lanes.get(arm).copied().unwrap_or(0))));
        } else {
            values.extend([Value::Int(collection.0), Value::Set(lanes)]);
        }
        let condition = condition(versions, values.len() + 1);
        let text = if merged {
            // The words of the two indexes over lanes, of which each row is in one.
            let halves: &[&str] = if condition == NEWEST { &[""] } else { &[NEWEST, REPLACED] };
            let arm = |(half, lane): (&&str, usize)| {
                format!(
                    "select {CANDIDATE} from member m where m.lane = ${lane} and m.place > $1{half}{condition}"
                )
            };
            let ranges = halves.iter().flat_map(|half| (3..=values.len()).map(move |lane| (half, lane)));
            let arms: Vec<String> = ranges.map(arm).collect();
            // Ordered by the number of its first column, the place: a merge in both engines, and no sort.
            format!("{} order by 1 limit $2", arms.join(" union all "))
        } else {
            format!(
                "select {CANDIDATE} from member m where m.collection = $3 and m.place > $1 \
                 and m.lane {{in $4}}{condition} order by m.place limit $2"
            )
        };
        if condition.contains("{in") {
            values.push(Value::Set(&versions.at_us));
        }
        self.session.list(&text, &values, read_candidate)
    }

    /// Whether the reader is to see this row: by its edges, or by looking past versions that it may not see.
    fn is_wanted(
        &mut self,
        collection: CollectionKey,
        versions: &Versions,
        sight: &Sight<'_>,
        row: &Candidate,
    ) -> Result<bool> {
        let (lanes, newer) = sight.generation(row.lane);
        let mut beyond = |comparison: &str, lanes: &[i64]| -> Result<bool> {
            // The plus keeps the lane out of the choice of an index: an item has few versions, a lane has millions.
            let text = format!(
                "select 1 from member m {{using member_item}} where m.collection = $1 and m.item = $2 \
                 and m.version_us {comparison} $3 and +m.lane {{in $4}} limit 1"
            );
            let values = [
                Value::Int(collection.0),
                Value::Int(row.item),
                Value::Int(row.version_us),
                Value::Set(lanes),
            ];
            Ok(self.session.first(&text, &values, |_| Ok(()))?.is_some())
        };
        if !newer.is_empty() && (beyond("<=", &newer)? || beyond(">", &newer)?) {
            return Ok(false);
        }
        let wants_last = versions.last || (!versions.first && !versions.all && versions.at_us.is_empty());
        let known = versions.all
            || versions.at_us.contains(&row.version_us)
            || (wants_last && row.newest == AT_ALL)
            || (versions.first && row.oldest == AT_ALL);
        if known {
            return Ok(true);
        }
        Ok((wants_last && row.newest > INSIDE && !beyond(">", &lanes)?)
            || (versions.first && row.oldest > INSIDE && !beyond("<", &lanes)?))
    }

    fn by_instants(
        &mut self,
        collection: CollectionKey,
        at_us: &[i64],
        lanes: &[Lane],
        after: i64,
        limit: usize,
    ) -> Result<Vec<Candidate>> {
        let keys: Vec<i64> = lanes.iter().map(|lane| lane.key).collect();
        // A cross join, which SQLite takes in this order: from the few objects of these instants, not from all members.
        let text = format!(
            "select {CANDIDATE} from object o cross join member m {{using member_item}} where m.collection = $2 \
             and m.item = o.item and m.version_us = o.version_us and o.version_us {{in $1}} and m.place > $3 \
             and +m.lane {{in $4}} and o.key / {ERA_OBJECTS} = $6 order by m.place limit $5"
        );
        let mut found = Vec::new();
        for era in 0..=self.last_era()? {
            let values = [
                Value::Set(at_us),
                Value::Int(collection.0),
                Value::Int(after),
                Value::Set(&keys),
                Value::Int(limit as i64),
                Value::Int(era),
            ];
            found.extend(self.session.list(&text, &values, read_candidate)?);
        }
        found.sort_unstable_by_key(|row: &Candidate| row.place);
        found.truncate(limit);
        Ok(found)
    }

    /// All wanted versions of a few ids.
    fn by_ids(
        &mut self,
        collection: CollectionKey,
        filter: &Filter<'_>,
        sight: &Sight<'_>,
        after: i64,
    ) -> Result<Vec<Candidate>> {
        let visible: BTreeSet<i64> = sight.lanes.iter().map(|lane| lane.key).collect();
        let found = ids::find(&mut self.session, &filter.ids)?;
        let text = format!(
            "select {CANDIDATE} from {{rows item}} join member m {{using member_item}} \
             on m.collection = $2 and m.item = r.item"
        );
        let mut items: BTreeMap<i64, Vec<Candidate>> = BTreeMap::new();
        let rows = Rows { columns: vec![Column::Ints(found.into_values().collect())] };
        self.session.for_rows(&text, &rows, &[collection.0.into()], &mut |row| {
            let row = read_candidate(row)?;
            if visible.contains(&row.lane) {
                items.entry(row.item).or_default().push(row);
            }
            Ok(())
        })?;
        let mut chosen = Vec::new();
        for mut versions in items.into_values() {
            sight.keep_newest_generation(&mut versions);
            versions.sort_unstable_by_key(|row| row.version_us);
            chosen.extend(choose(&versions, &filter.versions));
        }
        chosen.retain(|row| row.place > after);
        chosen.sort_unstable_by_key(|row| row.place);
        Ok(chosen)
    }

    /// The rows as they leave, until they have [`PAGE_LIMIT_BYTES`].
    fn fetch(&mut self, chosen: &[Candidate], lanes: &[Lane], with_bytes: bool) -> Result<Vec<Stored>> {
        let lanes: BTreeMap<i64, &Lane> = lanes.iter().map(|lane| (lane.key, lane)).collect();
        let text = if with_bytes {
            "select r.n, i.id, o.bytes from {rows n, object} join object o on o.key = r.object \
             join item i on i.key = o.item"
        } else {
            "select r.n, i.id from {rows n, object} join object o on o.key = r.object join item i on i.key = o.item"
        };
        let (mut out, mut total) = (Vec::with_capacity(chosen.len()), 0);
        for some in chosen.chunks(FETCHED) {
            let mut read: Vec<Option<Stored>> = some.iter().map(|_| None).collect();
            let rows = Rows {
                columns: vec![
                    Column::Ints((0..).take(some.len()).collect()),
                    Column::Ints(some.iter().map(|row| row.object).collect()),
                ],
            };
            self.session.for_rows(text, &rows, &[], &mut |row| {
                let at = row.int(0)? as usize;
                let (Some(candidate), Some(slot)) = (some.get(at), read.get_mut(at)) else { return Ok(()) };
                let Some(lane) = lanes.get(&candidate.lane) else { return Ok(()) };
                let bytes = if with_bytes { row.bytes(2)?.to_owned() } else { Vec::new() };
                total += bytes.len();
                *slot = Some(Stored {
                    place: candidate.place,
                    added_us: candidate.added_us,
                    id: row.string(1)?,
                    version_us: candidate.version_us,
                    object_type: lane.object_type.clone(),
                    spec_version: lane.spec_version.clone(),
                    marking: lane.marking,
                    bytes,
                });
                Ok(())
            })?;
            out.extend(read.into_iter().flatten());
            if total >= PAGE_LIMIT_BYTES {
                break;
            }
        }
        Ok(out)
    }
}

/// The words of the indexes `member_newest` and `member_replaced`.
const NEWEST: &str = " and m.newest > 0";
const REPLACED: &str = " and m.newest = 0";

/// What of a row's edges can be wanted, in the words of the index `member_newest` where that one suffices. Instants are
/// the given parameter.
fn condition(versions: &Versions, instants: usize) -> String {
    if versions.all {
        return String::new();
    }
    let mut wanted = Vec::new();
    if versions.first {
        wanted.push("m.oldest > 0".to_owned());
    }
    if versions.last || !versions.first && versions.at_us.is_empty() {
        wanted.push("m.newest > 0".to_owned());
    }
    if !versions.at_us.is_empty() {
        wanted.push(format!("m.version_us {{in ${instants}}}"));
    }
    match wanted.as_slice() {
        [only] => format!(" and {only}"),
        several => format!(" and ({})", several.join(" or ")),
    }
}

/// The wanted ones of all visible versions of one id, which are in ascending order.
fn choose(versions: &[Candidate], wanted: &Versions) -> Vec<Candidate> {
    let wants_last = wanted.last || (!wanted.first && !wanted.all && wanted.at_us.is_empty());
    let is_wanted = |at: usize, row: &Candidate| {
        wanted.all
            || (wanted.first && at == 0)
            || (wants_last && at + 1 == versions.len())
            || wanted.at_us.contains(&row.version_us)
    };
    versions.iter().enumerate().filter(|(at, row)| is_wanted(*at, row)).map(|(_, row)| *row).collect()
}
