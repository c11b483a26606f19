//! What is there already of what comes in, for whoever brings it: by that it is bound, and that it binds.

use std::collections::{BTreeMap, HashMap, HashSet};

use watchfire_release::{Gate, Known, Marking};
use watchfire_stix::Id;
use watchfire_store::{GiverKey, StoreError, Write};

use crate::batch::Batch;

/// Objects that one request may make more restrictive because they name what it brings. Beyond that something is odd,
/// and somebody should look.
const RAISED_LIMIT: usize = 10_000;

/// What is there already of a batch and around it, for its giver: what they may know or gave themselves. Nothing else
/// binds what they say, or they would learn by it that it is here.
pub(crate) struct Standing {
    giver: GiverKey,
    /// Each id that something of the batch names, by the newest version.
    named: HashMap<String, Marking>,
    /// What contains each unmarked object of the batch, joined.
    containers: HashMap<String, Marking>,
}

impl Standing {
    pub(crate) fn read(
        write: &mut Write<'_>,
        batch: &Batch,
        versions: &[i64],
        gate: &Gate<'_>,
        giver: GiverKey,
    ) -> watchfire_store::Result<Self> {
        let mut ids = HashSet::new();
        let mut unmarked = Vec::new();
        for ((object, own), version_us) in batch.each().zip(versions) {
            ids.extend(own.references.iter().chain(&own.members).map(Id::as_str));
            if own.marking.is_by_default() {
                unmarked.push((object.id().as_str(), *version_us));
            }
        }
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut known = KnownTo { gate, giver, read: HashMap::new() };
        let (mut named, mut hidden) = (HashMap::new(), Vec::new());
        for found in write.newest(&ids, false)? {
            match known.marking(found.summary, found.giver) {
                Some(marking) => _ = named.insert(found.id, marking),
                None => hidden.push(found.id),
            }
        }
        // Of a version that is hidden from them they do not know that there is a newer one than theirs.
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        for found in write.every_version(&hidden, false)? {
            if let Some(marking) = known.marking(found.summary, found.giver) {
                named.insert(found.id, marking);
            }
        }
        let mut containers: HashMap<String, Marking> = HashMap::new();
        let anew = settling_anew(write, &unmarked)?;
        for found in write.containing(&anew)? {
            if let Some(marking) = known.marking(found.summary, found.giver) {
                let joined = containers
                    .get(&found.contains)
                    .map_or_else(|| marking.said(), |all| all.join(&marking.said()));
                containers.insert(found.contains, joined);
            }
        }
        Ok(Self { giver, named, containers })
    }

    pub(crate) fn known(&self, id: &Id) -> Known<'_> {
        Known { own: self.named.get(id.as_str()), containers: self.containers.get(id.as_str()) }
    }

    /// Makes what the same giver gave before as restrictive as what it gives now demands: whatever names something
    /// restricted, and unmarked members of a restricted container; then whatever names those. What others gave stays as
    /// they gave it: nobody speaks for another, and nobody hides what another said.
    pub(crate) fn raise(
        &self,
        write: &mut Write<'_>,
        batch: &Batch,
        markings: &[Marking],
        fresh: &[bool],
    ) -> watchfire_store::Result<()> {
        let mut waiting: BTreeMap<String, Marking> = BTreeMap::new();
        let speaking =
            || batch.each().zip(markings).zip(fresh).filter(|((_, marking), _)| !marking.says_nothing());
        // Most of a batch is named by nothing, and raises nothing: what was not here before this batch, nothing can name
        // but what came with it.
        let here: HashSet<&Id> = batch.each().flat_map(|(_, own)| &own.references).collect();
        let ids: Vec<&str> = speaking()
            .filter(|(((object, _), _), fresh)| !**fresh || here.contains(object.id()))
            .map(|(((object, _), _), _)| object.id().as_str())
            .collect();
        let named: HashSet<String> = write.named(&ids)?.into_iter().collect();
        let mut members: BTreeMap<String, Marking> = BTreeMap::new();
        for (((object, own), marking), _) in speaking() {
            if named.contains(object.id().as_str()) {
                join_into(&mut waiting, object.id().as_str(), &marking.said());
            }
            for member in own.members.iter().filter(|id| self.named.contains_key(id.as_str())) {
                join_into(&mut members, member.as_str(), &marking.said());
            }
        }
        let ids: Vec<&str> = members.keys().map(String::as_str).collect();
        for found in write.every_version(&ids, false)? {
            let marking = Marking::read(&found.summary);
            let Some(demanded) = members.get(&found.id) else { continue };
            if found.giver == Some(self.giver) && marking.is_by_default() && !marking.covers(demanded) {
                let joined = marking.join(demanded);
                write.remark(&found.id, found.version_us, &joined.summary())?;
                join_into(&mut waiting, &found.id, &joined.said());
            }
        }
        let mut raised = 0;
        while !waiting.is_empty() {
            let ids: Vec<&str> = waiting.keys().map(String::as_str).collect();
            let is_enough = |id: &str, summary: &str| {
                waiting.get(id).is_none_or(|demanded| Marking::read(summary).covers(demanded))
            };
            // One may name several of them, each of which demands its own.
            let mut joined: BTreeMap<(String, i64), Marking> = BTreeMap::new();
            for naming in write.naming(&ids, self.giver, &is_enough, RAISED_LIMIT)? {
                let Some(demanded) = waiting.get(&naming.names) else { continue };
                let marking = joined
                    .entry((naming.id, naming.version_us))
                    .or_insert_with(|| Marking::read(&naming.summary));
                *marking = marking.join(demanded);
            }
            raised += joined.len();
            if raised > RAISED_LIMIT {
                return Err(StoreError::Unstorable {
                    what: "the objects",
                    reason: "they would make more than 10,000 others more restrictive at once",
                });
            }
            let mut next: BTreeMap<String, Marking> = BTreeMap::new();
            for ((id, version_us), marking) in joined {
                write.remark(&id, version_us, &marking.summary())?;
                join_into(&mut next, &id, &marking.said());
            }
            waiting = next;
        }
        Ok(())
    }
}

/// What a giver may know or gave themselves; each text of a marking is read once.
struct KnownTo<'a> {
    gate: &'a Gate<'a>,
    giver: GiverKey,
    read: HashMap<String, (Marking, bool)>,
}

impl KnownTo<'_> {
    fn marking(&mut self, summary: String, giver: Option<GiverKey>) -> Option<Marking> {
        let gate = self.gate;
        let (marking, is_admitted) = self.read.entry(summary).or_insert_with_key(|summary| {
            let marking = Marking::read(summary);
            let is_admitted = gate.admits(&marking);
            (marking, is_admitted)
        });
        (*is_admitted || giver == Some(self.giver)).then(|| marking.clone())
    }
}

/// Which of some unmarked objects get a marking now: those that are not here, or were not understood. One that comes with
/// every batch, as the identity of a feed does, is not held against all that names it each time.
fn settling_anew<'a>(
    write: &mut Write<'_>,
    unmarked: &[(&'a str, i64)],
) -> watchfire_store::Result<Vec<&'a str>> {
    let ids: Vec<&str> = unmarked.iter().map(|(id, _)| *id).collect();
    let named = write.named(&ids)?;
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let mut settled = HashSet::new();
    for found in write.every_version(&named, false)? {
        if Marking::read(&found.summary).unknown_markings().is_empty() {
            settled.insert((found.id, found.version_us));
        }
    }
    let named: HashSet<&str> = named.into_iter().collect();
    let is_settled = |id: &str, version_us: i64| settled.contains(&(id.to_owned(), version_us));
    let anew = unmarked.iter().filter(|(id, version_us)| named.contains(id) && !is_settled(id, *version_us));
    Ok(anew.map(|(id, _)| *id).collect())
}

fn join_into(all: &mut BTreeMap<String, Marking>, id: &str, marking: &Marking) {
    let joined = all.get(id).map_or_else(|| marking.clone(), |known| known.join(marking));
    all.insert(id.to_owned(), joined);
}
