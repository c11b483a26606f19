//! Processing pipelines: what an environment calls things, in the YAML that pySigma reads.
//!
//! A pipeline rewrites a rule's document before it is read as a rule: names of fields, its log source, its values.
//! So whatever a pipeline makes of a rule is checked like any rule, and its parts keep the places at which they were
//! written. What concerns queries in other languages (post-processing, finalizers, states of a backend) has no
//! meaning here and is refused; a pipeline that is half understood would make rules find something else.

mod apply;
mod fields;
mod read;

use regex::Regex;

use crate::parse::Placeholders;
use crate::problem::{Place, Problem};
use crate::rule::LogSource;
use crate::yaml::Entry;

/// A pipeline, as read from its file.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its name, or the file's.
    pub name: String,
    /// Pipelines are applied from the lowest priority to the highest.
    pub priority: i64,
    /// `vars`: what placeholders stand for.
    vars: Placeholders,
    items: Vec<Item>,
}

impl Pipeline {
    /// Reads a pipeline. None if anything in it was refused.
    pub fn parse(file: &str, text: &str) -> (Option<Self>, Vec<Problem>) {
        read::pipeline(file, text)
    }
}

/// What rules are read in: the values of placeholders, and the pipelines that they pass, already in order.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// What placeholders stand for in every rule.
    pub placeholders: Placeholders,
    pipelines: Vec<Pipeline>,
}

impl Environment {
    /// An environment of pipelines; those of the same priority stay in the order given.
    pub fn new(placeholders: Placeholders, mut pipelines: Vec<Pipeline>) -> Self {
        pipelines.sort_by_key(|pipeline| pipeline.priority);
        Self { placeholders, pipelines }
    }

    /// Whether rules pass unchanged.
    pub(crate) fn is_plain(&self) -> bool {
        self.pipelines.is_empty()
    }
}

/// One transformation and when it applies.
#[derive(Clone, Debug)]
struct Item {
    place: Place,
    transformation: Transformation,
    /// `rule_conditions`
    rules: Conditions<RuleCondition>,
    /// `field_name_conditions`
    fields: Conditions<FieldCondition>,
}

/// Conditions and how they are joined (`*_cond_op`, `*_cond_not`). Without any, all is meant.
#[derive(Clone, Debug)]
struct Conditions<T> {
    list: Vec<T>,
    any: bool,
    negated: bool,
}

impl<T> Conditions<T> {
    fn hold(&self, holds: impl Fn(&T) -> bool) -> bool {
        let together = match (self.list.is_empty(), self.any) {
            (true, _) => return true,
            (false, true) => self.list.iter().any(holds),
            (false, false) => self.list.iter().all(holds),
        };
        together != self.negated
    }
}

#[derive(Clone, Debug)]
enum RuleCondition {
    /// `logsource`
    LogSource(LogSource),
    /// `tag`
    Tag(String),
    /// `is_sigma_rule`
    Rule,
    /// `is_sigma_correlation_rule`
    Correlation,
}

#[derive(Clone, Debug)]
enum FieldCondition {
    /// `include_fields`
    Include(Names),
    /// `exclude_fields`
    Exclude(Names),
}

#[derive(Clone, Debug)]
enum Names {
    Plain(Vec<String>),
    /// `mode: re`
    Patterns(Vec<Regex>),
}

impl Names {
    fn contain(&self, field: &str) -> bool {
        match self {
            Self::Plain(names) => names.iter().any(|name| name == field),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| {
                // Python's `match`: from the beginning.
                pattern.find(field).is_some_and(|found| found.start() == 0)
            }),
        }
    }
}

#[derive(Clone, Debug)]
enum Transformation {
    /// `field_name_mapping`: a name for one or several others.
    FieldNames(Vec<(String, Vec<String>)>),
    /// `field_name_prefix_mapping`: the beginning of a name for one or several others.
    FieldPrefixes(Vec<(String, Vec<String>)>),
    /// `field_name_prefix`, `field_name_suffix`
    FieldAffix { prefix: String, suffix: String },
    /// `change_logsource`
    ChangeLogSource(LogSource),
    /// `add_condition`: tests that must hold too, or with `negated` must not.
    AddCondition { entries: Vec<Entry>, negated: bool },
    /// `replace_string`
    ReplaceString { regex: Regex, replacement: String },
    /// `drop_detection_item`
    DropDetectionItem,
    /// `value_placeholders`: placeholders become the pipeline's `vars`.
    ValuePlaceholders { include: Vec<String>, exclude: Vec<String> },
    /// `wildcard_placeholders`: placeholders become `*`.
    WildcardPlaceholders { include: Vec<String>, exclude: Vec<String> },
    /// `rule_failure`: the rule cannot be used.
    RuleFailure(String),
}

/// Why a rule does not come out of a pipeline.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Refused(String),
    #[error("the pipeline drops every test of `{0}`")]
    Emptied(String),
    #[error("the pipeline's names for fields multiply the tests of `{0}` beyond {MULTIPLE_MAX}")]
    Multiplied(String),
}

/// Maps that one map of tests may become where fields have several names: a few fields of a few names each.
const MULTIPLE_MAX: usize = 256;
