//! A collection as a MISP feed (`manifest.json`, `hashes.csv`, `<uuid>.json`), for what each reader may know.
//!
//! What once was a MISP event is that event again. Any other report or grouping is an event of its indicators; an
//! indicator that is in several of them is in the first, since MISP knows an attribute once. Those that are in none are
//! gathered by the day on which they came and by their level of TLP, so that a day that is over stays as it is and MISP
//! need not fetch it again.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::{Map, Value};
use watchfire_interop::convert::{
    About, event_of, hash_lines, manifest_entry, to_misp, was_event, was_object,
};
use watchfire_release::{Gate, Marking, Released, Use};
use watchfire_stix::{Id, Tlp, Uuid};
use watchfire_store::{Collection, Filter, PAGE_LIMIT, Page, Stored};

use super::objects::readable;
use super::reply::Reply;
use super::{Answer, Call, Refusal};
use crate::audit::runs;
use crate::clearance::clearance;
use crate::clock::{instant, now_us, text};
use crate::node::Node;

/// Indicators of one event that are gathered by their day. MISP takes a minute for an event of this size.
const GATHERED_LIMIT: usize = 10_000;

/// Members of a report that are looked for; beyond that no event is of use.
const MEMBERS_LIMIT: usize = 100_000;

/// Ids that are asked for at once.
const IDS: usize = 1000;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// One file of the feed.
pub(super) fn file(node: &Node, call: &Call) -> Answer {
    let collection = readable(node, call)?;
    let directory = node.directory()?;
    let now = instant(now_us());
    let gate = Gate { reader: &call.who.reader, directory: &directory, purpose: Use::Know, now };
    let mut feed =
        Feed { node, collection: &collection, gate, claimed: Claimed::default(), places: Vec::new() };
    let (body, media) = match call.part("file") {
        "manifest.json" => (feed.manifest()?, "application/json"),
        "hashes.csv" => (feed.hashes()?, "text/csv; charset=utf-8"),
        name => {
            let uuid = name.strip_suffix(".json").and_then(Uuid::parse).ok_or_else(Refusal::not_found)?;
            (feed.event(uuid)?.ok_or_else(Refusal::not_found)?, "application/json")
        }
    };
    if !feed.places.is_empty() {
        feed.places.sort_unstable();
        let detail = format!("places {}", runs(feed.places));
        node.audit.record(call.who.act("feed.release", &collection.id, detail))?;
    }
    Ok(Reply::body(body).media(media).tagged(call))
}

/// Ids that are in an event already, by their hash.
#[derive(Default)]
struct Claimed(HashSet<u64>, RandomState);

impl Claimed {
    fn claim(&mut self, id: &str) -> bool {
        self.0.insert(self.1.hash_one(id))
    }

    fn has(&self, id: &str) -> bool {
        self.0.contains(&self.1.hash_one(id))
    }
}

struct Feed<'a> {
    node: &'a Node,
    collection: &'a Collection,
    gate: Gate<'a>,
    claimed: Claimed,
    /// The places of all that went into an answer.
    places: Vec<i64>,
}

/// An object on its way into an event, with what is said of the event.
struct Piece {
    object: Stored,
    tlp: Tlp,
    about: About,
}

type Event = Released<Option<Value>>;

/// An object that is not through the gate yet.
type Marked = (Marking, Stored);

/// What waits of a day: for each level the part, and its objects.
type Waiting = BTreeMap<Tlp, (i64, Vec<Marked>)>;

impl Feed<'_> {
    fn manifest(&mut self) -> Result<Released<Vec<u8>>, Refusal> {
        let mut all = Released::words("").map(|_| Map::new());
        self.each(&mut |event| {
            let joined = std::mem::replace(&mut all, Released::words("").map(|_| Map::new())).with(event);
            all = joined.map(|(mut all, event)| {
                if let Some(event) = event {
                    let uuid = event["uuid"].as_str().unwrap_or_default().to_owned();
                    all.insert(uuid, manifest_entry(&event));
                }
                all
            });
        })?;
        Ok(all.map(|all| Value::Object(all).to_string().into_bytes()))
    }

    fn hashes(&mut self) -> Result<Released<Vec<u8>>, Refusal> {
        let mut all = Released::words("").map(|_| Vec::new());
        self.each(&mut |event| {
            let joined = std::mem::replace(&mut all, Released::words("").map(|_| Vec::new())).with(event);
            all = joined.map(|(mut all, event): (Vec<u8>, Option<Value>)| {
                all.extend(event.iter().flat_map(|event| hash_lines(event).into_bytes()));
                all
            });
        })?;
        Ok(all)
    }

    /// All events, one after the other.
    fn each(&mut self, each: &mut dyn FnMut(Event)) -> Result<(), Refusal> {
        for container in self.containers()? {
            if let Some(event) = self.of_container(&container, true)? {
                each(event);
            }
        }
        self.gathered(None, each)
    }

    /// The event of a UUID, whole.
    fn event(&mut self, uuid: Uuid) -> Result<Option<Released<Vec<u8>>>, Refusal> {
        let day = Day::of(&self.collection.id, uuid);
        let mut found = None;
        for container in self.containers()? {
            let wanted = day.is_none() && Id::parse(&container.id).is_ok_and(|id| id.uuid() == uuid);
            if let Some(event) = self.of_container(&container, wanted)? {
                found = Some(event);
                break;
            }
        }
        if let Some(day) = day {
            self.gathered(Some(day), &mut |event| found = Some(event))?;
        }
        let whole = |event: Option<Value>| {
            event.map(|event| serde_json::json!({ "Event": event }).to_string().into_bytes())
        };
        let found = found.map(|event| event.map(whole)).filter(|event| event.get().is_some());
        Ok(found.map(|event| event.map(Option::unwrap_or_default)))
    }

    /// A page of the last versions that the reader may see, with the level of each.
    fn page(&self, filter: &Filter<'_>, after: i64) -> Result<(Vec<Marked>, Option<i64>), Refusal> {
        let (Page { objects, next }, markings) = self.node.store.read(|read| {
            let markings = self.node.markings.read(read)?;
            let clearance = clearance(&markings, &self.gate);
            Ok((read.page(self.collection.key, filter, &clearance, after, PAGE_LIMIT)?, markings))
        })?;
        let inside = Marking::unknown("a marking that was not read");
        // MISP tells versions of an event apart by the second: what comes in this one is told when it is over.
        let over = now_us().div_euclid(1_000_000) * 1_000_000;
        let marked = |object: Stored| (markings.get(&object.marking).unwrap_or(&inside).clone(), object);
        Ok((objects.into_iter().filter(|object| object.added_us < over).map(marked).collect(), next))
    }

    /// Reports and groupings, in the order in which they came.
    fn containers(&self) -> Result<Vec<Container>, Refusal> {
        let filter = Filter { types: vec!["report", "grouping"], with_bytes: true, ..Filter::default() };
        let (mut found, mut after) = (Vec::new(), Some(0));
        while let Some(place) = after {
            let (page, next) = self.page(&filter, place)?;
            found.extend(page.into_iter().map(|(marking, object)| Container::read(marking, object)));
            after = next;
        }
        Ok(found)
    }

    /// The event of a container, if it is wanted; its indicators are claimed by it either way.
    fn of_container(&mut self, container: &Container, wanted: bool) -> Result<Option<Event>, Refusal> {
        let mut members = Vec::new();
        for id in container.members.iter().take(MEMBERS_LIMIT) {
            let is_free = !id.starts_with("indicator--") || self.claimed.claim(id);
            if is_free || container.was_event {
                members.push(id.clone());
            }
        }
        if !wanted || container.is_part {
            return Ok(None);
        }
        members.extend(container.author.clone());
        let mut objects = self.by_ids(&members)?;
        if container.was_event {
            // The objects of a MISP event have members of their own.
            let inner: Vec<String> = objects
                .iter()
                .filter(|(_, object)| object.id.starts_with("grouping--"))
                .flat_map(|(marking, object)| Container::read(marking.clone(), object.clone()).members)
                .collect();
            objects.extend(self.by_ids(&inner)?);
        }
        objects.insert(0, (container.marking.clone(), container.object.clone()));
        let about = container.about(&self.node.config.organisation);
        Ok(Some(self.release(objects, &about).map(container_event)))
    }

    fn by_ids(&self, ids: &[String]) -> Result<Vec<Marked>, Refusal> {
        let mut found = Vec::new();
        for ids in ids.chunks(IDS) {
            let ids = ids.iter().map(String::as_str).collect();
            found.extend(self.page(&Filter { ids, with_bytes: true, ..Filter::default() }, 0)?.0);
        }
        Ok(found)
    }

    /// Through the gate, once more.
    fn release(&mut self, objects: Vec<Marked>, about: &About) -> Released<Vec<Piece>> {
        let (markings, pieces): (Vec<Marking>, Vec<Piece>) = objects
            .into_iter()
            .map(|(marking, object)| {
                let piece = Piece { object, tlp: marking.tlp(), about: about.clone() };
                (marking, piece)
            })
            .unzip();
        let released = self.gate.release_each(markings.iter().zip(pieces));
        self.places.extend(released.get().iter().map(|piece| piece.object.place));
        released
    }

    /// Events of indicators that are in no container: of all days, or the one that is asked for.
    fn gathered(&mut self, only: Option<Day>, each: &mut dyn FnMut(Event)) -> Result<(), Refusal> {
        let filter = Filter {
            types: vec!["indicator"],
            with_bytes: true,
            added_after_us: only.map(|day| day.day * DAY_US - 1),
            ..Filter::default()
        };
        let mut waiting: Waiting = BTreeMap::new();
        let (mut today, mut after) = (i64::MIN, Some(0));
        while let Some(place) = after {
            let (page, next) = self.page(&filter, place)?;
            after = next;
            for (marking, object) in page {
                let day = object.added_us.div_euclid(DAY_US);
                if day != today {
                    self.flush(today, &mut waiting, only, each);
                    today = day;
                    if only.is_some_and(|only| only.day < day) {
                        return Ok(());
                    }
                }
                let tlp = marking.tlp();
                if self.claimed.has(&object.id) || only.is_some_and(|only| only.tlp != tlp) {
                    continue;
                }
                let (part, objects) = waiting.entry(tlp).or_default();
                objects.push((marking, object));
                if objects.len() == GATHERED_LIMIT {
                    let (objects, this) = (std::mem::take(objects), *part);
                    *part += 1;
                    self.emit(Day { day, tlp, part: this }, objects, only, each);
                }
            }
        }
        self.flush(today, &mut waiting, only, each);
        Ok(())
    }

    fn flush(&mut self, day: i64, waiting: &mut Waiting, only: Option<Day>, each: &mut dyn FnMut(Event)) {
        for (tlp, (part, objects)) in std::mem::take(waiting) {
            if !objects.is_empty() {
                self.emit(Day { day, tlp, part }, objects, only, each);
            }
        }
    }

    fn emit(&mut self, day: Day, objects: Vec<Marked>, only: Option<Day>, each: &mut dyn FnMut(Event)) {
        if only.is_none_or(|only| only == day) {
            let about = day.about(self.collection, &self.node.config.organisation);
            each(self.release(objects, &about).map(day_event));
        }
    }
}

/// A report or a grouping.
struct Container {
    id: String,
    marking: Marking,
    object: Stored,
    members: Vec<String>,
    author: Option<String>,
    name: String,
    date: String,
    was_event: bool,
    /// Whether it is a part of a MISP event, and none itself.
    is_part: bool,
}

impl Container {
    fn read(marking: Marking, object: Stored) -> Self {
        let said: Value = serde_json::from_slice(&object.bytes).unwrap_or_default();
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let refs = said["object_refs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let date = text("published").or_else(|| text("created")).unwrap_or_default();
        Self {
            id: object.id.clone(),
            members: refs.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            author: text("created_by_ref"),
            name: text("name").unwrap_or_else(|| object.id.clone()),
            date: date.get(..10).unwrap_or("1970-01-01").to_owned(),
            was_event: was_event(&said),
            is_part: was_object(&said),
            marking,
            object,
        }
    }

    fn about(&self, organisation: &str) -> About {
        About {
            uuid: Id::parse(&self.id).map(|id| id.uuid().to_string()).unwrap_or_default(),
            info: self.name.clone(),
            date: self.date.clone(),
            author: organisation.to_owned(),
            tlp: self.marking.tlp(),
            changed: 0,
        }
    }
}

/// What came on a day (in UTC, counted from 1970) with one level, by parts where that is much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    day: i64,
    tlp: Tlp,
    part: i64,
}

impl Day {
    /// A UUID that tells the day, so that an event is found without looking through all of them.
    fn uuid(self, collection: &str) -> Uuid {
        let own = Uuid::parse(collection).unwrap_or(Uuid::from_bytes([0; 16]));
        let mut bytes = *Uuid::from_name(own, b"indicators of a day").as_bytes();
        bytes[9] = Tlp::ALL.iter().position(|tlp| *tlp == self.tlp).unwrap_or_default() as u8;
        bytes[10..13].copy_from_slice(&(self.day as u32).to_be_bytes()[1..]);
        bytes[13..].copy_from_slice(&(self.part as u32).to_be_bytes()[1..]);
        Uuid::from_bytes(bytes)
    }

    /// The way back.
    fn of(collection: &str, uuid: Uuid) -> Option<Self> {
        let bytes = uuid.as_bytes();
        let number = |three: &[u8]| three.iter().fold(0, |number, byte| number << 8 | i64::from(*byte));
        let tlp = *Tlp::ALL.get(usize::from(bytes[9]))?;
        let day = Self { day: number(&bytes[10..13]), tlp, part: number(&bytes[13..]) };
        (day.uuid(collection) == uuid).then_some(day)
    }

    fn about(self, collection: &Collection, organisation: &str) -> About {
        let date = text(self.day * DAY_US).get(..10).unwrap_or_default().to_owned();
        About {
            uuid: self.uuid(&collection.id).to_string(),
            info: format!("{}: indicators of {date}, {}", collection.title, self.tlp.label()),
            date,
            author: organisation.to_owned(),
            tlp: self.tlp,
            changed: 0,
        }
    }
}

fn parsed(piece: &Piece) -> Option<Value> {
    serde_json::from_slice(&piece.object.bytes).ok()
}

/// When the last of an event came, in seconds since 1970.
fn changed(pieces: &[Piece]) -> i64 {
    pieces.iter().map(|piece| piece.object.added_us.div_euclid(1_000_000)).max().unwrap_or_default()
}

/// The event of a container, which is the first piece.
#[expect(clippy::needless_pass_by_value)] // what is released is handed over
fn container_event(pieces: Vec<Piece>) -> Option<Value> {
    let first = pieces.first()?;
    let objects: Vec<Value> = pieces.iter().filter_map(parsed).collect();
    let container = objects.first().filter(|container| container["id"] == first.object.id.as_str())?;
    if was_event(container) {
        return to_misp(&objects).0.into_iter().next();
    }
    let author = objects.iter().find(|object| object["id"] == container["created_by_ref"]);
    let mut about = first.about.clone();
    if let Some(name) = author.and_then(|author| author["name"].as_str()) {
        name.clone_into(&mut about.author);
    }
    // Members are at least as restricted as what contains them where nobody marked them, and may be more so.
    about.tlp = pieces.iter().map(|piece| piece.tlp).max().unwrap_or(Tlp::Red);
    about.changed = changed(&pieces);
    let indicators: Vec<Value> = objects.into_iter().filter(|object| object["type"] == "indicator").collect();
    event_of(&about, &indicators)
}

#[expect(clippy::needless_pass_by_value)] // what is released is handed over
fn day_event(pieces: Vec<Piece>) -> Option<Value> {
    let about = About { changed: changed(&pieces), ..pieces.first()?.about.clone() };
    event_of(&about, &pieces.iter().filter_map(parsed).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_tells_its_day() {
        let (own, other) = ("91a7b528-80eb-42ed-a74d-c6fbd5a26116", "00000000-0000-4000-8000-000000000001");
        for tlp in Tlp::ALL {
            let day = Day { day: 20_782, tlp, part: 3 };
            let uuid = day.uuid(own);
            assert!(uuid.is_rfc4122());
            assert_eq!((Day::of(own, uuid), Day::of(other, uuid)), (Some(day), None));
        }
        assert_eq!(Day::of(own, Uuid::from_bytes([0x55; 16])), None);
    }
}
