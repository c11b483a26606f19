//! From elements and attributes to the field names that rules use.
//!
//! Sigma names what an event has without its place: `Image` for `Event/EventData/Data[@Name='Image']`,
//! `Provider_Name` for an attribute of `Event/System/Provider`. Events as JSON lines are named in the same way, so
//! that a rule sees no difference between the two.

use super::binxml::{Name, Piece, Sink};
use super::value::Stored;

/// A field as it was met: a name and what its text is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
}

/// A piece of a field's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text; several of a list.
    Texts(Vec<String>),
    /// A slot of the template.
    Slot(u16),
}

/// Collects fields from a walk.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    pub(crate) fields: Vec<Met>,
    /// For each slot that stands as an element's content: the elements it stands in.
    pub(crate) paths: Vec<(u16, Vec<String>)>,
    /// A name depends on the record.
    pub(crate) dynamic: bool,
    stack: Vec<Element>,
    attribute: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Element {
    name: String,
    /// What its `Name` attribute says.
    named: Option<String>,
}

impl Naming {
    /// Begins inside these elements.
    pub(crate) fn inside(path: &[String]) -> Self {
        let stack = path.iter().map(|name| Element { name: name.clone(), named: None }).collect();
        Self { stack, ..Self::default() }
    }

    /// The fields of what was walked.
    pub(crate) fn finish(mut self) -> Self {
        self.flush();
        self
    }

    /// Whether every field is one text or one slot, under a name that does not depend on the record.
    pub(crate) fn is_plain(&self) -> bool {
        !self.dynamic && self.fields.iter().all(|field| field.parts.len() == 1)
    }

    /// Ends the text of the attribute or the element that was being read.
    fn flush(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        let attribute = self.attribute.take();
        if parts.is_empty() {
            return;
        }
        if let Some("Name") = attribute.as_deref()
            && let Some(element) = self.stack.last_mut().filter(|element| element.name == "Data")
        {
            match parts.as_slice() {
                [Part::Texts(texts)] => element.named = texts.first().cloned(),
                _ => self.dynamic = true,
            }
            return;
        }
        if let Some(name) = self.name(attribute.as_deref()) {
            self.fields.push(Met { name, parts });
        }
    }

    /// The name of the text of the open element, or of one of its attributes; none where it says nothing of the event.
    fn name(&self, attribute: Option<&str>) -> Option<String> {
        let element = self.stack.last()?;
        let section = self.stack.get(1).map_or("", |section| section.name.as_str());
        if self.stack.len() < 2 || attribute.is_some_and(|name| name.starts_with("xmlns")) {
            return None;
        }
        match (section, element.name.as_str(), attribute) {
            ("System", "Provider", Some(attribute @ ("Name" | "Guid"))) => {
                Some(format!("Provider_{attribute}"))
            }
            ("System", "TimeCreated", Some(_)) => Some("SystemTime".to_owned()),
            ("System", "Execution", Some(attribute)) => Some(format!("Execution_{attribute}")),
            ("RenderingInfo", name, _) => (name == "Message").then(|| "Message".to_owned()),
            (_, _, Some(attribute)) => Some(attribute.to_owned()),
            (_, name, None) => Some(element.named.as_deref().unwrap_or(name).to_owned()),
        }
    }

    fn stored(&mut self, stored: Stored<'_>) {
        if !stored.is_null() {
            self.parts.push(Part::Texts(stored.texts().map(std::borrow::Cow::into_owned).collect()));
        }
    }
}

impl Sink for Naming {
    fn open(&mut self, name: Name<'_>) {
        self.flush();
        self.stack.push(Element { name: name.text(), named: None });
    }

    fn attribute(&mut self, name: Name<'_>) {
        self.flush();
        self.attribute = Some(name.text());
    }

    fn content(&mut self) {
        self.flush();
    }

    fn text(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Value(stored, _) => self.stored(stored),
            Piece::Character(character) => self.parts.push(Part::Texts(vec![character.to_string()])),
            Piece::Entity(name) => self.parts.push(Part::Texts(vec![entity(&name.text()).to_owned()])),
            Piece::Slot(slot) => {
                if self.attribute.is_none() {
                    let path = self.stack.iter().map(|element| element.name.clone()).collect();
                    self.paths.push((slot, path));
                }
                self.parts.push(Part::Slot(slot));
            }
        }
    }

    fn close(&mut self) {
        self.flush();
        self.stack.pop();
    }
}

/// The character that a predefined entity stands for.
pub(crate) fn entity(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "\u{fffd}",
    }
}
