//! What was done: rows that are only ever added, in the transaction of the act they tell of.
//!
//! There is no function here that changes or deletes one, and the engines refuse it. Acts commit in any order, so a
//! row gets its place in a second step, [`Write::place_audit`]: places are gapless, and whoever seals them into a
//! ledger by place leaves none out.

use crate::engine::{Column, Row, Rows};
use crate::error::{Result, StoreError};
use crate::limits::PAGE_LIMIT;
use crate::store::{Read, Write};

/// An act to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// When.
    pub at_us: i64,
    /// Who: the name of an account, or of a part of the node.
    pub actor: &'a str,
    /// From where: an address.
    pub origin: &'a str,
    /// What, such as `object.release`.
    pub action: &'a str,
    /// To what: the id of an object, an account, a collection.
    pub subject: &'a str,
    /// What else belongs to it.
    pub detail: &'a str,
}

/// An act that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, which tells nothing of its order.
    pub key: i64,
    /// Its place, once it has one.
    pub place: Option<i64>,
    /// When.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// From where.
    pub origin: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else belongs to it.
    pub detail: String,
}

const COLUMNS: &str = "a.key, p.place, a.at_us, a.actor, a.origin, a.action, a.subject, a.detail";

fn read_audit(row: &Row<'_>) -> Result<AuditRow> {
    Ok(AuditRow {
        key: row.int(0)?,
        place: row.optional_int(1)?,
        at_us: row.int(2)?,
        actor: row.string(3)?,
        origin: row.string(4)?,
        action: row.string(5)?,
        subject: row.string(6)?,
        detail: row.string(7)?,
    })
}

impl Write<'_> {
    /// Records acts of this transaction.
    pub fn audit(&mut self, entries: &[AuditEntry<'_>]) -> Result<()> {
        // What an attacker typed as a name is recorded too, as far as text can hold it.
        let clean = |text: &str| text.replace('\0', "\u{fffd}");
        let cleaned: Vec<[String; 5]> = entries
            .iter()
            .map(|entry| [entry.actor, entry.origin, entry.action, entry.subject, entry.detail].map(clean))
            .collect();
        let text = |at: usize| Column::Texts(cleaned.iter().map(|texts| texts[at].as_str()).collect());
        let mut columns = vec![Column::Ints(entries.iter().map(|entry| entry.at_us).collect())];
        columns.extend((0..5).map(text));
        let mut made = Vec::with_capacity(entries.len());
        self.session.for_rows(
            "insert into audit (at_us, actor, origin, action, subject, detail) \
             {values at_us, actor, origin, action, subject, detail} returning key",
            &Rows { columns },
            &[],
            &mut |row| {
                made.push(row.int(0)?);
                Ok(())
            },
        )?;
        self.session.run_rows(
            "insert into audit_unplaced (audit) {values audit}",
            &Rows { columns: vec![Column::Ints(made)] },
            &[],
        )
    }

    /// Gives places to at most `limit` rows that have none; how many got one.
    pub fn place_audit(&mut self, limit: usize) -> Result<usize> {
        // The clock is locked first: one places at a time.
        let lock = "update audit_clock set place = place where one = 1 returning place";
        let last = self.session.first(lock, &[], |row| row.int(0))?;
        let last = last.ok_or(StoreError::Corrupt { reason: "the audit's clock is gone".to_owned() })?;
        let waiting = self.session.list(
            "select audit from audit_unplaced order by audit limit $1",
            &[(limit.min(PAGE_LIMIT) as i64).into()],
            |row| row.int(0),
        )?;
        let columns =
            vec![Column::Ints((last + 1..).take(waiting.len()).collect()), Column::Ints(waiting.clone())];
        self.session.run_rows(
            "insert into audit_place (place, audit) {values place, audit}",
            &Rows { columns },
            &[],
        )?;
        self.session.run("delete from audit_unplaced where audit {in $1}", &[waiting.as_slice().into()])?;
        self.session.run("update audit_clock set place = place + $1", &[(waiting.len() as i64).into()])?;
        Ok(waiting.len())
    }
}

impl Read<'_> {
    /// Acts in the order of their places, after a place: what a ledger seals.
    pub fn audit_by_place(&mut self, after: i64, limit: usize) -> Result<Vec<AuditRow>> {
        let text = format!(
            "select {COLUMNS} from audit_place p join audit a on a.key = p.audit where p.place > $1 \
             order by p.place limit $2"
        );
        self.session.list(&text, &[after.into(), (limit.min(PAGE_LIMIT) as i64).into()], read_audit)
    }

    /// Acts upon a subject, the latest first.
    pub fn audit_of_subject(&mut self, subject: &str, limit: usize) -> Result<Vec<AuditRow>> {
        self.audit_where("a.subject = $1", subject, limit)
    }

    /// Acts of an actor, the latest first.
    pub fn audit_of_actor(&mut self, actor: &str, limit: usize) -> Result<Vec<AuditRow>> {
        self.audit_where("a.actor = $1", actor, limit)
    }

    fn audit_where(&mut self, condition: &str, value: &str, limit: usize) -> Result<Vec<AuditRow>> {
        let text = format!(
            "select {COLUMNS} from audit a left join audit_place p on p.audit = a.key where {condition} \
             order by a.key desc limit $2"
        );
        self.session.list(&text, &[value.into(), (limit.min(PAGE_LIMIT) as i64).into()], read_audit)
    }
}
