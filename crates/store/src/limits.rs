//! Limits that several parts of the store share.

/// The longest page. Ten times what clients ask for; it bounds the memory of an answer.
pub const PAGE_LIMIT: usize = 10_000;

/// A page ends after the objects with which it has so many bytes: some thousand objects of the usual size are a tenth of
/// it, and a few reports with their images are all of it.
pub const PAGE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// The largest object. The largest real ones (a report with its images) are a few megabytes; PostgreSQL holds a value
/// of up to 1 GB, and a node says a smaller limit itself (TAXII 2.1 `max_content_length`).
pub const OBJECT_LIMIT_BYTES: usize = 64 * 1024 * 1024;
