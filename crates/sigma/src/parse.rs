//! From the text of a file to documents.
//!
//! One file may hold several documents (`---`), and a folder thousands of files; each document stands or falls
//! alone. A document is returned only if nothing in it was refused: a rule that is half understood would find
//! something else than its author meant.

mod correlation;
mod detection;
mod encode;
mod expand;
mod filter;
mod header;
mod modifiers;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::problem::{Place, Problem, Problems};
use crate::rule::{Document, LogSource, Rule};
use crate::yaml::{self, Kind, Node};

/// What placeholders (`%name%` under the `expand` modifier) stand for: each for one or several values, which may
/// have wildcards.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// Reads every document of `text`. Never panics; what could not be read is among the problems.
pub fn parse(file: &str, text: &str) -> (Vec<Document>, Vec<Problem>) {
    parse_with(file, text, &Placeholders::new())
}

/// The same, with values for placeholders. A rule with a placeholder that is not among them is refused
/// ("Placeholders": a tool that cannot handle one must reject the rule).
pub fn parse_with(file: &str, text: &str, placeholders: &Placeholders) -> (Vec<Document>, Vec<Problem>) {
    let mut reader = Reader { problems: Problems::default(), placeholders, values: 0 };
    let nodes = yaml::read_into(&Arc::from(file), text, &mut reader.problems);
    let documents = nodes.iter().filter_map(|node| reader.document(node)).collect();
    (documents, reader.problems.into_list())
}

/// What the readers of the parts of a document share.
struct Reader<'a> {
    problems: Problems,
    placeholders: &'a Placeholders,
    /// Values of this document so far.
    values: usize,
}

impl Reader<'_> {
    fn document(&mut self, node: &Node) -> Option<Document> {
        let before = self.problems.refusals();
        self.values = 0;
        if !matches!(node.kind, Kind::Map(_)) {
            self.problems.refuse(&node.place, format!("a document must be a map, not {}", node.describe()));
            return None;
        }
        let document = self.by_kind(node)?;
        (self.problems.refusals() == before).then_some(document)
    }

    fn by_kind(&mut self, node: &Node) -> Option<Document> {
        let has = |key| node.get(key).is_some();
        if has("detection") {
            return self.rule(node).map(Document::Rule);
        }
        if has("correlation") {
            return self.correlation(node).map(Document::Correlation);
        }
        if has("filter") {
            return self.filter(node).map(Document::Filter);
        }
        if has("logsource") {
            self.problems.refuse_with(
                &node.place,
                "a log source without a detection",
                "a rule needs `detection`, a filter `filter`",
            );
            return None;
        }
        self.header(node, &[]).map(Document::Other)
    }

    fn rule(&mut self, node: &Node) -> Option<Rule> {
        let header = self.header(node, &["logsource", "detection"]);
        let logsource = self.logsource(node);
        let detection = self.detection(node.get("detection")?, &[]);
        Some(Rule { header: header?, logsource: logsource?, detection: detection? })
    }

    /// "LogSource": `category`, `product` and `service`, alone or in any combination.
    fn logsource(&mut self, document: &Node) -> Option<LogSource> {
        let Some(node) = document.get("logsource") else {
            self.problems.refuse(&document.place, "no log source");
            return None;
        };
        let read = |key| node.get(key).and_then(Node::text).map(str::to_owned);
        let source =
            LogSource { product: read("product"), category: read("category"), service: read("service") };
        for entry in node.entries() {
            let attribute = ["product", "category", "service"].contains(&entry.key.as_str());
            if attribute && entry.value.text().is_none() {
                self.problems.refuse(&entry.value.place, format!("`{}` must be a word", entry.key));
                return None;
            }
        }
        if source.is_empty() {
            self.problems.refuse_with(
                &node.place,
                "the log source states nothing",
                "give `product`, `category` or `service`",
            );
            return None;
        }
        Some(source)
    }

    /// Counts values against the limit of a document.
    fn count_values(&mut self, place: &Place, more: usize) -> Option<()> {
        self.values += more;
        if self.values <= crate::limits::VALUES_MAX {
            return Some(());
        }
        self.problems.refuse_with(
            place,
            format!("more than {} values in one document", crate::limits::VALUES_MAX),
            "give long lists of indicators as an indicator file",
        );
        None
    }
}
