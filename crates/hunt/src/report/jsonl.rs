//! Everything, one JSON object a line: what other tools read.
//!
//! The keys of `finding`, `coverage` and `verdict` are a contract (DESIGN.md, "The command line"): keys are added,
//! never renamed. Order of lines: the hunt, verdicts, acts, the story, findings, coverage, what is missing,
//! problems, what an allow-list took out, numbers where asked for, rules; so that `head -n 2` shows the worst verdict. Order of keys: as the structs below list them.
//!
//! Text is exact, yet harmless in a terminal: what a terminal would obey is written as `\uXXXX`, which a parser
//! gives back unchanged.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};
use serde_json::value::RawValue;
use watchfire_artifact::text::is_plain;
use watchfire_artifact::{Place, Problem};

use super::selection::listed;
use super::shown::is_unseen;
use super::{About, words};
use crate::model::{self, Hunted, RuleInfo, ShownField};
use crate::summary::{self, Summary};

/// Writes all lines.
pub(super) fn write(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    line(out, &Head::new(hunted, about))?;
    hunted.verdicts.iter().try_for_each(|judged| line(out, &Answer::new(judged, hunted)))?;
    hunted.acts.iter().try_for_each(|act| line(out, &Act::new(act, hunted)))?;
    hunted.timeline.iter().try_for_each(|moment| line(out, &Moment::new(moment, hunted)))?;
    findings(hunted, about, out)?;
    hunted.coverage.iter().try_for_each(|coverage| line(out, &Coverage::new(coverage)))?;
    hunted.missing.iter().try_for_each(|missing| line(out, &Missing::new(missing)))?;
    hunted.problems.iter().try_for_each(|problem| line(out, &Unread::new(problem)))?;
    hunted.suppressed.iter().try_for_each(|entry| line(out, &Allowed { kind: "suppressed", entry }))?;
    if about.summary {
        let numbers = summary::count(hunted, &listed(hunted, about.min_level));
        line(out, &Numbers { kind: "summary", numbers: &numbers })?;
    }
    line(out, &Rules::new(hunted))
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Harmless))?;
    out.write_all(b"\n")
}

/// Findings that one thread writes before it takes the next.
const PIECE: usize = 128;

/// Findings that are held at once until they are written in their order.
const HELD: usize = 32 * PIECE;

/// Bytes of them that are held at once: most records are some kilobytes, a script block is a hundred.
const HELD_BYTES: usize = 24 << 20;

/// Lines of findings: the text of all of them, and where the line of each ends.
type Lines = (Vec<u8>, Vec<(usize, usize)>);

/// Records are read again for it, so all threads do it side by side, and each goes through files as they lie there:
/// told by time, the logs of a thousand hosts take turns.
fn findings(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    let listed = listed(hunted, about.min_level);
    let rules = RuleTexts::of(listed.iter().map(|&index| &hunted.findings[index].rule))?;
    let pool = crate::pool(about.threads).map_err(io::Error::other)?;
    let (mut rest, mut held) = (listed.as_slice(), HELD);
    while !rest.is_empty() {
        let (window, after) = rest.split_at(held.min(rest.len()));
        match pool.install(|| pieces(hunted, &rules, window))? {
            Some(pieces) => {
                lines_in_order(&pieces).try_for_each(|line| out.write_all(line))?;
                (rest, held) = (after, (held * 2).min(HELD));
            }
            None => held = window.len() / 2,
        }
    }
    Ok(())
}

/// The lines of some findings; none where they are too long to be held at once.
fn pieces(hunted: &Hunted, rules: &RuleTexts, window: &[usize]) -> io::Result<Option<Vec<Lines>>> {
    let mut as_they_lie = window.to_vec();
    as_they_lie.sort_by_key(|&index| hunted.findings[index].lies());
    let written = AtomicUsize::new(0);
    let is_too_much = || window.len() > PIECE && written.load(Ordering::Relaxed) > HELD_BYTES;
    let piece = |indices: &[usize]| -> io::Result<Lines> {
        let (mut text, mut ends) = Lines::default();
        for &index in indices {
            if is_too_much() {
                break;
            }
            let (finding, start) = (&hunted.findings[index], text.len());
            line(&mut text, &Finding::new(finding, rules.text(&finding.rule)))?;
            written.fetch_add(text.len() - start, Ordering::Relaxed);
            ends.push((index, text.len()));
        }
        Ok((text, ends))
    };
    let pieces: Vec<Lines> = as_they_lie.par_chunks(PIECE).map(piece).collect::<io::Result<_>>()?;
    Ok((!is_too_much()).then_some(pieces))
}

/// The lines of all pieces, in the order of the findings.
fn lines_in_order(pieces: &[Lines]) -> impl Iterator<Item = &[u8]> {
    let mut lines = Vec::new();
    for (text, ends) in pieces {
        let starts = std::iter::once(0).chain(ends.iter().map(|(_, end)| *end));
        lines.extend(starts.zip(ends).map(|(start, &(index, end))| (index, &text[start..end])));
    }
    lines.sort_unstable_by_key(|(index, _)| *index);
    lines.into_iter().map(|(_, line)| line)
}

/// What is said of a rule is the same in all of its findings, and is written once; by where the rule stands in memory.
struct RuleTexts(FxHashMap<usize, Box<RawValue>>);

impl RuleTexts {
    fn of<'r>(rules: impl Iterator<Item = &'r Arc<RuleInfo>>) -> io::Result<Self> {
        let mut texts = FxHashMap::default();
        for rule in rules {
            if let Entry::Vacant(new) = texts.entry(Arc::as_ptr(rule) as usize) {
                new.insert(written(&Rule::new(rule))?);
            }
        }
        Ok(Self(texts))
    }

    fn text(&self, rule: &Arc<RuleInfo>) -> &RawValue {
        &self.0[&(Arc::as_ptr(rule) as usize)]
    }
}

fn written(value: &impl Serialize) -> io::Result<Box<RawValue>> {
    let mut text = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Harmless))?;
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    Ok(RawValue::from_string(text)?)
}

/// Compact JSON with control codes, overrides of direction and unseen characters as escapes: nothing is lost by it.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_plain(fragment) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_obeyed(c)) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

fn is_obeyed(c: char) -> bool {
    c.is_control() || is_unseen(c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[derive(Serialize)]
struct Head<'a> {
    kind: &'static str,
    program: &'static str,
    version: &'a str,
    paths: &'a [String],
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    look_back: Option<Timestamp>,
    min_level: String,
    files: u64,
    bytes: u64,
    findings: usize,
    /// Findings below `min_level` that no verdict names.
    left_out: usize,
}

impl<'a> Head<'a> {
    fn new(hunted: &'a Hunted, about: &'a About) -> Self {
        let findings = listed(hunted, about.min_level).len();
        Self {
            kind: "hunt",
            program: "watchfire",
            version: &about.version,
            paths: &about.paths,
            since: about.since,
            until: about.until,
            look_back: hunted.look_back,
            min_level: about.min_level.to_string(),
            files: hunted.files,
            bytes: hunted.bytes,
            findings,
            left_out: hunted.findings.len() - findings,
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    kind: &'static str,
    server: &'a str,
    verdict: &'static str,
    because: Vec<String>,
    missing: &'a [String],
    reasons: Vec<Reason<'a>>,
    next: &'a [String],
    builds: Vec<Version<'a>>,
    exposures: Vec<Exposure<'a>>,
}

/// Names of findings, by their indices: they may be many, so no list is made of them.
struct Ids<'a>(&'a Hunted, &'a [usize]);

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(words::ids(self.0, self.1))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref)] // serde hands over references
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct Reason<'a> {
    text: &'a str,
    findings: Ids<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[derive(Serialize)]
struct Version<'a> {
    build: &'a str,
    name: Option<&'a str>,
    first: Timestamp,
    last: Timestamp,
}

#[derive(Serialize)]
struct Exposure<'a> {
    name: &'a str,
    cves: &'a [String],
    from: Timestamp,
    until: Timestamp,
    why: &'a str,
}

impl<'a> Answer<'a> {
    fn new(judged: &'a model::Judged, hunted: &'a Hunted) -> Self {
        let reasons: Vec<Reason> = judged
            .because
            .iter()
            .map(|reason| Reason {
                text: &reason.text,
                findings: Ids(hunted, &reason.findings.first),
                more: reason.findings.more,
            })
            .collect();
        Self {
            kind: "verdict",
            server: &judged.server,
            verdict: judged.verdict.name(),
            because: once_each(
                judged.because.iter().flat_map(|reason| words::ids(hunted, &reason.findings.first)),
            ),
            missing: &judged.missing,
            reasons,
            next: &judged.next,
            builds: judged.builds.iter().map(Version::new).collect(),
            exposures: judged.exposures.iter().map(Exposure::new).collect(),
        }
    }
}

/// Each id once, where it first stands: the strongest reason comes first and must stay first.
fn once_each(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    ids.filter(|id| seen.insert(id.clone())).collect()
}

impl<'a> Version<'a> {
    fn new(build: &'a model::Build) -> Self {
        Self { build: &build.build, name: build.name.as_deref(), first: build.first, last: build.last }
    }
}

impl<'a> Exposure<'a> {
    fn new(exposure: &'a model::Exposure) -> Self {
        let model::Exposure { name, cves, from, until, why } = exposure;
        Self { name, cves, from: *from, until: *until, why }
    }
}

#[derive(Serialize)]
struct Act<'a> {
    kind: &'static str,
    server: &'a str,
    name: &'a str,
    title: &'a str,
    stage: &'static str,
    outcome: &'static str,
    level: String,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    clients: &'a [IpAddr],
    findings: Ids<'a>,
    witnesses: Vec<Witness<'a>>,
}

#[derive(Serialize)]
struct Witness<'a> {
    artifact: &'a str,
    state: &'static str,
    says: &'a str,
    default: bool,
    findings: Ids<'a>,
}

impl<'a> Act<'a> {
    fn new(act: &'a model::Act, hunted: &'a Hunted) -> Self {
        Self {
            kind: "act",
            server: &act.server,
            name: &act.name,
            title: &act.title,
            stage: act.stage.name(),
            outcome: act.outcome.name(),
            level: act.level.to_string(),
            first: act.first,
            last: act.last,
            clients: &act.clients,
            findings: Ids(hunted, &act.findings),
            witnesses: act.witnesses.iter().map(|witness| Witness::new(witness, hunted)).collect(),
        }
    }
}

impl<'a> Witness<'a> {
    fn new(witness: &'a model::Witness, hunted: &'a Hunted) -> Self {
        Self {
            artifact: &witness.artifact,
            state: words::witness_name(witness.state),
            says: &witness.says,
            default: witness.default,
            findings: Ids(hunted, &witness.findings),
        }
    }
}

#[derive(Serialize)]
struct Moment<'a> {
    kind: &'static str,
    server: &'a str,
    time: Option<Timestamp>,
    last: Option<Timestamp>,
    stage: &'static str,
    outcome: &'static str,
    level: String,
    text: &'a str,
    detail: &'a str,
    findings: Ids<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

impl<'a> Moment<'a> {
    fn new(moment: &'a model::Moment, hunted: &'a Hunted) -> Self {
        Self {
            kind: "moment",
            server: &moment.server,
            time: moment.time,
            last: moment.last,
            stage: moment.stage.name(),
            outcome: moment.outcome.name(),
            level: moment.level.to_string(),
            text: &moment.text,
            detail: &moment.detail,
            findings: Ids(hunted, &moment.findings.first),
            more: moment.findings.more,
        }
    }
}

#[derive(Serialize)]
struct Finding<'a> {
    kind: &'static str,
    id: String,
    rule: &'a RawValue,
    level: &'static str,
    outcome: &'static str,
    graded: Option<&'a str>,
    attack: &'a [String],
    cves: &'a [String],
    stage: &'static str,
    server: &'a str,
    time: Option<Timestamp>,
    artifact: &'a str,
    file: &'a str,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    client: Option<IpAddr>,
    request: Option<&'a str>,
    #[serde(serialize_with = "in_order")]
    fields: Cow<'a, [ShownField]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indicator: Option<Indicator<'a>>,
    /// Stated where it is so: the record was found behind the end of what its log still holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    recovered: bool,
    raw: Cow<'a, str>,
}

#[derive(Serialize)]
struct Indicator<'a> {
    value: &'a str,
    kind: &'static str,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    id: Option<String>,
    author: &'a str,
    title: &'a str,
    file: &'a str,
    markings: &'a [String],
    confidence: Option<u8>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    warninglist: Option<&'a str>,
}

impl<'a> Indicator<'a> {
    fn new(indicator: &'a model::Indicator) -> Self {
        let sources = indicator.sources.iter().map(Source::new).collect();
        Self { value: &indicator.value, kind: indicator.kind.name(), sources }
    }
}

impl<'a> Source<'a> {
    fn new(source: &'a model::IndicatorSource) -> Self {
        Self {
            id: source.id.map(|id| id.to_string()),
            author: &source.author,
            title: &source.title,
            file: &source.file,
            markings: &source.markings,
            confidence: source.confidence,
            valid_from: source.valid_from,
            valid_until: source.valid_until,
            warninglist: source.warninglist.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    title: &'a str,
    level: String,
    name: &'a str,
    version: &'a str,
    author: &'a str,
    references: &'a [String],
}

impl<'a> Finding<'a> {
    fn new(finding: &'a model::Finding, rule: &'a RawValue) -> Self {
        let (offset, record) = offset_or_record(finding.place());
        Self {
            kind: "finding",
            id: finding.id(),
            rule,
            level: finding.level.as_str(),
            outcome: finding.outcome.name(),
            graded: finding.graded(),
            attack: &finding.rule.attack,
            cves: &finding.rule.cves,
            stage: finding.rule.stage.name(),
            server: finding.server(),
            time: finding.time(),
            artifact: finding.artifact(),
            file: finding.file(),
            sha256: finding.sha256(),
            offset,
            record,
            client: finding.client(),
            request: finding.request(),
            fields: finding.record_fields(),
            indicator: finding.indicator().map(Indicator::new),
            recovered: finding.recovered,
            raw: finding.raw(),
        }
    }
}

impl<'a> Rule<'a> {
    fn new(rule: &'a RuleInfo) -> Self {
        Self {
            id: &rule.id,
            title: &rule.title,
            level: rule.level.to_string(),
            name: &rule.name,
            version: &rule.version,
            author: &rule.author,
            references: &rule.references,
        }
    }
}

fn offset_or_record(place: Place) -> (Option<u64>, Option<u64>) {
    match place {
        Place::File => (None, None),
        Place::Offset(offset) => (Some(offset), None),
        Place::Record { number, offset } => (Some(offset), Some(number)),
    }
}

/// Fields as an object in their own order; a name that comes again gets a number, as JSON wants names once.
fn in_order<S: Serializer>(fields: &[ShownField], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for (index, (name, value)) in fields.iter().enumerate() {
        match fields[..index].iter().filter(|(earlier, _)| earlier == name).count() {
            0 => map.serialize_entry(&**name, value)?,
            again => map.serialize_entry(&format!("{name}#{}", again + 1), value)?,
        }
    }
    map.end()
}

#[derive(Serialize)]
struct Coverage<'a> {
    kind: &'static str,
    server: &'a str,
    artifact: &'a str,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    files: u64,
    records: u64,
    gaps: Vec<Gap>,
    problems: &'a [String],
}

#[derive(Serialize)]
struct Gap {
    from: Timestamp,
    until: Timestamp,
}

impl<'a> Coverage<'a> {
    fn new(coverage: &'a model::Coverage) -> Self {
        Self {
            kind: "coverage",
            server: &coverage.server,
            artifact: &coverage.artifact,
            first: coverage.first,
            last: coverage.last,
            files: coverage.files,
            records: coverage.records,
            gaps: coverage.gaps.iter().map(|gap| Gap { from: gap.from, until: gap.until }).collect(),
            problems: &coverage.problems,
        }
    }
}

#[derive(Serialize)]
struct Missing<'a> {
    kind: &'static str,
    server: &'a str,
    artifact: &'a str,
    title: &'a str,
    place: &'a str,
    hides: &'a str,
}

impl<'a> Missing<'a> {
    fn new(missing: &'a model::Missing) -> Self {
        let model::Missing { server, artifact, title, place, hides, core: _ } = missing;
        Self { kind: "missing", server, artifact, title, place, hides }
    }
}

/// A problem of the evidence.
#[derive(Serialize)]
struct Unread<'a> {
    kind: &'static str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    what: &'a str,
}

impl<'a> Unread<'a> {
    fn new(problem: &'a Problem) -> Self {
        let (offset, record) = offset_or_record(problem.place);
        Self { kind: "problem", file: &problem.path, offset, record, what: &problem.what }
    }
}

/// An entry of the allow-list and what it took out.
#[derive(Serialize)]
struct Allowed<'a> {
    kind: &'static str,
    #[serde(flatten)]
    entry: &'a model::Suppressed,
}

#[derive(Serialize)]
struct Numbers<'a> {
    kind: &'static str,
    #[serde(flatten)]
    numbers: &'a Summary,
}

#[derive(Serialize)]
struct Rules<'a> {
    kind: &'static str,
    loaded: usize,
    refused: &'a [String],
    unmapped: &'a [String],
    refused_rules: usize,
    left_out: usize,
    not_applicable: &'a [model::NotApplicable],
}

impl<'a> Rules<'a> {
    fn new(hunted: &'a Hunted) -> Self {
        let model::RuleTally { loaded, refused, refused_rules, left_out, unmapped, not_applicable } =
            &hunted.rules;
        Self {
            kind: "rules",
            loaded: *loaded,
            refused,
            unmapped,
            refused_rules: *refused_rules,
            left_out: *left_out,
            not_applicable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::Value;

    fn lines() -> Vec<Value> {
        let mut out = Vec::new();
        write(&sample::hunted(), &sample::about(), &mut out).expect("memory takes every byte");
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    #[track_caller]
    fn check_keys(kind: &str, expected: &[&str]) {
        let lines = lines();
        let of_kind: Vec<_> = lines.iter().filter(|line| line["kind"] == kind).collect();
        assert!(!of_kind.is_empty(), "no line of kind {kind}");
        for line in of_kind {
            for key in expected {
                assert!(line.get(key).is_some(), "{kind} lacks {key}: {line}");
            }
        }
    }

    #[test]
    fn the_keys_of_the_contract_are_there() {
        check_keys(
            "finding",
            &["rule", "attack", "stage", "server", "time", "artifact", "file", "sha256", "fields", "raw"],
        );
        check_keys(
            "coverage",
            &["server", "artifact", "first", "last", "files", "records", "gaps", "problems"],
        );
        check_keys("verdict", &["server", "verdict", "because", "missing"]);
    }

    #[test]
    fn many_long_records_come_in_their_order() {
        let mut hunted = sample::hunted();
        let rule = &sample::rules()[0];
        for number in hunted.findings.len()..300 {
            let mut finding = sample::finding(number, rule, sample::EX01, "2021-03-07T08:00:00Z");
            finding.details_mut().raw = Some("x".repeat(2 * HELD_BYTES / 300).into());
            hunted.findings.push(finding);
        }
        let mut out = Vec::new();
        findings(&hunted, &sample::about(), &mut out).expect("memory takes every byte");
        let ids = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
            serde_json::from_slice::<Value>(line).expect("each line is JSON")["id"]
                .as_str()
                .map(str::to_owned)
        });
        let expected = hunted.findings.iter().map(|finding| Some(finding.id()));
        assert!(ids.eq(expected));
    }

    #[test]
    fn the_added_keys_are_there() {
        check_keys("finding", &["id", "level", "outcome", "graded", "cves", "client", "request"]);
        check_keys("verdict", &["reasons", "next", "builds", "exposures"]);
        check_keys("act", &["name", "title", "witnesses", "findings", "clients", "first", "last"]);
        check_keys("problem", &["file", "what"]);
        check_keys("rules", &["loaded", "refused", "unmapped", "refused_rules", "not_applicable"]);
        check_keys("missing", &["server", "artifact", "hides"]);
        check_keys("hunt", &["version", "paths", "since", "until"]);
        check_keys("moment", &["server", "time", "text", "detail"]);
    }

    #[test]
    fn a_rule_has_id_title_and_level() {
        for finding in lines().iter().filter(|line| line["kind"] == "finding") {
            let rule = &finding["rule"];
            for key in ["id", "title", "level", "name", "version", "author", "references"] {
                assert!(rule.get(key).is_some(), "rule lacks {key}");
            }
            // A record of an event log has its number besides its place.
            assert!(finding.get("offset").is_some());
            assert_eq!(finding.get("record").is_some(), finding["offset"] == 4_608);
        }
    }

    #[test]
    fn a_verdict_names_findings_that_are_listed() {
        let lines = lines();
        let known: Vec<_> =
            lines.iter().filter(|line| line["kind"] == "finding").map(|line| &line["id"]).collect();
        for verdict in lines.iter().filter(|line| line["kind"] == "verdict") {
            for id in verdict["because"].as_array().expect("a list") {
                assert!(known.contains(&id), "{id} is not listed");
            }
        }
    }

    #[test]
    fn text_is_exact_after_parsing() {
        let mut out = Vec::new();
        let hostile = "a\u{1b}[2J\u{202e}\u{9b}\u{7f}\u{e0041}\"\\b";
        line(&mut out, &hostile).expect("memory takes every byte");
        assert_eq!(out, b"\"a\\u001b[2J\\u202e\\u009b\\u007f\\udb40\\udc41\\\"\\\\b\"\n");
        let back: String = serde_json::from_slice(&out).expect("it is JSON");
        assert_eq!(back, hostile);
    }

    #[test]
    fn fields_keep_their_order_and_names_stay_unique() {
        let fields = [("z", "1"), ("a", "2"), ("z", "3")].map(|(k, v)| (k.into(), v.to_owned()));
        let mut out = Vec::new();
        in_order(&fields, &mut serde_json::Serializer::new(&mut out)).expect("memory takes every byte");
        assert_eq!(String::from_utf8_lossy(&out), r#"{"z":"1","a":"2","z#2":"3"}"#);
    }
}
