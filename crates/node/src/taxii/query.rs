//! What a request asks for: filters, pages, cursors (TAXII 2.1 §3.4, §3.5).

use serde::{Deserialize, Serialize};
use watchfire_release::ServiceFact;
use watchfire_stix::Timestamp;
use watchfire_store::{Filter, Versions};

use super::{Call, Refusal};
use crate::clock::microseconds;
use crate::node::Node;
use crate::percent::decode;

/// Alternatives in one filter: what fits into the address of a request.
const ALTERNATIVES_LIMIT: usize = 1000;

/// What is asked for, as far as it decides which objects follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) added_after_us: Option<i64>,
    pub(crate) ids: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) spec_versions: Vec<String>,
    versions: Vec<String>,
}

/// A page that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Paged {
    pub(crate) asked: Asked,
    /// The place after which it begins.
    pub(crate) after: i64,
    pub(crate) limit: usize,
}

/// A cursor, sealed: it tells nothing.
pub(crate) struct Cursor(pub(crate) Option<String>);

impl ServiceFact for Cursor {}

/// What a cursor carries: it goes on with the filters with which the first page began.
#[derive(Serialize, Deserialize)]
struct Carried {
    after: i64,
    asked: Asked,
}

/// Names and values. A name that stands twice is refused: one of the two would not be applied.
pub(super) fn parameters(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = decode(name).zip(decode(value));
        let (name, value) =
            decoded.ok_or_else(|| Refusal::bad(format!("{pair} is not percent-encoded text")))?;
        if found.iter().any(|(other, _)| *other == name) {
            return Err(Refusal::bad(format!("{name} stands twice; alternatives are separated by commas")));
        }
        found.push((name, value));
    }
    Ok(found)
}

/// The sign that this is an instant; versions and dates are compared as instants, not as texts.
fn instant(text: &str) -> Option<i64> {
    // A plus in an address is a space; neither stands in a time in UTC.
    Timestamp::parse(text.trim()).map(microseconds)
}

fn alternatives(name: &str, value: &str) -> Result<Vec<String>, Refusal> {
    let parts: Vec<String> = value.split(',').map(|part| part.trim().to_owned()).collect();
    if parts.iter().any(String::is_empty) || parts.len() > ALTERNATIVES_LIMIT {
        return Err(Refusal::bad(format!("{name} is a list of values separated by commas")));
    }
    Ok(parts)
}

/// What a request asks for, `filters` being those that its resource knows.
pub(crate) fn read(node: &Node, call: &Call, purpose: &str, filters: &[&str]) -> Result<Paged, Refusal> {
    let (mut asked, mut limit, mut next) = (Asked::default(), node.config.taxii.page_limit, None);
    for (name, value) in parameters(&call.query)? {
        match name.as_str() {
            "limit" => limit = limit.min(read_limit(&value)?),
            // Some clients send these empty when they have none.
            "next" | "added_after" if value.is_empty() => {}
            "next" => next = Some(value),
            "added_after" => {
                let wrong =
                    || Refusal::bad(format!("added_after={value} is no time such as 2021-07-19T11:00:00Z"));
                asked.added_after_us = Some(instant(&value).ok_or_else(wrong)?);
            }
            _ => match name.strip_prefix("match[").and_then(|rest| rest.strip_suffix(']')) {
                Some(field) if filters.contains(&field) => asked.filter(&name, field, &value)?,
                // A filter that is not applied would give what was not asked for.
                Some(_) => return Err(Refusal::bad(format!("{name} is no filter of this resource"))),
                None => {}
            },
        }
    }
    let Some(next) = next else { return Ok(Paged { asked, after: 0, limit }) };
    let wrong = || Refusal::bad("next is no cursor of this resource; begin again without it");
    let opened = node.seal.open(&next, &sealed_for(call, purpose)).ok_or_else(wrong)?;
    let carried: Carried = serde_json::from_slice(&opened).map_err(|_| wrong())?;
    // Some clients repeat the filters and some leave them out; whoever changes them means something else.
    let same_or_none = |now: &Vec<String>, then: &Vec<String>| now.is_empty() || now == then;
    let then = &carried.asked;
    let same = same_or_none(&asked.ids, &then.ids)
        && same_or_none(&asked.types, &then.types)
        && same_or_none(&asked.spec_versions, &then.spec_versions)
        && same_or_none(&asked.versions, &then.versions);
    if !same {
        return Err(Refusal::bad("next goes on with the filters of the first page, and these are others"));
    }
    Ok(Paged { asked: carried.asked, after: carried.after, limit })
}

/// A limit beyond ours is ours; zero, less, or no number is refused.
fn read_limit(value: &str) -> Result<usize, Refusal> {
    if value.is_empty() {
        return Ok(usize::MAX);
    }
    let digits = value.bytes().all(|byte| byte.is_ascii_digit()) && value.bytes().any(|byte| byte != b'0');
    if digits {
        Ok(value.parse().unwrap_or(usize::MAX))
    } else {
        Err(Refusal::bad(format!("limit={value} is no number above zero")))
    }
}

fn sealed_for(call: &Call, purpose: &str) -> String {
    format!("{purpose} {}", call.who.account.name)
}

/// The cursor after a place.
pub(crate) fn cursor(
    node: &Node,
    call: &Call,
    purpose: &str,
    paged: &Paged,
    next: Option<i64>,
) -> Result<Cursor, Refusal> {
    let Some(after) = next else { return Ok(Cursor(None)) };
    let carried = Carried { after, asked: paged.asked.clone() };
    let text = serde_json::to_vec(&carried).map_err(|_| Refusal::internal())?;
    Ok(Cursor(Some(node.seal.seal(&text, &sealed_for(call, purpose))?)))
}

impl Asked {
    fn filter(&mut self, name: &str, field: &str, value: &str) -> Result<(), Refusal> {
        let values = alternatives(name, value)?;
        if field == "version" {
            let known = |value: &String| {
                matches!(value.as_str(), "first" | "last" | "all") || instant(value).is_some()
            };
            if !values.iter().all(known) {
                return Err(Refusal::bad(format!("{name} is first, last, all or a time")));
            }
        }
        match field {
            "id" => self.ids = values,
            "type" => self.types = values,
            "spec_version" => self.spec_versions = values,
            _ => self.versions = values,
        }
        Ok(())
    }

    /// For the store. Without a filter of versions it is the last one, or `all` where the resource means all.
    pub(crate) fn store_filter(&self, with_bytes: bool, all: bool) -> Filter<'_> {
        let has = |word: &str| self.versions.iter().any(|version| version == word);
        let none = self.versions.is_empty();
        Filter {
            ids: self.ids.iter().map(String::as_str).collect(),
            types: self.types.iter().map(String::as_str).collect(),
            spec_versions: self.spec_versions.iter().map(String::as_str).collect(),
            versions: Versions {
                first: has("first"),
                last: has("last"),
                all: has("all") || none && all,
                at_us: self.versions.iter().filter_map(|version| instant(version)).collect(),
            },
            added_after_us: self.added_after_us,
            with_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_once() {
        assert_eq!(parameters("a=1&b&&c=").unwrap().len(), 3);
        assert!(parameters("match[type]=a&match%5Btype%5D=b").is_err());
    }

    #[test]
    fn limits() {
        assert_eq!(read_limit("10").unwrap(), 10);
        assert_eq!(read_limit("99999999999999999999999").unwrap(), usize::MAX);
        for wrong in ["0", "-1", "1.5", "ten", "00", " 1", "+1"] {
            assert!(read_limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_as_instants() {
        let mut asked = Asked::default();
        asked
            .filter("match[version]", "version", "first,2021-01-01T00:00:00Z,2021-01-01T00:00:00.000Z")
            .unwrap();
        let filter = asked.store_filter(false, false);
        assert!(filter.versions.first && !filter.versions.last && !filter.versions.all);
        assert_eq!(filter.versions.at_us[0], filter.versions.at_us[1]);
        assert!(asked.filter("match[version]", "version", "newest").is_err());
        assert!(asked.filter("match[type]", "type", "a,,b").is_err());
        assert!(Asked::default().store_filter(false, true).versions.all);
    }
}
