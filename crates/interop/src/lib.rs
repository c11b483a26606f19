//! The neighbours' formats: MISP events and feeds, STIX bundles, CSV, plain lists and OpenIOC.
//!
//! [`intel`] reads any of them into indicators to hunt by, and MISP's warninglists; what a file holds decides what it
//! is, not its name. [`convert`] says one of them in another's words. What cannot be used is counted and said, with its place where it has one.

pub mod convert;
pub mod intel;
