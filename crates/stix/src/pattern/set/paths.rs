//! The witnesses that are looked for among the values of one path.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use rustc_hash::FxHashMap;

use crate::pattern::address::Network;
use crate::pattern::ast::Constant;
use crate::pattern::compare::{Check, address};
use crate::pattern::regexp::nfc;
use crate::pattern::resolve::{Route, Value};
use crate::pattern::test::Test;
use crate::pattern::truth::Truth;

/// A literal shorter than this stands in too many values to tell them apart.
const LITERAL_BYTES_MIN: usize = 2;

/// One path, and the tests over it that are witnesses, by how they are found.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) route: Route,
    /// Whether there are plain indicators for it.
    pub(super) has_plain: bool,
    /// `=` and `IN` with strings. Keyed hashing: the strings are others' choice.
    texts: HashMap<Box<str>, Vec<u32>>,
    integers: FxHashMap<i128, Vec<u32>>,
    /// `ISSUBSET`, by network.
    networks: HashMap<Network, Vec<u32>>,
    /// The prefixes that networks have.
    prefixes: Vec<u8>,
    /// `LIKE` and `MATCHES` that need a literal.
    needles: Vec<(String, u32)>,
    literals: Option<AhoCorasick>,
    /// Tests that every value is held against.
    always: Vec<u32>,
    /// `EXISTS`
    pub(super) exists: Vec<u32>,
}

/// Room for looking at one value after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// By test: the value that it was last held against.
    seen: Vec<u64>,
    value: u64,
}

impl Scratch {
    pub(super) fn new(tests: usize) -> Self {
        Self { seen: vec![0; tests], value: 0 }
    }
}

impl Path {
    pub(super) fn new(route: Route) -> Self {
        Self {
            route,
            has_plain: false,
            texts: HashMap::new(),
            integers: FxHashMap::default(),
            networks: HashMap::new(),
            prefixes: Vec::new(),
            needles: Vec::new(),
            literals: None,
            always: Vec::new(),
            exists: Vec::new(),
        }
    }

    /// Looks for a test from now on.
    pub(super) fn watch(&mut self, number: u32, test: &Test) {
        if let Some(literal) = literal(test) {
            return self.needles.push((literal.to_owned(), number));
        }
        match &test.check {
            Check::Exists => self.exists.push(number),
            _ if test.negated || test.route.is_native() => self.always.push(number),
            Check::Equal(Constant::Text(text)) => {
                self.texts.entry(text.as_str().into()).or_default().push(number);
            }
            Check::Equal(Constant::Integer(integer)) => {
                self.integers.entry(*integer).or_default().push(number);
            }
            Check::In { texts, all } if texts.len() == all.len() => {
                for text in texts {
                    self.texts.entry(text.clone()).or_default().push(number);
                }
            }
            Check::IsSubset(network) => {
                self.networks.entry(*network).or_default().push(number);
                if !self.prefixes.contains(&network.prefix) {
                    self.prefixes.push(network.prefix);
                }
            }
            _ => self.always.push(number),
        }
    }

    /// Builds the pass for all literals. Where that cannot be built, every value is held against their tests.
    pub(super) fn finish(&mut self) {
        if self.needles.is_empty() {
            return;
        }
        match AhoCorasick::new(self.needles.iter().map(|(literal, _)| literal)) {
            Ok(literals) => self.literals = Some(literals),
            Err(_) => self.always.extend(self.needles.iter().map(|(_, test)| *test)),
        }
    }

    /// Calls `met` with each test that this value says something about.
    pub(super) fn witnesses(
        &self,
        value: &Value<'_>,
        tests: &[Test],
        scratch: &mut Scratch,
        met: &mut impl FnMut(u32, Truth),
    ) {
        scratch.value += 1;
        match value {
            Value::Text(text) => self.text(text, value, tests, scratch, met),
            Value::Integer(integer) => self.integer(*integer, met),
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 1e38 => {
                self.integer(*float as i128, met);
            }
            _ => {}
        }
        for &test in &self.always {
            met(test, tests[test as usize].of(value));
        }
    }

    fn text(
        &self,
        text: &str,
        value: &Value<'_>,
        tests: &[Test],
        scratch: &mut Scratch,
        met: &mut impl FnMut(u32, Truth),
    ) {
        if !self.texts.is_empty() {
            self.texts.get(text).into_iter().flatten().for_each(|&test| met(test, Truth::True));
        }
        if !self.networks.is_empty() {
            self.networks(value, met);
        }
        let Some(literals) = &self.literals else { return };
        for hit in literals.find_overlapping_iter(&*nfc(text)) {
            let (_, test) = self.needles[hit.pattern().as_usize()];
            let seen = &mut scratch.seen[test as usize];
            if std::mem::replace(seen, scratch.value) != scratch.value {
                met(test, tests[test as usize].of(value));
            }
        }
    }

    fn integer(&self, integer: i128, met: &mut impl FnMut(u32, Truth)) {
        self.integers.get(&integer).into_iter().flatten().for_each(|&test| met(test, Truth::True));
    }

    fn networks(&self, value: &Value<'_>, met: &mut impl FnMut(u32, Truth)) {
        let Some(inner) = address(value) else { return };
        for &prefix in self.prefixes.iter().filter(|prefix| **prefix <= inner.prefix) {
            let found = self.networks.get(&inner.around(prefix));
            found.into_iter().flatten().for_each(|&test| met(test, Truth::True));
        }
    }
}

/// What a value must have in it for a test to hold.
fn literal(test: &Test) -> Option<&str> {
    let literal = match &test.check {
        Check::Like(like) => like.literal(),
        Check::Matches(regexp) => regexp.literal(),
        _ => None,
    };
    literal.filter(|literal| !test.negated && !test.route.is_native() && literal.len() >= LITERAL_BYTES_MIN)
}

/// How dear it is to look for a test, and to be woken by it in vain.
pub(super) fn cost(test: &Test) -> u64 {
    match &test.check {
        Check::Exists => 200,
        _ if test.negated => 1_000,
        _ if literal(test).is_some_and(|literal| literal.len() > LITERAL_BYTES_MIN) => 4,
        _ if literal(test).is_some() => 10,
        Check::Equal(Constant::Text(_) | Constant::Integer(_)) if !test.route.is_native() => 1,
        Check::In { all, .. } if !test.route.is_native() => 1 + all.len() as u64 / 64,
        Check::IsSubset(_) => 2,
        Check::Equal(_) | Check::Order(..) | Check::IsSuperset(_) | Check::In { .. } => 60,
        Check::Like(_) | Check::Matches(_) => 100,
    }
}
