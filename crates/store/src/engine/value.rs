//! What goes into a statement and what comes out of it, the same for both engines.
//!
//! Four kinds are enough: whole numbers of 64 bits (truth values are 0 and 1, instants are microseconds since 1970
//! in UTC), text, bytes, and nothing. Both engines hold them exactly; floating point, native times and JSON columns
//! they do not hold alike, so there are none.

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::{Result, StoreError};

/// One value of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A set of numbers, for the dialect's word `{in …}`.
    Set(&'a [i64]),
    Null,
}

impl Value<'_> {
    /// PostgreSQL holds no NUL in text, so neither engine is given one.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Value::Text(text) if text.as_bytes().contains(&0) => {
                Err(StoreError::Unstorable { what: "text", reason: "it holds a NUL" })
            }
            _ => Ok(()),
        }
    }
}

/// As PostgreSQL casts it to text.
impl std::fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Int(number) => write!(out, "{number}"),
            Value::Text(text) => out.write_str(text),
            Value::Bytes(_) | Value::Set(_) | Value::Null => unreachable!("nothing is told apart by these"),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Int(i64::from(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Bytes(value)
    }
}

impl<'a> From<&'a [i64]> for Value<'a> {
    fn from(value: &'a [i64]) -> Self {
        Value::Set(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            // SQLite has no arrays: the set travels as JSON and is opened by json_each.
            Value::Set(numbers) => {
                let listed: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                ToSqlOutput::Owned(rusqlite::types::Value::Text(format!("[{}]", listed.join(","))))
            }
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        })
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Cause> {
        match self {
            Value::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
            Value::Set(numbers) => numbers.to_sql(kind, out),
            Value::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

type Cause = Box<dyn std::error::Error + Sync + Send>;

/// Many rows for one statement, by column, as PostgreSQL takes them at once and SQLite one by one.
pub(crate) struct Rows<'a> {
    pub(crate) columns: Vec<Column<'a>>,
}

/// One column of [`Rows`].
pub(crate) enum Column<'a> {
    Ints(Vec<i64>),
    OptionalInts(Vec<Option<i64>>),
    Texts(Vec<&'a str>),
    OptionalTexts(Vec<Option<&'a str>>),
    Bytes(Vec<&'a [u8]>),
    OptionalBytes(Vec<Option<&'a [u8]>>),
}

impl Column<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Column::Ints(values) => values.len(),
            Column::OptionalInts(values) => values.len(),
            Column::Texts(values) => values.len(),
            Column::OptionalTexts(values) => values.len(),
            Column::Bytes(values) => values.len(),
            Column::OptionalBytes(values) => values.len(),
        }
    }

    pub(crate) fn value(&self, row: usize) -> Value<'_> {
        let value = match self {
            Column::Ints(values) => values.get(row).map(|value| Value::Int(*value)),
            Column::OptionalInts(values) => values.get(row).map(|value| Value::from(*value)),
            Column::Texts(values) => values.get(row).map(|value| Value::Text(value)),
            Column::OptionalTexts(values) => values.get(row).map(|value| Value::from(*value)),
            Column::Bytes(values) => values.get(row).map(|value| Value::Bytes(value)),
            Column::OptionalBytes(values) => values.get(row).map(|value| Value::from(*value)),
        };
        value.unwrap_or(Value::Null)
    }

    /// The column as one array.
    pub(crate) fn array(&self) -> &(dyn ToSql + Sync) {
        match self {
            Column::Ints(values) => values,
            Column::OptionalInts(values) => values,
            Column::Texts(values) => values,
            Column::OptionalTexts(values) => values,
            Column::Bytes(values) => values,
            Column::OptionalBytes(values) => values,
        }
    }

    pub(crate) fn postgres_type(&self) -> &'static str {
        match self {
            Column::Ints(_) | Column::OptionalInts(_) => "bigint[]",
            Column::Texts(_) | Column::OptionalTexts(_) => "text[]",
            Column::Bytes(_) | Column::OptionalBytes(_) => "bytea[]",
        }
    }
}

impl Rows<'_> {
    pub(crate) fn len(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    pub(crate) fn check(&self) -> Result<()> {
        for column in &self.columns {
            assert_eq!(column.len(), self.len(), "columns of one table of rows are of one length");
            match column {
                Column::Texts(texts) => texts.iter().try_for_each(|text| Value::Text(text).check())?,
                Column::OptionalTexts(texts) => {
                    texts.iter().flatten().try_for_each(|text| Value::Text(text).check())?;
                }
                // Only text can hold what one of the engines does not.
                Column::Ints(_) | Column::OptionalInts(_) | Column::Bytes(_) | Column::OptionalBytes(_) => {}
            }
        }
        Ok(())
    }
}

/// One row of an answer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl Row<'_> {
    pub(crate) fn int(&self, column: usize) -> Result<i64> {
        self.optional_int(column)?.ok_or_else(|| unexpected(column))
    }

    pub(crate) fn truth(&self, column: usize) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str> {
        self.optional_text(column)?.ok_or_else(|| unexpected(column))
    }

    pub(crate) fn string(&self, column: usize) -> Result<String> {
        self.text(column).map(str::to_owned)
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8]> {
        self.optional_bytes(column)?.ok_or_else(|| unexpected(column))
    }

    pub(crate) fn optional_int(&self, column: usize) -> Result<Option<i64>> {
        match self {
            Row::Sqlite(row) => row.get(column).map_err(|_| unexpected(column)),
            Row::Postgres(row) => row.try_get(column).map_err(|_| unexpected(column)),
        }
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<&str>> {
        match self {
            Row::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|_| unexpected(column))?;
                value.as_str_or_null().map_err(|_| unexpected(column))
            }
            Row::Postgres(row) => row.try_get(column).map_err(|_| unexpected(column)),
        }
    }

    pub(crate) fn optional_string(&self, column: usize) -> Result<Option<String>> {
        Ok(self.optional_text(column)?.map(str::to_owned))
    }

    pub(crate) fn optional_bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        match self {
            Row::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|_| unexpected(column))?;
                value.as_blob_or_null().map_err(|_| unexpected(column))
            }
            Row::Postgres(row) => row.try_get(column).map_err(|_| unexpected(column)),
        }
    }
}

fn unexpected(column: usize) -> StoreError {
    StoreError::Corrupt { reason: format!("column {column} of an answer is of another kind") }
}
