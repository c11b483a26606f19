//! Many patterns compiled together: the cost follows the observations, not the patterns.
//!
//! Plain indicators, `[path = 'text']`, stand in one table of values. Of every other expression the cheapest tests of
//! which one must hold are its *witness*; only those are looked for, by tables of values and networks and by one pass
//! for all literals, and only the expressions whose witness was met are evaluated, each test at most once an object.

mod build;
mod paths;
mod plain;

pub use build::PatternSetBuilder;

use rustc_hash::FxHashMap;

use super::combine::Hits;
use super::json::Json;
use super::matcher::{Found, answer};
use super::observed::{Object, Observation, Observations};
use super::plan::Plan;
use super::problem::Fault;
use super::test::{Node, Test, Walk};
use super::truth::Truth;
use paths::Path;
use plain::Plain;

/// Patterns compiled together.
#[derive(Debug)]
pub struct PatternSet {
    plain: Plain,
    tests: Vec<Test>,
    /// By test: the expressions that it wakes; `None` if it is no witness and evaluated only when asked for.
    wakes: Vec<Option<Vec<u32>>>,
    expressions: Vec<Node>,
    /// By expression: the patterns, as places in `patterns`, that have it.
    users: Vec<Vec<u32>>,
    patterns: Vec<Compiled>,
    paths: Vec<Path>,
    /// By object type: places in `paths`.
    types: FxHashMap<Box<str>, Vec<u32>>,
    len: u32,
}

#[derive(Debug)]
struct Compiled {
    /// Its number in the set.
    number: u32,
    plan: Plan,
}

/// A pattern of a set that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMatch {
    /// The pattern's number, counted from 0 in the order of adding.
    pub pattern: u32,
    /// Observations by number, as in [`super::Match`].
    pub observations: Vec<u32>,
}

/// What a set found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetMatches {
    /// In the order of the patterns.
    pub matches: Vec<SetMatch>,
    /// Patterns for which it could not be said.
    pub faults: Vec<(u32, Fault)>,
}

impl PatternSet {
    /// A set to which patterns can be added.
    pub fn builder() -> PatternSetBuilder {
        PatternSetBuilder::default()
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Finds the patterns that observations match: exactly those that each pattern's own matcher finds.
    pub fn find(&self, observations: &Observations<'_>) -> SetMatches {
        let mut pass = Pass::new(self);
        for (number, observation) in observations.list.iter().enumerate() {
            for object in &observation.objects {
                pass.object(number as u32, object, observation);
            }
        }
        let mut found = pass.answers(observations);
        found.matches.extend(by_pattern(pass.plain));
        found.matches.sort_unstable_by_key(|found| found.pattern);
        found.faults.sort_unstable_by_key(|(pattern, _)| *pattern);
        found
    }
}

/// Hits of plain indicators, put together by pattern.
fn by_pattern(mut hits: Vec<(u32, u32)>) -> Vec<SetMatch> {
    hits.sort_unstable();
    hits.dedup();
    let groups = hits.chunk_by(|(one, _), (other, _)| one == other);
    let group = |hits: &[(u32, u32)]| SetMatch {
        pattern: hits[0].0,
        observations: hits.iter().map(|(_, observation)| *observation).collect(),
    };
    groups.map(group).collect()
}

/// One way over all observations.
struct Pass<'s, 'a> {
    set: &'s PatternSet,
    /// Numbers the objects, so that what is known of a test ends with its object.
    object: u32,
    /// By test: the object for which it is known, and what is known.
    known: Vec<(u32, Truth)>,
    /// By expression: the object that last woke it.
    woken_at: Vec<u32>,
    woken: Vec<u32>,
    /// By expression.
    found: Vec<Found>,
    /// Pattern and observation.
    plain: Vec<(u32, u32)>,
    walk: Walk<'a>,
    places: Vec<&'a Json<'a>>,
    scratch: paths::Scratch,
}

impl<'s, 'a> Pass<'s, 'a> {
    fn new(set: &'s PatternSet) -> Self {
        Self {
            set,
            object: 0,
            known: vec![(0, Truth::False); set.tests.len()],
            woken_at: vec![0; set.expressions.len()],
            woken: Vec::new(),
            found: vec![Found::default(); set.expressions.len()],
            plain: Vec::new(),
            walk: Walk::default(),
            places: Vec::new(),
            scratch: paths::Scratch::new(set.tests.len()),
        }
    }

    fn object(&mut self, number: u32, object: &Object<'a>, observation: &Observation<'a>) {
        let Some(paths) = self.set.types.get(object.object_type) else { return };
        self.object += 1;
        self.woken.clear();
        for &path in paths {
            self.path(path, number, object, observation);
        }
        let mut woken = std::mem::take(&mut self.woken);
        for expression in woken.drain(..) {
            self.evaluate(expression, number, object, observation);
        }
        self.woken = woken;
    }

    /// Looks for witnesses among the values of one path.
    fn path(&mut self, number: u32, observed: u32, object: &Object<'a>, observation: &Observation<'a>) {
        let set = self.set;
        let path = &set.paths[number as usize];
        let mut places = std::mem::take(&mut self.places);
        path.route.follow(object.json, observation, &mut places, &mut self.walk.spare);
        for place in &places {
            let value = path.route.value(place);
            if path.has_plain {
                set.plain.find(number, &value, |pattern| self.plain.push((pattern, observed)));
            }
            let mut scratch = std::mem::take(&mut self.scratch);
            path.witnesses(&value, &set.tests, &mut scratch, &mut |test, truth| self.met(test, truth));
            self.scratch = scratch;
        }
        self.places = places;
        for &test in &path.exists {
            let truth = set.tests[test as usize].over(object, observation, &mut self.walk);
            self.met(test, truth);
        }
    }

    /// Notes what a value says about a witness.
    fn met(&mut self, test: u32, truth: Truth) {
        if truth == Truth::False {
            return;
        }
        let known = &mut self.known[test as usize];
        let before = if known.0 == self.object { known.1 } else { Truth::False };
        *known = (self.object, Truth::any([before, truth]));
        for &expression in self.set.wakes[test as usize].iter().flatten() {
            let at = &mut self.woken_at[expression as usize];
            if *at != self.object {
                *at = self.object;
                self.woken.push(expression);
            }
        }
    }

    fn evaluate(&mut self, expression: u32, number: u32, object: &Object<'a>, observation: &Observation<'a>) {
        let found = &mut self.found[expression as usize];
        if found.observations.last() == Some(&number) {
            return;
        }
        let (set, at) = (self.set, self.object);
        let (known, walk) = (&mut self.known, &mut self.walk);
        let truth = set.expressions[expression as usize].truth(&mut |test| {
            let test = test as usize;
            if known[test].0 != at {
                // Of a witness everything is known already.
                let truth = match set.wakes[test] {
                    Some(_) => Truth::False,
                    None => set.tests[test].over(object, observation, walk),
                };
                known[test] = (at, truth);
            }
            known[test].1
        });
        match truth {
            Truth::False => {}
            Truth::True => found.observations.push(number),
            Truth::Unknown(fault) => found.fault = Some(fault),
        }
    }

    /// The answers of all patterns of whose expressions one was found.
    fn answers(&self, observations: &Observations<'_>) -> SetMatches {
        let touched = self.found.iter().enumerate().filter(|(_, found)| **found != Found::default());
        let mut users: Vec<u32> =
            touched.flat_map(|(expression, _)| &self.set.users[expression]).copied().collect();
        users.sort_unstable();
        users.dedup();
        let mut answers = SetMatches::default();
        for user in users {
            let Compiled { number, plan } = &self.set.patterns[user as usize];
            let mut expressions = Vec::new();
            plan.expressions(&mut expressions);
            let fault = expressions.iter().find_map(|expression| self.found[*expression as usize].fault);
            match answer(plan, self, observations, fault) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    answers.matches.push(SetMatch { pattern: *number, observations: found.observations });
                }
                Err(fault) => answers.faults.push((*number, fault)),
            }
        }
        answers
    }
}

impl Hits for Pass<'_, '_> {
    fn of(&self, expression: u32) -> &[u32] {
        self.found.get(expression as usize).map_or(&[], |found| &found.observations)
    }
}
