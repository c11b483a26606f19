//! Reading a file once more, after the scan, for something that only other files made worth looking for.

use std::io::{self, Read};
use std::ops::ControlFlow;

use watchfire_artifact::lines::{Chunk, Chunks, read_head};
use watchfire_artifact::{Evidence, HEAD_BYTES, Kind, Layout, WindowsPath, evtx, recognise};

/// Hands the time at which each record of an event file was written to `each`, until `each` breaks off; no other file
/// has such records.
pub(crate) fn written(evidence: &Evidence, mut each: impl FnMut(u64) -> ControlFlow<()>) -> io::Result<()> {
    evidence.read(|source| {
        let mut chunks = evtx::Chunks::range(source, 0..u64::MAX);
        let mut first = true;
        while let Some(found) = chunks.next_chunk()? {
            let evtx::Found::Chunk(chunk) = found else {
                if std::mem::take(&mut first) {
                    break;
                }
                continue;
            };
            first = false;
            let written = chunk.records().flatten().filter(|record| !record.recovered);
            if written.map(|record| each(record.written)).any(|flow| flow.is_break()) {
                break;
            }
        }
        Ok(())
    })?
}

/// Hands the chunks of a file of lines to `each`, with its layout if it has columns, until `each` breaks off. The layout is
/// `each`'s own to keep up to date with the directives it meets.
pub(crate) fn read(
    evidence: &Evidence,
    mut each: impl FnMut(&Chunk<'_>, Option<&mut Layout>) -> ControlFlow<()>,
) -> io::Result<()> {
    evidence.read(|source| {
        let mut head = Vec::new();
        read_head(source, HEAD_BYTES, &mut head)?;
        let (recognised, _) = recognise(&evidence.path, &WindowsPath::find(&evidence.path), &head);
        if recognised.kind == Kind::Evtx {
            return Ok(());
        }
        let mut layout = recognised.layout;
        let mut chunks = Chunks::whole(io::Cursor::new(head).chain(source), recognised.encoding);
        while let Some(chunk) = chunks.next_chunk()? {
            if each(&chunk, layout.as_mut()).is_break() {
                break;
            }
        }
        Ok(())
    })?
}
