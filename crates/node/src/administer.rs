//! What administers a node from the command line of its machine: accounts, tokens, parties, collections, backups.
//!
//! Whoever can do this can read the store's file anyway. Every act has its row in the audit, by the name `console`.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use watchfire_release::{Community, Organisation};
use watchfire_store::{AuditEntry, NewAccount, NewCollection, Right, Role, Store, TokenKey, Write};

use crate::clock::{now_us, text};
use crate::config::Config;
use crate::error::{NodeError, Result, of_file};
use crate::node::open_store;
use crate::secret::{hash_password, password, token, token_hash, totp_secret, uuid};
use crate::{tls, totp};

/// A password that is shorter is guessed.
const PASSWORD_MINIMUM: usize = 12;
/// One that is longer is no password, and Argon2 takes time for it.
const PASSWORD_LIMIT_BYTES: usize = 1024;
const NAME_LIMIT: usize = 200;

/// An account to make.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// Its role: observer, analyst, releaser, administrator.
    pub role: String,
    /// Its organisation; the node's own where none is given.
    pub organisation: Option<String>,
    /// Its password; one is made where none is given.
    pub password: Option<String>,
}

/// An account, for a list.
#[derive(Debug, Clone)]
pub struct AccountLine {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: &'static str,
    /// Its organisation.
    pub organisation: String,
    /// Whether it is shut.
    pub disabled: bool,
}

/// A token, for a list.
#[derive(Debug, Clone)]
pub struct TokenLine {
    /// Its number.
    pub number: usize,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scope: String,
    /// When it ends, RFC 3339.
    pub expires: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// An organisation or a community, for a list.
#[derive(Debug, Clone)]
pub struct PartyLine {
    /// `organisation` or `community`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What is known of it, as JSON.
    pub attributes: String,
}

/// A collection, for a list.
#[derive(Debug, Clone)]
pub struct CollectionLine {
    /// Its id.
    pub id: String,
    /// The name of its API root.
    pub api_root: String,
    /// Its title.
    pub title: String,
    /// Its alias.
    pub alias: Option<String>,
    /// What is in it.
    pub description: Option<String>,
    /// Whether everybody may read it.
    pub can_read: bool,
    /// Whether everybody whose role allows it may write to it.
    pub can_write: bool,
}

fn asked(message: impl Into<String>) -> NodeError {
    NodeError::Asked(message.into())
}

/// Does something in one transaction, with its row in the audit.
fn act<T>(
    store: &Store,
    action: &str,
    subject: &str,
    detail: &str,
    mut work: impl FnMut(&mut Write<'_>) -> watchfire_store::Result<T>,
) -> Result<T> {
    Ok(store.write(|write| {
        let done = work(write)?;
        let at_us = now_us();
        write.audit(&[AuditEntry { at_us, actor: "console", origin: "console", action, subject, detail }])?;
        Ok(done)
    })?)
}

/// Whether a password is one that can be used.
pub fn check_password(password: &str) -> Result<()> {
    if password.chars().count() < PASSWORD_MINIMUM {
        return Err(asked(format!("a password has at least {PASSWORD_MINIMUM} characters")));
    }
    if password.len() > PASSWORD_LIMIT_BYTES {
        return Err(asked(format!("a password has at most {PASSWORD_LIMIT_BYTES} bytes")));
    }
    Ok(())
}

/// A name is text without control characters, and without the colon that ends it in Basic (RFC 7617 §2).
fn check_name(name: &str) -> Result<()> {
    let good = !name.is_empty()
        && name.chars().count() <= NAME_LIMIT
        && name.trim() == name
        && !name.chars().any(|character| character.is_control() || character == ':');
    if good {
        Ok(())
    } else {
        Err(asked(format!("{name:?} is no name: no colon, no control characters, not empty")))
    }
}

fn role(name: &str) -> Result<Role> {
    Role::from_name(name).ok_or_else(|| {
        asked(format!("{name} is no role; there are observer, analyst, releaser and administrator"))
    })
}

fn chosen(given: Option<&str>) -> Result<(String, Option<String>)> {
    let (used, made) = if let Some(given) = given {
        (given.to_owned(), None)
    } else {
        let made = password()?;
        (made.clone(), Some(made))
    };
    check_password(&used)?;
    Ok((used, made))
}

/// Makes an account; its password, where it was made here.
pub fn add_user(config: &Config, new: &NewUser) -> Result<Option<String>> {
    check_name(&new.name)?;
    let role = role(&new.role)?;
    let organisation = new.organisation.as_deref().unwrap_or(&config.organisation);
    check_name(organisation)?;
    let (password, made) = chosen(new.password.as_deref())?;
    let hash = hash_password(&password)?;
    let account =
        NewAccount { name: &new.name, role, organisation, attributes: "{}", password_hash: Some(&hash) };
    let store = open_store(config)?;
    if store.read(|read| read.account(&new.name))?.is_some() {
        return Err(asked(format!("there is an account {} already", new.name)));
    }
    act(&store, "account.create", &new.name, role.as_str(), |write| {
        write.create_account(&account, now_us())
    })?;
    Ok(made)
}

/// All accounts.
pub fn users(config: &Config) -> Result<Vec<AccountLine>> {
    let line = |account: watchfire_store::Account| AccountLine {
        name: account.name,
        role: account.role.as_str(),
        organisation: account.organisation,
        disabled: account.disabled,
    };
    Ok(open_store(config)?.read(|read| Ok(read.accounts()?.into_iter().map(line).collect()))?)
}

fn account(store: &Store, name: &str) -> Result<watchfire_store::Account> {
    store.read(|read| read.account(name))?.ok_or_else(|| asked(format!("there is no account {name}")))
}

/// Gives an account another password; the password, where it was made here.
pub fn set_password(config: &Config, name: &str, given: Option<&str>) -> Result<Option<String>> {
    let store = open_store(config)?;
    let key = account(&store, name)?.key;
    let (password, made) = chosen(given)?;
    let hash = hash_password(&password)?;
    act(&store, "account.password", name, "", |write| {
        write.set_password_hash(key, Some(&hash))?;
        write.forget_failures(key)
    })?;
    Ok(made)
}

/// Says that a certificate, the first of a file, stands for an account; its SHA-256.
pub fn add_certificate(config: &Config, name: &str, file: &Path) -> Result<String> {
    let store = open_store(config)?;
    let key = account(&store, name)?.key;
    let fingerprint = tls::fingerprint_of_file(file)?;
    let shown: Vec<String> = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = shown.concat();
    act(&store, "account.certificate", name, &shown, |write| {
        write.map_certificate(&fingerprint, &shown, key, now_us())
    })?;
    Ok(shown)
}

/// Demands a one-time code after the password of an account from now on, or no longer; what an authenticator takes, which
/// is nowhere else.
pub fn set_totp(config: &Config, name: &str, on: bool) -> Result<Option<String>> {
    let store = open_store(config)?;
    let account = account(&store, name)?;
    let secret = if on { Some(totp_secret()?) } else { None };
    let detail = if on { "on" } else { "off" };
    let kept = secret.as_ref().map(<[u8; 20]>::as_slice);
    act(&store, "account.totp", name, detail, |write| write.set_totp_secret(account.key, kept))?;
    Ok(secret.map(|secret| totp::uri(&config.organisation, name, &secret)))
}

/// Shuts an account, or opens it again.
pub fn set_disabled(config: &Config, name: &str, disabled: bool) -> Result<()> {
    let store = open_store(config)?;
    let key = account(&store, name)?.key;
    let action = if disabled { "account.disable" } else { "account.enable" };
    act(&store, action, name, "", |write| write.set_disabled(key, disabled))
}

/// Makes a token; it is shown here once, and kept nowhere.
pub fn add_token(config: &Config, user: &str, name: &str, may_write: bool, days: u32) -> Result<String> {
    let store = open_store(config)?;
    let key = account(&store, user)?.key;
    check_name(name)?;
    let (token, now) = (token()?, now_us());
    let expires = now + i64::from(days.max(1)) * 24 * 60 * 60 * 1_000_000;
    let scope = if may_write { "read write" } else { "read" };
    act(&store, "token.create", user, name, |write| {
        write.create_token(key, &token_hash(&token), name, scope, (now, expires))
    })?;
    Ok(token)
}

/// Tokens of an account, numbered from one, the newest first.
pub fn tokens(config: &Config, user: &str) -> Result<Vec<TokenLine>> {
    let store = open_store(config)?;
    let key = account(&store, user)?.key;
    let tokens = store.read(|read| read.tokens(key))?;
    let line = |(at, token): (usize, watchfire_store::Token)| TokenLine {
        number: at + 1,
        name: token.name,
        scope: token.scope,
        expires: text(token.expires_us),
        revoked: token.revoked_us.is_some(),
    };
    Ok(tokens.into_iter().enumerate().map(line).collect())
}

/// Revokes all tokens of an account that have this name.
pub fn revoke_token(config: &Config, user: &str, name: &str) -> Result<usize> {
    let store = open_store(config)?;
    let key = account(&store, user)?.key;
    let tokens = store.read(|read| read.tokens(key))?;
    let named: Vec<TokenKey> =
        tokens.into_iter().filter(|token| token.name == name).map(|token| token.key).collect();
    if named.is_empty() {
        return Err(asked(format!("{user} has no token {name}")));
    }
    act(&store, "token.revoke", user, name, |write| {
        named.iter().try_for_each(|token| write.revoke_token(key, *token, now_us()))
    })?;
    Ok(named.len())
}

/// Says what is known of an organisation.
pub fn set_organisation(config: &Config, name: &str, known: &Organisation) -> Result<()> {
    set_party(config, "organisation", name, serde_json::to_string(known))
}

/// Says what is known of a community.
pub fn set_community(config: &Config, name: &str, known: &Community) -> Result<()> {
    set_party(config, "community", name, serde_json::to_string(known))
}

fn set_party(config: &Config, kind: &str, name: &str, attributes: serde_json::Result<String>) -> Result<()> {
    check_name(name)?;
    let attributes = attributes.map_err(|error| asked(error.to_string()))?;
    let store = open_store(config)?;
    act(&store, "party.set", name, &attributes, |write| write.set_party(kind, name, &attributes))
}

/// Forgets an organisation or a community.
pub fn forget_party(config: &Config, kind: &str, name: &str) -> Result<()> {
    let store = open_store(config)?;
    let known = act(&store, "party.forget", name, kind, |write| write.forget_party(kind, name))?;
    if known { Ok(()) } else { Err(asked(format!("there is no {kind} {name}"))) }
}

/// All organisations and communities.
pub fn parties(config: &Config) -> Result<Vec<PartyLine>> {
    let line = |party: watchfire_store::Party| PartyLine {
        kind: party.kind,
        name: party.name,
        attributes: party.attributes,
    };
    Ok(open_store(config)?.read(|read| Ok(read.parties()?.into_iter().map(line).collect()))?)
}

/// A collection to be made.
#[derive(Debug, Clone, Copy)]
pub struct CollectionSpec<'a> {
    /// Its title.
    pub title: &'a str,
    /// A name that may stand in place of its id.
    pub alias: Option<&'a str>,
    /// What is in it.
    pub description: Option<&'a str>,
    /// Its API root, if it is not the first.
    pub api_root: Option<&'a str>,
    /// Whether everyone who signs in may read it.
    pub can_read: bool,
    /// Whether every analyst may write to it.
    pub can_write: bool,
}

/// The longest description of a collection. Every list of collections carries it.
const DESCRIPTION_LIMIT_BYTES: usize = 4096;

/// Makes a collection; its id.
pub fn add_collection(config: &Config, spec: &CollectionSpec<'_>) -> Result<String> {
    let CollectionSpec { title, alias, description, can_read, can_write, .. } = *spec;
    check_name(title)?;
    if description.is_some_and(|text| text.len() > DESCRIPTION_LIMIT_BYTES) {
        return Err(asked(format!("the description is longer than {DESCRIPTION_LIMIT_BYTES} bytes")));
    }
    let root = spec.api_root.unwrap_or(&config.taxii.api_roots[0].name);
    if !config.taxii.api_roots.iter().any(|known| known.name == root) {
        return Err(asked(format!("there is no API root {root} in the configuration")));
    }
    let id = uuid()?;
    let new = NewCollection {
        id: &id,
        api_root: root,
        alias,
        title,
        description,
        can_read,
        can_write,
        media_types: "application/stix+json;version=2.1",
    };
    let store = open_store(config)?;
    act(&store, "collection.create", &id, title, |write| write.create_collection(&new, now_us()))?;
    Ok(id)
}

/// All collections of all API roots.
pub fn collections(config: &Config) -> Result<Vec<CollectionLine>> {
    let store = open_store(config)?;
    let mut lines = Vec::new();
    for root in &config.taxii.api_roots {
        for found in store.read(|read| read.collections(&root.name))? {
            lines.push(CollectionLine {
                id: found.id,
                api_root: found.api_root,
                title: found.title,
                alias: found.alias,
                description: found.description,
                can_read: found.can_read,
                can_write: found.can_write,
            });
        }
    }
    Ok(lines)
}

/// Says what an account may do in a collection, by its id or alias.
pub fn grant(
    config: &Config,
    user: &str,
    collection: &str,
    (can_read, can_write): (bool, bool),
) -> Result<()> {
    let store = open_store(config)?;
    let key = account(&store, user)?.key;
    let mut found = None;
    for root in &config.taxii.api_roots {
        found = found.or(store.read(|read| read.collection(&root.name, collection))?);
    }
    let found = found.ok_or_else(|| asked(format!("there is no collection {collection}")))?;
    let right = Right { collection: found.key, can_read, can_write };
    let detail = format!("{user}: read {can_read}, write {can_write}");
    act(&store, "collection.grant", &found.id, &detail, |write| write.grant(key, right))
}

/// Writes a backup of the whole store, packed, while the node goes on; the number of its rows.
pub fn backup(config: &Config, target: &Path) -> Result<u64> {
    let partial = target.with_extension("partial");
    let store = open_store(config)?;
    let file = File::create(&partial).map_err(of_file(&partial))?;
    let mut out = GzEncoder::new(BufWriter::new(file), Compression::default());
    let dumped = store.dump(&mut out)?;
    let written = out.finish().and_then(|mut file| {
        file.flush()?;
        file.get_ref().sync_all()
    });
    written.map_err(of_file(&partial))?;
    // What bears the name of a backup is a whole one.
    fs::rename(&partial, target).map_err(of_file(target))?;
    Ok(dumped.tables.iter().map(|(_, rows, _)| rows).sum())
}

/// Fills an empty store from a backup, checked row by row; the number of its rows.
pub fn restore(config: &Config, source: &Path) -> Result<u64> {
    let file = File::open(source).map_err(of_file(source))?;
    let mut dump = BufReader::new(MultiGzDecoder::new(BufReader::new(file)));
    let store = open_store(config)?;
    let restored = store.restore(&mut dump)?;
    let found = store.digest()?;
    if found.tables != restored.tables {
        return Err(asked("the store does not hold what the backup says"));
    }
    Ok(found.tables.iter().map(|(_, rows, _)| rows).sum())
}
