//! The logic of a rule: and, or, not over tests of one field each.
//!
//! This is the meeting point of the crate. Parsing ends here and compiling begins here, and neither knows the other.
//! Tests compare by content, so that the same test in a hundred rules is found to be the same.

use crate::check::Check;

/// A boolean expression over tests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expr {
    Test(Test),
    Not(Box<Expr>),
    /// True if empty.
    And(Vec<Expr>),
    /// False if empty.
    Or(Vec<Expr>),
}

/// One test on one field, or on the whole record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Test {
    /// None: the whole record ("Keywords search").
    pub(crate) field: Option<String>,
    pub(crate) check: Check,
}

impl Expr {
    pub(crate) fn not(inner: Self) -> Self {
        Self::Not(Box::new(inner))
    }

    /// Joins with and, without a needless level.
    pub(crate) fn all(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::And(parts) }
    }

    /// Joins with or, without a needless level.
    pub(crate) fn any(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Or(parts) }
    }

    /// Calls `see` for every test, from left to right.
    pub(crate) fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Test)) {
        match self {
            Self::Test(test) => see(test),
            Self::Not(inner) => inner.visit(see),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit(see)),
        }
    }

    /// The value if every test had the value `leaf`.
    pub(crate) fn value_if(&self, leaf: bool) -> bool {
        match self {
            Self::Test(_) => leaf,
            Self::Not(inner) => !inner.value_if(leaf),
            Self::And(parts) => parts.iter().all(|part| part.value_if(leaf)),
            Self::Or(parts) => parts.iter().any(|part| part.value_if(leaf)),
        }
    }
}

impl Test {
    /// The fields that the test looks at.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        let other = match &self.check {
            Check::FieldRef { field, .. } => Some(field.as_str()),
            _ => None,
        };
        self.field.as_deref().into_iter().chain(other)
    }
}
