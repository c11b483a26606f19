//! TAXII status resources: what became of each object of a request (TAXII 2.1 §4.3).

use crate::collection::CollectionKey;
use crate::engine::{Column, Rows};
use crate::error::Result;
use crate::store::{Read, Write};

/// What became of one object of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `success`, `failure` or `pending`.
    pub outcome: String,
    /// The object's id, as far as it had one.
    pub id: String,
    /// Its version as it is written.
    pub version: String,
    /// Why.
    pub message: Option<String>,
}

/// The status of a request to add objects. TAXII asks that it be kept for a day after it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its id, a UUID.
    pub id: String,
    /// Where the objects went.
    pub collection: CollectionKey,
    /// The name of the account that asked. Nobody else is told that the status exists.
    pub account: String,
    /// When it was asked.
    pub requested_us: i64,
    /// How many objects there were; the sum of the three that follow.
    pub total: i64,
    /// How many were added or already there.
    pub success: i64,
    /// How many were not added.
    pub failure: i64,
    /// How many are still to be looked at.
    pub pending: i64,
    /// Entries in the order of the request; successes may be left out (§4.3.1).
    pub entries: Vec<Entry>,
}

impl Read<'_> {
    /// A status, for the account that asked.
    pub fn status(&mut self, id: &str, account: &str) -> Result<Option<Status>> {
        if id.contains('\0') {
            return Ok(None);
        }
        let found = self.session.first(
            "select id, collection, account, requested_us, total, success, failure, pending from status \
             where id = $1 and account = $2",
            &[id.into(), account.into()],
            |row| {
                Ok(Status {
                    id: row.string(0)?,
                    collection: CollectionKey(row.int(1)?),
                    account: row.string(2)?,
                    requested_us: row.int(3)?,
                    total: row.int(4)?,
                    success: row.int(5)?,
                    failure: row.int(6)?,
                    pending: row.int(7)?,
                    entries: Vec::new(),
                })
            },
        )?;
        let Some(mut status) = found else { return Ok(None) };
        status.entries = self.session.list(
            "select outcome, id, version, message from status_entry where status = $1 order by number",
            &[id.into()],
            |row| {
                Ok(Entry {
                    outcome: row.string(0)?,
                    id: row.string(1)?,
                    version: row.string(2)?,
                    message: row.optional_string(3)?,
                })
            },
        )?;
        Ok(Some(status))
    }
}

impl Write<'_> {
    /// Records a status.
    pub fn create_status(&mut self, status: &Status) -> Result<()> {
        self.session.run(
            "insert into status (id, collection, account, requested_us, total, success, failure, pending) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                (&status.id).into(),
                status.collection.0.into(),
                (&status.account).into(),
                status.requested_us.into(),
                status.total.into(),
                status.success.into(),
                status.failure.into(),
                status.pending.into(),
            ],
        )?;
        let texts = |of: fn(&Entry) -> &str| Column::Texts(status.entries.iter().map(of).collect());
        let columns = vec![
            Column::Ints((0..).take(status.entries.len()).collect()),
            texts(|entry| &entry.outcome),
            texts(|entry| &entry.id),
            texts(|entry| &entry.version),
            Column::OptionalTexts(status.entries.iter().map(|entry| entry.message.as_deref()).collect()),
        ];
        self.session.run_rows(
            "insert into status_entry (status, number, outcome, id, version, message) \
             select $6, r.number, r.outcome, r.id, r.version, r.message \
             from {rows number, outcome, id, version, message}",
            &Rows { columns },
            &[(&status.id).into()],
        )
    }

    /// Forgets statuses that were asked for before an instant; how many.
    pub fn expire_statuses(&mut self, before_us: i64) -> Result<usize> {
        self.session.run("delete from status where requested_us < $1", &[before_us.into()])
    }
}
