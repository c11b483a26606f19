//! What stayed inside for a marking that nobody knew, once its definition is here.

use std::collections::BTreeSet;

use watchfire_release::{Gate, Marking, settle};
use watchfire_store::{CollectionKey, GiverKey, MarkingKey, Outcome, Write};

use crate::audit::place_anew;
use crate::batch::{Batch, Came, Giver};
use crate::clock::now_us;
use crate::error::Result;
use crate::standing::Standing;

/// A version of an object, and the marking that it would have if it came for the first time.
pub(crate) type Settled<'a> = (&'a str, i64, &'a Marking);

/// What was here already and stayed inside for a marking that nobody knew, now that its definition is here: it has the
/// marking that it would have if it came for the first time, and comes to whoever follows the collection. How many objects
/// that were.
pub(crate) fn understand(
    write: &mut Write<'_>,
    collection: CollectionKey,
    again: &[Settled<'_>],
    now: i64,
) -> watchfire_store::Result<usize> {
    let asked: Vec<(&str, i64)> = again.iter().map(|(id, version_us, _)| (*id, *version_us)).collect();
    let mut places = Vec::new();
    for found in write.standings(collection, &asked)? {
        let Some((id, version_us, marking)) = again.get(found.number) else { continue };
        let unknown = Marking::read(&found.summary).unknown_markings().clone();
        if !unknown.is_empty() && unknown.is_disjoint(marking.unknown_markings()) {
            write.remark(id, *version_us, &marking.summary())?;
            places.push(found.place);
        }
    }
    if !places.is_empty() {
        places.sort_unstable();
        place_anew(write, collection, &places, now)?;
    }
    Ok(places.len())
}

impl Giver<'_> {
    /// After marking definitions came: understands what the same giver gave before and marked by them. What others gave
    /// waits until they hand it over once more: a definition that somebody else brings opens nothing of theirs.
    pub(crate) fn understand_before(&self, batch: &Batch, came: &[Came], gate: &Gate<'_>) -> Result<()> {
        // One that is here with other content is not what they brought.
        let is_here = |came: &Came| matches!(came.0, Outcome::Added { .. } | Outcome::Unchanged);
        let came = batch.taken.iter().zip(came).filter(|(_, came)| is_here(came));
        let definitions: BTreeSet<String> = came
            .filter(|(one, _)| one.object.object_type() == "marking-definition")
            .map(|(one, _)| one.object.id().as_str().to_owned())
            .collect();
        if definitions.is_empty() {
            return Ok(());
        }
        let giver = self.store.write(|write| batch.hold(write))?;
        // What names another waits for that one: once more, as long as anything is understood.
        loop {
            let mut understood = 0;
            for found in self.store.read(|read| read.markings(MarkingKey(0)))? {
                if !Marking::read(&found.summary).unknown_markings().is_disjoint(&definitions) {
                    understood += self.understand_under(giver, found.key, gate)?;
                }
            }
            if understood == 0 {
                return Ok(());
            }
        }
    }

    fn understand_under(&self, giver: GiverKey, marking: MarkingKey, gate: &Gate<'_>) -> Result<usize> {
        let (mut understood, mut after) = (0, None);
        while let Some((collection, given)) =
            self.store.read(|read| read.given_under(marking, giver, after))?
        {
            after = given.last().map(|last| (collection, last.place));
            let versions: Vec<i64> = given.iter().map(|given| given.version_us).collect();
            let (batch, failures) = self.read(given.into_iter().map(|given| Ok(given.bytes)).collect())?;
            if !failures.is_empty() {
                // Taken in under other rules: nobody can tell which versions are left.
                continue;
            }
            let now = now_us();
            understood += self.store.write(|write| {
                let giver = batch.hold(write)?;
                let standing = Standing::read(write, &batch, &versions, gate, giver)?;
                let markings = settle(&batch.settling, &|id| standing.known(id));
                let ids = batch.taken.iter().map(|one| one.object.id().as_str());
                let again: Vec<Settled<'_>> = ids
                    .zip(&versions)
                    .zip(&markings)
                    .map(|((id, version), marking)| (id, *version, marking))
                    .collect();
                understand(write, collection, &again, now)
            })?;
        }
        Ok(understood)
    }
}
