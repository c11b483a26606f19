//! One pattern against observations, straight from its tree.
//!
//! This is the meaning of a pattern; the index over many patterns must give exactly the same.

use rustc_hash::FxHashMap;

use super::Pattern;
use super::ast::ComparisonExpression;
use super::combine::{self, Hits};
use super::compare::NoCheck;
use super::observed::Observations;
use super::plan::Plan;
use super::problem::{Fault, Problem, Rule, Severity};
use super::test::{Node, Test, Walk};
use super::truth::Truth;

/// A pattern made ready to be matched.
#[derive(Debug)]
pub struct Matcher {
    tests: Vec<Test>,
    expressions: Vec<Node>,
    plan: Plan,
}

/// The observations that a pattern matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// By number, in order: all that match if the pattern is a single expression, else the first combination found.
    pub observations: Vec<u32>,
}

/// What was found for one expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Observations for which it holds, in order.
    pub(crate) observations: Vec<u32>,
    /// Why it could not be said for some.
    pub(crate) fault: Option<Fault>,
}

impl Matcher {
    /// Makes a pattern ready; an error if one of its constants says nothing, since such a pattern must not match
    /// (STIX 2.1 §9.4).
    pub fn new(pattern: &Pattern) -> Result<Self, Problem> {
        if let Some(problem) = pattern.problems().iter().find(|problem| problem.rule == Rule::Constant) {
            return Err(problem.clone());
        }
        let mut tests = Vec::new();
        let mut expressions = Vec::new();
        let mut known: FxHashMap<String, u32> = FxHashMap::default();
        let plan = Plan::new(pattern.expression(), &mut |expression: &ComparisonExpression| {
            let name = expression.to_string();
            if let Some(number) = known.get(&name) {
                return Ok(*number);
            }
            let node = Node::new(expression, &mut |test| {
                tests.push(Test::new(test)?);
                Ok::<u32, NoCheck>(tests.len() as u32 - 1)
            })?;
            let number = expressions.len() as u32;
            expressions.push(node);
            known.insert(name, number);
            Ok(number)
        });
        let plan = plan.map_err(|fault: NoCheck| unusable(&fault))?;
        Ok(Self { tests, expressions, plan })
    }

    /// Finds observations that the pattern matches.
    pub fn find(&self, observations: &Observations<'_>) -> Result<Option<Match>, Fault> {
        let found: Vec<Found> =
            self.expressions.iter().map(|node| self.observations(node, observations)).collect();
        answer(&self.plan, &Owned(&found), observations, found.iter().find_map(|found| found.fault))
    }

    /// The objects of an observation for which an expression of the pattern holds, by number.
    pub fn objects(&self, observations: &Observations<'_>, observation: u32) -> Vec<usize> {
        let Some(observed) = observations.get(observation as usize) else { return Vec::new() };
        let mut walk = Walk::default();
        let mut holds = |object| {
            self.expressions.iter().any(|node| {
                let mut test = |number: u32| self.tests[number as usize].over(object, observed, &mut walk);
                node.truth(&mut test) == Truth::True
            })
        };
        let objects = observed.objects.iter().enumerate();
        objects.filter(|(_, object)| holds(object)).map(|(number, _)| number).collect()
    }

    fn observations(&self, node: &Node, observations: &Observations<'_>) -> Found {
        let mut found = Found::default();
        let mut walk = Walk::default();
        for (number, observation) in observations.list.iter().enumerate() {
            // "all Comparison Expressions MUST start matching against the same SCO" (§9.5)
            let truth = Truth::any(observation.objects.iter().map(|object| {
                node.truth(&mut |number| self.tests[number as usize].over(object, observation, &mut walk))
            }));
            match truth {
                Truth::False => {}
                Truth::True => found.observations.push(number as u32),
                Truth::Unknown(fault) => found.fault = Some(fault),
            }
        }
        found
    }
}

/// The answer of a plan: what matches, matches, whatever else could not be said.
pub(crate) fn answer(
    plan: &Plan,
    hits: &dyn Hits,
    observations: &Observations<'_>,
    fault: Option<Fault>,
) -> Result<Option<Match>, Fault> {
    let solved = combine::solve(plan, hits, observations);
    match (solved, fault) {
        (Ok(Some(observations)), _) => Ok(Some(Match { observations })),
        (Ok(None), None) => Ok(None),
        (Err(fault), _) | (Ok(None), Some(fault)) => Err(fault),
    }
}

struct Owned<'a>(&'a [Found]);

impl Hits for Owned<'_> {
    fn of(&self, expression: u32) -> &[u32] {
        self.0.get(expression as usize).map_or(&[], |found| &found.observations)
    }
}

/// What the parser did not see and the making found all the same.
pub(crate) fn unusable(fault: &NoCheck) -> Problem {
    Problem {
        column: 1,
        rule: Rule::Constant,
        severity: Severity::Invalid,
        message: fault.to_string(),
        hint: None,
    }
}
