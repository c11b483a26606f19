//! Bodies: received within a limit of size and time, unpacked within the same limit, taken (TAXII 2.1 §5.5).

use std::io::Read as _;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::collections::{locate, status_json};
use super::reply::Reply;
use super::{Answer, Call, Refusal, media};
use crate::add::add;
use crate::node::Node;

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
        Some(encoding) if encoding.eq_ignore_ascii_case("gzip") => Ok(()),
        Some(encoding) => Err(Refusal::media_type(Some(encoding))),
    }
}

/// Receives a body. Its announced length is checked first, and what comes is counted, announced or not.
pub(super) async fn receive(node: &Node, body: Body, announced: Option<u64>) -> Result<Bytes, Refusal> {
    let limit = node.config.taxii.max_content_length;
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Refusal::too_large(limit));
    }
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match collected {
        Err(_) => Err(Refusal::too_slow()),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(limit)),
        Ok(Err(_)) => Err(Refusal::bad("the body broke off")),
    }
}

/// Unpacks a body. A few kilobytes can unpack to gigabytes: the limit is that of the unpacked body.
pub(super) fn inflate(node: &Node, call: &Call, bytes: &Bytes) -> Result<Bytes, Refusal> {
    let packed =
        call.content_encoding.as_deref().is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"));
    if !packed {
        return Ok(bytes.clone());
    }
    let limit = node.config.taxii.max_content_length;
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(&bytes[..]).take(limit as u64 + 1);
    #[expect(clippy::disallowed_methods)] // its limit is the line above
    reader.read_to_end(&mut unpacked).map_err(|_| Refusal::bad("the body is no whole gzip"))?;
    if unpacked.len() > limit { Err(Refusal::too_large(limit)) } else { Ok(unpacked.into()) }
}

/// With the body: each object on its own, and a status of all.
pub(super) fn take(node: &Node, call: &Call, body: &[u8]) -> Answer {
    let (collection, _) = locate(node, call)?;
    if std::str::from_utf8(body).is_err() {
        return Err(Refusal::bad("the body is no UTF-8"));
    }
    let status = add(node, &call.who, &collection, body)?.map_err(|bad| Refusal::bad(bad.0))?;
    Ok(Reply::service(status_json(&status)).status(StatusCode::ACCEPTED))
}
