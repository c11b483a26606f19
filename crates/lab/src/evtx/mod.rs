//! Windows event logs in their own format.

mod file;

pub(crate) use file::{CHUNK_BYTES, HEADER_BLOCK_BYTES, header};
