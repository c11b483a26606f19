//! No archive makes the walk panic or read without end.
#![no_main]

use std::io::{Read, copy, sink};

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::archive::{Shared, Zip, gunzip, tar_members};

fuzz_target!(|data: &[u8]| {
    if let Ok(mut zip) = Zip::open(Shared::memory(data.to_vec())) {
        for index in 0..zip.count().min(16) {
            let _ = zip.member(index);
            let _ = zip.read(index, |member| copy(&mut member.take(1 << 20), &mut sink()));
        }
    }
    let _ = copy(&mut gunzip(data, data.len() as u64).take(1 << 20), &mut sink());
    let _ = tar_members(data, |_, member| {
        let _ = copy(&mut member.take(1 << 20), &mut sink());
    });
});
