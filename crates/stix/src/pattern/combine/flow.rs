//! Observations for groups of places without regard to time: a flow from observations to groups.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{Candidate, Steps};
use crate::pattern::problem::Fault;

/// Fills each group with as many observations as it asks for, or says that nothing can.
pub(super) fn solve(
    counts: &[u64],
    candidates: &[Vec<Candidate>],
    steps: &mut Steps,
) -> Result<Option<Vec<u32>>, Fault> {
    let mut flow = Flow {
        candidates,
        taken: vec![FxHashMap::default(); counts.len()],
        used: FxHashMap::default(),
        next: vec![0; counts.len()],
    };
    for (group, &count) in counts.iter().enumerate() {
        let mut missing = count;
        while missing > 0 {
            let found = match flow.take(group, missing, steps)? {
                0 => flow.augment(group, missing, steps)?,
                free => Some(free),
            };
            let Some(found) = found else { return Ok(None) };
            missing -= found;
        }
    }
    Ok(Some(flow.taken.iter().flat_map(FxHashMap::keys).copied().collect()))
}

struct Flow<'a> {
    candidates: &'a [Vec<Candidate>],
    /// By group: in how many of its places each observation stands.
    taken: Vec<FxHashMap<u32, u64>>,
    /// In how many places each observation stands.
    used: FxHashMap<u32, u64>,
    /// By group: the first candidate that can be free. What is used up stays so, only for other groups.
    next: Vec<usize>,
}

impl Flow<'_> {
    /// Takes what is free for a group; says how much, 0 if nothing is.
    fn take(&mut self, group: usize, missing: u64, steps: &mut Steps) -> Result<u64, Fault> {
        while let Some(candidate) = self.candidates[group].get(self.next[group]) {
            steps.spend(1)?;
            let used = self.used.entry(candidate.observation).or_default();
            let amount = missing.min(candidate.number - *used);
            if amount > 0 {
                *used += amount;
                *self.taken[group].entry(candidate.observation).or_default() += amount;
                return Ok(amount);
            }
            self.next[group] += 1;
        }
        Ok(0)
    }

    /// Finds more for a group, moving others to other observations if need be; says how much it found.
    fn augment(&mut self, group: usize, missing: u64, steps: &mut Steps) -> Result<Option<u64>, Fault> {
        // How each group was reached: from which group, over which observation that it would give away.
        let mut reached: Vec<Option<(usize, u32)>> = vec![None; self.taken.len()];
        let mut queue = VecDeque::from([group]);
        while let Some(at) = queue.pop_front() {
            for candidate in &self.candidates[at] {
                steps.spend(1)?;
                let free = candidate.number - self.used.get(&candidate.observation).copied().unwrap_or(0);
                if free > 0 {
                    return Ok(Some(self.push(
                        group,
                        at,
                        candidate.observation,
                        free.min(missing),
                        &reached,
                    )));
                }
                for (other, taken) in self.taken.iter().enumerate() {
                    let unreached = other != group && reached[other].is_none();
                    if unreached && taken.contains_key(&candidate.observation) {
                        reached[other] = Some((at, candidate.observation));
                        queue.push_back(other);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Gives `last` a free observation, and along the way back each group what the one before gives away.
    fn push(
        &mut self,
        group: usize,
        last: usize,
        free: u32,
        most: u64,
        reached: &[Option<(usize, u32)>],
    ) -> u64 {
        let mut amount = most;
        let mut at = last;
        while let Some((from, observation)) = reached[at].filter(|_| at != group) {
            amount = amount.min(self.taken[at].get(&observation).copied().unwrap_or(0));
            at = from;
        }
        *self.used.entry(free).or_default() += amount;
        let (mut at, mut gained) = (last, free);
        loop {
            *self.taken[at].entry(gained).or_default() += amount;
            let Some((from, observation)) = reached[at].filter(|_| at != group) else { return amount };
            if let Some(left) = self.taken[at].get_mut(&observation) {
                *left -= amount;
                if *left == 0 {
                    self.taken[at].remove(&observation);
                }
            }
            (at, gained) = (from, observation);
        }
    }
}
