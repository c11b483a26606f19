//! Which version of an object is the first or the last in a collection, kept beside each row.
//!
//! A page of last versions must not look at every version, and a reader who may not see the last one must be shown
//! the last that it may see. So each row knows whether it is newest (and oldest) at all, or at least in its lane, and
//! adding a version corrects its neighbours and nobody else.

use crate::collection::CollectionKey;
use crate::engine::{Column, Row, Rows};
use crate::error::Result;
use crate::store::Write;

/// No other version is beyond this one.
pub(crate) const AT_ALL: i64 = 2;
/// Only versions of other lanes are beyond this one.
pub(crate) const IN_LANE: i64 = 1;
/// A version of the same lane is beyond this one.
pub(crate) const INSIDE: i64 = 0;

/// A row of `member` without its edges.
pub(crate) struct Joining {
    pub(crate) place: i64,
    pub(crate) item: i64,
    pub(crate) version_us: i64,
    pub(crate) object: i64,
    pub(crate) lane: i64,
    pub(crate) added_us: i64,
}

/// The places of the versions next to a new one, on both sides, in the collection and in its own lane.
struct Neighbours {
    item: i64,
    older: Option<i64>,
    newer: Option<i64>,
    older_in_lane: Option<i64>,
    newer_in_lane: Option<i64>,
}

fn edge(beyond: Option<i64>, beyond_in_lane: Option<i64>) -> i64 {
    match (beyond, beyond_in_lane) {
        (None, _) => AT_ALL,
        (Some(_), None) => IN_LANE,
        (Some(_), Some(_)) => INSIDE,
    }
}

impl Write<'_> {
    /// Inserts one version of each of some ids that have other versions in the collection.
    pub(crate) fn insert_beside_others(
        &mut self,
        collection: CollectionKey,
        joining: &[Joining],
    ) -> Result<()> {
        let mut neighbours = self.neighbours(collection, joining)?;
        neighbours.sort_unstable_by_key(|found| found.item);
        let (mut edges, mut newest, mut oldest) = (Vec::new(), Vec::new(), Vec::new());
        for row in joining {
            let found = neighbours.binary_search_by_key(&row.item, |found| found.item);
            let found = &neighbours[found.expect("every row asked for its neighbours")];
            let (is_newest, is_oldest) =
                (edge(found.newer, found.newer_in_lane), edge(found.older, found.older_in_lane));
            edges.push((is_newest, is_oldest));
            correct(is_newest, found.older, found.older_in_lane, &mut newest);
            correct(is_oldest, found.newer, found.newer_in_lane, &mut oldest);
        }
        self.set_edges("newest", collection, &newest)?;
        self.set_edges("oldest", collection, &oldest)?;
        self.insert_member_rows(collection, joining, &edges)
    }

    fn neighbours(&mut self, collection: CollectionKey, joining: &[Joining]) -> Result<Vec<Neighbours>> {
        let side = |comparison: &str, order: &str, lane: &str| {
            format!(
                "(select m.place from member m {{using member_item}} where m.collection = $4 and m.item = r.item \
                 and m.version_us {comparison} r.version_us {lane} order by m.version_us {order} limit 1)"
            )
        };
        let own = "and m.lane = r.lane";
        let text = format!(
            "select r.item, {}, {}, {}, {} from {{rows item, version_us, lane}}",
            side("<", "desc", ""),
            side(">", "asc", ""),
            side("<", "desc", own),
            side(">", "asc", own)
        );
        let rows = Rows {
            columns: vec![
                Column::Ints(joining.iter().map(|row| row.item).collect()),
                Column::Ints(joining.iter().map(|row| row.version_us).collect()),
                Column::Ints(joining.iter().map(|row| row.lane).collect()),
            ],
        };
        let mut found = Vec::with_capacity(joining.len());
        self.session.for_rows(&text, &rows, &[collection.0.into()], &mut |row: &Row<'_>| {
            found.push(Neighbours {
                item: row.int(0)?,
                older: row.optional_int(1)?,
                newer: row.optional_int(2)?,
                older_in_lane: row.optional_int(3)?,
                newer_in_lane: row.optional_int(4)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// Sets `newest` or `oldest` of rows by their place.
    pub(crate) fn set_edges(
        &mut self,
        edge: &str,
        collection: CollectionKey,
        rows: &[(i64, i64)],
    ) -> Result<()> {
        let text = format!(
            "update member set {edge} = r.edge from {{rows place, edge}} \
             where member.collection = $3 and member.place = r.place"
        );
        let columns = vec![
            Column::Ints(rows.iter().map(|(place, _)| *place).collect()),
            Column::Ints(rows.iter().map(|(_, edge)| *edge).collect()),
        ];
        self.session.run_rows(&text, &Rows { columns }, &[collection.0.into()])
    }
}

/// What a row at the edge takes from the row that was there before.
fn correct(own: i64, before: Option<i64>, before_in_lane: Option<i64>, corrections: &mut Vec<(i64, i64)>) {
    if own == INSIDE {
        return;
    }
    if let Some(place) = before_in_lane {
        corrections.push((place, INSIDE));
    }
    if let Some(place) = before.filter(|place| own == AT_ALL && before_in_lane != Some(*place)) {
        corrections.push((place, IN_LANE));
    }
}
