//! Putting objects into a collection: their markings beside those of what is there, one transaction with status and audit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use watchfire_release::{Book, Known, Marking, Origin, Settling, read_definition, settle};
use watchfire_stix::{Id, Object};
use watchfire_store::{
    Collection, Entry, NewObject, NewRelation, Newest, Outcome, Status, StoreError, Write,
};

use crate::audit::runs;
use crate::clock::now_us;
use crate::error::Result;
use crate::intake::{self, BadEnvelope, Failure, Reading, Taken, version_text};
use crate::node::Node;
use crate::secret::uuid;
use crate::sign_in::SignedIn;

/// Objects that one request may make more restrictive because they name what it brings. Beyond that something is odd,
/// and somebody should look.
const RAISED_LIMIT: usize = 10_000;

/// Successes that are listed in a status; beyond that they are counted only (TAXII 2.1 §4.3.1).
const LISTED_SUCCESSES_LIMIT: usize = 100;

/// The properties in which a marking is referred to: these say who may know, and name nothing that could be told.
const MARKING_PROPERTIES: [&str; 2] = ["object_marking_refs", "marking_ref"];

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
    let mut failures = Vec::new();
    let mut views: Vec<Object> = Vec::with_capacity(cut.len());
    for item in cut {
        match item.and_then(|bytes| intake::view(&bytes)) {
            Ok(object) => views.push(object),
            Err(failure) => failures.push(failure),
        }
    }
    let book = complete_book(node, &views)?;
    let organisation = &who.account.organisation;
    let foreign = (*organisation != node.config.organisation).then_some(organisation.as_str());
    let origin = Origin { account: &who.account.name, organisation: foreign };
    let (default, validation) = (node.config.default_tlp(), node.config.validation);
    let reading = Reading { book: &book, origin: Some(origin), default, validation };
    let mut taken = Vec::with_capacity(views.len());
    for object in views {
        match intake::read(object, &reading) {
            Ok(one) => taken.push(one),
            Err(failure) => failures.push(failure),
        }
    }
    let id = uuid()?;
    let now = now_us();
    let status = node.store.write(|write| {
        let added = put(write, collection, &taken, now)?;
        let status = status(&id, who, collection, &taken, &added, &failures, now);
        write.create_status(&status)?;
        let places = runs(added.iter().filter_map(|(outcome, _)| match outcome {
            Outcome::Added { place } => Some(*place),
            _ => None,
        }));
        let act = who.act("objects.add", &collection.id, format!("status {id}, places {places}"));
        write.audit(&[act.entry()])?;
        Ok(status)
    })?;
    Ok(Ok(status))
}

/// The marking definitions that objects refer to: those among them, and those that are in the store.
fn complete_book(node: &Node, views: &[Object]) -> Result<Book> {
    let (mut book, missing) = intake::definitions(views.iter());
    if !missing.is_empty() {
        let ids: Vec<&str> = missing.iter().map(String::as_str).collect();
        for found in node.store.read(|read| read.newest(&ids, true))? {
            if let Ok(id) = Id::parse(&found.id) {
                book.add(&id, read_definition(&id, &found.bytes));
            }
        }
    }
    Ok(book)
}

/// Adds objects, with the markings that follow; each outcome with the version under which it is kept.
fn put(
    write: &mut Write<'_>,
    collection: &Collection,
    taken: &[Taken],
    now: i64,
) -> watchfire_store::Result<Vec<(Outcome, i64)>> {
    let versions = versions(write, taken, now)?;
    let standing = Standing::read(write, taken)?;
    let batch: Vec<Settling> = taken.iter().map(|one| one.settling.clone()).collect();
    let markings = settle(&batch, &|id| standing.known(id));
    let summaries: Vec<String> = markings.iter().map(Marking::summary).collect();
    let new: Vec<NewObject<'_>> = taken
        .iter()
        .zip(&versions)
        .zip(&summaries)
        .map(|((one, version_us), marking)| new_object(one, *version_us, marking))
        .collect();
    let outcomes = write.add(collection.key, &new, now)?;
    standing.raise(write, taken, &markings)?;
    Ok(outcomes.into_iter().zip(versions).collect())
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
        created_by: one.created_by.as_deref(),
        marking,
        values: one.values.iter().map(String::as_str).collect(),
        relations: one
            .relations
            .iter()
            .map(|(source, kind, target)| NewRelation { source, kind, target })
            .collect(),
        bytes: one.object.bytes(),
    }
}

/// The version of each object. One that has none of its own (an observable) has the date on which it came, and keeps it
/// when it comes again byte for byte.
fn versions(write: &mut Write<'_>, taken: &[Taken], now: i64) -> watchfire_store::Result<Vec<i64>> {
    let undated: Vec<&str> =
        taken.iter().filter(|one| one.version_us.is_none()).map(|one| one.object.id().as_str()).collect();
    let mut last: HashMap<String, (i64, Vec<u8>)> = HashMap::new();
    if !undated.is_empty() {
        for found in write.newest(&undated, true)? {
            last.insert(found.id, (found.version_us, found.bytes));
        }
    }
    let mut version = |one: &Taken| {
        if let Some(version_us) = one.version_us {
            return version_us;
        }
        let (id, bytes) = (one.object.id().as_str(), one.object.bytes());
        let version_us = match last.get(id) {
            Some((version_us, known)) if known == bytes => *version_us,
            Some((version_us, _)) => now.max(version_us + 1),
            None => now,
        };
        last.insert(id.to_owned(), (version_us, bytes.to_vec()));
        version_us
    };
    Ok(taken.iter().map(&mut version).collect())
}

/// What is there already of a batch and around it.
struct Standing {
    newest: HashMap<String, (i64, Marking)>,
    containers: HashMap<String, Marking>,
}

impl Standing {
    fn read(write: &mut Write<'_>, taken: &[Taken]) -> watchfire_store::Result<Self> {
        let mut ids = BTreeSet::new();
        let mut unmarked = Vec::new();
        for one in taken {
            ids.extend(one.settling.own.references.iter().map(Id::as_str));
            ids.extend(one.settling.own.members.iter().map(Id::as_str));
            if one.settling.own.marking.is_by_default() {
                unmarked.push(one.object.id().as_str());
            }
        }
        let ids: Vec<&str> = ids.into_iter().collect();
        let newest = write.newest(&ids, false)?;
        let newest = newest
            .into_iter()
            .map(|Newest { id, version_us, summary, .. }| (id, (version_us, Marking::read(&summary))))
            .collect();
        let mut containers: HashMap<String, Marking> = HashMap::new();
        for naming in write.naming(&unmarked, RAISED_LIMIT)? {
            if naming.kind == "object_refs" {
                let marking = Marking::read(&naming.summary).said();
                let joined =
                    containers.get(&naming.names).map_or_else(|| marking.clone(), |all| all.join(&marking));
                containers.insert(naming.names, joined);
            }
        }
        Ok(Self { newest, containers })
    }

    fn known(&self, id: &Id) -> Known {
        Known {
            own: self.newest.get(id.as_str()).map(|(_, marking)| marking.clone()),
            containers: self.containers.get(id.as_str()).cloned(),
        }
    }

    /// Makes what is there as restrictive as what came demands: whatever names something restricted, and unmarked members
    /// of a restricted container; then whatever names those.
    fn raise(
        &self,
        write: &mut Write<'_>,
        taken: &[Taken],
        markings: &[Marking],
    ) -> watchfire_store::Result<()> {
        let mut waiting: BTreeMap<String, Marking> = BTreeMap::new();
        for (one, marking) in taken.iter().zip(markings) {
            let said = marking.said();
            if said == Marking::open() {
                continue;
            }
            join_into(&mut waiting, one.object.id().as_str(), &said);
            for member in &one.settling.own.members {
                let unmarked =
                    self.newest.get(member.as_str()).filter(|(_, marking)| marking.is_by_default());
                if let Some((version_us, marking)) = unmarked.filter(|(_, marking)| !marking.covers(&said)) {
                    let raised = marking.join(&said);
                    write.remark(member.as_str(), *version_us, &raised.summary())?;
                    join_into(&mut waiting, member.as_str(), &raised.said());
                }
            }
        }
        let mut raised = 0;
        while !waiting.is_empty() {
            let ids: Vec<&str> = waiting.keys().map(String::as_str).collect();
            let mut next: BTreeMap<String, Marking> = BTreeMap::new();
            for naming in write.naming(&ids, RAISED_LIMIT)? {
                let Some(demanded) = waiting.get(&naming.names) else { continue };
                let marking = Marking::read(&naming.summary);
                if MARKING_PROPERTIES.contains(&naming.kind.as_str()) || marking.covers(demanded) {
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
    added: &[(Outcome, i64)],
    failures: &[Failure],
    now: i64,
) -> Status {
    let (mut entries, mut success) = (Vec::new(), 0);
    for (one, (outcome, version_us)) in taken.iter().zip(added) {
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
