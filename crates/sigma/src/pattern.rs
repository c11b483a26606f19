//! String values with their wildcards.
//!
//! The specification's backslash rules ("Escape Character") are subtle enough to have a home of their own. A pattern
//! is read once into a list of elements in which nothing is escaped any more; every modifier works on that list.

use std::fmt;

/// What a string value matches, element by element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    pub(crate) elements: Vec<Element>,
}

/// One element of a pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Element {
    /// These bytes (UTF-8, unless an encoding modifier made them).
    Literal(Vec<u8>),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Run,
    /// One of the five characters that introduce an option (`windash`).
    Dash,
}

/// The characters that `windash` makes interchangeable: `-`, `/`, en dash, em dash, horizontal bar.
pub(crate) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

impl fmt::Debug for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(bytes) => write!(out, "{:?}", String::from_utf8_lossy(bytes)),
            Self::One => out.write_str("?"),
            Self::Run => out.write_str("*"),
            Self::Dash => out.write_str("-/"),
        }
    }
}

impl Pattern {
    /// Text without wildcards.
    pub(crate) fn literal(text: &str) -> Self {
        let mut pattern = Self::default();
        pattern.push_bytes(text.as_bytes());
        pattern
    }

    /// Reads wildcards and backslashes as the specification says:
    /// `\` before a wildcard makes it plain, `\\` is one backslash, any other `\` is itself.
    pub(crate) fn parse(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut rest = text;
        while let Some(at) = memchr::memchr3(b'*', b'?', b'\\', rest.as_bytes()) {
            pattern.push_bytes(&rest.as_bytes()[..at]);
            let after = &rest[at + 1..];
            let escaped = after.bytes().next().filter(|next| matches!(next, b'*' | b'?' | b'\\'));
            match rest.as_bytes()[at] {
                b'*' => pattern.push(Element::Run),
                b'?' => pattern.push(Element::One),
                _ => pattern.push_bytes(&[escaped.unwrap_or(b'\\')]),
            }
            let is_escape = rest.as_bytes()[at] == b'\\' && escaped.is_some();
            rest = &after[usize::from(is_escape)..];
        }
        pattern.push_bytes(rest.as_bytes());
        pattern
    }

    /// Appends an element; equal neighbours that mean nothing more are joined.
    pub(crate) fn push(&mut self, element: Element) {
        match (self.elements.last_mut(), element) {
            (Some(Element::Run), Element::Run) => {}
            (Some(Element::Literal(last)), Element::Literal(more)) => last.extend(more),
            (_, Element::Literal(empty)) if empty.is_empty() => {}
            (_, element) => self.elements.push(element),
        }
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.elements.last_mut() {
            Some(Element::Literal(last)) => last.extend_from_slice(bytes),
            _ => self.push(Element::Literal(bytes.to_vec())),
        }
    }

    pub(crate) fn push_char(&mut self, c: char) {
        self.push_bytes(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// `startswith`: anything may follow.
    pub(crate) fn open_end(mut self) -> Self {
        self.push(Element::Run);
        self
    }

    /// `endswith`: anything may stand before.
    pub(crate) fn open_start(mut self) -> Self {
        if self.elements.first() != Some(&Element::Run) {
            self.elements.insert(0, Element::Run);
        }
        self
    }

    /// The bytes of a pattern that has no wildcard.
    pub(crate) fn as_literal(&self) -> Option<&[u8]> {
        match self.elements.as_slice() {
            [] => Some(&[]),
            [Element::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Its literal parts.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.elements.iter().filter_map(|element| match element {
            Element::Literal(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// Whether it has letters beyond ASCII that have case, so that ignoring case needs Unicode's tables.
    pub(crate) fn is_unicode(&self) -> bool {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let mut literals = self.literals().filter(|bytes| !bytes.is_ascii()).peekable();
        literals.peek().is_some()
            && self.literals().all(|bytes| text(bytes).is_some())
            && literals.filter_map(text).flat_map(str::chars).any(has_case_beyond_ascii)
    }

    /// Whether a letter beyond ASCII folds to one of ASCII: the long s and the Kelvin sign do.
    pub(crate) fn folds_to_ascii(&self) -> bool {
        let text: String = self.literals().map(String::from_utf8_lossy).collect();
        text.contains(['\u{17f}', '\u{212a}'])
    }

    /// `windash`: every character that could introduce an option stands for all five. One element in place of the
    /// permutations keeps a command line with ten of them from becoming ten million values.
    pub(crate) fn with_dashes(self) -> Self {
        let mut dashed = Self::default();
        for element in self.elements {
            match element {
                Element::Literal(bytes) => match std::str::from_utf8(&bytes) {
                    Ok(text) => text.chars().for_each(|c| dashed.push_char_or_dash(c)),
                    Err(_) => dashed.push(Element::Literal(bytes)),
                },
                other => dashed.push(other),
            }
        }
        dashed
    }

    fn push_char_or_dash(&mut self, c: char) {
        if DASHES.contains(&c) { self.push(Element::Dash) } else { self.push_char(c) }
    }
}

fn has_case_beyond_ascii(c: char) -> bool {
    !c.is_ascii() && (!c.to_lowercase().eq([c]) || !c.to_uppercase().eq([c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let elements = Pattern::parse(text).elements;
        let shown: Vec<String> = elements
            .iter()
            .map(|element| match element {
                Element::Literal(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                other => format!("<{other:?}>"),
            })
            .collect();
        assert_eq!(shown.concat(), expected);
    }

    // "Escape Character", one case a line.
    #[test]
    fn backslashes() {
        check(r"a\b", r"a\b");
        check(r"a\\b", r"a\b");
        check(r"\*", "*");
        check(r"\?", "?");
        check(r"\\*", r"\<*>");
        check(r"\\?", r"\<?>");
        check(r"\\\*", r"\*");
        check(r"\\\?x", r"\?x");
        check(r"\\\\", r"\\");
        check(r"\\\", r"\\");
        check(r"\\\\*", r"\\<*>");
        check(r"C:\Windows\*", r"C:\Windows*");
        check(r"C:\Windows\\*", r"C:\Windows\<*>");
        check(r"trailing\", r"trailing\");
        check("a*b?c", "a<*>b<?>c");
        check("a**b", "a<*>b");
        check("??", "<?><?>");
        check("", "");
    }

    #[test]
    fn open_ends_are_not_doubled() {
        let open = Pattern::parse("*a*").open_start().open_end();
        assert_eq!(open, Pattern::parse("*a*"));
        assert_eq!(Pattern::parse("").open_start().open_end(), Pattern::parse("*"));
    }

    #[test]
    fn every_dash_is_one_element() {
        let dashed = Pattern::parse("-a /b").with_dashes();
        assert_eq!(dashed.elements.iter().filter(|element| **element == Element::Dash).count(), 2);
    }
}
