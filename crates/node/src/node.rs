//! The state of a running node.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use watchfire_release::{Community, Directory, Organisation};
use watchfire_store::{Options, Party, Read, Store};

use crate::audit::{Log, place_anew};
use crate::clearance::Markings;
use crate::clock::{instant, microseconds, now_us};
use crate::config::Config;
use crate::doorkeeper::Doorkeeper;
use crate::error::{NodeError, Result, of_file};
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::secret::{Seal, new_secret};

/// For so long the directory is taken as it was read: who is moved out of a community is out a second later.
const DIRECTORY_AGE_US: i64 = 1_000_000;

/// Bodies of requests and of answers that are in memory at the same time; what the node needs beside them is a tenth of it.
/// One body of the largest size always fits.
const BODIES_LIMIT_BYTES: usize = 256 * 1024 * 1024;

/// Objects of an embargo that ended which get new places in one transaction.
const RENEWED_AT_ONCE: usize = 10_000;

/// A node.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) store: Arc<Store>,
    pub(crate) seal: Seal,
    pub(crate) markings: Markings,
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) oidc: Option<Oidc>,
    pub(crate) audit: Log,
    pub(crate) metrics: Metrics,
    pub(crate) memory: Memory,
    /// The threads on which bodies are taken.
    pub(crate) adders: Handle,
    directory: RwLock<(i64, Arc<Directory>)>,
}

/// Opens the store of a configuration.
pub(crate) fn open_store(config: &Config) -> Result<Store> {
    Ok(Store::open(&config.store_address(), &Options::default(), now_us())?)
}

/// The directory as the store holds it.
pub(crate) fn read_directory(read: &mut Read<'_>, own: &str) -> watchfire_store::Result<Directory> {
    let parties = read.parties()?;
    Ok(Directory {
        own: own.to_owned(),
        organisations: of_kind::<Organisation>(&parties, "organisation"),
        communities: of_kind::<Community>(&parties, "community"),
    })
}

/// Parties of a kind. One whose attributes cannot be read belongs nowhere.
fn of_kind<T: DeserializeOwned + Default>(parties: &[Party], kind: &str) -> BTreeMap<String, T> {
    let of_kind = parties.iter().filter(|party| party.kind == kind);
    of_kind
        .map(|party| (party.name.clone(), serde_json::from_str(&party.attributes).unwrap_or_default()))
        .collect()
}

impl Node {
    /// Opens a node as it is configured.
    pub(crate) fn open(config: Config, adders: Handle) -> Result<Self> {
        let path = config.path(&config.secret);
        let text = std::fs::read(&path).map_err(of_file(&path))?;
        let secret = read_secret(&text).ok_or_else(|| NodeError::Config {
            path,
            reason: "a secret is 64 hexadecimal digits".to_owned(),
        })?;
        let store = Arc::new(open_store(&config)?);
        // The first random number of a process gathers entropy for a while: here, and not in somebody's request.
        new_secret()?;
        Ok(Self {
            seal: Seal::new(&secret)?,
            markings: Markings::default(),
            doorkeeper: Doorkeeper::default(),
            oidc: Oidc::open(&config)?,
            audit: Log::start(Arc::clone(&store)),
            metrics: Metrics::default(),
            memory: Memory::new(BODIES_LIMIT_BYTES.max(2 * config.taxii.max_content_length)),
            directory: RwLock::new((i64::MIN, Arc::new(Directory::of(&config.organisation)))),
            adders,
            config,
            store,
        })
    }

    /// Who belongs where.
    pub(crate) fn directory(&self) -> Result<Arc<Directory>> {
        let now = now_us();
        {
            let kept = self.directory.read().expect("nobody panics while holding it");
            if now.saturating_sub(kept.0) < DIRECTORY_AGE_US {
                return Ok(Arc::clone(&kept.1));
            }
        }
        let own = &self.config.organisation;
        let read = Arc::new(self.store.read(|read| read_directory(read, own))?);
        *self.directory.write().expect("nobody panics while holding it") = (now, Arc::clone(&read));
        Ok(read)
    }

    /// Brings what an embargo held back to those who follow its collection, once the embargo has ended: whoever has
    /// passed its place would never see it. How many objects that were.
    pub(crate) fn end_embargoes(&self) -> Result<usize> {
        let now = now_us();
        let markings = self.store.read(|read| self.markings.read(read))?;
        let mut renewed = 0;
        for (key, marking) in markings.iter() {
            let Some(ended) = marking.last_change(instant(now)).map(microseconds) else { continue };
            while let waiting @ [_, ..] =
                &self.store.read(|read| read.added_before(*key, ended, RENEWED_AT_ONCE))?[..]
            {
                for (collection, places) in waiting {
                    self.store.write(|write| place_anew(write, *collection, places, now))?;
                    renewed += places.len();
                }
            }
        }
        Ok(renewed)
    }

    /// What is due now and then.
    pub(crate) fn sweep(&self) -> Result<()> {
        let day = 24 * 60 * 60 * 1_000_000;
        let before = now_us() - i64::from(self.config.taxii.status_days.max(1)) * day;
        self.store.write(|write| write.expire_statuses(before))?;
        self.store.write(|write| write.expire_sessions(now_us()))?;
        Ok(self.store.sweep()?)
    }
}

/// 32 bytes from 64 hexadecimal digits.
fn read_secret(text: &[u8]) -> Option<[u8; 32]> {
    let digits = text.trim_ascii();
    let mut secret = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in secret.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(secret)
}
