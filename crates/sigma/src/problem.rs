//! What is wrong with a rule, and where.
//!
//! Rules come from many hands, and a rule that was left out without a word is an intrusion that nobody looked for.
//! So a parser here never drops anything: it returns what it understood and one [`Problem`] for each thing that it
//! did not, with file, line and column, and with a hint where the cure is known.

use std::fmt;
use std::sync::Arc;

/// A position in a file of rules. Lines and columns count from 1; a column counts characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The name under which the text was given to the parser.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Whether the document survives its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document is used; its author should look again.
    Warning,
    /// The document is not used.
    Refused,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Warning => "warning",
            Self::Refused => "refused",
        })
    }
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {severity}: {message}")]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Whether the document is still used.
    pub severity: Severity,
    /// What: lower case, no full stop.
    pub message: String,
    /// How to mend it, where that is known.
    pub hint: Option<String>,
}

/// The problems of one run of the parser, as they were met.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// The document is not used.
    pub(crate) fn refuse(&mut self, place: &Place, message: impl Into<String>) {
        self.add(place, Severity::Refused, message.into(), None);
    }

    /// The document is not used, and `hint` says how it could be.
    pub(crate) fn refuse_with(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.add(place, Severity::Refused, message.into(), Some(hint.into()));
    }

    /// The document is used all the same.
    pub(crate) fn warn(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.add(place, Severity::Warning, message.into(), Some(hint.into()));
    }

    /// How many documents' worth of refusals there are so far: compare before and after.
    pub(crate) fn refusals(&self) -> usize {
        self.list.iter().filter(|problem| problem.severity == Severity::Refused).count()
    }

    /// The problems in the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|problem| (problem.place.line, problem.place.column));
        self.list
    }

    fn add(&mut self, place: &Place, severity: Severity, message: String, hint: Option<String>) {
        self.list.push(Problem { place: place.clone(), severity, message, hint });
    }
}
