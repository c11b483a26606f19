//! `join`: the same request, seen by the front end's own log and by IIS.
//!
//! HttpProxy gives each request a number and IIS keeps that number in its query. So once a scan has found requests in
//! one, the other's logs of those hours are read once more, only for those numbers. A line that turns up is a second
//! witness, written by another program; where it would stand and does not, the act says so.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use watchfire_artifact::layout::{Cells, Row};
use watchfire_artifact::lines::{self, Chunk};
use watchfire_artifact::text::{printable, text};
use watchfire_artifact::{Evidence, Layout, Locator, Place};

use crate::acts::base;
use crate::again::{self, Again};
use crate::content::Content;
use crate::details::Details;
use crate::finding::{Origin, SourceFile};
use crate::known::{Input, Known};
use crate::model::{Finding, RuleInfo};
use crate::scan::{Part, next_directive};
use crate::tally::shift;

/// Requests that are looked for at once; a server under attack by everybody has some thousand.
const REQUESTS_LIMIT: usize = 100_000;

/// Values shown of a line, where it has them.
const SHOWN: [&str; 12] = [
    "c-ip",
    "cs-method",
    "cs-uri-stem",
    "sc-status",
    "cs-uri-query",
    "cs(User-Agent)",
    "ClientIpAddress",
    "Method",
    "UrlStem",
    "HttpStatus",
    "AuthenticatedUser",
    "UserAgent",
];

#[derive(Deserialize)]
struct Data {
    left: Side,
    right: Side,
    within_seconds: i64,
}

/// One of the two logs. The number stands in its own column, or behind a word in the query.
#[derive(Deserialize)]
struct Side {
    artifact: String,
    #[serde(default)]
    after: Option<String>,
}

/// Where a finding stands, and the act it witnesses.
type LineKey<'a> = (&'a str, Place, Option<&'a str>);

fn key(finding: &Finding) -> LineKey<'_> {
    (finding.file(), finding.place(), finding.rule.act.as_deref())
}

/// Requests that are looked for, with a finding that names each.
type Wanted<'a> = FxHashMap<&'a [u8], usize>;

/// Whether a request's number can be looked for: long enough to be one of a kind, and not the word for none.
pub(crate) fn is_number(number: &str) -> bool {
    number.len() >= 16 && number.bytes().any(|byte| byte != b'0' && byte != b'-')
}

/// The other log of the two that number the same requests, if `artifact` is one of them.
pub(crate) fn other_side(content: &Content, artifact: &str) -> Option<String> {
    let data: Data = serde_json::from_value(content.check("join")?.data.clone()).ok()?;
    match artifact {
        _ if artifact == data.left.artifact => Some(data.right.artifact),
        _ if artifact == data.right.artifact => Some(data.left.artifact),
        _ => None,
    }
}

/// Adds a finding for each line of one log that carries the number of a request that was found in the other.
pub(crate) fn join(input: &Input<'_>, parts: &[Part], known: &mut Known) {
    let Some(check) = input.content.check("join") else { return };
    let Ok(data) = serde_json::from_value::<Data>(check.data.clone()) else { return };
    let mut found = search_all(input, parts, known, &data, (&data.left, &data.right));
    found.extend(search_all(input, parts, known, &data, (&data.right, &data.left)));
    let mut infos: BTreeMap<Option<String>, Arc<RuleInfo>> = BTreeMap::new();
    for line in &mut found {
        let act = line.rule.act.clone();
        let info =
            infos.entry(act.clone()).or_insert_with(|| Arc::new(RuleInfo { act, ..(*check.info).clone() }));
        line.level = info.level;
        line.outcome = info.outcome;
        line.rule = Arc::clone(info);
    }
    known.findings.extend(found);
}

/// Searches the log `to` for the requests that were found in the log `from`.
fn search_all(
    input: &Input<'_>,
    parts: &[Part],
    known: &Known,
    data: &Data,
    (from, to): (&Side, &Side),
) -> Vec<Finding> {
    let wanted = wanted(from, &known.findings);
    let times = || wanted.values().filter_map(|&at| known.findings[at].time());
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Vec::new() };
    let window = (shift(first, -data.within_seconds), shift(last, data.within_seconds));
    let files = files(input, parts, to, window);
    let search = |(evidence, artifact): &(&Evidence, String)| search(evidence, artifact, to, &wanted, known);
    let found: Vec<Vec<Finding>> = files.par_iter().map(search).collect();
    let already: FxHashSet<LineKey<'_>> = known.findings.iter().map(key).collect();
    found.into_iter().flatten().filter(|line| !already.contains(&key(line))).collect()
}

fn wanted<'a>(from: &Side, findings: &'a [Finding]) -> Wanted<'a> {
    findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| base(finding.artifact()) == from.artifact)
        .filter_map(|(at, finding)| {
            Some((finding.request().filter(|number| is_number(number))?.as_bytes(), at))
        })
        .take(REQUESTS_LIMIT)
        .collect()
}

/// Files of a log that cover some of the time, with their artifact's name.
fn files<'a>(
    input: &'a Input<'_>,
    parts: &[Part],
    side: &Side,
    window: (Timestamp, Timestamp),
) -> Vec<(&'a Evidence, String)> {
    let mut files: BTreeMap<usize, String> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.kind.artifact() == side.artifact) {
        for ((_, artifact), tally) in &part.tallies {
            let overlaps = tally
                .first
                .zip(tally.last)
                .is_some_and(|(first, last)| first <= window.1 && window.0 <= last);
            if overlaps {
                files.insert(part.evidence, artifact.clone());
            }
        }
    }
    let evidence = |(index, artifact)| (&input.gathered.evidence[index], artifact);
    files
        .into_iter()
        .map(evidence)
        .filter(|(evidence, _)| !matches!(evidence.locator, Locator::Tar { .. }))
        .collect()
}

/// Searches one file for the numbers.
fn search(
    evidence: &Evidence,
    artifact: &str,
    to: &Side,
    wanted: &Wanted<'_>,
    known: &Known,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = evidence.path.as_str().into();
    let file = Arc::new(SourceFile { path, sha256: OnceLock::new(), events: None });
    let mut origins: BTreeMap<(&str, Option<IpAddr>), Arc<Origin>> = BTreeMap::new();
    // What cannot be read has been reported by the scan.
    let _ = again::read(evidence, |again| {
        let Again::Lines(chunk, Some(layout)) = again else { return ControlFlow::Break(()) };
        search_chunk(chunk, layout, to, wanted, |row, range, at| {
            let left = &known.findings[at];
            let client = row.client();
            let origin = origins.entry((left.server(), client)).or_insert_with(|| {
                let (server, artifact) = (left.server().into(), artifact.into());
                Arc::new(Origin { server, artifact, client, file: Arc::clone(&file) })
            });
            found.push(line(left, origin, chunk, row, range));
        });
        ControlFlow::Continue(())
    });
    found
}

fn search_chunk(
    chunk: &Chunk<'_>,
    layout: &mut Layout,
    to: &Side,
    wanted: &Wanted<'_>,
    mut each: impl FnMut(&Row<'_>, Range<usize>, usize),
) {
    let text = chunk.text;
    let mut cells = Cells::default();
    let mut start = 0;
    loop {
        let directive = next_directive(text, start);
        let end = directive.as_ref().map_or(text.len(), |directive| directive.start);
        let found = match &to.after {
            Some(word) => behind_word(&text[start..end], word, wanted),
            None => in_column(&text[start..end], layout, wanted),
        };
        for (line, at) in found {
            let range = start + line.start..start + line.end;
            each(&layout.row(&text[range.clone()], &mut cells), range, at);
        }
        let Some(directive) = directive else { return };
        layout.directive(&text[directive.clone()]);
        start = (directive.end + 1).min(text.len());
    }
}

/// Lines with a wanted number behind a word.
fn behind_word(text: &[u8], word: &str, wanted: &Wanted<'_>) -> Vec<(Range<usize>, usize)> {
    let line_of = |found: usize| {
        let number = found + word.len();
        let length =
            text[number..].iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'-').count();
        let at = *wanted.get(&text[number..number + length])?;
        let begin = memchr::memrchr(b'\n', &text[..number]).map_or(0, |newline| newline + 1);
        let stop = memchr::memchr(b'\n', &text[number..]).map_or(text.len(), |newline| number + newline);
        Some((lines::trim_return(text, begin..stop), at))
    };
    memchr::memmem::find_iter(text, word.as_bytes()).filter_map(line_of).collect()
}

/// Lines with a wanted number in the column that the layout knows for it.
fn in_column(text: &[u8], layout: &Layout, wanted: &Wanted<'_>) -> Vec<(Range<usize>, usize)> {
    let mut cells = Cells::default();
    let mut number_of = |line: Range<usize>| {
        let number = layout.row(&text[line.clone()], &mut cells).request()?.into_owned();
        Some((line, *wanted.get(number.as_slice())?))
    };
    lines::ranges(text).filter_map(&mut number_of).collect()
}

fn line(
    left: &Finding,
    origin: &Arc<Origin>,
    chunk: &Chunk<'_>,
    row: &Row<'_>,
    range: Range<usize>,
) -> Finding {
    let value = |name: &str| row.named(name).map(|value| printable(&text(&value)).into_owned());
    let mut fields = vec![("same request as".into(), format!("{} in {}", left.rule.name, left.file()))];
    fields.extend(SHOWN.iter().filter_map(|name| Some(((*name).into(), value(name)?))));
    let details = Details {
        request: left.request().map(Into::into),
        fields,
        raw: Some(printable(&text(chunk.raw(range.clone()))).into()),
        ..Details::default()
    };
    let place = Place::Offset(chunk.offset_of(range.start));
    let (rule, origin) = (Arc::clone(&left.rule), Arc::clone(origin));
    Finding::new(rule, 0, origin, row.time(), place, details.boxed())
}
