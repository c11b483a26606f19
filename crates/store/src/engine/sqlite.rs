//! SQLite: one file, one writer, several readers.
//!
//! WAL lets readers see the last commit while the writer works; `synchronous=FULL` puts each commit on the disk before
//! it is acknowledged. The pool is a vector and a condition variable: connections to a file never go stale, so what a
//! pool crate would add (health checks, lifetimes, background threads) has nothing to do here.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Statement};

use super::Session;
use super::dialect::{Dialect, MANY};
use super::value::{Column, Row, Rows, Value};
use crate::error::{Result, StoreError};
use crate::filter::{Filters, Known};
use crate::ids;

/// How long a transaction waits for another process that writes. A batch of 10,000 objects takes under a second.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Prepared statements that a connection keeps. The store has fewer texts than this.
const STATEMENTS: usize = 256;

/// Pages in the WAL at which it is worked into the file (64 MB). A tenth of it would rewrite the hot pages of the
/// indexes with every large batch; ten times it would make the file after a crash slow to open. Four times it saves a
/// large batch a fifteenth; but a sync takes longer as long as the WAL still grows, and every answer waits for one.
const CHECKPOINT_PAGES: i64 = 16_000;

/// Page cache of the writer, which touches every index (the values and hashes of an era are two thirds of it), and of each
/// reader, which touches few.
const WRITER_CACHE_KIB: i64 = 128 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// What the file is for, in its header ("Wfir"), so that another program's file is not taken for a store.
const APPLICATION_ID: i64 = 0x5766_6972;

pub(crate) struct Sqlite {
    path: PathBuf,
    filters: Filters,
    // In this order: the connection that closes last works the WAL into the file, and readers may not write.
    readers: Readers,
    writer: Mutex<Connection>,
}

struct Readers {
    state: Mutex<ReaderState>,
    returned: Condvar,
    limit: usize,
}

#[derive(Default)]
struct ReaderState {
    idle: Vec<Connection>,
    made: usize,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, readers: usize, quota_bytes: Option<u64>) -> Result<Self> {
        let writer = Connection::open(path)?;
        configure(&writer, WRITER_CACHE_KIB)?;
        claim_file(&writer, path)?;
        if let Some(bytes) = quota_bytes {
            let page: i64 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page;
            writer.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        let readers = Readers { state: Mutex::default(), returned: Condvar::new(), limit: readers.max(1) };
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers, filters: Filters::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in a transaction that is on the disk when this returns.
    pub(crate) fn write<T>(&self, work: &mut dyn FnMut(Session<'_>) -> Result<T>) -> Result<T> {
        let connection = self.writer()?;
        connection.execute_batch("begin immediate")?;
        let done = self
            .session(&connection)
            .and_then(&mut *work)
            .and_then(|out| connection.execute_batch("commit").map(|()| out).map_err(StoreError::from));
        if done.is_err() && !connection.is_autocommit() {
            connection.execute_batch("rollback")?;
        }
        done
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>> {
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if !connection.is_autocommit() {
            // A panic has left a transaction behind.
            connection.execute_batch("rollback")?;
        }
        Ok(connection)
    }

    /// Runs `work`, which writes a transaction that may be as long as a whole store. What its statements keep to undo
    /// themselves, a dropped table whole, and what they sort is in files meanwhile: in memory it would be a gigabyte for
    /// ten million objects.
    pub(crate) fn at_length<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let keep_in =
            |place: &str| -> Result<()> { Ok(self.writer()?.pragma_update(None, "temp_store", place)?) };
        keep_in("file")?;
        let done = work();
        keep_in("memory")?;
        done
    }

    /// Runs `work` on one snapshot.
    pub(crate) fn read<T>(&self, work: &mut dyn FnMut(Session<'_>) -> Result<T>) -> Result<T> {
        let reader = self.reader()?;
        let connection =
            reader.connection.as_ref().expect("a reader holds its connection until it is dropped");
        connection.execute_batch("begin")?;
        let done = self.session(connection).and_then(work);
        connection.execute_batch("rollback")?;
        done
    }

    /// The session of a transaction that has just begun.
    fn session<'a>(&self, connection: &'a Connection) -> Result<Session<'a>> {
        let known = ids::known(&self.filters, &mut Session::Sqlite(connection, Known::default()))?;
        Ok(Session::Sqlite(connection, known))
    }

    fn reader(&self) -> Result<Reader<'_>> {
        let mut state = self.readers.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Reader { readers: &self.readers, connection: Some(connection) });
            }
            if state.made < self.readers.limit {
                let connection = open_reader(&self.path)?;
                state.made += 1;
                return Ok(Reader { readers: &self.readers, connection: Some(connection) });
            }
            state = self.readers.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Copies the file as it is at this moment, while others go on reading and writing.
    pub(crate) fn copy_to(&self, target: &Path) -> Result<()> {
        let source = open_reader(&self.path)?;
        let mut copy = Connection::open(target)?;
        {
            let backup = rusqlite::backup::Backup::new(&source, &mut copy)?;
            // All pages in one step: in WAL mode that is one snapshot and holds up nobody, where many small steps
            // would begin again with each commit of another connection.
            backup.step(-1)?;
        }
        copy.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
        Ok(())
    }
}

/// A reading connection on loan.
struct Reader<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.connection.take() {
            Some(connection) if connection.is_autocommit() => state.idle.push(connection),
            // A panic has left a transaction behind: the snapshot must not outlive it.
            _ => state.made -= 1,
        }
        self.readers.returned.notify_one();
    }
}

fn open_reader(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    configure(&connection, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection, cache_kib: i64) -> Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    Ok(())
}

fn claim_file(connection: &Connection, path: &Path) -> Result<()> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    match (id, tables) {
        (APPLICATION_ID, _) => Ok(()),
        (0, 0) => Ok(connection.pragma_update(None, "application_id", APPLICATION_ID)?),
        _ => Err(StoreError::Address {
            address: path.display().to_string(),
            reason: "the file belongs to another program".to_owned(),
        }),
    }
}

pub(super) fn run(connection: &Connection, text: &str, values: &[Value<'_>]) -> Result<usize> {
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.translate(text))?;
    bind(&mut statement, 0, values)?;
    if statement.column_count() == 0 {
        return Ok(statement.raw_execute()?);
    }
    let mut count = 0;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

pub(super) fn for_each(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.translate(text))?;
    bind(&mut statement, 0, values)?;
    drain(&mut statement, each)
}

pub(super) fn for_rows(
    connection: &Connection,
    text: &str,
    rows: &Rows<'_>,
    values: &[Value<'_>],
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let done = if text.contains("{many ") { insert_many(connection, text, rows)? } else { 0 };
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.open_rows(text, rows, 1))?;
    bind(&mut statement, rows.columns.len(), values)?;
    for row in done..rows.len() {
        for (at, column) in rows.columns.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, column.value(row))?;
        }
        drain(&mut statement, each)?;
    }
    Ok(())
}

/// Inserts as many rows as fill statements for [`MANY`] of them; how many those were.
fn insert_many(connection: &Connection, text: &str, rows: &Rows<'_>) -> Result<usize> {
    let whole = rows.len() / MANY * MANY;
    if whole == 0 {
        return Ok(0);
    }
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.open_rows(text, rows, MANY))?;
    let width = rows.columns.len();
    for row in 0..whole {
        let first = row % MANY * width + 1;
        for (at, column) in rows.columns.iter().enumerate() {
            statement.raw_bind_parameter(first + at, column.value(row))?;
        }
        if row % MANY + 1 == MANY {
            statement.raw_execute()?;
        }
    }
    Ok(whole)
}

/// Inserts rows of which none is there yet, with the next keys, which are returned: there is one writer.
pub(super) fn insert_numbered(
    connection: &Connection,
    table: &str,
    names: &str,
    mut rows: Rows<'_>,
) -> Result<Range<i64>> {
    let last = format!("select coalesce(max(key), 0) from {table}");
    let last: i64 = connection.prepare_cached(&last)?.query_row([], |row| row.get(0))?;
    let keys = last + 1..last + 1 + rows.len() as i64;
    rows.columns.insert(0, Column::Ints(keys.clone().collect()));
    let text = format!("insert into {table} (key, {names}) {{many key, {names}}}");
    for_rows(connection, &text, &rows, &[], &mut |_| Ok(()))?;
    Ok(keys)
}

/// Keys are asked of the connection: `returning` would fill a temporary table for every row.
pub(super) fn insert_new(connection: &Connection, text: &str, rows: &Rows<'_>) -> Result<Vec<Option<i64>>> {
    let mut statement = connection.prepare_cached(&Dialect::Sqlite.open_rows(text, rows, 1))?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        for (at, column) in rows.columns.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, column.value(row))?;
        }
        let inserted = statement.raw_execute()? == 1;
        keys.push(inserted.then(|| connection.last_insert_rowid()));
    }
    Ok(keys)
}

/// Binds values after the first `before`; a value that no statement asks for is left out.
fn bind(statement: &mut Statement<'_>, before: usize, values: &[Value<'_>]) -> Result<()> {
    let asked = statement.parameter_count();
    for (at, value) in values.iter().enumerate().filter(|(at, _)| before + at < asked) {
        statement.raw_bind_parameter(before + at + 1, value)?;
    }
    Ok(())
}

fn drain(statement: &mut Statement<'_>, each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        each(&Row::Sqlite(row))?;
    }
    Ok(())
}
