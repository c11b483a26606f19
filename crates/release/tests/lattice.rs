//! Every combination of markings, readers, uses and instants that the types allow, against the rules said plainly.

use std::collections::BTreeSet;

use watchfire_release::{
    Audience, Community, Directory, Gate, Marking, Organisation, Origin, Pap, Principal, Recipient, Use,
    Words,
};
use watchfire_stix::{Timestamp, Tlp};

const PAST: i64 = 1_600_000_000;
const NOW: i64 = 1_626_692_400;
const FUTURE: i64 = 1_700_000_000;

/// A reader, and what is true of it: said here, and told to the directory in other words.
#[expect(clippy::struct_excessive_bools)] // facts that do not exclude each other
struct Reader {
    recipient: Recipient,
    is_own: bool,
    is_own_client: bool,
    shares_a_community: bool,
    is_mill: bool,
    is_mill_client: bool,
    is_in_finance: bool,
    is_finance_client: bool,
    is_french: bool,
    is_alice: bool,
}

fn reader(account: &str, organisation: &str) -> Reader {
    Reader {
        recipient: Recipient::person(account, organisation),
        is_own: false,
        is_own_client: false,
        shares_a_community: false,
        is_mill: false,
        is_mill_client: false,
        is_in_finance: false,
        is_finance_client: false,
        is_french: false,
        is_alice: false,
    }
}

fn directory() -> Directory {
    let organisation = |nation: Option<&str>, client_of: &[&str], communities: &[&str]| Organisation {
        nation: nation.map(str::to_owned),
        client_of: client_of.iter().map(|name| (*name).to_owned()).collect(),
        communities: communities.iter().map(|name| (*name).to_owned()).collect(),
    };
    let mut directory = Directory::of("CERT");
    let mut add = |name: &str, found| directory.organisations.insert(name.to_owned(), found);
    add("CERT", organisation(Some("DEU"), &[], &["allies"]));
    add("CLIENT", organisation(None, &["CERT"], &[]));
    add("MILL", organisation(Some("FRA"), &[], &[]));
    add("MILLER", organisation(None, &["MILL"], &[]));
    add("BANK", organisation(None, &[], &["finance"]));
    add("TELLER", organisation(None, &["BANK"], &[]));
    add("FOREIGN", organisation(Some("FRA"), &[], &["allies"]));
    let within = |name: &str| Community { within: BTreeSet::from([name.to_owned()]), hidden: true };
    // A bank is in `finance`, which is in `national`, which is in `allies`, where the CERT is.
    directory.communities.insert("finance".to_owned(), within("national"));
    directory.communities.insert("national".to_owned(), within("allies"));
    directory.communities.insert("allies".to_owned(), Community::default());
    directory
}

fn readers() -> Vec<Reader> {
    vec![
        Reader { recipient: Recipient::anyone(), ..reader("", "") },
        Reader { is_own: true, shares_a_community: true, ..reader("olga", "CERT") },
        Reader { is_own: true, shares_a_community: true, is_alice: true, ..reader("alice", "CERT") },
        Reader { is_own_client: true, ..reader("carl", "CLIENT") },
        Reader { is_mill: true, is_french: true, ..reader("mia", "MILL") },
        Reader { is_mill: true, is_french: true, is_alice: true, ..reader("alice", "MILL") },
        Reader { is_mill_client: true, ..reader("max", "MILLER") },
        Reader { is_in_finance: true, shares_a_community: true, ..reader("ben", "BANK") },
        Reader { is_finance_client: true, ..reader("tim", "TELLER") },
        Reader { is_french: true, shares_a_community: true, ..reader("fay", "FOREIGN") },
        reader("eve", "NOBODY KNOWS"),
    ]
}

/// What an audience names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Named {
    Alice,
    Mill,
    Finance,
    France,
    AliceOrMill,
}

const NAMED: [Named; 5] = [Named::Alice, Named::Mill, Named::Finance, Named::France, Named::AliceOrMill];

fn principals(named: Named) -> BTreeSet<Principal> {
    let alice = || Principal::Person("alice".to_owned());
    let mill = || Principal::Organisation("MILL".to_owned());
    match named {
        Named::Alice => BTreeSet::from([alice()]),
        Named::Mill => BTreeSet::from([mill()]),
        Named::Finance => BTreeSet::from([Principal::Community("finance".to_owned())]),
        Named::France => BTreeSet::from([Principal::Nation("FRA".to_owned())]),
        Named::AliceOrMill => BTreeSet::from([alice(), mill()]),
    }
}

/// Whether a reader is among those named, where the organisations may tell their clients or may not.
fn is_named(named: Named, reader: &Reader, clients: bool, persons_only: bool) -> bool {
    let mill = reader.is_mill || clients && reader.is_mill_client;
    match named {
        Named::Alice => reader.is_alice,
        Named::Mill => mill,
        Named::Finance => reader.is_in_finance || clients && reader.is_finance_client,
        Named::France => reader.is_french,
        Named::AliceOrMill => reader.is_alice || mill && !persons_only,
    }
}

/// The rules, said plainly.
fn may_know(tlp: Tlp, lasting: &[Named], embargo: Option<(Named, i64)>, reader: &Reader) -> bool {
    let clients = tlp <= Tlp::Amber;
    let persons_only = tlp == Tlp::Red;
    let all_named = lasting.iter().all(|named| is_named(*named, reader, clients, persons_only));
    let out_of_embargo =
        embargo.is_none_or(|(named, until)| until <= NOW || is_named(named, reader, false, persons_only));
    let by_tlp = match tlp {
        Tlp::Clear => true,
        Tlp::Green => reader.is_own || reader.is_own_client || reader.shares_a_community,
        Tlp::Amber => !lasting.is_empty() || reader.is_own || reader.is_own_client,
        Tlp::AmberStrict => !lasting.is_empty() || reader.is_own,
        Tlp::Red => {
            let names_alice = lasting.iter().any(|named| matches!(named, Named::Alice | Named::AliceOrMill));
            names_alice && reader.is_alice
        }
    };
    all_named && out_of_embargo && by_tlp
}

/// All sets of at most two lasting audiences.
fn audiences() -> Vec<Vec<Named>> {
    let mut all = vec![Vec::new()];
    for (at, first) in NAMED.into_iter().enumerate() {
        all.push(vec![first]);
        all.extend(NAMED.into_iter().skip(at + 1).map(|second| vec![first, second]));
    }
    all
}

fn embargoes() -> Vec<Option<(Named, i64)>> {
    let at = |until| NAMED.into_iter().map(move |named| Some((named, until)));
    std::iter::once(None).chain(at(PAST)).chain(at(NOW)).chain(at(FUTURE)).collect()
}

fn words(tlp: Tlp, pap: Pap, lasting: &[Named], embargo: Option<(Named, i64)>) -> Words {
    let audience = |named, until: Option<i64>| Audience {
        by: format!("marking-definition of {named:?}"),
        among: principals(named),
        until: until.map(|until| Timestamp::new(until, 0)),
    };
    let mut audiences: BTreeSet<Audience> = lasting.iter().map(|named| audience(*named, None)).collect();
    audiences.extend(embargo.map(|(named, until)| audience(named, Some(until))));
    Words { tlp: Some(tlp), pap, audiences, unknown: BTreeSet::new() }
}

#[test]
fn every_combination() {
    let (directory, readers) = (directory(), readers());
    let mut combinations = 0;
    for tlp in Tlp::ALL {
        for lasting in audiences() {
            for embargo in embargoes() {
                for pap in Pap::ALL {
                    let marking = words(tlp, pap, &lasting, embargo).compile(None, Tlp::Red);
                    let kept = Marking::read(&marking.summary());
                    assert_eq!(kept, marking, "{}", marking.summary());
                    for reader in &readers {
                        for purpose in Use::ALL {
                            let expected = may_know(tlp, &lasting, embargo, reader)
                                && match purpose {
                                    Use::Know => true,
                                    Use::Consult => pap != Pap::Red,
                                    Use::Act => pap <= Pap::Green,
                                };
                            let now = Timestamp::new(NOW, 0);
                            let gate =
                                Gate { reader: &reader.recipient, directory: &directory, purpose, now };
                            let decision = gate.decide(&marking);
                            let shown = format!(
                                "{tlp:?} {pap:?} {lasting:?} {embargo:?} {purpose:?} {}: {}",
                                reader.recipient.words(),
                                decision.why()
                            );
                            assert_eq!(decision.is_release(), expected, "{shown}");
                            assert_eq!(gate.admits(&marking), expected, "{shown}");
                            assert_eq!(gate.release(&marking, ()).is_some(), expected, "{shown}");
                            combinations += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(combinations, 5 * 16 * 16 * 4 * 11 * 3);
}

fn some_markings() -> Vec<Marking> {
    let mut all = vec![Marking::open(), Marking::unknown("marking-definition--x")];
    for tlp in Tlp::ALL {
        for lasting in audiences().into_iter().step_by(3) {
            for embargo in [None, Some((Named::Mill, PAST)), Some((Named::Finance, FUTURE))] {
                for pap in [Pap::Clear, Pap::Amber] {
                    all.push(words(tlp, pap, &lasting, embargo).compile(None, Tlp::Red));
                }
            }
        }
    }
    all
}

#[test]
fn joining_admits_exactly_whom_both_admit() {
    let (directory, readers, markings) = (directory(), readers(), some_markings());
    for first in &markings {
        for second in &markings {
            let joined = first.join(second);
            assert_eq!(joined, second.join(first));
            assert_eq!(joined.join(first), joined);
            assert!(joined.covers(first) && joined.covers(second));
            for reader in &readers {
                let (purpose, now) = (Use::Act, Timestamp::new(NOW, 0));
                let gate = Gate { reader: &reader.recipient, directory: &directory, purpose, now };
                let expected = gate.admits(first) && gate.admits(second);
                assert_eq!(gate.admits(&joined), expected, "{first:?} {second:?}");
            }
        }
    }
}

#[test]
fn joining_is_associative() {
    let markings = some_markings();
    for first in markings.iter().step_by(3) {
        for second in markings.iter().step_by(4) {
            for third in markings.iter().step_by(5) {
                assert_eq!(first.join(second).join(third), first.join(&second.join(third)));
            }
        }
    }
}

/// Each step up in TLP admits fewer, whoever else is named.
#[test]
fn more_restrictive_is_never_wider() {
    let (directory, readers) = (directory(), readers());
    let now = Timestamp::new(NOW, 0);
    for lasting in audiences() {
        for embargo in embargoes() {
            for reader in &readers {
                let gate = Gate { reader: &reader.recipient, directory: &directory, purpose: Use::Know, now };
                let admitted =
                    |tlp| gate.admits(&words(tlp, Pap::Clear, &lasting, embargo).compile(None, Tlp::Red));
                // An audience is what lets AMBER reach beyond the holder; GREEN says nothing of the kind.
                let steps: &[(Tlp, Tlp)] = if lasting.is_empty() {
                    &[(Tlp::Clear, Tlp::Green), (Tlp::Green, Tlp::Amber), (Tlp::Amber, Tlp::AmberStrict)]
                } else {
                    &[(Tlp::Clear, Tlp::Green), (Tlp::Clear, Tlp::Amber), (Tlp::Amber, Tlp::AmberStrict)]
                };
                for (wider, narrower) in steps {
                    assert!(admitted(*wider) || !admitted(*narrower), "{wider:?} {narrower:?} {lasting:?}");
                }
                assert!(admitted(Tlp::AmberStrict) || !admitted(Tlp::Red), "{lasting:?} {embargo:?}");
            }
        }
    }
}

/// Whoever hands something over knows it, and nobody else does for that.
#[test]
fn the_one_who_handed_it_over_knows_it() {
    let (directory, readers) = (directory(), readers());
    let now = Timestamp::new(NOW, 0);
    let origin = Origin { account: "max", organisation: Some("MILLER") };
    for tlp in Tlp::ALL {
        for lasting in audiences() {
            let plain = words(tlp, Pap::Clear, &lasting, None).compile(None, Tlp::Red);
            let handed = words(tlp, Pap::Clear, &lasting, None).compile(Some(origin), Tlp::Red);
            for reader in &readers {
                let gate = Gate { reader: &reader.recipient, directory: &directory, purpose: Use::Know, now };
                let is_max = reader.recipient.account.as_deref() == Some("max");
                if is_max {
                    // Two audiences, each of which names persons beside others, may each leave somebody out.
                    assert!(gate.admits(&handed), "{tlp:?} {lasting:?}");
                } else {
                    assert_eq!(
                        gate.admits(&handed),
                        gate.admits(&plain),
                        "{tlp:?} {lasting:?} {}",
                        reader.recipient.words()
                    );
                }
            }
        }
    }
}

/// Stores made before have texts in which something was open to one account besides; it no longer is.
#[test]
fn what_was_open_to_one_account_is_read_without_that() {
    for marking in some_markings() {
        let summary = marking.summary();
        let before = format!(
            r#"{},"kept":{{"account":"max","tlp":"CLEAR","pap":"amber","unknown":["x"]}}}}"#,
            summary.strip_suffix('}').unwrap()
        );
        assert_eq!(Marking::read(&before), Marking::read(&summary), "{before}");
        assert_eq!(Marking::read(&before).summary(), summary);
    }
}

#[test]
fn a_summary_that_was_altered_admits_nobody() {
    let directory = directory();
    let marking = words(Tlp::Amber, Pap::Clear, &[Named::Mill], None).compile(None, Tlp::Red);
    let summary = marking.summary();
    let reader = Recipient::person("mia", "MILL");
    let now = Timestamp::new(NOW, 0);
    let gate = Gate { reader: &reader, directory: &directory, purpose: Use::Know, now };
    assert!(gate.admits(&Marking::read(&summary)));
    for altered in
        ["", "{}", &summary[1..], &summary.replace("among", "except"), &summary.replace("AMBER", "PINK")]
    {
        assert!(!gate.admits(&Marking::read(altered)), "{altered}");
    }
}

#[test]
fn more_markings_than_can_be_weighed_stay_inside() {
    let mut words = Words { tlp: Some(Tlp::Clear), ..Words::default() };
    for number in 0..100 {
        let among = BTreeSet::from([Principal::Organisation(format!("ORG {number}"))]);
        words.audiences.insert(Audience { by: format!("marking {number}"), among, until: None });
    }
    let read = Marking::read(&words.compile(None, Tlp::Red).summary());
    assert!(!read.unknown_markings().is_empty());
}

#[test]
fn the_reason_names_the_marking_that_decides() {
    let directory = directory();
    let now = Timestamp::new(NOW, 0);
    let eve = Recipient::person("eve", "NOBODY KNOWS");
    let gate = Gate { reader: &eve, directory: &directory, purpose: Use::Know, now };
    let check = |marking: &Marking, expected: &str| assert_eq!(gate.decide(marking).why(), expected);
    let of =
        |tlp, lasting: &[Named], embargo| words(tlp, Pap::Clear, lasting, embargo).compile(None, Tlp::Red);
    check(&of(Tlp::Clear, &[], None), "released: anyone may know it");
    check(&of(Tlp::Amber, &[], None), "withheld: TLP:AMBER admits CERT and clients, not eve of NOBODY KNOWS");
    check(&of(Tlp::Red, &[], None), "withheld: TLP:RED admits nobody, not eve of NOBODY KNOWS");
    // A hidden community is not named to those outside it.
    check(
        &of(Tlp::AmberStrict, &[Named::Finance], None),
        "withheld: marking-definition of Finance admits a community, not eve of NOBODY KNOWS",
    );
    check(
        &of(Tlp::Clear, &[], Some((Named::Mill, FUTURE))),
        "withheld: marking-definition of Mill admits MILL until 2023-11-14T22:13:20.000Z, \
         not eve of NOBODY KNOWS",
    );
    check(
        &Marking::unknown("marking-definition--8a1cd1a4-6d5e-4c61-8a0e-0d2f4f6c8a11"),
        "withheld: marking-definition--8a1cd1a4-6d5e-4c61-8a0e-0d2f4f6c8a11 is not known here, and stays inside",
    );
    let default = Words::default().compile(None, Tlp::AmberStrict);
    check(&default, "withheld: TLP:AMBER+STRICT by default admits CERT, not eve of NOBODY KNOWS");
}
