//! Which class of record serves which log source.
//!
//! A rule says `product: windows, category: process_creation`; a reader of logs says `windows_event` with a channel.
//! Between the two stands a file that anyone may edit. An entry serves a rule if it has every attribute that the
//! rule's log source states; `when` narrows the entry to records with certain values, and `aliases` says what the
//! rule's field names are called in those records. `unserved` says of what nobody here serves why that is so.

use std::sync::Arc;

use crate::problem::{Problem, Problems};
use crate::rule::LogSource;
use crate::yaml::{self, Kind, Node};

/// The mapping, as read from its file.
#[derive(Clone, Debug, Default)]
pub struct LogSources {
    pub(crate) entries: Vec<Entry>,
    /// Log sources that no class serves, and the reason.
    unserved: Vec<(LogSource, String)>,
}

/// One class serving one log source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) class: String,
    /// Fields and the values of which each must have one.
    pub(crate) when: Vec<(String, Vec<String>)>,
    pub(crate) logsource: LogSource,
    /// Name in rules, name in records.
    pub(crate) aliases: Vec<(String, String)>,
}

impl LogSources {
    /// Reads the file. An entry with a problem is left out and told.
    pub fn parse(file: &str, text: &str) -> (Self, Vec<Problem>) {
        let mut reader = Reader { problems: Problems::default(), entries: Vec::new(), unserved: Vec::new() };
        for document in yaml::read_into(&Arc::from(file), text, &mut reader.problems) {
            reader.document(&document);
        }
        (Self { entries: reader.entries, unserved: reader.unserved }, reader.problems.into_list())
    }

    /// The names of the classes, each once, in the order of the file.
    pub fn classes(&self) -> Vec<&str> {
        let mut classes: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !classes.contains(&entry.class.as_str()) {
                classes.push(&entry.class);
            }
        }
        classes
    }

    /// The classes whose records serve `source`, each once.
    pub fn serving(&self, source: &LogSource) -> Vec<&str> {
        let mut classes: Vec<&str> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.logsource.serves(source)) {
            if !classes.contains(&entry.class.as_str()) {
                classes.push(&entry.class);
            }
        }
        classes
    }

    /// Why no record can match a rule for `source`; none if one can.
    pub fn why_unserved(&self, source: &LogSource) -> Option<&str> {
        if self.entries.iter().any(|entry| entry.logsource.serves(source)) {
            return None;
        }
        let reason = self.unserved.iter().find(|(unserved, _)| source.serves(unserved));
        Some(reason.map_or("no record that is read serves this log source", |(_, reason)| reason))
    }
}

struct Reader {
    problems: Problems,
    entries: Vec<Entry>,
    unserved: Vec<(LogSource, String)>,
}

impl Reader {
    fn document(&mut self, node: &Node) {
        let Some(classes) = node.get("classes") else {
            self.problems.refuse_with(
                &node.place,
                "no `classes`",
                "a list of classes and the log sources they serve",
            );
            return;
        };
        self.only(node, &["classes", "unserved"]);
        for class in classes.items() {
            self.class(class);
        }
        for unserved in node.get("unserved").map(Node::items).unwrap_or_default() {
            self.unserved(unserved);
        }
    }

    fn unserved(&mut self, node: &Node) {
        self.only(node, &["logsources", "reason"]);
        let Some(reason) = node.get("reason").and_then(Node::text) else {
            self.problems.refuse(&node.place, "a log source that nobody serves needs a `reason`");
            return;
        };
        for source in node.get("logsources").map(Node::items).unwrap_or_default() {
            self.only(source, &["product", "category", "service"]);
            if let Some(source) = self.logsource(source) {
                self.unserved.push((source, reason.to_owned()));
            }
        }
    }

    fn logsource(&mut self, node: &Node) -> Option<LogSource> {
        let read = |key| node.get(key).and_then(Node::text).map(str::to_owned);
        let source =
            LogSource { product: read("product"), category: read("category"), service: read("service") };
        if source.is_empty() {
            self.problems.refuse(&node.place, "a log source that states nothing");
            return None;
        }
        Some(source)
    }

    fn class(&mut self, node: &Node) {
        let Some(class) = node.get("class").and_then(Node::text) else {
            self.problems.refuse(&node.place, "an entry without `class`");
            return;
        };
        self.only(node, &["class", "when", "logsources"]);
        let when: Vec<(String, Vec<String>)> = node
            .get("when")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.texts().map(str::to_owned).collect()))
            .collect();
        if when.iter().any(|(_, values)| values.is_empty()) {
            self.problems.refuse(&node.place, "a field under `when` has no value");
            return;
        }
        let sources = node.get("logsources").map(Node::items).unwrap_or_default();
        if sources.is_empty() {
            self.problems.refuse(&node.place, format!("the class `{class}` serves no log source"));
        }
        for source in sources {
            self.source(class, &when, source);
        }
    }

    fn source(&mut self, class: &str, when: &[(String, Vec<String>)], node: &Node) {
        self.only(node, &["product", "category", "service", "aliases"]);
        let Some(logsource) = self.logsource(node) else { return };
        let aliases = node.get("aliases").map(Node::entries).unwrap_or_default();
        let aliases =
            aliases.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())));
        self.entries.push(Entry {
            class: class.to_owned(),
            when: when.to_vec(),
            logsource,
            aliases: aliases.collect(),
        });
    }

    /// A misspelt key must not be a mapping that silently does nothing.
    fn only(&mut self, node: &Node, known: &[&str]) {
        if !matches!(node.kind, Kind::Map(_)) {
            self.problems.refuse(&node.place, format!("a map is expected, not {}", node.describe()));
        }
        for entry in node.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("unknown key `{}`", entry.key);
            self.problems.refuse_with(&entry.place, message, format!("there are {}", known.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_lists_and_places() {
        let text = "classes:\n  - class: a\n    logsources:\n      - category: webserver\n        aliases: &w\n          \
                    x: y\n  - class: b\n    when: { Channel: [S, T], EventID: 1 }\n    logsources:\n      \
                    - { category: webserver, product: p, aliases: *w }\n";
        let (sources, problems) = LogSources::parse("f", text);
        assert_eq!(problems, []);
        assert_eq!(sources.classes(), ["a", "b"]);
        assert_eq!(sources.entries[1].aliases, [("x".to_owned(), "y".to_owned())]);
        assert_eq!(sources.entries[1].when[0].1, ["S", "T"]);
        let rule = LogSource { category: Some("webserver".into()), ..LogSource::default() };
        assert_eq!(sources.serving(&rule), ["a", "b"]);
        let rule = LogSource { product: Some("p".into()), ..rule };
        assert_eq!(sources.serving(&rule), ["b"]);
    }

    #[test]
    fn what_nobody_serves_has_a_reason() {
        let text = "classes:\n  - class: a\n    logsources: [{ product: p, category: c }]\nunserved:\n  \
                    - logsources: [{ product: q }]\n    reason: not read\n";
        let (sources, problems) = LogSources::parse("f", text);
        assert_eq!(problems, []);
        let source = |product: &str, category: Option<&str>| LogSource {
            product: Some(product.into()),
            category: category.map(str::to_owned),
            service: None,
        };
        assert_eq!(sources.why_unserved(&source("p", None)), None);
        assert_eq!(sources.why_unserved(&source("q", Some("d"))), Some("not read"));
        assert!(sources.why_unserved(&source("p", Some("d"))).unwrap().starts_with("no record"));
    }

    #[test]
    fn misspelt_keys_are_told() {
        let (_, problems) =
            LogSources::parse("f", "classes:\n  - class: a\n    logsource: [{ product: x }]\n");
        assert_eq!(problems.len(), 2);
        assert_eq!((problems[1].place.line, problems[1].message.as_str()), (3, "unknown key `logsource`"));
    }
}
