//! The bridge from the YAML parser to [`Node`].
//!
//! The parser's tree borrows, resolves scalars and knows no depth limit; ours owns, keeps the text as written and is
//! shallow. The text is checked before the parser sees it, because a tree of a hundred thousand levels could not
//! even be freed again.

use std::sync::Arc;

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar as Resolved, YamlData};

use super::{Entry, Kind, Node, Piece, Scalar};
use crate::limits::{YAML_DEPTH_MAX, YAML_INDENT_MAX};
use crate::problem::{Place, Problems};

/// Reads the documents of one piece (more than one only where `...` separates them).
pub(super) fn load(file: &Arc<str>, piece: &Piece<'_>, problems: &mut Problems) -> Vec<Node> {
    let mut reader = Reader { file, piece, lines: piece.text.split('\n').collect(), problems };
    if let Some(line) = reader.lines.iter().position(|line| structure(line) > YAML_INDENT_MAX) {
        let place = Place { file: file.clone(), line: piece.lines_before + line + 1, column: 1 };
        reader.problems.refuse(&place, format!("the line nests deeper than {YAML_INDENT_MAX} columns"));
        return Vec::new();
    }
    match MarkedYaml::load_from_str(piece.text) {
        Ok(documents) => documents.iter().filter_map(|document| reader.document(document)).collect(),
        Err(error) => {
            let place = reader.place(*error.marker());
            reader.problems.refuse(&place, format!("not readable as yaml: {}", error.info()));
            Vec::new()
        }
    }
}

/// An upper bound of half the block collections that are open at the end of a line: each has a column of its own
/// (YAML 1.2.2 §8.2), save that a sequence may share its mapping's, and each began with an indicator.
pub(super) fn structure(line: &str) -> usize {
    let bytes = line.as_bytes();
    let indent = bytes.iter().take_while(|&&byte| byte == b' ').count();
    let ends = |at: usize| bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
    indent + (0..bytes.len()).filter(|&at| matches!(bytes[at], b'-' | b'?' | b':') && ends(at)).count()
}

struct Reader<'a> {
    file: &'a Arc<str>,
    piece: &'a Piece<'a>,
    lines: Vec<&'a str>,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn document(&mut self, yaml: &MarkedYaml<'_>) -> Option<Node> {
        self.node(yaml, YAML_DEPTH_MAX)
    }

    fn place(&self, mark: Marker) -> Place {
        Place { file: self.file.clone(), line: mark.line() + self.piece.lines_before, column: mark.col() + 1 }
    }

    fn node(&mut self, yaml: &MarkedYaml<'_>, depth_left: usize) -> Option<Node> {
        let place = self.place(yaml.span.start);
        if depth_left == 0 {
            self.problems.refuse(&place, format!("nests deeper than {YAML_DEPTH_MAX} levels"));
            return None;
        }
        let (kind, scalar) = match &yaml.data {
            YamlData::Value(value) => self.scalar(value, yaml.span.start),
            YamlData::Sequence(items) => {
                let items: Option<_> = items.iter().map(|item| self.node(item, depth_left - 1)).collect();
                (Kind::List(items?), Scalar::Text)
            }
            YamlData::Mapping(entries) => {
                let entries: Option<_> =
                    entries.iter().map(|(key, value)| self.entry(key, value, depth_left - 1)).collect();
                (Kind::Map(entries?), Scalar::Text)
            }
            YamlData::Tagged(_, inner) => return self.node(inner, depth_left - 1),
            YamlData::BadValue | YamlData::Alias(_) | YamlData::Representation(..) => {
                self.problems.refuse(&place, "the value does not fit its tag");
                return None;
            }
        };
        Some(Node { place, kind, scalar })
    }

    fn entry(&mut self, key: &MarkedYaml<'_>, value: &MarkedYaml<'_>, depth_left: usize) -> Option<Entry> {
        let key = self.node(key, depth_left)?;
        let value = self.node(value, depth_left)?;
        let Kind::Scalar(text) = key.kind else {
            self.problems.refuse(&key.place, format!("a key must be text, not {}", key.describe()));
            return None;
        };
        // YAML 1.1's merge key is no part of YAML 1.2; read as a field it would change what a rule means.
        if text == "<<" {
            self.problems.refuse_with(&key.place, "merge keys are not YAML 1.2", "write the entries out");
            return None;
        }
        Some(Entry { key: text, place: key.place, value })
    }

    fn scalar(&self, value: &Resolved<'_>, mark: Marker) -> (Kind, Scalar) {
        let written = |else_: String| Kind::Scalar(self.written(mark).unwrap_or(else_));
        match value {
            Resolved::Null => (Kind::Null, Scalar::Text),
            Resolved::String(text) => (Kind::Scalar(text.to_string()), Scalar::Text),
            Resolved::Boolean(value) => (written(value.to_string()), Scalar::Boolean(*value)),
            Resolved::Integer(value) => (written(value.to_string()), Scalar::Integer(*value)),
            Resolved::FloatingPoint(value) => (written(value.to_string()), Scalar::Float),
        }
    }

    /// The characters of a plain number or boolean as they stand in the file: `1.50` must not become `1.5`.
    /// None where something else stands there, such as an alias to the number.
    fn written(&self, mark: Marker) -> Option<String> {
        let line = self.lines.get(mark.line().checked_sub(1)?)?;
        let word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let text: String = line.chars().skip(mark.col()).take_while(word).collect();
        (!text.is_empty()).then_some(text)
    }
}
