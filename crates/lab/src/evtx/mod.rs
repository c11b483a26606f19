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
mod written_out;

pub use event::{Event, Payload};
pub use identity::{Guid, Sid, file_time};
pub use value::Value;

use chunk::{Body, Chunk};
pub(crate) use file::{CHUNK_BYTES, HEADER_BLOCK_BYTES, header};

/// A log with these events, in this order.
///
/// # Panics
/// If one event alone is longer than a chunk, 64 KiB: Windows does not keep such events.
pub fn write(events: &[Event]) -> Vec<u8> {
    let mut log = Log::default();
    for event in events {
        assert!(log.append(event), "event {} does not fit into a chunk", event.record);
    }
    log.finish()
}

/// A log that grows event by event.
#[derive(Default)]
pub struct Log {
    full: Vec<Vec<u8>>,
    chunk: Option<Chunk>,
    records: u64,
    next_record: u64,
}

impl Log {
    /// Appends an event, or says that it is longer than a chunk and leaves it out.
    pub fn append(&mut self, event: &Event) -> bool {
        self.append_body(event, &Body::Instance(event.instance()))
    }

    /// The same without a template: every element, attribute and text is written out.
    ///
    /// # Panics
    /// If the event has values that have no text here: lists, bytes, identifiers.
    pub fn append_written_out(&mut self, event: &Event) -> bool {
        self.append_body(event, &Body::WrittenOut(written_out::written_out(&event.instance())))
    }

    fn append_body(&mut self, event: &Event, body: &Body) -> bool {
        let mut chunk = self.chunk.take().unwrap_or_else(|| Chunk::new(self.records + 1));
        let mut fits = chunk.append(event.record, event.time, body);
        if !fits {
            if chunk.records() > 0 {
                self.full.push(chunk.finish());
            }
            chunk = Chunk::new(self.records + 1);
            fits = chunk.append(event.record, event.time, body);
        }
        if fits {
            self.records += 1;
            self.next_record = event.record.wrapping_add(1);
            self.chunk = Some(chunk);
        }
        fits
    }

    /// The bytes of the whole file.
    pub fn finish(mut self) -> Vec<u8> {
        if let Some(chunk) = self.chunk.take().or_else(|| self.full.is_empty().then(|| Chunk::new(1))) {
            self.full.push(chunk.finish());
        }
        let mut bytes = header(self.full.len() as u64, self.next_record.max(1));
        bytes.extend(self.full.into_iter().flatten());
        bytes
    }
}
