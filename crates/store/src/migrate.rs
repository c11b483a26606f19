//! Migrations: numbered, applied once, recorded with their hash, and never changed afterwards.

use sha2::{Digest, Sha256};

use crate::engine::{Row, Session, Value};
use crate::error::{Result, StoreError};
use crate::hex::hex;
use crate::ids;

/// All migrations in order; the first is number 1.
const MIGRATIONS: [&str; 15] = [
    include_str!("../migrations/001-objects.sql"),
    include_str!("../migrations/002-accounts.sql"),
    include_str!("../migrations/003-work.sql"),
    include_str!("../migrations/004-parties.sql"),
    include_str!("../migrations/005-upstream.sql"),
    include_str!("../migrations/006-terms.sql"),
    include_str!("../migrations/007-sessions.sql"),
    include_str!("../migrations/008-givers.sql"),
    include_str!("../migrations/009-eras.sql"),
    include_str!("../migrations/010-ids.sql"),
    include_str!("../migrations/011-spent.sql"),
    include_str!("../migrations/012-times.sql"),
    include_str!("../migrations/013-fewer.sql"),
    include_str!("../migrations/014-runs.sql"),
    include_str!("../migrations/015-sources.sql"),
];

/// The migration after which hashes of ids are made by the program.
pub(crate) const IDS_HASHED: i64 = 10;

const TABLE: &str = "create table if not exists migration (number {int} primary key, sha256 {text} not null, \
    applied_us {int} not null) {strict}";

/// Brings the store to the last migration. Several nodes may open a new store at once; one of them does it.
pub(crate) fn migrate(session: &mut Session<'_>, now_us: i64) -> Result<()> {
    lock(session)?;
    migrate_to(session, latest(), now_us)
}

fn migrate_to(session: &mut Session<'_>, last: i64, now_us: i64) -> Result<()> {
    session.run_script(TABLE)?;
    let applied =
        session.list("select number, sha256 from migration order by number", &[], |row: &Row<'_>| {
            Ok((row.int(0)?, row.string(1)?))
        })?;
    let found = applied.last().map_or(0, |(number, _)| *number);
    let known = latest();
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (text, number) in MIGRATIONS.iter().zip(1_i64..=last) {
        let hash = hash(text);
        match applied.iter().find(|(other, _)| *other == number) {
            Some((_, recorded)) if *recorded == hash => {}
            Some(_) => return Err(StoreError::Altered { number }),
            None => apply(session, text, number, &hash, now_us)?,
        }
    }
    Ok(())
}

/// Makes an empty store of the last migration into one of an earlier one. `tables` are those of the last that hold a
/// store's rows, in an order in which none is referred to by a later one.
pub(crate) fn begin_anew(session: &mut Session<'_>, tables: &[&str], migration: i64) -> Result<()> {
    lock(session)?;
    let now_us = applied_us(session)?;
    let is_server = session.dialect().is_named("postgres");
    if is_server {
        // By these this very transaction is recognised, should its answer be lost.
        session.run_script("create temporary table kept_act on commit drop as select * from act")?;
    }
    let own =
        if is_server { ["act", "migration"].as_slice() } else { &["item_hash", "item_filter", "migration"] };
    for table in tables.iter().chain(own) {
        session.run_script(&format!("drop table {table}"))?;
    }
    if is_server {
        session.run_script("drop function audit_is_append_only")?;
    }
    migrate_to(session, migration, now_us)
}

/// Brings a store that was begun anew back to the last migration.
pub(crate) fn go_on(session: &mut Session<'_>) -> Result<()> {
    let now_us = applied_us(session)?;
    migrate_to(session, latest(), now_us)?;
    if session.dialect().is_named("postgres") {
        session.run_script("insert into act select * from kept_act")?;
    }
    Ok(())
}

/// When the last migration was applied: a store has no clock of its own.
fn applied_us(session: &mut Session<'_>) -> Result<i64> {
    let text = "select applied_us from migration order by number desc limit 1";
    Ok(session.first(text, &[], |row| row.int(0))?.unwrap_or(0))
}

/// The number of the last migration.
pub(crate) fn latest() -> i64 {
    MIGRATIONS.len() as i64
}

fn apply(session: &mut Session<'_>, text: &str, number: i64, hash: &str, now_us: i64) -> Result<()> {
    let mut sections = text.split("\n-- only ");
    session.run_script(sections.next().unwrap_or_default())?;
    for section in sections {
        let (engine, statements) = section.split_once('\n').unwrap_or((section, ""));
        if session.dialect().is_named(engine) {
            session.run_script(statements)?;
        }
    }
    if number == IDS_HASHED {
        ids::index(session)?;
    }
    session.run(
        "insert into migration (number, sha256, applied_us) values ($1, $2, $3)",
        &[Value::Int(number), Value::Text(hash), Value::Int(now_us)],
    )?;
    Ok(())
}

/// SQLite has one writer anyway. Elsewhere an advisory lock, because `create table if not exists` itself is a race.
fn lock(session: &mut Session<'_>) -> Result<()> {
    if session.dialect().is_named("postgres") {
        session.run_script("select pg_advisory_xact_lock(8243112)")?;
    }
    Ok(())
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
