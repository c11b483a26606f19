//! The gate: one reader, one use, one instant. It decides, says why, and lets out.

use watchfire_stix::Timestamp;

use crate::marking::{Marking, Pap};
use crate::party::{Directory, Recipient};
use crate::released::Released;

/// What the reader is given it for. PAP says what may be done with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// To know, and to look for in one's own logs.
    Know,
    /// To ask third parties about, without touching anything of the adversary's.
    Consult,
    /// To act on: block lists, sinkholes.
    Act,
}

impl Use {
    /// All uses.
    pub const ALL: [Self; 3] = [Self::Know, Self::Consult, Self::Act];

    /// The most restrictive level of PAP under which this may be done.
    pub fn most(self) -> Pap {
        match self {
            Self::Know => Pap::Red,
            Self::Consult => Pap::Amber,
            Self::Act => Pap::Green,
        }
    }
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The marking that decides.
    pub by: String,
    /// In words.
    pub words: String,
}

/// Whether a reader may have something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, and by which markings; none where anyone may.
    Release(Vec<Reason>),
    /// No, and each reason why not.
    Withhold(Vec<Reason>),
}

impl Decision {
    /// Whether it may leave.
    pub fn is_release(&self) -> bool {
        matches!(self, Self::Release(_))
    }

    /// In words, for those who run the node. Whoever is refused is told nothing.
    pub fn why(&self) -> String {
        let (head, reasons) = match self {
            Self::Release(reasons) => ("released", reasons),
            Self::Withhold(reasons) => ("withheld", reasons),
        };
        let words: Vec<String> =
            reasons.iter().map(|reason| format!("{} {}", reason.by, reason.words)).collect();
        if words.is_empty() {
            format!("{head}: anyone may know it")
        } else {
            format!("{head}: {}", words.join("; "))
        }
    }
}

/// One reader at one instant.
#[derive(Debug, Clone)]
pub struct Gate<'a> {
    /// Who asks.
    pub reader: &'a Recipient,
    /// Who belongs where.
    pub directory: &'a Directory,
    /// What for.
    pub purpose: Use,
    /// When.
    pub now: Timestamp,
}

impl Gate<'_> {
    /// Whether the reader may have what is marked so.
    pub fn admits(&self, marking: &Marking) -> bool {
        marking.unknown.is_empty()
            && marking.pap <= self.purpose.most()
            && marking.clauses().all(|clause| {
                !clause.holds_at(self.now) || clause.admits(self.reader, self.directory).is_some()
            })
    }

    /// The same, with every reason.
    pub fn decide(&self, marking: &Marking) -> Decision {
        let reason = |by: &str, words: String| Reason { by: by.to_owned(), words };
        let mut against: Vec<Reason> = marking
            .unknown
            .iter()
            .map(|by| reason(by, "is not known here, and stays inside".to_owned()))
            .collect();
        if marking.pap > self.purpose.most() {
            against.push(reason(marking.pap.label(), "does not permit this use".to_owned()));
        }
        let mut grounds = Vec::new();
        for clause in marking.clauses() {
            if !clause.holds_at(self.now) {
                grounds.push(reason(&clause.by, "no longer holds".to_owned()));
                continue;
            }
            if let Some(principal) = clause.admits(self.reader, self.directory) {
                let through = principal.words(self.reader, self.directory);
                let words = format!("admits {} through {through}", self.reader.words());
                grounds.push(reason(&clause.by, words));
            } else {
                let only = clause.words(self.reader, self.directory);
                against.push(reason(&clause.by, format!("admits {only}, not {}", self.reader.words())));
            }
        }
        if against.is_empty() { Decision::Release(grounds) } else { Decision::Withhold(against) }
    }

    /// Lets something out, if the reader may have it.
    pub fn release<T>(&self, marking: &Marking, item: T) -> Option<Released<T>> {
        self.admits(marking).then(|| Released::new(item))
    }

    /// Lets out those of several that the reader may have; the others are not even counted.
    pub fn release_each<'m, T>(&self, items: impl IntoIterator<Item = (&'m Marking, T)>) -> Released<Vec<T>> {
        let kept = items.into_iter().filter(|(marking, _)| self.admits(marking)).map(|(_, item)| item);
        Released::new(kept.collect())
    }
}
