//! What the crate promises, from the outside.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test would")]

mod classes;
mod conditions;
mod correlations;
mod filters;
mod pipelines;
mod prefilter;
mod problems;
mod support;
mod values;
