//! Who asks: Basic, Bearer, a session or a certificate, with what keeps guessing slow and remembering fast.
//!
//! A hash of a password costs 20 ms of a core, once for each password and node: a credential that was verified is kept
//! as a tag (`Seal::tag`, keyed, with the hash it was verified against), so that a changed password is unknown at once.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use watchfire_store::Account;

use crate::clock::now_us;
use crate::error::Result;
use crate::log::{Level, log};
use crate::node::Node;
use crate::peer::Peer;
use crate::secret::{TOKEN_PREFIX, is_password, token_hash};
use crate::signed_in::SignedIn;
use crate::{session, totp};

/// Failures of one account after which it is locked, twice as long each time.
const LOCK_AFTER: i64 = 5;
const LOCK_LIMIT_S: i64 = 15 * 60;

/// What came of an attempt.
pub(crate) enum Attempt {
    Good(Box<SignedIn>),
    /// No credentials, or wrong ones: which, nobody is told.
    Refused,
    /// Too many wrong ones from there.
    TooMany,
}

enum Credential {
    Password { name: String, password: String },
    Token(String),
}

/// Reads `Authorization`. Schemes are compared without case (RFC 9110 §11.1): MISP writes `basic`.
fn credential(header: &str) -> Option<Credential> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        return Some(Credential::Token(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    if password.starts_with(TOKEN_PREFIX) {
        // For clients that know Basic only.
        return Some(Credential::Token(password.to_owned()));
    }
    Some(Credential::Password { name: name.to_owned(), password: password.to_owned() })
}

/// What a request brings to say who asks.
pub(crate) struct Brought<'a> {
    /// The header `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    /// The header `Cookie`, of a request that changes nothing: a page elsewhere can make a browser send it.
    pub(crate) cookies: Option<&'a str>,
    pub(crate) peer: &'a Peer,
}

/// Who asks.
pub(crate) fn sign_in(node: &Node, brought: &Brought<'_>) -> Result<Attempt> {
    let (now, origin) = (now_us(), brought.peer.address);
    if node.doorkeeper.is_too_many(origin, now) {
        return Ok(Attempt::TooMany);
    }
    let signed_in = match brought.authorization.and_then(credential) {
        None => {
            let found = session::find(node, brought.cookies, origin, now)?;
            return match found {
                Some((who, _)) => Ok(Attempt::Good(Box::new(who))),
                None => by_certificate(node, brought.peer),
            };
        }
        Some(Credential::Token(token)) => by_token(node, &token, origin, now)?,
        Some(Credential::Password { name, password }) => by_password(node, &name, &password, origin, now)?,
    };
    if let Some(signed_in) = signed_in {
        return Ok(Attempt::Good(Box::new(signed_in)));
    }
    refused(node, origin, now);
    Ok(Attempt::Refused)
}

/// Counts a sign-in that was refused. Who it was to be is not logged: people type passwords where names belong.
pub(crate) fn refused(node: &Node, origin: IpAddr, now: i64) {
    node.doorkeeper.count_failure(origin, now);
    node.metrics.count_refused_sign_in();
    log(Level::Warning, "sign-in.refused", &[("from", origin.to_string().into())]);
}

/// The account that the connection's certificate stands for. Without one, nobody tried anything.
fn by_certificate(node: &Node, peer: &Peer) -> Result<Attempt> {
    let Some(certificate) = &peer.certificate else { return Ok(Attempt::Refused) };
    let account = node.store.read(|read| read.account_by_certificate(certificate))?;
    Ok(account.map_or(Attempt::Refused, |account| {
        Attempt::Good(Box::new(SignedIn::new(account, true, peer.address)))
    }))
}

fn by_token(node: &Node, token: &str, origin: IpAddr, now: i64) -> Result<Option<SignedIn>> {
    let hash = token_hash(token);
    let found = node.store.read(|read| read.token(&hash, now))?;
    Ok(found.map(|(account, token)| {
        let may_write = token.scope.split(' ').any(|scope| scope == "write");
        SignedIn::new(account, may_write, origin)
    }))
}

/// Basic: the code is what the password ends with, and what was verified is remembered.
fn by_password(
    node: &Node,
    name: &str,
    password: &str,
    origin: IpAddr,
    now: i64,
) -> Result<Option<SignedIn>> {
    let account = node.store.read(|read| read.account(name))?.filter(|account| !account.disabled);
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    // A code is good once. What follows it within the quarter of an hour for which it is remembered comes from the same
    // address, or is no sign-in.
    let has_code = account.as_ref().is_some_and(|account| account.totp_secret.is_some());
    let place = if has_code { origin.to_string() } else { String::new() };
    let tag = node.seal.tag(&[name, password, hash.unwrap_or_default(), &place]);
    if let Some(account) = &account
        && node.doorkeeper.remembers(&tag, now)
    {
        return Ok(Some(SignedIn::new(account.clone(), true, origin)));
    }
    let Some(verified) = verify(node, account, password, None, origin, now)? else { return Ok(None) };
    let account = verified.account;
    if let Some(step) = verified.step
        && !node.store.write(|write| write.use_totp_step(account.key, step))?
    {
        return Ok(None);
    }
    if account.failures > 0 {
        node.store.write(|write| write.forget_failures(account.key))?;
    }
    node.doorkeeper.remember(tag, now);
    let signed_in = SignedIn::new(account, true, origin);
    node.audit.record(signed_in.act("account.sign-in", name, verified.means.to_owned()))?;
    Ok(Some(signed_in))
}

/// Somebody whose password, and code where one is asked for, are right.
pub(crate) struct Verified {
    pub(crate) account: Account,
    /// The step of the code, which is still to be used up.
    pub(crate) step: Option<i64>,
    /// By what, in words.
    pub(crate) means: &'static str,
}

/// Whether a password is an account's, with the code that stands beside it or at its end. A wrong one is counted.
pub(crate) fn verify(
    node: &Node,
    account: Option<Account>,
    password: &str,
    code: Option<&str>,
    origin: IpAddr,
    now: i64,
) -> Result<Option<Verified>> {
    let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let secret = account.as_ref().and_then(|account| account.totp_secret.as_deref());
    let locked = account.as_ref().is_some_and(|account| account.locked_until_us > now);
    let (typed, step) = match secret {
        None => (password, Some(None)),
        Some(secret) => match code.map(|code| (password, code)).or_else(|| totp::split(password)) {
            Some((typed, code)) => (typed, totp::step_of(secret, code, now).map(Some)),
            None => (password, None),
        },
    };
    let is_good = {
        let _one = node.doorkeeper.turn();
        // A locked account, and one whose code is wrong, takes as long as any other.
        is_password(typed, hash.filter(|_| !locked))
    };
    let Some(account) = account else { return Ok(None) };
    if let Some(step) = step.filter(|_| is_good) {
        let means = if step.is_none() { "password" } else { "password and code" };
        return Ok(Some(Verified { account, step, means }));
    }
    if !locked {
        fail(node, &account, origin, now)?;
    }
    Ok(None)
}

/// Counts a failure; from the fifth on the account is locked, for a second, two, four, up to a quarter of an hour.
fn fail(node: &Node, account: &Account, origin: IpAddr, now: i64) -> Result<()> {
    let beyond = account.failures + 1 - LOCK_AFTER;
    let seconds = if beyond < 0 { 0 } else { (1_i64 << beyond.min(20)).min(LOCK_LIMIT_S) };
    let until = now + seconds * 1_000_000;
    let act =
        SignedIn::new(account.clone(), false, origin).act("account.refuse", &account.name, String::new());
    node.store.write(|write| {
        write.count_failure(account.key, until)?;
        write.audit(&[act.entry()])
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_as_clients_write_them() {
        let shown = |header: &str| match credential(header) {
            Some(Credential::Password { name, password }) => format!("{name} {password}"),
            Some(Credential::Token(token)) => token,
            None => "none".to_owned(),
        };
        // anna:se:cret
        for (header, expected) in [
            ("Basic YW5uYTpzZTpjcmV0", "anna se:cret"),
            ("basic YW5uYTpzZTpjcmV0", "anna se:cret"),
            ("BASIC  YW5uYTpzZTpjcmV0 ", "anna se:cret"),
            ("Bearer wft_x", "wft_x"),
            ("bearer wft_x", "wft_x"),
            // any:wft_x
            ("Basic YW55OndmdF94", "wft_x"),
            ("Basic", "none"),
            ("Basic !!", "none"),
            ("Basic YW5uYQ==", "none"),
            ("Basic /w==", "none"),
            ("Digest x", "none"),
            ("", "none"),
        ] {
            assert_eq!(shown(header), expected, "{header}");
        }
    }
}
