//! The attributes that every document has.

use super::Reader;
use crate::rule::{Header, Related, Status};
use crate::yaml::{Entry, Kind, Node, Scalar};

/// "title … max. 256 characters".
const TITLE_CHARS_MAX: usize = 256;

/// What the specification names; everything else is custom ("arbitrary custom fields").
const KNOWN: [&str; 17] = [
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "references",
    "author",
    "date",
    "modified",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
];

impl Reader<'_> {
    /// Reads the header of a document whose own attributes are `own`.
    pub(super) fn header(&mut self, node: &Node, own: &[&str]) -> Option<Header> {
        let title = self.title(node);
        let level = self.word(node, "level").map(Option::unwrap_or_default);
        let status: Option<Option<Status>> = self.word(node, "status");
        let id = self.id(node);
        self.taxonomy(node);
        Some(Header {
            title: title?,
            id,
            name: optional(node, "name"),
            status: status?,
            level: level?,
            description: text(node, "description"),
            author: node
                .get("author")
                .map(|author| author.texts().collect::<Vec<_>>().join(", "))
                .unwrap_or_default(),
            date: text(node, "date"),
            modified: text(node, "modified"),
            license: optional(node, "license"),
            taxonomy: optional(node, "taxonomy"),
            references: list(node, "references"),
            tags: list(node, "tags"),
            falsepositives: list(node, "falsepositives"),
            fields: list(node, "fields"),
            scope: list(node, "scope"),
            related: related(node),
            custom: custom(node, own),
            place: node.place.clone(),
        })
    }

    fn title(&mut self, node: &Node) -> Option<String> {
        let Some(title) = node.get("title").and_then(Node::text).filter(|title| !title.trim().is_empty())
        else {
            self.problems.refuse_with(
                &node.place,
                "no title",
                "`title` says in a few words what is looked for",
            );
            return None;
        };
        if title.chars().count() > TITLE_CHARS_MAX {
            self.problems.warn(
                &node.place,
                format!("the title is longer than {TITLE_CHARS_MAX} characters"),
                "move the explanation to `description`",
            );
        }
        Some(title.to_owned())
    }

    /// A word out of a fixed list; none if it is not given.
    #[expect(clippy::option_option, reason = "absent and refused differ")]
    fn word<T: std::str::FromStr<Err = crate::rule::UnknownWord>>(
        &mut self,
        node: &Node,
        key: &str,
    ) -> Option<Option<T>> {
        let Some(value) = node.get(key) else { return Some(None) };
        match value.text().unwrap_or_default().parse() {
            Ok(word) => Some(Some(word)),
            Err(error) => {
                let hint = match key {
                    "level" => "informational, low, medium, high or critical",
                    _ => "stable, test, experimental, deprecated or unsupported",
                };
                self.problems.refuse_with(&value.place, error.to_string(), hint);
                None
            }
        }
    }

    fn id(&mut self, node: &Node) -> Option<String> {
        let value = node.get("id")?;
        let id = value.text()?;
        if !is_uuid(id) {
            self.problems.warn(
                &value.place,
                format!("the id `{id}` is not a UUID"),
                "use a random one (version 4)",
            );
        }
        Some(id.to_owned())
    }

    fn taxonomy(&mut self, node: &Node) {
        let Some(value) = node.get("taxonomy") else { return };
        let taxonomy = value.text().unwrap_or_default();
        if !taxonomy.eq_ignore_ascii_case("sigma") {
            self.problems.warn(
                &value.place,
                format!("the taxonomy `{taxonomy}` is not translated"),
                "fields and log sources are taken as they are written",
            );
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = text
        .split('-')
        .map(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(group.len()));
    lengths.eq([Some(8), Some(4), Some(4), Some(4), Some(12)])
}

pub(super) fn optional(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::text).map(str::to_owned)
}

fn text(node: &Node, key: &str) -> String {
    optional(node, key).unwrap_or_default()
}

pub(super) fn list(node: &Node, key: &str) -> Vec<String> {
    node.get(key).map(|value| value.texts().map(str::to_owned).collect()).unwrap_or_default()
}

fn related(node: &Node) -> Vec<Related> {
    let items = node.get("related").map(Node::items).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| Some(Related { id: optional(item, "id")?, kind: optional(item, "type")? }))
        .collect()
}

fn custom(node: &Node, own: &[&str]) -> Node {
    let is_custom =
        |entry: &&Entry| !KNOWN.contains(&entry.key.as_str()) && !own.contains(&entry.key.as_str());
    let entries = node.entries().iter().filter(is_custom).cloned().collect();
    Node { place: node.place.clone(), kind: Kind::Map(entries), scalar: Scalar::Text }
}
