//! Pulling a collection: pages into the store, each with the place after it, until the server has no more.
//!
//! What a server says of its pages is not believed but tried. `more` is not read at all where there is a cursor; when
//! the cursors end, the collection is asked once more for what came after the last date, a tick earlier, because
//! objects may share that date; and it is done when that brings nothing new. A server that leads in circles is left.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;
use watchfire_release::{Gate, Recipient, Use};
use watchfire_stix::{Container, ReadError, Reader, Timestamp};
use watchfire_store::{Account, AuditEntry, Collection, Outcome, Role, Store, UpstreamPlace};

use super::answer::failed;
use super::find::{Offered, Taxii, choose, explore};
use super::http::Upstream;
use crate::add::{places, put};
use crate::batch::{Came, Giver};
use crate::clock::{instant, microseconds, now_us, text};
use crate::config::Config;
use crate::error::{NodeError, Result};
use crate::intake::{Failure, version_text};
use crate::node::{open_store, read_directory};
use crate::percent::encode;

/// Objects of a page that are asked for where the caller does not say; a server gives what it likes.
const PAGE_OBJECTS: usize = 1000;

/// Pages of one pull: ten thousand million objects. Beyond that a server invents them.
const PAGES_LIMIT: u64 = 10_000_000;

/// What is told one by one of conflicts and refusals; the rest is counted.
const TOLD_LIMIT: usize = 1000;

/// What to pull, and into what.
#[derive(Clone, Default)]
pub struct Pull {
    /// The server.
    pub upstream: Upstream,
    /// Its collection: an id, an alias or a title. Not needed where the address is that of a collection, or of a server
    /// that has only one.
    pub collection: Option<String>,
    /// The node's own collection: its id or alias.
    pub into: String,
    /// The account that answers for what is taken in: RED is for its eyes.
    pub account: String,
    /// The organisation whose server it is, where the objects come from one: it knows them already.
    pub organisation: Option<String>,
    /// Begin anew, as if nothing had been pulled before.
    pub anew: bool,
    /// Objects of a page to ask for.
    pub page: Option<usize>,
}

/// What came of a pull.
#[derive(Debug, Default)]
pub struct Pulled {
    /// Pages that were read.
    pub pages: u64,
    /// Objects in them; one that came twice counts twice.
    pub objects: u64,
    /// Those that are new in the collection.
    pub added: u64,
    /// Those that were there.
    pub unchanged: u64,
    /// Objects whose version is here with other content, which stays: id and version.
    pub conflicts: BTreeSet<(String, String)>,
    /// Objects that were not taken: id, and why.
    pub refused: BTreeSet<(String, String)>,
    /// What the server does that the standard does not foresee.
    pub notes: Vec<String>,
    /// How often it was asked.
    pub requests: u64,
}

/// One page of a server.
pub(super) struct Page {
    pub(super) objects: Vec<std::result::Result<Vec<u8>, Failure>>,
    more: bool,
    pub(super) next: String,
    /// The date of addition of its last object, as the server wrote it.
    pub(super) last: Option<String>,
}

/// Pulls a collection of another server into one of this node, from where the last pull left off. `progress` is told
/// after each page.
pub fn pull(config: &Config, pull: &Pull, progress: impl FnMut(&Pulled)) -> Result<Pulled> {
    let store = open_store(config)?;
    let (account, into) = store.read(|read| {
        let account = read.account(&pull.account)?;
        let roots = &config.taxii.api_roots;
        let mut into = None;
        for root in roots {
            into = into.or(read.collection(&root.name, &pull.into)?);
        }
        Ok((account, into))
    })?;
    let account = account.filter(|account| !account.disabled && account.role >= Role::Analyst);
    let asked = NodeError::Asked;
    let account =
        account.ok_or_else(|| asked(format!("{} is no account that may add objects", pull.account)))?;
    let into = into.ok_or_else(|| asked(format!("there is no collection {} here", pull.into)))?;
    let mut taxii = Taxii::new(&pull.upstream)?;
    let offered = explore(&mut taxii, &pull.upstream.url)?;
    let from = match (&pull.collection, &offered[..]) {
        (Some(wanted), _) => choose(&offered, wanted)?,
        (None, [only]) => only.clone(),
        (None, all) => return Err(asked(format!("there are {} collections there; say which", all.len()))),
    };
    let source = format!("{}{} as {}", taxii.http.origin(), from.path, pull.upstream.credential.name());
    let mut pulling = Pulling { config, store: &store, pull, account, into, from, source, taxii, progress };
    let pulled = pulling.run();
    pulled.map(|mut pulled| {
        pulled.notes = std::mem::take(&mut pulling.taxii.notes);
        pulled.requests = pulling.taxii.http.requests;
        pulled
    })
}

struct Pulling<'a, P> {
    config: &'a Config,
    store: &'a Store,
    pull: &'a Pull,
    account: Account,
    into: Collection,
    from: Offered,
    source: String,
    taxii: Taxii,
    progress: P,
}

impl<P: FnMut(&Pulled)> Pulling<'_, P> {
    /// Sweeps: each runs from a date through cursors to their end, and the next begins a tick before the last date.
    fn run(&mut self) -> Result<Pulled> {
        let mut done = Pulled::default();
        let (source, into) = (&self.source, self.into.key);
        let stored = self.store.read(|read| read.upstream_place(source, into))?;
        let mut place = stored.filter(|_| !self.pull.anew).unwrap_or_default();
        if place.next.is_empty() {
            place.since = tick_before(&place.last);
        }
        loop {
            let before = (place.since.clone(), done.added);
            let ended = self.sweep(&mut place, &mut done)?;
            place = UpstreamPlace { since: tick_before(&place.last), next: String::new(), ..place };
            if place.since == before.0 || ended && done.added == before.1 {
                return Ok(done);
            }
        }
    }

    /// One sweep, to the end of its cursors; whether that was the end by the server's own word, too.
    fn sweep(&mut self, place: &mut UpstreamPlace, done: &mut Pulled) -> Result<bool> {
        let (mut cursors, mut pages) = (HashSet::new(), HashSet::new());
        loop {
            let Some(page) = self.page(place)? else {
                // The cursor is no longer good: the date still is.
                self.taxii.note("it forgot a cursor; its pages were begun anew from the last date");
                *place =
                    UpstreamPlace { since: tick_before(&place.last), next: String::new(), ..place.clone() };
                continue;
            };
            let (is_empty, is_new) = (page.objects.is_empty(), pages.insert(fingerprint(&page)));
            match page.last.as_deref().map(|last| (Timestamp::parse(last), last)) {
                Some((Some(_), last)) => place.last = later(&place.last, last),
                Some((None, _)) => self.taxii.note("its dates of addition cannot be read"),
                None if is_empty => {}
                None => {
                    self.taxii
                        .note("it does not say when objects were added, so each pull reads all of them");
                }
            }
            let more = page.more;
            place.next.clone_from(&page.next);
            self.take(page, place, done)?;
            if done.pages >= PAGES_LIMIT {
                return Err(failed("the server does not end"));
            }
            if place.next.is_empty() {
                if more {
                    self.taxii.note("it says that there is more and not where; the last date was used");
                }
                return Ok(!more);
            }
            if is_empty {
                return Ok(true);
            }
            if !cursors.insert(place.next.clone()) || !is_new {
                self.taxii.note("its cursors lead in circles, and were left");
                return Ok(false);
            }
        }
    }

    /// The page after a place; none where the cursor is refused.
    fn page(&mut self, place: &UpstreamPlace) -> Result<Option<Page>> {
        let limit = self.pull.page.unwrap_or(PAGE_OBJECTS);
        let path = format!("{}objects/", self.from.path);
        let mut dates = dates(&place.since).into_iter();
        let mut date = dates.next();
        loop {
            let mut target = format!("{path}?limit={limit}");
            if let Some(date) = &date {
                let _ = write!(target, "&added_after={date}");
            }
            if !place.next.is_empty() {
                let _ = write!(target, "&next={}", encode(&place.next));
            }
            let mut got = self.taxii.ask(&target)?;
            if got.status.as_u16() == 404 && place.next.is_empty() {
                got = self.taxii.ask(&target.replacen("/objects/?", "/objects?", 1))?;
            }
            match got.status.as_u16() {
                400 | 404 | 410 | 422 if !place.next.is_empty() => return Ok(None),
                400 | 422 if date.is_some() => {
                    // Some read dates of one precision only.
                    let Some(other) = dates.next() else {
                        self.taxii.body(&target, &got)?;
                        continue;
                    };
                    self.taxii.note("it does not read dates with six digits");
                    date = Some(other);
                }
                _ => {
                    let body = self.taxii.body(&target, &got)?;
                    let last = got.header("x-taxii-date-added-last").map(|text| text.trim().to_owned());
                    return read_page(body, last).map(Some);
                }
            }
        }
    }

    /// Takes a page in, with the place after it.
    fn take(&mut self, page: Page, place: &UpstreamPlace, done: &mut Pulled) -> Result<()> {
        let own = self.pull.organisation.as_ref().unwrap_or(&self.account.organisation);
        let giver =
            Giver { config: self.config, store: self.store, account: &self.account, organisation: own };
        done.pages += 1;
        done.objects += page.objects.len() as u64;
        let (batch, failures) = giver.read(page.objects)?;
        let now = now_us();
        let reader = Recipient::person(&self.account.name, &self.account.organisation);
        let home = &self.config.organisation;
        let came = self.store.write(|write| {
            let directory = read_directory(write, home)?;
            let gate = Gate { reader: &reader, directory: &directory, purpose: Use::Know, now: instant(now) };
            let came = put(write, self.into.key, &batch, &gate, now)?;
            write.set_upstream_place(&self.source, self.into.key, place, now)?;
            let added = places(&came);
            if !added.is_empty() {
                let detail = format!("from {}, places {added}", self.source);
                write.audit(&[AuditEntry {
                    at_us: now,
                    actor: &self.account.name,
                    origin: "console",
                    action: "objects.pull",
                    subject: &self.into.id,
                    detail: &detail,
                }])?;
            }
            Ok(came)
        })?;
        let directory = self.store.read(|read| read_directory(read, home))?;
        let gate = Gate { reader: &reader, directory: &directory, purpose: Use::Know, now: instant(now) };
        giver.understand_before(&batch, &came, &gate)?;
        let ids = batch.taken.iter().map(|one| one.object.id().as_str());
        for (id, came) in ids.zip(&came) {
            count(done, id, came);
        }
        for failure in failures {
            tell(&mut done.refused, failure.id, failure.message);
        }
        (self.progress)(done);
        Ok(())
    }
}

fn count(done: &mut Pulled, id: &str, (outcome, version_us): &Came) {
    match outcome {
        Outcome::Added { .. } => done.added += 1,
        Outcome::Unchanged => done.unchanged += 1,
        Outcome::Conflict => tell(&mut done.conflicts, id.to_owned(), version_text(*version_us)),
        Outcome::Refused(reason) => tell(&mut done.refused, id.to_owned(), (*reason).to_owned()),
    }
}

fn tell(told: &mut BTreeSet<(String, String)>, id: String, what: String) {
    if told.len() < TOLD_LIMIT {
        told.insert((id, what));
    }
}

/// What tells a page from others: its objects.
pub(super) fn fingerprint(page: &Page) -> u64 {
    let mut hasher = DefaultHasher::new();
    for object in page.objects.iter().flatten() {
        object.hash(&mut hasher);
    }
    hasher.finish()
}

/// Reads an envelope (TAXII 2.1 §3.7): empty it is `{}`, and some send a bundle or a list.
pub(super) fn read_page(body: &[u8], last: Option<String>) -> Result<Page> {
    let mut page = Page { objects: Vec::new(), more: false, next: String::new(), last };
    let mut reader = Reader::new(body);
    let mut items = Vec::new();
    loop {
        match reader.next() {
            None => break,
            Some(Ok(item)) => items.push(Ok(item.bytes)),
            Some(Err(ReadError::TooLarge(problem))) => {
                items.push(Err(Failure { message: problem.what, ..Failure::default() }));
            }
            Some(Err(error)) => return Err(failed(format!("the page cannot be read: {error}"))),
        }
    }
    let around: Value = match (reader.container(), items.first()) {
        // An envelope without a list of objects comes out whole.
        (Container::Object, Some(Ok(whole))) => {
            let around = serde_json::from_slice(whole).unwrap_or_default();
            items.clear();
            around
        }
        _ => reader.around().and_then(|around| serde_json::from_slice(around).ok()).unwrap_or_default(),
    };
    page.more = around["more"].as_bool().unwrap_or(false);
    // Some write a number.
    page.next = match &around["next"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    page.objects = items;
    Ok(page)
}

/// The later of two dates; the first may be none.
pub(super) fn later(known: &str, new: &str) -> String {
    let is_later =
        Timestamp::parse(known).is_none_or(|known| Timestamp::parse(new).is_some_and(|new| new > known));
    if is_later { new.to_owned() } else { known.to_owned() }
}

/// A date one tick of its precision earlier, so that what shares it is asked for again. Empty stays empty.
pub(super) fn tick_before(last: &str) -> String {
    let Some(date) = Timestamp::parse(last) else { return String::new() };
    let us = microseconds(date);
    let tick_us = match us.rem_euclid(1_000_000) {
        0 => 1_000_000,
        fraction if fraction % 1000 == 0 => 1000,
        _ => 1,
    };
    text(us - tick_us)
}

/// A date in the forms that servers read: six digits, three, none.
pub(super) fn dates(since: &str) -> Vec<String> {
    let Some(date) = Timestamp::parse(since) else { return Vec::new() };
    let us = microseconds(date);
    let whole = text(us.div_euclid(1_000_000) * 1_000_000);
    let head = whole.split('.').next().unwrap_or_default();
    vec![text(us), format!("{head}.{:03}Z", us.rem_euclid(1_000_000) / 1000), format!("{head}Z")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_earlier() {
        for (last, before) in [
            ("2021-07-19T11:00:00.000007Z", "2021-07-19T11:00:00.000006Z"),
            ("2021-07-19T11:00:00.123Z", "2021-07-19T11:00:00.122000Z"),
            ("2021-07-19T11:00:00Z", "2021-07-19T10:59:59.000000Z"),
            ("", ""),
            ("Mon Jul 19 2021", ""),
        ] {
            assert_eq!(tick_before(last), before, "{last}");
        }
        assert_eq!(later("2021-07-19T11:00:00Z", "2021-07-19T11:00:00.5Z"), "2021-07-19T11:00:00.5Z");
        assert_eq!(later("2021-07-19T11:00:00.5Z", "2021-07-19T11:00:00Z"), "2021-07-19T11:00:00.5Z");
        assert_eq!(later("", "2021-07-19T11:00:00Z"), "2021-07-19T11:00:00Z");
        let forms = ["2021-07-19T11:00:00.123456Z", "2021-07-19T11:00:00.123Z", "2021-07-19T11:00:00Z"];
        assert_eq!(dates("2021-07-19T11:00:00.123456Z"), forms);
    }

    #[test]
    fn envelopes_as_servers_write_them() {
        let read = |body: &str| {
            read_page(body.as_bytes(), None).map(|page| (page.objects.len(), page.more, page.next))
        };
        for (body, expected) in [
            ("{}", (0, false, "")),
            (r#"{"more":false}"#, (0, false, "")),
            (r#"{"objects":[]}"#, (0, false, "")),
            (r#"{"objects":null,"more":true}"#, (0, true, "")),
            (r#"{"more":true,"next":"a","objects":[{},{}]}"#, (2, true, "a")),
            (r#"{"objects":[{}],"next":17}"#, (1, false, "17")),
            (r#"{"type":"bundle","id":"bundle--x","objects":[{}]}"#, (1, false, "")),
            ("[{},{}]", (2, false, "")),
        ] {
            let (count, more, next) = read(body).unwrap();
            assert_eq!((count, more, next.as_str()), expected, "{body}");
        }
        for broken in ["", "<html>", "{", r#"{"objects":[{}"#] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
