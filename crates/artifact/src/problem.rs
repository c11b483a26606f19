//! What could not be read, and where: malformed evidence is normal, so it is data and not an error.

use serde::{Deserialize, Serialize};

use std::fmt;

/// Where in a file something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The file as a whole.
    File,
    /// Bytes from the start of the file as it was kept (of an archive member: of its content).
    Offset(u64),
    /// A record of an event log.
    Record {
        /// Its number in the log, as the event itself states it (`EventRecordID`).
        number: u64,
        /// Bytes from the start of the file to where it begins.
        offset: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => Ok(()),
            Place::Offset(offset) => write!(f, " at byte {offset}"),
            Place::Record { number, offset } => write!(f, " at record {number}, byte {offset}"),
        }
    }
}

/// Something in the evidence that was not readable, with its place; the rest of the evidence was read on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The file, as shown to the user.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong, lower case, no full stop.
    pub what: String,
}

impl Problem {
    /// A problem of a whole file.
    pub fn file(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), place: Place::File, what: what.into() }
    }

    /// A problem at a byte offset.
    pub fn at(path: &str, offset: u64, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), place: Place::Offset(offset), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.path, self.place, self.what)
    }
}
