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
use crate::error::Result;
use crate::store::Read;

/// The longest page. Ten times what clients ask for; it bounds the memory of an answer.
pub const PAGE_LIMIT: usize = 10_000;

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
    /// Objects in one of these specification versions.
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
        let mut chosen = if filter.ids.is_empty() {
            self.walk(collection, &filter.versions, &lanes, after, limit + 1)?
        } else {
            self.by_ids(collection, filter, &lanes, after)?
        };
        let more = chosen.len() > limit;
        chosen.truncate(limit);
        let next = if more { chosen.last().map(|last| last.place) } else { None };
        Ok(Page { objects: self.fetch(&chosen, &lanes, filter.with_bytes)?, next })
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
        let before = self.session.first(
            "select place from member where collection = $1 and added_us <= $2 order by added_us desc limit 1",
            &[collection.0.into(), added_after_us.into()],
            |row| row.int(0),
        )?;
        Ok(Some(after.max(before.unwrap_or(0))))
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
        lanes: &[Lane],
        after: i64,
        limit: usize,
    ) -> Result<Vec<Candidate>> {
        if !(versions.at_us.is_empty() || versions.all || versions.first || versions.last) {
            return self.by_instants(collection, &versions.at_us, lanes, after, limit);
        }
        let keys: Vec<i64> = lanes.iter().map(|lane| lane.key).collect();
        let (mut chosen, mut after) = (Vec::new(), after);
        loop {
            let wanted = limit - chosen.len();
            let rows = self.step(collection, versions, &keys, after, wanted)?;
            let ended = rows.len() < wanted;
            for row in rows {
                after = row.place;
                if self.is_wanted(collection, versions, &keys, &row)? {
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
            let arm = |lane| {
                format!("select {CANDIDATE} from member m where m.lane = ${lane} and m.place > $1{condition}")
            };
            let arms: Vec<String> = (3..=values.len()).map(arm).collect();
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
        lanes: &[i64],
        row: &Candidate,
    ) -> Result<bool> {
        let wants_last = versions.last || (!versions.first && !versions.all && versions.at_us.is_empty());
        let known = versions.all
            || versions.at_us.contains(&row.version_us)
            || (wants_last && row.newest == AT_ALL)
            || (versions.first && row.oldest == AT_ALL);
        if known {
            return Ok(true);
        }
        // The plus keeps the lane out of the choice of an index: an item has few versions, a lane has millions of rows.
        let mut beyond = |comparison: &str| -> Result<bool> {
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
        Ok((wants_last && row.newest > INSIDE && !beyond(">")?)
            || (versions.first && row.oldest > INSIDE && !beyond("<")?))
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
        let text = format!(
            "select {CANDIDATE} from object o join member m {{using member_object}} on m.object = o.key \
             where o.version_us {{in $1}} and m.collection = $2 and m.place > $3 and +m.lane {{in $4}} \
             order by m.place limit $5"
        );
        let values = [
            Value::Set(at_us),
            Value::Int(collection.0),
            Value::Int(after),
            Value::Set(&keys),
            Value::Int(limit as i64),
        ];
        self.session.list(&text, &values, read_candidate)
    }

    /// All wanted versions of a few ids.
    fn by_ids(
        &mut self,
        collection: CollectionKey,
        filter: &Filter<'_>,
        lanes: &[Lane],
        after: i64,
    ) -> Result<Vec<Candidate>> {
        let visible: BTreeSet<i64> = lanes.iter().map(|lane| lane.key).collect();
        let mut ids: Vec<&str> = filter.ids.iter().copied().filter(|id| !id.contains('\0')).collect();
        ids.sort_unstable();
        ids.dedup();
        let text = format!(
            "select {CANDIDATE} from {{rows id}} join item i on i.id = r.id \
             join member m {{using member_item}} on m.collection = $2 and m.item = i.key"
        );
        let mut items: BTreeMap<i64, Vec<Candidate>> = BTreeMap::new();
        let rows = Rows { columns: vec![Column::Texts(ids)] };
        self.session.for_rows(&text, &rows, &[collection.0.into()], &mut |row| {
            let row = read_candidate(row)?;
            if visible.contains(&row.lane) {
                items.entry(row.item).or_default().push(row);
            }
            Ok(())
        })?;
        let mut chosen = Vec::new();
        for mut versions in items.into_values() {
            versions.sort_unstable_by_key(|row| row.version_us);
            chosen.extend(choose(&versions, &filter.versions));
        }
        chosen.retain(|row| row.place > after);
        chosen.sort_unstable_by_key(|row| row.place);
        Ok(chosen)
    }

    fn fetch(&mut self, chosen: &[Candidate], lanes: &[Lane], with_bytes: bool) -> Result<Vec<Stored>> {
        let lanes: BTreeMap<i64, &Lane> = lanes.iter().map(|lane| (lane.key, lane)).collect();
        let mut out: Vec<Stored> = Vec::with_capacity(chosen.len());
        let mut bytes: BTreeMap<i64, (String, Vec<u8>)> = BTreeMap::new();
        let text = if with_bytes {
            "select o.key, i.id, o.bytes from {rows object} join object o on o.key = r.object \
             join item i on i.key = o.item"
        } else {
            "select o.key, i.id from {rows object} join object o on o.key = r.object join item i on i.key = o.item"
        };
        let rows = Rows { columns: vec![Column::Ints(chosen.iter().map(|row| row.object).collect())] };
        self.session.for_rows(text, &rows, &[], &mut |row| {
            let read = if with_bytes { row.bytes(2)?.to_owned() } else { Vec::new() };
            bytes.insert(row.int(0)?, (row.string(1)?, read));
            Ok(())
        })?;
        for row in chosen {
            let (Some(lane), Some((id, bytes))) = (lanes.get(&row.lane), bytes.remove(&row.object)) else {
                continue;
            };
            out.push(Stored {
                place: row.place,
                added_us: row.added_us,
                id,
                version_us: row.version_us,
                object_type: lane.object_type.clone(),
                spec_version: lane.spec_version.clone(),
                marking: lane.marking,
                bytes,
            });
        }
        Ok(out)
    }
}

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
