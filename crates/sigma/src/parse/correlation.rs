//! `correlation` documents.

use super::Reader;
use super::header::list;
use crate::check::number::{Comparison, Number};
use crate::correlation::{Alias, Correlation, CorrelationKind, Threshold};
use crate::yaml::{Entry, Node};

impl Reader<'_> {
    pub(super) fn correlation(&mut self, node: &Node) -> Option<Correlation> {
        let header = self.header(node, &["correlation", "generate"]);
        let body = node.get("correlation")?;
        let kind = self.correlation_kind(body);
        let rules = self.correlated(body);
        let timespan_s = self.timespan(body);
        let condition = self.threshold(body, kind);
        let generate = body.get("generate").or_else(|| node.get("generate")).and_then(Node::boolean);
        for entry in body.entries() {
            self.known_attribute(entry);
        }
        Some(Correlation {
            header: header?,
            kind: kind?,
            rules: rules?,
            group_by: list(body, "group-by"),
            timespan_s: timespan_s?,
            condition: condition?,
            aliases: aliases(body),
            generate: generate.unwrap_or(false),
        })
    }

    fn known_attribute(&mut self, entry: &Entry) {
        const KNOWN: [&str; 7] =
            ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate"];
        if !KNOWN.contains(&entry.key.as_str()) {
            let message = format!("a correlation has no attribute `{}`", entry.key);
            self.problems.refuse_with(&entry.place, message, format!("it has {}", KNOWN.join(", ")));
        }
    }

    fn correlation_kind(&mut self, body: &Node) -> Option<CorrelationKind> {
        let node = body.get("type");
        let word = node.and_then(Node::text).unwrap_or_default();
        let kind = CorrelationKind::named(word);
        if kind.is_none() {
            self.problems.refuse_with(
                node.map_or(&body.place, |node| &node.place),
                format!("unknown correlation type `{word}`"),
                "event_count, value_count, temporal, temporal_ordered, value_sum, value_avg or value_percentile",
            );
        }
        kind
    }

    fn correlated(&mut self, body: &Node) -> Option<Vec<String>> {
        let rules = list(body, "rules");
        if rules.is_empty() {
            self.problems.refuse(&body.place, "a correlation needs `rules`");
            return None;
        }
        Some(rules)
    }

    /// "number + letter (in lowercase)": `s`, `m`, `h` or `d`.
    fn timespan(&mut self, body: &Node) -> Option<u64> {
        let node = body.get("timespan");
        let seconds = node.and_then(Node::text).and_then(seconds);
        if seconds.is_none() {
            self.problems.refuse_with(
                node.map_or(&body.place, |node| &node.place),
                "no readable `timespan`",
                "a number and s, m, h or d, such as `90m`",
            );
        }
        seconds
    }

    /// The condition; the outer `None` if it was refused.
    #[expect(clippy::option_option, reason = "absent and refused differ")]
    fn threshold(&mut self, body: &Node, kind: Option<CorrelationKind>) -> Option<Option<Threshold>> {
        let kind = kind?;
        let Some(node) = body.get("condition") else {
            if kind.is_temporal() {
                return Some(None);
            }
            self.problems.refuse_with(&body.place, "no condition", "such as `gte: 10`");
            return None;
        };
        let mut threshold = Threshold { fields: list(node, "field"), bounds: Vec::new() };
        for entry in node.entries().iter().filter(|entry| entry.key != "field") {
            threshold.bounds.push(self.bound(entry)?);
        }
        if threshold.bounds.is_empty() {
            self.problems.refuse_with(
                &node.place,
                "the condition has no bound",
                "gt, gte, lt, lte, eq or neq",
            );
            return None;
        }
        if kind.needs_field() == threshold.fields.is_empty() {
            let message =
                if kind.needs_field() { "the condition needs `field`" } else { "`field` has no use here" };
            self.problems.refuse(&node.place, message);
            return None;
        }
        Some(Some(threshold))
    }

    fn bound(&mut self, entry: &Entry) -> Option<(Comparison, f64)> {
        let comparison = Comparison::named(&entry.key);
        let number = entry.value.text().and_then(|text| Number::parse(text.as_bytes()));
        if comparison.is_none() {
            let message = format!("unknown bound `{}`", entry.key);
            self.problems.refuse_with(&entry.place, message, "gt, gte, lt, lte, eq or neq");
        } else if number.is_none() {
            self.problems.refuse(&entry.value.place, "a bound is a number");
        }
        Some((comparison?, number?.real()))
    }
}

fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit_s)
}

fn aliases(body: &Node) -> Vec<Alias> {
    let entries = body.get("aliases").map(Node::entries).unwrap_or_default();
    let fields = |node: &Node| {
        node.entries()
            .iter()
            .filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())))
            .collect()
    };
    entries.iter().map(|entry| Alias { name: entry.key.clone(), fields: fields(&entry.value) }).collect()
}
