//! STIX 2.1, said exactly: objects kept byte for byte, ids, versions, markings, validation.
//!
//! This crate knows what the standard says and nothing of files, network or storage. Bytes come in through a
//! [`Reader`], which hands out one object after the other whatever the size of the whole; an [`Object`] is its bytes
//! and a view of them; [`check()`] says what is wrong with one, by which clause and where; [`canonical()`] gives the
//! form of RFC 8785 and [`deterministic`] the ids that follow from it; [`marking`] tells the Traffic Light Protocol from
//! what only looks like it; [`version`] judges whether one object may follow another; [`upgrade`] says an object of
//! STIX 2.0 in the words of 2.1.
//!
//! **Invariant**: nothing that came from outside is ever written anew; what is stored and served is
//! [`Object::bytes`]. **Invariant**: no input panics; what is wrong comes back as a [`Problem`] with its place.

pub mod canonical;
pub mod check;
pub mod deterministic;
mod id;
pub mod json;
pub mod marking;
mod object;
pub mod pattern;
mod problem;
mod reader;
mod schema;
pub mod selector;
mod timestamp;
pub mod upgrade;
mod uuid;
pub mod version;

pub use canonical::canonical;
pub use check::{check, check_bundle, check_node};
pub use id::{Id, IdError, is_property_name, is_type_name};
pub use marking::Tlp;
pub use object::{GranularMarking, Mark, Object, Reference, SpecVersion, references};
pub use problem::{Problem, Severity};
pub use reader::{Container, Item, OBJECT_LIMIT_BYTES, ReadError, Reader};
pub use timestamp::Timestamp;
pub use uuid::Uuid;

#[cfg(test)]
use testing::{json_texts, same_json};

#[cfg(test)]
mod testing;
