//! Collections: what TAXII 2.1 §5 says of them, and the clock from which places are taken.

use crate::engine::{Row, Value};
use crate::error::{Result, StoreError};
use crate::store::{Read, Write};

/// The number of a collection in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionKey(pub(crate) i64);

/// A collection to make. Titles and aliases are unique in their API root: clients choose collections by title.
#[derive(Debug, Clone, Copy)]
pub struct NewCollection<'a> {
    /// Its id, a UUID.
    pub id: &'a str,
    /// The name of its API root.
    pub api_root: &'a str,
    /// A name that may stand in place of the id.
    pub alias: Option<&'a str>,
    /// Its title.
    pub title: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Whether anybody may read it.
    pub can_read: bool,
    /// Whether anybody may add to it.
    pub can_write: bool,
    /// Media types of its objects, separated by commas.
    pub media_types: &'a str,
}

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its number in this store.
    pub key: CollectionKey,
    /// Its id, a UUID.
    pub id: String,
    /// The name of its API root.
    pub api_root: String,
    /// A name that may stand in place of the id.
    pub alias: Option<String>,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anybody may read it.
    pub can_read: bool,
    /// Whether anybody may add to it.
    pub can_write: bool,
    /// Media types of its objects, separated by commas.
    pub media_types: String,
}

const COLUMNS: &str = "key, id, api_root, alias, title, description, can_read, can_write, media_types";

fn read_collection(row: &Row<'_>) -> Result<Collection> {
    Ok(Collection {
        key: CollectionKey(row.int(0)?),
        id: row.string(1)?,
        api_root: row.string(2)?,
        alias: row.optional_string(3)?,
        title: row.string(4)?,
        description: row.optional_string(5)?,
        can_read: row.truth(6)?,
        can_write: row.truth(7)?,
        media_types: row.string(8)?,
    })
}

impl Read<'_> {
    /// The collections of an API root, in the order in which they were made.
    pub fn collections(&mut self, api_root: &str) -> Result<Vec<Collection>> {
        let text = format!("select {COLUMNS} from collection where api_root = $1 order by key");
        self.session.list(&text, &[api_root.into()], read_collection)
    }

    /// The collection with this id or alias in an API root (TAXII 2.1 §5.2).
    pub fn collection(&mut self, api_root: &str, id_or_alias: &str) -> Result<Option<Collection>> {
        if id_or_alias.contains('\0') || api_root.contains('\0') {
            return Ok(None);
        }
        let text =
            format!("select {COLUMNS} from collection where api_root = $1 and (id = $2 or alias = $2)");
        self.session.first(&text, &[api_root.into(), id_or_alias.into()], read_collection)
    }

    /// The last place given in a collection and the date of the last addition; 0 where there was none.
    pub fn last_place(&mut self, collection: CollectionKey) -> Result<(i64, i64)> {
        let text = "select place, added_us from clock where collection = $1";
        let found = self.session.first(text, &[collection.0.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
        found.ok_or(StoreError::Missing { what: "collection" })
    }
}

impl Write<'_> {
    /// Makes a collection.
    pub fn create_collection(&mut self, new: &NewCollection<'_>, now_us: i64) -> Result<CollectionKey> {
        let made = self.session.first(
            "insert into collection (id, api_root, alias, title, description, can_read, can_write, media_types, \
             created_us) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning key",
            &[
                new.id.into(),
                new.api_root.into(),
                new.alias.into(),
                new.title.into(),
                new.description.into(),
                new.can_read.into(),
                new.can_write.into(),
                new.media_types.into(),
                now_us.into(),
            ],
            |row| row.int(0),
        )?;
        let key = made.ok_or(StoreError::Missing { what: "collection" })?;
        self.session
            .run("insert into clock (collection, place, added_us) values ($1, 0, 0)", &[key.into()])?;
        Ok(CollectionKey(key))
    }

    /// Changes what may be done with a collection and how it is described. Its id and title stay.
    pub fn change_collection(
        &mut self,
        key: CollectionKey,
        description: Option<&str>,
        can_read: bool,
        can_write: bool,
    ) -> Result<()> {
        let touched = self.session.run(
            "update collection set description = $2, can_read = $3, can_write = $4 where key = $1",
            &[key.0.into(), description.into(), can_read.into(), can_write.into()],
        )?;
        if touched == 0 { Err(StoreError::Missing { what: "collection" }) } else { Ok(()) }
    }

    /// Locks the clock of a collection until the transaction ends, and takes `count` places and dates.
    ///
    /// A clock for each collection and not one for the store: writers to different collections do not wait for each
    /// other, and places tell a reader nothing of collections that it does not see.
    pub(crate) fn take_places(
        &mut self,
        collection: CollectionKey,
        count: i64,
        now_us: i64,
    ) -> Result<Ticks> {
        self.take_dates(collection, count, count, now_us)
    }

    /// The same, with `length` microseconds for the dates of `count` places.
    pub(crate) fn take_dates(
        &mut self,
        collection: CollectionKey,
        count: i64,
        length: i64,
        now_us: i64,
    ) -> Result<Ticks> {
        // Dates added rise by at least a microsecond for each object, so that a client who asks for "added after the
        // last date I saw" (TAXII 2.1 §3.4) loses none of a batch.
        let text = "update clock set place = place + $2, \
            added_us = case when $2 = 0 then added_us when added_us < $3 then $3 - 1 + $4 else added_us + $4 end \
            where collection = $1 returning place, added_us";
        let values = [Value::Int(collection.0), Value::Int(count), Value::Int(now_us), Value::Int(length)];
        let taken = self.session.first(text, &values, |row| Ok((row.int(0)?, row.int(1)?)))?;
        let (place, added_us) = taken.ok_or(StoreError::Missing { what: "collection" })?;
        Ok(Ticks { first_place: place - count + 1, first_added_us: added_us - length + 1 })
    }
}

/// Places and dates taken from a clock, one after the other.
pub(crate) struct Ticks {
    pub(crate) first_place: i64,
    pub(crate) first_added_us: i64,
}
