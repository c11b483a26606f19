//! The chain of modifiers after a field name, checked as a whole.
//!
//! Modifiers change a value ([`Transform`], in the order given), say what kind of test it is ([`Kind`]), or how
//! values are linked. Most chains that make no sense would still run and find nothing; those are refused here.

use super::Reader;
use crate::check::How;
use crate::check::moment::Part;
use crate::check::number::Comparison;
use crate::check::regexp::Flags;
use crate::problem::Place;

/// A chain of modifiers.
#[expect(clippy::struct_excessive_bools, reason = "each is a modifier of its own, on or off")]
#[derive(Clone, Debug, Default)]
pub(super) struct Modifiers {
    pub(super) transforms: Vec<Transform>,
    pub(super) kind: Kind,
    pub(super) comparison: Option<Comparison>,
    /// `all`: values are linked by and.
    pub(super) all: bool,
    /// `neq`: none of the values.
    pub(super) neq: bool,
    pub(super) cased: bool,
    pub(super) expand: bool,
}

/// What changes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    Contains,
    StartsWith,
    EndsWith,
    Windash,
    Base64,
    Base64Offset,
    Utf16Le,
    Utf16Be,
    Utf16,
}

/// What kind of test it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Regex(Flags),
    Cidr,
    Number,
    Time(Part),
    Exists,
    FieldRef,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Regex(_) => "re",
            Self::Cidr => "cidr",
            Self::Number => "a comparison",
            Self::Time(_) => "a part of a date",
            Self::Exists => "exists",
            Self::FieldRef => "fieldref",
        }
    }
}

const KNOWN: &str = "contains, startswith, endswith, all, any, cased, exists, neq, windash, re, i, m, s, base64, \
    base64offset, utf16le, wide, utf16be, utf16, lt, lte, gt, gte, minute, hour, day, week, month, year, cidr, expand \
    and fieldref";

impl Modifiers {
    /// The substring modifier of the chain, if any.
    pub(super) fn how(&self) -> How {
        self.transforms.iter().fold(How::Equals, |how, transform| match transform {
            Transform::Contains => How::Contains,
            Transform::StartsWith => How::StartsWith,
            Transform::EndsWith => How::EndsWith,
            _ => how,
        })
    }

    fn add(&mut self, word: &str) -> Result<(), Fault> {
        if let Some(transform) = transform(word) {
            self.transforms.push(transform);
            return Ok(());
        }
        match word {
            "all" => self.all = true,
            // Or is how values are linked anyway.
            "any" => {}
            "neq" => self.neq = true,
            "cased" => self.cased = true,
            "expand" => self.expand = true,
            "re" => return self.set_kind(Kind::Regex(Flags::default())),
            "i" | "m" | "s" => return self.flag(word),
            "cidr" => return self.set_kind(Kind::Cidr),
            "exists" => return self.set_kind(Kind::Exists),
            "fieldref" => return self.set_kind(Kind::FieldRef),
            "lt" | "lte" | "gt" | "gte" => return self.compare(word),
            _ => match Part::named(word) {
                Some(part) => return self.set_kind(Kind::Time(part)),
                None => return Err(Fault::Unknown(word.to_owned())),
            },
        }
        Ok(())
    }

    fn compare(&mut self, word: &str) -> Result<(), Fault> {
        if self.comparison.is_some() {
            return Err(Fault::Twice("a comparison"));
        }
        self.comparison = Comparison::named(word);
        // `hour|gte` compares the part of the date.
        if matches!(self.kind, Kind::Time(_)) { Ok(()) } else { self.set_kind(Kind::Number) }
    }

    fn set_kind(&mut self, kind: Kind) -> Result<(), Fault> {
        match (self.kind, kind) {
            (Kind::Text, _) | (Kind::Number, Kind::Time(_)) => {
                self.kind = kind;
                Ok(())
            }
            (old, _) => Err(Fault::Together(old.name(), kind.name())),
        }
    }

    fn flag(&mut self, word: &str) -> Result<(), Fault> {
        let Kind::Regex(flags) = &mut self.kind else { return Err(Fault::FlagWithoutRe(word.to_owned())) };
        match word {
            "i" => flags.insensitive = true,
            "m" => flags.multi_line = true,
            _ => flags.single_line = true,
        }
        Ok(())
    }

    /// Whether the parts of the chain fit together.
    fn check(&self) -> Result<(), Fault> {
        let substring =
            |t: &Transform| matches!(t, Transform::Contains | Transform::StartsWith | Transform::EndsWith);
        let allowed = match self.kind {
            Kind::Text => true,
            Kind::Regex(_) | Kind::FieldRef => self.transforms.iter().all(substring),
            Kind::Cidr | Kind::Number | Kind::Time(_) | Kind::Exists => self.transforms.is_empty(),
        };
        if !allowed {
            return Err(Fault::Together(self.kind.name(), "a modifier of text"));
        }
        if self.kind == Kind::Exists && (self.all || self.neq || self.expand) {
            return Err(Fault::Together("exists", "another modifier"));
        }
        let encodes = |t: &Transform| !substring(t) && *t != Transform::Windash;
        let first_wild = self.transforms.iter().position(substring).unwrap_or(self.transforms.len());
        if self.transforms[first_wild..].iter().any(encodes) {
            return Err(Fault::EncodesWildcards);
        }
        Ok(())
    }
}

fn transform(word: &str) -> Option<Transform> {
    Some(match word {
        "contains" => Transform::Contains,
        "startswith" => Transform::StartsWith,
        "endswith" => Transform::EndsWith,
        "windash" => Transform::Windash,
        "base64" => Transform::Base64,
        "base64offset" => Transform::Base64Offset,
        "utf16le" | "wide" => Transform::Utf16Le,
        "utf16be" => Transform::Utf16Be,
        "utf16" => Transform::Utf16,
        _ => return None,
    })
}

/// What is wrong with a chain.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("unknown modifier `{0}`")]
    Unknown(String),
    #[error("`{0}` without `re` before it")]
    FlagWithoutRe(String),
    #[error("{0} stands twice")]
    Twice(&'static str),
    #[error("{0} and {1} do not go together")]
    Together(&'static str, &'static str),
    #[error("an encoding after `contains`, `startswith` or `endswith` would encode the wildcard")]
    EncodesWildcards,
}

impl Fault {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some(format!("there are {KNOWN}")),
            Self::FlagWithoutRe(flag) => Some(format!("write `re|{flag}`")),
            Self::EncodesWildcards => Some("encode first: `base64offset|contains`".into()),
            Self::Twice(_) | Self::Together(..) => None,
        }
    }
}

impl Reader<'_> {
    /// Reads the words after the field name.
    pub(super) fn modifiers<'a>(
        &mut self,
        place: &Place,
        words: impl Iterator<Item = &'a str>,
    ) -> Option<Modifiers> {
        let mut modifiers = Modifiers::default();
        let read = words.map(str::trim).try_for_each(|word| modifiers.add(word));
        match read.and_then(|()| modifiers.check()) {
            Ok(()) => Some(modifiers),
            Err(fault) => {
                match fault.hint() {
                    Some(hint) => self.problems.refuse_with(place, fault.to_string(), hint),
                    None => self.problems.refuse(place, fault.to_string()),
                }
                None
            }
        }
    }
}
