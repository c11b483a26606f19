//! Places anew: what became known to more readers comes to those who follow a collection once more.
//!
//! A reader follows by date of addition. An object that was hidden when they passed its place would never reach them.

use crate::clearance::MarkingKey;
use crate::collection::CollectionKey;
use crate::engine::{Column, Row, Rows};
use crate::error::{Result, StoreError};
use crate::giver::GiverKey;
use crate::ids;
use crate::limits::PAGE_LIMIT_BYTES;
use crate::store::{Read, Write};

/// A version of an object where it stands in a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its number among those that were asked for.
    pub number: usize,
    /// Its place.
    pub place: i64,
    /// Who may know it.
    pub summary: String,
}

/// Objects that [`Read::given_under`] tells at once: as many as a transaction makes known to more readers in some
/// milliseconds.
pub const GIVEN_LIMIT: usize = 1_000;

/// An object that a giver handed over, where it stands in a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its place.
    pub place: i64,
    /// Its version.
    pub version_us: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Read<'_> {
    /// Where some versions, by id and instant, stand in a collection.
    pub fn standings(&mut self, collection: CollectionKey, of: &[(&str, i64)]) -> Result<Vec<Standing>> {
        let ids: Vec<&str> = of.iter().map(|(id, _)| *id).collect();
        let items = ids::find(&mut self.session, &ids)?;
        let (mut numbers, mut keys, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (id, version_us)) in (0..).zip(of) {
            if let Some(item) = items.get(id) {
                numbers.push(number);
                keys.push(*item);
                versions.push(*version_us);
            }
        }
        let rows = Rows { columns: vec![Column::Ints(numbers), Column::Ints(keys), Column::Ints(versions)] };
        let mut found = Vec::new();
        self.session.for_rows(
            "select r.n, m.place, k.summary from {rows n, item, version_us} \
             join member m {using member_item} on m.collection = $4 and m.item = r.item \
             and m.version_us = r.version_us join lane l on l.key = m.lane join marking k on k.key = l.marking",
            &rows,
            &[collection.0.into()],
            &mut |row: &Row<'_>| {
                let number = row.int(0)? as usize;
                found.push(Standing { number, place: row.int(1)?, summary: row.string(2)? });
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// The places that an id has in collections, by their ids, those where it was taken out included.
    pub fn places_of(&mut self, id: &str) -> Result<Vec<(String, i64)>> {
        let Some(item) = self.item(id)? else { return Ok(Vec::new()) };
        let mut places = Vec::new();
        for text in [
            "select c.id, m.place from collection c join member m {using member_item} \
             on m.collection = c.key and m.item = $1 order by c.key, m.place",
            "select c.id, t.removed_place from collection c join tombstone t on t.collection = c.key \
             where t.item = $1 order by c.key, t.place",
        ] {
            places.extend(self.session.list(text, &[item.into()], |row| Ok((row.string(0)?, row.int(1)?)))?);
        }
        Ok(places)
    }

    /// Places of objects of a marking that were added before an instant, by collection, at most `limit` of each lane.
    pub fn added_before(
        &mut self,
        marking: MarkingKey,
        before_us: i64,
        limit: usize,
    ) -> Result<Vec<(CollectionKey, Vec<i64>)>> {
        let mut found = Vec::new();
        for (lane, collection) in self.lanes_of(marking)? {
            // Dates rise with places: where the first is late enough, all are.
            let rows = self.session.list(
                "select place, added_us from member where lane = $1 and newest > 0 union all \
                 select place, added_us from member where lane = $1 and newest = 0 order by 1 limit $2",
                &[lane.into(), (limit as i64).into()],
                |row| Ok((row.int(0)?, row.int(1)?)),
            )?;
            let places: Vec<i64> = rows
                .into_iter()
                .take_while(|(_, added_us)| *added_us < before_us)
                .map(|(place, _)| place)
                .collect();
            if !places.is_empty() {
                found.push((collection, places));
            }
        }
        Ok(found)
    }

    fn lanes_of(&mut self, marking: MarkingKey) -> Result<Vec<(i64, CollectionKey)>> {
        self.session.list(
            "select key, collection from lane where marking = $1 and collection <> 0 order by key",
            &[marking.0.into()],
            |row| Ok((row.int(0)?, CollectionKey(row.int(1)?))),
        )
    }

    /// Objects of a marking that a giver handed over, those of one collection that come after a place: as many as
    /// [`PAGE_LIMIT_BYTES`] hold, at most [`GIVEN_LIMIT`]. None where there are none any more.
    pub fn given_under(
        &mut self,
        marking: MarkingKey,
        giver: GiverKey,
        after: Option<(CollectionKey, i64)>,
    ) -> Result<Option<(CollectionKey, Vec<Given>)>> {
        let mut lanes = self.lanes_of(marking)?;
        lanes.sort_unstable_by_key(|(lane, collection)| (*collection, *lane));
        for lanes in lanes.chunk_by(|(_, one), (_, two)| one == two) {
            let collection = lanes[0].1;
            let place = match after {
                Some((before, _)) if collection < before => continue,
                Some((same, place)) if collection == same => place,
                _ => 0,
            };
            let lanes: Vec<i64> = lanes.iter().map(|(lane, _)| *lane).collect();
            let found = self.given_in(&lanes, giver, place)?;
            if !found.is_empty() {
                return Ok(Some((collection, found)));
            }
        }
        Ok(None)
    }

    fn given_in(&mut self, lanes: &[i64], giver: GiverKey, after: i64) -> Result<Vec<Given>> {
        let from = "from member m join beside b on b.object = m.object and b.giver = $2 \
             join object o on o.key = m.object where m.lane = $1 and m.place > $3";
        let sizes =
            format!("select m.place, cast(length(o.bytes) as {{int}}) {from} order by m.place limit $4");
        let mut waiting = Vec::new();
        for lane in lanes {
            let values = [(*lane).into(), giver.0.into(), after.into(), (GIVEN_LIMIT as i64).into()];
            waiting.extend(self.session.list(&sizes, &values, |row| Ok((row.int(0)?, row.int(1)?)))?);
        }
        waiting.sort_unstable();
        waiting.truncate(GIVEN_LIMIT);
        let (mut last, mut bytes) = (after, 0);
        for (place, size) in waiting {
            bytes += size;
            if last > after && bytes > PAGE_LIMIT_BYTES as i64 {
                break;
            }
            last = place;
        }
        let text = format!("select m.place, m.version_us, o.bytes {from} and m.place <= $4");
        let mut found = Vec::new();
        for lane in lanes {
            let values = [(*lane).into(), giver.0.into(), after.into(), last.into()];
            found.extend(self.session.list(&text, &values, |row| {
                Ok(Given { place: row.int(0)?, version_us: row.int(1)?, bytes: row.bytes(2)?.to_vec() })
            })?);
        }
        found.sort_unstable_by_key(|given| given.place);
        Ok(found)
    }
}

impl Write<'_> {
    /// Gives objects of a collection new places and dates, as if they had been added now: one after the other, in the order
    /// of `places`. Their old places stay empty. The collection's id, and the first of the new places.
    pub fn place_anew(
        &mut self,
        collection: CollectionKey,
        places: &[i64],
        now_us: i64,
    ) -> Result<(String, i64)> {
        let count = places.len() as i64;
        let ticks = self.take_places(collection, count, now_us)?;
        let columns = vec![
            Column::Ints(places.to_vec()),
            Column::Ints((ticks.first_place..ticks.first_place + count).collect()),
            Column::Ints((ticks.first_added_us..ticks.first_added_us + count).collect()),
        ];
        self.session.run_rows(
            "update member set place = r.new, added_us = r.added from {rows old, new, added} \
             where member.collection = $4 and member.place = r.old",
            &Rows { columns },
            &[collection.0.into()],
        )?;
        let text = "select id from collection where key = $1";
        let id = self.session.first(text, &[collection.0.into()], |row| row.string(0))?;
        Ok((id.ok_or(StoreError::Missing { what: "collection" })?, ticks.first_place))
    }
}
