//! One test of a pattern over one object.

use super::ast::{self, ComparisonExpression};
use super::compare::{Check, NoCheck};
use super::json::Json;
use super::observed::{Object, Observation};
use super::resolve::{Places, Route, Value};
use super::truth::Truth;

/// A comparison made ready.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) object_type: Box<str>,
    pub(crate) route: Route,
    pub(crate) negated: bool,
    pub(crate) check: Check,
}

impl Test {
    pub(crate) fn new(test: &ast::Test) -> Result<Self, NoCheck> {
        Ok(Self {
            object_type: test.path.object_type.as_str().into(),
            route: Route::new(&test.path.steps),
            negated: test.negated,
            check: Check::new(test)?,
        })
    }

    /// Whether the test holds for an object. "If any of these evaluations are true, then the result is true"
    /// (STIX 2.1 §9.7.2), and a path that is not there gives false, "regardless of the operators" (§9.6): a negation
    /// is part of the evaluation of each value.
    pub(crate) fn over<'a>(
        &self,
        object: &Object<'a>,
        observation: &Observation<'a>,
        at: &mut Walk<'a>,
    ) -> Truth {
        if *self.object_type != *object.object_type {
            return Truth::False;
        }
        if matches!(self.check, Check::Exists) {
            let exists = self.route.exists(object.json, observation, &mut at.places, &mut at.spare);
            return Truth::from(Ok(exists && !self.negated));
        }
        self.route.follow(object.json, observation, &mut at.places, &mut at.spare);
        Truth::any(at.places.iter().map(|place| self.of(&self.route.value(place))))
    }

    /// Whether the test holds for one value.
    pub(crate) fn of(&self, value: &Value<'_>) -> Truth {
        Truth::from(self.check.holds(value).map(|holds| holds != self.negated))
    }
}

/// Room for following a route, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Walk<'a> {
    pub(crate) places: Places<'a>,
    pub(crate) spare: Vec<&'a Json<'a>>,
}

/// A comparison expression over numbered tests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Test(u32),
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Node {
    /// Makes ready an expression; `number` gives each test its number.
    pub(crate) fn new<E>(
        expression: &ComparisonExpression,
        number: &mut dyn FnMut(&ast::Test) -> Result<u32, E>,
    ) -> Result<Self, E> {
        Ok(match expression {
            ComparisonExpression::Test(test) => Self::Test(number(test)?),
            ComparisonExpression::And(parts) => {
                Self::And(parts.iter().map(|part| Self::new(part, number)).collect::<Result<_, E>>()?)
            }
            ComparisonExpression::Or(parts) => {
                Self::Or(parts.iter().map(|part| Self::new(part, number)).collect::<Result<_, E>>()?)
            }
        })
    }

    /// Whether the expression holds, given its tests.
    pub(crate) fn truth(&self, test: &mut dyn FnMut(u32) -> Truth) -> Truth {
        match self {
            Self::Test(number) => test(*number),
            Self::And(parts) => Truth::all(parts.iter().map(|part| part.truth(test))),
            Self::Or(parts) => Truth::any(parts.iter().map(|part| part.truth(test))),
        }
    }
}
