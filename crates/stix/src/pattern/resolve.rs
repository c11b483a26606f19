//! From an object and a path to values (STIX 2.1 §9.7).

use std::borrow::Cow;

use super::ast::Step;
use super::json::Json;
use super::observed::Observation;
use super::octets;

/// A value in its native format (§9.6.4).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A list, an object, `null`, or a binary value that is not what its name promises: comparable with nothing.
    Other,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(&'a str),
    Octets(Cow<'a, [u8]>),
}

/// How a property's name says its strings are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Native {
    Plain,
    Hex,
    Binary,
}

/// A path made ready to be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    steps: Vec<Turn>,
    native: Native,
}

/// One step of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Turn {
    Key(Box<str>),
    /// A property that refers to one object: the object stands in its place.
    Reference(Box<str>),
    Index(usize),
    All,
    /// An item of a list of references.
    IndexReference(usize),
    AllReferences,
    /// A negative index: leads nowhere.
    Nowhere,
}

/// Where a route has led to so far.
pub(crate) type Places<'a> = Vec<&'a Json<'a>>;

/// From this number of places on, those that were reached twice are left out, so that references that run in circles
/// cannot multiply.
const DEDUPLICATE_PLACES_MIN: usize = 16;

impl Route {
    pub(crate) fn new(steps: &[Step]) -> Self {
        let mut turns = Vec::with_capacity(steps.len());
        let mut references = false;
        for step in steps {
            turns.push(match step {
                Step::Key(key) if key.ends_with("_ref") => Turn::Reference(key.as_str().into()),
                Step::Key(key) => Turn::Key(key.as_str().into()),
                Step::All if references => Turn::AllReferences,
                Step::All => Turn::All,
                Step::Index(index) => match usize::try_from(*index) {
                    Ok(index) if references => Turn::IndexReference(index),
                    Ok(index) => Turn::Index(index),
                    Err(_) => Turn::Nowhere,
                },
            });
            references = matches!(step, Step::Key(key) if key.ends_with("_refs"));
        }
        let last = steps.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            _ => None,
        });
        let native = match last {
            Some(key) if key.ends_with("_hex") => Native::Hex,
            Some(key) if key.ends_with("_bin") => Native::Binary,
            _ => Native::Plain,
        };
        Self { steps: turns, native }
    }

    /// Whether strings at the end of the route stand for octets.
    pub(crate) fn is_native(&self) -> bool {
        self.native != Native::Plain
    }

    /// Fills `places` with all values that the route leads to from an object. None means that the path is not there.
    pub(crate) fn follow<'a>(
        &self,
        object: &'a Json<'a>,
        observation: &Observation<'a>,
        places: &mut Places<'a>,
        spare: &mut Places<'a>,
    ) {
        places.clear();
        places.push(object);
        for turn in &self.steps {
            spare.clear();
            for place in places.iter() {
                turn.take(place, observation, spare);
            }
            std::mem::swap(places, spare);
            if places.len() >= DEDUPLICATE_PLACES_MIN {
                places.sort_unstable_by_key(|place| std::ptr::from_ref(*place));
                places.dedup_by_key(|place| std::ptr::from_ref(*place));
            }
        }
    }

    /// Whether the property at the end of the route is there, whatever it holds: a reference is there even if the
    /// object that it names is not.
    pub(crate) fn exists<'a>(
        &self,
        object: &'a Json<'a>,
        observation: &Observation<'a>,
        places: &mut Places<'a>,
        spare: &mut Places<'a>,
    ) -> bool {
        let Some((last, before)) = self.steps.split_last() else { return false };
        let last = match last {
            Turn::Reference(key) => Turn::Key(key.clone()),
            Turn::IndexReference(index) => Turn::Index(*index),
            Turn::AllReferences => Turn::All,
            other => other.clone(),
        };
        let front = Self { steps: before.to_vec(), native: Native::Plain };
        front.follow(object, observation, places, spare);
        spare.clear();
        for place in places.iter() {
            last.take(place, observation, spare);
        }
        !spare.is_empty()
    }

    /// The value at a place that the route led to.
    pub(crate) fn value<'a>(&self, place: &'a Json<'a>) -> Value<'a> {
        match place {
            Json::Boolean(value) => Value::Boolean(*value),
            Json::Integer(value) => Value::Integer(*value),
            Json::Float(value) => Value::Float(*value),
            Json::Null | Json::List(_) | Json::Object(_) => Value::Other,
            Json::Text(text) => match self.native {
                Native::Plain => Value::Text(text),
                Native::Hex => {
                    octets::from_hex(text).map_or(Value::Other, |octets| Value::Octets(octets.into()))
                }
                Native::Binary => {
                    octets::from_base64(text).map_or(Value::Other, |octets| Value::Octets(octets.into()))
                }
            },
        }
    }
}

impl Turn {
    fn take<'a>(&self, place: &'a Json<'a>, observation: &Observation<'a>, found: &mut Places<'a>) {
        let refer = |json: &'a Json<'a>| json.as_str().and_then(|key| observation.object(key));
        match (self, place) {
            (Self::Key(key), _) => found.extend(place.get(key)),
            (Self::Reference(key), _) => found.extend(place.get(key).and_then(refer)),
            (Self::Index(index), Json::List(items)) => found.extend(items.get(*index)),
            (Self::All, Json::List(items)) => found.extend(items),
            (Self::IndexReference(index), Json::List(items)) => {
                found.extend(items.get(*index).and_then(refer));
            }
            (Self::AllReferences, Json::List(items)) => found.extend(items.iter().filter_map(refer)),
            _ => {}
        }
    }
}
