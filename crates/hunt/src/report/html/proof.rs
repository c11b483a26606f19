//! The findings by rule, each with its proof: file, hash, place, fields and the bytes of the record.

use std::collections::BTreeSet;

use super::super::selection::{Group, at_most, by_rule};
use super::super::shown::{Shown, shown, shown_lines, shown_owned};
use super::super::words;
use crate::model::{Finding, Hunted, ShownField};

/// Findings of one rule with their proof in the page.
const MAX_OF_A_RULE: usize = 50;
/// Findings with their proof in the page: at a kilobyte or two each, a page that every browser opens.
const MAX_IN_ALL: usize = 1_500;
/// Of a raw record, in characters: the telling part stands early, and the JSON lines report has the rest.
const MAX_RAW_CHARS: usize = 4_096;
/// Of the value of one field, in characters.
const MAX_VALUE_CHARS: usize = 1_024;

/// A rule that found something.
pub(super) struct RuleView<'a> {
    pub(super) anchor: String,
    pub(super) name: Shown<'a>,
    pub(super) id: Shown<'a>,
    pub(super) version: Shown<'a>,
    pub(super) author: Shown<'a>,
    pub(super) title: Shown<'a>,
    pub(super) level: String,
    pub(super) outcome: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) stage: &'static str,
    pub(super) description: Vec<Shown<'a>>,
    pub(super) facts: Shown<'a>,
    pub(super) attack: Shown<'a>,
    pub(super) cves: Shown<'a>,
    pub(super) references: Vec<Reference<'a>>,
    pub(super) false_positives: Vec<Shown<'a>>,
    pub(super) count: String,
    /// Indices of the findings below, for links.
    pub(super) shown: Vec<usize>,
    pub(super) findings: Vec<FindingView<'a>>,
    pub(super) left_out: Option<String>,
}

/// Where to read more.
pub(super) struct Reference<'a> {
    pub(super) text: Shown<'a>,
    /// Rules come from anywhere: only an address of the web becomes a link.
    pub(super) link: bool,
}

/// A finding with its proof.
pub(super) struct FindingView<'a> {
    pub(super) id: Shown<'a>,
    pub(super) time: String,
    pub(super) server: Shown<'a>,
    pub(super) outcome: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) level: String,
    pub(super) graded: Shown<'a>,
    pub(super) artifact: Shown<'a>,
    pub(super) file: Shown<'a>,
    pub(super) sha256: Shown<'a>,
    pub(super) place: String,
    pub(super) client: String,
    pub(super) request: Shown<'a>,
    pub(super) fields: Vec<(Shown<'a>, Shown<'a>)>,
    pub(super) raw: Shown<'a>,
    pub(super) raw_left_out: Option<String>,
}

/// The rules that found something, loudest first; `first` are findings to show before others of their rule.
pub(super) fn rules<'a>(hunted: &'a Hunted, listed: &[usize], first: &BTreeSet<usize>) -> Vec<RuleView<'a>> {
    let groups = by_rule(hunted, listed);
    let limit = MAX_OF_A_RULE.min((MAX_IN_ALL / groups.len().max(1)).max(1));
    let view = |(index, group)| RuleView::new(index, &group, hunted, limit, first);
    groups.into_iter().enumerate().map(view).collect()
}

impl<'a> RuleView<'a> {
    fn new(
        index: usize,
        group: &Group<'a>,
        hunted: &'a Hunted,
        limit: usize,
        first: &BTreeSet<usize>,
    ) -> Self {
        let rule = group.rule;
        let shown_findings = at_most(&group.findings, limit, first);
        let left_out = group.findings.len() - shown_findings.len();
        let (sign, word) = (words::outcome_sign(group.outcome), words::outcome(group.outcome));
        Self {
            anchor: format!("rule-{}", index + 1),
            name: shown(&rule.name),
            id: shown(&rule.id),
            version: shown(&rule.version),
            author: shown(&rule.author),
            title: shown(&rule.title),
            level: group.level.to_string(),
            outcome: group.outcome.name(),
            sign,
            word,
            stage: rule.stage.name(),
            description: paragraphs(&rule.description),
            facts: shown_owned(rule.facts.join(", ")),
            attack: shown_owned(rule.attack.join(", ")),
            cves: shown_owned(rule.cves.join(", ")),
            references: rule.references.iter().map(|reference| Reference::new(reference)).collect(),
            false_positives: rule.false_positives.iter().map(|text| shown(text)).collect(),
            count: words::counted(group.findings.len(), "finding", "findings"),
            findings: shown_findings.iter().map(|&index| FindingView::new(&hunted.findings[index])).collect(),
            shown: shown_findings,
            left_out: (left_out > 0).then(|| words::number(left_out as u64)),
        }
    }
}

/// Line breaks of a description are those of its YAML; only an empty line parts paragraphs.
fn paragraphs(description: &str) -> Vec<Shown<'_>> {
    let paragraphs =
        description.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|part| !part.is_empty()).map(shown_owned).collect()
}

impl<'a> Reference<'a> {
    fn new(reference: &'a str) -> Self {
        let link = reference.starts_with("https://") || reference.starts_with("http://");
        Self { text: shown(reference), link }
    }
}

impl<'a> FindingView<'a> {
    fn new(finding: &'a Finding) -> Self {
        let text = finding.raw();
        let raw = shown_lines(&text);
        let left_out = raw.chars().count().saturating_sub(MAX_RAW_CHARS);
        let field = |(name, value): ShownField| {
            (shown(&name).into_owned(), shown(&value).cut(MAX_VALUE_CHARS).into_owned())
        };
        Self {
            id: shown_owned(finding.id()),
            time: words::second_or_none(finding.time()),
            server: shown(finding.server()),
            outcome: finding.outcome.name(),
            sign: words::outcome_sign(finding.outcome),
            word: words::outcome(finding.outcome),
            level: finding.level.to_string(),
            graded: finding.graded().map(shown).unwrap_or_default(),
            artifact: shown(finding.artifact()),
            file: shown(finding.file()),
            sha256: shown(finding.sha256()),
            place: words::place(finding.place()),
            client: finding.client().map(|client| client.to_string()).unwrap_or_default(),
            request: finding.request().map(shown).unwrap_or_default(),
            fields: finding.shown_fields().into_iter().map(field).collect(),
            raw: raw.cut(MAX_RAW_CHARS).into_owned(),
            raw_left_out: (left_out > 0).then(|| words::counted(left_out, "character", "characters")),
        }
    }
}
