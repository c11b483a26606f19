//! The store: opened by its address, read on a snapshot, written in one transaction at a time.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::address::without_password;
use crate::engine::Session;
use crate::engine::postgresql::Postgres;
use crate::engine::sqlite::Sqlite;
use crate::error::{Result, StoreError};
use crate::migrate;

/// How often a transaction that others got in the way of is begun anew, doubling the wait from [`FIRST_WAIT`]: two
/// seconds in all, after which the caller should know.
const ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(8);

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that read at the same time; on PostgreSQL connections of any kind.
    pub connections: usize,
    /// The most that a SQLite file may grow to, in bytes. A full quota behaves as a full disk does.
    pub quota_bytes: Option<u64>,
}

impl Default for Options {
    /// Eight connections: more readers than cores of a small node, fewer than a small server's limit.
    fn default() -> Self {
        Self { connections: 8, quota_bytes: None }
    }
}

/// Where a node keeps what it knows.
pub struct Store {
    engine: Engine,
}

enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Whether the store at an address is a server of PostgreSQL, and not a file.
    pub fn is_server(address: &str) -> bool {
        address.starts_with("postgres://") || address.starts_with("postgresql://")
    }

    /// Opens, and where needed makes or migrates, the store at `address`: a path, or `postgres://user@a,b,c/name`.
    pub fn open(address: &str, options: &Options, now_us: i64) -> Result<Self> {
        let engine = if Self::is_server(address) {
            Engine::Postgres(Postgres::open(address, options.connections)?)
        } else if let Some((scheme, _)) = address.split_once("://") {
            let reason = format!("{scheme} is no engine of the store; give a path or postgres://…");
            return Err(StoreError::Address { address: without_password(address), reason });
        } else {
            Engine::Sqlite(Sqlite::open(Path::new(address), options.connections, options.quota_bytes)?)
        };
        let store = Self { engine };
        store.at_length(|| store.attempts(&mut |session| migrate::migrate(&mut { session }, now_us)))?;
        Ok(store)
    }

    /// Runs `work` in one transaction, which is on disk when this returns, or leaves no trace.
    ///
    /// `work` is run again where others got in the way or a server went away, so it must do nothing but use the
    /// transaction.
    pub fn write<T>(&self, mut work: impl FnMut(&mut Write<'_>) -> Result<T>) -> Result<T> {
        self.attempts(&mut |session| work(&mut Write { read: Read { session } }))
    }

    /// Runs `work` on one snapshot. It may be run again, as in [`Store::write`].
    pub fn read<T>(&self, mut work: impl FnMut(&mut Read<'_>) -> Result<T>) -> Result<T> {
        let mut work = |session: Session<'_>| work(&mut Read { session });
        match &self.engine {
            Engine::Sqlite(engine) => engine.read(&mut work),
            Engine::Postgres(engine) => engine.read(&mut work),
        }
    }

    /// Runs `work`, which writes a transaction that may be as long as a whole store.
    pub(crate) fn at_length<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.at_length(work),
            Engine::Postgres(_) => work(),
        }
    }

    fn attempts<T>(&self, work: &mut dyn FnMut(Session<'_>) -> Result<T>) -> Result<T> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.attempt(work) {
                Err(StoreError::Busy(_)) => thread::sleep(wait),
                done => return done,
            }
            wait *= 2;
        }
        self.attempt(work)
    }

    fn attempt<T>(&self, work: &mut dyn FnMut(Session<'_>) -> Result<T>) -> Result<T> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.write(work),
            Engine::Postgres(engine) => engine.write(work),
        }
    }

    /// What a node does now and then: the engine's own housekeeping.
    pub fn sweep(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.write(&mut |mut session| session.run_script("pragma optimize")),
            Engine::Postgres(engine) => engine.write(&mut |mut session| {
                // No transaction is begun anew after a day.
                session.run_script("delete from act where at < now() - interval '1 day'")
            }),
        }
    }

    /// Copies a SQLite file, while others go on reading and writing. PostgreSQL has tools of its own for that.
    pub fn copy_to(&self, target: &Path) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.copy_to(target),
            Engine::Postgres(_) => {
                Err(StoreError::Unsuited { reason: "a server is not copied as a file; dump it".to_owned() })
            }
        }
    }

    /// The file, where the store is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.engine {
            Engine::Sqlite(engine) => Some(engine.path()),
            Engine::Postgres(_) => None,
        }
    }
}

/// A snapshot to read from.
pub struct Read<'a> {
    pub(crate) session: Session<'a>,
}

/// A transaction to write in; it reads what it wrote.
pub struct Write<'a> {
    read: Read<'a>,
}

impl<'a> Deref for Write<'a> {
    type Target = Read<'a>;

    fn deref(&self) -> &Read<'a> {
        &self.read
    }
}

impl<'a> DerefMut for Write<'a> {
    fn deref_mut(&mut self) -> &mut Read<'a> {
        &mut self.read
    }
}
