//! Selectors of granular markings (§7.2.3): which parts of an object a marking is about.

use crate::json::Node;

/// One component of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component<'s> {
    /// A name of a property or a key of a dictionary.
    Name(&'s str),
    /// An index in a list, from zero.
    Index(usize),
}

/// The components of a selector; `None` where its syntax is wrong.
pub fn parse(selector: &str) -> Option<Vec<Component<'_>>> {
    selector.split('.').map(component).collect()
}

fn component(text: &str) -> Option<Component<'_>> {
    if let Some(inner) = text.strip_prefix('[') {
        let digits = inner.strip_suffix(']')?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        return if plain { digits.parse().ok().map(Component::Index) } else { None };
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let plain = !text.is_empty() && text.len() <= 250 && text.bytes().all(allowed);
    plain.then_some(Component::Name(text))
}

/// What a selector selects in an object, with everything inside it.
pub fn select<'n>(root: &'n Node<'n>, selector: &str) -> Option<&'n Node<'n>> {
    parse(selector)?.into_iter().try_fold(root, |node, component| match component {
        Component::Name(name) => node.get(name),
        Component::Index(index) => node.items()?.get(index),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    /// The selectors that §7.2.3 calls valid and invalid, on an object like the one there.
    #[test]
    fn selectors() {
        let text = r#"{"description":"d","external_references":[{"source_name":"cve"}],"labels":["a","b"],
            "extensions":{"x-a-ext":{"k":1}}}"#;
        let (root, _) = json::parse(text.as_bytes()).unwrap();
        for valid in [
            "description",
            "external_references.[0].source_name",
            "labels.[0]",
            "labels.[1]",
            "labels",
            "extensions.x-a-ext.k",
        ] {
            assert!(select(&root, valid).is_some(), "{valid}");
        }
        for invalid in [
            "pattern",
            "external_references.[3]",
            "description.[0]",
            "labels.name",
            "labels[0]",
            "labels.[-1]",
            "labels.[]",
            "labels.[a]",
            "labels.[99999999999999999999]",
            "",
            ".",
            "labels.",
            "a b",
        ] {
            assert!(select(&root, invalid).is_none(), "{invalid}");
        }
    }
}
