//! Events written out element by element, without a template, as some exporters of events keep them.

use super::template::{Content, Element, Filling, Instance};
use super::value::Value;

/// The root of an instance with its values in place, as texts.
///
/// # Panics
/// If a value has a type that has no text here: see [`Value::text`].
pub(crate) fn written_out(instance: &Instance) -> Element {
    filled(&instance.template.root, &instance.values)
}

fn filled(element: &Element, values: &[Filling]) -> Element {
    let content = |content: &Content| match content {
        Content::Text(_) => Some(content.clone()),
        Content::Element(inner) => is_there(inner, values).then(|| Content::Element(filled(inner, values))),
        Content::Place { index, .. } => match values.get(usize::from(*index))? {
            Filling::Plain(Value::Null) => None,
            Filling::Plain(value) => Some(Content::Text(value.text().expect("the value has a text"))),
            Filling::Nested(nested) => Some(Content::Element(written_out(nested))),
        },
    };
    Element {
        name: element.name.clone(),
        dependency: None,
        attributes: element
            .attributes
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), content(value)?)))
            .collect(),
        content: element.content.iter().filter_map(content).collect(),
    }
}

fn is_there(element: &Element, values: &[Filling]) -> bool {
    let value = element.dependency.and_then(|index| values.get(usize::from(index)));
    !matches!(value, Some(Filling::Plain(Value::Null)))
}
