//! STIX patterns (STIX 2.1 §9): read, checked, printed, matched, and indexed by the thousand.
//!
//! [`Pattern::parse`] reads a text into a tree in normal form. [`Matcher`] is the meaning of one pattern over
//! [`Observations`]. [`PatternSet`] is thousands of patterns and a million plain indicators compiled together, so that
//! the cost follows the observations.
//!
//! **Invariant**: a pattern with a constant that says nothing matches nothing. **Invariant**: the index gives exactly what one pattern after
//! the other gives. **Invariant**: no pattern and no observation makes anything run without bound; what gave up says so
//! as a [`Fault`].

mod address;
mod ast;
mod check;
mod combine;
mod compare;
mod display;
mod instant;
mod json;
mod lexer;
mod like;
pub mod limits;
mod matcher;
mod observed;
mod octets;
mod parse;
mod plan;
mod problem;
mod regexp;
mod resolve;
mod set;
mod test;
mod truth;

use std::fmt;

pub use ast::{
    Comparison, ComparisonExpression, Constant, ObjectPath, ObservationExpression, Order, Qualifier, Step,
    Test, Timestamp,
};
pub use instant::Span;
pub use json::Json;
pub use matcher::{Match, Matcher};
pub use observed::{BadObservation, Observation, Observations};
pub use problem::{Fault, Problem, Rule, Severity};
pub use set::{PatternSet, PatternSetBuilder, SetMatch, SetMatches};

/// A pattern that the grammar allows. It displays in normal form, which reads back as the same pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    expression: ObservationExpression,
    problems: Vec<Problem>,
}

impl Pattern {
    /// Reads a pattern. An error is about the grammar; whatever else is wrong is among the problems.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (expression, problems) = parse::parse(text)?;
        Ok(Self { expression, problems })
    }

    /// What is wrong with the pattern beyond its grammar, and what its author should look at, in order.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether the pattern is valid by STIX 2.1.
    pub fn is_valid(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity != Severity::Invalid)
    }

    /// The tree.
    pub fn expression(&self) -> &ObservationExpression {
        &self.expression
    }
}

impl PartialEq for Pattern {
    /// Patterns are equal if their trees are.
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(out)
    }
}

#[cfg(test)]
mod tests;
