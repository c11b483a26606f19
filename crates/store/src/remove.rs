//! Taking objects out of a collection, and tightening who may know them.
//!
//! What is taken out leaves a tombstone with a place of its own, so that whoever follows the collection learns of it.
//! The object itself stays in the store: other collections may hold it, and evidence may rest on it.

use crate::clearance::{Clearance, MarkingKey};
use crate::collection::CollectionKey;
use crate::edges::Joining;
use crate::edges::{AT_ALL, IN_LANE, INSIDE};
use crate::engine::{Column, Rows, Value};
use crate::error::{Result, StoreError};
use crate::intern::{LaneOf, WHOLE_STORE};
use crate::limits::PAGE_LIMIT;
use crate::page::Filter;
use crate::search::SOURCE_REF;
use crate::store::{Read, Write};

/// A version of an object that was taken out of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The place of the taking out.
    pub place: i64,
    /// The id of the object.
    pub id: String,
    /// Its version.
    pub version_us: i64,
    /// The place that it had.
    pub removed_place: i64,
    /// When it was taken out.
    pub removed_us: i64,
}

impl Read<'_> {
    /// What was taken out of a collection after a place, as far as the reader may know of it.
    pub fn tombstones(
        &mut self,
        collection: CollectionKey,
        clearance: &Clearance,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Tombstone>> {
        let allowed = self.allowed(clearance)?;
        self.session.list(
            "select t.place, i.id, t.version_us, t.removed_place, t.removed_us from tombstone t \
             join item i on i.key = t.item where t.collection = $1 and t.place > $2 and t.marking {in $3} \
             order by t.place limit $4",
            &[
                collection.0.into(),
                after.into(),
                Value::Set(&allowed),
                Value::Int(limit.clamp(1, PAGE_LIMIT) as i64),
            ],
            |row| {
                Ok(Tombstone {
                    place: row.int(0)?,
                    id: row.string(1)?,
                    version_us: row.int(2)?,
                    removed_place: row.int(3)?,
                    removed_us: row.int(4)?,
                })
            },
        )
    }
}

impl Write<'_> {
    /// Takes objects out of a collection (TAXII 2.1 §5.7): of each id the versions that `filter` names and the
    /// clearance allows. A caller who is given no version in a request asks for `all`. The number of versions taken.
    pub fn remove(
        &mut self,
        collection: CollectionKey,
        filter: &Filter<'_>,
        clearance: &Clearance,
        now_us: i64,
    ) -> Result<usize> {
        // Nobody adds while this goes on.
        self.take_places(collection, 0, now_us)?;
        let filter = Filter { with_bytes: false, ..filter.clone() };
        let mut doomed = Vec::new();
        let mut after = Some(0);
        while let Some(place) = after {
            let page = self.page(collection, &filter, clearance, place, PAGE_LIMIT)?;
            doomed.extend(page.objects);
            after = page.next;
        }
        let ticks = self.take_places(collection, doomed.len() as i64, now_us)?;
        let places: Vec<i64> = doomed.iter().map(|object| object.place).collect();
        let rows = Rows {
            columns: vec![
                Column::Ints((ticks.first_place..).take(doomed.len()).collect()),
                Column::Ints(places.clone()),
                Column::Ints(doomed.iter().map(|object| object.marking.0).collect()),
            ],
        };
        self.session.run_rows(
            "insert into tombstone (collection, place, item, version_us, marking, removed_place, removed_us) \
             select m.collection, r.place, m.item, m.version_us, r.marking, m.place, $5 \
             from {rows place, removed, marking} join member m on m.collection = $4 and m.place = r.removed",
            &rows,
            &[collection.0.into(), now_us.into()],
        )?;
        self.delete_members(collection, &places)?;
        Ok(doomed.len())
    }

    fn delete_members(&mut self, collection: CollectionKey, places: &[i64]) -> Result<()> {
        let mut items = self.session.list(
            "delete from member where collection = $1 and place {in $2} returning item",
            &[collection.0.into(), Value::Set(places)],
            |row| row.int(0),
        )?;
        items.sort_unstable();
        items.dedup();
        self.recount_edges(collection, &items)
    }

    /// Works out anew which versions of some items are first and last.
    fn recount_edges(&mut self, collection: CollectionKey, items: &[i64]) -> Result<()> {
        for item in items {
            let versions = self.session.list(
                "select place, item, version_us, object, lane, added_us from member {using member_item} \
                 where collection = $1 and item = $2 order by version_us",
                &[collection.0.into(), Value::Int(*item)],
                |row| {
                    Ok(Joining {
                        place: row.int(0)?,
                        item: row.int(1)?,
                        version_us: row.int(2)?,
                        object: row.int(3)?,
                        lane: row.int(4)?,
                        added_us: row.int(5)?,
                    })
                },
            )?;
            let oldest = edges(versions.iter());
            let newest = edges(versions.iter().rev());
            self.set_edges("oldest", collection, &oldest)?;
            self.set_edges("newest", collection, &newest)?;
        }
        Ok(())
    }

    /// Changes who may know one version of an object, everywhere in the store: its pages, its values, its relations.
    pub fn remark(&mut self, id: &str, version_us: i64, marking: &str) -> Result<MarkingKey> {
        let marking = self.intern_marking(marking)?;
        let item = self.item(id)?.ok_or(StoreError::Missing { what: "object" })?;
        let found = self.session.first(
            "select o.key, l.type, l.spec_version, l.marking from object o join lane l on l.key = o.lane \
             where o.item = $1 and o.version_us = $2",
            &[item.into(), version_us.into()],
            |row| Ok((row.int(0)?, row.string(1)?, row.string(2)?, row.int(3)?)),
        )?;
        let (object, object_type, spec_version, before) =
            found.ok_or(StoreError::Missing { what: "object" })?;
        if before == marking {
            return Ok(MarkingKey(marking));
        }
        let lane = |collection| LaneOf {
            collection,
            marking,
            object_type: &object_type,
            spec_version: &spec_version,
        };
        let whole = self.intern_lane(lane(WHOLE_STORE))?;
        self.session.run("update object set lane = $1 where key = $2", &[whole.into(), object.into()])?;
        self.remark_values(object, before, marking)?;
        self.remark_relations(item, object, before, marking)?;
        let collections = self.session.list(
            "select c.collection from clock c join member m {using member_item} on m.collection = c.collection \
             and m.item = $1 and m.version_us = $2 order by c.collection",
            &[item.into(), version_us.into()],
            |row| row.int(0),
        )?;
        for collection in collections {
            self.take_places(CollectionKey(collection), 0, 0)?;
            let own = self.intern_lane(lane(collection))?;
            self.session.run(
                "update member {using member_item} set lane = $1 where collection = $2 and item = $3 \
                 and version_us = $4",
                &[own.into(), collection.into(), item.into(), version_us.into()],
            )?;
            self.recount_edges(CollectionKey(collection), &[item])?;
        }
        Ok(MarkingKey(marking))
    }

    /// What an object states goes out from itself, or from what it names as the source of a relationship.
    fn remark_relations(&mut self, item: i64, object: i64, before: i64, marking: i64) -> Result<()> {
        let mut sources = self.session.list(
            "select target from relation where source = $1 and marking = $2 and object = $3 and kind = $4",
            &[item.into(), before.into(), object.into(), SOURCE_REF.into()],
            |row| row.int(0),
        )?;
        sources.push(item);
        self.session.run(
            "update relation set marking = $1 where source {in $2} and marking = $3 and object = $4",
            &[marking.into(), Value::Set(&sources), before.into(), object.into()],
        )?;
        Ok(())
    }
}

/// Edges of rows that come from the edge inwards.
fn edges<'a>(rows: impl Iterator<Item = &'a Joining>) -> Vec<(i64, i64)> {
    let mut lanes = Vec::new();
    let mut edges = Vec::new();
    for row in rows {
        let edge = match (lanes.is_empty(), lanes.contains(&row.lane)) {
            (true, _) => AT_ALL,
            (false, false) => IN_LANE,
            (false, true) => INSIDE,
        };
        edges.push((row.place, edge));
        if edge != INSIDE {
            lanes.push(row.lane);
        }
    }
    edges
}
