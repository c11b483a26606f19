//! Evaluating correlations over a list of hits.

use rustc_hash::FxHashMap;

use super::window::{self, Span};
use super::{Correlation, CorrelationKind, Threshold};
use crate::check::number::Number;

/// A hit of a rule (or a match of a correlation) on one record.
#[derive(Clone, Copy)]
pub struct Hit<'a> {
    /// The id of the rule.
    pub id: Option<&'a str>,
    /// The name of the rule.
    pub name: Option<&'a str>,
    /// When the record was written, in milliseconds since any fixed moment.
    pub time_ms: i64,
    /// The values of the record by field name.
    pub field: &'a dyn Fn(&str) -> Option<String>,
}

/// Hits that together satisfy a correlation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Indices into the list that was given, in order of time.
    pub hits: Vec<usize>,
    /// Time of the hit with which the condition was first met.
    pub met_ms: i64,
    /// The fields of `group-by` and the values that all hits share, as the first hit has them.
    pub group: Vec<(String, String)>,
}

/// A hit as the windows see it.
pub(super) struct Event<'h> {
    /// Index into the caller's list.
    index: usize,
    hit: &'h Hit<'h>,
    /// Which of the correlation's rules hit.
    rule: usize,
    pub(super) time_ms: i64,
}

/// The fields of `group-by` with their values, and the hits that share them.
type Group<'h> = (Vec<(String, String)>, Vec<Event<'h>>);

/// Evaluates one correlation. The hits may come in any order.
pub fn correlate(correlation: &Correlation, hits: &[Hit<'_>]) -> Vec<Match> {
    let mut matches = Vec::new();
    for (group, mut events) in groups(correlation, hits) {
        // A hit without the field that is counted is no part of the match.
        events.retain(|event| weight(correlation, event).is_some());
        let found = match correlation.kind {
            CorrelationKind::TemporalOrdered => ordered(correlation, &events),
            CorrelationKind::ValuePercentile => {
                shares(correlation, &events, &mut |range| matches.push(matched(range, &group, &events)));
                continue;
            }
            _ => spans(correlation, &events),
        };
        matches.extend(found.into_iter().map(|span| {
            let met_ms = events[span.met_at].time_ms;
            Match { met_ms, ..matched(&span.range.collect::<Vec<_>>(), &group, &events) }
        }));
    }
    matches.sort_by(|a, b| (a.met_ms, &a.hits).cmp(&(b.met_ms, &b.hits)));
    matches
}

/// Evaluates correlations that may refer to each other ("Allowing the user to chain multiple correlations
/// together"), and returns each match with the index of its correlation. A match of one is a hit for another at the
/// time when its condition was first met, with the fields of its group and otherwise of its last hit; the hits of a
/// match are always those of the list that was given. Correlations that refer to each other in a ring have none.
pub fn correlate_all(correlations: &[Correlation], hits: &[Hit<'_>]) -> Vec<(usize, Match)> {
    let mut found: Vec<(usize, Match)> = Vec::new();
    for &number in &in_order(correlations) {
        let correlation = &correlations[number];
        let fields: Vec<_> =
            found.iter().map(|(_, matched)| |name: &str| field_of(matched, hits, name)).collect();
        let chained = found.iter().zip(&fields).map(|((of, matched), field)| Hit {
            id: correlations[*of].header.id.as_deref(),
            name: correlations[*of].header.name.as_deref(),
            time_ms: matched.met_ms,
            field,
        });
        let all: Vec<Hit<'_>> = hits.iter().copied().chain(chained).collect();
        let matches = correlate(correlation, &all);
        let flat: Vec<_> =
            matches.into_iter().map(|matched| (number, flattened(matched, hits, &found))).collect();
        found.extend(flat);
    }
    found
}

/// Replaces matches among the hits by their own hits.
fn flattened(matched: Match, hits: &[Hit<'_>], found: &[(usize, Match)]) -> Match {
    let own = |index: usize| match index.checked_sub(hits.len()) {
        None => vec![index],
        Some(chained) => found[chained].1.hits.clone(),
    };
    let mut all: Vec<usize> = matched.hits.iter().flat_map(|&index| own(index)).collect();
    all.sort_unstable_by_key(|&index| (hits[index].time_ms, index));
    all.dedup();
    Match { hits: all, ..matched }
}

fn field_of(matched: &Match, hits: &[Hit<'_>], name: &str) -> Option<String> {
    let grouped = matched.group.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
    grouped.or_else(|| (hits[*matched.hits.last()?].field)(name))
}

/// Correlations after those that they refer to; those in a ring are left out.
fn in_order(correlations: &[Correlation]) -> Vec<usize> {
    let refers = |from: usize, to: usize| {
        correlations[from].rules.iter().any(|rule| correlations[to].header.is_called(rule))
    };
    let mut order: Vec<usize> = Vec::new();
    let mut open: Vec<usize> = (0..correlations.len()).collect();
    while let Some(at) = open.iter().position(|&from| !open.iter().any(|&to| refers(from, to))) {
        order.push(open.remove(at));
    }
    order
}

/// The hits of the correlation's rules by the values of `group-by`, each group in order of time. A hit without one
/// of the fields belongs to no group. Values are the same without regard to case, as everywhere in Sigma.
fn groups<'h>(correlation: &Correlation, hits: &'h [Hit<'h>]) -> Vec<Group<'h>> {
    let mut numbers: FxHashMap<Vec<String>, usize> = FxHashMap::default();
    let mut groups: Vec<Group<'h>> = Vec::new();
    for (index, hit) in hits.iter().enumerate() {
        let Some(rule) = correlation.rules.iter().position(|reference| is_called(hit, reference)) else {
            continue;
        };
        let values: Option<Vec<String>> =
            correlation.group_by.iter().map(|field| value(correlation, hit, field)).collect();
        let Some(values) = values else { continue };
        let key: Vec<String> = values.iter().map(|value| value.to_lowercase()).collect();
        let group = *numbers.entry(key).or_insert_with(|| {
            groups.push((correlation.group_by.iter().cloned().zip(values).collect(), Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(Event { index, hit, rule, time_ms: hit.time_ms });
    }
    // Logs have whole seconds: what happened in the same moment counts as having happened in the wanted order.
    for (_, events) in &mut groups {
        events.sort_by_key(|event| (event.time_ms, event.rule, event.index));
    }
    groups
}

fn is_called(hit: &Hit<'_>, reference: &str) -> bool {
    hit.name == Some(reference) || hit.id.is_some_and(|id| id.eq_ignore_ascii_case(reference))
}

/// The value of a field, under the name that it has in the records of the rule that hit.
fn value(correlation: &Correlation, hit: &Hit<'_>, field: &str) -> Option<String> {
    (hit.field)(correlation.own_name(field, |reference| is_called(hit, reference)))
}

fn matched(positions: &[usize], group: &[(String, String)], events: &[Event<'_>]) -> Match {
    let hits = positions.iter().map(|&position| events[position].index).collect();
    let met_ms = positions.last().map_or(0, |&last| events[last].time_ms);
    Match { hits, met_ms, group: group.to_vec() }
}

/// The time frame in milliseconds.
fn timespan_ms(correlation: &Correlation) -> i64 {
    i64::try_from(correlation.timespan_s.saturating_mul(1_000)).unwrap_or(i64::MAX)
}

/// What a window of hits adds up to.
#[derive(Default)]
struct Tally {
    /// Hits by what is counted: the rule, or the value.
    by_key: FxHashMap<Key, usize>,
    count: usize,
    sum: f64,
}

/// What is counted apart.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Hit,
    Rule(usize),
    Value(Vec<String>),
}

/// How one hit counts: under a key, and with a number. Hits without the field do not count.
type Weight = Option<(Key, f64)>;

fn spans(correlation: &Correlation, events: &[Event<'_>]) -> Vec<Span> {
    let weights: Vec<Weight> = events.iter().map(|event| weight(correlation, event)).collect();
    let holds = |tally: &Tally| holds(correlation, tally);
    if slides(correlation) {
        let enter = |tally: &mut Tally, at: usize| tally.enter(&weights[at]);
        let leave = |tally: &mut Tally, at: usize| tally.leave(&weights[at]);
        return window::sliding(events, timespan_ms(correlation), &mut Tally::default(), enter, leave, holds);
    }
    let whole = window::tumbling(events, timespan_ms(correlation)).into_iter().filter(|range| {
        let mut tally = Tally::default();
        weights[range.clone()].iter().for_each(|weight| tally.enter(weight));
        tally.count > 0 && holds(&tally)
    });
    whole.map(|range| Span { met_at: range.end - 1, range }).collect()
}

/// Whether more hits can only help.
fn slides(correlation: &Correlation) -> bool {
    correlation.kind != CorrelationKind::ValueAvg
        && correlation.condition.as_ref().is_none_or(Threshold::is_lower_bound)
}

fn weight(correlation: &Correlation, event: &Event<'_>) -> Weight {
    let fields = || correlation.condition.as_ref().map_or(&[][..], |condition| &condition.fields);
    let values = || -> Option<Vec<String>> {
        fields().iter().map(|field| value(correlation, event.hit, field)).collect()
    };
    match correlation.kind {
        CorrelationKind::EventCount => Some((Key::Hit, 0.0)),
        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => Some((Key::Rule(event.rule), 0.0)),
        CorrelationKind::ValueCount | CorrelationKind::ValuePercentile => {
            let values = values()?.iter().map(|value| value.to_lowercase()).collect();
            Some((Key::Value(values), 0.0))
        }
        CorrelationKind::ValueSum | CorrelationKind::ValueAvg => {
            let number = Number::parse(values()?.first()?.as_bytes())?;
            Some((Key::Hit, number.real()))
        }
    }
}

fn holds(correlation: &Correlation, tally: &Tally) -> bool {
    let value = match correlation.kind {
        CorrelationKind::EventCount => tally.count as f64,
        CorrelationKind::ValueSum => tally.sum,
        CorrelationKind::ValueAvg => tally.sum / tally.count as f64,
        _ => tally.by_key.len() as f64,
    };
    match &correlation.condition {
        Some(condition) => condition.holds(value),
        None => tally.by_key.len() == correlation.rules.len(),
    }
}

impl Tally {
    fn enter(&mut self, weight: &Weight) {
        if let Some((key, number)) = weight {
            *self.by_key.entry(key.clone()).or_default() += 1;
            self.count += 1;
            self.sum += number;
        }
    }

    fn leave(&mut self, weight: &Weight) {
        let Some((key, number)) = weight else { return };
        self.count -= 1;
        self.sum -= number;
        if let Some(count) = self.by_key.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.by_key.remove(key);
            }
        }
    }
}

/// `value_percentile`: in each window, the hits whose value makes up a share of all values, in percent, that
/// satisfies the condition ("Check when a certain percentage of observed values occur").
fn shares(correlation: &Correlation, events: &[Event<'_>], found: &mut dyn FnMut(&[usize])) {
    let Some(condition) = &correlation.condition else { return };
    for range in window::tumbling(events, timespan_ms(correlation)) {
        let total = range.len() as f64;
        let mut by_value: FxHashMap<Key, Vec<usize>> = FxHashMap::default();
        for at in range {
            if let Some((key, _)) = weight(correlation, &events[at]) {
                by_value.entry(key).or_default().push(at);
            }
        }
        let share = |positions: &[usize]| positions.len() as f64 * 100.0 / total;
        by_value
            .values()
            .filter(|positions| condition.holds(share(positions)))
            .for_each(|positions| found(positions));
    }
}

/// `temporal_ordered`: the rules hit in the order in which they are listed. For each rule and each number of rules
/// so far, only the latest beginning of such a chain matters.
fn ordered(correlation: &Correlation, events: &[Event<'_>]) -> Vec<Span> {
    let rules = correlation.rules.len();
    let wanted = |length: usize| match &correlation.condition {
        Some(condition) => condition.holds(length as f64),
        None => length == rules,
    };
    // starts[rule][length - 1]: position at which the chain that ends with this rule began.
    let mut starts: Vec<Vec<Option<usize>>> = vec![vec![None; rules]; rules];
    let mut spans = Vec::new();
    for (at, event) in events.iter().enumerate() {
        for length in (1..=event.rule + 1).rev() {
            let start = match length {
                1 => Some(at),
                _ => starts[..event.rule].iter().filter_map(|chains| chains[length - 2]).max(),
            };
            let Some(start) = start else { continue };
            let inside = event.time_ms.saturating_sub(events[start].time_ms) <= timespan_ms(correlation);
            let chain = &mut starts[event.rule][length - 1];
            *chain = (*chain).max(Some(start));
            if inside && wanted(length) {
                window::merge(&mut spans, Span { range: start..at + 1, met_at: at });
            }
        }
    }
    spans
}
