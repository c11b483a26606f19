//! What a report says of an indicator that was found: who warns of it, how surely, for which time, and whether a
//! list knows it as harmless.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use watchfire_intel::{Found, Kind};
use watchfire_sigma::Level;
use watchfire_stix::Uuid;

use crate::content::Content;
use crate::model::{Finding, Outcome, RuleInfo, Stage};

/// From here on an indicator's author is sure enough for a loud finding (STIX 2.1 appendix A: "High").
const SURE: u8 = 70;

/// Below this he doubts it himself ("Low").
const DOUBTED: u8 = 30;

/// The namespace of the ids by which values are told apart in a report.
const VALUES: Uuid = Uuid::from_bytes([
    0x7c, 0x1d, 0x52, 0x0e, 0x3f, 0x0b, 0x4a, 0x8d, 0x9e, 0x64, 0x21, 0xb3, 0x5a, 0x90, 0xd7, 0x18,
]);

/// The name of a rule or of an indicator, by its number.
pub(crate) fn name(content: &Content, rule: usize) -> String {
    content.infos.get(rule).map_or_else(|| info(content, rule).name, |info| info.name.clone())
}

/// What indicators say in place of rules, made once for each that was found.
pub(crate) struct Indicators<'c> {
    content: &'c Content,
    known: BTreeMap<usize, Arc<RuleInfo>>,
}

impl<'c> Indicators<'c> {
    pub(crate) fn of(content: &'c Content) -> Self {
        Self { content, known: BTreeMap::new() }
    }

    /// The rule of a number, be it an indicator.
    pub(crate) fn rule(&mut self, rule: usize) -> Arc<RuleInfo> {
        if let Some(info) = self.content.infos.get(rule) {
            return Arc::clone(info);
        }
        Arc::clone(self.known.entry(rule).or_insert_with(|| Arc::new(info(self.content, rule))))
    }

    /// Says of a finding what is known of its indicator, and takes its weight where that is a reason to.
    pub(crate) fn grade(&self, rule: usize, finding: &mut Finding) {
        let sources = sources(self.content, rule);
        let Some(first) = sources.first() else { return };
        let mut show = |name: &str, value: String| finding.fields.push((name.into(), value));
        show("indicator", first.value.clone());
        show("kind", first.kind.name().to_owned());
        if let Some(object) = first.id {
            show("object", Uuid::from_bytes(object).to_string());
        }
        for (at, source) in sources.iter().enumerate() {
            show(if at == 0 { "source" } else { "also from" }, said_by(source));
        }
        if let Some(confidence) = first.confidence {
            show("confidence", format!("{confidence} of 100"));
        }
        if let Some(valid) = validity(first) {
            show("valid", valid);
        }
        let markings: Vec<&str> =
            sources.iter().flat_map(|source| &source.origin.markings).map(String::as_str).collect();
        if !markings.is_empty() {
            show("marking", markings.join(", "));
        }
        if let Some(why) = sources.iter().find_map(|source| source.warning) {
            finding.graded = Some(format!("{}; it stands on the list \"{why}\"", finding.rule.title));
        } else if let Some(until) = ended(&sources, finding.time) {
            let title = &finding.rule.title;
            finding.graded = Some(format!("{title}; its author took it as valid until {} only", day(until)));
        } else {
            return;
        }
        finding.level = Level::Low;
        finding.outcome = Outcome::Supporting;
    }
}

fn sources(content: &Content, rule: usize) -> Vec<Found<'_>> {
    rule.checked_sub(content.infos.len())
        .map(|number| content.intel.sources(number as u32).collect())
        .unwrap_or_default()
}

/// When the last of the sources ended to take a value as valid, if that was before a time. A value may be seen before
/// its validity begins: reports are written afterwards.
fn ended(sources: &[Found<'_>], time: Option<Timestamp>) -> Option<i64> {
    let last =
        sources.iter().map(|source| source.valid_until).max_by_key(|until| until.unwrap_or(i64::MAX))??;
    time.is_some_and(|time| time.as_second() >= last).then_some(last)
}

fn info(content: &Content, rule: usize) -> RuleInfo {
    let sources = sources(content, rule);
    let Some(first) = sources.first() else { return nothing() };
    let confidence = sources.iter().filter_map(|source| source.confidence).max();
    let kind = first.kind.name();
    RuleInfo {
        // One object may warn of several values, and several of one; what is reported together is the value.
        id: Uuid::from_name(VALUES, format!("{kind} {}", first.value).as_bytes()).to_string(),
        name: format!("indicator {}", first.value),
        title: format!("the {kind} {} is known from {}", first.value, said_by(first)),
        level: match confidence {
            Some(confidence) if confidence < DOUBTED => Level::Low,
            Some(confidence) if confidence < SURE => Level::Medium,
            _ => Level::High,
        },
        description: format!("A {kind} that {} warns of.", said_by(first)),
        author: first.origin.author.clone(),
        stage: stage(first.kind),
        outcome: Outcome::Attempted,
        ..nothing()
    }
}

/// An address may only have knocked; whatever else of an attack stands in a server's own records was used on it.
fn stage(kind: Kind) -> Stage {
    match kind {
        Kind::Ip | Kind::Network | Kind::UserAgent => Stage::Reconnaissance,
        _ => Stage::Exploitation,
    }
}

fn nothing() -> RuleInfo {
    RuleInfo {
        id: String::new(),
        name: String::new(),
        title: String::new(),
        level: Level::Low,
        description: String::new(),
        author: String::new(),
        attack: Vec::new(),
        cves: Vec::new(),
        references: Vec::new(),
        false_positives: Vec::new(),
        fields: Vec::new(),
        facts: Vec::new(),
        stage: Stage::Reconnaissance,
        outcome: Outcome::Supporting,
        act: None,
        version: String::new(),
    }
}

/// `CERT-FR, "A campaign"`, or the file where it does not say.
fn said_by(source: &Found<'_>) -> String {
    let origin = source.origin;
    match (origin.author.as_str(), origin.title.as_str()) {
        ("", "") => origin.file.clone(),
        ("", title) => format!("\"{title}\" ({})", origin.file),
        (author, "") => format!("{author} ({})", origin.file),
        (author, title) => format!("{author}, \"{title}\""),
    }
}

fn validity(source: &Found<'_>) -> Option<String> {
    match (source.valid_from, source.valid_until) {
        (None, None) => None,
        (Some(from), None) => Some(format!("from {}", day(from))),
        (None, Some(until)) => Some(format!("until {}", day(until))),
        (Some(from), Some(until)) => Some(format!("from {} until {}", day(from), day(until))),
    }
}

fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
