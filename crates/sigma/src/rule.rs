//! What a file of rules holds, as data.
//!
//! Names and shapes are the specification's own (Sigma 2.1.0, "Components"). A [`Header`] is what every kind of
//! document shares; rules, correlations and filters add their own part to it. Attributes that the specification does
//! not name stay together in `custom`, unread: they belong to whoever wrote them.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::correlation::Correlation;
use crate::expr::Expr;
use crate::filter::Filter;
use crate::problem::Place;
use crate::yaml::Node;

/// The attributes of a document that the specification does not name, as one mapping.
pub type Custom = Node;

/// One document of a file.
#[derive(Clone, Debug)]
pub enum Document {
    /// It has `detection`.
    Rule(Rule),
    /// It has `correlation`.
    Correlation(Correlation),
    /// It has `filter`.
    Filter(Filter),
    /// It has none of them: the caller's own kind of document, whose data is in `custom`.
    Other(Header),
}

impl Document {
    /// The part that every document has.
    pub fn header(&self) -> &Header {
        match self {
            Self::Rule(rule) => &rule.header,
            Self::Correlation(correlation) => &correlation.header,
            Self::Filter(filter) => &filter.header,
            Self::Other(header) => header,
        }
    }
}

/// What every document says about itself.
#[derive(Clone, Debug)]
pub struct Header {
    /// What the document looks for, in a few words.
    pub title: String,
    /// A UUID that is never used again.
    pub id: Option<String>,
    /// A unique name for people, and for correlations to refer to.
    pub name: Option<String>,
    /// How far it is tried.
    pub status: Option<Status>,
    /// How loud a hit is; `informational` where the document does not say.
    pub level: Level,
    /// What the hit means.
    pub description: String,
    /// Who wrote it. Licences of public rules demand that every message about a hit says so.
    pub author: String,
    /// When it was written, as it was written (`YYYY-MM-DD`).
    pub date: String,
    /// When its logic changed last.
    pub modified: String,
    /// The SPDX identifier of its licence.
    pub license: Option<String>,
    /// Field names and values follow this taxonomy; none means `sigma`.
    pub taxonomy: Option<String>,
    /// Where it was learnt.
    pub references: Vec<String>,
    /// Namespaced tags, such as `attack.t1505.003`.
    pub tags: Vec<String>,
    /// What also looks like this.
    pub falsepositives: Vec<String>,
    /// What a report should show of the record.
    pub fields: Vec<String>,
    /// Which machines it is meant for.
    pub scope: Vec<String>,
    /// Its kin: the other document's id and how it relates (`derived`, `obsolete`, `merged`, `renamed`, `similar`).
    pub related: Vec<Related>,
    /// Everything else.
    pub custom: Custom,
    /// Where the document begins.
    pub place: Place,
}

impl Header {
    /// Whether a correlation or filter that refers to `reference` means this document ("Related rules").
    pub fn is_called(&self, reference: &str) -> bool {
        self.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(reference))
            || self.name.as_deref() == Some(reference)
    }
}

/// A relation to another document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The other document.
    pub id: String,
    /// How it relates.
    pub kind: String,
}

/// A rule: a test on one record.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Title, id, level and the rest; `rule.title` reads through to it.
    pub header: Header,
    /// Which records it is for.
    pub logsource: LogSource,
    /// The test.
    pub detection: Detection,
}

impl Deref for Rule {
    type Target = Header;

    fn deref(&self) -> &Header {
        &self.header
    }
}

/// Which records a rule is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogSource {
    /// `windows`, `exchange` …
    pub product: Option<String>,
    /// `process_creation`, `webserver` …
    pub category: Option<String>,
    /// `security`, `iis` …
    pub service: Option<String>,
}

impl LogSource {
    /// Whether `self` has every attribute that `wanted` states, with the same value.
    pub fn serves(&self, wanted: &Self) -> bool {
        let one = |have: &Option<String>, want: &Option<String>| want.is_none() || have == want;
        one(&self.product, &wanted.product)
            && one(&self.category, &wanted.category)
            && one(&self.service, &wanted.service)
    }

    /// Whether it states anything at all.
    pub fn is_empty(&self) -> bool {
        self.product.is_none() && self.category.is_none() && self.service.is_none()
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("product", &self.product), ("category", &self.category), ("service", &self.service)];
        let said: Vec<String> =
            parts.iter().filter_map(|(key, value)| Some(format!("{key}: {}", value.as_ref()?))).collect();
        out.write_str(&said.join(", "))
    }
}

/// The test of a rule, resolved: selectors such as `1 of them` are written out, filters are joined on.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The conditions as they were written; several are joined by or.
    pub condition: Vec<String>,
    /// The names of the search identifiers, in order.
    pub searches: Vec<String>,
    pub(crate) expr: Expr,
}

impl Detection {
    /// The field names that the rule's tests name, each once, as the rule spells them.
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        self.expr.visit(&mut |test| {
            for field in test.fields() {
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
        });
        fields
    }
}

/// How loud a hit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Enriches; no case.
    #[default]
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// To be reviewed.
    Medium,
    /// To be reviewed at once.
    High,
    /// An incident, close to certainty.
    Critical,
}

impl Level {
    /// All of them, from quiet to loud.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word of the specification.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A word that is none of the specification's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownWord {
    /// No level has this name.
    #[error("unknown level `{0}`")]
    Level(String),
    /// No status has this name.
    #[error("unknown status `{0}`")]
    Status(String),
}

impl FromStr for Level {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|level| level.as_str() == text);
        found.ok_or_else(|| UnknownWord::Level(text.to_owned()))
    }
}

/// How far a rule is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Replaced by another.
    Deprecated,
    /// Cannot be used as it is.
    Unsupported,
    /// Noisy, but may find something.
    Experimental,
    /// Mostly stable.
    Test,
    /// For production.
    Stable,
}

impl Status {
    const ALL: [Self; 5] =
        [Self::Deprecated, Self::Unsupported, Self::Experimental, Self::Test, Self::Stable];

    /// The word of the specification.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deprecated => "deprecated",
            Self::Unsupported => "unsupported",
            Self::Experimental => "experimental",
            Self::Test => "test",
            Self::Stable => "stable",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| UnknownWord::Status(text.to_owned()))
    }
}

/// Two field names are the same if they differ in spaces only ("Field Usage": strip all spaces), or in case, which
/// the products that write logs change among themselves.
pub fn same_field(a: &str, b: &str) -> bool {
    fn bare(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|&byte| byte != b' ').map(|byte| byte.to_ascii_lowercase())
    }
    bare(a).eq(bare(b))
}

/// A field name without its spaces.
pub(crate) fn field_key(name: &str) -> String {
    name.chars().filter(|&c| c != ' ').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_round_trip() {
        for pair in Level::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!("High".parse::<Level>(), Err(UnknownWord::Level("High".into())));
    }

    #[test]
    fn spaces_and_case_of_field_names_do_not_count() {
        assert!(same_field("Threat Name", "ThreatName"));
        assert!(same_field("Threat Name", "Threatname"));
        assert!(same_field("image", "Image"));
        assert!(!same_field("Threat Name", "ThreatNames"));
    }
}
