//! What the tests of the store share: a home for a store of either engine, and objects to put into it.
#![allow(dead_code)] // each test binary uses its part

pub(crate) mod server;

use watchfire_store::{
    AccountKey, CollectionKey, GiverKey, NewAccount, NewCollection, NewObject, NewRelation, Options, Outcome,
    Role, Store,
};

/// 19 July 2021, 12:00 UTC.
pub(crate) const NOON: i64 = 1_626_696_000_000_000;

/// A folder for a test: in memory where the machine has such a place. What the tests promise is about processes that die
/// and writers that meet; waiting for the disk of a busy machine shows nothing more.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// A store and what keeps it alive.
pub(crate) struct Home {
    pub(crate) address: String,
    pub(crate) store: Store,
    /// The folder of a file, where the store is one.
    pub(crate) folder: Option<tempfile::TempDir>,
}

impl Home {
    #[allow(clippy::unnecessary_wraps)] // as the other engine, which may not be installed
    pub(crate) fn sqlite() -> Option<Self> {
        let folder = folder();
        let address = folder.path().join("watchfire.db").to_str().unwrap().to_owned();
        Some(Self::at(address, Some(folder)))
    }

    pub(crate) fn postgres() -> Option<Self> {
        Some(Self::at(server::shared()?.new_database(), None))
    }

    /// An account and the giver that it is for its organisation.
    pub(crate) fn giver(&self, name: &str, organisation: &str) -> (AccountKey, GiverKey) {
        let account =
            NewAccount { name, role: Role::Analyst, organisation, attributes: "{}", password_hash: None };
        let made = self.store.write(|write| {
            let account = write.create_account(&account, NOON)?;
            Ok((account, write.giver(account, organisation)?))
        });
        made.unwrap()
    }

    fn at(address: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(&address, &Options::default(), NOON).unwrap();
        Self { address, store, folder }
    }

    /// The same store, opened once more as another process would.
    pub(crate) fn open_again(&self) -> Store {
        Store::open(&self.address, &Options::default(), NOON).unwrap()
    }

    /// Runs statements as another program would.
    pub(crate) fn behind_its_back(&self, statements: &str) {
        if self.folder.is_some() {
            rusqlite::Connection::open(&self.address).unwrap().execute_batch(statements).unwrap();
        } else {
            let mut client = postgres::Client::connect(&self.address, postgres::NoTls).unwrap();
            client.batch_execute(statements).unwrap();
        }
    }

    /// Makes the key of the next object the one after `key`.
    pub(crate) fn skip_to_object(&self, key: i64) {
        // SQLite goes on after the highest key: that of an object of no item, in no lane, which nobody sees.
        self.behind_its_back(&if self.folder.is_some() {
            format!(
                "insert into object (key, item, version_us, lane, bytes) values ({key}, 0, {key}, 0, x'')"
            )
        } else {
            format!("select setval(pg_get_serial_sequence('object', 'key'), {key})")
        });
    }

    /// Makes the number of the next id the one after `key`.
    pub(crate) fn skip_to_item(&self, key: i64) {
        self.behind_its_back(&if self.folder.is_some() {
            format!("insert into item (key, id) values ({key}, 'skipped--{key}')")
        } else {
            format!("select setval(pg_get_serial_sequence('item', 'key'), {key})")
        });
    }

    /// Rows of a table, as a dump has them.
    pub(crate) fn rows(&self, table: &str) -> Vec<serde_json::Value> {
        let mut dump = Vec::new();
        self.store.dump(&mut dump).unwrap();
        let lines = dump.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
        lines
            .skip_while(|line| line["table"] != table)
            .skip(1)
            .take_while(serde_json::Value::is_array)
            .collect()
    }

    pub(crate) fn collection(&self, title: &str) -> CollectionKey {
        let id = format!("00000000-0000-4000-8000-{title:0>12}");
        self.store
            .write(|write| {
                let new = NewCollection {
                    id: &id,
                    api_root: "allies",
                    alias: None,
                    title,
                    description: None,
                    can_read: true,
                    can_write: true,
                    media_types: "application/stix+json;version=2.1",
                };
                write.create_collection(&new, NOON)
            })
            .unwrap()
    }

    pub(crate) fn add(&self, collection: CollectionKey, objects: &[Made]) -> Vec<Outcome> {
        let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
        self.store.write(|write| write.add(collection, &new, NOON)).unwrap()
    }
}

/// An object that owns its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) object_type: String,
    pub(crate) version_us: i64,
    pub(crate) spec_version: String,
    pub(crate) created_by: Option<String>,
    pub(crate) marking: String,
    pub(crate) values: Vec<String>,
    pub(crate) relations: Vec<(String, String, String)>,
    pub(crate) bytes: Vec<u8>,
}

impl Made {
    pub(crate) fn new(number: u64, version_us: i64) -> Self {
        let id = format!(
            "indicator--{:08x}-0000-4000-8000-{number:012x}",
            number.wrapping_mul(0x9e37_79b9) as u32
        );
        let bytes = format!("{{\"id\": \"{id}\",\"modified\":{version_us}, \"n\":{number}}}").into_bytes();
        Self {
            id,
            object_type: "indicator".to_owned(),
            version_us,
            spec_version: "2.1".to_owned(),
            created_by: None,
            marking: "clear".to_owned(),
            values: vec![format!("host-{number}.example")],
            relations: Vec::new(),
            bytes,
        }
    }

    pub(crate) fn marked(mut self, marking: &str) -> Self {
        self.marking = marking.to_owned();
        self
    }

    pub(crate) fn of_type(mut self, object_type: &str) -> Self {
        self.object_type = object_type.to_owned();
        self
    }

    pub(crate) fn valued(mut self, values: &[&str]) -> Self {
        self.values = values.iter().map(|value| (*value).to_owned()).collect();
        self
    }

    pub(crate) fn related(mut self, source: &str, kind: &str, target: &str) -> Self {
        if source != self.id {
            // As a relationship names what it goes out from.
            self.relations.push((self.id.clone(), "source_ref".to_owned(), source.to_owned()));
        }
        self.relations.push((source.to_owned(), kind.to_owned(), target.to_owned()));
        self
    }

    pub(crate) fn by(mut self, creator: &str) -> Self {
        self.created_by = Some(creator.to_owned());
        self
    }

    pub(crate) fn new_object(&self) -> NewObject<'_> {
        NewObject {
            id: &self.id,
            object_type: &self.object_type,
            version_us: self.version_us,
            spec_version: &self.spec_version,
            created_by: self.created_by.as_deref(),
            marking: &self.marking,
            values: self.values.iter().map(String::as_str).collect(),
            relations: self
                .relations
                .iter()
                .map(|(source, kind, target)| NewRelation { source, kind, target })
                .collect(),
            giver: None,
            bytes: &self.bytes,
        }
    }
}

/// `count` objects of one version each, numbered from `first`.
pub(crate) fn many(first: u64, count: u64) -> Vec<Made> {
    (first..first + count).map(|number| Made::new(number, NOON)).collect()
}

/// A seeded row of numbers.
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
