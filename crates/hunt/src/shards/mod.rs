//! The same hunt in shards: a plan that many machines read, parts that each of them writes, one merge.
//!
//! A plan says what is hunted through, by what content, and into how many shards its units are dealt. A scan reads the
//! units of one shard and writes a part file; the merge wants every shard exactly once and gives the same answer as a
//! hunt in one go, byte for byte. All three must see the same evidence under the same paths, so a plan holds a digest
//! of the list of files, and of the content, and neither a scan nor a merge goes on where one of them differs.

mod frames;
mod plan;

use std::io::{Read, Write};

use rayon::prelude::*;
use watchfire_artifact::Gathered;

use crate::content::Content;
use crate::model::Hunted;
use crate::options::{Options, Progress};
use crate::scan::Scanner;
use crate::unit::Unit;
use crate::{HuntError, known, merge, pool, roots, settle};

pub use frames::PartError;
use frames::{PartReader, PartWriter};
pub use plan::{By, Plan, PlanError};

/// Why a shard could not be scanned, or shards not be merged.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The plan does not fit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A part file does not fit, or could not be written.
    #[error("part file {number}")]
    Part {
        /// Which of those given, from 1.
        number: usize,
        /// Why.
        source: PartError,
    },
    /// Shards are missing.
    #[error("no part file holds shard {}", list(.0))]
    Missing(Vec<u32>),
    /// The threads could not be started.
    #[error(transparent)]
    Hunt(#[from] HuntError),
}

fn list(shards: &[u32]) -> String {
    shards.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// Scans the units of one shard and writes them as a part file.
///
/// # Errors
/// Where the evidence or the content is not what was planned, there is no such shard, or `out` fails.
pub fn scan(
    plan: &Plan,
    shard: u32,
    content: &Content,
    threads: Option<usize>,
    progress: &dyn Progress,
    out: &mut dyn Write,
) -> Result<(), ShardError> {
    let written = |source| ShardError::Part { number: 1, source };
    plan.has(shard)?;
    let pool = pool(threads)?;
    let (gathered, units) = pool.install(|| plan.list())?;
    let mine = plan.units_of(shard, &gathered, &units);
    let evidence = &gathered.evidence;
    progress.start(mine.iter().map(|&unit| units[unit].bytes(&evidence[units[unit].evidence])).sum());
    let scanner = Scanner::new(content, None);
    let mut writer = PartWriter::new(out, plan, shard).map_err(written)?;
    // A shard can be larger than the memory: units are scanned by the handful and written in their order.
    for some in mine.chunks(UNITS_AT_A_TIME) {
        let scanned: Vec<_> = pool.install(|| {
            let scan = |&number: &usize| {
                let unit: &Unit = &units[number];
                let parts = scanner.scan(&evidence[unit.evidence], unit);
                progress.advance(unit.bytes(&evidence[unit.evidence]));
                (number, parts)
            };
            some.par_iter().map(scan).collect()
        });
        for (number, parts) in &scanned {
            writer.unit(*number, parts).map_err(written)?;
        }
    }
    writer.finish().map_err(written)
}

/// Units that are scanned between two writes; enough to keep many cores busy.
const UNITS_AT_A_TIME: usize = 1024;

/// Merges part files of all shards into the answer. `options` are [`Plan::options`].
///
/// # Errors
/// Where the evidence or the content is not what was planned, a part file is of another plan or broken, or a shard is
/// missing.
pub fn merge<R: Read>(
    plan: &Plan,
    parts: impl IntoIterator<Item = R>,
    content: &Content,
    options: &Options,
) -> Result<Hunted, ShardError> {
    let pool = pool(options.threads)?;
    let (gathered, units) = pool.install(|| plan.list())?;
    let mut scanned: Vec<Option<Vec<crate::scan::Part>>> = vec![None; units.len()];
    for (index, part) in parts.into_iter().enumerate() {
        let of_part = |source| ShardError::Part { number: index + 1, source };
        let mut reader = PartReader::new(part, plan).map_err(of_part)?;
        while let Some((unit, parts)) =
            reader.next_unit(units.len(), content.infos.len() + content.intel.len()).map_err(of_part)?
        {
            scanned[unit] = Some(parts);
        }
    }
    let missing = missing(plan, &gathered, &units, &scanned);
    if !missing.is_empty() {
        return Err(ShardError::Missing(missing));
    }
    let scanned = scanned.into_iter().flatten().collect();
    Ok(pool.install(|| {
        let scanner = Scanner::new(content, None);
        let mut parts = settle(&scanner, &gathered.evidence, &units, scanned);
        let roots = roots(&plan.paths());
        let input = known::Input { roots: &roots, gathered: &gathered, content, options };
        merge::merge(&input, &mut parts)
    }))
}

/// The numbers of the units that a part file holds.
///
/// # Errors
/// Where it is of another plan, or broken.
pub fn units_in(plan: &Plan, part: impl Read) -> Result<Vec<usize>, PartError> {
    let mut reader = PartReader::new(part, plan)?;
    let mut units = Vec::new();
    while let Some((unit, _)) = reader.next_unit(plan.units, usize::MAX)? {
        units.push(unit);
    }
    Ok(units)
}

/// Shards of which a unit is missing.
fn missing<T>(plan: &Plan, gathered: &Gathered, units: &[Unit], scanned: &[Option<T>]) -> Vec<u32> {
    let lacks =
        |&shard: &u32| plan.units_of(shard, gathered, units).iter().any(|&unit| scanned[unit].is_none());
    (1..=plan.shards).filter(lacks).collect()
}
