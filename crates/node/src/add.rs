//! Putting objects into a collection: their markings beside those of what is there, one transaction with status and audit.

use std::collections::HashMap;

use watchfire_release::{Gate, Marking, Use, settle};
use watchfire_stix::{Id, canonical};
use watchfire_store::{Collection, CollectionKey, Entry, NewObject, NewRelation, Outcome, Status, Write};

use crate::audit::runs;
use crate::batch::{Batch, Came, Giver};
use crate::clock::{instant, now_us};
use crate::error::Result;
use crate::intake::{self, BadEnvelope, Failure, Taken, version_text};
use crate::node::Node;
use crate::secret::uuid;
use crate::signed_in::SignedIn;
use crate::standing::Standing;
use crate::understand::{Settled, understand};

/// Successes that are listed in a status; beyond that they are counted only (TAXII 2.1 §4.3.1).
const LISTED_SUCCESSES_LIMIT: usize = 100;

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
    let (status, came) = store.write(|write| {
        let came = put(write, collection.key, &batch, &gate, now)?;
        let status = status(&id, who, collection, &batch.taken, &came, &failures, now);
        write.create_status(&status)?;
        let act = who.act("objects.add", &collection.id, format!("status {id}, places {}", places(&came)));
        write.audit(&[act.entry()])?;
        Ok((status, came))
    })?;
    giver.understand_before(&batch, &came, &gate)?;
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

/// Adds objects, with the markings that follow; each outcome with the version under which it is kept.
pub(crate) fn put(
    write: &mut Write<'_>,
    collection: CollectionKey,
    batch: &Batch,
    gate: &Gate<'_>,
    now: i64,
) -> watchfire_store::Result<Vec<Came>> {
    let giver = batch.hold(write)?;
    let versions = versions(write, &batch.taken, gate, now)?;
    let standing = Standing::read(write, batch, &versions, gate, giver)?;
    let markings = settle(&batch.settling, &|id| standing.known(id));
    let summaries = Summaries::of(&markings);
    let new: Vec<NewObject<'_>> = batch
        .taken
        .iter()
        .zip(&versions)
        .zip(&summaries.each)
        .map(|((one, version_us), summary)| NewObject {
            giver: Some(giver),
            ..new_object(one, *version_us, &summaries.texts[*summary])
        })
        .collect();
    let (mut outcomes, fresh) = write.add_and_tell(collection, &new, now)?;
    reconcile(write, &new, &mut outcomes)?;
    standing.raise(write, batch, &markings, &fresh)?;
    let came: Vec<Came> = outcomes.into_iter().zip(versions).collect();
    let again = came.iter().zip(&new).zip(&markings).filter(|((came, _), _)| came.0 == Outcome::Unchanged);
    let again: Vec<Settled<'_>> =
        again.map(|((_, new), marking)| (new.id, new.version_us, marking)).collect();
    understand(write, collection, &again, now)?;
    Ok(came)
}

/// What is written of markings. Most of a batch is marked alike, and like the one before: each text is written once, and
/// few are looked up.
struct Summaries {
    texts: Vec<String>,
    /// Which of them is that of each marking.
    each: Vec<usize>,
}

impl Summaries {
    fn of(markings: &[Marking]) -> Self {
        let mut known: HashMap<&Marking, usize> = HashMap::new();
        let (mut texts, mut each) = (Vec::new(), Vec::with_capacity(markings.len()));
        let mut before: Option<(&Marking, usize)> = None;
        for marking in markings {
            let at = match before {
                Some((same, at)) if same == marking => at,
                _ => *known.entry(marking).or_insert_with(|| {
                    texts.push(marking.summary());
                    texts.len() - 1
                }),
            };
            before = Some((marking, at));
            each.push(at);
        }
        Self { texts, each }
    }
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
