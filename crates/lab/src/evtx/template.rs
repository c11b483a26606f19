//! Templates: the part of an event that does not change, with numbered places for what does.

use super::identity::Guid;
use super::value::Value;

/// An element of a template.
#[derive(Debug, Clone, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// The value without which the whole element is left out.
    pub(crate) dependency: Option<u16>,
    pub(crate) attributes: Vec<(String, Content)>,
    pub(crate) content: Vec<Content>,
}

/// What stands in an element, or after an attribute's name.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Text(String),
    Place { index: u16, kind: u8, optional: bool },
    Element(Element),
}

/// A definition; its GUID follows from what it says.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) guid: Guid,
    pub(crate) root: Element,
}

/// A template with the values that fill it.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) template: Template,
    pub(crate) values: Vec<Filling>,
}

/// One value of an instance.
#[derive(Debug, Clone)]
pub(crate) enum Filling {
    Plain(Value),
    /// A fragment of binary XML, which is an instance of another template.
    Nested(Box<Instance>),
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(crate) fn depends_on(mut self, index: u16) -> Self {
        self.dependency = Some(index);
        self
    }

    pub(crate) fn attribute(mut self, name: &str, content: Content) -> Self {
        self.attributes.push((name.to_owned(), content));
        self
    }

    pub(crate) fn with(mut self, content: Content) -> Self {
        self.content.push(content);
        self
    }

    pub(crate) fn child(self, element: Element) -> Self {
        self.with(Content::Element(element))
    }
}

impl Content {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A place that is written even if its value is empty.
    pub(crate) fn place(index: u16, kind: u8) -> Self {
        Self::Place { index, kind, optional: false }
    }

    /// A place that is left out with its attribute or element if its value is absent.
    pub(crate) fn optional(index: u16, kind: u8) -> Self {
        Self::Place { index, kind, optional: true }
    }
}

impl Template {
    pub(crate) fn new(root: Element) -> Self {
        let text = format!("{root:?}");
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&fnv(&text, 0xcbf2_9ce4_8422_2325).to_le_bytes());
        guid[8..].copy_from_slice(&fnv(&text, 0x6c62_272e_07bb_0142).to_le_bytes());
        Self { guid: Guid(guid), root }
    }
}

/// FNV-1a of 64 bits from a given start: the same on every machine.
fn fnv(text: &str, start: u64) -> u64 {
    text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
