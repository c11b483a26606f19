//! What another server answered.

use axum::http::{HeaderMap, StatusCode};

use crate::error::{NodeError, Result};
use crate::packing::{Coding, Unpacking};

/// What a server answered.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What went wrong on the way, in words without any credential.
pub(super) fn failed(reason: impl Into<String>) -> NodeError {
    NodeError::Upstream { reason: reason.into() }
}

/// Unpacks an answer within the same limit.
pub(super) fn unpacked(mut got: Got, limit_bytes: usize) -> Result<Got> {
    let encoding = got.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    if encoding.is_empty() || encoding == "identity" {
        return Ok(got);
    }
    let coding = Coding::of(&encoding)
        .ok_or_else(|| failed(format!("the answer is packed as {encoding}, which was not asked for")))?;
    got.body = coding.unpack(&got.body, limit_bytes, |_| true).map_err(|error| match error {
        Unpacking::TooLarge => failed(format!("the answer unpacks to more than {limit_bytes} bytes")),
        Unpacking::Malformed | Unpacking::NoRoom => {
            failed(format!("the answer is no whole {}", coding.name()))
        }
    })?;
    Ok(got)
}
