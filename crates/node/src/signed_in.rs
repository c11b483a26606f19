//! Somebody who has signed in, and what they do.

use std::net::IpAddr;

use watchfire_release::Recipient;
use watchfire_store::{Account, Role};

use crate::audit::Act;
use crate::clock::now_us;

/// Somebody who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    /// Whether the token, if it was one, may write.
    pub(crate) may_write: bool,
    /// The address from which the request came.
    pub(crate) origin: String,
    pub(crate) reader: Recipient,
}

impl SignedIn {
    pub(crate) fn new(account: Account, may_write: bool, origin: IpAddr) -> Self {
        let reader = Recipient::person(&account.name, &account.organisation);
        Self { account, may_write, origin: origin.to_string(), reader }
    }

    /// Whether the role allows to add and remove objects.
    pub(crate) fn may_add(&self) -> bool {
        self.may_write && self.account.role >= Role::Analyst
    }

    /// An act of theirs.
    pub(crate) fn act(&self, action: &'static str, subject: &str, detail: String) -> Act {
        Act {
            at_us: now_us(),
            actor: self.account.name.clone(),
            origin: self.origin.clone(),
            action,
            subject: subject.to_owned(),
            detail,
        }
    }
}
