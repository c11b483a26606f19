//! Objects on their way in together, from one giver: read, with what each says of who may know it.

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use watchfire_release::{Book, Origin, Own, Settling, own, read_definition};
use watchfire_stix::{Id, Object};
use watchfire_store::{Account, AccountKey, GiverKey, Outcome, Store, Write};

use crate::config::Config;
use crate::error::Result;
use crate::intake::{self, Failure, Taken};

/// Objects that are read one after the other: fewer are not worth another core.
const PIECE_OBJECTS: usize = 256;

/// Who hands objects over, to which node.
pub(crate) struct Giver<'a> {
    pub(crate) config: &'a Config,
    pub(crate) store: &'a Store,
    /// The account that does, or on whose behalf it is done.
    pub(crate) account: &'a Account,
    /// The organisation that knew them before, and may be told them again.
    pub(crate) organisation: &'a str,
}

/// What came of an object that was taken.
pub(crate) type Came = (Outcome, i64);

/// Objects on their way in, and what each says of who may know it.
pub(crate) struct Batch {
    pub(crate) taken: Vec<Taken>,
    pub(crate) settling: Vec<Settling>,
    /// Who hands them over, for which organisation.
    giver: (AccountKey, String),
}

impl Giver<'_> {
    /// Reads objects, and what cannot be taken of them.
    pub(crate) fn read(
        &self,
        cut: Vec<std::result::Result<Vec<u8>, Failure>>,
    ) -> Result<(Batch, Vec<Failure>)> {
        let validation = self.config.validation;
        let read: Vec<std::result::Result<Taken, Failure>> = cut
            .into_par_iter()
            .with_min_len(PIECE_OBJECTS)
            .map(|item| item.and_then(|bytes| intake::take(&bytes, validation)))
            .collect();
        let (mut taken, mut failures) = (Vec::with_capacity(read.len()), Vec::new());
        for one in read {
            match one {
                Ok(one) => taken.push(one),
                Err(failure) => failures.push(failure),
            }
        }
        let book = complete_book(self.store, &taken)?;
        let foreign = (self.organisation != self.config.organisation).then_some(self.organisation);
        let origin = Some(Origin { account: &self.account.name, organisation: foreign });
        let default = self.config.default_tlp();
        let settling = |one: &mut Taken| {
            let said = std::mem::take(&mut one.said);
            Settling { id: one.object.id().clone(), own: own(&one.object, said, &book, origin, default) }
        };
        let settling = taken.iter_mut().map(settling).collect();
        let giver = (self.account.key, self.organisation.to_owned());
        Ok((Batch { taken, settling, giver }, failures))
    }
}

impl Batch {
    /// Its giver, for whom nobody else adds until the transaction ends.
    pub(crate) fn hold(&self, write: &mut Write<'_>) -> watchfire_store::Result<GiverKey> {
        let giver = write.giver(self.giver.0, &self.giver.1)?;
        write.hold_giver(giver)?;
        Ok(giver)
    }

    /// Each object beside what follows from it alone.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&Object, &Own)> {
        self.taken.iter().zip(&self.settling).map(|(one, settling)| (&one.object, &settling.own))
    }
}

/// The marking definitions that objects refer to: those among them, and those that are in the store.
fn complete_book(store: &Store, taken: &[Taken]) -> Result<Book> {
    let (mut book, missing) = intake::definitions(taken.iter().map(|one| &one.object));
    if !missing.is_empty() {
        let ids: Vec<&str> = missing.iter().map(String::as_str).collect();
        for found in store.read(|read| read.newest(&ids, true))? {
            if let Ok(id) = Id::parse(&found.id) {
                book.add(&id, read_definition(&id, &found.bytes));
            }
        }
    }
    Ok(book)
}
