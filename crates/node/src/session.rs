//! Sessions of browsers: begun by a sign-in, carried as a cookie that scripts and other sites cannot reach, and ended by
//! time, by their owner, or with what they were begun by.
//!
//! What the browser carries is made here for each sign-in, and only its hash is kept: nobody can be given one beforehand.

use std::net::IpAddr;

use watchfire_store::{Account, Session, Write};

use crate::error::Result;
use crate::node::Node;
use crate::secret::{random_text, token_hash};
use crate::signed_in::SignedIn;

/// The cookie. The prefix makes browsers take it over TLS only, for this host alone, and for all of it.
pub(crate) const COOKIE: &str = "__Host-watchfire";

/// A session that is not used ends: a coffee, not a night.
const IDLE_US: i64 = 30 * 60 * 1_000_000;

/// A session ends, however it is used: a long day at work.
const LIFE_US: i64 = 12 * 60 * 60 * 1_000_000;

/// Its last use is noted no more often than that: a page is many requests.
const NOTED_US: i64 = 60 * 1_000_000;

/// Sessions of one account; the one that was not used for longest makes room.
const SESSIONS_LIMIT: usize = 20;

/// A session that is about to begin.
pub(crate) struct Beginning {
    /// What the browser is given. It is kept nowhere.
    cookie: String,
    session: Session,
}

impl Beginning {
    /// A session of somebody at an address, signed in by something.
    pub(crate) fn new(origin: IpAddr, means: &str, now: i64) -> Result<Self> {
        let cookie = random_text()?;
        let session = Session {
            hash: token_hash(&cookie),
            created_us: now,
            seen_us: now,
            expires_us: until(now, now),
            origin: origin.to_string(),
            means: means.to_owned(),
        };
        Ok(Self { cookie, session })
    }

    /// Begins it, in the transaction of the sign-in.
    pub(crate) fn begin(&self, write: &mut Write<'_>, account: &Account) -> watchfire_store::Result<()> {
        let others = write.sessions(account.key, self.session.created_us)?;
        for old in others.iter().skip(SESSIONS_LIMIT - 1) {
            write.end_session(account.key, &old.hash)?;
        }
        write.create_session(account.key, &self.session)
    }

    /// The header by which the browser is given it. It is `Strict`: a link from elsewhere does not carry it.
    pub(crate) fn header(&self) -> String {
        format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict", self.cookie)
    }
}

/// The header by which a browser forgets a cookie.
pub(crate) fn forget(name: &str) -> String {
    format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// When a session ends that began and was used then.
fn until(created: i64, seen: i64) -> i64 {
    seen.saturating_add(IDLE_US).min(created.saturating_add(LIFE_US))
}

/// When a session ends, however it is used.
pub(crate) fn last_moment(session: &Session) -> i64 {
    session.created_us.saturating_add(LIFE_US)
}

/// A cookie of a header (RFC 6265 §4.2.1).
pub(crate) fn cookie<'a>(cookies: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = cookies?.split([';', ',']).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
}

/// Who a browser's session is of, and the session.
pub(crate) fn find(
    node: &Node,
    cookies: Option<&str>,
    origin: IpAddr,
    now: i64,
) -> Result<Option<(SignedIn, Session)>> {
    let Some(value) = cookie(cookies, COOKIE) else { return Ok(None) };
    let hash = token_hash(value);
    let Some((account, session)) = node.store.read(|read| read.session(&hash, now))? else {
        return Ok(None);
    };
    if now - session.seen_us >= NOTED_US {
        node.store.write(|write| write.touch_session(&hash, now, until(session.created_us, now)))?;
    }
    // What a session writes goes through pages that know where their forms came from; TAXII does not.
    Ok(Some((SignedIn::new(account, false, origin), session)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_told_apart() {
        for (header, expected) in [
            ("__Host-watchfire=a", Some("a")),
            ("x=1; __Host-watchfire=a=b; y=2", Some("a=b")),
            ("x=1,__Host-watchfire=a", Some("a")),
            ("watchfire=a; __host-watchfire=b; x__Host-watchfire=c", None),
            ("__Host-watchfire", None),
            ("", None),
        ] {
            assert_eq!(cookie(Some(header), COOKIE), expected, "{header}");
        }
        assert_eq!(cookie(None, COOKIE), None);
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        assert_eq!(until(0, 0), IDLE_US);
        assert_eq!(until(0, LIFE_US - IDLE_US), LIFE_US);
        assert_eq!(until(0, LIFE_US - 1), LIFE_US);
        let new = Beginning::new([192, 0, 2, 7].into(), "password", 5).unwrap();
        assert_eq!((new.session.seen_us, new.session.expires_us), (5, 5 + IDLE_US));
        assert_eq!(new.session.hash, token_hash(&new.cookie));
        assert_eq!(new.cookie.len(), 43);
        let header = new.header();
        assert!(
            header.starts_with("__Host-watchfire=")
                && header.contains("; Path=/; Secure; HttpOnly; SameSite=")
        );
        assert!(!header.contains("Domain"), "a host's cookie has none");
    }
}
