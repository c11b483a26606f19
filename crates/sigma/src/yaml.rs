//! YAML as a small owned tree in which every node knows where it was written.
//!
//! Sigma documents, log source mappings and a caller's own content files are all read through this one tree, so that
//! every message about any of them can name a line. Three rules make it strict where YAML is lax: scalars keep the
//! text that was written (`15.10` stays `15.10`), a broken document does not hide the sound ones beside it, and
//! depth and size have limits before anything recurses.
//!
//! Text is read by [`quick`], and by the general parser ([`load`]) where that gives up.

mod load;
mod quick;

use std::sync::Arc;

use crate::limits::FILE_BYTES_MAX;
use crate::problem::{Place, Problem, Problems};

/// A node of a YAML document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the node begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    pub(crate) scalar: Scalar,
}

/// The kinds of node.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `null`, `~`, or nothing at all.
    Null,
    /// Text, number or boolean, as it was written.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order in which it was written.
    Map(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub value: Node,
}

/// What YAML's core schema takes a scalar for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    Text,
    Integer(i64),
    Float,
    Boolean(bool),
}

impl Node {
    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a plain `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.scalar {
            Scalar::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a plain integer, in whichever base it was written.
    pub fn integer(&self) -> Option<i64> {
        match self.scalar {
            Scalar::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The elements of a list; none for any other kind.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; none for any other kind.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The texts of a list of scalars, or of one scalar that stands for a list of one.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let alone = self.text();
        alone.into_iter().chain(self.items().iter().filter_map(Node::text))
    }

    /// A name for the kind, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Scalar(_) => "a value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// Reads every document of `text`, which came from `file`. Empty documents are left out; a document that cannot be
/// read yields a problem and does not take the others with it.
pub fn read(file: &str, text: &str) -> (Vec<Node>, Vec<Problem>) {
    let mut problems = Problems::default();
    let nodes = read_into(&Arc::from(file), text, &mut problems);
    (nodes, problems.into_list())
}

/// The same by the general parser alone: slower, and what [`read`] must agree with.
pub fn read_by_parser(file: &str, text: &str) -> (Vec<Node>, Vec<Problem>) {
    let (file, mut problems) = (Arc::from(file), Problems::default());
    let nodes = match within_limit(&file, text, &mut problems) {
        Some(text) => pieces(text).iter().flat_map(|piece| load::load(&file, piece, &mut problems)).collect(),
        None => Vec::new(),
    };
    (nodes, problems.into_list())
}

pub(crate) fn read_into(file: &Arc<str>, text: &str, problems: &mut Problems) -> Vec<Node> {
    read_counted(file, text, problems).0
}

/// The documents, and how many there were that could not be read.
pub(crate) fn read_counted(file: &Arc<str>, text: &str, problems: &mut Problems) -> (Vec<Node>, usize) {
    let Some(text) = within_limit(file, text, problems) else { return (Vec::new(), 1) };
    let (mut nodes, mut unreadable) = (Vec::new(), 0);
    for piece in pieces(text) {
        if let Some(node) = quick::read(file, &piece) {
            nodes.push(node);
            continue;
        }
        let before = problems.refusals();
        nodes.extend(load::load(file, &piece, problems));
        unreadable += usize::from(problems.refusals() > before);
    }
    (nodes, unreadable)
}

/// The text without a byte order mark, if it is not too long.
fn within_limit<'a>(file: &Arc<str>, text: &'a str, problems: &mut Problems) -> Option<&'a str> {
    if text.len() > FILE_BYTES_MAX {
        let start = Place { file: file.clone(), line: 1, column: 1 };
        problems.refuse_with(
            &start,
            format!("the file is larger than {FILE_BYTES_MAX} bytes"),
            "split it, or give long lists of indicators as an indicator file",
        );
        return None;
    }
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// One document's text and the number of lines before it.
struct Piece<'a> {
    text: &'a str,
    lines_before: usize,
}

/// Cuts a stream at its `---` lines. YAML 1.2.2 §9.1.2 keeps that mark for document boundaries even inside scalars,
/// so the cut is exact, and a document that does not parse leaves its neighbours whole.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut start_line) = (0, 0);
    // Nearly every file is one document, and has no such line to look for.
    if memchr::memmem::find(text.as_bytes(), b"---").is_some() {
        let mut offset = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if is_document_start(line) && offset > start {
                pieces.push(Piece { text: &text[start..offset], lines_before: start_line });
                (start, start_line) = (offset, number);
            }
            offset += line.len();
        }
    }
    pieces.push(Piece { text: &text[start..], lines_before: start_line });
    pieces.retain(|piece| piece.text.lines().any(has_content));
    pieces
}

fn is_document_start(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.trim_start().len() < rest.len() || rest.is_empty())
}

/// Comments, blank lines, directives and bare markers make no document.
fn has_content(line: &str) -> bool {
    let rest = if is_document_start(line) { &line[3..] } else { line };
    let rest = rest.trim();
    !(rest.is_empty() || rest.starts_with('#') || line.starts_with('%') || rest == "...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_document_leaves_its_neighbours() {
        let (nodes, problems) = read("f", "a: 1\n---\nb: [\n---\nc: 3\n");
        assert_eq!(nodes.len(), 2);
        assert_eq!(problems.len(), 1);
        assert_eq!(nodes[1].get("c").unwrap().place.line, 5);
        assert!(problems[0].place.line >= 3, "{}", problems[0]);
    }

    #[test]
    fn scalars_keep_the_text_that_was_written() {
        let (nodes, _) = read("f", "a: 15.10\nb: 0x17\nc: True\nd: ~\ne: '5'\n");
        let text = |key| nodes[0].get(key).and_then(Node::text);
        assert_eq!(
            (text("a"), text("b"), text("c"), text("d")),
            (Some("15.10"), Some("0x17"), Some("True"), None)
        );
        assert_eq!(nodes[0].get("b").unwrap().integer(), Some(23));
        assert_eq!(nodes[0].get("e").unwrap().integer(), None);
    }

    #[test]
    fn places_count_from_one() {
        let (nodes, _) = read("f", "# c\n--- \na:\n  b: x\n");
        let place = &nodes[0].get("a").unwrap().get("b").unwrap().place;
        assert_eq!((place.line, place.column), (4, 6));
    }

    #[test]
    fn depth_has_an_end() {
        for text in ["- ".repeat(200_000), "[".repeat(5_000), "? ".repeat(100_000)] {
            let (_, problems) = read("f", &text);
            assert_eq!(problems.len(), 1, "{:?}", &text[..4]);
        }
    }

    #[test]
    fn empty_streams_hold_nothing() {
        for text in ["", "\n", "---\n", "# only a comment\n", "---\n...\n---\n", "\u{feff}"] {
            assert_eq!(read("f", text), (Vec::new(), Vec::new()), "{text:?}");
        }
    }
}
