//! YARA rules as content: what their metadata says in the words of a report.
//!
//! YARA names no metadata. The keys read here are those that public collections agree on: `author`, `description`,
//! `reference`, `score` (0 to 100) or `severity`, `id`, and ATT&CK techniques wherever they stand in tags or values.

use std::sync::Arc;

use watchfire_sigma::Level;
use watchfire_yara::{Rule, Rules};

use super::{Files, version};
use crate::choice::{Choice, Subject};
use crate::model::{Outcome, RuleInfo, Stage};

/// From this score on a match is loud; public collections take 75 for what is surely bad.
const SCORE_HIGH: i64 = 75;

/// Below this score a match is a reason to look.
const SCORE_MEDIUM: i64 = 50;

/// YARA rules of a hunt.
#[derive(Debug)]
pub struct FileRules {
    pub(crate) rules: Rules,
    /// The number of the first of them among all rules of the hunt.
    pub(crate) first: usize,
    pub(crate) infos: Vec<Arc<RuleInfo>>,
    /// By rule: whether the choice of rules takes it. A rule that is left may still serve another one.
    pub(crate) taken: Vec<bool>,
}

impl FileRules {
    pub(super) fn new(rules: Rules, files: &Files, first: usize, choice: &Choice) -> Self {
        let version_of = |rule: &Rule| {
            files
                .iter()
                .find(|(path, _)| *path == rule.file)
                .map(|(_, text)| version(text))
                .unwrap_or_default()
        };
        let infos: Vec<Arc<RuleInfo>> =
            rules.list().iter().map(|rule| Arc::new(info(rule, version_of(rule)))).collect();
        let takes = |(rule, info): (&Rule, &Arc<RuleInfo>)| {
            let tags = tags(rule);
            let names = [rule.meta("id"), Some(rule.name.as_str()), Some(info.title.as_str())];
            choice.takes_subject(&Subject { level: info.level, status: None, tags: &tags, names })
        };
        let taken = rules.list().iter().zip(&infos).map(takes).collect();
        Self { rules, first, infos, taken }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.iter().filter(|taken| **taken).count()
    }
}

/// Its own tags, and its techniques as Sigma writes them.
fn tags(rule: &Rule) -> Vec<String> {
    let techniques =
        techniques(rule).into_iter().map(|technique| format!("attack.{technique}").to_lowercase());
    rule.tags.iter().cloned().chain(techniques).collect()
}

fn info(rule: &Rule, version: String) -> RuleInfo {
    let text = |key: &str| rule.meta(key).unwrap_or_default().to_owned();
    let description = text("description");
    let is_shell = is_web_shell(rule);
    RuleInfo {
        id: text("id"),
        name: rule.name.clone(),
        title: if description.is_empty() { rule.name.clone() } else { one_line(&description) },
        level: level(rule),
        description,
        author: text("author"),
        attack: techniques(rule),
        references: ["reference", "reference1", "reference2", "references"]
            .into_iter()
            .flat_map(|key| rule.meta_all(key))
            .map(str::to_owned)
            .collect(),
        stage: if is_shell { Stage::Persistence } else { Stage::Exploitation },
        // A web shell is there or not; what another rule means by a match only its author knows.
        outcome: if is_shell { Outcome::Succeeded } else { Outcome::Supporting },
        version,
        ..RuleInfo::default()
    }
}

/// Whether a rule is about web shells, as the names and tags of public collections say it.
fn is_web_shell(rule: &Rule) -> bool {
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("webshell") || text.contains("web_shell")
    };
    says(&rule.name) || rule.tags.iter().any(|tag| says(tag))
}

fn level(rule: &Rule) -> Level {
    if let Some(score) = rule.meta("score").and_then(|score| score.trim().parse::<i64>().ok()) {
        return match score {
            SCORE_HIGH.. => Level::High,
            SCORE_MEDIUM.. => Level::Medium,
            _ => Level::Low,
        };
    }
    let word = rule.meta("severity").or_else(|| rule.meta("level"));
    word.and_then(|word| word.to_ascii_lowercase().parse().ok()).unwrap_or(Level::High)
}

/// Techniques of ATT&CK in tags and metadata, each once, in order.
fn techniques(rule: &Rule) -> Vec<String> {
    let texts = rule.tags.iter().map(String::as_str).chain(rule.meta.iter().map(|(_, value)| value.as_str()));
    let mut found: Vec<String> = texts
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_'))
        // A tag has no dots: `T1505_003`.
        .map(|word| word.trim_matches(['.', '_']).to_ascii_uppercase().replace('_', "."))
        .filter(|word| is_technique(word))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// `T1505` or `T1505.003`.
fn is_technique(word: &str) -> bool {
    let Some(digits) = word.strip_prefix('T') else { return false };
    let (number, part) = digits.split_once('.').map_or((digits, None), |(number, part)| (number, Some(part)));
    let is_number =
        |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(number, 4) && part.is_none_or(|part| is_number(part, 3))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, tags: &[&str], meta: &[(&str, &str)]) -> Rule {
        Rule {
            name: name.into(),
            file: "a.yar".into(),
            tags: tags.iter().map(|&tag| tag.into()).collect(),
            meta: meta.iter().map(|&(key, value)| (key.into(), value.into())).collect(),
        }
    }

    #[test]
    fn metadata_as_public_collections_write_it() {
        let meta = [
            ("description", "A page\n that runs what it is sent"),
            ("author", "A. Nonymous"),
            ("reference", "https://one.example"),
            ("reference", "https://two.example"),
            ("score", "60"),
            ("mitre", "T1505.003, t1059"),
        ];
        let info = info(&rule("WEBSHELL_ASPX_A", &["T1190", "T1003_001"], &meta), "v".into());
        assert_eq!(info.title, "A page that runs what it is sent");
        assert_eq!((info.author.as_str(), info.references.len()), ("A. Nonymous", 2));
        assert_eq!(info.attack, ["T1003.001", "T1059", "T1190", "T1505.003"]);
        assert_eq!(
            (info.level, info.stage, info.outcome),
            (Level::Medium, Stage::Persistence, Outcome::Succeeded)
        );
    }

    #[test]
    fn levels() {
        let of = |key, value| level(&rule("a", &[], &[(key, value)]));
        assert_eq!(of("score", "75"), Level::High);
        assert_eq!(of("score", "49"), Level::Low);
        assert_eq!(of("severity", "Critical"), Level::Critical);
        assert_eq!(of("severity", "somewhat"), Level::High);
        assert_eq!(level(&rule("a", &[], &[])), Level::High);
    }
}
