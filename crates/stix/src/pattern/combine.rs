//! Whether observations can be found as a plan asks (STIX 2.1 §9.5).
//!
//! Each place of the plan takes an observation of its own; `number_observed` lets one `observed-data` stand in as many
//! places. An observation happened at an unknown time between its first and its last, so a plan is satisfied if one
//! time for each place can be chosen that suits all qualifiers and orders together.
//!
//! In general that is a search which can explode, so it has a limit. What people write is answered without search:
//! any number of expressions without order is a flow, one expression within a time is a sliding window.

mod flow;
mod search;
mod window;

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::instant::Ticks;
use super::limits::{COMBINATION_STEPS_MAX, PLACES_MAX};
use super::observed::Observations;
use super::plan::{Kind, Plan};
use super::problem::Fault;

/// For each expression the observations for which it holds, in order.
pub(crate) trait Hits {
    fn of(&self, expression: u32) -> &[u32];
}

/// What is left of the steps that one pattern may take.
pub(crate) struct Steps(u64);

impl Steps {
    fn spend(&mut self, steps: u64) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(steps).ok_or(Fault::Combinations)?;
        Ok(())
    }
}

/// An observation that can stand in a place, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    observation: u32,
    from: Ticks,
    to: Ticks,
    /// In how many places it can stand at once.
    number: u64,
}

/// Observations that satisfy a plan: all that do for a single expression, else the first combination found.
pub(crate) fn solve(
    plan: &Plan,
    hits: &dyn Hits,
    observations: &Observations<'_>,
) -> Result<Option<Vec<u32>>, Fault> {
    if let Plan::One(kinds) = plan {
        let found: Vec<u32> =
            candidates(kinds, hits, observations).iter().map(|found| found.observation).collect();
        return Ok((!found.is_empty()).then(|| distinct(found)));
    }
    let mut steps = Steps(COMBINATION_STEPS_MAX);
    let mut choices = Choices::default();
    loop {
        choices.at = 0;
        let mut demand = Demand::default();
        demand.add(plan, &mut choices, &mut steps)?;
        steps.spend((demand.groups.len() + demand.rules.len()) as u64)?;
        if let Some(found) = demand.solve(hits, observations, &mut steps)? {
            return Ok(Some(distinct(found)));
        }
        if !choices.next() {
            return Ok(None);
        }
    }
}

fn distinct(mut observations: Vec<u32>) -> Vec<u32> {
    observations.sort_unstable();
    observations.dedup();
    observations
}

fn candidates(kinds: &[Kind], hits: &dyn Hits, observations: &Observations<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for kind in kinds {
        for &observation in hits.of(kind.expression) {
            let Some(observed) = observations.get(observation as usize) else { continue };
            let (from, to) = (observed.first.max(kind.from), observed.last.min(kind.to));
            if from <= to {
                found.push(Candidate { observation, from, to, number: observed.number });
            }
        }
    }
    found.sort_unstable_by_key(|found| (found.from, found.to, found.observation));
    found.dedup();
    found
}

/// Which operand of each OR is tried, counted through like the digits of a number.
#[derive(Default)]
struct Choices {
    /// The digit and how many there are.
    digits: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, count: usize) -> usize {
        if self.at == self.digits.len() {
            self.digits.push((0, count));
        }
        self.at += 1;
        self.digits[self.at - 1].0
    }

    /// The next choice, if any is left.
    fn next(&mut self) -> bool {
        while let Some((digit, count)) = self.digits.last_mut() {
            *digit += 1;
            if digit < count {
                return true;
            }
            self.digits.pop();
        }
        false
    }
}

/// A plan with every OR decided: groups of places, and rules over ranges of groups.
#[derive(Default)]
struct Demand<'a> {
    groups: Vec<Group<'a>>,
    rules: Vec<Rule>,
}

/// Places that ask for the same.
struct Group<'a> {
    kinds: &'a [Kind],
    count: u64,
}

/// What ties the times of places together.
#[derive(Clone, Debug)]
enum Rule {
    /// Less than this time between any two.
    Within(Range<usize>, Ticks),
    /// None of the second before any of the first.
    Then(Range<usize>, Range<usize>),
}

impl<'a> Demand<'a> {
    fn add(&mut self, plan: &'a Plan, choices: &mut Choices, steps: &mut Steps) -> Result<(), Fault> {
        steps.spend(1)?;
        match plan {
            Plan::One(kinds) => self.groups.push(Group { kinds, count: 1 }),
            Plan::All(parts) => parts.iter().try_for_each(|part| self.add(part, choices, steps))?,
            Plan::Any(parts) => {
                let chosen = choices.choose(parts.len());
                self.add(&parts[chosen], choices, steps)?;
            }
            Plan::Then(parts) => {
                let start = self.groups.len();
                for part in parts {
                    let before = start..self.groups.len();
                    self.add(part, choices, steps)?;
                    if !before.is_empty() {
                        let after = before.end..self.groups.len();
                        self.rules.push(Rule::Then(before, after));
                    }
                }
            }
            Plan::Within(inner, span) => {
                let start = self.groups.len();
                self.add(inner, choices, steps)?;
                self.rules.push(Rule::Within(start..self.groups.len(), *span));
            }
            Plan::Repeat(inner, count) => match &**inner {
                Plan::One(kinds) => self.groups.push(Group { kinds, count: *count }),
                _ if plan.places() > PLACES_MAX => return Err(Fault::Places),
                inner => (0..*count).try_for_each(|_| self.add(inner, choices, steps))?,
            },
        }
        Ok(())
    }

    fn solve(
        &self,
        hits: &dyn Hits,
        observations: &Observations<'_>,
        steps: &mut Steps,
    ) -> Result<Option<Vec<u32>>, Fault> {
        let candidates: Vec<Vec<Candidate>> =
            self.groups.iter().map(|group| candidates(group.kinds, hits, observations)).collect();
        steps.spend(candidates.iter().map(|found| found.len() as u64 / 16).sum())?;
        let counts: Vec<u64> = self.groups.iter().map(|group| group.count).collect();
        // Whoever cannot be satisfied without times cannot be with them.
        let Some(found) = flow::solve(&counts, &candidates, steps)? else { return Ok(None) };
        if self.rules.is_empty() {
            return Ok(Some(found));
        }
        if let ([group], [only]) = (&counts[..], &candidates[..])
            && is_simple(only)
        {
            let spans = self.rules.iter().filter_map(|rule| match rule {
                Rule::Within(_, span) => Some(*span),
                Rule::Then(..) => None,
            });
            return Ok(window::solve(*group, only, spans.min().unwrap_or(Ticks::MAX)));
        }
        if counts.iter().fold(0, |sum, count| u64::saturating_add(sum, *count)) > PLACES_MAX {
            return Err(Fault::Places);
        }
        search::solve(&counts, &candidates, &self.rules, steps)
    }
}

/// Whether each observation is there once, with one time.
fn is_simple(candidates: &[Candidate]) -> bool {
    let mut seen = FxHashSet::default();
    candidates.iter().all(|candidate| seen.insert(candidate.observation))
}
