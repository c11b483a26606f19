//! What a hunt finds out: findings, acts, coverage and verdicts, as plain data for reports and for other tools.
//!
//! Everything is ordered and named so that the same evidence and the same content give the same bytes in every
//! report: servers by name, findings by time and then by place. Nothing here knows how it will be shown.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use watchfire_artifact::Problem;
use watchfire_sigma::Level;

pub use crate::details::ShownField;
pub use crate::finding::Finding;
pub use crate::intel::{Indicator, IndicatorSource};

/// How far into an intrusion something stands.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Somebody looked.
    #[default]
    Reconnaissance,
    /// Somebody used a hole.
    Exploitation,
    /// Somebody arranged to stay.
    Persistence,
    /// Somebody did what they came for.
    Actions,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Stage; 4] =
        [Stage::Reconnaissance, Stage::Exploitation, Stage::Persistence, Stage::Actions];

    /// The stage's name.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Reconnaissance => "reconnaissance",
            Stage::Exploitation => "exploitation",
            Stage::Persistence => "persistence",
            Stage::Actions => "actions",
        }
    }
}

/// What a hit of a rule proves.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// True of attacks and of ordinary days.
    #[default]
    Supporting,
    /// Somebody tried.
    Attempted,
    /// It worked.
    Succeeded,
}

impl Outcome {
    /// The outcome's name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Supporting => "supporting",
            Outcome::Attempted => "attempted",
            Outcome::Succeeded => "succeeded",
        }
    }
}

/// What reports need to know of a rule, a correlation or a check.
#[derive(Debug, Clone, Default)]
pub struct RuleInfo {
    /// The UUID.
    pub id: String,
    /// The short name, `exh-007-reset`.
    pub name: String,
    /// The title.
    pub title: String,
    /// How loud a hit is.
    pub level: Level,
    /// In our own words.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// ATT&CK technique ids (`T1505.003`).
    pub attack: Vec<String>,
    /// CVE ids.
    pub cves: Vec<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// When it is wrong.
    pub false_positives: Vec<String>,
    /// Fields that every finding keeps of the record: those that the rule lists, and those by which it is correlated.
    pub fields: Vec<String>,
    /// Fields that a report shows beside them: those that the rule compares, if it lists none. None is of both.
    pub compared: Vec<String>,
    /// The forensic facts it stands for.
    pub facts: Vec<String>,
    /// The stage of the intrusion.
    pub stage: Stage,
    /// What a hit proves.
    pub outcome: Outcome,
    /// The act it witnesses.
    pub act: Option<String>,
    /// The first twelve digits of the SHA-256 of the file that the rule stands in.
    pub version: String,
}

/// What an expected witness of an act did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WitnessState {
    /// It recorded the act.
    Saw,
    /// It was kept at that time and holds no record of those moments: it should have recorded the act.
    Silent,
    /// It holds records of those moments, and no rule knows the act in them.
    Unrecognised,
    /// It has a hole at that hour.
    Gap,
    /// It is not in the evidence at all, or not for that time.
    NotCollected,
}

/// One log that should have recorded an act.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The artifact's name.
    pub artifact: String,
    /// What it would have recorded.
    pub says: String,
    /// Whether every server writes it out of the box.
    pub default: bool,
    /// What it did.
    pub state: WitnessState,
    /// Findings in it, as indices into [`Hunted::findings`].
    pub findings: Vec<usize>,
}

/// One act of an intrusion: findings that belong together in kind and time.
#[derive(Debug, Clone)]
pub struct Act {
    /// The act's name in `acts.yml`.
    pub name: String,
    /// What happened, as a sentence.
    pub title: String,
    /// The server.
    pub server: String,
    /// The first and the last moment.
    pub first: Option<Timestamp>,
    /// The last moment.
    pub last: Option<Timestamp>,
    /// The furthest stage among its findings.
    pub stage: Stage,
    /// The strongest outcome among its findings.
    pub outcome: Outcome,
    /// The loudest level among its findings.
    pub level: Level,
    /// Addresses that took part.
    pub clients: Vec<IpAddr>,
    /// All its findings, as indices into [`Hunted::findings`].
    pub findings: Vec<usize>,
    /// Its witnesses, in the order of `acts.yml`.
    pub witnesses: Vec<Witness>,
}

/// A span in which an artifact says nothing though it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last record before it.
    pub from: Timestamp,
    /// The first record after it.
    pub until: Timestamp,
}

/// What there is of one artifact of one server.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// The server.
    pub server: String,
    /// The artifact's name.
    pub artifact: String,
    /// The first record.
    pub first: Option<Timestamp>,
    /// The last record.
    pub last: Option<Timestamp>,
    /// How many files.
    pub files: u64,
    /// How many records.
    pub records: u64,
    /// Spans in which it says nothing though it should.
    pub gaps: Vec<Gap>,
    /// What could not be read, and what is odd about it.
    pub problems: Vec<String>,
    /// Records for each hour that has any (hours since 1970), for drawing.
    pub hours: BTreeMap<i64, u64>,
}

/// An artifact that a server should have and the evidence lacks.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The server.
    pub server: String,
    /// The artifact's name.
    pub artifact: String,
    /// Its title.
    pub title: String,
    /// Where it is kept.
    pub place: String,
    /// What its absence hides.
    pub hides: String,
    /// Whether "no evidence" cannot be said without it, or without one of its group.
    pub core: bool,
}

/// The answer for one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The evidence cannot tell.
    Unknown,
    /// Nothing found where it would stand, and nothing missing that hides it.
    NoEvidence,
    /// It ran a vulnerable build while that was being exploited.
    Exposed,
    /// Somebody tried; nothing shows that it worked.
    Attempted,
    /// It worked.
    Compromised,
}

impl Verdict {
    /// The verdict's name in every format.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Unknown => "unknown",
            Verdict::NoEvidence => "no-evidence",
            Verdict::Exposed => "exposed",
            Verdict::Attempted => "attempted",
            Verdict::Compromised => "compromised",
        }
    }
}

/// One reason for a verdict.
#[derive(Debug, Clone)]
pub struct Reason {
    /// In plain words.
    pub text: String,
    /// Findings behind it.
    pub findings: Cited,
}

/// Findings that are named behind something, the first of them: more are counted, and nothing is surer for them.
const CITED_MAX: usize = 1_000;

/// Findings behind something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cited {
    /// The first of them, as indices into [`Hunted::findings`].
    pub first: Vec<usize>,
    /// How many more there are.
    pub more: usize,
}

impl Cited {
    /// Adds one.
    pub(crate) fn push(&mut self, finding: usize) {
        if self.first.len() < CITED_MAX { self.first.push(finding) } else { self.more += 1 }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.first.len() + self.more
    }
}

impl FromIterator<usize> for Cited {
    fn from_iter<I: IntoIterator<Item = usize>>(findings: I) -> Self {
        let mut cited = Self::default();
        findings.into_iter().for_each(|finding| cited.push(finding));
        cited
    }
}

/// The verdict of one server, with its reasons.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The server.
    pub server: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, the strongest first.
    pub because: Vec<Reason>,
    /// What should have been there and was not, in plain words.
    pub missing: Vec<String>,
    /// The next three things to do.
    pub next: Vec<String>,
    /// Builds of Exchange that its logs state, each with the first and last time it was seen.
    pub builds: Vec<Build>,
    /// Holes that it was exposed to.
    pub exposures: Vec<Exposure>,
}

/// A build of Exchange, as logs state it.
#[derive(Debug, Clone)]
pub struct Build {
    /// `15.1.2176.2`
    pub build: String,
    /// `Exchange2016 CU19`, where the list of builds knows it.
    pub name: Option<String>,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
}

/// A hole that a server was exposed to, and how long.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// What it is called.
    pub name: String,
    /// The CVEs.
    pub cves: Vec<String>,
    /// From when the server is seen with a vulnerable build while the hole was being exploited.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why it matters.
    pub why: String,
}

/// One line of the story.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When, in UTC.
    pub time: Option<Timestamp>,
    /// When its last record was written, if it stands for several.
    pub last: Option<Timestamp>,
    /// The server.
    pub server: String,
    /// How far it goes.
    pub stage: Stage,
    /// What it proves.
    pub outcome: Outcome,
    /// How loud it is.
    pub level: Level,
    /// What happened.
    pub text: String,
    /// The telling details: `POST /owa/auth/x.aspx 200 from 192.0.2.7`.
    pub detail: String,
    /// Findings behind it.
    pub findings: Cited,
}

/// How many rules looked, and which could not.
#[derive(Debug, Clone, Default)]
pub struct RuleTally {
    /// Rules, correlations, filters and checks that were loaded and that a record here can meet.
    pub loaded: usize,
    /// Why rules were refused, with place and reason; one rule may have several.
    pub refused: Vec<String>,
    /// Rules that were refused.
    pub refused_rules: usize,
    /// Rules that the choice of rules left out.
    pub left_out: usize,
    /// Titles of rules for log sources that nothing here reads.
    pub unmapped: Vec<String>,
    /// The same, counted by log source.
    pub not_applicable: Vec<NotApplicable>,
}

/// A log source whose rules no record can match.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NotApplicable {
    /// The log source, as rules state it.
    pub logsource: String,
    /// Why no record serves it.
    pub reason: String,
    /// How many rules are for it.
    pub rules: usize,
}

/// An entry of an allow-list and what it took out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Suppressed {
    /// The id or the name of the rule.
    pub rule: String,
    /// Why its findings are harmless.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// The last day of records for which it holds.
    pub until: Option<jiff::civil::Date>,
    /// Findings that it took out.
    pub findings: u64,
}

/// Everything a hunt found out.
#[derive(Debug, Clone, Default)]
pub struct Hunted {
    /// Verdicts, worst first, then by name.
    pub verdicts: Vec<Judged>,
    /// Findings, by time and place.
    pub findings: Vec<Finding>,
    /// Acts, by server and time.
    pub acts: Vec<Act>,
    /// The story, by time, over all servers.
    pub timeline: Vec<Moment>,
    /// What there is, by server and artifact.
    pub coverage: Vec<Coverage>,
    /// What should be there and is not.
    pub missing: Vec<Missing>,
    /// What could not be read, by file.
    pub problems: Vec<Problem>,
    /// Files that were looked at.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// The rules.
    pub rules: RuleTally,
    /// What the allow-list took out, by entry.
    pub suppressed: Vec<Suppressed>,
    /// The time before which nothing counts, as asked for or by content.
    pub look_back: Option<Timestamp>,
}

impl Hunted {
    /// The worst verdict.
    pub fn worst(&self) -> Option<Verdict> {
        self.verdicts.iter().map(|judged| judged.verdict).max()
    }
}
