//! Part files of a hunt in shards: any bytes behind a right first line must be refused or read, without a panic.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use watchfire_hunt::Options;
use watchfire_hunt::shards::{self, By, Plan};

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    Plan::new(&[], By::default(), String::new(), &Options::default(), 1).expect("an empty hunt has a plan")
});

fuzz_target!(|data: &[u8]| {
    let _ = Plan::parse(&String::from_utf8_lossy(data));
    let _ = shards::units_in(&PLAN, data);
    // A frame around the bytes, with the right length and sum.
    let mut part = PLAN.part_head(1).into_bytes();
    part.extend_from_slice(&(data.len() as u64).to_le_bytes());
    part.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    part.extend_from_slice(data);
    part.extend_from_slice(&[0; 12]);
    let _ = shards::units_in(&PLAN, part.as_slice());
});
