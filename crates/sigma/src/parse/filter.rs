//! `filter` documents.

use super::Reader;
use crate::filter::{Filter, Targets};
use crate::yaml::{Kind, Node};

impl Reader<'_> {
    pub(super) fn filter(&mut self, node: &Node) -> Option<Filter> {
        let header = self.header(node, &["logsource", "filter"]);
        let logsource = self.logsource(node);
        let body = node.get("filter")?;
        let rules = self.targets(body);
        let detection = self.detection(body, &["rules"]);
        Some(Filter { header: header?, logsource: logsource?, rules: rules?, detection: detection? })
    }

    /// "Relative rules": a list of ids or names. The reference implementation also knows the word `any`.
    fn targets(&mut self, body: &Node) -> Option<Targets> {
        let node = body.get("rules");
        if node.and_then(Node::text) == Some("any") {
            return Some(Targets::Any);
        }
        match node.map(|node| (&node.kind, node.texts().map(str::to_owned).collect::<Vec<_>>())) {
            Some((Kind::List(items), names)) if !names.is_empty() && names.len() == items.len() => {
                Some(Targets::Named(names))
            }
            _ => {
                let place = node.map_or(&body.place, |node| &node.place);
                self.problems.refuse_with(
                    place,
                    "a filter needs `rules`",
                    "list their ids or names, or write `any`",
                );
                None
            }
        }
    }
}
