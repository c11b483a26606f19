//! Discovery, API roots, collections, statuses: what tells of the service and of no object (TAXII 2.1 §4, §5.1, §5.2).

use axum::response::Response;
use serde_json::{Value, json};
use watchfire_store::{Collection, MarkingKey, Read, Role, Status};

use super::media::TAXII;
use super::reply::{self, Reply};
use super::{Answer, Call, Refusal, media};
use crate::clock::text;
use crate::config::ApiRoot;
use crate::node::Node;
use crate::signed_in::SignedIn;

/// What somebody may do in a collection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Access {
    pub(crate) can_read: bool,
    pub(crate) can_write: bool,
}

/// What is everybody's, what was granted, and what the role allows.
fn access(read: &mut Read<'_>, who: &SignedIn, collection: &Collection) -> watchfire_store::Result<Access> {
    let granted = read.rights(who.account.key)?.into_iter().find(|right| right.collection == collection.key);
    let (reads, writes) = granted.map_or((false, false), |right| (right.can_read, right.can_write));
    Ok(Access {
        can_read: collection.can_read || reads,
        can_write: (collection.can_write || writes) && who.may_add(),
    })
}

fn find_root<'a>(node: &'a Node, call: &Call) -> Result<&'a ApiRoot, Refusal> {
    let name = call.part("root");
    node.config.taxii.api_roots.iter().find(|root| root.name == name).ok_or_else(Refusal::not_found)
}

/// The collection of a request. One that they may neither read nor write is not there (§5.2).
pub(crate) fn locate(node: &Node, call: &Call) -> Result<(Collection, Access), Refusal> {
    let root = find_root(node, call)?;
    let found = node.store.read(|read| {
        let Some(collection) = read.collection(&root.name, call.part("collection"))? else { return Ok(None) };
        let access = access(read, &call.who, &collection)?;
        Ok(Some((collection, access)))
    })?;
    found.filter(|(_, access)| access.can_read || access.can_write).ok_or_else(Refusal::not_found)
}

pub(super) fn discovery(node: &Node, call: &Call) -> Answer {
    media::accept(call.accept.as_deref())?;
    let taxii = &node.config.taxii;
    // Whole addresses that end in a slash: some clients take them apart by their slashes.
    let address = |root: &ApiRoot| format!("{}/taxii2/{}/", call.base, root.name);
    let roots: Vec<String> = taxii.api_roots.iter().map(address).collect();
    let mut found = json!({ "title": taxii.title, "default": roots[0], "api_roots": roots });
    for (name, text) in [("description", &taxii.description), ("contact", &taxii.contact)] {
        if let Some(text) = text {
            found[name] = text.as_str().into();
        }
    }
    Ok(Reply::service(found))
}

pub(super) fn api_root(node: &Node, call: &Call) -> Answer {
    let root = find_root(node, call)?;
    media::accept(call.accept.as_deref())?;
    let limit = node.config.taxii.max_content_length;
    let mut found = json!({ "title": root.title, "versions": [TAXII], "max_content_length": limit });
    if let Some(description) = &root.description {
        found["description"] = description.as_str().into();
    }
    Ok(Reply::service(found))
}

fn collection_json(collection: &Collection, access: Access) -> Value {
    let types: Vec<&str> = collection.media_types.split(',').map(str::trim).collect();
    let mut found = json!({
        "id": collection.id,
        "title": collection.title,
        "can_read": access.can_read,
        "can_write": access.can_write,
        "media_types": types,
    });
    for (name, text) in [("description", &collection.description), ("alias", &collection.alias)] {
        if let Some(text) = text {
            found[name] = text.as_str().into();
        }
    }
    found
}

pub(super) fn collections(node: &Node, call: &Call) -> Answer {
    let root = find_root(node, call)?;
    media::accept(call.accept.as_deref())?;
    let found = node.store.read(|read| {
        let mut found = Vec::new();
        for collection in read.collections(&root.name)? {
            let access = access(read, &call.who, &collection)?;
            if access.can_read || access.can_write {
                found.push(collection_json(&collection, access));
            }
        }
        Ok(found)
    })?;
    // An empty list is left out (§1.6.6).
    Ok(Reply::service(if found.is_empty() { json!({}) } else { json!({ "collections": found }) }))
}

/// What somebody may read: titles, and the paths below which it is.
pub(crate) fn readable_collections(node: &Node, who: &SignedIn) -> Result<Vec<(String, String)>, Refusal> {
    let roots = &node.config.taxii.api_roots;
    let found = node.store.read(|read| {
        let mut found = Vec::new();
        for root in roots {
            for collection in read.collections(&root.name)? {
                if access(read, who, &collection)?.can_read {
                    let path = format!("/taxii2/{}/collections/{}/", root.name, collection.id);
                    found.push((collection.title, path));
                }
            }
        }
        Ok(found)
    })?;
    Ok(found)
}

pub(super) fn collection(node: &Node, call: &Call) -> Answer {
    let (collection, access) = locate(node, call)?;
    media::accept(call.accept.as_deref())?;
    Ok(Reply::service(collection_json(&collection, access)))
}

/// A status as it is sent (§4.3.1).
pub(crate) fn status_json(status: &Status) -> Value {
    let mut found = json!({
        "id": status.id,
        "status": if status.pending == 0 { "complete" } else { "pending" },
        "request_timestamp": text(status.requested_us),
        "total_count": status.total,
        "success_count": status.success,
        "failure_count": status.failure,
        "pending_count": status.pending,
    });
    for (outcome, name) in [("success", "successes"), ("failure", "failures"), ("pending", "pendings")] {
        let entries = status.entries.iter().filter(|entry| entry.outcome == outcome);
        let listed: Vec<Value> = entries
            .map(|entry| {
                let mut one = json!({ "id": entry.id, "version": entry.version });
                if let Some(message) = &entry.message {
                    one["message"] = message.as_str().into();
                }
                one
            })
            .collect();
        if !listed.is_empty() {
            found[name] = listed.into();
        }
    }
    found
}

pub(super) fn status(node: &Node, call: &Call) -> Answer {
    find_root(node, call)?;
    let found = node.store.read(|read| read.status(call.part("status"), &call.who.account.name))?;
    let found = found.ok_or_else(Refusal::not_found)?;
    media::accept(call.accept.as_deref())?;
    Ok(Reply::service(status_json(&found)))
}

/// For those who run the node.
pub(super) fn metrics(node: &Node, call: &Call) -> Answer {
    if call.who.account.role != Role::Administrator {
        return Err(Refusal::forbidden("this is for administrators"));
    }
    let text = node.metrics.text();
    Ok(Reply::text(text).media("text/plain; version=0.0.4"))
}

/// Whether the store can be read, which is what a node is for.
pub(super) fn health(node: &Node) -> Response {
    reply::health(node.store.read(|read| read.markings(MarkingKey(i64::MAX))).is_ok())
}
