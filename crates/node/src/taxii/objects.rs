//! Objects, manifest, versions (TAXII 2.1 §5.3, §5.4, §5.6 to §5.8): pages of the store, cut to the clearance, released.

use serde_json::{Value, json};
use watchfire_release::{Gate, Released, Use};
use watchfire_store::{Clearance, Collection, Filter, Stored, Versions};

use super::collections::locate;
use super::query::{self, Asked, Cursor, Paged};
use super::reply::Reply;
use super::{Answer, Call, Refusal, media};
use crate::audit::runs;
use crate::clearance::{clearance, release};
use crate::clock::{instant, now_us, text};
use crate::intake::version_text;
use crate::node::Node;

/// A page that may leave.
struct Out {
    objects: Released<Vec<Stored>>,
    next: Cursor,
}

/// What a resource of objects is, and knows of filters.
struct Resource {
    /// Its name in the audit, and what its cursors are good for.
    action: &'static str,
    filters: &'static [&'static str],
    with_bytes: bool,
    /// Whether all versions are meant where none is asked for.
    all: bool,
}

const OBJECTS: Resource = Resource {
    action: "objects.release",
    filters: &["id", "type", "version", "spec_version"],
    with_bytes: true,
    all: false,
};
const MANIFEST: Resource = Resource { action: "manifest.release", with_bytes: false, ..OBJECTS };
const OBJECT: Resource = Resource {
    action: "object.release",
    filters: &["version", "spec_version"],
    with_bytes: true,
    all: false,
};
const VERSIONS: Resource =
    Resource { action: "versions.release", filters: &["spec_version"], with_bytes: false, all: true };

pub(super) fn objects(node: &Node, call: &Call) -> Answer {
    let collection = readable(node, call)?;
    let out = page(node, call, &collection, &OBJECTS, None)?;
    Ok(envelope(out, "objects", objects_json))
}

pub(super) fn manifest(node: &Node, call: &Call) -> Answer {
    let collection = readable(node, call)?;
    let out = page(node, call, &collection, &MANIFEST, None)?;
    Ok(envelope(out, "objects", manifest_json))
}

pub(super) fn object(node: &Node, call: &Call) -> Answer {
    let collection = readable(node, call)?;
    let out = page(node, call, &collection, &OBJECT, Some(call.part("object")))?;
    Ok(envelope(out, "objects", objects_json))
}

pub(super) fn versions(node: &Node, call: &Call) -> Answer {
    let collection = readable(node, call)?;
    let out = page(node, call, &collection, &VERSIONS, Some(call.part("object")))?;
    Ok(envelope(out, "versions", versions_json))
}

/// The collection of a request to read. Whoever may only write is told so (§5.4).
pub(super) fn readable(node: &Node, call: &Call) -> Result<Collection, Refusal> {
    let (collection, access) = locate(node, call)?;
    if access.can_read {
        Ok(collection)
    } else {
        Err(Refusal::forbidden("this collection is not read by you"))
    }
}

fn page(
    node: &Node,
    call: &Call,
    collection: &Collection,
    resource: &Resource,
    id: Option<&str>,
) -> Result<Out, Refusal> {
    media::accept(call.accept.as_deref())?;
    let purpose = format!("{} {} {}", resource.action, collection.id, id.unwrap_or_default());
    let paged = query::read(node, call, &purpose, resource.filters)?;
    let directory = node.directory()?;
    let gate =
        Gate { reader: &call.who.reader, directory: &directory, purpose: Use::Know, now: instant(now_us()) };
    let (found, markings) = node.store.read(|read| {
        let markings = node.markings.read(read)?;
        let clearance = clearance(&markings, &gate);
        let mut filter = paged.asked.store_filter(resource.with_bytes, resource.all);
        filter.ids.extend(id);
        let found = read.page(collection.key, &filter, &clearance, paged.after, paged.limit)?;
        let missing = match id {
            Some(id) if found.objects.is_empty() => !is_there(read, collection, id, &clearance)?,
            _ => false,
        };
        Ok((if missing { None } else { Some(found) }, markings))
    })?;
    let found = found.ok_or_else(Refusal::not_found)?;
    let next = query::cursor(node, call, &purpose, &paged, found.next)?;
    let objects = release(found.objects, &markings, &gate);
    record(node, call, collection, resource, &objects)?;
    Ok(Out { objects, next })
}

/// Whether the reader may know that there is an object of this id.
fn is_there(
    read: &mut watchfire_store::Read<'_>,
    collection: &Collection,
    id: &str,
    clearance: &Clearance,
) -> watchfire_store::Result<bool> {
    let versions = Versions { all: true, ..Versions::default() };
    let filter = Filter { ids: vec![id], versions, ..Filter::default() };
    Ok(!read.page(collection.key, &filter, clearance, 0, 1)?.objects.is_empty())
}

/// The row of the audit, on disk before anything leaves.
fn record(
    node: &Node,
    call: &Call,
    collection: &Collection,
    resource: &Resource,
    objects: &Released<Vec<Stored>>,
) -> Result<(), Refusal> {
    let objects = objects.get();
    if objects.is_empty() {
        return Ok(());
    }
    let places = runs(objects.iter().map(|object| object.place));
    Ok(node.audit.record(call.who.act(resource.action, &collection.id, format!("places {places}")))?)
}

/// An envelope, a manifest or a list of versions (§3.7): empty, it is `{}`.
fn envelope(out: Out, name: &'static str, items: fn(Vec<Stored>) -> Vec<u8>) -> Reply {
    let dates = Released::clone(&out.objects).map(|objects| {
        let first = objects.first()?.added_us;
        let last = objects.last()?.added_us;
        Some((text(first), text(last)))
    });
    let name = Released::words(name);
    let body = out.objects.map(items).with(name.with(Released::of_service(out.next)));
    Reply::body(body.map(assemble)).dated(dates)
}

fn assemble((items, (name, next)): (Vec<u8>, (&'static str, Cursor))) -> Vec<u8> {
    if items.is_empty() {
        return b"{}".to_vec();
    }
    let head = match next.0 {
        Some(next) => format!("{{\"more\":true,\"next\":\"{next}\",\"{name}\":["),
        None => format!("{{\"more\":false,\"{name}\":["),
    };
    let mut body = head.into_bytes();
    body.extend_from_slice(&items);
    body.extend_from_slice(b"]}");
    body
}

/// Objects byte for byte, with commas between them.
fn objects_json(objects: Vec<Stored>) -> Vec<u8> {
    let mut out = Vec::with_capacity(objects.iter().map(|object| object.bytes.len() + 1).sum());
    for object in objects {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(&object.bytes);
    }
    out
}

fn list(values: &[Value]) -> Vec<u8> {
    let texts: Vec<String> = values.iter().map(Value::to_string).collect();
    texts.join(",").into_bytes()
}

#[expect(clippy::needless_pass_by_value)] // what is released is handed over
fn manifest_json(objects: Vec<Stored>) -> Vec<u8> {
    let entry = |object: &Stored| {
        json!({
            "id": object.id,
            "date_added": text(object.added_us),
            "version": version_text(object.version_us),
            "media_type": media::of_objects(&object.spec_version),
        })
    };
    list(&objects.iter().map(entry).collect::<Vec<_>>())
}

#[expect(clippy::needless_pass_by_value)] // what is released is handed over
fn versions_json(objects: Vec<Stored>) -> Vec<u8> {
    list(&objects.iter().map(|object| version_text(object.version_us).into()).collect::<Vec<_>>())
}

/// Takes versions of an object out of a collection; all, where none is named (§5.7).
pub(super) fn delete(node: &Node, call: &Call) -> Answer {
    let (collection, access) = locate(node, call)?;
    if !(access.can_read && access.can_write) {
        return Err(Refusal::forbidden("an object is deleted by who may read and write its collection"));
    }
    media::accept(call.accept.as_deref())?;
    let id = call.part("object");
    let paged: Paged = query::read(node, call, "", OBJECT.filters)?;
    let asked: &Asked = &paged.asked;
    let directory = node.directory()?;
    let now = now_us();
    let gate =
        Gate { reader: &call.who.reader, directory: &directory, purpose: Use::Know, now: instant(now) };
    let is_there = node.store.write(|write| {
        let markings = node.markings.read(write)?;
        let clearance = clearance(&markings, &gate);
        if !is_there(write, &collection, id, &clearance)? {
            return Ok(false);
        }
        let mut filter = asked.store_filter(false, true);
        filter.ids.push(id);
        if filter.spec_versions.is_empty() {
            // All versions are meant, whatever STIX they are written in.
            filter.spec_versions = vec!["2.0", "2.1"];
        }
        let removed = write.remove(collection.key, &filter, &clearance, now)?;
        let detail = format!("{id}, versions {removed}");
        write.audit(&[call.who.act("object.delete", &collection.id, detail).entry()])?;
        Ok(true)
    })?;
    if is_there { Ok(Reply::empty()) } else { Err(Refusal::not_found()) }
}
