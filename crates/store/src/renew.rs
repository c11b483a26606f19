//! Places anew: what became known to more readers comes to those who follow a collection once more.
//!
//! A reader follows by date of addition. An object that was hidden when they passed its place would never reach them.

use crate::clearance::MarkingKey;
use crate::collection::CollectionKey;
use crate::engine::{Column, Row, Rows};
use crate::error::Result;
use crate::ids;
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

    /// Places of objects of a marking that were added before an instant, by collection, at most `limit` of each lane.
    pub fn added_before(
        &mut self,
        marking: MarkingKey,
        before_us: i64,
        limit: usize,
    ) -> Result<Vec<(CollectionKey, Vec<i64>)>> {
        let lanes = self.session.list(
            "select key, collection from lane where marking = $1 and collection <> 0 order by key",
            &[marking.0.into()],
            |row| Ok((row.int(0)?, CollectionKey(row.int(1)?))),
        )?;
        let mut found = Vec::new();
        for (lane, collection) in lanes {
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
}

impl Write<'_> {
    /// Gives objects of a collection new places and dates, as if they had been added now. Their old places stay empty.
    pub fn place_anew(&mut self, collection: CollectionKey, places: &[i64], now_us: i64) -> Result<()> {
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
        )
    }
}
