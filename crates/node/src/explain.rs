//! Who would get what, and which marking decides: asked on the node's own machine, before anything is shared.

use watchfire_release::{Gate, Marking, Recipient, Use};
use watchfire_stix::Id;

use crate::clock::{instant, now_us};
use crate::config::Config;
use crate::error::{NodeError, Result};
use crate::intake::version_text;
use crate::node::{open_store, read_directory};

/// What one reader would get.
#[derive(Debug, Clone)]
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
    /// Its newest version.
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

/// The newest version of an object, and what one account, or each, would get of it for a use: `know`, `consult`, `act`.
pub fn explain(config: &Config, id: &str, account: Option<&str>, purpose: &str) -> Result<Explained> {
    let asked = |message: String| NodeError::Asked(message);
    Id::parse(id).map_err(|error| asked(format!("{id}: {error}")))?;
    let purpose = match purpose {
        "know" => Use::Know,
        "consult" => Use::Consult,
        "act" => Use::Act,
        other => return Err(asked(format!("{other} is no use; there are know, consult and act"))),
    };
    let store = open_store(config)?;
    let (found, directory, accounts) = store.read(|read| {
        let found = read.newest(&[id], true)?.pop();
        Ok((found, read_directory(read, &config.organisation)?, read.accounts()?))
    })?;
    let found = found.ok_or_else(|| asked(format!("there is no object {id}")))?;
    let marking = Marking::read(&found.summary);
    let mut readers: Vec<Recipient> =
        accounts.iter().map(|one| Recipient::person(&one.name, &one.organisation)).collect();
    match account {
        Some(name) => {
            readers.retain(|reader| reader.account.as_deref() == Some(name));
            if readers.is_empty() {
                return Err(asked(format!("there is no account {name}")));
            }
        }
        None => readers.push(Recipient::anyone()),
    }
    let told = |reader: &Recipient| {
        let gate = Gate { reader, directory: &directory, purpose, now: instant(now_us()) };
        let decision = gate.decide(&marking);
        Told {
            account: reader.account.clone(),
            organisation: reader.organisation.clone(),
            released: decision.is_release(),
            why: decision.why(),
        }
    };
    Ok(Explained {
        version: version_text(found.version_us),
        tlp: marking.tlp().label(),
        pap: marking.pap().label(),
        told: readers.iter().map(told).collect(),
        id: found.id,
        bytes: found.bytes,
    })
}
