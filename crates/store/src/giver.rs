//! Who hands objects over: an account, for an organisation.

use crate::account::AccountKey;
use crate::error::{Result, StoreError};
use crate::store::Write;

/// The number of a giver in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GiverKey(pub(crate) i64);

impl Write<'_> {
    /// The giver that an account is for an organisation: its own, or the one from whose server it pulls.
    pub fn giver(&mut self, account: AccountKey, organisation: &str) -> Result<GiverKey> {
        const FIND: &str = "select key from giver where account = $1 and organisation = $2";
        const MAKE: &str = "insert into giver (account, organisation) values ($1, $2) \
            on conflict (account, organisation) do nothing";
        let values = [account.0.into(), organisation.into()];
        if let Some(key) = self.session.first(FIND, &values, |row| row.int(0))? {
            return Ok(GiverKey(key));
        }
        self.session.run(MAKE, &values)?;
        let made = self.session.first(FIND, &values, |row| row.int(0))?;
        made.map(GiverKey).ok_or(StoreError::Missing { what: "giver" })
    }

    /// Lets nobody else add for a giver until this transaction ends. Two of one giver that name each other must not each
    /// miss the other.
    pub fn hold_giver(&mut self, giver: GiverKey) -> Result<()> {
        let text = "select key from giver where key = $1 {for update}";
        let there = self.session.first(text, &[giver.0.into()], |row| row.int(0))?;
        there.map(|_| ()).ok_or(StoreError::Missing { what: "giver" })
    }
}
