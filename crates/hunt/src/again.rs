//! Reading a file once more, after the scan, for something that only other files made worth looking for.

use std::io::{self, Read};
use std::ops::ControlFlow;

use watchfire_artifact::lines::{Chunk, Chunks, read_head};
use watchfire_artifact::{Evidence, HEAD_BYTES, Kind, Layout, WindowsPath, evtx, recognise};

/// What a file is read as.
pub(crate) enum Again<'a, 'c> {
    /// A chunk of lines, with the layout if the log has columns. The layout is the reader's own to keep up to date with
    /// the directives it meets.
    Lines(&'a Chunk<'c>, Option<&'a mut Layout>),
    /// A record that an event file still holds: when it was written, in 100 ns since 1601.
    Event(u64),
}

/// Hands what a file holds to `each`, until `each` breaks off.
pub(crate) fn read(
    evidence: &Evidence,
    mut each: impl FnMut(Again<'_, '_>) -> ControlFlow<()>,
) -> io::Result<()> {
    evidence.read(|source| {
        let mut head = Vec::new();
        read_head(source, HEAD_BYTES, &mut head)?;
        let (recognised, _) = recognise(&evidence.path, &WindowsPath::find(&evidence.path), &head);
        let whole = io::Cursor::new(head).chain(source);
        if recognised.kind == Kind::Evtx {
            return events(evtx::Chunks::range(whole, 0..u64::MAX), |written| each(Again::Event(written)));
        }
        let mut layout = recognised.layout;
        let mut chunks = Chunks::whole(whole, recognised.encoding);
        while let Some(chunk) = chunks.next_chunk()? {
            if each(Again::Lines(&chunk, layout.as_mut())).is_break() {
                break;
            }
        }
        Ok(())
    })?
}

fn events(
    mut chunks: evtx::Chunks<impl Read>,
    mut each: impl FnMut(u64) -> ControlFlow<()>,
) -> io::Result<()> {
    while let Some(found) = chunks.next_chunk()? {
        let evtx::Found::Chunk(chunk) = found else { continue };
        let mut held = chunk.records().flatten().filter(|record| !record.recovered);
        if held.any(|record| each(record.written).is_break()) {
            break;
        }
    }
    Ok(())
}
