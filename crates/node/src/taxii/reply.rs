//! Answers: made of what was released, and nothing else.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::response::Builder;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchfire_release::{Released, ServiceFact};

use super::media::TAXII;
use super::{Answer, Call, Refusal};
use crate::memory::Part;
use crate::node::Node;
use crate::packing::Coding;

/// Smaller answers are in no memory that is shared out: a thousand of them are a few megabytes.
const HELD_FROM_BYTES: usize = 16 * 1024;

/// Smaller answers are not worth packing.
const PACKED_FROM_BYTES: usize = 1024;

/// JSON that tells of the service, or of the requester's own request, and of no object.
pub(crate) struct Service(pub(crate) serde_json::Value);

impl ServiceFact for Service {}

/// An answer.
pub(crate) struct Reply {
    status: StatusCode,
    media: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What a page may do, where it is one.
    policy: Option<String>,
    body: Released<Vec<u8>>,
}

impl Reply {
    /// JSON about the service.
    pub(crate) fn service(json: serde_json::Value) -> Self {
        Self::body(Released::of_service(Service(json)).map(|json| json.0.to_string().into_bytes()))
    }

    /// Text about the service.
    pub(crate) fn text(text: String) -> Self {
        let json = Released::of_service(Service(serde_json::Value::String(text)));
        Self::body(json.map(|json| json.0.as_str().unwrap_or_default().as_bytes().to_vec()))
    }

    /// A page about the service and about who looks at it, with what it may do.
    pub(crate) fn page(html: String, policy: &str) -> Self {
        Self { policy: Some(policy.to_owned()), ..Self::text(html).media("text/html; charset=utf-8") }
    }

    /// Elsewhere, by a new request (RFC 9110 §15.4.4).
    pub(crate) fn elsewhere(address: String) -> Self {
        Self::empty()
            .media("text/plain; charset=utf-8")
            .status(StatusCode::SEE_OTHER)
            .header("location", address)
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A body in the form of TAXII.
    pub(crate) fn body(body: Released<Vec<u8>>) -> Self {
        Self { status: StatusCode::OK, media: TAXII, headers: Vec::new(), policy: None, body }
    }

    /// Done, with nothing to say.
    pub(crate) fn empty() -> Self {
        Self::body(Released::words("").map(|text| text.as_bytes().to_vec()))
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn media(self, media: &'static str) -> Self {
        Self { media, ..self }
    }

    /// Adds the tag of the body, and leaves the body out where the requester has it (RFC 9110 §13.1.2).
    pub(crate) fn tagged(mut self, call: &Call) -> Self {
        let tag = entity_tag(self.body.get());
        let known = call.if_none_match.as_deref().unwrap_or_default();
        if known.split(',').any(|known| known.trim() == tag || known.trim() == "*") {
            self.status = StatusCode::NOT_MODIFIED;
            self.body = self.body.map(|_| Vec::new());
        }
        self.headers.push(("etag", tag));
        self
    }

    /// Adds the dates of the first and the last object of a page, which were released with it.
    pub(crate) fn dated(mut self, dates: Released<Option<(String, String)>>) -> Self {
        if let Some((first, last)) = dates.into_inner() {
            self.headers.push(("x-taxii-date-added-first", first));
            self.headers.push(("x-taxii-date-added-last", last));
        }
        self
    }
}

/// The entity tag of a body (RFC 9110 §8.8.3): it tells no more than the body does.
fn entity_tag(body: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(digest))
}

/// Bytes on their way out, with their part of the memory for bodies: a reader who is slow holds both.
struct Held {
    bytes: Vec<u8>,
    _part: Part,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Turns an answer into a response, packed where that is asked for.
pub(crate) fn finish(node: &Node, answer: Answer, coding: Option<Coding>) -> Response {
    let reply = match answer {
        Ok(reply) => reply,
        Err(refusal) => return refusal.response(),
    };
    let mut body = reply.body.into_inner();
    let response = Response::builder().status(reply.status).header("content-type", reply.media);
    let mut response = match reply.policy {
        None => secured(response),
        // A form's origin is told to its own host: by that the host knows its own forms.
        Some(policy) => secured_by(response, &policy, "same-origin"),
    };
    response = response.header("vary", "accept, accept-encoding, authorization, cookie");
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    if let Some(coding) = coding
        && body.len() >= PACKED_FROM_BYTES
        && let Ok(packed) = coding.pack(&body)
    {
        body = packed;
        response = response.header("content-encoding", coding.name());
    }
    if reply.status != StatusCode::NOT_MODIFIED {
        response = response.header("content-length", body.len());
    }
    let mut part = node.memory.part();
    if body.len() >= HELD_FROM_BYTES && !part.grow_to(body.len()) {
        return Refusal::busy().response();
    }
    built(response, Body::from(Bytes::from_owner(Held { bytes: body, _part: part })))
}

/// What every response carries.
pub(super) fn secured(response: Builder) -> Builder {
    secured_by(response, "default-src 'none'; frame-ancestors 'none'", "no-referrer")
}

fn secured_by(response: Builder, policy: &str, referrer: &str) -> Builder {
    response
        .header("x-content-type-options", "nosniff")
        .header("content-security-policy", policy)
        .header("cross-origin-resource-policy", "same-origin")
        .header("cross-origin-opener-policy", "same-origin")
        .header("referrer-policy", referrer)
        .header("cache-control", "no-store")
}

/// The response; one that cannot be built is an internal failure.
pub(super) fn built(response: Builder, body: Body) -> Response {
    response.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// The header `Allow`.
pub(super) fn allowed(methods: &[&'static str]) -> String {
    let mut names = methods.to_vec();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.join(", ")
}

pub(crate) fn options(methods: &[&'static str]) -> Response {
    let response = Response::builder().status(StatusCode::NO_CONTENT).header("allow", allowed(methods));
    built(secured(response), Body::empty())
}

/// The health of a node is no secret, and no object.
pub(super) fn health(is_well: bool) -> Response {
    let (status, text) = if is_well {
        (StatusCode::OK, "{\"status\":\"ok\"}\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"the store cannot be read\"}\n")
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    built(secured(response), Body::from(text))
}
