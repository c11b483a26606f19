//! Observed data, in both of its forms (STIX 2.1 §4.14): a dictionary `objects`, or `object_refs` to objects beside.
//!
//! An observation that cannot be used is a problem with its place, and the others are used; whoever asks whether
//! something matched must look at the problems before saying "no".

use rustc_hash::FxHashMap;

use super::instant::{Ticks, instant};
use super::json::Json;
use super::limits::OBSERVED_MAX;

/// From this number of objects on, an observation is looked up by a table.
const TABLE_OBJECTS_MIN: usize = 12;

/// Types that are no observables, so that no path of a pattern starts at them (§9.7).
const NOT_OBSERVABLE: [&str; 25] = [
    "attack-pattern",
    "bundle",
    "campaign",
    "course-of-action",
    "extension-definition",
    "grouping",
    "identity",
    "incident",
    "indicator",
    "infrastructure",
    "intrusion-set",
    "language-content",
    "location",
    "malware",
    "malware-analysis",
    "marking-definition",
    "note",
    "observed-data",
    "opinion",
    "relationship",
    "report",
    "sighting",
    "threat-actor",
    "tool",
    "vulnerability",
];

/// Observations to match patterns against.
#[derive(Debug, Default)]
pub struct Observations<'a> {
    pub(crate) list: Vec<Observation<'a>>,
}

/// One `observed-data`: `number_observed` observations at unknown times between two instants.
#[derive(Debug)]
pub struct Observation<'a> {
    /// Its `id`, if it has one.
    pub id: Option<&'a str>,
    pub(crate) first: Ticks,
    pub(crate) last: Ticks,
    pub(crate) number: u64,
    /// Whether it is of the form that STIX 2.0 knows too.
    pub(crate) dictionary: bool,
    pub(crate) objects: Vec<Object<'a>>,
    table: Option<FxHashMap<&'a str, u32>>,
}

/// One object of an observation.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    /// Its key in the dictionary, or its id.
    pub(crate) key: &'a str,
    /// Its type; empty if no path can start here.
    pub(crate) object_type: &'a str,
    pub(crate) json: &'a Json<'a>,
}

/// An observation that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct BadObservation {
    /// Its id, or where it stands in the text, as a JSON pointer.
    pub place: String,
    /// Why.
    pub message: String,
}

impl<'a> Observations<'a> {
    /// Takes the observations out of one object, a list of objects or a bundle, or lists of those. Objects that are
    /// referred to are sought in the whole of it.
    pub fn of(json: &'a Json<'a>) -> (Self, Vec<BadObservation>) {
        let mut sources = Vec::new();
        collect(json, "", 0, &mut sources);
        let mut pool: FxHashMap<&str, &Json<'_>> = FxHashMap::default();
        for (_, json) in &sources {
            if let Some(id) = json.text("id") {
                pool.insert(id, json);
            }
        }
        let mut found = Self::default();
        let mut bad = Vec::new();
        for (pointer, json) in sources {
            match Observation::of(json, &pool) {
                None => {}
                Some(Ok(observation)) => found.list.push(observation),
                Some(Err(message)) => {
                    let place = json.text("id").map_or(pointer, str::to_owned);
                    bad.push(BadObservation { place, message });
                }
            }
        }
        (found, bad)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One of them, by its number.
    pub fn get(&self, number: usize) -> Option<&Observation<'a>> {
        self.list.get(number)
    }

    /// Whether all are of the form that STIX 2.0 knows too, with a dictionary `objects`.
    pub fn are_dictionaries(&self) -> bool {
        self.list.iter().all(|observation| observation.dictionary)
    }
}

/// The objects of a text with their places: itself, the items of a list, the objects of a bundle.
fn collect<'a>(json: &'a Json<'a>, place: &str, depth: usize, found: &mut Vec<(String, &'a Json<'a>)>) {
    // A list of bundles is three levels: the list, the bundle, its objects.
    const DEPTH_MAX: usize = 3;
    match json {
        Json::List(items) if depth <= DEPTH_MAX => {
            for (number, item) in items.iter().enumerate() {
                collect(item, &format!("{place}/{number}"), depth + 1, found);
            }
        }
        Json::Object(_) => match json.get("objects") {
            Some(objects @ Json::List(_)) => collect(objects, &format!("{place}/objects"), depth + 1, found),
            _ => found.push((place.to_owned(), json)),
        },
        _ => {}
    }
}

impl<'a> Observation<'a> {
    /// `None` if this is no observed data.
    fn of(json: &'a Json<'a>, pool: &FxHashMap<&'a str, &'a Json<'a>>) -> Option<Result<Self, String>> {
        let objects = match (json.get("objects"), json.get("object_refs")) {
            (Some(Json::Object(members)), _) => {
                members.iter().map(|(key, json)| Object::new(key, json, false)).collect()
            }
            (_, Some(Json::List(references))) if json.text("type") == Some("observed-data") => {
                let found =
                    references.iter().filter_map(Json::as_str).filter_map(|id| Some((id, *pool.get(id)?)));
                found.map(|(id, json)| Object::new(id, json, true)).collect()
            }
            _ if json.text("type") == Some("observed-data") => {
                return Some(Err("neither a dictionary `objects` nor a list `object_refs`".to_owned()));
            }
            _ => return None,
        };
        Some(Self::with_objects(json, objects))
    }

    fn with_objects(json: &'a Json<'a>, objects: Vec<Object<'a>>) -> Result<Self, String> {
        let first = time(json, "first_observed")?;
        let last = time(json, "last_observed")?;
        if last < first {
            return Err("`last_observed` is before `first_observed`".to_owned());
        }
        let number = match json.get("number_observed") {
            Some(Json::Integer(number)) => u64::try_from(*number).unwrap_or(0),
            Some(Json::Float(number)) if number.fract() == 0.0 => *number as u64,
            _ => 0,
        };
        if !(1..=OBSERVED_MAX).contains(&number) {
            return Err(format!("`number_observed` is no integer from 1 to {OBSERVED_MAX}"));
        }
        let table = (objects.len() >= TABLE_OBJECTS_MIN).then(|| {
            objects.iter().enumerate().map(|(number, object)| (object.key, number as u32)).collect()
        });
        let dictionary = matches!(json.get("objects"), Some(Json::Object(_)));
        Ok(Self { id: json.text("id"), first, last, number, dictionary, objects, table })
    }

    /// The object that a reference names: "only those SCOs that are listed in the object_refs may be followed"
    /// (§9.7.4).
    pub(crate) fn object(&self, key: &str) -> Option<&'a Json<'a>> {
        let found = match &self.table {
            Some(table) => self.objects.get(*table.get(key)? as usize),
            None => self.objects.iter().rev().find(|object| object.key == key),
        };
        found.map(|object| object.json)
    }

    /// The key or id of one of its objects, by number.
    pub fn object_key(&self, number: usize) -> Option<&'a str> {
        self.objects.get(number).map(|object| object.key)
    }
}

impl<'a> Object<'a> {
    fn new(key: &'a str, json: &'a Json<'a>, only_observables: bool) -> Self {
        let object_type = json.text("type").unwrap_or_default();
        let barred = only_observables && NOT_OBSERVABLE.binary_search(&object_type).is_ok();
        Self { key, object_type: if barred { "" } else { object_type }, json }
    }
}

fn time(json: &Json<'_>, name: &str) -> Result<Ticks, String> {
    let Some(text) = json.text(name) else { return Err(format!("no `{name}`")) };
    instant(text).map_err(|_| format!("`{name}` is no timestamp: `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let json = Json::parse(text).unwrap();
        let (observations, bad) = Observations::of(&json);
        let keys = |observation: &Observation<'_>| {
            observation.objects.iter().map(|object| object.key).collect::<Vec<_>>().join(" ")
        };
        let found = observations.list.iter().map(keys).chain(bad.iter().map(ToString::to_string));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    const TIMES: &str = r#""number_observed":1,"first_observed":"2021-03-02T00:00:00Z","last_observed":"2021-03-02T00:00:00Z""#;

    #[test]
    fn both_forms() {
        let dictionary =
            format!(r#"{{"type":"observed-data",{TIMES},"objects":{{"0":{{"type":"file"}},"1":{{}}}}}}"#);
        check(&dictionary, &["0 1"]);
        check(&format!("[{dictionary},{dictionary}]"), &["0 1", "0 1"]);
        let references = format!(r#"{{"type":"observed-data",{TIMES},"object_refs":["file--1","file--2"]}}"#);
        check(
            &format!(r#"{{"type":"bundle","objects":[{references},{{"type":"file","id":"file--1"}}]}}"#),
            &["file--1"],
        );
        check(&format!(r#"[{references},{{"type":"bundle","objects":[{{"id":"file--2"}}]}}]"#), &["file--2"]);
    }

    #[test]
    fn bad_observations() {
        check("1", &[]);
        check(r#"{"type":"file"}"#, &[]);
        check(
            r#"{"type":"observed-data","id":"x"}"#,
            &["x: neither a dictionary `objects` nor a list `object_refs`"],
        );
        check(r#"[{"objects":{}}]"#, &["/0: no `first_observed`"]);
        check(
            r#"{"objects":[{"objects":{},"first_observed":"2021"}]}"#,
            &["/objects/0: `first_observed` is no timestamp: `2021`"],
        );
        let zero = TIMES.replace(":1,", ":0,");
        let message = "`number_observed` is no integer from 1 to 999999999";
        check(&format!(r#"{{"id":"y",{zero},"objects":{{}}}}"#), &[&format!("y: {message}")]);
    }

    #[test]
    fn what_is_no_observable_is_sorted() {
        assert!(NOT_OBSERVABLE.is_sorted());
    }
}
