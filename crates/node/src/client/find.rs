//! From an address to collections: discovery, API roots, collections (TAXII 2.1 §4, §5.1, §5.2), as servers answer them.

use serde_json::Value;

use super::answer::{Got, failed};
use super::http::{Http, Upstream};
use crate::error::Result;

/// How answers are asked for, until one is given: some servers refuse the space and some refuse its absence.
const ACCEPTS: [&str; 3] =
    ["application/taxii+json;version=2.1", "application/taxii+json; version=2.1", "*/*"];

/// API roots and collections that are looked at.
const ROOTS_LIMIT: usize = 100;
const COLLECTIONS_LIMIT: usize = 10_000;

/// Characters of a server's own words that are repeated.
pub(super) const WORDS_LIMIT: usize = 200;

/// A collection that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its path on the server, with a slash at the end.
    pub path: String,
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its alias, where it has one.
    pub alias: Option<String>,
    /// Whether its objects may be read.
    pub can_read: bool,
}

/// A server that speaks TAXII, and in which of its dialects.
pub(super) struct Taxii {
    pub(super) http: Http,
    accept: usize,
    /// What it does that the standard does not foresee, each said once.
    pub(super) notes: Vec<String>,
}

impl Taxii {
    pub(super) fn new(upstream: &Upstream) -> Result<Self> {
        Ok(Self { http: Http::new(upstream)?, accept: 0, notes: Vec::new() })
    }

    pub(super) fn note(&mut self, what: &str) {
        if !self.notes.iter().any(|known| known == what) {
            self.notes.push(what.to_owned());
        }
    }

    /// Asks for a path, in the form that this server gives.
    pub(super) fn ask(&mut self, target: &str) -> Result<Got> {
        loop {
            let got = self.http.get(target, ACCEPTS[self.accept])?;
            if got.status.as_u16() != 406 || self.accept + 1 == ACCEPTS.len() {
                return Ok(got);
            }
            self.accept += 1;
            self.note("it refuses the media type as the standard writes it");
        }
    }

    /// The JSON of a path; where it is not found, of the same path without its slash.
    fn json(&mut self, path: &str) -> Result<Value> {
        let mut got = self.ask(path)?;
        if got.status.as_u16() == 404 && path.len() > 1 && path.ends_with('/') {
            got = self.ask(path.trim_end_matches('/'))?;
        }
        let body = self.body(path, &got)?;
        serde_json::from_slice(body).map_err(|_| failed(format!("{path} is no JSON")))
    }

    /// The body of an answer that is one.
    pub(super) fn body<'g>(&mut self, target: &str, got: &'g Got) -> Result<&'g [u8]> {
        let status = got.status.as_u16();
        // 206 is what TAXII 2.0 answered to a part.
        if !matches!(status, 200 | 206) {
            return Err(failed(refusal(target, got)));
        }
        let media = got.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !media.starts_with("application/taxii+json") {
            if !(media.is_empty() || media.contains("json")) {
                return Err(failed(format!("{target} answers {}, which is no TAXII", shown(&media))));
            }
            self.note("its answers are not said to be TAXII");
        }
        Ok(&got.body)
    }
}

/// A server's words, as they may be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(WORDS_LIMIT).collect()
}

/// Why nothing was given.
pub(super) fn refusal(target: &str, got: &Got) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let words = match got.status.as_u16() {
        401 => "does not know this name, password, token or certificate",
        403 => "is not open to this account",
        404 => "is not there, or not for this account",
        406 => "is not given in any form of TAXII 2.1",
        429 | 503 => "is not given now; ask again later",
        _ => "is not given",
    };
    let error: Value = serde_json::from_slice(&got.body).unwrap_or_default();
    let title = error["title"].as_str().map(|title| format!(": {}", shown(title))).unwrap_or_default();
    format!("{path} {words} ({}){title}", got.status.as_u16())
}

/// What a server offers at an address: of all its API roots, of one, or one collection.
pub fn offers(upstream: &Upstream) -> Result<Vec<Offered>> {
    explore(&mut Taxii::new(upstream)?, &upstream.url)
}

pub(super) fn explore(taxii: &mut Taxii, url: &str) -> Result<Vec<Offered>> {
    let found = taxii.json(url)?;
    let path = with_slash(path_of(url));
    if let Some(roots) = roots_of(&found) {
        return of_roots(taxii, &roots);
    }
    if found["collections"].is_array() {
        return Ok(listed(&found, &path));
    }
    if found["id"].is_string() && found["can_read"].is_boolean() {
        return Ok(offered(&found, path).into_iter().collect());
    }
    if found["versions"].is_array() || found["max_content_length"].is_number() {
        return of_root(taxii, &path);
    }
    Err(failed(format!("{path} is neither discovery nor an API root nor a collection of TAXII 2.1")))
}

/// The API roots of a discovery, the default one first; none where it is something else.
pub(super) fn roots_of(found: &Value) -> Option<Vec<&str>> {
    let listed = found["api_roots"].as_array()?.iter().filter_map(Value::as_str);
    let mut roots: Vec<&str> = found["default"].as_str().into_iter().chain(listed).collect();
    let mut seen = std::collections::HashSet::new();
    roots.retain(|root| seen.insert(*root));
    Some(roots)
}

/// A root that answers nothing is told, and the others are looked at.
fn of_roots(taxii: &mut Taxii, roots: &[&str]) -> Result<Vec<Offered>> {
    let mut all = Vec::new();
    let mut last = None;
    for root in roots.iter().take(ROOTS_LIMIT) {
        match of_root(taxii, &with_slash(root)) {
            Ok(found) => all.extend(found),
            Err(error) => {
                taxii.note(&error.to_string());
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if all.is_empty() => Err(error),
        _ => Ok(all),
    }
}

fn of_root(taxii: &mut Taxii, root: &str) -> Result<Vec<Offered>> {
    let path = format!("{root}collections/");
    let found = taxii.json(&path)?;
    Ok(listed(&found, path_of(&path)))
}

pub(super) fn listed(found: &Value, path: &str) -> Vec<Offered> {
    let list = found["collections"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .take(COLLECTIONS_LIMIT)
        .filter_map(|one| offered(one, format!("{path}{}/", segment(one["id"].as_str()?)?)))
        .collect()
}

fn offered(found: &Value, path: String) -> Option<Offered> {
    let text = |name: &str| found[name].as_str().map(shown);
    Some(Offered {
        path,
        id: text("id")?,
        title: text("title").unwrap_or_default(),
        alias: text("alias"),
        // A server that does not say is asked.
        can_read: found["can_read"].as_bool().unwrap_or(true),
    })
}

/// An id as a part of a path; one that would lead elsewhere is none.
fn segment(id: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    (!id.is_empty() && id.bytes().all(is_plain) && !id.starts_with('.')).then_some(id)
}

fn path_of(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    path.split(['?', '#']).next().unwrap_or("/")
}

fn with_slash(path: &str) -> String {
    if path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// The collection that is meant by an id, an alias or a title.
pub(super) fn choose(offered: &[Offered], wanted: &str) -> Result<Offered> {
    let by_name = |one: &&Offered| {
        one.id.eq_ignore_ascii_case(wanted) || one.alias.as_deref() == Some(wanted) || one.title == wanted
    };
    let found: Vec<&Offered> = offered.iter().filter(by_name).collect();
    match found[..] {
        [one] if one.can_read => Ok(one.clone()),
        [_] => Err(failed(format!("the collection {wanted} is not read by this account"))),
        [] => Err(failed(format!("there is no collection {wanted} among {} here", offered.len()))),
        _ => Err(failed(format!("there are {} collections {wanted}; give the id", found.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path_of("https://a.example/taxii2/?x=1"), "/taxii2/");
        assert_eq!(path_of("https://a.example"), "/");
        assert_eq!(path_of("/taxii2/root/"), "/taxii2/root/");
        assert_eq!(
            segment("91a7b528-80eb-42ed-a74d-c6fbd5a26116"),
            Some("91a7b528-80eb-42ed-a74d-c6fbd5a26116")
        );
        for elsewhere in ["", "..", "../x", "a/b", "a?b", "%2e"] {
            assert_eq!(segment(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_collection_is_chosen_by_what_it_is_called() {
        let one = |id: &str, title: &str, can_read| Offered {
            path: format!("/r/collections/{id}/"),
            id: id.to_owned(),
            title: title.to_owned(),
            alias: Some(format!("alias-{id}")),
            can_read,
        };
        let all =
            [one("a", "One", true), one("b", "Two", false), one("c", "Three", true), one("d", "Three", true)];
        for wanted in ["a", "A", "alias-a", "One"] {
            assert_eq!(choose(&all, wanted).unwrap().id, "a", "{wanted}");
        }
        for (wanted, why) in [("b", "not read"), ("e", "there is no"), ("Three", "give the id")] {
            let error = choose(&all, wanted).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
