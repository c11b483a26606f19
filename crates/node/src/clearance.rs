//! From a gate to what the store may show: each distinct marking is asked about once.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use watchfire_release::{Gate, Marking, Released};
use watchfire_store::{Clearance, MarkingKey, Read, Stored};

/// All markings that the store holds, as far as they have been read. Numbers are never given twice.
#[derive(Default)]
pub(crate) struct Markings(RwLock<Arc<BTreeMap<MarkingKey, Marking>>>);

impl Markings {
    /// The markings of a snapshot.
    pub(crate) fn read(
        &self,
        read: &mut Read<'_>,
    ) -> watchfire_store::Result<Arc<BTreeMap<MarkingKey, Marking>>> {
        let known = Arc::clone(&self.0.read().expect("nobody panics while holding it"));
        let last = known.last_key_value().map_or(MarkingKey(0), |(key, _)| *key);
        let new = read.markings(last)?;
        if new.is_empty() {
            return Ok(known);
        }
        let mut all = (*known).clone();
        all.extend(new.into_iter().map(|marking| (marking.key, Marking::read(&marking.summary))));
        let all = Arc::new(all);
        *self.0.write().expect("nobody panics while holding it") = Arc::clone(&all);
        Ok(all)
    }
}

/// What the gate lets the reader see.
pub(crate) fn clearance(markings: &BTreeMap<MarkingKey, Marking>, gate: &Gate<'_>) -> Clearance {
    Clearance::only(markings.iter().filter(|(_, marking)| gate.admits(marking)).map(|(key, _)| *key))
}

/// Lets objects of a page out. The page was cut to the clearance already; this is the gate itself, asked once more.
pub(crate) fn release(
    objects: Vec<Stored>,
    markings: &BTreeMap<MarkingKey, Marking>,
    gate: &Gate<'_>,
) -> Released<Vec<Stored>> {
    let inside = Marking::unknown("a marking that was not read");
    let marked = objects.into_iter().map(|object| (markings.get(&object.marking).unwrap_or(&inside), object));
    gate.release_each(marked)
}
