//! Where the pulling of another server's collection stands, kept with the objects that came before it.

use crate::collection::CollectionKey;
use crate::error::Result;
use crate::store::{Read, Write};

/// A place in another server's collection, in that server's own words. Empty is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamPlace {
    /// The `added_after` with which the pages under way began.
    pub since: String,
    /// The last date of addition that was seen.
    pub last: String,
    /// The cursor of the page that follows.
    pub next: String,
}

impl Read<'_> {
    /// The place in a source, from which objects go into a collection.
    pub fn upstream_place(
        &mut self,
        source: &str,
        collection: CollectionKey,
    ) -> Result<Option<UpstreamPlace>> {
        self.session.first(
            "select since, last, next from upstream where source = $1 and collection = $2",
            &[source.into(), collection.0.into()],
            |row| Ok(UpstreamPlace { since: row.string(0)?, last: row.string(1)?, next: row.string(2)? }),
        )
    }
}

impl Write<'_> {
    /// Notes the place in a source.
    pub fn set_upstream_place(
        &mut self,
        source: &str,
        collection: CollectionKey,
        place: &UpstreamPlace,
        now_us: i64,
    ) -> Result<()> {
        self.session.run(
            "insert into upstream (source, collection, since, last, next, at_us) values ($1, $2, $3, $4, $5, $6) \
             on conflict (source, collection) do update set since = excluded.since, last = excluded.last, \
             next = excluded.next, at_us = excluded.at_us",
            &[
                source.into(),
                collection.0.into(),
                (&place.since).into(),
                (&place.last).into(),
                (&place.next).into(),
                now_us.into(),
            ],
        )?;
        Ok(())
    }
}
