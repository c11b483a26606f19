//! Words that are good once, whichever of several nodes they are brought to.

use crate::error::Result;
use crate::store::Write;

/// Words that are kept at the same time. Who needs more within the minutes for which a word is good is not signing in.
pub const SPENT_LIMIT: i64 = 100_000;

impl Write<'_> {
    /// Uses a word up that is good until an instant. False where it was used before, or where so many are kept that nobody
    /// could say.
    pub fn spend(&mut self, word: &str, until_us: i64, now_us: i64) -> Result<bool> {
        self.session.run("delete from spent where until_us <= $1", &[now_us.into()])?;
        let beyond = "select 1 from spent order by until_us limit 1 offset $1";
        if self.session.first(beyond, &[(SPENT_LIMIT - 1).into()], |_| Ok(()))?.is_some() {
            return Ok(false);
        }
        let insert = "insert into spent (word, until_us) values ($1, $2) on conflict (word) do nothing";
        Ok(self.session.run(insert, &[word.into(), until_us.into()])? == 1)
    }
}
