//! Who would get what, and which marking decides: asked on the node's own machine, before anything is shared.

use std::collections::{HashMap, HashSet};

use watchfire_release::{Directory, Gate, Marking, Recipient, Use};
use watchfire_stix::{Id, Tlp};
use watchfire_store::{Account, Clearance, Cursor, Found, MarkingKey, Query, Sought, Store};

use crate::clock::{instant, now_us};
use crate::config::Config;
use crate::error::{NodeError, Result};
use crate::intake::version_text;
use crate::node::{open_store, read_directory};

/// Objects that are read from the store at once: each is held whole.
const PAGE_OBJECTS: usize = 100;

/// What one reader would get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The account; none for whoever has none.
    pub account: Option<String>,
    /// Its organisation.
    pub organisation: Option<String>,
    /// Whether they would get it.
    pub released: bool,
    /// Why, in words.
    pub why: String,
}

/// An object and what each would get of it.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The level of TLP that it comes to.
    pub tlp: &'static str,
    /// The level of PAP.
    pub pap: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Each reader that was asked about.
    pub told: Vec<Told>,
}

/// Whose share is asked about, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Nobody's, one account's or one organisation's, or that of each account and of whoever has none.
    pub readers: Readers<'a>,
    /// `know`, `consult`, `act`.
    pub purpose: &'a str,
}

/// Whose share is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Readers<'a> {
    /// Nobody's.
    Nobody,
    /// That of an account, or of any person of an organisation who is not named.
    One(&'a str),
    /// That of each account, and of whoever has none.
    Everyone,
}

/// Which objects of a node; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Values and words that they have; one that ends in `*` is the beginning of one.
    pub values: Vec<String>,
    /// Their type is one of these.
    pub types: Vec<String>,
    /// The id of their creator.
    pub created_by: Option<String>,
    /// They name this id.
    pub related_to: Option<String>,
    /// Their version is not before this, in microseconds.
    pub since_us: Option<i64>,
    /// Their version is before this, in microseconds.
    pub until_us: Option<i64>,
    /// The level of TLP that they come to.
    pub tlp: Option<String>,
    /// Every version and not the newest only.
    pub every_version: bool,
}

fn asked(message: String) -> NodeError {
    NodeError::Asked(message)
}

/// What readers are asked about, and what each is.
struct Preview {
    store: Store,
    directory: Directory,
    readers: Vec<Recipient>,
    purpose: Use,
    /// Most objects are marked alike.
    known: HashMap<Marking, Vec<Told>>,
}

impl Preview {
    fn open(config: &Config, wanted: Asked<'_>) -> Result<Self> {
        let purpose = match wanted.purpose {
            "know" => Use::Know,
            "consult" => Use::Consult,
            "act" => Use::Act,
            other => return Err(asked(format!("{other} is no use; there are know, consult and act"))),
        };
        let store = open_store(config)?;
        let (directory, accounts) =
            store.read(|read| Ok((read_directory(read, &config.organisation)?, read.accounts()?)))?;
        let readers = readers(&directory, &accounts, wanted.readers)?;
        Ok(Self { store, directory, readers, purpose, known: HashMap::new() })
    }

    fn told(&mut self, marking: &Marking) -> Vec<Told> {
        if let Some(told) = self.known.get(marking) {
            return told.clone();
        }
        let now = instant(now_us());
        let told = |reader: &Recipient| {
            let gate = Gate { reader, directory: &self.directory, purpose: self.purpose, now };
            let decision = gate.decide(marking);
            Told {
                account: reader.account.clone(),
                organisation: reader.organisation.clone(),
                released: decision.is_release(),
                why: decision.why(),
            }
        };
        let told: Vec<Told> = self.readers.iter().map(told).collect();
        self.known.insert(marking.clone(), told.clone());
        told
    }

    fn explain(&mut self, id: String, version_us: i64, marking: &Marking, bytes: Vec<u8>) -> Explained {
        Explained {
            id,
            version: version_text(version_us),
            tlp: marking.tlp().label(),
            pap: marking.pap().label(),
            told: self.told(marking),
            bytes,
        }
    }
}

fn readers(directory: &Directory, accounts: &[Account], wanted: Readers<'_>) -> Result<Vec<Recipient>> {
    let person = |account: &Account| Recipient::person(&account.name, &account.organisation);
    Ok(match wanted {
        Readers::Nobody => Vec::new(),
        Readers::Everyone => accounts.iter().map(person).chain([Recipient::anyone()]).collect(),
        Readers::One(name) => {
            if let Some(account) = accounts.iter().find(|account| account.name == name) {
                return Ok(vec![person(account)]);
            }
            let is_known = directory.own == name
                || directory.organisations.contains_key(name)
                || accounts.iter().any(|account| account.organisation == name);
            if !is_known {
                return Err(asked(format!("there is no account and no organisation {name}")));
            }
            vec![Recipient { account: None, organisation: Some(name.to_owned()) }]
        }
    })
}

/// The newest version of an object, and what readers would get of it.
pub fn explain(config: &Config, id: &str, wanted: Asked<'_>) -> Result<Explained> {
    Id::parse(id).map_err(|error| asked(format!("{id}: {error}")))?;
    let mut preview = Preview::open(config, wanted)?;
    let found = preview.store.read(|read| Ok(read.newest(&[id], true)?.pop()))?;
    let found = found.ok_or_else(|| asked(format!("there is no object {id}")))?;
    Ok(preview.explain(found.id, found.version_us, &Marking::read(&found.summary), found.bytes))
}

/// Objects of a node and what readers would get of each, one after the other; `each` says whether to go on.
pub fn select(
    config: &Config,
    selection: &Selection,
    wanted: Asked<'_>,
    each: &mut dyn FnMut(Explained) -> bool,
) -> Result<()> {
    let mut preview = Preview::open(config, wanted)?;
    let tlp = match selection.tlp.as_deref() {
        Some(label) => {
            Some(Tlp::of_label(label).ok_or_else(|| asked(format!("{label} is no level of TLP")))?)
        }
        None => None,
    };
    let query = query(selection)?;
    let markings: HashMap<MarkingKey, Marking> = preview
        .store
        .read(|read| read.markings(MarkingKey(0)))?
        .into_iter()
        .map(|found| (found.key, Marking::read(&found.summary)))
        .filter(|(_, marking)| tlp.is_none_or(|tlp| marking.tlp() == tlp))
        .collect();
    let clearance = Clearance::only(markings.keys().copied());
    let (mut after, mut seen) = (Some(Cursor::default()), HashSet::new());
    while let Some(place) = after {
        let (found, next) = preview.store.read(|read| {
            let (mut found, next) = read.search(&query, &clearance, &place, PAGE_OBJECTS)?;
            if !selection.every_version {
                let ids: Vec<&str> = found.iter().map(|one: &Found| one.id.as_str()).collect();
                let newest: HashSet<(String, i64)> =
                    read.newest(&ids, false)?.into_iter().map(|one| (one.id, one.version_us)).collect();
                found.retain(|one| newest.contains(&(one.id.clone(), one.version_us)));
            }
            Ok((found, next))
        })?;
        for one in found {
            // By the beginnings of its values an object is found once for each.
            let by_beginning = query.values.iter().any(|value| matches!(value, Sought::Prefix(_)));
            if by_beginning && !seen.insert((one.id.clone(), one.version_us)) {
                continue;
            }
            let Some(marking) = markings.get(&one.marking) else { continue };
            let explained = preview.explain(one.id, one.version_us, marking, one.bytes);
            if !each(explained) {
                return Ok(());
            }
        }
        after = next;
    }
    Ok(())
}

fn query(selection: &Selection) -> Result<Query<'_>> {
    for id in [&selection.created_by, &selection.related_to].into_iter().flatten() {
        Id::parse(id).map_err(|error| asked(format!("{id}: {error}")))?;
    }
    Ok(Query {
        values: selection.values.iter().map(|value| sought(value)).collect(),
        id: None,
        types: selection.types.iter().map(String::as_str).collect(),
        created_by: selection.created_by.as_deref(),
        since_us: selection.since_us,
        until_us: selection.until_us,
        related_to: selection.related_to.as_deref(),
    })
}

fn sought(value: &str) -> Sought<'_> {
    value.strip_suffix('*').map_or(Sought::Exact(value), Sought::Prefix)
}
