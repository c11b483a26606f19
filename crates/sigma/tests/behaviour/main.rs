//! What the crate promises, from the outside.

mod classes;
mod conditions;
mod correlations;
mod filters;
mod prefilter;
mod problems;
mod support;
mod values;
