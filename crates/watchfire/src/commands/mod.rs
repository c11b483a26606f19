//! One file per command; each turns what was typed into what it means, and runs it.

pub(crate) mod convert;
pub(crate) mod hunt;
pub(crate) mod intel;
mod list;
pub(crate) mod node;
pub(crate) mod pattern;
pub(crate) mod rules;
pub(crate) mod stix;
mod time;
