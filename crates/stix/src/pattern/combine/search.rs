//! The general case: places are filled one after the other, with a look ahead at the times that are left.
//!
//! Orders and time spans are difference constraints: given bounds for every place, the times that a place can still
//! have are one interval, found by letting bounds move until none moves. An observation that does not touch that
//! interval is never tried, and a place for which none is left ends the branch.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::{Candidate, Rule, Steps};
use crate::pattern::instant::Ticks;
use crate::pattern::problem::Fault;

pub(super) fn solve(
    counts: &[u64],
    candidates: &[Vec<Candidate>],
    rules: &[Rule],
    steps: &mut Steps,
) -> Result<Option<Vec<u32>>, Fault> {
    let mut starts = Vec::with_capacity(counts.len() + 1);
    let mut groups = Vec::new();
    for (group, &count) in counts.iter().enumerate() {
        starts.push(groups.len());
        groups.extend((0..count).map(|_| group));
    }
    starts.push(groups.len());
    let place_range = |range: &Range<usize>| starts[range.start]..starts[range.end];
    let rules = rules.iter().map(|rule| match rule {
        Rule::Within(range, span) => Rule::Within(place_range(range), *span),
        Rule::Then(before, after) => Rule::Then(place_range(before), place_range(after)),
    });
    let mut search = Search {
        pools: candidates.iter().map(|found| Pool::new(found)).collect(),
        rules: rules.collect(),
        chosen: Vec::with_capacity(groups.len()),
        groups,
        used: FxHashMap::default(),
        steps,
    };
    let found = search.fill()?;
    Ok(found.then(|| search.observations()))
}

/// The candidates of a group in the order of their first instants.
struct Pool<'a> {
    candidates: &'a [Candidate],
    /// The latest last instant of the candidates up to each.
    latest: Vec<Ticks>,
}

impl<'a> Pool<'a> {
    fn new(candidates: &'a [Candidate]) -> Self {
        let latest = candidates.iter().scan(Ticks::MIN, |latest, candidate| {
            *latest = candidate.to.max(*latest);
            Some(*latest)
        });
        Self { latest: latest.collect(), candidates }
    }

    /// The candidates among which all are that touch an interval.
    fn touching(&self, (from, to): Bounds) -> Range<usize> {
        let end = self.candidates.partition_point(|candidate| candidate.from <= to);
        let start = self.latest[..end].partition_point(|latest| *latest < from);
        start..end
    }

    fn bounds(&self) -> Bounds {
        let from = self.candidates.first().map_or(Ticks::MAX, |first| first.from);
        (from, self.latest.last().copied().unwrap_or(Ticks::MIN))
    }
}

/// The first and the last instant that a place can have.
type Bounds = (Ticks, Ticks);

struct Search<'a, 'b> {
    pools: Vec<Pool<'a>>,
    /// Over ranges of places.
    rules: Vec<Rule>,
    /// The group of each place.
    groups: Vec<usize>,
    /// The candidate of each place that is filled.
    chosen: Vec<usize>,
    used: FxHashMap<u32, u64>,
    steps: &'b mut Steps,
}

impl Search<'_, '_> {
    fn observations(&self) -> Vec<u32> {
        let places = self.chosen.iter().zip(&self.groups);
        places.map(|(&candidate, &group)| self.pools[group].candidates[candidate].observation).collect()
    }

    /// Fills the next place and all behind it.
    fn fill(&mut self) -> Result<bool, Fault> {
        let place = self.chosen.len();
        let Some(&group) = self.groups.get(place) else { return Ok(true) };
        let Some(bounds) = self.bounds()? else { return Ok(false) };
        let rest = place..self.groups.len();
        if rest.clone().any(|place| self.pools[self.groups[place]].touching(bounds[place]).is_empty()) {
            return Ok(false);
        }
        let mut range = self.pools[group].touching(bounds[place]);
        // Places that ask for the same are filled in order, since to swap them changes nothing.
        if place > 0 && self.groups[place - 1] == group {
            range.start = range.start.max(self.chosen[place - 1]);
        }
        for number in range {
            self.steps.spend(1)?;
            let candidate = self.pools[group].candidates[number];
            let used = self.used.get(&candidate.observation).copied().unwrap_or(0);
            if candidate.to < bounds[place].0 || used >= candidate.number {
                continue;
            }
            self.used.insert(candidate.observation, used + 1);
            self.chosen.push(number);
            if self.fill()? {
                return Ok(true);
            }
            self.chosen.pop();
            self.used.insert(candidate.observation, used);
        }
        Ok(false)
    }

    /// The times that each place can still have; `None` if one has none.
    fn bounds(&mut self) -> Result<Option<Vec<Bounds>>, Fault> {
        let mut bounds: Vec<Bounds> = Vec::with_capacity(self.groups.len());
        for (place, &group) in self.groups.iter().enumerate() {
            let pool = &self.pools[group];
            bounds.push(match self.chosen.get(place) {
                Some(&number) => (pool.candidates[number].from, pool.candidates[number].to),
                None => pool.bounds(),
            });
        }
        loop {
            self.steps.spend(bounds.len() as u64 / 8 + 1)?;
            let mut moved = false;
            for rule in &self.rules {
                moved |= tighten(rule, &mut bounds);
            }
            if bounds.iter().any(|(from, to)| from > to) {
                return Ok(None);
            }
            if !moved {
                return Ok(Some(bounds));
            }
        }
    }
}

/// Moves bounds by one rule; says whether any moved.
fn tighten(rule: &Rule, bounds: &mut [Bounds]) -> bool {
    match rule {
        Rule::Within(range, span) => {
            let places = &mut bounds[range.clone()];
            let latest_from = places.iter().map(|(from, _)| *from).max().unwrap_or(Ticks::MIN);
            let earliest_to = places.iter().map(|(_, to)| *to).min().unwrap_or(Ticks::MAX);
            // "the most recent timestamp MUST NOT be equal to or later than the earliest plus the time window"
            let (from, to) = (latest_from.saturating_sub(span - 1), earliest_to.saturating_add(span - 1));
            narrow(places, from, to)
        }
        Rule::Then(before, after) => {
            let from = bounds[before.clone()].iter().map(|(from, _)| *from).max().unwrap_or(Ticks::MIN);
            let to = bounds[after.clone()].iter().map(|(_, to)| *to).min().unwrap_or(Ticks::MAX);
            narrow(&mut bounds[after.clone()], from, Ticks::MAX)
                | narrow(&mut bounds[before.clone()], Ticks::MIN, to)
        }
    }
}

fn narrow(places: &mut [Bounds], from: Ticks, to: Ticks) -> bool {
    let mut moved = false;
    for place in places {
        let narrowed = (place.0.max(from), place.1.min(to));
        moved |= *place != narrowed;
        *place = narrowed;
    }
    moved
}
