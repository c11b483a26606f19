//! The content a hunt works by: rules, correlations, checks, acts, artifacts and advice, read from files that anyone
//! may edit.
//!
//! Content is not code: no rule, indicator, date or path of an intrusion stands in this crate. What is wrong with a
//! content file is said with its place, and the rest is used.

pub(crate) mod spec;
mod yara;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use watchfire_artifact::document::hex_lower;
use watchfire_intel::Index;
use watchfire_sigma::yaml::Node;
use watchfire_sigma::{
    Correlation, Document, Environment, Header, Level, LogSource, LogSources, Parsed, Rules, Severity,
    parse_in, same_field,
};

use watchfire_yara::YaraError;

use crate::choice::Choice;
use crate::exposure::Builds;
use crate::model::{NotApplicable, Outcome, RuleInfo, RuleTally, Stage};

pub(crate) use spec::seconds;
pub use spec::{ActSpec, Advice, ArtifactSpec, Artifacts, WitnessSpec};
pub use yara::FileRules;

/// Content files as path and text.
pub type Files = [(String, String)];

/// Why content cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A file without which nothing works is missing.
    #[error("content has no {0}")]
    Missing(&'static str),
    /// A data file is not what it should be.
    #[error("{file}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
}

/// A check: what is no test on one record. Its name is code, its data is content.
#[derive(Debug, Clone)]
pub struct Check {
    /// What reports need to know.
    pub info: Arc<RuleInfo>,
    /// Which check it is.
    pub name: String,
    /// Its own data.
    pub data: serde_json::Value,
}

/// Everything a hunt works by.
pub struct Content {
    /// The rules, compiled on demand for each class of record.
    pub rules: Arc<Rules>,
    /// What reports need to know of each rule, in the order of `rules`; behind them, of each YARA rule.
    pub infos: Vec<Arc<RuleInfo>>,
    /// Correlations over findings.
    pub correlations: Vec<(Correlation, Arc<RuleInfo>)>,
    /// Named checks.
    pub checks: Vec<Check>,
    /// Acts and their witnesses.
    pub acts: Vec<ActSpec>,
    /// What a server should keep.
    pub artifacts: Artifacts,
    /// What to do next.
    pub advice: Advice,
    /// Builds of Exchange and their holes.
    pub builds: Builds,
    /// Hashes of shipped web files, by path below the install folder in lower case.
    pub baseline: BTreeMap<String, BTreeSet<String>>,
    /// What was loaded and what was refused.
    pub tally: RuleTally,
    /// Values that somebody warns of, looked for in the same pass.
    pub intel: Index,
    /// Rules on whole files.
    pub yara: Option<FileRules>,
}

impl Content {
    /// Reads content: the shipped files, and on top of them, or instead of the shipped rules, the user's.
    pub fn load(shipped: &Files, user_rules: &Files, with_shipped_rules: bool) -> Result<Self, ContentError> {
        Self::load_in(shipped, user_rules, with_shipped_rules, &Environment::default(), &Choice::default())
    }

    /// The same, with the environment of the user's rules and a choice of all rules. Shipped rules need none: they are written in the names
    /// of the records that are read here.
    pub fn load_in(
        shipped: &Files,
        user_rules: &Files,
        with_shipped_rules: bool,
        environment: &Environment,
        choice: &Choice,
    ) -> Result<Self, ContentError> {
        let find = |name: &'static str| {
            shipped
                .iter()
                .find(|(path, _)| path == name)
                .map(|(_, text)| text.as_str())
                .ok_or(ContentError::Missing(name))
        };
        let (sources, problems) = LogSources::parse("logsources.yml", find("logsources.yml")?);
        let mut loader = Loader { choice: choice.clone(), ..Loader::default() };
        for problem in &problems {
            loader.problem(problem);
        }
        let own: Vec<&(String, String)> = shipped.iter().filter(|(path, _)| is_rule_file(path)).collect();
        for parsed in read_each(&own, &Environment::default()) {
            // Checks and their data always apply; shipped rules only if they are wanted.
            loader.file(parsed, with_shipped_rules);
        }
        for parsed in read_each(&user_rules.iter().collect::<Vec<_>>(), environment) {
            loader.file(parsed, true);
        }
        loader.keep_what_correlations_need();
        let (not_applicable, unmapped) = not_applicable(&loader.rules, &sources);
        let tally = RuleTally {
            loaded: loader.infos.len()
                + loader.correlations.len()
                + loader.filters.len()
                + loader.checks.len()
                - unmapped.len(),
            refused: loader.refused,
            refused_rules: loader.refused_rules,
            left_out: loader.left_out,
            unmapped,
            not_applicable,
        };
        let rules = Rules::with_filters(loader.rules, &loader.filters, sources);
        Ok(Self {
            infos: loader.infos,
            rules: Arc::new(rules),
            correlations: loader.correlations,
            checks: loader.checks,
            acts: spec::read::<spec::Acts>("acts.yml", find("acts.yml")?)?.acts,
            artifacts: spec::read("artifacts.yml", find("artifacts.yml")?)?,
            advice: spec::read("advice.yml", find("advice.yml")?)?,
            builds: json("data/exchange-builds.json", find("data/exchange-builds.json")?, Builds::parse)?,
            baseline: json(
                "data/exchange-web-baseline.json",
                find("data/exchange-web-baseline.json")?,
                baseline,
            )?,
            tally,
            intel: Index::default(),
            yara: None,
        })
    }

    /// Adds YARA rules, given as path and text of their files.
    pub fn add_yara(&mut self, files: &Files, choice: &Choice) -> Result<(), YaraError> {
        let (rules, refused) = watchfire_yara::Rules::compile(files)?;
        self.tally.refused_rules += refused.len();
        self.tally.refused.extend(refused.into_iter().map(|refused| refused.to_string()));
        let added = FileRules::new(rules, files, self.infos.len(), choice);
        self.tally.loaded += added.taken();
        self.tally.left_out += added.infos.len() - added.taken();
        self.infos.extend(added.infos.iter().cloned());
        self.yara = Some(added);
        Ok(())
    }

    /// Whether Exchange ships a file of this path, and with this hash.
    pub fn baseline_of(&self, path: &str, sha256: Option<&str>) -> &'static str {
        match (self.baseline.get(path), sha256) {
            (None, _) => "unlisted",
            (Some(hashes), Some(sha256)) if !hashes.contains(sha256) => "modified",
            (Some(_), _) => "known",
        }
    }

    /// The check of a name, if content has one.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}

/// Whether a shipped file holds rules or checks: YAML in a folder.
fn is_rule_file(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "yml") && path.contains('/')
}

fn json<T>(
    file: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, serde_json::Error>,
) -> Result<T, ContentError> {
    parse(text).map_err(|error| ContentError::Invalid { file: file.to_owned(), message: error.to_string() })
}

fn baseline(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Baseline {
        files: BTreeMap<String, BTreeSet<String>>,
    }
    serde_json::from_str::<Baseline>(text).map(|baseline| baseline.files)
}

/// Reads files of rules, on all cores where there are many, in the order given.
pub fn read_rules(files: &Files, environment: &Environment) -> Vec<Parsed> {
    read_each(&files.iter().collect::<Vec<_>>(), environment).into_iter().map(|(parsed, _)| parsed).collect()
}

/// What each file holds, and its version.
fn read_each(files: &[&(String, String)], environment: &Environment) -> Vec<(Parsed, String)> {
    let read = |(path, text): &&(String, String)| (parse_in(path, text, environment), version(text));
    files.par_iter().with_min_len(FILES_A_TASK).map(read).collect()
}

/// What a file of rules is known by: the first twelve digits of its SHA-256.
pub fn version(text: &str) -> String {
    hex_lower(&Sha256::digest(text.as_bytes())[..6])
}

/// Files that one thread reads at least: a rule takes a tenth of a millisecond, and a task must be worth its start.
const FILES_A_TASK: usize = 64;

/// Rules that no record can match, by log source with the reason, most first; and their titles.
pub fn not_applicable(
    rules: &[watchfire_sigma::Rule],
    sources: &LogSources,
) -> (Vec<NotApplicable>, Vec<String>) {
    let (mut by_source, mut titles) = (Vec::<(LogSource, NotApplicable)>::new(), Vec::new());
    for rule in rules {
        if let Some((_, counted)) = by_source.iter_mut().find(|(source, _)| *source == rule.logsource) {
            counted.rules += 1;
        } else if let Some(reason) = sources.why_unserved(&rule.logsource) {
            let (logsource, reason) = (rule.logsource.to_string(), reason.to_owned());
            by_source.push((rule.logsource.clone(), NotApplicable { logsource, reason, rules: 1 }));
        } else {
            continue;
        }
        titles.push(rule.header.title.clone());
    }
    let mut counted: Vec<NotApplicable> = by_source.into_iter().map(|(_, counted)| counted).collect();
    counted.sort_by(|a, b| b.rules.cmp(&a.rules).then_with(|| a.logsource.cmp(&b.logsource)));
    (counted, titles)
}

#[derive(Default)]
struct Loader {
    rules: Vec<watchfire_sigma::Rule>,
    filters: Vec<watchfire_sigma::Filter>,
    infos: Vec<Arc<RuleInfo>>,
    correlations: Vec<(Correlation, Arc<RuleInfo>)>,
    checks: Vec<Check>,
    refused: Vec<String>,
    refused_rules: usize,
    choice: Choice,
    left_out: usize,
}

impl Loader {
    fn problem(&mut self, problem: &watchfire_sigma::Problem) {
        if problem.severity == Severity::Refused {
            self.refused.push(problem.to_string());
        }
    }

    fn file(&mut self, (parsed, version): (Parsed, String), with_rules: bool) {
        let Parsed { documents, problems, refused } = parsed;
        for problem in &problems {
            self.problem(problem);
        }
        self.refused_rules += refused;
        for document in documents {
            let header = match &document {
                Document::Rule(rule) if with_rules => Some(&rule.header),
                Document::Correlation(correlation) if with_rules => Some(&correlation.header),
                Document::Other(header) => Some(header),
                Document::Rule(_) | Document::Correlation(_) | Document::Filter(_) => None,
            };
            if header.is_some_and(|header| !self.choice.takes(header)) {
                self.left_out += 1;
                continue;
            }
            match document {
                Document::Rule(rule) if with_rules => {
                    self.infos.push(Arc::new(RuleInfo {
                        compared: compared(&rule),
                        ..info(&rule.header, &version)
                    }));
                    self.rules.push(rule);
                }
                Document::Correlation(correlation) if with_rules => {
                    let info = Arc::new(info(&correlation.header, &version));
                    self.correlations.push((correlation, info));
                }
                Document::Filter(filter) if with_rules => self.filters.push(filter),
                Document::Other(header) => self.check(&header, &version),
                Document::Rule(_) | Document::Correlation(_) | Document::Filter(_) => {}
            }
        }
    }

    /// Findings of a rule that is correlated keep what its correlations, and theirs, group and count by.
    fn keep_what_correlations_need(&mut self) {
        for (rule, info) in self.rules.iter().zip(&mut self.infos) {
            for correlation in above(&rule.header, &self.correlations) {
                for field in correlation.fields_of(&rule.header) {
                    if !info.fields.iter().any(|known| same_field(known, field)) {
                        let info = Arc::make_mut(info);
                        info.compared.retain(|known| !same_field(known, field));
                        info.fields.push(field.to_owned());
                    }
                }
            }
        }
    }

    fn check(&mut self, header: &Header, version: &str) {
        let Some(name) = header.custom.get("check").and_then(Node::text) else {
            self.refused.push(format!("{}: neither a rule nor a check", header.place));
            return;
        };
        let data = header.custom.get("data").map_or(serde_json::Value::Null, spec::value);
        let info = Arc::new(info(header, version));
        self.checks.push(Check { info, name: name.to_owned(), data });
    }
}

/// The correlations that refer to a rule, and those that refer to them.
fn above<'c>(rule: &Header, all: &'c [(Correlation, Arc<RuleInfo>)]) -> Vec<&'c Correlation> {
    let refers =
        |correlation: &Correlation, to: &Header| correlation.rules.iter().any(|name| to.is_called(name));
    let mut found: Vec<&Correlation> = Vec::new();
    while let Some((next, _)) = all.iter().find(|(correlation, _)| {
        !found.iter().any(|known| std::ptr::eq(*known, correlation))
            && (refers(correlation, rule) || found.iter().any(|known| refers(correlation, &known.header)))
    }) {
        found.push(next);
    }
    found
}

/// The fields that a rule compares, if it does not list any to show.
fn compared(rule: &watchfire_sigma::Rule) -> Vec<String> {
    let fields = if rule.header.fields.is_empty() { rule.detection.fields() } else { Vec::new() };
    fields.into_iter().take(COMPARED_MAX).map(str::to_owned).collect()
}

/// Fields shown of what a rule compares; the first are those of its selections.
const COMPARED_MAX: usize = 8;

/// What reports need to know, from a document's head and its `watchfire` attribute.
fn info(header: &Header, version: &str) -> RuleInfo {
    let custom = |key: &str| header.custom.get("watchfire").and_then(|node| node.get(key));
    let text = |key: &str| custom(key).and_then(Node::text);
    let tag = |prefix: &'static str| header.tags.iter().filter_map(move |tag| tag.strip_prefix(prefix));
    let id = header.id.clone().unwrap_or_default();
    let name = header.name.clone().filter(|name| !name.is_empty());
    RuleInfo {
        name: name.unwrap_or_else(|| if id.is_empty() { header.title.clone() } else { id.clone() }),
        id,
        title: header.title.clone(),
        level: header.level,
        description: header.description.trim().to_owned(),
        author: header.author.clone(),
        attack: tag("attack.t")
            .filter(|id| id.starts_with(|c: char| c.is_ascii_digit()))
            .map(|id| format!("T{id}"))
            .collect(),
        cves: tag("cve.").map(|id| format!("CVE-{}", id.replace('.', "-"))).collect(),
        references: header.references.clone(),
        false_positives: header.falsepositives.clone(),
        fields: header.fields.clone(),
        compared: Vec::new(),
        facts: custom("facts").map(|node| node.texts().map(str::to_owned).collect()).unwrap_or_default(),
        stage: text("stage")
            .and_then(|name| Stage::ALL.into_iter().find(|stage| stage.name() == name))
            .unwrap_or_else(|| stage_of(&header.tags)),
        // Sigma: a critical event "indicates an incident"; what it proves beyond that, only the rule's author knows.
        outcome: text("outcome").and_then(outcome).unwrap_or(match header.level {
            Level::Critical => Outcome::Attempted,
            _ => Outcome::Supporting,
        }),
        act: text("act").map(str::to_owned),
        version: version.to_owned(),
    }
}

fn outcome(name: &str) -> Option<Outcome> {
    [Outcome::Supporting, Outcome::Attempted, Outcome::Succeeded]
        .into_iter()
        .find(|outcome| outcome.name() == name)
}

/// The stage of a rule that does not say: by the furthest of its ATT&CK tactics.
fn stage_of(tags: &[String]) -> Stage {
    let tactic = |tag: &String| match tag.strip_prefix("attack.")? {
        "reconnaissance" | "resource-development" | "discovery" => Some(Stage::Reconnaissance),
        "initial-access" | "execution" => Some(Stage::Exploitation),
        "persistence" | "privilege-escalation" | "defense-evasion" | "stealth" | "defense-impairment" => {
            Some(Stage::Persistence)
        }
        "credential-access"
        | "lateral-movement"
        | "collection"
        | "command-and-control"
        | "exfiltration"
        | "impact" => Some(Stage::Actions),
        _ => None,
    };
    tags.iter().filter_map(tactic).max().unwrap_or(Stage::Exploitation)
}
