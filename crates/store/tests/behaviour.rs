//! One behaviour suite, two engines.
#![allow(clippy::unwrap_used)] // a test that cannot go on stops

mod common;
#[macro_use]
mod suite;

store_suite!(sqlite, crate::common::Home::sqlite());
store_suite!(postgres, crate::common::Home::postgres());
