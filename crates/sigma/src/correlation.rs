//! Correlations: what several hits mean together (correlation rules specification 2.1.0).
//!
//! A correlation is content like a rule; what it is evaluated over is a plain list of hits that the caller has. The
//! list is complete and in memory, because a hunt looks back at what is there: so windows slide over real times and
//! are never cut at the full hour, and a burst is one match with all its hits.

mod evaluate;
mod window;

pub use evaluate::{Hit, Match, correlate, correlate_all};

use crate::check::number::Comparison;
use crate::rule::Header;

/// A correlation rule.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// Title, id, level and the rest.
    pub header: Header,
    /// What is counted.
    pub kind: CorrelationKind,
    /// Ids or names of the rules (or correlations) that are joined.
    pub rules: Vec<String>,
    /// Fields that must be equal among the hits of one match.
    pub group_by: Vec<String>,
    /// The time frame.
    pub timespan_s: u64,
    /// When it matches. Temporal kinds have none unless they say so: all rules must then have hit.
    pub condition: Option<Threshold>,
    /// Names for fields that are called differently in the records of different rules.
    pub aliases: Vec<Alias>,
    /// Whether the joined rules also report on their own.
    pub generate: bool,
}

/// "Correlation Types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CorrelationKind {
    /// The number of hits.
    EventCount,
    /// The number of distinct values of a field.
    ValueCount,
    /// The number of different rules that hit.
    Temporal,
    /// The same, in the order of `rules`.
    TemporalOrdered,
    /// The sum of a field.
    ValueSum,
    /// The mean of a field.
    ValueAvg,
    /// The share of each value of a field, in percent of all.
    ValuePercentile,
}

impl CorrelationKind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "event_count" => Self::EventCount,
            "value_count" => Self::ValueCount,
            "temporal" => Self::Temporal,
            "temporal_ordered" => Self::TemporalOrdered,
            "value_sum" => Self::ValueSum,
            "value_avg" => Self::ValueAvg,
            "value_percentile" => Self::ValuePercentile,
            _ => return None,
        })
    }

    pub(crate) fn is_temporal(self) -> bool {
        matches!(self, Self::Temporal | Self::TemporalOrdered)
    }

    /// Whether the condition must name a field.
    pub(crate) fn needs_field(self) -> bool {
        matches!(self, Self::ValueCount | Self::ValueSum | Self::ValueAvg | Self::ValuePercentile)
    }
}

/// The condition of a correlation: a field where the kind needs one, and one bound or two.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The fields whose values are taken; several count as one value together.
    pub fields: Vec<String>,
    pub(crate) bounds: Vec<(Comparison, f64)>,
}

impl Threshold {
    /// Whether every bound holds.
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.bounds.iter().all(|(comparison, bound)| comparison.holds(value.partial_cmp(bound)))
    }

    /// Whether more can only help: a window that holds keeps holding while it grows.
    pub(crate) fn is_lower_bound(&self) -> bool {
        self.bounds
            .iter()
            .all(|(comparison, _)| matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual))
    }
}

impl Correlation {
    /// The fields that hits of one of its rules must tell: what it groups and counts by, by that rule's own names.
    pub fn fields_of(&self, rule: &Header) -> Vec<&str> {
        let counted = self.condition.iter().flat_map(|condition| &condition.fields);
        let is_rule = |reference: &str| rule.is_called(reference);
        self.group_by.iter().chain(counted).map(|field| self.own_name(field, is_rule)).collect()
    }

    /// What a field is called in the records of the rule that a reference is tested for ("Field Name Aliases").
    pub(crate) fn own_name<'c>(&'c self, field: &'c str, is_rule: impl Fn(&str) -> bool) -> &'c str {
        let alias = self.aliases.iter().find(|alias| alias.name == field);
        let own = alias.and_then(|alias| alias.fields.iter().find(|(reference, _)| is_rule(reference)));
        own.map_or(field, |(_, own)| own.as_str())
    }
}

/// One alias: what a field is called in the records of which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name that `group-by` uses.
    pub name: String,
    /// Rule (id or name) and the field's name in its records.
    pub fields: Vec<(String, String)>,
}
