//! What few hits and findings have, behind one pointer.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchfire_artifact::text::{into_printable, is_plain, printable};

use crate::intel::Indicator;

/// The name of a field, which all findings of a rule share, and its value.
pub type ShownField = (Arc<str>, String);

/// What few hits and findings have.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Details {
    /// Names and values to show, all of them the record's own.
    pub(crate) fields: Vec<ShownField>,
    /// The record's bytes as text; none where they are read again when a report shows them.
    pub(crate) raw: Option<Box<str>>,
    /// The number of the request.
    pub(crate) request: Option<Box<str>>,
    /// Why the grade differs from the rule's own.
    #[serde(skip)]
    pub(crate) graded: Option<Box<str>>,
    /// The indicator that stands in the record.
    #[serde(skip)]
    pub(crate) indicator: Option<Arc<Indicator>>,
}

impl Details {
    /// Behind a pointer, if there is anything.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        let any = !self.fields.is_empty()
            || self.raw.is_some()
            || self.request.is_some()
            || self.graded.is_some()
            || self.indicator.is_some();
        any.then(|| Box::new(self))
    }

    /// Makes texts of the record safe to show, and lets findings share the names of fields.
    pub(crate) fn make_safe(&mut self, names: &mut BTreeSet<Arc<str>>) {
        self.raw = self.raw.take().map(|raw| into_printable(raw.into_string()).into_boxed_str());
        for (name, value) in &mut self.fields {
            match names.get(name) {
                Some(known) => *name = Arc::clone(known),
                None => _ = names.insert(Arc::clone(name)),
            }
            *value = on_one_line(std::mem::take(value));
        }
    }
}

/// A value as one line of text that is safe to show.
pub(crate) fn on_one_line(value: String) -> String {
    if is_plain(&value) && !value.starts_with(' ') && !value.ends_with(' ') {
        return value;
    }
    let line: String = value.chars().map(|c| if matches!(c, '\r' | '\n' | '\t') { ' ' } else { c }).collect();
    printable(line.trim()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_kept_only_where_there_are_any() {
        assert!(Details::default().boxed().is_none());
        assert!(Details { raw: Some("x".into()), ..Details::default() }.boxed().is_some());
    }
}
