//! Chunks of event files: any bytes, read as records and written as XML, must end without a panic and inside bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::evtx::{self, Chunks, Found, Read, Reader};

fuzz_target!(|data: &[u8]| {
    // Most bytes are no chunk at all; those that are meant as records get a chunk around them.
    let chunk = [evtx::CHUNK_MAGIC.as_slice(), &[0; 504], data].concat();
    for file in [data, &chunk] {
        let mut reader = Reader::new();
        let mut chunks = Chunks::range(file, 0..u64::MAX);
        while let Ok(Some(found)) = chunks.next_chunk() {
            let Found::Chunk(chunk) = found else { continue };
            let _ = chunk.damage();
            for raw in chunk.records().flatten() {
                let _ = evtx::xml(&chunk, &raw.xml);
                if let Ok(Read::Formed(record)) = reader.read(&chunk, &raw) {
                    let contents = record.form.fields.iter().flat_map(|field| &field.sources);
                    contents.filter_map(|source| record.content(source)).for_each(|content| {
                        let _ = (content.text(), content.texts().count());
                    });
                }
            }
        }
    }
});
