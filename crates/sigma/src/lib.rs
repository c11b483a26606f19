//! Sigma rules, as content in and a matcher out.
//!
//! This crate knows rules and never where events come from: no files, no clock, no network, no format of logs. It
//! reads the text of rules, correlations and filters (Sigma specification 2.1.0), joins them with a mapping of log
//! sources, and compiles for each class of record a [`Matcher`] that asks a [`Record`] for the values it needs.
//!
//! The way of a rule: [`yaml`] reads text into nodes with places, [`parse`] turns nodes into a [`Document`] whose
//! detection is one boolean expression, [`Rules`] interns every distinct test, [`Rules::matcher`] folds the
//! expressions over what a class of record fixes, and what is left is woken by literals: in the values of a record
//! ([`Matcher::evaluate`]) or, for text logs, in whole buffers before any line is found ([`Prefilter::lines`]).
//!
//! **Invariant**: nothing that was in a file is dropped silently; see [`Problem`].
//! **Invariant**: the prefilter never misses a line that a rule would match; a rule without literals wakes always.

mod check;
mod compile;
mod condition;
pub mod correlation;
mod cost;
mod expr;
mod filter;
mod fold;
pub mod limits;
mod mapping;
mod matcher;
mod memory;
mod naming;
mod parse;
mod pattern;
mod pipeline;
mod prefilter;
mod problem;
mod rarity;
mod record;
mod rule;
mod scan;
mod wake;
mod witness;
pub mod yaml;

pub use check::glob::Glob;
pub use compile::{ClassKey, Fields, Rules};
pub use correlation::{Correlation, CorrelationKind, Hit, Match, correlate, correlate_all};
pub use cost::{Clock, Cost, Costs};
pub use filter::{Filter, Targets};
pub use mapping::LogSources;
pub use matcher::{Matcher, Scratch, Woken};
pub use memory::Memory;
pub use parse::{Parsed, Placeholders, parse, parse_in, parse_with};
pub use pipeline::{Environment, Pipeline};
pub use prefilter::{Encoding, Prefilter};
pub use problem::{Place, Problem, Severity};
pub use record::{Record, Value, is_figure};
pub use rule::{
    Custom, Detection, Document, Header, Level, LogSource, Related, Rule, Status, UnknownWord, same_field,
};
pub use yaml::{Entry, Kind, Node};
