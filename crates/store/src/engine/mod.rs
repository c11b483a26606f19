//! The two engines behind one door: a session that runs the same statements on either.
//!
//! An enum and not a trait: there are exactly two, both are known here, and a `match` in five functions is less to
//! read than a trait with its generics. Everything above this module is written once.

pub(crate) mod dialect;
pub(crate) mod postgresql;
pub(crate) mod sqlite;
pub(crate) mod value;

use crate::error::Result;
use crate::filter::Known;
use dialect::Dialect;
pub(crate) use value::{Column, Row, Rows, Value};

/// One transaction's connection.
pub(crate) enum Session<'a> {
    Sqlite(&'a rusqlite::Connection, Known),
    Postgres(&'a mut postgresql::Link),
}

impl Session<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Session::Sqlite(..) => Dialect::Sqlite,
            Session::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The filters of ids, where the engine has no index of its own over them.
    pub(crate) fn filters(&self) -> Option<Known> {
        match self {
            Session::Sqlite(_, known) => Some(Known::clone(known)),
            Session::Postgres(_) => None,
        }
    }

    /// Runs a statement for its effect; the number of rows it touched.
    pub(crate) fn run(&mut self, text: &str, values: &[Value<'_>]) -> Result<usize> {
        values.iter().try_for_each(Value::check)?;
        match self {
            Session::Sqlite(connection, _) => sqlite::run(connection, text, values),
            Session::Postgres(link) => link.run(text, values),
        }
    }

    /// Runs statements that take no values, such as a migration's.
    pub(crate) fn run_script(&mut self, text: &str) -> Result<()> {
        let text = self.dialect().translate(text);
        match self {
            Session::Sqlite(connection, _) => Ok(connection.execute_batch(&text)?),
            Session::Postgres(link) => link.run_script(&text),
        }
    }

    /// Hands each row of an answer to `each`.
    pub(crate) fn for_each(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        values.iter().try_for_each(Value::check)?;
        match self {
            Session::Sqlite(connection, _) => sqlite::for_each(connection, text, values, each),
            Session::Postgres(link) => link.for_each(text, values, each),
        }
    }

    /// Runs a statement with `{rows …}` once for all of `rows`, and hands over what it returns. On SQLite it is one
    /// prepared statement run row by row, which there is the fastest way; on PostgreSQL one round trip.
    pub(crate) fn for_rows(
        &mut self,
        text: &str,
        rows: &Rows<'_>,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        rows.check()?;
        values.iter().try_for_each(Value::check)?;
        if rows.len() == 0 {
            return Ok(());
        }
        match self {
            Session::Sqlite(connection, _) => sqlite::for_rows(connection, text, rows, values, each),
            Session::Postgres(link) => link.for_rows(text, rows, values, each),
        }
    }

    /// Inserts rows that nobody else can have inserted; their keys.
    pub(crate) fn insert_sure(
        &mut self,
        table: &str,
        unique: &[&str],
        others: &[&str],
        rows: Rows<'_>,
    ) -> Result<Vec<Option<i64>>> {
        match self {
            Session::Sqlite(..) if rows.len() == 0 => Ok(Vec::new()),
            Session::Sqlite(connection, _) => {
                rows.check()?;
                let names = [unique, others].concat().join(", ");
                Ok(sqlite::insert_numbered(connection, table, &names, rows)?.map(Some).collect())
            }
            Session::Postgres(_) => self.insert_new(table, unique, others, &rows),
        }
    }

    /// Inserts rows that are not in a table yet, as told by their first columns, `unique`; the new key of each row, and
    /// none for a row that was there.
    pub(crate) fn insert_new(
        &mut self,
        table: &str,
        unique: &[&str],
        others: &[&str],
        rows: &Rows<'_>,
    ) -> Result<Vec<Option<i64>>> {
        rows.check()?;
        if rows.len() == 0 {
            return Ok(Vec::new());
        }
        let names = [unique, others].concat().join(", ");
        let unique_names = unique.join(", ");
        let text = format!(
            "insert into {table} ({names}) {{values {names}}} on conflict ({unique_names}) do nothing"
        );
        match self {
            Session::Sqlite(connection, _) => sqlite::insert_new(connection, &text, rows),
            Session::Postgres(link) => link.insert_new(&text, unique, rows),
        }
    }

    /// Runs a statement with `{rows …}` for its effect.
    pub(crate) fn run_rows(&mut self, text: &str, rows: &Rows<'_>, values: &[Value<'_>]) -> Result<()> {
        self.for_rows(text, rows, values, &mut |_| Ok(()))
    }

    /// All rows of an answer.
    pub(crate) fn list<T>(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut out = Vec::new();
        self.for_each(text, values, &mut |row| {
            out.push(read(row)?);
            Ok(())
        })?;
        Ok(out)
    }

    /// The first row of an answer, if there is one.
    pub(crate) fn first<T>(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.list(text, values, read)?.into_iter().next())
    }
}
