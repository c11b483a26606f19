//! What a reader may see, as a set of numbers.
//!
//! `release` decides who may know an object from its markings; the store understands none of that. Each distinct
//! summary of markings becomes a number, `release` is asked once for each number and reader, and a page is cut in SQL
//! to the numbers that are allowed. A number that nobody was asked about is not in the set, and so stays hidden.

use crate::error::Result;
use crate::store::Read;

/// The number of a summary of markings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkingKey(pub i64);

/// A summary of markings that some object in the store carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marking {
    /// Its number.
    pub key: MarkingKey,
    /// What the adder of the object gave.
    pub summary: String,
}

/// What a reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clearance {
    /// Whatever is there: the node itself, a backup.
    Everything,
    /// Objects with these markings, in ascending order.
    Only(Vec<MarkingKey>),
}

impl Clearance {
    /// Objects with these markings and no others.
    pub fn only(markings: impl IntoIterator<Item = MarkingKey>) -> Self {
        let mut keys: Vec<MarkingKey> = markings.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Clearance::Only(keys)
    }

    /// Whether an object with this marking may be seen.
    pub fn allows(&self, marking: MarkingKey) -> bool {
        match self {
            Clearance::Everything => true,
            Clearance::Only(keys) => keys.binary_search(&marking).is_ok(),
        }
    }
}

impl Read<'_> {
    /// Summaries numbered above `after`, in the order of their numbers: what `release` has not been asked about yet.
    pub fn markings(&mut self, after: MarkingKey) -> Result<Vec<Marking>> {
        self.session.list(
            "select key, summary from marking where key > $1 order by key",
            &[after.0.into()],
            |row| Ok(Marking { key: MarkingKey(row.int(0)?), summary: row.string(1)? }),
        )
    }

    /// The numbers of all markings that `clearance` allows.
    pub(crate) fn allowed(&mut self, clearance: &Clearance) -> Result<Vec<i64>> {
        match clearance {
            Clearance::Only(keys) => Ok(keys.iter().map(|key| key.0).collect()),
            Clearance::Everything => self.session.list("select key from marking", &[], |row| row.int(0)),
        }
    }
}
