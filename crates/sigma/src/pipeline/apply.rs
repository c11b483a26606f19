//! Leading a document through pipelines.

use super::fields;
use super::{Environment, Fault, FieldCondition, Item, Pipeline, RuleCondition, Transformation};
use crate::parse::Placeholders;
use crate::problem::Place;
use crate::rule::LogSource;
use crate::yaml::{Entry, Kind, Node, Scalar};

/// The keys of a detection that are no search identifiers.
const NO_SEARCH: [&str; 3] = ["condition", "timeframe", "rules"];

impl Environment {
    /// Rewrites a rule, a correlation or a filter, and adds to `placeholders` what its pipelines define.
    pub(crate) fn apply(
        &self,
        document: &mut Node,
        placeholders: &mut Placeholders,
    ) -> Result<(), (Place, Fault)> {
        for pipeline in &self.pipelines {
            for item in &pipeline.items {
                if item.applies(document) {
                    item.apply(pipeline, document, placeholders)
                        .map_err(|fault| (item.place.clone(), fault))?;
                }
            }
        }
        Ok(())
    }
}

impl Item {
    fn applies(&self, document: &Node) -> bool {
        self.rules.hold(|condition| match condition {
            RuleCondition::LogSource(wanted) => logsource(document).serves(wanted),
            RuleCondition::Tag(tag) => {
                document.get("tags").is_some_and(|tags| tags.texts().any(|own| own == tag))
            }
            RuleCondition::Rule => document.get("correlation").is_none(),
            RuleCondition::Correlation => document.get("correlation").is_some(),
        })
    }

    /// Whether the item is about a field.
    pub(super) fn selects(&self, field: &str) -> bool {
        self.fields.hold(|condition| match condition {
            FieldCondition::Include(names) => names.contain(field),
            FieldCondition::Exclude(names) => !names.contain(field),
        })
    }

    fn apply(
        &self,
        pipeline: &Pipeline,
        document: &mut Node,
        placeholders: &mut Placeholders,
    ) -> Result<(), Fault> {
        match &self.transformation {
            Transformation::ChangeLogSource(source) => change_logsource(document, source),
            Transformation::AddCondition { entries, negated } => add_condition(document, entries, *negated),
            Transformation::ValuePlaceholders { include, exclude } => {
                let chosen = pipeline.vars.iter().filter(|(name, _)| chosen(name, include, exclude));
                placeholders.extend(chosen.map(|(name, values)| (name.clone(), values.clone())));
            }
            Transformation::WildcardPlaceholders { include, exclude } => {
                let names =
                    placeholders_of(document).into_iter().filter(|name| chosen(name, include, exclude));
                for name in names {
                    placeholders.entry(name).or_insert_with(|| vec!["*".to_owned()]);
                }
            }
            Transformation::RuleFailure(message) => return Err(Fault::Refused(message.clone())),
            _ => {
                self.searches(document)?;
                self.rename_elsewhere(document);
            }
        }
        Ok(())
    }

    fn searches(&self, document: &mut Node) -> Result<(), Fault> {
        let key = if document.get("filter").is_some() { "filter" } else { "detection" };
        for entry in entries_of(document, key) {
            if !NO_SEARCH.contains(&entry.key.as_str()) {
                fields::search(self, &entry.key, &mut entry.value)?;
            }
        }
        Ok(())
    }

    /// Fields that are named outside of a detection: what to show, and what a correlation groups and counts by.
    fn rename_elsewhere(&self, document: &mut Node) {
        let rename = |node: &mut Node| match &mut node.kind {
            Kind::Scalar(text) => rename(self, text),
            Kind::List(items) => items.iter_mut().for_each(|item| {
                if let Kind::Scalar(text) = &mut item.kind {
                    rename(self, text);
                }
            }),
            _ => {}
        };
        if let Some(fields) = value_of(document, "fields") {
            rename(fields);
        }
        let Some(correlation) = value_of(document, "correlation") else { return };
        if let Some(group_by) = value_of(correlation, "group-by") {
            rename(group_by);
        }
        if let Some(field) = value_of(correlation, "condition").and_then(|node| value_of(node, "field")) {
            rename(field);
        }
        for alias in entries_of(correlation, "aliases") {
            if let Kind::Map(rules) = &mut alias.value.kind {
                for rule in rules {
                    rename(&mut rule.value);
                }
            }
        }
    }
}

/// Takes another name for a field, if it has exactly one.
fn rename(item: &Item, text: &mut String) {
    if let [name] = fields::names(item, text).as_slice() {
        text.clone_from(name);
    }
}

fn logsource(document: &Node) -> LogSource {
    let read = |key: &str| document.get("logsource")?.get(key)?.text().map(str::to_owned);
    LogSource { product: read("product"), category: read("category"), service: read("service") }
}

fn change_logsource(document: &mut Node, source: &LogSource) {
    let place = document.place.clone();
    let parts = [("category", &source.category), ("product", &source.product), ("service", &source.service)];
    let entries =
        parts.into_iter().filter_map(|(key, value)| Some(entry(key, value.as_ref()?.clone(), &place)));
    let entries = entries.collect();
    if let Some(node) = value_of(document, "logsource") {
        node.kind = Kind::Map(entries);
    }
}

/// Adds a search identifier of its own, and the demand for it to every condition.
fn add_condition(document: &mut Node, tests: &[Entry], negated: bool) {
    let Some(detection) = value_of(document, "detection") else { return };
    let place = detection.place.clone();
    let Kind::Map(entries) = &mut detection.kind else { return };
    let name = (0..=entries.len())
        .map(|number| format!("_pipeline_{number}"))
        .find(|name| entries.iter().all(|entry| entry.key != *name));
    let name = name.unwrap_or_default();
    let with = |text: &mut String| {
        let not = if negated { "not " } else { "" };
        *text = format!("{not}{name} and ({text})");
    };
    for condition in entries.iter_mut().filter(|entry| entry.key == "condition") {
        match &mut condition.value.kind {
            Kind::Scalar(text) => with(text),
            Kind::List(items) => items.iter_mut().for_each(|item| {
                if let Kind::Scalar(text) = &mut item.kind {
                    with(text);
                }
            }),
            _ => {}
        }
    }
    let value = Node { place: place.clone(), kind: Kind::Map(tests.to_vec()), scalar: Scalar::Text };
    entries.push(Entry { key: name, place, value });
}

fn chosen(name: &str, include: &[String], exclude: &[String]) -> bool {
    (include.is_empty() || include.iter().any(|one| one == name)) && exclude.iter().all(|one| one != name)
}

/// The names between percent signs in the values of a document.
fn placeholders_of(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Null => Vec::new(),
        Kind::Scalar(text) => crate::parse::placeholder_names(text),
        Kind::List(items) => items.iter().flat_map(placeholders_of).collect(),
        Kind::Map(entries) => entries.iter().flat_map(|entry| placeholders_of(&entry.value)).collect(),
    }
}

fn entry(key: &str, value: String, place: &Place) -> Entry {
    let value = Node { place: place.clone(), kind: Kind::Scalar(value), scalar: Scalar::Text };
    Entry { key: key.to_owned(), place: place.clone(), value }
}

fn value_of<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    match &mut node.kind {
        Kind::Map(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value),
        _ => None,
    }
}

fn entries_of<'a>(node: &'a mut Node, key: &str) -> &'a mut [Entry] {
    match value_of(node, key).map(|node| &mut node.kind) {
        Some(Kind::Map(entries)) => entries,
        _ => &mut [],
    }
}
