//! Refusals as TAXII says them (TAXII 2.1 §3.6.1). They tell of the request, and of nothing that is in the store.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use watchfire_store::StoreError;

use super::media::TAXII;
use super::reply;
use crate::error::NodeError;
use crate::log::{Level, log};

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    title: &'static str,
    /// What is wrong with the request, in its own words at most.
    description: String,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    fn new(status: StatusCode, title: &'static str) -> Self {
        Self { status, title, description: String::new(), headers: Vec::new() }
    }

    fn saying(status: StatusCode, title: &'static str, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..Self::new(status, title) }
    }

    pub(crate) fn unauthorized() -> Self {
        let mut refusal = Self::saying(
            StatusCode::UNAUTHORIZED,
            "sign in",
            "Basic with a name and a password, or Bearer with a token",
        );
        let basic = "Basic realm=\"watchfire\", charset=\"UTF-8\"".to_owned();
        refusal.headers = vec![("www-authenticate", basic), ("www-authenticate", "Bearer".to_owned())];
        refusal
    }

    pub(crate) fn too_many() -> Self {
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "too many failed attempts to sign in");
        refusal.headers = vec![("retry-after", "60".to_owned())];
        refusal
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such thing, or not for you")
    }

    pub(crate) fn forbidden(what: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, what)
    }

    pub(crate) fn method(methods: &[&'static str]) -> Self {
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "that is not done here");
        refusal.headers = vec![("allow", reply::allowed(methods))];
        refusal
    }

    pub(crate) fn not_acceptable(accept: &str) -> Self {
        let said = format!("accept {accept} is not {TAXII}");
        Self::saying(StatusCode::NOT_ACCEPTABLE, "answers are given in another form", said)
    }

    pub(crate) fn media_type(content_type: Option<&str>) -> Self {
        let said = format!("a body is {TAXII}, not {}", content_type.unwrap_or("of no type"));
        Self::saying(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bodies are taken in another form", said)
    }

    pub(crate) fn coding(name: &str) -> Self {
        let said = format!("a body is packed as gzip or zstd, or not at all, and not as {name}");
        let mut refusal =
            Self::saying(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bodies are taken in another form", said);
        // RFC 9110 §12.5.3: so it is told apart from a media type that is not taken.
        refusal.headers = vec![("accept-encoding", "gzip, zstd".to_owned())];
        refusal
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let said = format!("a body has at most {limit} bytes, also when it is unpacked");
        Self::saying(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large", said)
    }

    pub(crate) fn busy() -> Self {
        Self::later("the node has as much in hand as it can hold")
    }

    fn later(title: &'static str) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, title);
        refusal.headers = vec![("retry-after", "5".to_owned())];
        refusal
    }

    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")
    }

    pub(crate) fn bad(what: impl Into<String>) -> Self {
        Self::saying(StatusCode::BAD_REQUEST, "the request cannot be understood", what)
    }

    pub(crate) fn unprocessable(what: impl Into<String>) -> Self {
        Self::saying(StatusCode::UNPROCESSABLE_ENTITY, "the body cannot be processed", what)
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the node failed; its log says why")
    }

    /// As a page says it: the status, what is wrong, and headers that go with it.
    pub(crate) fn parts(self) -> (StatusCode, String, Vec<(&'static str, String)>) {
        let text = if self.description.is_empty() {
            self.title.to_owned()
        } else {
            format!("{}: {}", self.title, self.description)
        };
        (self.status, text, self.headers)
    }

    pub(crate) fn response(self) -> Response {
        let mut body = json!({ "title": self.title, "http_status": self.status.as_u16().to_string() });
        if !self.description.is_empty() {
            body["description"] = self.description.into();
        }
        let mut response =
            reply::secured(Response::builder().status(self.status).header("content-type", TAXII));
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        reply::built(response, Body::from(body.to_string()))
    }
}

fn failed(error: &dyn std::error::Error) {
    log(Level::Error, "request.failed", &[("error", chain(error).into())]);
}

/// What failed within is told to the log, and to the requester only as far as it helps.
impl From<NodeError> for Refusal {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Store(error) => error.into(),
            NodeError::Unaudited { is_full: true } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "the disk is full: what is released could not be recorded, and so is not",
            ),
            NodeError::Unaudited { is_full: false } => Self::later("what is released cannot be recorded now"),
            other => {
                failed(&other);
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        failed(&error);
        match error {
            StoreError::Full(_) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "the disk is full; nothing of the request was kept",
            ),
            StoreError::Busy(_) | StoreError::Unreachable(_) | StoreError::Insecure { .. } => {
                Self::later("the store cannot be reached now")
            }
            StoreError::Unstorable { what, reason } => {
                Self::bad(format!("{what} cannot be stored: {reason}"))
            }
            _ => Self::internal(),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
