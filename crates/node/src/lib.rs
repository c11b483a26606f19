//! A member's running node: TAXII 2.1 over the store, behind the gate of `release`.
//!
//! A request goes one way: the connection ([`serve`]) → who asks (`sign_in`) → the endpoint (`taxii`, a table of
//! routes) → a page of the store, cut to what the reader may know (`clearance`) → the gate → an audit row, on disk →
//! out, as a `Released` body. Objects come in the other way: bytes → what can be kept of them and why not (`intake`) → what
//! they say of who may know (`batch`) → their markings, beside those of what is there (`standing`) → one transaction with
//! its status and its audit row (`add`) → what their definitions make understood (`understand`).
//!
//! **Invariant**: a body that leaves is made of `Released` values (`taxii::reply`). **Invariant**: nothing is released
//! before the row that says so is on disk. **Invariant**: the store is only called from blocking threads.

mod add;
mod administer;
mod audit;
mod batch;
mod clearance;
mod client;
mod clock;
mod config;
mod doorkeeper;
mod error;
mod explain;
mod history;
mod init;
mod intake;
mod log;
mod memory;
mod metrics;
mod node;
mod oidc;
mod packing;
mod pages;
mod patience;
mod peer;
mod percent;
mod places;
mod secret;
mod serve;
mod session;
mod settings;
mod sign_in;
mod signed_in;
mod standing;
mod taxii;
mod timed;
mod tls;
mod totp;
mod understand;

pub use administer::{
    AccountLine, CollectionLine, CollectionSpec, NewUser, PartyLine, TokenLine, add_certificate,
    add_collection, add_token, add_user, backup, check_password, collections, forget_party, grant, parties,
    restore, revoke_token, set_community, set_disabled, set_organisation, set_password, set_totp, tokens,
    users,
};
pub use client::{Credential, Offered, Pull, Pulled, Upstream, offers, pull};
pub use config::{CONFIG_FILE, Config, LogFormat, LogRequests, Validation};
pub use error::NodeError;
pub use explain::{Asked, Explained, Readers, Selection, Told, explain, select};
pub use history::{ActsOf, Recorded, acts};
pub use init::{Initialised, New, init};
pub use serve::{Serving, serve};
pub use settings::Setting;

/// The readers of what strangers send, for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzz {
    /// An answer of another server: a status, headers, an empty line, a body.
    pub fn answer(input: &[u8]) {
        crate::client::hostile::read(input);
    }

    /// A set of keys, a line feed and an `id_token`, which nobody here can sign.
    pub fn id_token(input: &[u8]) {
        crate::oidc::hostile(input);
    }
}
