//! Who may come in: accounts, their rights in collections, tokens, certificates.
//!
//! Secrets come here only as hashes: what is in the store opens nothing. What an account may *know* is `release`'s to
//! decide, from attributes that the store keeps without reading them.

use crate::collection::CollectionKey;
use crate::engine::{Row, Value};
use crate::error::{Result, StoreError};
use crate::store::{Read, Write};

/// The number of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey(pub(crate) i64);

/// The number of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey(pub(crate) i64);

/// What an account may do. It says nothing of what it may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Observer,
    /// Reads and adds.
    Analyst,
    /// Lets things out.
    Releaser,
    /// Runs the node.
    Administrator,
}

const ROLES: [(Role, &str); 4] = [
    (Role::Observer, "observer"),
    (Role::Analyst, "analyst"),
    (Role::Releaser, "releaser"),
    (Role::Administrator, "administrator"),
];

impl Role {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        ROLES.iter().find(|(role, _)| *role == self).map(|(_, name)| *name).expect("every role has a name")
    }

    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        ROLES.iter().find(|(_, other)| *other == name).map(|(role, _)| *role)
    }
}

/// An account to make.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub role: Role,
    /// The organisation it belongs to.
    pub organisation: &'a str,
    /// What `release` must know of it.
    pub attributes: &'a str,
    /// The hash of its password, with its parameters, where it has one.
    pub password_hash: Option<&'a str>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub key: AccountKey,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The organisation it belongs to.
    pub organisation: String,
    /// What `release` must know of it.
    pub attributes: String,
    /// The hash of its password.
    pub password_hash: Option<String>,
    /// The secret of its one-time codes, as the caller sealed it.
    pub totp_secret: Option<Vec<u8>>,
    /// The step of the last one-time code that it used; none is taken twice.
    pub totp_step: i64,
    /// Failed attempts to sign in since the last good one.
    pub failures: i64,
    /// Until when nobody signs in to it.
    pub locked_until_us: i64,
    /// Whether it is shut.
    pub disabled: bool,
}

/// What an account may do in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// Which collection.
    pub collection: CollectionKey,
    /// Whether it may read there.
    pub can_read: bool,
    /// Whether it may add there.
    pub can_write: bool,
}

/// A token, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub key: TokenKey,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scope: String,
    /// When it was made.
    pub created_us: i64,
    /// When it ends.
    pub expires_us: i64,
    /// When it was revoked.
    pub revoked_us: Option<i64>,
}

pub(crate) const ACCOUNT: &str = "a.key, a.name, a.role, a.organisation, a.attributes, a.password_hash, a.totp_secret, \
    a.totp_step, a.failures, a.locked_until_us, a.disabled";
const TOKEN: &str = "t.key, t.name, t.scope, t.created_us, t.expires_us, t.revoked_us";

pub(crate) fn read_account(row: &Row<'_>) -> Result<Account> {
    let role = Role::from_name(row.text(2)?);
    Ok(Account {
        key: AccountKey(row.int(0)?),
        name: row.string(1)?,
        role: role.ok_or_else(|| StoreError::Corrupt { reason: "an account of no known role".to_owned() })?,
        organisation: row.string(3)?,
        attributes: row.string(4)?,
        password_hash: row.optional_string(5)?,
        totp_secret: row.optional_bytes(6)?.map(<[u8]>::to_owned),
        totp_step: row.int(7)?,
        failures: row.int(8)?,
        locked_until_us: row.int(9)?,
        disabled: row.truth(10)?,
    })
}

fn read_token(row: &Row<'_>, from: usize) -> Result<Token> {
    Ok(Token {
        key: TokenKey(row.int(from)?),
        name: row.string(from + 1)?,
        scope: row.string(from + 2)?,
        created_us: row.int(from + 3)?,
        expires_us: row.int(from + 4)?,
        revoked_us: row.optional_int(from + 5)?,
    })
}

impl Read<'_> {
    /// The account of a name.
    pub fn account(&mut self, name: &str) -> Result<Option<Account>> {
        if name.contains('\0') {
            return Ok(None);
        }
        let text = format!("select {ACCOUNT} from account a where a.name = $1");
        self.session.first(&text, &[name.into()], read_account)
    }

    /// All accounts, by name.
    pub fn accounts(&mut self) -> Result<Vec<Account>> {
        self.session.list(&format!("select {ACCOUNT} from account a order by a.name"), &[], read_account)
    }

    /// What an account may do in collections, beyond what everybody may.
    pub fn rights(&mut self, account: AccountKey) -> Result<Vec<Right>> {
        self.session.list(
            "select collection, can_read, can_write from collection_right where account = $1 order by collection",
            &[account.0.into()],
            |row| {
                Ok(Right { collection: CollectionKey(row.int(0)?), can_read: row.truth(1)?, can_write: row.truth(2)? })
            },
        )
    }

    /// The token of a hash and its account, where both are good at this moment.
    pub fn token(&mut self, hash: &[u8], now_us: i64) -> Result<Option<(Account, Token)>> {
        let text = format!(
            "select {ACCOUNT}, {TOKEN} from token t join account a on a.key = t.account \
             where t.hash = $1 and t.expires_us > $2 and t.revoked_us is null and a.disabled = 0"
        );
        self.session
            .first(&text, &[hash.into(), now_us.into()], |row| Ok((read_account(row)?, read_token(row, 11)?)))
    }

    /// The tokens of an account, the newest first.
    pub fn tokens(&mut self, account: AccountKey) -> Result<Vec<Token>> {
        let text = format!("select {TOKEN} from token t where t.account = $1 order by t.key desc");
        self.session.list(&text, &[account.0.into()], |row| read_token(row, 0))
    }

    /// The account that a certificate stands for, by its SHA-256.
    pub fn account_by_certificate(&mut self, fingerprint: &[u8]) -> Result<Option<Account>> {
        let text = format!(
            "select {ACCOUNT} from certificate c join account a on a.key = c.account \
             where c.fingerprint = $1 and a.disabled = 0"
        );
        self.session.first(&text, &[fingerprint.into()], read_account)
    }
}

impl Write<'_> {
    /// Makes an account.
    pub fn create_account(&mut self, new: &NewAccount<'_>, now_us: i64) -> Result<AccountKey> {
        let made = self.session.first(
            "insert into account (name, role, organisation, attributes, password_hash, created_us) \
             values ($1, $2, $3, $4, $5, $6) returning key",
            &[
                new.name.into(),
                new.role.as_str().into(),
                new.organisation.into(),
                new.attributes.into(),
                new.password_hash.into(),
                now_us.into(),
            ],
            |row| row.int(0),
        )?;
        made.map(AccountKey).ok_or(StoreError::Missing { what: "account" })
    }

    fn set_account(&mut self, account: AccountKey, assignment: &str, value: Value<'_>) -> Result<()> {
        let text = format!("update account set {assignment} where key = $1");
        match self.session.run(&text, &[account.0.into(), value])? {
            0 => Err(StoreError::Missing { what: "account" }),
            _ => Ok(()),
        }
    }

    /// Gives an account another password, and ends its sessions.
    pub fn set_password_hash(&mut self, account: AccountKey, hash: Option<&str>) -> Result<()> {
        self.set_account(account, "password_hash = $2", hash.into())?;
        self.end_sessions(account)
    }

    /// Gives an account another secret for one-time codes, and ends its sessions.
    pub fn set_totp_secret(&mut self, account: AccountKey, secret: Option<&[u8]>) -> Result<()> {
        self.set_account(account, "totp_secret = $2", secret.into())?;
        self.end_sessions(account)
    }

    /// Uses a one-time code's step up; false where it, or a later one, was used before.
    pub fn use_totp_step(&mut self, account: AccountKey, step: i64) -> Result<bool> {
        let text = "update account set totp_step = $2 where key = $1 and totp_step < $2";
        Ok(self.session.run(text, &[account.0.into(), step.into()])? == 1)
    }

    /// Gives an account another role.
    pub fn set_role(&mut self, account: AccountKey, role: Role) -> Result<()> {
        self.set_account(account, "role = $2", role.as_str().into())
    }

    /// Changes what `release` must know of an account.
    pub fn set_attributes(&mut self, account: AccountKey, attributes: &str) -> Result<()> {
        self.set_account(account, "attributes = $2", attributes.into())
    }

    /// Shuts an account, with its sessions, or opens it again. It is never deleted: the audit names it.
    pub fn set_disabled(&mut self, account: AccountKey, disabled: bool) -> Result<()> {
        self.set_account(account, "disabled = $2", disabled.into())?;
        self.end_sessions(account)
    }

    /// Counts a failed attempt to sign in and locks the account until an instant; how many there were since the last
    /// good one.
    pub fn count_failure(&mut self, account: AccountKey, locked_until_us: i64) -> Result<i64> {
        let counted = self.session.first(
            "update account set failures = failures + 1, locked_until_us = $2 where key = $1 returning failures",
            &[account.0.into(), locked_until_us.into()],
            |row| row.int(0),
        )?;
        counted.ok_or(StoreError::Missing { what: "account" })
    }

    /// Forgets failed attempts after a good one.
    pub fn forget_failures(&mut self, account: AccountKey) -> Result<()> {
        self.set_account(account, "failures = 0, locked_until_us = $2", Value::Int(0))
    }

    /// Says what an account may do in a collection.
    pub fn grant(&mut self, account: AccountKey, right: Right) -> Result<()> {
        self.session.run(
            "insert into collection_right (account, collection, can_read, can_write) values ($1, $2, $3, $4) \
             on conflict (account, collection) do update set can_read = $3, can_write = $4",
            &[account.0.into(), right.collection.0.into(), right.can_read.into(), right.can_write.into()],
        )?;
        Ok(())
    }

    /// Records a token by its hash.
    pub fn create_token(
        &mut self,
        account: AccountKey,
        hash: &[u8],
        name: &str,
        scope: &str,
        (created_us, expires_us): (i64, i64),
    ) -> Result<TokenKey> {
        let made = self.session.first(
            "insert into token (account, hash, name, scope, created_us, expires_us) values ($1, $2, $3, $4, $5, $6) \
             returning key",
            &[account.0.into(), hash.into(), name.into(), scope.into(), created_us.into(), expires_us.into()],
            |row| row.int(0),
        )?;
        made.map(TokenKey).ok_or(StoreError::Missing { what: "token" })
    }

    /// Revokes a token of an account; again changes nothing.
    pub fn revoke_token(&mut self, account: AccountKey, token: TokenKey, now_us: i64) -> Result<()> {
        let touched = self.session.run(
            "update token set revoked_us = coalesce(revoked_us, $3) where key = $1 and account = $2",
            &[token.0.into(), account.0.into(), now_us.into()],
        )?;
        if touched == 0 { Err(StoreError::Missing { what: "token" }) } else { Ok(()) }
    }

    /// Says which account a certificate stands for, by its SHA-256.
    pub fn map_certificate(
        &mut self,
        fingerprint: &[u8],
        subject: &str,
        account: AccountKey,
        now_us: i64,
    ) -> Result<()> {
        self.session.run(
            "insert into certificate (fingerprint, account, subject, created_us) values ($1, $2, $3, $4) \
             on conflict (fingerprint) do update set account = $2, subject = $3",
            &[fingerprint.into(), account.0.into(), subject.into(), now_us.into()],
        )?;
        Ok(())
    }

    /// Takes a certificate's account away; false where it had none.
    pub fn unmap_certificate(&mut self, fingerprint: &[u8]) -> Result<bool> {
        Ok(self.session.run("delete from certificate where fingerprint = $1", &[fingerprint.into()])? > 0)
    }
}
