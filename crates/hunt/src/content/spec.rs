//! The shapes of `acts.yml`, `artifacts.yml` and `advice.yml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use watchfire_sigma::yaml::{Kind, Node};

use super::ContentError;

/// `acts.yml`.
#[derive(Debug, Deserialize)]
pub(super) struct Acts {
    pub(super) acts: Vec<ActSpec>,
}

/// An act and the logs that should have witnessed it.
#[derive(Debug, Clone, Deserialize)]
pub struct ActSpec {
    /// Its name.
    pub act: String,
    /// What happened, as a sentence.
    pub title: String,
    /// Findings closer than this are one act: `120s`, `10m`, `1h`.
    pub within: String,
    /// Its witnesses.
    #[serde(default)]
    pub witnesses: Vec<WitnessSpec>,
}

impl ActSpec {
    /// [`ActSpec::within`] in seconds; what cannot be read is two minutes.
    pub fn within_s(&self) -> i64 {
        seconds(&self.within).unwrap_or(120)
    }
}

/// A log that should have witnessed an act.
#[derive(Debug, Clone, Deserialize)]
pub struct WitnessSpec {
    /// The artifact's name, without its part.
    pub artifact: String,
    /// What it would have recorded.
    pub says: String,
    /// Whether every server writes it out of the box.
    #[serde(default)]
    pub default: bool,
}

/// `artifacts.yml`.
#[derive(Debug, Clone, Deserialize)]
pub struct Artifacts {
    /// The day to search back to.
    pub look_back: String,
    /// Why that day.
    #[serde(default)]
    pub look_back_why: String,
    /// What a server should keep.
    pub artifacts: Vec<ArtifactSpec>,
}

/// One thing that a server should keep.
#[derive(Debug, Clone, Deserialize)]
pub struct ArtifactSpec {
    /// The artifact's name, without its part.
    pub artifact: String,
    /// Its title.
    pub title: String,
    /// Where it is kept.
    #[serde(rename = "where")]
    pub place: String,
    /// Windows events: the channel that it is.
    #[serde(default)]
    pub channel: Option<String>,
    /// Whether every server writes it out of the box.
    #[serde(default)]
    pub default: bool,
    /// Whether "no evidence" cannot be said without it.
    #[serde(default)]
    pub core: bool,
    /// Of all with the same group, one is enough to say "no evidence".
    #[serde(default)]
    pub core_group: Option<String>,
    /// What its absence hides.
    pub without: String,
}

/// `advice.yml`.
#[derive(Debug, Clone, Deserialize)]
pub struct Advice {
    /// By verdict.
    pub verdicts: BTreeMap<String, Steps>,
    /// By act.
    #[serde(default)]
    pub acts: BTreeMap<String, Steps>,
}

/// Things to do, most important first.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<String>,
}

/// Reads a content file into its shape.
pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ContentError> {
    let invalid = |message: String| ContentError::Invalid { file: file.to_owned(), message };
    let (nodes, problems) = watchfire_sigma::yaml::read(file, text);
    if let Some(problem) = problems.first() {
        return Err(invalid(problem.to_string()));
    }
    let node = nodes.first().ok_or_else(|| invalid("an empty file".to_owned()))?;
    serde_json::from_value(value(node)).map_err(|error| invalid(error.to_string()))
}

/// A YAML node as a JSON value: plain scalars that are numbers, booleans or null become what they are.
pub(crate) fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::List(items) => Value::Array(items.iter().map(value).collect()),
        Kind::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect())
        }
        Kind::Scalar(text) => match (node.boolean(), node.integer()) {
            (Some(boolean), _) => Value::Bool(boolean),
            (_, Some(integer)) => Value::from(integer),
            _ => Value::String(text.clone()),
        },
    }
}

/// Seconds of `120s`, `10m`, `24h`, `7d`.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    Some(number.trim().parse::<i64>().ok()? * unit)
}
