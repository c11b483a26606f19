//! One file per command; each turns what was typed into what it means, and runs it.

pub(crate) mod hunt;
mod list;
pub(crate) mod node;
pub(crate) mod pattern;
pub(crate) mod rules;
pub(crate) mod stix;
