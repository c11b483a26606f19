//! Reading a file once more, after the scan, for something that only other files made worth looking for.

use std::io::{self, Read};
use std::ops::ControlFlow;

use watchfire_artifact::lines::{Chunk, Chunks, read_head};
use watchfire_artifact::{Evidence, HEAD_BYTES, Layout, WindowsPath, recognise};

/// Hands the chunks of a file to `each`, with its layout if it has columns, until `each` breaks off. The layout is
/// `each`'s own to keep up to date with the directives it meets.
pub(crate) fn read(
    evidence: &Evidence,
    mut each: impl FnMut(&Chunk<'_>, Option<&mut Layout>) -> ControlFlow<()>,
) -> io::Result<()> {
    evidence.read(|source| {
        let mut head = Vec::new();
        read_head(source, HEAD_BYTES, &mut head)?;
        let (recognised, _) = recognise(&evidence.path, &WindowsPath::find(&evidence.path), &head);
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
