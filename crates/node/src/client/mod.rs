//! A client of TAXII 2.1: finds a collection of another server and takes in what it holds, from where it left off.
//!
//! One way: an address → what stands there (`find`) → pages (`pull`), each through one request at a time (`http`) and
//! into the store with the place after it, in one transaction. What servers do wrong (media types, `more` without
//! `next`, cursors that lead in circles, dates that stand still) is expected and told, and costs no object.
//!
//! **Invariant**: a place is only written with the objects before it. **Invariant**: a credential is sent to the origin
//! that it was given for, and to no other.

mod answer;
mod find;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod http;
mod pull;
mod retry;

pub use find::{Offered, offers};
pub use http::{Credential, Upstream};
pub(crate) use http::{ask_once, is_secret};
pub use pull::{Pull, Pulled, pull};
