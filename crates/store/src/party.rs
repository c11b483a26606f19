//! Organisations and communities: names, and what `release` must know of them.

use crate::error::Result;
use crate::store::{Read, Write};

/// A named party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// What it is, such as `organisation` or `community`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What is known of it, which the store does not read.
    pub attributes: String,
}

impl Read<'_> {
    /// All parties, by kind and name.
    pub fn parties(&mut self) -> Result<Vec<Party>> {
        let text = "select kind, name, attributes from party order by kind, name";
        self.session.list(text, &[], |row| {
            Ok(Party { kind: row.string(0)?, name: row.string(1)?, attributes: row.string(2)? })
        })
    }
}

impl Write<'_> {
    /// Says what is known of a party; what was known before is forgotten.
    pub fn set_party(&mut self, kind: &str, name: &str, attributes: &str) -> Result<()> {
        self.session.run(
            "insert into party (kind, name, attributes) values ($1, $2, $3) \
             on conflict (kind, name) do update set attributes = $3",
            &[kind.into(), name.into(), attributes.into()],
        )?;
        Ok(())
    }

    /// Forgets a party; false where it was not known.
    pub fn forget_party(&mut self, kind: &str, name: &str) -> Result<bool> {
        let text = "delete from party where kind = $1 and name = $2";
        Ok(self.session.run(text, &[kind.into(), name.into()])? > 0)
    }
}
