//! Cutting the evidence into units of work.
//!
//! A long plain log is cut into ranges that are scanned apart, so that one huge file keeps all cores busy; everything
//! else is one unit a file. The cut depends on the evidence alone and never on the number of threads: parts come back
//! in the order of the units, so that a report has the same bytes however it was made.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use watchfire_artifact::evtx::FILE_HEADER_BYTES;
use watchfire_artifact::lines::read_limited;
use watchfire_artifact::{
    Evidence, Gathered, HEAD_BYTES, Kind, Locator, Problem, Recognised, WindowsPath, gather, recognise,
};

/// A range of a long log: large enough that starting on it costs nothing, small enough to share out.
pub(crate) const UNIT_BYTES: u64 = 16 << 20;

/// A piece of work.
#[derive(Clone)]
pub(crate) struct Unit {
    /// Which evidence, by its place in the list.
    pub(crate) evidence: usize,
    /// Where in it, and what it is, for a range; none for the whole.
    pub(crate) range: Option<(Range<u64>, Arc<Recognised>)>,
}

impl Unit {
    /// How many bytes it is, for the progress bar.
    pub(crate) fn bytes(&self, evidence: &Evidence) -> u64 {
        self.range.as_ref().map_or(evidence.size, |(range, _)| range.end.min(evidence.size) - range.start)
    }
}

/// All evidence below some paths, and its units in order.
pub(crate) fn list(paths: &[PathBuf]) -> (Gathered, Vec<Unit>) {
    let gathered = gather(paths);
    let cut = |(index, evidence)| cut(index, evidence);
    let units = gathered.evidence.par_iter().enumerate().flat_map_iter(cut).collect();
    (gathered, units)
}

/// Cuts one piece of evidence into units.
fn cut(index: usize, evidence: &Evidence) -> Vec<Unit> {
    let whole = vec![Unit { evidence: index, range: None }];
    if evidence.size <= UNIT_BYTES || !evidence.is_plain_file() {
        return whole;
    }
    let Ok((recognised, _)) = recognise_evidence(evidence) else { return whole };
    let by_lines = recognised.kind.is_lines() || recognised.kind == Kind::EventsJson;
    if recognised.kind != Kind::Evtx && (!by_lines || recognised.encoding.is_wide()) {
        return whole;
    }
    // Chunks of events stay whole, and lines do not care where a range begins.
    let first = if recognised.kind == Kind::Evtx { FILE_HEADER_BYTES } else { 0 };
    let recognised = Arc::new(recognised);
    let cuts = (first + UNIT_BYTES..evidence.size).step_by(UNIT_BYTES as usize);
    let starts = std::iter::once(0).chain(cuts.clone());
    // The last range has no end: a live log may have grown since it was listed.
    let ends = cuts.chain(std::iter::once(u64::MAX));
    starts
        .zip(ends)
        .map(|(start, end)| Unit { evidence: index, range: Some((start..end, Arc::clone(&recognised))) })
        .collect()
}

fn recognise_evidence(evidence: &Evidence) -> std::io::Result<(Recognised, Vec<Problem>)> {
    debug_assert!(!matches!(evidence.locator, Locator::Tar { .. }), "a tar archive is no single file");
    let (head, _) = evidence.read(|source| read_limited(source, HEAD_BYTES))??;
    Ok(recognise(&evidence.path, &WindowsPath::find(&evidence.path), &head))
}
