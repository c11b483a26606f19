//! The marking of one object as an element of a lattice, and its text in a store.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use watchfire_stix::{Timestamp, Tlp};

use crate::clause::{Clause, Principal, Reach};

/// Clauses that must all admit.
pub(crate) type Clauses = Arc<BTreeSet<Clause>>;

/// The longest text of a marking. A store keys by it; what needs more has more markings than anybody can weigh, and
/// stays inside.
pub const SUMMARY_LIMIT_BYTES: usize = 1000;

/// The Permissible Actions Protocol: what may be done with what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pap {
    /// Anything.
    #[default]
    Clear,
    /// Active steps of defence, such as blocking.
    Green,
    /// Passive checks, with third parties too.
    Amber,
    /// Only what nobody outside can notice.
    Red,
}

impl Pap {
    /// All levels, the most open first.
    pub const ALL: [Self; 4] = [Self::Clear, Self::Green, Self::Amber, Self::Red];

    /// The level of a word, such as `red`, `PAP:RED` or, as it was once called, `white`.
    pub fn of_label(label: &str) -> Option<Self> {
        let label = label.trim().to_ascii_lowercase();
        match label.strip_prefix("pap:").unwrap_or(&label) {
            "clear" | "white" => Some(Self::Clear),
            "green" => Some(Self::Green),
            "amber" => Some(Self::Amber),
            "red" => Some(Self::Red),
            _ => None,
        }
    }

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Clear => "PAP:CLEAR",
            Self::Green => "PAP:GREEN",
            Self::Amber => "PAP:AMBER",
            Self::Red => "PAP:RED",
        }
    }
}

/// Who may know an object, and what they may do with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marking {
    pub(crate) tlp: Tlp,
    pub(crate) pap: Pap,
    /// What was said; [`Marking::clauses`] adds what stands in.
    /// Shared: most objects of a batch are marked alike, and each marking is taken over several times on its way.
    pub(crate) said: Clauses,
    pub(crate) unknown: BTreeSet<String>,
    pub(crate) default: Option<Standing>,
}

/// What stands in for markings that nobody made. It is kept apart: it holds like any other, but what names an unmarked
/// object is not bound by what nobody said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Standing {
    pub(crate) tlp: Tlp,
    pub(crate) clauses: Clauses,
}

impl Marking {
    /// The least restrictive: anyone may know, and do anything.
    pub fn open() -> Self {
        Self {
            tlp: Tlp::Clear,
            pap: Pap::Clear,
            said: Clauses::default(),
            unknown: BTreeSet::new(),
            default: None,
        }
    }

    /// What stays inside, because this cannot be applied.
    pub fn unknown(what: &str) -> Self {
        Self { tlp: Tlp::Red, unknown: BTreeSet::from([what.to_owned()]), ..Self::open() }
    }

    /// The level of TLP, as a label: the most restrictive that went into it.
    pub fn tlp(&self) -> Tlp {
        self.default.as_ref().map_or(self.tlp, |default| self.tlp.max(default.tlp))
    }

    /// What may be done.
    pub fn pap(&self) -> Pap {
        self.pap
    }

    /// Each of these must admit the reader.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.said.iter().chain(self.default.iter().flat_map(|default| default.clauses.iter()))
    }

    /// Markings that nobody here can apply.
    pub fn unknown_markings(&self) -> &BTreeSet<String> {
        &self.unknown
    }

    /// Whether nobody marked the object, and the node's default stands in.
    pub fn is_by_default(&self) -> bool {
        self.default.is_some()
    }

    /// Whether nobody said anything that restricts.
    pub fn says_nothing(&self) -> bool {
        self.tlp == Tlp::Clear && self.pap == Pap::Clear && self.said.is_empty() && self.unknown.is_empty()
    }

    /// The part that somebody said.
    #[must_use]
    pub fn said(&self) -> Self {
        Self { default: None, ..self.clone() }
    }

    /// The least restrictive marking that is as restrictive as both: whoever may know by it may know by either.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let unite = |one: &Clauses, two: &Clauses| {
            if one == two { Clauses::clone(one) } else { absorbed(one.iter().chain(two.iter())) }
        };
        let default = match (&self.default, &other.default) {
            (Some(one), Some(two)) => {
                Some(Standing { tlp: one.tlp.max(two.tlp), clauses: unite(&one.clauses, &two.clauses) })
            }
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        Self {
            tlp: self.tlp.max(other.tlp),
            pap: self.pap.max(other.pap),
            said: unite(&self.said, &other.said),
            unknown: self.unknown.union(&other.unknown).cloned().collect(),
            default,
        }
    }

    /// Whether joining the other changes nothing.
    pub fn covers(&self, other: &Self) -> bool {
        self == other || self.join(other) == *self
    }

    /// The last instant at which a clause ended, and so more readers were admitted.
    pub fn last_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.clauses().filter_map(|clause| clause.until).filter(|until| *until <= now).max()
    }

    /// Its text, equal for equal markings. [`Marking::read`] is the way back.
    pub fn summary(&self) -> String {
        let text = serde_json::to_string(&Written::of(self)).expect("texts and numbers can be written");
        if text.len() <= SUMMARY_LIMIT_BYTES {
            return text;
        }
        let stays = Self::unknown("more markings than can be weighed");
        serde_json::to_string(&Written::of(&stays)).expect("texts and numbers can be written")
    }

    /// The marking of a text; one that cannot be read admits nobody.
    pub fn read(summary: &str) -> Self {
        let read = serde_json::from_str::<Written>(summary).ok().and_then(Written::marking);
        read.unwrap_or_else(|| Self::unknown("a summary of markings that cannot be read"))
    }
}

/// The clauses without those that another one implies.
pub(crate) fn absorbed<'c>(clauses: impl Iterator<Item = &'c Clause>) -> Clauses {
    let ordered: BTreeSet<&Clause> = clauses.collect();
    let mut kept: Vec<&Clause> = Vec::with_capacity(ordered.len());
    for clause in ordered {
        if !kept.iter().any(|other| other.implies(clause)) {
            kept.retain(|other| !clause.implies(other));
            kept.push(clause);
        }
    }
    Arc::new(kept.into_iter().cloned().collect())
}

/// A marking as text: short names, since a store keeps one for each object that is marked so.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tlp: String,
    #[serde(default, skip_serializing_if = "is_clear")]
    pap: Pap,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clauses: Vec<WrittenClause>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unknown: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<WrittenStanding>,
    /// What was once open to one account only. Nobody is told by it any more.
    #[serde(default, skip_serializing, rename = "kept")]
    _kept: IgnoredAny,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStanding {
    tlp: String,
    clauses: Vec<WrittenClause>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClause {
    by: String,
    among: BTreeSet<Principal>,
    reach: Reach,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_clear(pap: &Pap) -> bool {
    *pap == Pap::Clear
}

fn write_clauses(clauses: &BTreeSet<Clause>) -> Vec<WrittenClause> {
    let write = |clause: &Clause| WrittenClause {
        by: clause.by.clone(),
        among: clause.among.clone(),
        reach: clause.reach,
        until: clause.until.map(|until| until.to_string()),
    };
    clauses.iter().map(write).collect()
}

fn read_clauses(written: Vec<WrittenClause>) -> Option<Clauses> {
    let read = |clause: WrittenClause| {
        let until = match clause.until {
            Some(text) => Some(Timestamp::parse(&text)?),
            None => None,
        };
        Some(Clause { by: clause.by, among: clause.among, reach: clause.reach, until })
    };
    written.into_iter().map(read).collect::<Option<BTreeSet<Clause>>>().map(Arc::new)
}

impl Written {
    fn of(marking: &Marking) -> Self {
        let standing = |standing: &Standing| WrittenStanding {
            tlp: standing.tlp.label().to_owned(),
            clauses: write_clauses(&standing.clauses),
        };
        Self {
            tlp: marking.tlp.label().to_owned(),
            pap: marking.pap,
            clauses: write_clauses(&marking.said),
            unknown: marking.unknown.clone(),
            default: marking.default.as_ref().map(standing),
            _kept: IgnoredAny,
        }
    }

    fn marking(self) -> Option<Marking> {
        let default = match self.default {
            Some(written) => {
                Some(Standing { tlp: Tlp::of_label(&written.tlp)?, clauses: read_clauses(written.clauses)? })
            }
            None => None,
        };
        Some(Marking {
            tlp: Tlp::of_label(&self.tlp)?,
            pap: self.pap,
            said: read_clauses(self.clauses)?,
            unknown: self.unknown,
            default,
        })
    }
}
