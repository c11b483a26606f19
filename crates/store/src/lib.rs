//! Where a node keeps what it knows: one SQL text, two engines.
//!
//! `Store::open("watchfire.db", …)` is a file (SQLite); `Store::open("postgres://a,b,c/watchfire", …)` is a replicated
//! server (PostgreSQL). That address is the whole difference: every statement is written once, in the words of
//! `engine/dialect.rs`, and one behaviour suite runs over both.
//!
//! # What it promises
//! * **Bytes are kept.** An object is stored and served as it came. The store never reads it: whoever adds it says
//!   its id, type, version, markings, values and relations beside it ([`NewObject`]).
//! * **An acknowledged write is on disk**, on SQLite by `synchronous=FULL`, on PostgreSQL by the server's own
//!   `synchronous_commit`, which may demand a quorum of standbys.
//! * **Places are gapless and in the order of commits** ([`Write::add`]); a reader who pages by them misses nothing.
//! * **What may not be known is not counted.** Every page takes a [`Clearance`], and rows outside it are not walked
//!   over, not counted and leave no empty pages.
//! * **Audit rows are only added**; the engines themselves refuse the rest.
//!
//! # Values
//! Instants are microseconds since 1970 in UTC, and are arguments: the store owns no clock.
//!
//! # Threads
//! Everything is synchronous, and the PostgreSQL client **panics when called on a thread of an async runtime**: call
//! the store from `spawn_blocking` or from a thread of your own. A [`Store`] is shared by reference between threads.

mod account;
mod add;
mod address;
mod audit;
mod clearance;
mod collection;
mod dump;
mod edges;
mod engine;
mod era;
mod error;
mod filter;
mod giver;
mod hex;
mod ids;
mod intern;
mod limits;
mod migrate;
mod page;
mod party;
mod remove;
mod renew;
mod search;
mod session;
mod spent;
mod standing;
mod status;
mod store;
mod tls;
mod upstream;
mod values;
mod work;

pub use account::{Account, AccountKey, NewAccount, Right, Role, Token, TokenKey};
pub use add::{NewObject, NewRelation, Outcome};
pub use audit::{AuditEntry, AuditRow};
pub use clearance::{Clearance, Marking, MarkingKey};
pub use collection::{Collection, CollectionKey, NewCollection};
pub use dump::Dumped;
pub use error::{Cause, Result, StoreError};
pub use giver::GiverKey;
pub use limits::{OBJECT_LIMIT_BYTES, PAGE_LIMIT, PAGE_LIMIT_BYTES};
pub use page::{Filter, Page, Stored, Versions};
pub use party::Party;
pub use remove::Tombstone;
pub use renew::{GIVEN_LIMIT, Given, Standing};
pub use search::{Cursor, Direction, Found, Query, Related, Sought, VALUE_LIMIT_BYTES, fold, words};
pub use session::Session;
pub use spent::SPENT_LIMIT;
pub use standing::{Containing, Naming, Newest};
pub use status::{Entry, Status};
pub use store::{Options, Read, Store, Write};
pub use upstream::UpstreamPlace;
pub use work::{ATTEMPTS_LIMIT, Claimed, Hit, JobKey, Progress, ShardKey};
