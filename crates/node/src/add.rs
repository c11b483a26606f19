//! Putting objects into a collection: their markings beside those of what is there, one transaction with status and audit.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use watchfire_release::{
    Book, Gate, Known, Marking, Origin, Own, Settling, Use, own, read_definition, settle,
};
use watchfire_stix::{Id, Object, canonical};
use watchfire_store::{
    Account, AccountKey, Collection, Entry, NewObject, NewRelation, Outcome, Status, Store, StoreError, Write,
};

use crate::audit::runs;
use crate::clock::{instant, now_us};
use crate::config::Config;
use crate::error::Result;
use crate::intake::{self, BadEnvelope, Failure, Taken, version_text};
use crate::node::Node;
use crate::secret::uuid;
use crate::sign_in::SignedIn;

/// Objects that one request may make more restrictive because they name what it brings. Beyond that something is odd,
/// and somebody should look.
const RAISED_LIMIT: usize = 10_000;

/// Successes that are listed in a status; beyond that they are counted only (TAXII 2.1 §4.3.1).
const LISTED_SUCCESSES_LIMIT: usize = 100;

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

/// Takes the objects of a body into a collection.
pub(crate) fn add(
    node: &Node,
    who: &SignedIn,
    collection: &Collection,
    body: &[u8],
) -> Result<std::result::Result<Status, BadEnvelope>> {
    let cut = match intake::cut(body) {
        Ok(cut) => cut,
        Err(bad) => return Ok(Err(bad)),
    };
    let account = &who.account;
    let (store, config) = (&*node.store, &node.config);
    let giver = Giver { config, store, account, organisation: &account.organisation };
    let (batch, failures) = giver.read(cut)?;
    let id = uuid()?;
    let now = now_us();
    let directory = node.directory()?;
    let gate = Gate { reader: &who.reader, directory: &directory, purpose: Use::Know, now: instant(now) };
    let status = store.write(|write| {
        let came = put(write, collection, &batch, &gate, now)?;
        let status = status(&id, who, collection, &batch.taken, &came, &failures, now);
        write.create_status(&status)?;
        let act = who.act("objects.add", &collection.id, format!("status {id}, places {}", places(&came)));
        write.audit(&[act.entry()])?;
        Ok(status)
    })?;
    Ok(Ok(status))
}

/// The places of what was added, as the audit has them.
pub(crate) fn places(came: &[Came]) -> String {
    let place = |(outcome, _): &Came| match outcome {
        Outcome::Added { place } => Some(*place),
        _ => None,
    };
    let mut places: Vec<i64> = came.iter().filter_map(place).collect();
    places.sort_unstable();
    runs(places)
}

/// Objects on their way in, and what each says of who may know it.
pub(crate) struct Batch {
    pub(crate) taken: Vec<Taken>,
    settling: Vec<Settling>,
    /// Who hands them over.
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
        let giver = (self.account.key, self.account.name.clone());
        Ok((Batch { taken, settling, giver }, failures))
    }
}

impl Batch {
    /// Each object beside what follows from it alone.
    fn each(&self) -> impl Iterator<Item = (&Object, &Own)> {
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

/// Adds objects, with the markings that follow; each outcome with the version under which it is kept.
pub(crate) fn put(
    write: &mut Write<'_>,
    collection: &Collection,
    batch: &Batch,
    gate: &Gate<'_>,
    now: i64,
) -> watchfire_store::Result<Vec<Came>> {
    write.hold_giver(batch.giver.0)?;
    let versions = versions(write, &batch.taken, gate, now)?;
    let standing = Standing::read(write, batch, &versions, gate)?;
    let markings = settle(&batch.settling, &|id| standing.known(id));
    // Most of a batch is marked alike: each text is written once.
    let mut summaries: HashMap<&Marking, String> = HashMap::new();
    for marking in &markings {
        summaries.entry(marking).or_insert_with(|| marking.summary());
    }
    let new: Vec<NewObject<'_>> = batch
        .taken
        .iter()
        .zip(&versions)
        .zip(&markings)
        .map(|((one, version_us), marking)| NewObject {
            giver: Some(batch.giver.0),
            ..new_object(one, *version_us, &summaries[marking])
        })
        .collect();
    let (mut outcomes, fresh) = write.add_and_tell(collection.key, &new, now)?;
    reconcile(write, &new, &mut outcomes)?;
    standing.raise(write, batch, &markings, &fresh)?;
    let came: Vec<Came> = outcomes.into_iter().zip(versions).collect();
    let again = came.iter().zip(&new).zip(&markings).filter(|((came, _), _)| came.0 == Outcome::Unchanged);
    let again: Vec<(&NewObject<'_>, &Marking)> =
        again.map(|((_, object), marking)| (object, marking)).collect();
    understand(write, collection, &again, now)?;
    Ok(came)
}

/// A version that is here with other bytes and says the same (RFC 8785) was written anew on its way, as many programs do:
/// that is no conflict. The bytes that came first stay.
fn reconcile(
    write: &mut Write<'_>,
    new: &[NewObject<'_>],
    outcomes: &mut [Outcome],
) -> watchfire_store::Result<()> {
    let in_conflict = |(at, outcome): (usize, &Outcome)| (*outcome == Outcome::Conflict).then_some(at);
    let conflicts: Vec<usize> = outcomes.iter().enumerate().filter_map(in_conflict).collect();
    let ids: Vec<&str> = conflicts.iter().map(|at| new[*at].id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut known: HashMap<(String, i64), Vec<u8>> = HashMap::new();
    for found in write.every_version(&ids, true)? {
        known.insert((found.id, found.version_us), found.bytes);
    }
    for at in conflicts {
        let key = (new[at].id.to_owned(), new[at].version_us);
        if known.get(&key).is_some_and(|bytes| says_the_same(bytes, new[at].bytes)) {
            outcomes[at] = Outcome::Unchanged;
        }
    }
    Ok(())
}

fn says_the_same(one: &[u8], two: &[u8]) -> bool {
    one == two || canonical(one).ok().is_some_and(|one| canonical(two).is_ok_and(|two| one == two))
}

/// What was here already and stayed inside for a marking that nobody knew, and comes again now that its definition is
/// here: it has the marking that it would have if it came for the first time, and comes to whoever follows the collection.
fn understand(
    write: &mut Write<'_>,
    collection: &Collection,
    again: &[(&NewObject<'_>, &Marking)],
    now: i64,
) -> watchfire_store::Result<()> {
    let asked: Vec<(&str, i64)> = again.iter().map(|(object, _)| (object.id, object.version_us)).collect();
    let mut places = Vec::new();
    for found in write.standings(collection.key, &asked)? {
        let Some((object, marking)) = again.get(found.number) else { continue };
        let unknown = Marking::read(&found.summary).unknown_markings().clone();
        if !unknown.is_empty() && unknown.is_disjoint(marking.unknown_markings()) {
            write.remark(object.id, object.version_us, &marking.summary())?;
            places.push(found.place);
        }
    }
    if places.is_empty() { Ok(()) } else { write.place_anew(collection.key, &places, now) }
}

fn new_object<'a>(one: &'a Taken, version_us: i64, marking: &'a str) -> NewObject<'a> {
    NewObject {
        id: one.object.id().as_str(),
        object_type: one.object.object_type(),
        version_us,
        spec_version: match one.object.spec_version() {
            watchfire_stix::SpecVersion::V20 => "2.0",
            watchfire_stix::SpecVersion::V21 => "2.1",
        },
        created_by: one.object.created_by_ref().map(Id::as_str),
        marking,
        values: one.values.iter().map(String::as_str).collect(),
        relations: one
            .relations
            .iter()
            .map(|(source, kind, target)| NewRelation { source, kind, target })
            .collect(),
        giver: None,
        bytes: one.object.bytes(),
    }
}

/// A version that is here, with its bytes where they may be compared.
type Version = (i64, Option<Vec<u8>>);

/// The version of each object. One that has none of its own (an observable) has the date on which it came, and keeps it
/// when it comes again byte for byte: from whoever may know that it is here. Its id follows from what it says, so that
/// anybody else could ask by it whether somebody was here before; they get a version of their own.
fn versions(
    write: &mut Write<'_>,
    taken: &[Taken],
    gate: &Gate<'_>,
    now: i64,
) -> watchfire_store::Result<Vec<i64>> {
    let undated: Vec<&str> =
        taken.iter().filter(|one| one.version_us.is_none()).map(|one| one.object.id().as_str()).collect();
    let mut known: HashMap<String, Vec<Version>> = HashMap::new();
    if !undated.is_empty() {
        for found in write.every_version(&undated, true)? {
            let bytes = gate.admits(&Marking::read(&found.summary)).then_some(found.bytes);
            known.entry(found.id).or_default().push((found.version_us, bytes));
        }
    }
    let mut version = |one: &Taken| {
        if let Some(version_us) = one.version_us {
            return version_us;
        }
        let versions = known.entry(one.object.id().as_str().to_owned()).or_default();
        let is_same = |bytes: &Vec<u8>| says_the_same(bytes, one.object.bytes());
        let same = versions.iter().find(|(_, bytes)| bytes.as_ref().is_some_and(is_same));
        if let Some((version_us, _)) = same {
            return *version_us;
        }
        let version_us = versions.last().map_or(now, |(last, _)| now.max(last + 1));
        versions.push((version_us, Some(one.object.bytes().to_vec())));
        version_us
    };
    Ok(taken.iter().map(&mut version).collect())
}

/// What is there already of a batch and around it, for its giver: what they may know or gave themselves. Nothing else
/// binds what they say, or they would learn by it that it is here.
struct Standing {
    /// Each id that something of the batch names, by the newest version.
    named: HashMap<String, Marking>,
    /// What contains each unmarked object of the batch, joined.
    containers: HashMap<String, Marking>,
}

impl Standing {
    fn read(
        write: &mut Write<'_>,
        batch: &Batch,
        versions: &[i64],
        gate: &Gate<'_>,
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
        let mut known = KnownTo { gate, account: &batch.giver.1, read: HashMap::new() };
        let (mut named, mut hidden) = (HashMap::new(), Vec::new());
        for found in write.newest(&ids, false)? {
            match known.marking(found.summary, found.giver.as_deref()) {
                Some(marking) => _ = named.insert(found.id, marking),
                None => hidden.push(found.id),
            }
        }
        // Of a version that is hidden from them they do not know that there is a newer one than theirs.
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        for found in write.every_version(&hidden, false)? {
            if let Some(marking) = known.marking(found.summary, found.giver.as_deref()) {
                named.insert(found.id, marking);
            }
        }
        let mut containers: HashMap<String, Marking> = HashMap::new();
        let anew = settling_anew(write, &unmarked)?;
        for found in write.containing(&anew)? {
            if let Some(marking) = known.marking(found.summary, found.giver.as_deref()) {
                let joined = containers
                    .get(&found.contains)
                    .map_or_else(|| marking.said(), |all| all.join(&marking.said()));
                containers.insert(found.contains, joined);
            }
        }
        Ok(Self { named, containers })
    }

    fn known(&self, id: &Id) -> Known<'_> {
        Known { own: self.named.get(id.as_str()), containers: self.containers.get(id.as_str()) }
    }

    /// Makes what the same account gave before as restrictive as what it gives now demands: whatever names something
    /// restricted, and unmarked members of a restricted container; then whatever names those. What others gave stays as
    /// they gave it: nobody speaks for another, and nobody hides what another said.
    fn raise(
        &self,
        write: &mut Write<'_>,
        batch: &Batch,
        markings: &[Marking],
        fresh: &[bool],
    ) -> watchfire_store::Result<()> {
        let (account, name) = (batch.giver.0, batch.giver.1.as_str());
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
            if found.giver.as_deref() == Some(name) && marking.is_by_default() && !marking.covers(demanded) {
                let joined = marking.join(demanded);
                write.remark(&found.id, found.version_us, &joined.summary())?;
                join_into(&mut waiting, &found.id, &joined.said());
            }
        }
        let mut raised = 0;
        while !waiting.is_empty() {
            let ids: Vec<&str> = waiting.keys().map(String::as_str).collect();
            let mut next: BTreeMap<String, Marking> = BTreeMap::new();
            for naming in write.naming(&ids, account, RAISED_LIMIT)? {
                let Some(demanded) = waiting.get(&naming.names) else { continue };
                let marking = Marking::read(&naming.summary);
                if marking.covers(demanded) {
                    continue;
                }
                raised += 1;
                if raised > RAISED_LIMIT {
                    return Err(StoreError::Unstorable {
                        what: "the objects",
                        reason: "they would make more than 10,000 others more restrictive at once",
                    });
                }
                let joined = marking.join(demanded);
                write.remark(&naming.id, naming.version_us, &joined.summary())?;
                join_into(&mut next, &naming.id, &joined.said());
            }
            waiting = next;
        }
        Ok(())
    }
}

/// What an account may know or gave itself; each text of a marking is read once.
struct KnownTo<'a> {
    gate: &'a Gate<'a>,
    account: &'a str,
    read: HashMap<String, (Marking, bool)>,
}

impl KnownTo<'_> {
    fn marking(&mut self, summary: String, giver: Option<&str>) -> Option<Marking> {
        let gate = self.gate;
        let (marking, is_admitted) = self.read.entry(summary).or_insert_with_key(|summary| {
            let marking = Marking::read(summary);
            let is_admitted = gate.admits(&marking);
            (marking, is_admitted)
        });
        (*is_admitted || giver == Some(self.account)).then(|| marking.clone())
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

/// The status of a request (TAXII 2.1 §4.3). What is there already, byte for byte, is a success.
fn status(
    id: &str,
    who: &SignedIn,
    collection: &Collection,
    taken: &[Taken],
    came: &[Came],
    failures: &[Failure],
    now: i64,
) -> Status {
    let (mut entries, mut success) = (Vec::new(), 0);
    for (one, (outcome, version_us)) in taken.iter().zip(came) {
        let message = match outcome {
            Outcome::Added { .. } | Outcome::Unchanged => None,
            Outcome::Conflict => Some("this version is there with other content".to_owned()),
            Outcome::Refused(reason) => Some((*reason).to_owned()),
        };
        success += i64::from(message.is_none());
        if message.is_some() || taken.len() <= LISTED_SUCCESSES_LIMIT {
            entries.push(Entry {
                outcome: if message.is_none() { "success" } else { "failure" }.to_owned(),
                id: one.object.id().as_str().to_owned(),
                version: version_text(*version_us),
                message,
            });
        }
    }
    entries.extend(failures.iter().map(|failure| Entry {
        outcome: "failure".to_owned(),
        id: failure.id.clone(),
        version: failure.version.clone(),
        message: Some(failure.message.clone()),
    }));
    let total = (taken.len() + failures.len()) as i64;
    Status {
        id: id.to_owned(),
        collection: collection.key,
        account: who.account.name.clone(),
        requested_us: now,
        total,
        success,
        failure: total - success,
        pending: 0,
        entries,
    }
}
