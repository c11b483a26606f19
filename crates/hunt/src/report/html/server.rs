//! One server's part of the page: its verdict, what to do, its story, its acts, and what its logs cover.

use std::collections::{BTreeMap, BTreeSet};

use watchfire_sigma::Level;

use super::super::selection::story;
use super::super::shown::{Shown, shown, shown_owned};
use super::super::words;
use super::chart::Chart;
use crate::model::{self, Cited, Coverage, Hunted, Judged, Missing, Moment};

/// Moments of one server that are drawn and listed.
pub(super) const MAX_MOMENTS: usize = 200;
/// Moments of a server that is folded.
const MAX_MOMENTS_FOLDED: usize = 20;
/// Acts of one server that are shown.
const MAX_ACTS: usize = 40;
/// Findings that one line links to.
const MAX_LINKS: usize = 4;
/// Gaps of one log that are listed.
const MAX_GAPS: usize = 8;
/// Telling details of a moment, in characters.
const MAX_DETAIL_CHARS: usize = 240;
/// Addresses of one act.
const MAX_CLIENTS: usize = 8;

/// What belongs to one server.
#[derive(Default)]
pub(super) struct Of<'a> {
    pub(super) story: Vec<&'a Moment>,
    pub(super) acts: Vec<&'a model::Act>,
    pub(super) coverage: Vec<&'a Coverage>,
    pub(super) missing: Vec<&'a Missing>,
}

/// All of it by server: sorted once, as 200 servers would each read the lists again.
pub(super) type Choice<'a> = BTreeMap<&'a str, Of<'a>>;

/// Sorts moments, acts, coverage and what is missing by server.
pub(super) fn choice(hunted: &Hunted) -> Choice<'_> {
    let mut choice: Choice = BTreeMap::new();
    for moment in &hunted.timeline {
        choice.entry(&moment.server).or_default().story.push(moment);
    }
    for act in &hunted.acts {
        choice.entry(&act.server).or_default().acts.push(act);
    }
    for coverage in &hunted.coverage {
        choice.entry(&coverage.server).or_default().coverage.push(coverage);
    }
    for missing in &hunted.missing {
        choice.entry(&missing.server).or_default().missing.push(missing);
    }
    choice
}

/// The section's id within the page.
pub(super) fn anchor(index: usize) -> String {
    format!("server-{}", index + 1)
}

/// The section.
pub(super) struct ServerView<'a> {
    pub(super) anchor: String,
    pub(super) open: bool,
    pub(super) server: Shown<'a>,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) meaning: String,
    /// The strongest reason as a sentence, and when that was.
    pub(super) why: Shown<'a>,
    pub(super) when: String,
    pub(super) reasons: Vec<Linked<'a>>,
    pub(super) next: Vec<Shown<'a>>,
    pub(super) builds: Vec<BuildView<'a>>,
    pub(super) exposures: Vec<ExposureView<'a>>,
    pub(super) chart: Option<Chart<'a>>,
    pub(super) story: Vec<Row<'a>>,
    pub(super) story_left_out: usize,
    pub(super) acts: Vec<ActView<'a>>,
    pub(super) acts_left_out: usize,
    pub(super) coverage: Vec<CoverageRow<'a>>,
    pub(super) lacking: Vec<Shown<'a>>,
    pub(super) missing: Vec<MissingRow<'a>>,
}

/// A text with the findings behind it.
pub(super) struct Linked<'a> {
    pub(super) text: Shown<'a>,
    pub(super) when: String,
    pub(super) links: Links<'a>,
}

/// Findings to go to.
pub(super) struct Links<'a> {
    pub(super) links: Vec<Link<'a>>,
    pub(super) more: usize,
}

/// A finding, and whether its proof stands in the page.
pub(super) struct Link<'a> {
    pub(super) id: Shown<'a>,
    pub(super) target: bool,
}

/// A build of Exchange.
pub(super) struct BuildView<'a> {
    pub(super) build: Shown<'a>,
    pub(super) name: Shown<'a>,
    pub(super) span: String,
}

/// A hole it was exposed to.
pub(super) struct ExposureView<'a> {
    pub(super) name: Shown<'a>,
    pub(super) cves: Shown<'a>,
    pub(super) span: String,
    pub(super) why: Shown<'a>,
}

/// A line of the story.
pub(super) struct Row<'a> {
    pub(super) number: usize,
    pub(super) time: String,
    pub(super) last: String,
    pub(super) text: Shown<'a>,
    pub(super) detail: Shown<'a>,
    pub(super) times: usize,
    pub(super) stage: &'static str,
    pub(super) outcome: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) level: String,
    pub(super) links: Links<'a>,
}

/// An act and its witnesses.
pub(super) struct ActView<'a> {
    pub(super) title: Shown<'a>,
    pub(super) span: String,
    pub(super) stage: &'static str,
    pub(super) outcome: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) level: String,
    pub(super) clients: Shown<'a>,
    pub(super) findings: String,
    pub(super) witnesses: Vec<WitnessView<'a>>,
}

/// One log that should have recorded an act.
pub(super) struct WitnessView<'a> {
    pub(super) artifact: Shown<'a>,
    pub(super) says: Shown<'a>,
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) meaning: &'static str,
    pub(super) links: Links<'a>,
}

/// What there is of one log.
pub(super) struct CoverageRow<'a> {
    pub(super) artifact: Shown<'a>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) files: String,
    pub(super) records: String,
    pub(super) gaps: Vec<String>,
    pub(super) gaps_more: usize,
    pub(super) problems: Vec<Shown<'a>>,
}

/// A log that is not there.
pub(super) struct MissingRow<'a> {
    pub(super) title: Shown<'a>,
    pub(super) place: Shown<'a>,
    pub(super) hides: Shown<'a>,
}

impl<'a> ServerView<'a> {
    pub(super) fn new(
        index: usize,
        judged: &'a Judged,
        hunted: &'a Hunted,
        choice: &Choice<'a>,
        proven: &BTreeSet<usize>,
        min_level: Level,
        open: bool,
    ) -> Self {
        let nothing = Of::default();
        let of = choice.get(judged.server.as_str()).unwrap_or(&nothing);
        let linker = Linker { hunted, proven };
        let loud = of.story.iter().copied().filter(|moment| moment.level >= min_level).collect();
        let (moments, story_left_out) = story(loud, if open { MAX_MOMENTS } else { MAX_MOMENTS_FOLDED });
        let chart =
            open.then(|| Chart::new(format!("chart-{}", index + 1), &judged.server, &moments, &of.coverage));
        Self {
            anchor: anchor(index),
            open,
            server: shown(&judged.server),
            class: judged.verdict.name(),
            word: words::verdict(judged.verdict),
            meaning: words::capital(words::verdict_meaning(judged.verdict)),
            why: judged.because.first().map(|reason| sentence(&reason.text)).unwrap_or_default(),
            when: judged.because.first().map(|reason| when(reason, hunted)).unwrap_or_default(),
            reasons: judged.because.iter().map(|reason| linker.reason(reason)).collect(),
            next: judged.next.iter().map(|step| shown(step)).collect(),
            builds: judged.builds.iter().map(BuildView::new).collect(),
            exposures: judged.exposures.iter().map(ExposureView::new).collect(),
            chart: chart.flatten(),
            story: moments.iter().enumerate().map(|(index, moment)| linker.row(index + 1, moment)).collect(),
            story_left_out,
            acts: of.acts.iter().take(MAX_ACTS).map(|act| linker.act(act)).collect(),
            acts_left_out: of.acts.len().saturating_sub(MAX_ACTS),
            coverage: of.coverage.iter().map(|coverage| CoverageRow::new(coverage)).collect(),
            lacking: judged.missing.iter().map(|text| sentence(text)).collect(),
            missing: of.missing.iter().map(|missing| MissingRow::new(missing)).collect(),
        }
    }
}

/// A text of ours with a capital first letter, and without the full stop that the template sets.
pub(super) fn sentence<'a>(text: &str) -> Shown<'a> {
    shown_owned(words::capital(text.trim_end_matches('.')))
}

fn when(reason: &model::Reason, hunted: &Hunted) -> String {
    words::reason_time(reason, &hunted.findings).map(words::second).unwrap_or_default()
}

/// Turns indices of findings into links to those whose proof stands in the page.
struct Linker<'a, 'b> {
    hunted: &'a Hunted,
    proven: &'b BTreeSet<usize>,
}

impl<'a> Linker<'a, '_> {
    /// Links to a few findings, those with their proof in the page first.
    fn links(&self, findings: &[usize]) -> Links<'a> {
        let mut order: Vec<usize> = findings.to_vec();
        order.sort_by_key(|index| (!self.proven.contains(index), *index));
        let links: Vec<Link<'a>> = order
            .iter()
            .take(MAX_LINKS)
            .filter_map(|index| {
                let finding = self.hunted.findings.get(*index)?;
                Some(Link { id: shown_owned(finding.id()), target: self.proven.contains(index) })
            })
            .collect();
        Links { more: findings.len().saturating_sub(links.len()), links }
    }

    fn cited(&self, cited: &Cited) -> Links<'a> {
        let links = self.links(&cited.first);
        Links { more: links.more + cited.more, ..links }
    }

    fn reason(&self, reason: &'a model::Reason) -> Linked<'a> {
        let text = sentence(&reason.text);
        Linked { text, when: when(reason, self.hunted), links: self.cited(&reason.findings) }
    }

    fn row(&self, number: usize, moment: &'a Moment) -> Row<'a> {
        let last = moment.last.filter(|last| moment.time.is_some_and(|time| *last > time));
        Row {
            number,
            time: words::second_or_none(moment.time),
            last: last.map(words::second).unwrap_or_default(),
            text: shown(&moment.text),
            detail: shown(&moment.detail).cut(MAX_DETAIL_CHARS),
            times: moment.findings.count(),
            stage: moment.stage.name(),
            outcome: moment.outcome.name(),
            sign: words::outcome_sign(moment.outcome),
            word: words::outcome(moment.outcome),
            level: moment.level.to_string(),
            links: self.cited(&moment.findings),
        }
    }

    fn act(&self, act: &'a model::Act) -> ActView<'a> {
        ActView {
            title: shown(&act.title),
            span: words::span(act.first, act.last),
            stage: act.stage.name(),
            outcome: act.outcome.name(),
            sign: words::outcome_sign(act.outcome),
            word: words::outcome(act.outcome),
            level: act.level.to_string(),
            clients: shown_owned(words::few(act.clients.iter(), MAX_CLIENTS, act.clients.len())),
            findings: words::counted(act.findings.len(), "finding", "findings"),
            witnesses: act.witnesses.iter().map(|witness| self.witness(witness)).collect(),
        }
    }

    fn witness(&self, witness: &'a model::Witness) -> WitnessView<'a> {
        let (sign, word) = words::witness(witness.state);
        WitnessView {
            artifact: shown(&witness.artifact),
            says: shown(&witness.says),
            class: words::witness_name(witness.state),
            sign,
            word,
            meaning: words::witness_meaning(witness),
            links: self.links(&witness.findings),
        }
    }
}

impl<'a> BuildView<'a> {
    fn new(build: &'a model::Build) -> Self {
        let name = build.name.as_deref().unwrap_or("not in the list of builds");
        let span = format!("{} – {}", words::minute(build.first), words::minute(build.last));
        Self { build: shown(&build.build), name: shown(name), span }
    }
}

impl<'a> ExposureView<'a> {
    fn new(exposure: &'a model::Exposure) -> Self {
        Self {
            name: shown(&exposure.name),
            cves: shown_owned(exposure.cves.join(", ")),
            span: format!("{} – {}", words::minute(exposure.from), words::minute(exposure.until)),
            why: sentence(&exposure.why),
        }
    }
}

impl<'a> CoverageRow<'a> {
    fn new(coverage: &'a Coverage) -> Self {
        Self {
            artifact: shown(&coverage.artifact),
            first: words::minute_or_dash(coverage.first),
            last: words::minute_or_dash(coverage.last),
            files: words::number(coverage.files),
            records: words::number(coverage.records),
            gaps: coverage.gaps.iter().take(MAX_GAPS).map(words::gap).collect(),
            gaps_more: coverage.gaps.len().saturating_sub(MAX_GAPS),
            problems: coverage.problems.iter().map(|problem| shown(problem)).collect(),
        }
    }
}

impl<'a> MissingRow<'a> {
    fn new(missing: &'a Missing) -> Self {
        Self { title: shown(&missing.title), place: shown(&missing.place), hides: shown(&missing.hides) }
    }
}
