//! From an observation expression to what must be found: how many observations of which kind, in which order and time.
//!
//! The plan says the same as the expression and less of it: qualifiers that one observation always satisfies are gone,
//! `START … STOP …` stands at each kind of observation that it restricts, equal operands of AND are a repetition.

use rustc_hash::FxHashMap;

use super::ast::{ComparisonExpression, ObservationExpression, Qualifier, Timestamp};
use super::instant::Ticks;

/// What must be found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// One observation of one of these kinds.
    One(Vec<Kind>),
    /// All, in different observations.
    All(Vec<Plan>),
    /// One of these.
    Any(Vec<Plan>),
    /// All, in different observations, each no earlier than those before.
    Then(Vec<Plan>),
    /// All observations within less than this time.
    Within(Box<Plan>, Ticks),
    /// As often as this, in different observations.
    Repeat(Box<Plan>, u64),
}

/// An expression that holds for an observation, at an instant from `from` up to and with `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) expression: u32,
    pub(crate) from: Ticks,
    pub(crate) to: Ticks,
}

impl Plan {
    /// Makes a plan; `number` gives each comparison expression its number, equal ones the same.
    pub(crate) fn new<E>(
        expression: &ObservationExpression,
        number: &mut dyn FnMut(&ComparisonExpression) -> Result<u32, E>,
    ) -> Result<Self, E> {
        build(expression, (Ticks::MIN, Ticks::MAX), number)
    }

    /// How many observations are asked for at most.
    pub(crate) fn places(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::All(parts) | Self::Then(parts) => {
                parts.iter().fold(0, |sum, part| u64::saturating_add(sum, part.places()))
            }
            Self::Any(parts) => parts.iter().map(Self::places).max().unwrap_or(0),
            Self::Within(inner, _) => inner.places(),
            Self::Repeat(inner, count) => inner.places().saturating_mul(*count),
        }
    }

    /// The expressions that the plan asks about.
    pub(crate) fn expressions(&self, found: &mut Vec<u32>) {
        match self {
            Self::One(kinds) => found.extend(kinds.iter().map(|kind| kind.expression)),
            Self::All(parts) | Self::Any(parts) | Self::Then(parts) => {
                for part in parts {
                    part.expressions(found);
                }
            }
            Self::Within(inner, _) | Self::Repeat(inner, _) => inner.expressions(found),
        }
    }
}

/// Both ends belong to the window.
type Window = (Ticks, Ticks);

fn build<E>(
    expression: &ObservationExpression,
    window: Window,
    number: &mut dyn FnMut(&ComparisonExpression) -> Result<u32, E>,
) -> Result<Plan, E> {
    let mut all = |parts: &[ObservationExpression]| {
        parts.iter().map(|part| build(part, window, number)).collect::<Result<Vec<_>, E>>()
    };
    Ok(match expression {
        ObservationExpression::And(parts) => every(all(parts)?),
        ObservationExpression::Or(parts) => any(all(parts)?),
        ObservationExpression::FollowedBy(parts) => Plan::Then(all(parts)?),
        ObservationExpression::Comparison(expression) => {
            let (from, to) = window;
            Plan::One(vec![Kind { expression: number(expression)?, from, to }])
        }
        ObservationExpression::Qualified(inner, qualifier) => match qualifier {
            Qualifier::Within(span) => within(build(inner, window, number)?, span.0),
            Qualifier::Repeats(count) => repeat(build(inner, window, number)?, *count),
            Qualifier::StartStop(start, stop) => build(inner, narrowed(window, start, stop), number)?,
        },
    })
}

/// "an observation time >= x and < y" (STIX 2.1 §9.5.1)
fn narrowed((from, to): Window, start: &Timestamp, stop: &Timestamp) -> Window {
    match (start.instant, stop.instant) {
        (Some(start), Some(stop)) => (from.max(start), to.min(stop - 1)),
        // No instant lies in a time whose ends are no days; patterns with such are not matched at all.
        _ => (Ticks::MAX, Ticks::MIN),
    }
}

fn within(inner: Plan, span: Ticks) -> Plan {
    if inner.places() <= 1 { inner } else { Plan::Within(Box::new(inner), span) }
}

fn repeat(inner: Plan, count: u64) -> Plan {
    match inner {
        inner if count == 1 => inner,
        Plan::All(parts) => every(parts.into_iter().map(|part| repeat(part, count)).collect()),
        Plan::Repeat(inner, inner_count) => Plan::Repeat(inner, inner_count.saturating_mul(count)),
        inner => Plan::Repeat(Box::new(inner), count),
    }
}

fn any(parts: Vec<Plan>) -> Plan {
    let mut kinds = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            Plan::One(more) => kinds.extend(more),
            Plan::Any(more) => others.extend(more),
            other => others.push(other),
        }
    }
    if !kinds.is_empty() {
        others.insert(0, Plan::One(kinds));
    }
    if others.len() == 1 { others.remove(0) } else { Plan::Any(others) }
}

fn every(parts: Vec<Plan>) -> Plan {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Plan::All(more) => flat.extend(more),
            other => flat.push(other),
        }
    }
    let mut counts: Vec<(Vec<Kind>, u64)> = Vec::new();
    let mut known: FxHashMap<Vec<Kind>, usize> = FxHashMap::default();
    let mut others = Vec::new();
    for part in flat {
        let (kinds, count) = match part {
            Plan::One(kinds) => (kinds, 1),
            Plan::Repeat(inner, count) => match *inner {
                Plan::One(kinds) => (kinds, count),
                inner => {
                    others.push(Plan::Repeat(Box::new(inner), count));
                    continue;
                }
            },
            other => {
                others.push(other);
                continue;
            }
        };
        let at = *known.entry(kinds.clone()).or_insert(counts.len());
        match counts.get_mut(at) {
            Some((_, sum)) => *sum = u64::saturating_add(*sum, count),
            None => counts.push((kinds, count)),
        }
    }
    let ones = counts.into_iter().map(|(kinds, count)| repeat(Plan::One(kinds), count));
    let mut parts: Vec<Plan> = ones.chain(others).collect();
    if parts.len() == 1 { parts.remove(0) } else { Plan::All(parts) }
}
