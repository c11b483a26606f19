//! One behaviour suite, two engines.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops
#![allow(clippy::assigning_clones, clippy::needless_for_each)] // made to be read, not to be fast

mod common;
#[macro_use]
mod suite;

store_suite!(sqlite, crate::common::Home::sqlite());
store_suite!(postgres, crate::common::Home::postgres());
