//! Windows event logs in their own format, [MS-EVEN6] and "Windows XML Event Log format" (libevtx), for tests that
//! need logs and may not carry other people's.
//!
//! [`write`] gives the bytes of a whole `.evtx` as Windows would have closed it: checksums, tables of names and
//! templates, binary XML with a template for `System` and a nested one for what the provider says, values in their
//! stored forms.

mod chunk;
mod event;
mod file;
mod identity;
mod template;
mod value;

pub use event::{Event, Payload};
pub use identity::{Guid, Sid, file_time};
pub use value::Value;

use chunk::Chunk;
pub(crate) use file::{CHUNK_BYTES, HEADER_BLOCK_BYTES, header};

/// A log with these events, in this order.
///
/// # Panics
/// If one event alone is longer than a chunk, 64 KiB: Windows does not keep such events.
pub fn write(events: &[Event]) -> Vec<u8> {
    let mut chunks = Vec::new();
    let mut chunk = Chunk::new(1);
    for (event, number) in events.iter().zip(1..) {
        let instance = event.instance();
        if chunk.append(event.record, event.time, &instance) {
            continue;
        }
        let full = std::mem::replace(&mut chunk, Chunk::new(number));
        if full.records() > 0 {
            chunks.push(full.finish());
        }
        assert!(
            chunk.append(event.record, event.time, &instance),
            "event {} does not fit into a chunk",
            event.record
        );
    }
    if chunk.records() > 0 || chunks.is_empty() {
        chunks.push(chunk.finish());
    }
    let next_record = events.last().map_or(1, |event| event.record + 1);
    let mut bytes = header(chunks.len() as u64, next_record);
    bytes.extend(chunks.into_iter().flatten());
    bytes
}
