//! From evidence to an answer: was this server attempted, exploited, kept?
//!
//! A hunt has three steps, and they are apart so that they can be done apart. *Plan*: the evidence is listed and cut
//! into units ([`unit`]). *Scan*: each unit is read alone and gives a part: hits, coverage, problems ([`scan`]).
//! *Merge*: parts become servers, findings, acts with their witnesses, gaps, verdicts and a story ([`merge`]).
//! What it looks for is content ([`content`]); how the answer is shown is [`report`].
//!
//! Nothing here asks the time, opens a connection or depends on the number of threads: the same evidence and the same
//! content give the same answer, byte for byte.

mod acts;
mod again;
mod allow;
mod checks;
mod choice;
pub mod content;
mod details;
mod exposure;
mod finding;
mod intel;
mod known;
mod merge;
pub mod model;
mod number;
mod options;
mod packed;
mod pivot;
pub mod profile;
mod proof;
pub mod report;
mod scan;
mod servers;
pub mod shards;
pub mod summary;
mod tally;
mod timeline;
mod unit;
mod verdict;
mod witness;

use std::path::PathBuf;

use rayon::prelude::*;
use watchfire_artifact::Evidence;

use content::Content;
use model::Hunted;
use profile::{Clock, Profile};
use scan::{Part, Scanner};
use unit::Unit;

pub use allow::AllowList;
pub use choice::{Choice, Term, TermError};
pub use options::{Options, Progress, Quiet};

/// Why a hunt could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum HuntError {
    /// The threads could not be started.
    #[error("cannot start the threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Hunts over all files below `paths`.
pub fn hunt(
    paths: &[PathBuf],
    content: &Content,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Hunted, HuntError> {
    Ok(pool(options.threads)?.install(|| run(paths, content, options, progress, None)).0)
}

/// The same, and where the time went, by a clock.
pub fn hunt_measured(
    paths: &[PathBuf],
    content: &Content,
    options: &Options,
    progress: &dyn Progress,
    clock: Clock,
) -> Result<(Hunted, Profile), HuntError> {
    let (hunted, profile) =
        pool(options.threads)?.install(|| run(paths, content, options, progress, Some(clock)));
    Ok((hunted, profile.expect("a hunt with a clock is measured")))
}

fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, HuntError> {
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build()?)
}

fn run(
    paths: &[PathBuf],
    content: &Content,
    options: &Options,
    progress: &dyn Progress,
    clock: Option<Clock>,
) -> (Hunted, Option<Profile>) {
    let (gathered, units) = unit::list(paths);
    let evidence = &gathered.evidence;
    progress.start(units.iter().map(|unit| unit.bytes(&evidence[unit.evidence])).sum());
    let scanner = Scanner::new(content, clock);
    let (scanned, times) = scan_all(&scanner, evidence, &units, progress);
    let mut parts = settle(&scanner, evidence, &units, scanned);
    let profile = scanner.costs().map(|costs| Profile::new(evidence, &times, content, &costs));
    let roots = roots(paths);
    let input = known::Input { roots: &roots, gathered: &gathered, content, options };
    (merge::merge(&input, &mut parts), profile)
}

fn roots(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.to_string_lossy().replace('\\', "/")).collect()
}

/// What the scan of one unit took: the evidence, by its number, and nanoseconds.
type Took = (usize, u64);

/// Scans all units, each into its parts, and says what each took where that is measured.
fn scan_all(
    scanner: &Scanner<'_>,
    evidence: &[Evidence],
    units: &[Unit],
    progress: &dyn Progress,
) -> (Vec<Vec<Part>>, Vec<Took>) {
    let scan = |unit: &Unit| {
        let start = scanner.now();
        let parts = scanner.scan(&evidence[unit.evidence], unit);
        progress.advance(unit.bytes(&evidence[unit.evidence]));
        (parts, (unit.evidence, scanner.now().saturating_sub(start)))
    };
    units.par_iter().map(scan).unzip()
}

/// The parts of all units in their order, where each range was read with the columns that its file had by then.
fn settle(
    scanner: &Scanner<'_>,
    evidence: &[Evidence],
    units: &[Unit],
    scanned: Vec<Vec<Part>>,
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(scanned.len());
    for (unit, scanned) in units.iter().zip(scanned) {
        // A range assumed the columns of its file's head; where they changed before it, it is read again with the
        // right ones.
        let before =
            parts.last().filter(|part| part.evidence == unit.evidence).and_then(|part| part.layout.clone());
        match (&unit.range, before) {
            (Some((range, recognised)), Some(layout))
                if assumed_other(recognised.layout.as_ref(), &layout) =>
            {
                let mut recognised = (**recognised).clone();
                recognised.layout = Some(layout);
                let unit = Unit { evidence: unit.evidence, range: Some((range.clone(), recognised.into())) };
                parts.extend(scanner.scan(&evidence[unit.evidence], &unit));
            }
            _ => parts.extend(scanned),
        }
    }
    parts
}

fn assumed_other(assumed: Option<&watchfire_artifact::Layout>, actual: &watchfire_artifact::Layout) -> bool {
    assumed.is_none_or(|assumed| assumed.columns() != actual.columns())
}
