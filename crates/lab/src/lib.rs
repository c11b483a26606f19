//! Invented evidence: a laboratory that writes what a broken-into Exchange server would have kept.
//!
//! Real evidence of a real intrusion cannot be published, and the public samples are excerpts. This crate invents
//! an organisation of forty people with one Exchange 2016 CU19 server, lets it live through the week from
//! 26 February to 4 March 2021, and breaks into it on the third of March in the way that was used that week all
//! over the world (CVE-2021-26855 and CVE-2021-27065). [`example`] gives the collection that a responder would have
//! brought home: about a thousand files in the formats, and with the flaws, of the originals. What happened is known
//! to the minute and stands as a table in `examples/README.md`, so that a hunt can be marked.
//!
//! # What is inside
//! - `probes`, `office`, `noise`: a clean week. The server's own probes, forty people, an administrator who changes
//!   a setting, scanners, updates.
//! - `intrusion`: the same server's other life: arrival, use of the shell, covering up.
//! - `web`, `exchange`, `windows`, `documents`: the formats. One value, such as a request, is written to all the
//!   logs that would have seen it, so that witnesses agree.
//! - `collection`: lines become files; some are missing.
//! - [`evtx`], `event_log`: Windows' own format, and the story's events in it ([`example_event_logs`]).
//! - [`bulk`](bulk()): the same clean traffic without end, for benchmarks.
//! - [`dense`](dense()): event logs without empty space, from somebody's collection, for benchmarks.
//! - [`rebuild`](rebuild()): event logs from events that were only kept as flat JSON lines, for benchmarks.
//!
//! # What is not inside
//! **Nothing here works.** Where the text of the web shell stands, its body is a comment that says so; there is no
//! exploit, and no request can be replayed. Names belong to nobody, addresses come from the ranges for documentation.
//!
//! The same seed gives the same bytes, on every machine.

mod bulk;
mod collection;
mod dense;
mod documents;
mod event;
mod event_log;
pub mod evtx;
mod exchange;
mod files;
mod intrusion;
mod json;
mod moment;
mod noise;
mod office;
mod organisation;
mod probes;
mod random;
mod rebuild;
mod row;
mod web;
mod windows;

pub use bulk::{Written, bulk};
pub use collection::File;
pub use dense::dense;
pub use files::files;
pub use rebuild::{Rebuilt, rebuild};

use collection::Collection;
use moment::Moment;
use random::Random;

/// The seed of the example that stands in the repository.
pub const DEFAULT_SEED: u64 = 20_210_303;

/// The whole collection of the invented server, in the order of the paths.
pub fn example(seed: u64) -> Vec<File> {
    story(seed).into_files()
}

/// The Windows events of the same server and the same week as `.evtx`, in the order of the paths.
pub fn example_event_logs(seed: u64) -> Vec<File> {
    story(seed).into_event_logs()
}

fn story(seed: u64) -> Collection {
    let mut collection = Collection::new(seed);
    let start = Moment::utc(2, 26, 0, 0, 0);
    probes::write(&mut collection, &mut Random::new(seed, "probes"), start);
    let mut random = Random::new(seed, "office");
    for day in 0..7 {
        // The week begins on a Friday.
        let weekend = day == 1 || day == 2;
        office::write_day(&mut collection, &mut random, start.plus_seconds(day * 86_400), weekend);
    }
    office::administrators_change(&mut collection);
    noise::write(&mut collection, &mut Random::new(seed, "noise"));
    intrusion::write(&mut collection);
    documents::write(&mut collection);
    collection
}
