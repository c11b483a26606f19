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

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pipeline::Environment;
use crate::problem::{Place, Problem, Problems};
use crate::rule::{Document, LogSource, Rule, Status};
use crate::yaml::{self, Kind, Node};

/// What placeholders (`%name%` under the `expand` modifier) stand for: each for one or several values, which may
/// have wildcards.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// What a file of rules holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The documents that can be used.
    pub documents: Vec<Document>,
    /// What is wrong with them and with the others, in the order of the file.
    pub problems: Vec<Problem>,
    /// How many documents were refused.
    pub refused: usize,
}

/// Reads every document of `text`. Never panics; what could not be read is among the problems.
pub fn parse(file: &str, text: &str) -> (Vec<Document>, Vec<Problem>) {
    parse_with(file, text, &Placeholders::new())
}

/// The same, with values for placeholders. A rule with a placeholder that is not among them is refused
/// ("Placeholders": a tool that cannot handle one must reject the rule).
pub fn parse_with(file: &str, text: &str, placeholders: &Placeholders) -> (Vec<Document>, Vec<Problem>) {
    let parsed = parse_in(file, text, &Environment::new(placeholders.clone(), Vec::new()));
    (parsed.documents, parsed.problems)
}

/// The same, with the pipelines of an environment, and with the number of documents that were refused.
pub fn parse_in(file: &str, text: &str, environment: &Environment) -> Parsed {
    let placeholders = Cow::Borrowed(&environment.placeholders);
    let mut reader = Reader { problems: Problems::default(), environment, placeholders, values: 0 };
    let (nodes, unreadable) = yaml::read_counted(&Arc::from(file), text, &mut reader.problems);
    let read = nodes.len();
    let documents: Vec<Document> = nodes.into_iter().filter_map(|node| reader.document(node)).collect();
    let refused = unreadable + read - documents.len();
    Parsed { documents, problems: reader.problems.into_list(), refused }
}

/// The placeholders that a value names.
pub(crate) fn placeholder_names(text: &str) -> Vec<String> {
    expand::names(text)
}

/// What the readers of the parts of a document share.
struct Reader<'a> {
    problems: Problems,
    environment: &'a Environment,
    /// Those of the environment, and of the pipelines that this document passes.
    placeholders: Cow<'a, Placeholders>,
    /// Values of this document so far.
    values: usize,
}

impl Reader<'_> {
    fn document(&mut self, mut node: Node) -> Option<Document> {
        let before = self.problems.refusals();
        self.values = 0;
        if !matches!(node.kind, Kind::Map(_)) {
            self.problems.refuse(&node.place, format!("a document must be a map, not {}", node.describe()));
            return None;
        }
        if let Some(action) = node.get("action") {
            self.problems.refuse_with(
                &action.place,
                "a collection (`action: global`, `repeat`, `reset`) is not in the specification any more",
                "write every rule out as a document of its own",
            );
            return None;
        }
        self.placeholders = Cow::Borrowed(&self.environment.placeholders);
        if !self.environment.is_plain() {
            self.lead_through(&mut node)?;
        }
        let document = self.by_kind(&node)?;
        self.usable(&document, &node);
        (self.problems.refusals() == before).then_some(document)
    }

    /// Leads a document through the pipelines.
    fn lead_through(&mut self, node: &mut Node) -> Option<()> {
        let mut placeholders = self.environment.placeholders.clone();
        if let Err((item, fault)) = self.environment.apply(node, &mut placeholders) {
            self.problems.refuse_with(&node.place, fault.to_string(), format!("by the pipeline at {item}"));
            return None;
        }
        self.placeholders = Cow::Owned(placeholders);
        Some(())
    }

    /// "Status": an unsupported rule "cannot be use\[d\] in its current state", a deprecated one is covered by another.
    fn usable(&mut self, document: &Document, node: &Node) {
        let Some(status) = node.get("status") else { return };
        match document.header().status {
            Some(Status::Unsupported) => self.problems.refuse_with(
                &status.place,
                "the rule says itself that it cannot be used (`status: unsupported`)",
                "mend it and change its status",
            ),
            Some(Status::Deprecated) => self.problems.warn(
                &status.place,
                "the rule is deprecated: another covers what it finds",
                "its `related` names the other",
            ),
            _ => {}
        }
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
