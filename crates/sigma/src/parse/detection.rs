//! `detection`: search identifiers and the condition over them.
//!
//! A list is joined by or, a map by and ("Lists", "Maps"); texts that stand for themselves are keywords, sought in
//! the whole record.

use super::Reader;
use super::modifiers::Modifiers;
use crate::condition::{self, Search};
use crate::expr::Expr;
use crate::rule::Detection;
use crate::yaml::{Entry, Kind, Node};

impl Reader<'_> {
    /// Reads a detection; `other` are the keys beside the condition that are no search identifiers.
    pub(super) fn detection(&mut self, node: &Node, other: &[&str]) -> Option<Detection> {
        if node.get("timeframe").is_some() {
            self.problems.refuse_with(
                &node.place,
                "`timeframe` is no part of a detection any more",
                "write a correlation rule with `timespan`",
            );
        }
        let is_search = |entry: &&Entry| {
            !["condition", "timeframe"].contains(&entry.key.as_str()) && !other.contains(&entry.key.as_str())
        };
        let before = self.problems.refusals();
        let searches: Vec<Search> =
            node.entries().iter().filter(is_search).filter_map(|entry| self.search(entry)).collect();
        let complete = self.problems.refusals() == before;
        let Some(condition) = node.get("condition") else {
            self.problems.refuse(&node.place, "no condition");
            return None;
        };
        // With a search missing, the condition would be blamed for naming it.
        if !complete {
            return None;
        }
        let expr = self.conditions(condition, &searches)?;
        Some(Detection {
            condition: condition.texts().map(str::to_owned).collect(),
            searches: searches.into_iter().map(|search| search.name).collect(),
            expr,
        })
    }

    /// "The condition can be a list … logically linked with OR".
    fn conditions(&mut self, node: &Node, searches: &[Search]) -> Option<Expr> {
        let listed = node.items();
        let texts = if listed.is_empty() { std::slice::from_ref(node) } else { listed };
        let mut used = vec![false; searches.len()];
        let before = self.problems.refusals();
        let parts: Vec<Expr> =
            texts.iter().filter_map(|text| self.condition(text, searches, &mut used)).collect();
        if self.problems.refusals() > before {
            return None;
        }
        for (search, _) in
            searches.iter().zip(&used).filter(|(search, used)| !**used && !search.name.starts_with('_'))
        {
            self.problems.warn(
                &node.place,
                format!("the condition does not use `{}`", search.name),
                "begin its name with `_` if that is meant",
            );
        }
        Some(Expr::any(parts))
    }

    fn condition(&mut self, node: &Node, searches: &[Search], used: &mut Vec<bool>) -> Option<Expr> {
        let Some(text) = node.text() else {
            self.problems.refuse(&node.place, format!("a condition must be text, not {}", node.describe()));
            return None;
        };
        match condition::resolve(text, searches, used) {
            Ok(expr) => Some(expr),
            Err(fault) => {
                match fault.hint(searches) {
                    Some(hint) => self.problems.refuse_with(&node.place, fault.to_string(), hint),
                    None => self.problems.refuse(&node.place, fault.to_string()),
                }
                None
            }
        }
    }

    fn search(&mut self, entry: &Entry) -> Option<Search> {
        let expr = match &entry.value.kind {
            Kind::Map(fields) => self.fields(&entry.value, fields),
            Kind::List(items) => self.listed(&entry.value, items),
            Kind::Scalar(_) => self.keywords(&[&entry.value]),
            Kind::Null => {
                self.problems.refuse(&entry.place, format!("`{}` is empty", entry.key));
                None
            }
        };
        Some(Search { name: entry.key.clone(), expr: expr? })
    }

    fn fields(&mut self, node: &Node, entries: &[Entry]) -> Option<Expr> {
        if entries.is_empty() {
            self.problems.refuse(&node.place, "an empty map would match every record");
            return None;
        }
        let parts: Vec<Option<Expr>> = entries.iter().map(|entry| self.field(entry)).collect();
        Some(Expr::all(parts.into_iter().collect::<Option<_>>()?))
    }

    /// A list holds keywords, maps, or both.
    fn listed(&mut self, node: &Node, items: &[Node]) -> Option<Expr> {
        if items.is_empty() {
            self.problems.refuse(&node.place, "an empty list would match no record");
            return None;
        }
        let (keywords, others): (Vec<&Node>, Vec<&Node>) =
            items.iter().partition(|item| matches!(item.kind, Kind::Scalar(_)));
        let mut parts = Vec::new();
        if !keywords.is_empty() {
            parts.push(self.keywords(&keywords));
        }
        for item in others {
            parts.push(if let Kind::Map(fields) = &item.kind {
                self.fields(item, fields)
            } else {
                let message = format!("{} cannot stand in a list of searches", item.describe());
                self.problems.refuse(&item.place, message);
                None
            });
        }
        Some(Expr::any(parts.into_iter().collect::<Option<_>>()?))
    }

    fn keywords(&mut self, values: &[&Node]) -> Option<Expr> {
        let place = &values.first()?.place;
        self.values(None, place, values, &Modifiers::default())
    }

    /// `field|modifier|modifier: value`; without a field name it is a keyword search (`'|all'`).
    fn field(&mut self, entry: &Entry) -> Option<Expr> {
        let mut words = entry.key.split('|');
        let name = words.next().unwrap_or_default().trim();
        let modifiers = self.modifiers(&entry.place, words)?;
        let values: Vec<&Node> = match &entry.value.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![&entry.value],
        };
        if values.is_empty() {
            self.problems.refuse(&entry.value.place, "an empty list would match no record");
            return None;
        }
        if modifiers.all && values.len() == 1 {
            self.problems.warn(&entry.place, "`all` over a single value", "leave it out");
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        self.values(name, &entry.place, &values, &modifiers)
    }
}
