//! MISP's warninglists: JSON with a name, a way of comparing and the attribute types that it is about.

use serde::Deserialize;
use watchfire_intel::Kind;
use watchfire_intel::warning::{Matching, Warninglist};

use super::types::misp_values;

/// Why a file is no warning list.
#[derive(Debug, thiserror::Error)]
pub enum WarninglistError {
    /// It is no JSON of that shape.
    #[error("this is no warning list")]
    Json(#[from] serde_json::Error),
    /// Its values are compared in a way that is not known.
    #[error("values of a warning list are not compared by {0:?}")]
    Matching(String),
}

#[derive(Deserialize)]
struct File {
    name: String,
    #[serde(rename = "type")]
    matching: String,
    #[serde(default)]
    matching_attributes: Vec<String>,
    list: Vec<String>,
}

/// Reads a file of one list, or of several in a row.
pub fn warninglists(bytes: &[u8]) -> Result<Vec<Warninglist>, WarninglistError> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let files: Vec<File> = serde_json::from_slice(bytes)?;
        return files.into_iter().map(list).collect();
    }
    Ok(vec![list(serde_json::from_slice(bytes)?)?])
}

fn list(file: File) -> Result<Warninglist, WarninglistError> {
    let matching = match file.matching.as_str() {
        "string" => Matching::Exact,
        "hostname" => Matching::Hostname,
        "substring" => Matching::Substring,
        "cidr" => Matching::Cidr,
        "regex" => Matching::Regex,
        other => return Err(WarninglistError::Matching(other.to_owned())),
    };
    let mut kinds: Vec<Kind> = file
        .matching_attributes
        .iter()
        // The value of a composite type does not matter here, only what its parts are.
        .flat_map(|name| misp_values(name, "a|b"))
        .flatten()
        .flat_map(|(kind, _)| if kind == Kind::Network { vec![Kind::Ip, kind] } else { vec![kind] })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(Warninglist { name: file.name, matching, kinds, values: file.list })
}
