//! The invented organisation: forty people, one administrator, one Exchange server, one domain.
//!
//! Names are put together from two lists and belong to nobody. Addresses come from the ranges set aside for
//! documentation (RFC 5737, RFC 3849) and, inside the house, from 10.20.0.0/16.

use crate::random::Random;

/// Short name of the Exchange server.
pub(crate) const SERVER: &str = "EX01";
/// Its full name.
pub(crate) const SERVER_FQDN: &str = "EX01.corp.example";
/// Its address inside the house.
pub(crate) const SERVER_ADDRESS: &str = "10.20.0.5";
/// The domain controller.
pub(crate) const CONTROLLER: &str = "DC01.corp.example";
/// The name under which the world reaches the server.
pub(crate) const PUBLIC_NAME: &str = "mail.corp.example";
/// Exchange 2016 CU19 without the update of March 2021, in the form of log headers.
pub(crate) const BUILD_HEADER: &str = "15.01.2176.002";
/// The same build as ECP writes it.
pub(crate) const BUILD: &str = "15.1.2176.2";
/// Column `TargetServerVersion` of HttpProxy for it.
pub(crate) const BUILD_TARGET: &str = "15.01.2176.000";
/// The same build as the packed number in HttpProxy's `BEVersion-…`: 0x73C1_8000 and the build.
pub(crate) const BUILD_PACKED: u32 = 0x73c1_8000 + 2_176;
/// The domain's part of every security identifier.
pub(crate) const DOMAIN_SID: &str = "S-1-5-21-3141592653-2718281828-1618033988";
/// The account of the monitoring probes.
pub(crate) const PROBE_ACCOUNT: &str = "HealthMailbox5c1e7a90d3b24f68";
/// Where Exchange is installed.
pub(crate) const INSTALL: &str = r"C:\Program Files\Microsoft\Exchange Server\V15";

/// Somebody who reads mail here.
pub(crate) struct Person {
    /// `anna.aldous`, also the part of the address before the `@`.
    pub(crate) account: String,
    pub(crate) sid: String,
    pub(crate) mailbox: String,
    pub(crate) workstation: String,
    /// Where they connect from when they are not in the office: IPv4 or, for some, IPv6.
    pub(crate) home: String,
    /// The identifier of their telephone, for those who synchronise one.
    pub(crate) device: Option<String>,
}

impl Person {
    /// `CORP\anna.aldous`
    pub(crate) fn domain_account(&self) -> String {
        format!(r"CORP\{}", self.account)
    }

    /// `anna.aldous@corp.example`
    pub(crate) fn address(&self) -> String {
        format!("{}@corp.example", self.account)
    }
}

/// Everyone, and the identifiers that stand in many logs.
pub(crate) struct Organisation {
    pub(crate) people: Vec<Person>,
    /// The one who administers the server, with an account of its own for that.
    pub(crate) administrator: Person,
    /// The mailbox database.
    pub(crate) database: String,
    /// The mailbox of the monitoring probes.
    pub(crate) probe_mailbox: String,
}

impl Organisation {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, "organisation");
        let people = GIVEN_NAMES.iter().zip(FAMILY_NAMES).enumerate();
        let people =
            people.map(|(index, (given, family))| person(&mut random, index, &format!("{given}.{family}")));
        Self {
            people: people.collect(),
            administrator: person(&mut random, GIVEN_NAMES.len(), "adm.teplow"),
            database: random.guid(),
            probe_mailbox: random.guid(),
        }
    }
}

fn person(random: &mut Random, index: usize, account: &str) -> Person {
    Person {
        account: account.to_owned(),
        sid: format!("{DOMAIN_SID}-{}", 1_150 + index),
        mailbox: random.guid(),
        workstation: format!("10.20.{}.{}", 10 + index / 20, 20 + index % 20),
        home: match index % 5 {
            0 => format!("2001:db8:20:{:x}::1f", index + 1),
            _ => format!("192.0.2.{}", 10 + index * 5),
        },
        device: random.chance(45).then(|| random.hex(32)),
    }
}

const GIVEN_NAMES: [&str; 40] = [
    "anna", "bela", "carin", "dario", "edda", "farid", "greta", "hanno", "ilka", "jonas", "katya", "leander",
    "mira", "nuri", "odile", "pavo", "quirin", "rasa", "sorin", "tilda", "ulla", "viggo", "wanda", "xenia",
    "yaro", "zelda", "arvid", "bruna", "cosmo", "delia", "emre", "fenna", "gideon", "hedda", "ivo", "jutta",
    "kalle", "lotte", "marek", "nele",
];

const FAMILY_NAMES: [&str; 40] = [
    "aldous",
    "brandvik",
    "corvell",
    "dunmere",
    "eskwood",
    "fallander",
    "garvin",
    "hollowell",
    "istrand",
    "jorvale",
    "kestrin",
    "lunden",
    "marlock",
    "norwick",
    "ostrander",
    "pellam",
    "quistad",
    "rendahl",
    "sorvino",
    "tarnby",
    "ulverton",
    "vandmoor",
    "westrin",
    "yelland",
    "zander",
    "ambry",
    "belcastle",
    "cardew",
    "dorling",
    "elvane",
    "farrow",
    "gildern",
    "harrowgate",
    "inglevik",
    "jessop",
    "kolvane",
    "larkmoor",
    "mendral",
    "nystad",
    "orban",
];
