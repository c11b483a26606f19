//! Chunks of a file cover each of its bytes once, in any encoding, whole or in ranges.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::decode::Encoding;
use watchfire_artifact::lines::{Chunks, ranges};

fuzz_target!(|data: &[u8]| {
    let encoding = Encoding::detect(data);
    let mut chunks = Chunks::whole(data, encoding);
    let mut seen = encoding.mark().min(data.len());
    while let Some(chunk) = chunks.next_chunk().expect("memory does not fail") {
        assert_eq!(chunk.offset_of(0), seen as u64);
        for line in ranges(chunk.text) {
            let _ = (chunk.offset_of(line.start), chunk.raw(line));
        }
        seen += chunk.raw(0..chunk.text.len()).len();
    }
    assert!(data.len() - seen <= 1, "an odd byte of UTF-16 may be left");
});
