//! The report as one page: a file that is handed on, printed, and read years later.
//!
//! Self-contained on purpose: no script, no font, no picture from elsewhere, and a content security policy that
//! would refuse them. Askama escapes every value; the values are [`Shown`], so control codes and overrides of
//! direction are gone before. The templates hold no logic but loops, and this file and its children hold no markup.
//!
//! The page stays readable at 10,000 findings and 200 servers because every list has a limit with a name. What is
//! left out is said where it is left out, and stands in the JSON lines report.

mod axis;
mod chart;
mod proof;
mod server;

use std::collections::BTreeSet;
use std::io::{self, Write};

use askama::Template;
use watchfire_artifact::Problem;

use self::proof::RuleView;
use self::server::{Choice, ServerView, choice};
use super::selection::{cited, in_full, listed, story, tally};
use super::shown::{Shown, shown, shown_owned};
use super::{About, words};
use crate::model::{Hunted, Judged, Outcome, Stage, WitnessState};

/// Servers that are drawn and told in full; those beyond are in the table and folded.
const MAX_IN_FULL: usize = 40;
/// Problems that are listed.
const MAX_PROBLEMS: usize = 200;
/// Names of rules that could not be used that are listed.
const MAX_RULES: usize = 100;

/// Writes the page.
pub(super) fn write(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    Page::new(hunted, about).write_into(out)
}

#[derive(Template)]
#[template(path = "report/page.html", whitespace = "minimize")]
struct Page<'a> {
    headline: Shown<'a>,
    facts: Vec<Fact<'a>>,
    tally: Vec<Tallied>,
    overview: Vec<Line<'a>>,
    servers: Vec<ServerView<'a>>,
    rules: Vec<RuleView<'a>>,
    findings: String,
    left_out: Option<String>,
    problems: Vec<Shown<'a>>,
    problems_left_out: usize,
    loaded: String,
    refused: Vec<Shown<'a>>,
    refused_left_out: usize,
    unmapped: Vec<Shown<'a>>,
    unmapped_left_out: usize,
    guide: Guide,
    version: Shown<'a>,
}

/// One line of what was asked and read.
struct Fact<'a> {
    name: &'static str,
    value: Shown<'a>,
}

/// How many servers have a verdict.
struct Tallied {
    class: &'static str,
    word: &'static str,
    servers: usize,
}

/// One server in the table at the top.
struct Line<'a> {
    anchor: String,
    server: Shown<'a>,
    class: &'static str,
    word: &'static str,
    why: Shown<'a>,
    when: String,
}

/// The words of the report, explained.
struct Guide {
    verdicts: Vec<[String; 3]>,
    outcomes: Vec<[&'static str; 3]>,
    stages: Vec<[&'static str; 2]>,
    witnesses: Vec<[&'static str; 3]>,
}

impl<'a> Page<'a> {
    fn new(hunted: &'a Hunted, about: &'a About) -> Self {
        let cited = cited(hunted);
        let listed = listed(hunted, about.min_level);
        let choice = choice(hunted);
        let rules = proof::rules(hunted, &listed, &most_telling(&choice, &cited));
        let proven: BTreeSet<usize> = rules.iter().flat_map(|rule| rule.shown.iter().copied()).collect();
        let left_out = hunted.findings.len() - listed.len();
        Self {
            headline: shown_owned(words::headline(hunted)),
            facts: facts(hunted, about),
            tally: counts(hunted),
            overview: overview(hunted),
            servers: servers(hunted, &choice, &proven, about),
            rules,
            findings: words::counted(listed.len(), "finding", "findings"),
            left_out: (left_out > 0).then(|| left_out_words(left_out, about)),
            problems: problems(hunted),
            problems_left_out: hunted.problems.len().saturating_sub(MAX_PROBLEMS),
            loaded: words::counted(hunted.rules.loaded, "rule", "rules"),
            refused: hunted.rules.refused.iter().take(MAX_RULES).map(|rule| shown(rule)).collect(),
            refused_left_out: hunted.rules.refused.len().saturating_sub(MAX_RULES),
            unmapped: hunted.rules.unmapped.iter().take(MAX_RULES).map(|rule| shown(rule)).collect(),
            unmapped_left_out: hunted.rules.unmapped.len().saturating_sub(MAX_RULES),
            guide: Guide::new(),
            version: shown(&about.version),
        }
    }
}

/// Findings whose proof must stand in the page before others: those of verdicts, and the first of each moment told.
fn most_telling(choice: &Choice<'_>, cited: &BTreeSet<usize>) -> BTreeSet<usize> {
    let told = choice.values().flat_map(|of| story(of.story.clone(), server::MAX_MOMENTS).0);
    let firsts =
        told.filter(|moment| moment.outcome == Outcome::Succeeded).filter_map(|m| m.findings.first.first());
    cited.iter().chain(firsts).copied().collect()
}

fn left_out_words(left_out: usize, about: &About) -> String {
    format!(
        "{} left out, being below level {}; hunt again with a lower --min-level to see them",
        words::counted(left_out, "finding is", "findings are"),
        about.min_level
    )
}

fn facts<'a>(hunted: &'a Hunted, about: &'a About) -> Vec<Fact<'a>> {
    let paths: Vec<&str> = about.paths.iter().map(String::as_str).collect();
    let mut facts = vec![
        Fact { name: "evidence", value: shown_owned(paths.join(", ")) },
        Fact {
            name: "read",
            value: shown_owned(format!(
                "{}, {}",
                words::counted(hunted.files as usize, "file", "files"),
                words::size(hunted.bytes)
            )),
        },
        Fact { name: "looked for", value: shown_owned(words::counted(hunted.rules.loaded, "rule", "rules")) },
    ];
    for entry in &hunted.suppressed {
        let told = format!("{} × {}", words::number(entry.findings), words::suppressed(entry));
        facts.push(Fact { name: "left out by the allow-list", value: shown_owned(told) });
    }
    if let Some(window) = words::window(hunted, about) {
        facts.push(Fact { name: "window", value: shown_owned(window) });
    }
    facts
}

fn counts(hunted: &Hunted) -> Vec<Tallied> {
    let tallied = |(verdict, servers): (crate::model::Verdict, usize)| Tallied {
        class: verdict.name(),
        word: words::plain(verdict),
        servers,
    };
    tally(hunted).into_iter().map(tallied).collect()
}

/// The table at the top; with one server its section says it all.
fn overview(hunted: &Hunted) -> Vec<Line<'_>> {
    if hunted.verdicts.len() < 2 {
        return Vec::new();
    }
    hunted.verdicts.iter().enumerate().map(|(index, judged)| line(index, judged, hunted)).collect()
}

fn line<'a>(index: usize, judged: &'a Judged, hunted: &'a Hunted) -> Line<'a> {
    let times = judged.because.iter().flat_map(|reason| &reason.findings.first);
    let first = times.filter_map(|&finding| hunted.findings.get(finding)?.time()).min();
    Line {
        anchor: server::anchor(index),
        server: shown(&judged.server),
        class: judged.verdict.name(),
        word: words::verdict(judged.verdict),
        why: judged.because.first().map(|reason| server::sentence(&reason.text)).unwrap_or_default(),
        when: first.map(words::minute).unwrap_or_default(),
    }
}

fn servers<'a>(
    hunted: &'a Hunted,
    choice: &Choice<'a>,
    proven: &BTreeSet<usize>,
    about: &About,
) -> Vec<ServerView<'a>> {
    let view = |(index, judged): (usize, &'a Judged)| {
        let open = in_full(hunted, judged) && index < MAX_IN_FULL;
        ServerView::new(index, judged, hunted, choice, proven, about.min_level, open)
    };
    hunted.verdicts.iter().enumerate().map(view).collect()
}

fn problems(hunted: &Hunted) -> Vec<Shown<'_>> {
    hunted
        .problems
        .iter()
        .take(MAX_PROBLEMS)
        .map(|problem: &Problem| shown_owned(problem.to_string()))
        .collect()
}

impl Guide {
    fn new() -> Self {
        let verdict = |verdict: crate::model::Verdict| {
            let meaning = words::capital(words::verdict_meaning(verdict));
            [verdict.name().to_owned(), words::verdict(verdict).to_owned(), meaning]
        };
        let outcomes = [Outcome::Succeeded, Outcome::Attempted, Outcome::Supporting];
        let witnesses = [
            (WitnessState::Saw, "the log recorded the act"),
            (
                WitnessState::Silent,
                "the log was kept at that time and holds no record of those moments, though it should",
            ),
            (
                WitnessState::Unrecognised,
                "the log holds records of those moments, and no rule knows the act in them: read them",
            ),
            (WitnessState::Gap, "the log has a hole at that hour"),
            (WitnessState::NotCollected, "the log is not in this evidence, or not for that time"),
        ];
        Self {
            verdicts: words::VERDICTS.map(verdict).into(),
            outcomes: outcomes
                .map(|o| [words::outcome_sign(o), words::outcome(o), words::outcome_meaning(o)])
                .into(),
            stages: Stage::ALL.map(|stage| [stage.name(), words::stage_meaning(stage)]).into(),
            witnesses: witnesses
                .map(|(state, meaning)| {
                    let (sign, word) = words::witness(state);
                    [sign, word, meaning]
                })
                .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn page(hunted: &Hunted) -> String {
        let mut out = Vec::new();
        write(hunted, &sample::about(), &mut out).expect("memory takes every byte");
        String::from_utf8(out).expect("pages are UTF-8")
    }

    #[test]
    fn no_hostile_text_is_markup() {
        let page = page(&sample::hunted());
        for hostile in sample::HOSTILE.iter().filter(|text| text.contains(['<', '"', '\''])) {
            assert!(!page.contains(hostile), "{hostile}");
        }
        for markup in ["<script", "<img", "javascript:alert(1)\"", "<others>", "<u>", "<!-- "] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert!(page.contains("&#60;script&#62;alert(1)"), "the text itself must be shown");
    }

    #[test]
    fn the_page_loads_nothing_and_forbids_it() {
        let page = page(&sample::hunted());
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""));
        for tag in page.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
            assert!(
                !["script", "img", "iframe", "object", "embed", "form", "base"].contains(&name),
                "<{tag}>"
            );
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains(" src") && !names.contains(" on"), "<{tag}>");
        }
        assert!(!page.contains("@import") && !page.contains("url(http"));
        assert!(page.contains("<html lang=\"en\">"));
    }

    #[test]
    fn every_link_within_the_page_has_its_target() {
        let page = page(&sample::hunted());
        let targets: BTreeSet<&str> =
            page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(targets.len() > 5);
        for target in targets {
            assert!(page.contains(&format!("id=\"{target}\"")), "#{target}");
        }
    }

    #[test]
    fn ids_are_unique() {
        let page = page(&sample::hunted());
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let unique: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }

    #[test]
    fn headings_skip_no_level() {
        let page = page(&sample::hunted());
        let levels: Vec<u32> = page
            .match_indices("<h")
            .filter_map(|(at, _)| char::from(*page.as_bytes().get(at + 2)?).to_digit(10))
            .collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    }

    #[test]
    fn ten_thousand_findings_and_two_hundred_servers_stay_small() {
        let mut hunted = sample::hunted();
        let rule = std::sync::Arc::clone(&sample::rules()[6]);
        for number in hunted.findings.len()..10_000 {
            let mut finding = sample::finding(number, &rule, sample::EX01, "2021-03-07T08:00:00Z");
            finding.details_mut().raw = Some("x".repeat(8_192).into());
            hunted.timeline.push(sample::moment(number, &finding));
            hunted.findings.push(finding);
        }
        for number in 0..195 {
            let mut judged = hunted.verdicts[0].clone();
            judged.server = format!("MX{number:03}.corp.example");
            hunted.verdicts.push(judged);
        }
        let page = page(&hunted);
        assert!(page.len() < 4_000_000, "{} bytes", page.len());
        assert!(page.contains("9,940 more"), "the page must say what it left out");
    }
}
