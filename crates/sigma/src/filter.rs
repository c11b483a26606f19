//! Sigma filters: one exclusion for many rules.
//!
//! A filter suppresses matches of the rules that it names (filters specification, "Introduction"). Its condition is
//! found written in two ways: the specification's own example says what is to be suppressed (`selection`), its
//! schema and the reference implementation say what is to be kept (`not selection`). The two can be told apart
//! without guessing: a filter must leave alone a record that none of its selections describes. A condition that is
//! true of such a record keeps, and is joined with *and*; one that is false suppresses, and is joined with *and not*.

use crate::expr::Expr;
use crate::rule::{Detection, Header, LogSource, Rule};

/// A filter.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Title, id and the rest.
    pub header: Header,
    /// The filter applies to rules whose log source has every attribute that this one states.
    pub logsource: LogSource,
    /// Which rules it narrows.
    pub rules: Targets,
    pub(crate) detection: Detection,
}

/// The rules that a filter narrows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Every rule of its log source (`rules: any`).
    Any,
    /// Those with one of these ids or names.
    Named(Vec<String>),
}

impl Filter {
    /// Whether the filter narrows `rule`.
    pub fn applies_to(&self, rule: &Rule) -> bool {
        let named = match &self.rules {
            Targets::Any => true,
            Targets::Named(references) => references.iter().any(|reference| rule.is_called(reference)),
        };
        named && rule.logsource.serves(&self.logsource)
    }

    /// What a record must satisfy to be kept.
    fn keeps(&self) -> Expr {
        let condition = self.detection.expr.clone();
        if condition.value_if(false) { condition } else { Expr::not(condition) }
    }
}

/// Narrows every rule by the filters that name it.
pub(crate) fn apply(rules: &mut [Rule], filters: &[Filter]) {
    for rule in rules {
        let keeps: Vec<Expr> =
            filters.iter().filter(|filter| filter.applies_to(rule)).map(Filter::keeps).collect();
        if !keeps.is_empty() {
            let own = std::mem::replace(&mut rule.detection.expr, Expr::And(Vec::new()));
            rule.detection.expr = Expr::And(std::iter::once(own).chain(keeps).collect());
        }
    }
}
