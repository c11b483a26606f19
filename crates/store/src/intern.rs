//! Long names become short numbers once: ids, markings, lanes.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::error::{Result, StoreError};
use crate::ids::{self, Keys};
use crate::store::Write;

/// The collection number under which lanes of the whole store stand.
pub(crate) const WHOLE_STORE: i64 = 0;

/// Numbers of ids.
pub(crate) struct Items<'a> {
    keys: Keys<'a>,
    /// Those that were not in the store before, of which there can be no object either.
    fresh: HashSet<i64, RandomState>,
}

impl Items<'_> {
    pub(crate) fn key(&self, id: &str) -> i64 {
        *self.keys.get(id).expect("every id of a batch was given a number")
    }

    pub(crate) fn is_fresh(&self, key: i64) -> bool {
        self.fresh.contains(&key)
    }
}

/// What sorts an object for readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LaneOf<'a> {
    pub(crate) collection: i64,
    pub(crate) marking: i64,
    pub(crate) object_type: &'a str,
    pub(crate) spec_version: &'a str,
}

impl Write<'_> {
    /// Numbers all of `ids`, making those that are new.
    pub(crate) fn intern_items<'a>(&mut self, ids: Vec<&'a str>) -> Result<Items<'a>> {
        let (keys, fresh) = ids::number(&mut self.session, ids)?;
        Ok(Items { keys, fresh })
    }

    /// The number of a summary of markings.
    pub(crate) fn intern_marking(&mut self, summary: &str) -> Result<i64> {
        const FIND: &str = "select key from marking where summary = $1";
        const MAKE: &str = "insert into marking (summary) values ($1) on conflict (summary) do nothing";
        if let Some(key) = self.session.first(FIND, &[summary.into()], |row| row.int(0))? {
            return Ok(key);
        }
        self.session.run(MAKE, &[summary.into()])?;
        self.session
            .first(FIND, &[summary.into()], |row| row.int(0))?
            .ok_or(StoreError::Missing { what: "marking" })
    }

    /// The number of a lane.
    pub(crate) fn intern_lane(&mut self, lane: LaneOf<'_>) -> Result<i64> {
        const FIND: &str = "select key from lane where collection = $1 and marking = $2 and type = $3 \
            and spec_version = $4";
        const MAKE: &str = "insert into lane (collection, marking, type, spec_version) values ($1, $2, $3, $4) \
            on conflict (collection, marking, type, spec_version) do nothing";
        let values =
            [lane.collection.into(), lane.marking.into(), lane.object_type.into(), lane.spec_version.into()];
        if let Some(key) = self.session.first(FIND, &values, |row| row.int(0))? {
            return Ok(key);
        }
        self.session.run(MAKE, &values)?;
        self.session.first(FIND, &values, |row| row.int(0))?.ok_or(StoreError::Missing { what: "lane" })
    }
}
