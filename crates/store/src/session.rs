//! Browsers that are signed in: known by the hash of what they carry, good until they are idle, old or ended.

use crate::account::{ACCOUNT, Account, AccountKey, read_account};
use crate::engine::Row;
use crate::error::Result;
use crate::store::{Read, Write};

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of what the browser carries, which opens nothing.
    pub hash: Vec<u8>,
    /// When it began.
    pub created_us: i64,
    /// When it was last used.
    pub seen_us: i64,
    /// When it ends, if it is not used again.
    pub expires_us: i64,
    /// The address from which it began.
    pub origin: String,
    /// By what.
    pub means: String,
}

const SESSION: &str = "s.hash, s.created_us, s.seen_us, s.expires_us, s.origin, s.means";

fn read_session(row: &Row<'_>, from: usize) -> Result<Session> {
    Ok(Session {
        hash: row.bytes(from)?.to_owned(),
        created_us: row.int(from + 1)?,
        seen_us: row.int(from + 2)?,
        expires_us: row.int(from + 3)?,
        origin: row.string(from + 4)?,
        means: row.string(from + 5)?,
    })
}

impl Read<'_> {
    /// The session of a hash and its account, where both are good at this moment.
    pub fn session(&mut self, hash: &[u8], now_us: i64) -> Result<Option<(Account, Session)>> {
        let text = format!(
            "select {ACCOUNT}, {SESSION} from session s join account a on a.key = s.account \
             where s.hash = $1 and s.expires_us > $2 and a.disabled = 0"
        );
        self.session.first(&text, &[hash.into(), now_us.into()], |row| {
            Ok((read_account(row)?, read_session(row, 11)?))
        })
    }

    /// The sessions of an account that are good at this moment, the one that was used last first.
    pub fn sessions(&mut self, account: AccountKey, now_us: i64) -> Result<Vec<Session>> {
        let text = format!(
            "select {SESSION} from session s where s.account = $1 and s.expires_us > $2 \
             order by s.seen_us desc, s.hash"
        );
        self.session.list(&text, &[account.0.into(), now_us.into()], |row| read_session(row, 0))
    }
}

impl Write<'_> {
    /// Records a session.
    pub fn create_session(&mut self, account: AccountKey, session: &Session) -> Result<()> {
        self.session.run(
            "insert into session (hash, account, created_us, seen_us, expires_us, origin, means) \
             values ($1, $2, $3, $4, $5, $6, $7)",
            &[
                session.hash.as_slice().into(),
                account.0.into(),
                session.created_us.into(),
                session.seen_us.into(),
                session.expires_us.into(),
                session.origin.as_str().into(),
                session.means.as_str().into(),
            ],
        )?;
        Ok(())
    }

    /// Notes that a session was used, and until when it goes on.
    pub fn touch_session(&mut self, hash: &[u8], seen_us: i64, expires_us: i64) -> Result<()> {
        self.session.run(
            "update session set seen_us = $2, expires_us = $3 where hash = $1",
            &[hash.into(), seen_us.into(), expires_us.into()],
        )?;
        Ok(())
    }

    /// Ends a session of an account; false where it has none such.
    pub fn end_session(&mut self, account: AccountKey, hash: &[u8]) -> Result<bool> {
        let ended = self
            .session
            .run("delete from session where hash = $1 and account = $2", &[hash.into(), account.0.into()])?;
        Ok(ended > 0)
    }

    /// Ends all sessions of an account.
    pub fn end_sessions(&mut self, account: AccountKey) -> Result<()> {
        self.session.run("delete from session where account = $1", &[account.0.into()])?;
        Ok(())
    }

    /// Forgets sessions that have ended; how many.
    pub fn expire_sessions(&mut self, now_us: i64) -> Result<usize> {
        self.session.run("delete from session where expires_us <= $1", &[now_us.into()])
    }
}
