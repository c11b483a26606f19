//! Bodies: received within a limit of size and time, unpacked within the same limit, taken (TAXII 2.1 §5.5).

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::collections::{locate, status_json};
use super::reply::Reply;
use super::{Answer, Call, Refusal, media};
use crate::add::add;
use crate::intake::BadEnvelope;
use crate::memory::Part;
use crate::node::Node;
use crate::packing::{Coding, Unpacking, WINDOW_BYTES};

/// A body comes within this time, whatever its size: 100 MB at 7 Mbit/s.
const BODY_TIMEOUT: Duration = Duration::from_mins(2);

/// Before the body: may they, and in this form?
pub(super) fn prepare(node: &Node, call: &Call) -> Result<(), Refusal> {
    let (_, access) = locate(node, call)?;
    if !access.can_write {
        return Err(Refusal::forbidden("this collection is not written to by you"));
    }
    media::accept(call.accept.as_deref())?;
    media::content_type(call.content_type.as_deref())?;
    match call.content_encoding.as_deref().map(str::trim) {
        None | Some("" | "identity") => Ok(()),
        Some(encoding) if Coding::of(encoding).is_some() => Ok(()),
        Some(encoding) => Err(Refusal::coding(encoding)),
    }
}

/// A body, and its part of the memory for bodies, which it gives back when it goes.
pub(super) struct Received {
    bytes: Bytes,
    part: Part,
}

/// Receives a body. Its announced length is checked first, and what comes is counted, announced or not.
pub(super) async fn receive(node: &Node, body: Body, announced: Option<u64>) -> Result<Received, Refusal> {
    let limit = node.config.taxii.max_content_length;
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Refusal::too_large(limit));
    }
    let mut part = node.memory.part();
    // A small body is not worth its entry; a large one waits for its turn before a byte of it is read.
    let known = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if !part.wait_for(known).await {
        return Err(Refusal::busy());
    }
    match tokio::time::timeout(BODY_TIMEOUT, collect(Limited::new(body, limit), &mut part, limit)).await {
        Err(_) => Err(Refusal::too_slow()),
        Ok(Err(refusal)) => Err(refusal),
        Ok(Ok(bytes)) => Ok(Received { bytes, part }),
    }
}

async fn collect(mut body: Limited<Body>, part: &mut Part, limit: usize) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Err(error) if error.is::<LengthLimitError>() => return Err(Refusal::too_large(limit)),
            Err(_) => return Err(Refusal::bad("the body broke off")),
        }
        if !part.grow_to(bytes.len()) {
            return Err(Refusal::busy());
        }
    }
    Ok(bytes.into())
}

/// Unpacks a body. The limits are those of the unpacked body.
pub(super) fn unpack(node: &Node, call: &Call, received: &mut Received) -> Result<Bytes, Refusal> {
    let Some(coding) = call.content_encoding.as_deref().and_then(Coding::of) else {
        return Ok(received.bytes.clone());
    };
    let limit = node.config.taxii.max_content_length;
    let Received { bytes, part } = received;
    let packed = bytes.len();
    let unpacked = coding.unpack(bytes, limit, |unpacked| part.grow_to(packed + unpacked));
    unpacked.map(Bytes::from).map_err(|error| match error {
        Unpacking::Malformed => Refusal::bad(format!(
            "the body is no whole {}, or asks for a window of more than {WINDOW_BYTES} bytes",
            coding.name()
        )),
        Unpacking::TooLarge => Refusal::too_large(limit),
        Unpacking::NoRoom => Refusal::busy(),
    })
}

/// With the body: each object on its own, and a status of all.
pub(super) fn take(node: &Node, call: &Call, body: &[u8]) -> Answer {
    let (collection, _) = locate(node, call)?;
    if std::str::from_utf8(body).is_err() {
        return Err(Refusal::bad("the body is no UTF-8"));
    }
    let status = add(node, &call.who, &collection, body)?.map_err(|bad| match bad {
        BadEnvelope::Malformed(what) => Refusal::bad(what),
        BadEnvelope::Unsuited(what) => Refusal::unprocessable(what),
    })?;
    Ok(Reply::service(status_json(&status)).status(StatusCode::ACCEPTED))
}
