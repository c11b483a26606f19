//! The tests that a rule can make on one value, as the rule states them and as they run.
//!
//! [`Check`] is data: it compares and hashes, so that rules share. [`Compiled`] is the same test made ready, once for
//! the whole rule set. Both are exact about what a value is: bytes that a log had, never a type.

pub(crate) mod glob;
pub(crate) mod moment;
pub(crate) mod network;
pub(crate) mod number;
pub(crate) mod regexp;
pub(crate) mod text;

use moment::Part;
use network::Network;
use number::{Comparison, Number};
use regexp::Regexp;
use text::TextSet;

use crate::fold;
use crate::pattern::Pattern;

/// A test on a value, as stated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    /// One of the patterns matches the whole value.
    Text { any: Vec<Pattern>, cased: bool },
    /// `re`: the expression matches somewhere.
    Regex(Regexp),
    /// `cidr`: the value is an address in one of the networks.
    Cidr(Vec<Network>),
    /// `lt`, `lte`, `gt`, `gte`: the value is a number, and compares so.
    Compare(Comparison, Number),
    /// `minute` … `year`: the value is a date whose part compares so.
    Time(Part, Comparison, i64),
    /// `exists`: the field is there, whatever its value.
    Exists,
    /// `null`: the field has no value.
    Null,
    /// `fieldref`: the value compares so to another field's.
    FieldRef { field: String, how: How, cased: bool },
}

/// How a text compares to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

/// A test made ready.
#[derive(Debug)]
pub(crate) enum Compiled {
    Text(Box<TextSet>),
    Regex(Regexp),
    Cidr(Vec<Network>),
    Compare(Comparison, Number),
    Time(Part, Comparison, i64),
    Exists,
    Null,
    FieldRef { how: How, cased: bool },
}

impl Check {
    pub(crate) fn compile(&self) -> Compiled {
        match self {
            Self::Text { any, cased } => Compiled::Text(Box::new(TextSet::new(any, *cased))),
            Self::Regex(regexp) => Compiled::Regex(regexp.clone()),
            Self::Cidr(networks) => Compiled::Cidr(networks.clone()),
            Self::Compare(comparison, number) => Compiled::Compare(*comparison, *number),
            Self::Time(part, comparison, number) => Compiled::Time(*part, *comparison, *number),
            Self::Exists => Compiled::Exists,
            Self::Null => Compiled::Null,
            Self::FieldRef { how, cased, .. } => Compiled::FieldRef { how: *how, cased: *cased },
        }
    }

    /// What the test says of a field that no record of the class has.
    pub(crate) fn of_absent(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Compiled {
    /// Whether one value passes. A present value is never null; references to other fields are the caller's.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Text(set) => set.matches(value),
            Self::Regex(regexp) => regexp.is_match(value),
            Self::Cidr(networks) => network::parse(value)
                .is_some_and(|address| networks.iter().any(|network| network.contains(address))),
            Self::Compare(comparison, number) => {
                Number::parse(value).is_some_and(|value| comparison.holds(value.partial_cmp(number)))
            }
            Self::Time(part, comparison, number) => {
                moment::part(*part, value).is_some_and(|value| comparison.holds(Some(value.cmp(number))))
            }
            Self::Exists => true,
            Self::Null | Self::FieldRef { .. } => false,
        }
    }
}

impl How {
    /// Whether `value` compares so to `other`.
    pub(crate) fn holds(self, value: &[u8], other: &[u8], cased: bool) -> bool {
        match (self, cased) {
            (Self::Equals, true) => value == other,
            (Self::Equals, false) => value.eq_ignore_ascii_case(other) || folded_equal(value, other),
            (Self::StartsWith, true) => value.starts_with(other),
            (Self::StartsWith, false) => fold::starts_with(value, other),
            (Self::EndsWith, true) => value.ends_with(other),
            (Self::EndsWith, false) => fold::ends_with(value, other),
            (Self::Contains, cased) => fold::Finder::new(other, cased).is_in(value),
        }
    }
}

/// Names of people and folders go beyond ASCII, and two fields may differ in the case of such a letter.
fn folded_equal(a: &[u8], b: &[u8]) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return false;
    }
    let lower =
        |bytes| std::str::from_utf8(bytes).ok().map(|text: &str| text.chars().flat_map(char::to_lowercase));
    match (lower(a), lower(b)) {
        (Some(a), Some(b)) => a.eq(b),
        _ => false,
    }
}
