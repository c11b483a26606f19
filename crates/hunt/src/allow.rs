//! The allow-list: findings that somebody has looked at and knows the reason of.
//!
//! An entry names a rule and what makes the finding harmless, and who says so. What it takes out is counted in every
//! report with its reason, and so is an entry that took out nothing: a list that nobody dares to shorten hides the
//! next intruder.

use serde::Deserialize;
use watchfire_sigma::Glob;

use crate::content::{ContentError, spec};
use crate::model::{Finding, Suppressed};

/// Entries, in the order of their files.
#[derive(Debug, Clone, Default)]
pub struct AllowList {
    entries: Vec<Entry>,
}

/// An entry of an allow-list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The id or the name of a rule, a correlation or a check.
    rule: String,
    /// The server; every one if not given. `*` and `?` as in Sigma, here and below.
    server: Option<String>,
    /// The address that asked.
    client: Option<String>,
    /// The file that the finding stands in, as shown.
    file: Option<String>,
    /// Fields that the finding shows, all of which must match.
    #[serde(default)]
    fields: std::collections::BTreeMap<String, String>,
    /// The last day of records for which it holds.
    until: Option<jiff::civil::Date>,
    /// Why this is harmless.
    reason: String,
    /// Who says so.
    by: String,
}

impl AllowList {
    /// Adds the entries of a file: a list in YAML.
    ///
    /// # Errors
    /// Where the file is not of that shape, or an entry lacks its reason or reviewer.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), ContentError> {
        let entries: Vec<Entry> = spec::read(file, text)?;
        let bare = |entry: &&Entry| entry.reason.trim().is_empty() || entry.by.trim().is_empty();
        if let Some(entry) = entries.iter().find(bare) {
            let message = format!("the entry for {} says neither why nor who", entry.rule);
            return Err(ContentError::Invalid { file: file.to_owned(), message });
        }
        self.entries.extend(entries);
        Ok(())
    }

    /// Takes out the findings that an entry allows, and says by which and how many.
    pub(crate) fn take(&self, findings: &mut Vec<Finding>, suppressed: &mut Vec<Suppressed>) {
        if suppressed.is_empty() {
            suppressed.extend(self.entries.iter().map(Entry::unused));
        }
        if self.entries.is_empty() {
            return;
        }
        let tests: Vec<Test<'_>> = self.entries.iter().map(Test::new).collect();
        findings.retain(|finding| match tests.iter().position(|test| test.holds(finding)) {
            Some(entry) => {
                suppressed[entry].findings += 1;
                false
            }
            None => true,
        });
    }
}

impl Entry {
    fn unused(&self) -> Suppressed {
        Suppressed {
            rule: self.rule.clone(),
            reason: self.reason.trim().to_owned(),
            by: self.by.trim().to_owned(),
            until: self.until,
            findings: 0,
        }
    }
}

/// An entry, ready to be held against findings.
struct Test<'a> {
    entry: &'a Entry,
    server: Option<Glob>,
    client: Option<Glob>,
    file: Option<Glob>,
    fields: Vec<(&'a str, Glob)>,
}

impl<'a> Test<'a> {
    fn new(entry: &'a Entry) -> Self {
        let glob = |text: &Option<String>| text.as_deref().map(Glob::parse);
        Self {
            entry,
            server: glob(&entry.server),
            client: glob(&entry.client),
            file: glob(&entry.file),
            fields: entry.fields.iter().map(|(name, value)| (name.as_str(), Glob::parse(value))).collect(),
        }
    }

    fn holds(&self, finding: &Finding) -> bool {
        let is = |glob: &Option<Glob>, value: Option<&str>| {
            glob.as_ref().is_none_or(|glob| value.is_some_and(|value| glob.is_match(value)))
        };
        let rule = &finding.rule;
        let named = [&rule.id, &rule.name].iter().any(|name| name.eq_ignore_ascii_case(&self.entry.rule));
        named
            && is(&self.server, Some(finding.server()))
            && is(&self.client, finding.client().map(|client| client.to_string()).as_deref())
            && is(&self.file, Some(finding.file()))
            && self.in_time(finding)
            && self.is_shown(finding)
    }

    /// Whether the finding shows all the values that are asked for. Its record may be read again for it, once.
    fn is_shown(&self, finding: &Finding) -> bool {
        if self.fields.is_empty() {
            return true;
        }
        let shown = finding.shown_fields();
        let has = |(name, glob): &(&str, Glob)| {
            shown.iter().any(|(field, value)| field.eq_ignore_ascii_case(name) && glob.is_match(value))
        };
        self.fields.iter().all(has)
    }

    fn in_time(&self, finding: &Finding) -> bool {
        let Some(until) = self.entry.until else { return true };
        let day = |time| jiff::tz::Offset::UTC.to_datetime(time).date();
        finding.time().is_some_and(|time| day(time) <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn taken(text: &str) -> (usize, Vec<u64>) {
        let mut list = AllowList::default();
        list.add("allow.yml", text).unwrap();
        let (mut findings, mut suppressed) = (sample::hunted().findings, Vec::new());
        let before = findings.len();
        list.take(&mut findings, &mut suppressed);
        (before - findings.len(), suppressed.iter().map(|entry| entry.findings).collect())
    }

    #[test]
    fn an_entry_takes_what_all_of_it_holds_for() {
        let finding = &sample::hunted().findings[0];
        let (rule, server) = (&finding.rule.id, finding.server());
        let entry = |more: &str| format!("- {{rule: '{rule}', reason: backup, by: a.b{more}}}");
        let (all, counts) = taken(&entry(""));
        assert!(all > 0 && counts == [all as u64]);
        assert_eq!(taken(&entry(&format!(", server: '{}*'", &server[..2]))).0, all);
        assert_eq!(taken(&entry(", server: ANOTHER")).0, 0);
        assert_eq!(taken(&entry(", fields: {UrlStem: '/ecp/?.js'}")).0, all);
        assert_eq!(taken(&entry(", fields: {UrlStem: '/owa/*'}")).0, 0);
        assert_eq!(taken(&entry(", until: '1999-12-31'")).0, 0);
    }

    #[test]
    fn who_and_why_must_be_said() {
        let mut list = AllowList::default();
        for text in
            ["- {rule: a, reason: '', by: b}", "- {rule: a, by: b}", "- {rule: a, reason: c, by: b, tpyo: d}"]
        {
            assert!(list.add("allow.yml", text).is_err(), "{text}");
        }
    }
}
