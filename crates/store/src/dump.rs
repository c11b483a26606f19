//! A dump: all rows as lines of JSON, one a row, and back.
//!
//! Both engines write the same dump and read each other's, so it is the backup of a server, and the way from a file to
//! a server when one machine is outgrown. The last line holds a hash of every table's rows; a restore hashes the rows
//! that it reads back from the new store, not the lines it was given, and commits only if they agree.

use std::fmt::Write as _;
use std::io::{BufRead, Read as _, Write as _};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::engine::{Column, Row, Rows, Session};
use crate::error::{Result, StoreError};
use crate::hex::hex;
use crate::ids;
use crate::limits::OBJECT_LIMIT_BYTES;
use crate::migrate;
use crate::store::{Read, Store, Write};

/// The longest line: the largest object, escaped at worst six times, with its other columns.
const LINE_LIMIT_BYTES: u64 = 6 * OBJECT_LIMIT_BYTES as u64 + 65_536;

/// Rows that are inserted at once.
const ROWS: usize = 1_000;

/// What the first line says.
const FORMAT: &str = "watchfire-store-dump";

/// What was dumped or restored: the number of rows and the SHA-256 over all of them, for each table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dumped {
    /// Table, rows, hash.
    pub tables: Vec<(String, u64, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bytes,
}

type Columns = &'static [(&'static str, Kind)];

struct Table {
    name: &'static str,
    columns: Columns,
    order: &'static str,
    /// Whether keys are given by the engine, which must go on after the highest.
    has_key: bool,
    /// The migration that made it.
    since: i64,
    /// The last migration with which it was there.
    until: i64,
    /// What it was up to and with some migrations, where later ones changed it: the migration, columns, order.
    before: &'static [(i64, Columns, &'static str)],
}

const fn table(name: &'static str, columns: Columns, order: &'static str, has_key: bool) -> Table {
    Table { name, columns, order, has_key, since: 1, until: i64::MAX, before: &[] }
}

use Kind::{Bytes as B, Int as I, Text as T};

/// All tables, in an order in which no row refers to a later one. A migration that changes one says here what it was before:
/// dumps of then are restored, too.
const TABLES: &[Table] = &[
    table("marking", &[("key", I), ("summary", T)], "key", true),
    table(
        "collection",
        &[
            ("key", I),
            ("id", T),
            ("api_root", T),
            ("alias", T),
            ("title", T),
            ("description", T),
            ("can_read", I),
            ("can_write", I),
            ("media_types", T),
            ("created_us", I),
        ],
        "key",
        true,
    ),
    table("clock", &[("collection", I), ("place", I), ("added_us", I)], "collection", false),
    table(
        "lane",
        &[("key", I), ("collection", I), ("marking", I), ("type", T), ("spec_version", T)],
        "key",
        true,
    ),
    table("item", &[("key", I), ("id", T)], "key", true),
    table(
        "object",
        &[("key", I), ("item", I), ("version_us", I), ("lane", I), ("creator", I), ("bytes", B)],
        "key",
        true,
    ),
    table(
        "member",
        &[
            ("collection", I),
            ("place", I),
            ("item", I),
            ("version_us", I),
            ("object", I),
            ("lane", I),
            ("added_us", I),
            ("newest", I),
            ("oldest", I),
        ],
        "collection, place",
        false,
    ),
    table(
        "tombstone",
        &[
            ("collection", I),
            ("place", I),
            ("item", I),
            ("version_us", I),
            ("marking", I),
            ("removed_place", I),
            ("removed_us", I),
        ],
        "collection, place",
        false,
    ),
    table(
        "value",
        &[("era", I), ("value", T), ("marking", I), ("object", I), ("run", T)],
        "era, value, marking, object",
        false,
    )
    .unlike(&[
        (8, &[("value", T), ("marking", I), ("object", I)], "value, marking, object"),
        (13, &[("era", I), ("value", T), ("marking", I), ("object", I)], "era, value, marking, object"),
    ]),
    table("terms", &[("object", I), ("words", T)], "object", false).since(6).until(12),
    table("given", &[("object", I), ("account", I)], "object", false).since(8).until(12),
    table("beside", &[("object", I), ("giver", I), ("words", T)], "object", false).since(13),
    table(
        "relation",
        &[("source", I), ("kind", T), ("target", I), ("marking", I), ("object", I)],
        "source, marking, object, kind, target",
        false,
    ),
    table(
        "status",
        &[
            ("id", T),
            ("collection", I),
            ("account", T),
            ("requested_us", I),
            ("total", I),
            ("success", I),
            ("failure", I),
            ("pending", I),
        ],
        "id",
        false,
    ),
    table(
        "status_entry",
        &[("status", T), ("number", I), ("outcome", T), ("id", T), ("version", T), ("message", T)],
        "status, number",
        false,
    ),
    table(
        "account",
        &[
            ("key", I),
            ("name", T),
            ("role", T),
            ("organisation", T),
            ("attributes", T),
            ("password_hash", T),
            ("totp_secret", B),
            ("totp_step", I),
            ("failures", I),
            ("locked_until_us", I),
            ("disabled", I),
            ("created_us", I),
        ],
        "key",
        true,
    ),
    table("giver", &[("key", I), ("account", I), ("organisation", T)], "key", true).since(15),
    table(
        "collection_right",
        &[("account", I), ("collection", I), ("can_read", I), ("can_write", I)],
        "account, collection",
        false,
    ),
    table(
        "token",
        &[
            ("key", I),
            ("hash", B),
            ("account", I),
            ("name", T),
            ("scope", T),
            ("created_us", I),
            ("expires_us", I),
            ("revoked_us", I),
        ],
        "key",
        true,
    ),
    table(
        "certificate",
        &[("fingerprint", B), ("account", I), ("subject", T), ("created_us", I)],
        "fingerprint",
        false,
    ),
    table(
        "session",
        &[
            ("hash", B),
            ("account", I),
            ("created_us", I),
            ("seen_us", I),
            ("expires_us", I),
            ("origin", T),
            ("means", T),
        ],
        "hash",
        false,
    )
    .unlike(&[(
        6,
        &[("hash", B), ("account", I), ("created_us", I), ("seen_us", I), ("expires_us", I)],
        "hash",
    )]),
    table(
        "audit",
        &[
            ("key", I),
            ("at_us", I),
            ("actor", T),
            ("origin", T),
            ("action", T),
            ("subject", T),
            ("detail", T),
        ],
        "key",
        true,
    ),
    table("audit_unplaced", &[("audit", I)], "audit", false),
    table("audit_clock", &[("one", I), ("place", I)], "one", false),
    table("audit_place", &[("place", I), ("audit", I)], "place", false),
    table("job", &[("key", I), ("name", T), ("spec", B), ("created_us", I)], "key", true),
    table(
        "shard",
        &[
            ("key", I),
            ("job", I),
            ("number", I),
            ("spec", B),
            ("state", T),
            ("worker", T),
            ("attempts", I),
            ("leased_until_us", I),
            ("reason", T),
        ],
        "key",
        true,
    ),
    table("hit", &[("shard", I), ("number", I), ("bytes", B)], "shard, number", false),
    table("party", &[("kind", T), ("name", T), ("attributes", T)], "kind, name", false).since(4),
    table(
        "upstream",
        &[("source", T), ("collection", I), ("since", T), ("last", T), ("next", T), ("at_us", I)],
        "source, collection",
        false,
    )
    .since(5),
    table("spent", &[("word", T), ("until_us", I)], "word", false).since(11),
];

impl Table {
    const fn since(self, migration: i64) -> Self {
        Self { since: migration, ..self }
    }

    const fn until(self, migration: i64) -> Self {
        Self { until: migration, ..self }
    }

    const fn unlike(self, before: &'static [(i64, Columns, &'static str)]) -> Self {
        Self { before, ..self }
    }

    /// The table as it was with a migration; none where it came later or was gone.
    fn at(&self, migration: i64) -> Option<Self> {
        let before = self.before.iter().find(|(until, ..)| migration <= *until);
        let (columns, order) =
            before.map_or((self.columns, self.order), |(_, columns, order)| (*columns, *order));
        (self.since..=self.until).contains(&migration).then_some(Self {
            columns,
            order,
            before: &[],
            ..*self
        })
    }

    fn column_names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Those of the last migration.
fn tables() -> impl DoubleEndedIterator<Item = &'static Table> {
    TABLES.iter().filter(|table| table.until >= migrate::latest())
}

impl Store {
    /// Writes all rows as JSON lines, as they are at this moment, while others go on reading and writing. Either
    /// engine can [`Store::restore`] them.
    pub fn dump(&self, out: &mut dyn std::io::Write) -> Result<Dumped> {
        let mut began = false;
        self.read(|read| {
            if std::mem::replace(&mut began, true) {
                // Half of it is already written: a second run would write those rows twice.
                return Err(StoreError::Backup { reason: "the server went away".to_owned(), line: 0 });
            }
            dump(read, out)
        })
    }

    /// Fills an empty store from a dump, and checks every row against the dump's hashes before it is committed.
    pub fn restore(&self, dump: &mut dyn std::io::BufRead) -> Result<Dumped> {
        let mut began = false;
        self.at_length(|| {
            self.write(|write| {
                if std::mem::replace(&mut began, true) {
                    return Err(StoreError::Backup { reason: "the server went away".to_owned(), line: 0 });
                }
                restore(write, dump)
            })
        })
    }

    /// Hashes of all rows, without writing them anywhere: equal for a store and its restored dump, on any engine.
    pub fn digest(&self) -> Result<Dumped> {
        self.read(|read| dump(read, &mut std::io::sink()))
    }
}

/// Writes all rows of a snapshot.
fn dump(read: &mut Read<'_>, out: &mut dyn std::io::Write) -> Result<Dumped> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, out);
    let head = json!({"format": FORMAT, "migration": migrate::latest()});
    writeln!(out, "{head}").map_err(cannot_write)?;
    let mut dumped = Dumped::default();
    for table in tables() {
        writeln!(out, "{}", json!({"table": table.name})).map_err(cannot_write)?;
        let mut line = String::new();
        let (rows, hash) = each_line(&mut read.session, table, &mut line, &mut |line| {
            out.write_all(line.as_bytes()).map_err(cannot_write)
        })?;
        dumped.tables.push((table.name.to_owned(), rows, hash));
    }
    let tables: Vec<Json> =
        dumped.tables.iter().map(|(name, rows, hash)| json!([name, rows, hash])).collect();
    writeln!(out, "{}", json!({"end": tables})).map_err(cannot_write)?;
    out.flush().map_err(cannot_write)?;
    Ok(dumped)
}

/// Hands each row of a table over as a line with its end; the number of rows and the hash over the lines.
fn each_line(
    session: &mut Session<'_>,
    table: &Table,
    line: &mut String,
    each: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<(u64, String)> {
    let text = format!("select {} from {} order by {}", table.column_names(), table.name, table.order);
    let (mut rows, mut hash) = (0, Sha256::new());
    session.for_each(&text, &[], &mut |row| {
        line.clear();
        write_row(table, row, line)?;
        hash.update(line.as_bytes());
        rows += 1;
        each(line)
    })?;
    Ok((rows, hex(&hash.finalize())))
}

fn write_row(table: &Table, row: &Row<'_>, line: &mut String) -> Result<()> {
    for (at, (_, kind)) in table.columns.iter().enumerate() {
        line.push(if at == 0 { '[' } else { ',' });
        let written = match kind {
            Kind::Int => row.optional_int(at)?.map(|number| write!(line, "{number}")),
            Kind::Text => row.optional_text(at)?.map(|text| write!(line, "{}", json!(text))),
            Kind::Bytes => row.optional_bytes(at)?.map(|bytes| match std::str::from_utf8(bytes) {
                Ok(text) => write!(line, "{}", json!(text)),
                Err(_) => write!(line, "{{\"hex\":\"{}\"}}", hex(bytes)),
            }),
        };
        match written {
            Some(written) => written.expect("a string takes all that is written to it"),
            None => line.push_str("null"),
        }
    }
    line.push_str("]\n");
    Ok(())
}

fn cannot_write(source: std::io::Error) -> StoreError {
    StoreError::File { path: "the dump".to_owned(), source }
}

/// Fills an empty store. A dump of an earlier migration goes into the tables of then, is compared there, and then comes
/// the way that a store of then would.
fn restore(write: &mut Write<'_>, dump: &mut dyn BufRead) -> Result<Dumped> {
    refuse_unless_empty(write)?;
    let mut lines = Lines { source: dump, number: 0 };
    let head = lines.next()?;
    let migration = head.get("migration").and_then(Json::as_i64).filter(|_| head["format"] == FORMAT);
    let migration = match migration {
        Some(number) if (1..=migrate::latest()).contains(&number) => number,
        Some(number) => {
            let reason = format!("it is of migration {number}, which is not one of {}", migrate::latest());
            return Err(lines.problem(reason));
        }
        None => return Err(lines.problem("it does not begin as a dump of a store does".to_owned())),
    };
    let is_earlier = migration < migrate::latest();
    if is_earlier {
        let names: Vec<&str> = tables().rev().map(|table| table.name).collect();
        migrate::begin_anew(&mut write.session, &names, migration)?;
    }
    write.session.run("delete from audit_clock", &[])?;
    let tables: Vec<Table> = TABLES.iter().filter_map(|table| table.at(migration)).collect();
    let end = read_rows(write, &tables, &mut lines)?;
    let restored = verify(write, &tables, &end, &lines)?;
    if migration >= migrate::IDS_HASHED {
        // Before that there is no place for them, and the migration that makes it fills it.
        ids::index(&mut write.session)?;
    }
    if is_earlier {
        migrate::go_on(&mut write.session)?;
    }
    Ok(restored)
}

/// Puts all rows into their tables; what the last line says.
fn read_rows(write: &mut Write<'_>, tables: &[Table], lines: &mut Lines<'_>) -> Result<Json> {
    let mut table: Option<&Table> = None;
    let mut waiting: Vec<Vec<Json>> = Vec::new();
    loop {
        match lines.next()? {
            Json::Array(row) => {
                waiting.push(row);
                if waiting.len() == ROWS {
                    insert(write, table, &mut waiting, lines)?;
                }
            }
            Json::Object(mut word) => {
                insert(write, table, &mut waiting, lines)?;
                if let Some(end) = word.remove("end") {
                    return Ok(end);
                }
                let name = word.get("table").and_then(Json::as_str).unwrap_or_default();
                table = tables.iter().find(|table| table.name == name);
            }
            _ => return Err(lines.problem("it holds a line that is neither a row nor a table".to_owned())),
        }
    }
}

fn refuse_unless_empty(write: &mut Write<'_>) -> Result<()> {
    // Every store has a row of this one.
    for table in tables().filter(|table| table.name != "audit_clock") {
        let text = format!("select 1 from {} limit 1", table.name);
        if write.session.first(&text, &[], |_| Ok(()))?.is_some() {
            return Err(StoreError::Unsuited {
                reason: "a dump is restored into an empty store only".to_owned(),
            });
        }
    }
    Ok(())
}

/// Hashes what is in the store now against what the dump says was in the other.
fn verify(write: &mut Write<'_>, tables: &[Table], end: &Json, lines: &Lines<'_>) -> Result<Dumped> {
    let mut restored = Dumped::default();
    for table in tables {
        continue_keys(write, table)?;
        let (rows, hash) = each_line(&mut write.session, table, &mut String::new(), &mut |_| Ok(()))?;
        let promised = end.as_array().and_then(|all| all.iter().find(|entry| entry[0] == table.name));
        if promised != Some(&json!([table.name, rows, hash])) {
            return Err(lines.problem(format!("the rows of {} are not those that were dumped", table.name)));
        }
        restored.tables.push((table.name.to_owned(), rows, hash));
    }
    Ok(restored)
}

/// PostgreSQL keeps the next key beside the table; SQLite takes the one after the highest.
fn continue_keys(write: &mut Write<'_>, table: &Table) -> Result<()> {
    if !table.has_key || !write.session.dialect().is_named("postgres") {
        return Ok(());
    }
    let name = table.name;
    write.session.run_script(&format!(
        "select setval(pg_get_serial_sequence('{name}', 'key'), (select coalesce(max(key), 0) + 1 from {name}), false)"
    ))
}

fn insert(
    write: &mut Write<'_>,
    table: Option<&Table>,
    waiting: &mut Vec<Vec<Json>>,
    lines: &Lines<'_>,
) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let table = table.ok_or_else(|| lines.problem("it holds rows of no known table".to_owned()))?;
    let mut cells: Vec<Vec<Cell>> = table.columns.iter().map(|_| Vec::with_capacity(waiting.len())).collect();
    for row in waiting.drain(..) {
        if row.len() != table.columns.len() {
            return Err(lines.problem(format!("a row of {} has {} columns", table.name, row.len())));
        }
        for ((cell, (name, kind)), column) in row.into_iter().zip(table.columns).zip(&mut cells) {
            let cell = Cell::read(cell, *kind)
                .ok_or_else(|| lines.problem(format!("{}.{name} is of another kind", table.name)))?;
            column.push(cell);
        }
    }
    let columns = cells.iter().zip(table.columns).map(|(cells, (_, kind))| column_of(cells, *kind)).collect();
    let names = table.column_names();
    let text = format!("insert into {} ({names}) {{values {names}}}", table.name);
    write.session.run_rows(&text, &Rows { columns }, &[])
}

/// One value of a dumped row.
enum Cell {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Null,
}

impl Cell {
    fn read(value: Json, kind: Kind) -> Option<Self> {
        match (value, kind) {
            (Json::Null, _) => Some(Cell::Null),
            (Json::Number(number), Kind::Int) => number.as_i64().map(Cell::Int),
            (Json::String(text), Kind::Text) => Some(Cell::Text(text)),
            (Json::String(text), Kind::Bytes) => Some(Cell::Bytes(text.into_bytes())),
            (Json::Object(hex), Kind::Bytes) => unhex(hex.get("hex")?.as_str()?).map(Cell::Bytes),
            _ => None,
        }
    }
}

fn column_of(cells: &[Cell], kind: Kind) -> Column<'_> {
    match kind {
        Kind::Int => Column::OptionalInts(
            cells
                .iter()
                .map(|cell| if let Cell::Int(number) = cell { Some(*number) } else { None })
                .collect(),
        ),
        Kind::Text => Column::OptionalTexts(
            cells
                .iter()
                .map(|cell| if let Cell::Text(text) = cell { Some(text.as_str()) } else { None })
                .collect(),
        ),
        Kind::Bytes => Column::OptionalBytes(
            cells
                .iter()
                .map(|cell| if let Cell::Bytes(bytes) = cell { Some(bytes.as_slice()) } else { None })
                .collect(),
        ),
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// The lines of a dump, each of bounded length.
struct Lines<'a> {
    source: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Json> {
        self.number += 1;
        let mut line = Vec::new();
        (&mut *self.source)
            .take(LINE_LIMIT_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(|source| StoreError::File { path: "the dump".to_owned(), source })?;
        if line.is_empty() {
            return Err(self.problem("it ends before its last line".to_owned()));
        }
        if line.last() != Some(&b'\n') {
            return Err(self.problem("a line of it does not end".to_owned()));
        }
        serde_json::from_slice(&line).map_err(|error| self.problem(error.to_string()))
    }

    fn problem(&self, reason: String) -> StoreError {
        StoreError::Backup { reason, line: self.number }
    }
}
