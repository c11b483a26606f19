//! A new node: folder, secret, certificate, configuration, store, first administrator, first collection.

use std::fs;
use std::path::PathBuf;

use watchfire_store::{NewAccount, NewCollection, Role};

use crate::clock::now_us;
use crate::config::{CONFIG_FILE, Config, template};
use crate::error::{NodeError, Result, of_file};
use crate::node::open_store;
use crate::secret::{hash_password, new_secret, password, uuid, write_private};
use crate::tls;

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct New {
    /// Its folder.
    pub folder: PathBuf,
    /// The organisation whose node it is.
    pub organisation: String,
    /// The store: a file in the folder, or `postgres://…`.
    pub store: String,
    /// Where it will listen.
    pub listen: String,
    /// The name of the first administrator.
    pub administrator: String,
    /// The password; one is made where none is given.
    pub password: Option<String>,
    /// Names and addresses for the certificate, beside those of this machine.
    pub names: Vec<String>,
    /// Whether to make a certificate.
    pub tls: bool,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Initialised {
    /// The configuration.
    pub config: PathBuf,
    /// The administrator's password, where it was made here. It is nowhere else.
    pub password: Option<String>,
    /// The id of the first collection.
    pub collection: String,
    /// The address of the first API root.
    pub api_root: String,
}

/// Makes a node in a folder, which may be there already but hold no node.
pub fn init(new: &New) -> Result<Initialised> {
    let folder = &new.folder;
    fs::create_dir_all(folder).map_err(of_file(folder))?;
    for file in [CONFIG_FILE, "node.secret", "tls.key", "tls.crt", "ca.crt"] {
        let path = folder.join(file);
        if path.exists() {
            return Err(NodeError::Exists { path });
        }
    }
    if !new.store.contains("://") && folder.join(&new.store).exists() {
        return Err(NodeError::Exists { path: folder.join(&new.store) });
    }
    let (made, chosen) = if let Some(chosen) = &new.password {
        (None, chosen.clone())
    } else {
        let made = password()?;
        (Some(made.clone()), made)
    };
    crate::administer::check_password(&chosen)?;
    write_private(&folder.join("node.secret"), &new_secret()?)?;
    if new.tls {
        tls::make(folder, &new.organisation, names(new))?;
    }
    let config = folder.join(CONFIG_FILE);
    let text = template(&new.organisation, &new.store, &new.listen, new.tls);
    fs::write(&config, text).map_err(of_file(&config))?;
    if !new.store.contains("://") {
        // The engine would make a file that others may read.
        write_private(&folder.join(&new.store), "")?;
    }
    let read = Config::read(folder)?;
    let collection = fill(&read, new, &chosen)?;
    let scheme = if new.tls { "https" } else { "http" };
    let root = &read.taxii.api_roots[0].name;
    Ok(Initialised {
        config,
        password: made,
        collection,
        api_root: format!("{scheme}://{}/taxii2/{root}/", new.listen),
    })
}

/// The first account and the first collection, in one transaction. Over a store that others use already, nothing.
fn fill(config: &Config, new: &New, password: &str) -> Result<String> {
    let store = open_store(config)?;
    let hash = hash_password(password)?;
    let (id, now) = (uuid()?, now_us());
    let root = &config.taxii.api_roots[0].name;
    let collection = store.write(|write| {
        if write.account(&new.administrator)?.is_none() {
            let account = NewAccount {
                name: &new.administrator,
                role: Role::Administrator,
                organisation: &new.organisation,
                attributes: "{}",
                password_hash: Some(&hash),
            };
            write.create_account(&account, now)?;
        }
        if let Some(first) = write.collections(root)?.into_iter().next() {
            return Ok(first.id);
        }
        let collection = NewCollection {
            id: &id,
            api_root: root,
            alias: Some("intelligence"),
            title: "Intelligence",
            description: Some("What we know; each reader is given what they may know"),
            can_read: true,
            can_write: true,
            media_types: "application/stix+json;version=2.1",
        };
        write.create_collection(&collection, now)?;
        Ok(id.clone())
    })?;
    Ok(collection)
}

/// Names for the certificate: what was asked for, and this machine.
fn names(new: &New) -> Vec<String> {
    let mut names = new.names.clone();
    let host = new.listen.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
    let any = host.is_empty() || host == "0.0.0.0" || host == "::";
    names.extend(
        [host, "localhost", "127.0.0.1", "::1"]
            .into_iter()
            .filter(|name| !any || *name != host)
            .map(str::to_owned),
    );
    let mut seen = Vec::new();
    names.retain(|name| {
        let new = !name.is_empty() && !seen.contains(name);
        seen.push(name.clone());
        new
    });
    names
}
