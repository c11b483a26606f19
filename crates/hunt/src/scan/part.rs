//! What scanning one unit brought to light.

use serde::{Deserialize, Serialize};

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use watchfire_artifact::{Kind, Layout, Problem, WindowsPath};

use super::hits::Hits;
use crate::content::ArtifactSpec;
use crate::exposure::BuildNumber;
use crate::tally::Tally;

/// Hits of one rule that one unit keeps; more are counted. A rule that fires ten thousand times in 16 MB tells its
/// story with the first ten thousand.
pub(crate) const HITS_PER_RULE_LIMIT: u64 = 10_000;

/// Bytes of a record that are kept with a hit: more than the longest real record seen.
pub(crate) const RAW_LIMIT_BYTES: usize = 64 * 1024;

/// Where hits come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct HitSource {
    /// The host that the record names.
    pub(crate) host: Option<Arc<str>>,
    /// The artifact's name.
    pub(crate) artifact: Arc<str>,
    /// Who asked.
    pub(crate) client: Option<IpAddr>,
}

/// A host, where records name one, and an artifact.
pub(crate) type Source = (Option<String>, String);

/// Everything that one unit brought to light.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Which evidence.
    pub(crate) evidence: usize,
    /// The file, as shown.
    pub(crate) path: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// Its hash, where it could only be read once.
    pub sha256: Option<String>,
    /// Where hits come from, each once.
    pub(crate) sources: Vec<HitSource>,
    /// Hits, in the order of the file.
    pub(crate) hits: Hits,
    /// Hits over [`HITS_PER_RULE_LIMIT`], by rule.
    pub(crate) dropped: BTreeMap<usize, u64>,
    /// What it covers.
    pub(crate) tallies: BTreeMap<Source, Tally>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
    /// Builds of Exchange that it states, with the first and last time.
    pub(crate) builds: BTreeMap<(Option<String>, BuildNumber), (Timestamp, Timestamp)>,
    /// How often the stated time of a host's events ran ahead of UTC by so many quarters of an hour.
    pub(crate) clocks: BTreeMap<(Option<String>, i64), u64>,
    /// Sources whose records have no time but the stated one.
    pub(crate) stated: BTreeSet<Source>,
    /// The layout at its end, to check what the next range of the file assumed.
    pub(crate) layout: Option<Layout>,
    /// Entries of configurations, for checks on state.
    pub(crate) configuration: Vec<watchfire_artifact::document::Entry>,
    #[serde(skip)]
    counts: BTreeMap<usize, u64>,
    /// Places in [`Part::sources`].
    #[serde(skip)]
    places: BTreeMap<HitSource, u32>,
    /// The source of the hit before.
    #[serde(skip)]
    last: u32,
}

impl Part {
    /// An empty part.
    pub(crate) fn new(evidence: usize, path: &str) -> Self {
        Self {
            evidence,
            path: path.to_owned(),
            kind: Kind::Other,
            sha256: None,
            sources: Vec::new(),
            hits: Hits::default(),
            dropped: BTreeMap::new(),
            tallies: BTreeMap::new(),
            problems: Vec::new(),
            builds: BTreeMap::new(),
            clocks: BTreeMap::new(),
            stated: BTreeSet::new(),
            layout: None,
            configuration: Vec::new(),
            counts: BTreeMap::new(),
            places: BTreeMap::new(),
            last: 0,
        }
    }

    /// Notes why reading ended early, if it did.
    pub(crate) fn outcome(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.problems.push(Problem::file(&self.path, format!("reading stopped: {error}")));
        }
    }

    /// Whether a further hit of a rule is kept; if not, it is counted.
    pub(crate) fn wants(&mut self, rule: usize) -> bool {
        let count = self.counts.entry(rule).or_default();
        *count += 1;
        if *count > HITS_PER_RULE_LIMIT {
            *self.dropped.entry(rule).or_default() += 1;
        }
        *count <= HITS_PER_RULE_LIMIT
    }

    /// Whether the rule has hit before.
    pub(crate) fn has(&self, rule: usize) -> bool {
        self.counts.contains_key(&rule)
    }

    /// The place of a source in [`Part::sources`].
    pub(crate) fn source(&mut self, host: Option<&str>, artifact: &str, client: Option<IpAddr>) -> u32 {
        let is = |source: &HitSource| {
            source.host.as_deref() == host && *source.artifact == *artifact && source.client == client
        };
        // Nearly always that of the hit before.
        if self.sources.get(self.last as usize).is_some_and(is) {
            return self.last;
        }
        let source = HitSource { host: host.map(Into::into), artifact: artifact.into(), client };
        self.last = *self.places.entry(source).or_insert_with_key(|source| {
            self.sources.push(source.clone());
            (self.sources.len() - 1) as u32
        });
        self.last
    }

    /// Notes records of an artifact.
    pub(crate) fn tally(&mut self, host: Option<&str>, artifact: &str) -> &mut Tally {
        // Looking up by a pair of borrowed strings would need a key type of its own; this is once a sample.
        self.tallies.entry((host.map(str::to_owned), artifact.to_owned())).or_default()
    }

    /// Notes a build of Exchange.
    pub(crate) fn build(&mut self, host: Option<&str>, build: BuildNumber, time: Timestamp) {
        let span = self.builds.entry((host.map(str::to_owned), build)).or_insert((time, time));
        *span = (span.0.min(time), span.1.max(time));
    }
}

/// The artifact's name in coverage: kind and the log's own part, `httpproxy/Ecp`, `iis/W3SVC1`; for events by channel.
pub(crate) fn artifact_name(
    kind: Kind,
    path: &WindowsPath,
    part: Option<&str>,
    artifacts: &crate::content::Artifacts,
) -> String {
    let folder = || path.as_str().rsplit('\\').nth(1).unwrap_or_default().to_owned();
    match kind {
        Kind::HttpProxy if path.contains("\\httpproxy\\") => format!("httpproxy/{}", folder()),
        Kind::HttpProxy => {
            part.map_or_else(|| "httpproxy".to_owned(), |protocol| format!("httpproxy/{protocol}"))
        }
        Kind::Iis if path.contains("\\w3svc") => format!("iis/{}", folder()),
        Kind::Iis if path.contains("\\httperr\\") => "iis/HTTPERR".to_owned(),
        Kind::EventsJson | Kind::Evtx => part.map_or_else(
            || kind.artifact().to_owned(),
            |channel| {
                let known = |spec: &&ArtifactSpec| {
                    spec.channel.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(channel))
                };
                artifacts
                    .artifacts
                    .iter()
                    .find(known)
                    .map_or_else(|| format!("events/{channel}"), |spec| spec.artifact.clone())
            },
        ),
        _ => kind.artifact().to_owned(),
    }
}
