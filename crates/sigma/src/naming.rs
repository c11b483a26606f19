//! What a rule's field is called in the records of a class: for showing, not for testing.

use std::borrow::Cow;

use crate::compile::{ClassKey, Rules};
use crate::rule::same_field;

impl Rules {
    /// The record's own name for `field` of rule number `rule`: by the aliases of the first entry that serves the rule
    /// for this class, else the name as it is.
    pub fn own_name<'a>(&self, class: &ClassKey<'_>, rule: usize, field: &'a str) -> Cow<'a, str> {
        let Some(rule) = self.rules().get(rule) else { return Cow::Borrowed(field) };
        let fits = |(field, values): &(String, Vec<String>)| {
            let constant = class.constants.iter().find(|(name, _)| same_field(name, field));
            constant.is_none_or(|(_, value)| values.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
        };
        let entries = self.sources().entries.iter().filter(|entry| entry.class == class.class);
        let alias = entries
            .filter(|entry| entry.logsource.serves(&rule.logsource) && entry.when.iter().all(fits))
            .find_map(|entry| entry.aliases.iter().find(|(name, _)| same_field(name, field)));
        alias.map_or(Cow::Borrowed(field), |(_, own)| Cow::Owned(own.clone()))
    }
}
