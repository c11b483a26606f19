//! What is wrong with an object, how badly, where, and by which clause: hostile input is normal, so it is data.

use std::fmt;

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The standard says SHOULD and the object does otherwise.
    Warning,
    /// The standard says MUST and the object does otherwise.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether a MUST or a SHOULD is broken.
    pub severity: Severity,
    /// A JSON pointer (RFC 6901) to the value; empty for the whole.
    pub pointer: String,
    /// Bytes from the start of what was read to the value.
    pub offset: u64,
    /// The clause that is broken, such as `STIX 2.1 §3.2`.
    pub clause: String,
    /// What is wrong, lower case, no full stop.
    pub what: String,
}

impl Problem {
    /// An error.
    pub fn error(pointer: String, offset: u64, clause: impl Into<String>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, pointer, offset, clause: clause.into(), what: what.into() }
    }

    /// The same problem of an object that stands inside something larger.
    #[must_use]
    pub fn inside(mut self, pointer: &str, offset: u64) -> Self {
        self.pointer.insert_str(0, pointer);
        self.offset += offset;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, pointer, offset, clause, what } = self;
        let shown = if pointer.is_empty() { "the whole" } else { pointer };
        write!(f, "{}: {shown} at byte {offset}: {what} ({clause})", severity.as_str())
    }
}

impl std::error::Error for Problem {}
