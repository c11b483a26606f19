//! What a report says of an indicator that was found: who warns of it, how surely, for which time, and whether a
//! list knows it as harmless.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use watchfire_intel::{Found, Kind};
use watchfire_sigma::Level;
use watchfire_stix::Uuid;

use crate::content::Content;
use crate::model::{Finding, Outcome, RuleInfo, ShownField, Stage};

/// From here on an indicator's author is sure enough for a loud finding (STIX 2.1 appendix A: "High").
const SURE: u8 = 70;

/// Below this he doubts it himself ("Low").
const DOUBTED: u8 = 30;

/// The namespace of the ids by which values are told apart in a report.
const VALUES: Uuid = Uuid::from_bytes([
    0x7c, 0x1d, 0x52, 0x0e, 0x3f, 0x0b, 0x4a, 0x8d, 0x9e, 0x64, 0x21, 0xb3, 0x5a, 0x90, 0xd7, 0x18,
]);

/// A value that somebody warns of, as a finding names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// The value, in the form in which it is looked for.
    pub value: String,
    /// What kind of value it is.
    pub kind: Kind,
    /// Who warns of it, at least one.
    pub sources: Vec<IndicatorSource>,
}

/// Somebody who warns of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorSource {
    /// The UUID of the object that says so.
    pub id: Option<Uuid>,
    /// Who says so; empty where the file does not tell.
    pub author: String,
    /// In which report.
    pub title: String,
    /// The file that was read.
    pub file: String,
    /// Its markings, as it writes them: `tlp:green`.
    pub markings: Vec<String>,
    /// How sure the author is, from 0 to 100.
    pub confidence: Option<u8>,
    /// From when it is valid.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// The list that knows the value as harmless or too common.
    pub warninglist: Option<String>,
}

impl Indicator {
    fn of(sources: &[Found<'_>]) -> Option<Self> {
        let first = sources.first()?;
        Some(Self {
            value: first.value.clone(),
            kind: first.kind,
            sources: sources.iter().map(IndicatorSource::of).collect(),
        })
    }

    /// Names and values as readers are shown them.
    pub fn shown(&self) -> Vec<ShownField> {
        let mut fields: Vec<ShownField> = Vec::new();
        let mut show = |name: &str, value: String| fields.push((name.into(), value));
        show("indicator", self.value.clone());
        show("kind", self.kind.name().to_owned());
        let first = self.sources.first();
        if let Some(id) = first.and_then(|first| first.id) {
            show("object", id.to_string());
        }
        for (at, source) in self.sources.iter().enumerate() {
            show(if at == 0 { "source" } else { "also from" }, source.name());
        }
        if let Some(confidence) = first.and_then(|first| first.confidence) {
            show("confidence", format!("{confidence} of 100"));
        }
        if let Some(valid) = first.and_then(IndicatorSource::validity) {
            show("valid", valid);
        }
        let markings: Vec<&str> = self.markings().collect();
        if !markings.is_empty() {
            show("marking", markings.join(", "));
        }
        fields
    }

    /// The markings of all sources.
    pub fn markings(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().flat_map(|source| &source.markings).map(String::as_str)
    }

    /// Why it weighs less, where it does: a list knows it, or the last of its sources ended to take it as valid before
    /// it was seen. It may be seen before its validity begins: reports are written afterwards.
    fn doubt(&self, seen: Option<Timestamp>) -> Option<String> {
        if let Some(list) = self.sources.iter().find_map(|source| source.warninglist.as_ref()) {
            return Some(format!("it stands on the list \"{list}\""));
        }
        let ends: Option<Vec<Timestamp>> = self.sources.iter().map(|source| source.valid_until).collect();
        let last = ends?.into_iter().max()?;
        seen.is_some_and(|seen| seen >= last)
            .then(|| format!("its author took it as valid until {last} only"))
    }
}

impl IndicatorSource {
    fn of(found: &Found<'_>) -> Self {
        // A time beyond those of the calendar bounds nothing.
        let time = |seconds: Option<i64>| seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        Self {
            id: found.id.map(Uuid::from_bytes),
            author: found.origin.author.clone(),
            title: found.origin.title.clone(),
            file: found.origin.file.clone(),
            markings: found.origin.markings.clone(),
            confidence: found.confidence,
            valid_from: time(found.valid_from),
            valid_until: time(found.valid_until),
            warninglist: found.warning.map(str::to_owned),
        }
    }

    /// `CERT-FR, "A campaign"`, or the file where it does not say.
    pub fn name(&self) -> String {
        let Self { author, title, file, .. } = self;
        match (author.as_str(), title.as_str()) {
            ("", "") => file.clone(),
            ("", title) => format!("\"{title}\" ({file})"),
            (author, "") => format!("{author} ({file})"),
            (author, title) => format!("{author}, \"{title}\""),
        }
    }

    fn validity(&self) -> Option<String> {
        match (self.valid_from, self.valid_until) {
            (None, None) => None,
            (Some(from), None) => Some(format!("from {from}")),
            (None, Some(until)) => Some(format!("until {until}")),
            (Some(from), Some(until)) => Some(format!("from {from} until {until}")),
        }
    }
}

/// The name of a rule or of an indicator, by its number.
pub(crate) fn name(content: &Content, rule: usize) -> String {
    content.infos.get(rule).map_or_else(
        || indicator(content, rule).map(|indicator| info(&indicator).name).unwrap_or_default(),
        |info| info.name.clone(),
    )
}

/// What indicators say in place of rules, made once for each that was found.
pub(crate) struct Indicators<'c> {
    content: &'c Content,
    known: BTreeMap<usize, (Arc<RuleInfo>, Option<Arc<Indicator>>)>,
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
        let (info, _) = self.known.entry(rule).or_insert_with(|| {
            let indicator = indicator(self.content, rule);
            (Arc::new(indicator.as_ref().map_or_else(RuleInfo::default, info)), indicator.map(Arc::new))
        });
        Arc::clone(info)
    }

    /// Says of a finding what is known of its indicator, and takes its weight where that is a reason to.
    pub(crate) fn grade(&self, rule: usize, finding: &mut Finding) {
        let Some((_, Some(indicator))) = self.known.get(&rule) else { return };
        finding.details_mut().indicator = Some(Arc::clone(indicator));
        let Some(why) = indicator.doubt(finding.time()) else { return };
        finding.details_mut().graded = Some(format!("{}; {why}", finding.rule.title).into());
        finding.level = Level::Low;
        finding.outcome = Outcome::Supporting;
    }
}

fn indicator(content: &Content, rule: usize) -> Option<Indicator> {
    let number = rule.checked_sub(content.infos.len())?;
    Indicator::of(&content.intel.sources(number as u32).collect::<Vec<_>>())
}

fn info(indicator: &Indicator) -> RuleInfo {
    let Indicator { value, kind, sources } = indicator;
    let confidence = sources.iter().filter_map(|source| source.confidence).max();
    let (stage, kind) = (stage(*kind), kind.name());
    let (name, author) =
        sources.first().map(|first| (first.name(), first.author.clone())).unwrap_or_default();
    RuleInfo {
        // One object may warn of several values, and several of one; what is reported together is the value.
        id: Uuid::from_name(VALUES, format!("{kind} {value}").as_bytes()).to_string(),
        name: format!("indicator {value}"),
        title: format!("the {kind} {value} is known from {name}"),
        level: match confidence {
            Some(confidence) if confidence < DOUBTED => Level::Low,
            Some(confidence) if confidence < SURE => Level::Medium,
            _ => Level::High,
        },
        description: format!("A {kind} that {name} warns of."),
        author,
        stage,
        outcome: Outcome::Attempted,
        ..RuleInfo::default()
    }
}

/// An address may only have knocked; whatever else of an attack stands in a server's own records was used on it.
fn stage(kind: Kind) -> Stage {
    match kind {
        Kind::Ip | Kind::Network | Kind::UserAgent => Stage::Reconnaissance,
        _ => Stage::Exploitation,
    }
}
