//! One clause of a marking: those it admits, until when it holds, and which marking says so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use watchfire_stix::Timestamp;

use crate::party::{Directory, Recipient};

/// Somebody whom a clause admits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// The organisation whose node this is.
    Own,
    /// The same, and none of its clients.
    Holder,
    /// The organisation that handed the object over, and none of its clients.
    Giver(String),
    /// What TLP:GREEN calls the community: who is in a community with the node's organisation.
    Home,
    /// A person, by the name of the account.
    Person(String),
    /// An organisation.
    Organisation(String),
    /// The organisations of a community.
    Community(String),
    /// The organisations of a nation (REL TO).
    Nation(String),
}

/// How far an organisation may pass on what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// To nobody outside (TLP:AMBER+STRICT).
    Organisation,
    /// To its clients (TLP:AMBER).
    Clients,
}

/// A clause: the reader must be one of those it admits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clause {
    /// Those it admits. Nobody, where there is none.
    pub among: BTreeSet<Principal>,
    /// Whether their clients are admitted, too.
    pub reach: Reach,
    /// The instant from which it no longer holds: the end of an embargo.
    pub until: Option<Timestamp>,
    /// The marking that says so, as a reader would look for it.
    pub by: String,
}

impl Principal {
    /// Whether this is the reader, or one to whom the reader belongs.
    pub fn admits(&self, reader: &Recipient, reach: Reach, directory: &Directory) -> bool {
        if let Principal::Person(name) = self {
            return reader.account.as_ref() == Some(name);
        }
        let Some(organisation) = reader.organisation.as_deref() else { return false };
        let clients = reach == Reach::Clients;
        let of = |name: &str| organisation == name || clients && directory.is_client(organisation, name);
        match self {
            Principal::Own => of(&directory.own),
            Principal::Holder => organisation == directory.own,
            Principal::Giver(name) => organisation == name,
            Principal::Organisation(name) => of(name),
            Principal::Home => {
                let home = directory.communities_of(&directory.own);
                of(&directory.own)
                    || directory.communities_of(organisation).iter().any(|name| home.contains(name))
            }
            Principal::Community(name) => {
                let is_in = |other: &str| directory.communities_of(other).contains(name.as_str());
                is_in(organisation) || clients && directory.served_by(organisation).any(is_in)
            }
            Principal::Nation(name) => directory.nation(organisation) == Some(name),
            Principal::Person(_) => false,
        }
    }

    /// In words, for a reader: a hidden community is not named to those outside it.
    pub fn words(&self, reader: &Recipient, directory: &Directory) -> String {
        match self {
            Principal::Own | Principal::Holder => directory.own.clone(),
            Principal::Home => format!("the communities of {}", directory.own),
            Principal::Person(name) | Principal::Organisation(name) | Principal::Giver(name) => name.clone(),
            Principal::Community(name) if directory.may_name(name, reader) => format!("the community {name}"),
            Principal::Community(_) => "a community".to_owned(),
            Principal::Nation(name) => format!("organisations of {name}"),
        }
    }
}

impl Clause {
    /// Whether it still holds.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The first of those it names through whom the reader is admitted.
    pub fn admits(&self, reader: &Recipient, directory: &Directory) -> Option<&Principal> {
        self.among.iter().find(|principal| principal.admits(reader, self.reach, directory))
    }

    /// Whether whoever passes this one passes the other, as far as can be told without a directory.
    pub fn implies(&self, other: &Clause) -> bool {
        let as_long = match (self.until, other.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => own >= others,
        };
        as_long && self.reach <= other.reach && self.among.is_subset(&other.among)
    }

    /// In words: whom it admits.
    pub fn words(&self, reader: &Recipient, directory: &Directory) -> String {
        let mut names: Vec<String> =
            self.among.iter().map(|principal| principal.words(reader, directory)).collect();
        names.dedup();
        let mut text = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        let has_clients =
            |one: &Principal| !matches!(one, Principal::Person(_) | Principal::Holder | Principal::Giver(_));
        if self.reach == Reach::Clients && self.among.iter().any(has_clients) {
            text.push_str(" and clients");
        }
        match self.until {
            Some(until) => format!("{text} until {until}"),
            None => text,
        }
    }
}
