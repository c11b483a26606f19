//! What the markings of one object say, before they are weighed; and how that becomes clauses.
//!
//! The words must be gathered first: TLP:AMBER beside a named organisation means that organisation and its clients,
//! while TLP:AMBER alone means the organisation whose node this is. Compiled one by one and joined they would admit
//! nobody.

use std::collections::BTreeSet;

use watchfire_stix::{Timestamp, Tlp};

use crate::clause::{Clause, Principal, Reach};
use crate::marking::{Marking, Pap, Standing, absorbed};

/// Those whom one marking names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience {
    /// The id of the marking definition that names them.
    pub by: String,
    /// Those who may know.
    pub among: BTreeSet<Principal>,
    /// Until when only they may, where that ends.
    pub until: Option<Timestamp>,
}

/// What markings say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The most restrictive level of TLP.
    pub tlp: Option<Tlp>,
    /// The most restrictive level of PAP.
    pub pap: Pap,
    /// Named audiences; each must admit the reader.
    pub audiences: BTreeSet<Audience>,
    /// Markings that cannot be applied.
    pub unknown: BTreeSet<String>,
}

/// Who handed an object over. Whoever did knows it already, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The person's account.
    pub account: &'a str,
    /// Its organisation; none for the organisation whose node this is.
    pub organisation: Option<&'a str>,
}

impl Words {
    /// Adds what another marking of the same object says.
    pub fn add(&mut self, other: &Words) {
        self.tlp = self.tlp.max(other.tlp);
        self.pap = self.pap.max(other.pap);
        self.audiences.extend(other.audiences.iter().cloned());
        self.unknown.extend(other.unknown.iter().cloned());
    }

    /// Whether they say anything about who may know. A statement of copyright, for one, does not.
    pub fn say_who(&self) -> bool {
        self.tlp.is_some() || !self.audiences.is_empty() || !self.unknown.is_empty()
    }

    /// The marking that follows. `default` stands in where nothing is said of TLP.
    pub fn compile(&self, origin: Option<Origin<'_>>, default: Tlp) -> Marking {
        let tlp = self.tlp.unwrap_or(default);
        let audiences: Vec<Clause> =
            self.audiences.iter().map(|audience| clause(audience, tlp, origin)).collect();
        let (pap, unknown) = (self.pap, self.unknown.clone());
        if !self.say_who() {
            let by = format!("{} by default", tlp.label());
            let clauses = absorbed(self.of_tlp(tlp, by, origin).iter());
            let default = Some(Standing { tlp, clauses });
            return Marking { pap, default, ..Marking::open() };
        }
        let by =
            if self.tlp.is_some() { tlp.label().to_owned() } else { format!("{} by default", tlp.label()) };
        let said = absorbed(audiences.iter().chain(&self.of_tlp(tlp, by, origin)));
        Marking { tlp, pap, said, unknown, default: None }
    }

    /// The clause that TLP itself makes (FIRST, TLP 2.0), where no audience says it more exactly.
    fn of_tlp(&self, tlp: Tlp, by: String, origin: Option<Origin<'_>>) -> Option<Clause> {
        let lasting = || self.audiences.iter().filter(|audience| audience.until.is_none());
        let names_persons = || lasting().flat_map(|audience| &audience.among).any(is_person);
        let (among, reach) = match tlp {
            Tlp::Green => (Some(Principal::Home), Reach::Clients),
            // The organisation, and its clients: which one, an audience says, or else it is the one that holds it.
            Tlp::Amber if lasting().next().is_none() => (Some(Principal::Own), Reach::Clients),
            Tlp::AmberStrict if lasting().next().is_none() => (Some(Principal::Own), Reach::Organisation),
            // For the eyes of named persons: where none is named, nobody's.
            Tlp::Red if !names_persons() => (None, Reach::Organisation),
            Tlp::Clear | Tlp::Amber | Tlp::AmberStrict | Tlp::Red => return None,
        };
        let mut among: BTreeSet<Principal> = among.into_iter().collect();
        among.extend(knower(tlp, origin));
        if among.contains(&Principal::Own) || among.contains(&Principal::Home) {
            // These have it in them already.
            among.remove(&Principal::Holder);
        }
        Some(Clause { among, reach, until: None, by })
    }
}

fn is_person(principal: &Principal) -> bool {
    matches!(principal, Principal::Person(_))
}

fn clause(audience: &Audience, tlp: Tlp, origin: Option<Origin<'_>>) -> Clause {
    let mut among = audience.among.clone();
    if tlp == Tlp::Red && among.iter().any(is_person) {
        // An organisation beside the persons widens nothing: RED is for the persons.
        among.retain(is_person);
    }
    // Clients are told what TLP lets their provider pass on, and not what is under an embargo.
    let strict = tlp >= Tlp::AmberStrict || audience.until.is_some();
    let reach = if strict { Reach::Organisation } else { Reach::Clients };
    among.extend(knower(tlp, origin));
    Clause { among, reach, until: audience.until, by: audience.by.clone() }
}

/// Whoever handed it over: the person where it is RED, else the organisation, and none of its clients for that.
fn knower(tlp: Tlp, origin: Option<Origin<'_>>) -> Option<Principal> {
    let origin = origin?;
    match (tlp, origin.organisation) {
        (Tlp::Red, _) => Some(Principal::Person(origin.account.to_owned())),
        (_, Some(organisation)) => Some(Principal::Giver(organisation.to_owned())),
        (_, None) => Some(Principal::Holder),
    }
}
