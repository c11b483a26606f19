//! Which rules a hunt goes by: what `--include` and `--exclude` take and leave.

use std::str::FromStr;

use watchfire_sigma::{Header, Level, Status};

/// Rules that are taken and rules that are left; a choice of nothing takes all.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    include: Vec<Term>,
    exclude: Vec<Term>,
}

/// What a rule is told by: `level=high`, `status=test`, `tag=attack.t1059`, `rule=ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Its level is this.
    Level(Level),
    /// Its status is this.
    Status(Status),
    /// It has this tag, or one below it: `attack.t1059` takes `attack.t1059.001`.
    Tag(String),
    /// Its id, name or title is this.
    Rule(String),
}

/// Why a term is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TermError {
    /// There is no such key.
    #[error("{0:?} is none of level=, status=, tag= and rule=")]
    Key(String),
    /// There is no such level or status.
    #[error("{0:?} is no {1}")]
    Value(String, &'static str),
}

impl FromStr for Term {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        let (key, value) = text.split_once('=').ok_or_else(|| TermError::Key(text.to_owned()))?;
        let wrong = |what| TermError::Value(value.to_owned(), what);
        Ok(match key {
            "level" => Self::Level(value.parse().map_err(|_| wrong("level"))?),
            "status" => Self::Status(value.parse().map_err(|_| wrong("status"))?),
            "tag" => Self::Tag(value.to_ascii_lowercase()),
            "rule" => Self::Rule(value.to_owned()),
            _ => return Err(TermError::Key(text.to_owned())),
        })
    }
}

/// What of a rule a choice looks at.
pub(crate) struct Subject<'a> {
    pub(crate) level: Level,
    pub(crate) status: Option<Status>,
    pub(crate) tags: &'a [String],
    /// Id, name and title.
    pub(crate) names: [Option<&'a str>; 3],
}

impl<'a> From<&'a Header> for Subject<'a> {
    fn from(rule: &'a Header) -> Self {
        let names = [rule.id.as_deref(), rule.name.as_deref(), Some(rule.title.as_str())];
        Self { level: rule.level, status: rule.status, tags: &rule.tags, names }
    }
}

impl Term {
    fn holds(&self, rule: &Subject<'_>) -> bool {
        match self {
            Self::Level(level) => rule.level == *level,
            Self::Status(status) => rule.status == Some(*status),
            Self::Tag(wanted) => rule.tags.iter().any(|tag| is_below(&tag.to_ascii_lowercase(), wanted)),
            Self::Rule(wanted) => {
                rule.names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted))
            }
        }
    }

    fn is_alike(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

fn is_below(tag: &str, wanted: &str) -> bool {
    tag.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Choice {
    /// Takes what every key of `include` holds for (one of its values), but nothing that `exclude` holds for.
    pub fn new(include: Vec<Term>, exclude: Vec<Term>) -> Self {
        Self { include, exclude }
    }

    /// Whether a rule, a correlation or a check is hunted by.
    pub fn takes(&self, rule: &Header) -> bool {
        self.takes_subject(&rule.into())
    }

    pub(crate) fn takes_subject(&self, rule: &Subject<'_>) -> bool {
        let one_of_its_kind = |term: &Term| {
            self.include.iter().filter(|other| term.is_alike(other)).any(|other| other.holds(rule))
        };
        self.include.iter().all(one_of_its_kind) && !self.exclude.iter().any(|term| term.holds(rule))
    }
}

#[cfg(test)]
mod tests {
    use watchfire_sigma::{Document, parse};

    use super::*;

    const RULE: &str = "title: A Shell\nid: 5f2f3d1b-0bd3-4cbb-9b0c-1a2f3c4d5e6f\nstatus: test\nlevel: high\n\
        tags: [attack.execution, attack.t1059.001]\nlogsource: {product: windows}\n\
        detection: {selection: {A: b}, condition: selection}\n";

    #[track_caller]
    fn check(include: &[&str], exclude: &[&str], taken: bool) {
        let terms = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Term>>();
        let Some(Document::Rule(rule)) = parse("rule.yml", RULE).0.into_iter().next() else {
            panic!("the rule is one");
        };
        assert_eq!(
            Choice::new(terms(include), terms(exclude)).takes(&rule),
            taken,
            "{include:?} {exclude:?}"
        );
    }

    #[test]
    fn values_of_a_key_are_or_and_keys_are_and() {
        check(&[], &[], true);
        check(&["level=high"], &[], true);
        check(&["level=low", "level=high"], &[], true);
        check(&["level=high", "status=stable"], &[], false);
        check(&["tag=attack.t1059"], &[], true);
        check(&["tag=attack.t105"], &[], false);
        check(&["rule=a shell", "tag=ATTACK.execution"], &[], true);
        check(&["level=high"], &["rule=5F2F3D1B-0bd3-4cbb-9b0c-1a2f3c4d5e6f"], false);
        check(&[], &["status=test"], false);
    }

    #[test]
    fn what_is_no_term_is_refused() {
        assert_eq!("loud".parse::<Term>(), Err(TermError::Key("loud".to_owned())));
        assert_eq!("level=loud".parse::<Term>(), Err(TermError::Value("loud".to_owned(), "level")));
    }
}
