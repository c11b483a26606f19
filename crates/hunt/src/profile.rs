//! Where a hunt's time went: by file, and by rule.
//!
//! Times differ from run to run, so they are no part of an answer: they stand beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchfire_artifact::Evidence;
pub use watchfire_sigma::{Clock, Cost, Costs};

use crate::content::Content;
use crate::model::RuleInfo;

/// Where the time went.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Files in the order of the evidence; of an archive's members, those that were units of work.
    pub files: Vec<FileCost>,
    /// Rules that were evaluated, in the order of the content. Finding which rules to evaluate is shared by all and
    /// in none of these figures.
    pub rules: Vec<RuleCost>,
}

/// What a file cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCost {
    /// Its path, as shown.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The time in which it was scanned, of all threads together.
    pub nanoseconds: u64,
}

/// What a rule cost.
#[derive(Debug, Clone)]
pub struct RuleCost {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// What it cost.
    pub cost: Cost,
}

impl Profile {
    pub(crate) fn new(
        evidence: &[Evidence],
        units: &[(usize, u64)],
        content: &Content,
        costs: &Costs,
    ) -> Self {
        let mut by_file: BTreeMap<usize, u64> = BTreeMap::new();
        for (file, nanoseconds) in units {
            *by_file.entry(*file).or_default() += nanoseconds;
        }
        let file = |(file, nanoseconds): (usize, u64)| {
            let file = &evidence[file];
            FileCost { path: file.path.clone(), bytes: file.size, nanoseconds }
        };
        let rule =
            |(rule, cost): (usize, Cost)| Some(RuleCost { rule: Arc::clone(content.infos.get(rule)?), cost });
        Self {
            files: by_file.into_iter().map(file).collect(),
            rules: costs.rules().filter_map(rule).collect(),
        }
    }
}
