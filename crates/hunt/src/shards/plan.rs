//! What all shards of a hunt have in common.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use watchfire_artifact::Gathered;
use watchfire_artifact::document::hex_lower;

use crate::allow::AllowList;
use crate::options::Options;
use crate::unit::{self, Unit};

/// A plan of another kind or version is none.
const KIND: &str = "watchfire hunt plan 1";

/// More shards than a cluster has cores.
const SHARDS_LIMIT: u32 = 1 << 20;

/// A hunt, dealt into shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    kind: String,
    /// The folders and files to hunt through, as typed: every scan and the merge must see them under these names.
    paths: Vec<String>,
    /// By what it goes.
    #[serde(flatten)]
    pub by: By,
    /// Nothing before this counts.
    pub since: Option<Timestamp>,
    /// Nothing after this counts.
    pub until: Option<Timestamp>,
    /// Into how many shards the units are dealt; they are numbered from 1.
    pub shards: u32,
    /// Units of work.
    pub units: usize,
    /// Bytes of evidence.
    pub bytes: u64,
    /// SHA-256 of the names and sizes of all evidence.
    pub evidence: String,
    /// SHA-256 of the content, as whoever loads it works it out.
    pub content: String,
}

/// By what a hunt goes: what each of its scans and its merge load again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// What `--rules` was given.
    pub rules: Vec<String>,
    /// What `--pipeline` was given.
    pub pipelines: Vec<String>,
    /// What `--intel` was given.
    pub intel: Vec<String>,
    /// What `--warninglist` was given.
    pub warninglists: Vec<String>,
    /// What `--include` was given.
    pub include: Vec<String>,
    /// What `--exclude` was given.
    pub exclude: Vec<String>,
}

/// Why a plan is none, or is not the plan of what is here.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is not JSON of the right shape.
    #[error("not a plan")]
    Unreadable(#[from] serde_json::Error),
    /// It is of another version.
    #[error("a plan of another kind: {0:?}")]
    OtherKind(String),
    /// A number of shards that is none.
    #[error("a hunt has 1 to {SHARDS_LIMIT} shards, not {0}")]
    Shards(u32),
    /// There is no such shard.
    #[error("there is no shard {shard}: the plan has 1 to {shards}")]
    NoShard {
        /// What was asked for.
        shard: u32,
        /// How many there are.
        shards: u32,
    },
    /// The evidence is not what was planned.
    #[error("the evidence is not what was planned: its files or their sizes differ")]
    OtherEvidence,
    /// A path that is not UTF-8 cannot stand in a plan.
    #[error("{0:?} is not UTF-8 and cannot stand in a plan")]
    Path(PathBuf),
}

impl Plan {
    /// Plans a hunt over all files below `paths`, by content whose digest is `content`.
    ///
    /// # Errors
    /// Where a path cannot be written down or the number of shards is none.
    pub fn new(
        paths: &[PathBuf],
        by: By,
        content: String,
        options: &Options,
        shards: u32,
    ) -> Result<Self, PlanError> {
        if !(1..=SHARDS_LIMIT).contains(&shards) {
            return Err(PlanError::Shards(shards));
        }
        let written = |path: &PathBuf| path.to_str().map(str::to_owned).ok_or(PlanError::Path(path.clone()));
        let (gathered, units) = unit::list(paths);
        Ok(Self {
            kind: KIND.to_owned(),
            paths: paths.iter().map(written).collect::<Result<_, _>>()?,
            by,
            since: options.since,
            until: options.until,
            shards,
            units: units.len(),
            bytes: gathered.evidence.iter().map(|evidence| evidence.size).sum(),
            evidence: digest(&gathered),
            content,
        })
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// Where the text is no plan of this version.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_str(text)?;
        if plan.kind != KIND {
            return Err(PlanError::OtherKind(plan.kind));
        }
        if !(1..=SHARDS_LIMIT).contains(&plan.shards) {
            return Err(PlanError::Shards(plan.shards));
        }
        Ok(plan)
    }

    /// The plan as JSON, for people too.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers can be written") + "\n"
    }

    /// The folders and files to hunt through.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.paths.iter().map(PathBuf::from).collect()
    }

    /// What the merge goes by: the window is the plan's, the rest is said when its answer is wanted.
    pub fn options(&self, threads: Option<usize>, allow: AllowList) -> Options {
        Options { since: self.since, until: self.until, threads, allow, ..Options::default() }
    }

    /// What parts of this plan are known by.
    pub(super) fn digest(&self) -> String {
        hex_lower(&Sha256::digest(self.to_json()))
    }

    pub(super) fn has(&self, shard: u32) -> Result<(), PlanError> {
        if (1..=self.shards).contains(&shard) {
            return Ok(());
        }
        Err(PlanError::NoShard { shard, shards: self.shards })
    }

    /// The evidence and its units, if they are those that were planned.
    pub(super) fn list(&self) -> Result<(Gathered, Vec<Unit>), PlanError> {
        let (gathered, units) = unit::list(&self.paths());
        if digest(&gathered) != self.evidence || units.len() != self.units {
            return Err(PlanError::OtherEvidence);
        }
        Ok((gathered, units))
    }

    /// The units of a shard, in order: the largest are dealt first, each to the shard that has least.
    pub(super) fn units_of(&self, shard: u32, gathered: &Gathered, units: &[Unit]) -> Vec<usize> {
        let bytes = |&unit: &usize| units[unit].bytes(&gathered.evidence[units[unit].evidence]);
        let mut largest_first: Vec<usize> = (0..units.len()).collect();
        largest_first.sort_by_key(|unit| (Reverse(bytes(unit)), *unit));
        let mut loads: BinaryHeap<Reverse<(u64, u32)>> =
            (1..=self.shards).map(|shard| Reverse((0, shard))).collect();
        let mut mine = Vec::new();
        for unit in largest_first {
            let Some(Reverse((load, least))) = loads.pop() else { break };
            // A small file costs its opening too.
            loads.push(Reverse((load + bytes(&unit) + OPENING_BYTES, least)));
            if least == shard {
                mine.push(unit);
            }
        }
        mine.sort_unstable();
        mine
    }
}

/// What opening a file costs, in bytes that could be read meanwhile.
const OPENING_BYTES: u64 = 64 << 10;

/// SHA-256 of the names and sizes of all evidence.
fn digest(gathered: &Gathered) -> String {
    let mut digest = Sha256::new();
    for evidence in &gathered.evidence {
        digest.update((evidence.path.len() as u64).to_le_bytes());
        digest.update(&evidence.path);
        digest.update(evidence.size.to_le_bytes());
    }
    hex_lower(&digest.finalize())
}
