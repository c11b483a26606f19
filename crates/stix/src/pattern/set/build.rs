//! From texts of patterns to a set.

use rustc_hash::FxHashMap;

use super::paths::{self, Path};
use super::plain::Plain;
use super::{Compiled, PatternSet};
use crate::pattern::Pattern;
use crate::pattern::ast::{Comparison, ComparisonExpression, Constant, ObjectPath, ObservationExpression};
use crate::pattern::compare::{Check, NoCheck};
use crate::pattern::lexer::{Lexer, Token};
use crate::pattern::matcher::unusable;
use crate::pattern::plan::Plan;
use crate::pattern::problem::{Problem, Rule, Severity};
use crate::pattern::resolve::Route;
use crate::pattern::test::{Node, Test};

/// A set to which patterns can be added.
#[derive(Debug, Default)]
pub struct PatternSetBuilder {
    plain: Plain,
    /// Paths as they were written, of plain indicators.
    written: FxHashMap<Box<str>, u32>,
    known_paths: FxHashMap<ObjectPath, u32>,
    paths: Vec<Path>,
    /// The object type of each path.
    types: Vec<Box<str>>,
    known_tests: FxHashMap<String, u32>,
    tests: Vec<Test>,
    /// The path of each test.
    test_paths: Vec<u32>,
    known_expressions: FxHashMap<String, u32>,
    expressions: Vec<Node>,
    patterns: Vec<Compiled>,
    len: u32,
}

impl PatternSetBuilder {
    /// Adds a pattern and gives its number. What [`super::super::Matcher::new`] refuses is refused here too.
    pub fn add(&mut self, text: &str) -> Result<u32, Problem> {
        let number = self.len;
        if let Some((path, value)) = plain(text)
            && let Some(&path) = self.written.get(path)
        {
            if !self.plain.add(path, &value, number) {
                return Err(full());
            }
            self.len += 1;
            return Ok(number);
        }
        let pattern = Pattern::parse(text)?;
        if let Some(problem) = pattern.problems().iter().find(|problem| problem.rule == Rule::Constant) {
            return Err(problem.clone());
        }
        if let Some((path, value)) = self.plain_path(&pattern) {
            if let Some((written, _)) = plain(text) {
                self.written.insert(written.into(), path);
            }
            if !self.plain.add(path, value, number) {
                return Err(full());
            }
        } else {
            let plan = Plan::new(pattern.expression(), &mut |expression| self.expression(expression));
            let plan = plan.map_err(|fault: NoCheck| unusable(&fault))?;
            self.patterns.push(Compiled { number, plan });
        }
        self.len += 1;
        Ok(number)
    }

    /// The path and the value of a pattern that is a plain indicator.
    fn plain_path<'p>(&mut self, pattern: &'p Pattern) -> Option<(u32, &'p str)> {
        let ObservationExpression::Comparison(ComparisonExpression::Test(test)) = pattern.expression() else {
            return None;
        };
        let Comparison::Equal(Constant::Text(value)) = &test.comparison else { return None };
        // Octets are not looked up as text.
        if test.negated || Route::new(&test.path.steps).is_native() {
            return None;
        }
        let path = self.path(&test.path);
        self.paths[path as usize].has_plain = true;
        Some((path, value))
    }

    fn path(&mut self, path: &ObjectPath) -> u32 {
        if let Some(number) = self.known_paths.get(path) {
            return *number;
        }
        let number = self.paths.len() as u32;
        self.paths.push(Path::new(Route::new(&path.steps)));
        self.types.push(path.object_type.as_str().into());
        self.known_paths.insert(path.clone(), number);
        number
    }

    fn expression(&mut self, expression: &ComparisonExpression) -> Result<u32, NoCheck> {
        let name = expression.to_string();
        if let Some(number) = self.known_expressions.get(&name) {
            return Ok(*number);
        }
        let node = Node::new::<NoCheck>(expression, &mut |test| {
            let name = test.to_string();
            if let Some(number) = self.known_tests.get(&name) {
                return Ok(*number);
            }
            let number = self.tests.len() as u32;
            self.tests.push(Test::new(test)?);
            let path = self.path(&test.path);
            self.test_paths.push(path);
            self.known_tests.insert(name, number);
            Ok(number)
        })?;
        let number = self.expressions.len() as u32;
        self.expressions.push(node);
        self.known_expressions.insert(name, number);
        Ok(number)
    }

    /// Chooses the witnesses, and builds what they are found by.
    pub fn build(mut self) -> PatternSet {
        let mut wakes: Vec<Option<Vec<u32>>> = vec![None; self.tests.len()];
        for (number, expression) in self.expressions.iter().enumerate() {
            for test in witness(expression, &self.tests).1 {
                let woken = wakes[test as usize].get_or_insert_default();
                if woken.last() != Some(&(number as u32)) {
                    woken.push(number as u32);
                }
            }
        }
        for (number, test) in self.tests.iter().enumerate().filter(|(number, _)| wakes[*number].is_some()) {
            self.paths[self.test_paths[number] as usize].watch(number as u32, test);
        }
        self.paths.iter_mut().for_each(Path::finish);
        self.plain.finish();
        let mut types: FxHashMap<Box<str>, Vec<u32>> = FxHashMap::default();
        for (number, object_type) in self.types.into_iter().enumerate() {
            types.entry(object_type).or_default().push(number as u32);
        }
        let mut users = vec![Vec::new(); self.expressions.len()];
        for (number, compiled) in self.patterns.iter().enumerate() {
            let mut expressions = Vec::new();
            compiled.plan.expressions(&mut expressions);
            expressions.sort_unstable();
            expressions.dedup();
            for expression in expressions {
                users[expression as usize].push(number as u32);
            }
        }
        PatternSet {
            plain: self.plain,
            tests: self.tests,
            wakes,
            expressions: self.expressions,
            users,
            patterns: self.patterns,
            paths: self.paths,
            types,
            len: self.len,
        }
    }
}

fn full() -> Problem {
    Problem {
        column: 1,
        rule: Rule::Grammar,
        severity: Severity::Invalid,
        message: "the set has no room for more plain indicators".to_owned(),
        hint: None,
    }
}

/// The path as written and the value of a text that looks like a plain indicator. Whether the path is one is for the
/// parser to say.
fn plain(text: &str) -> Option<(&str, std::borrow::Cow<'_, str>)> {
    let mut lexer = Lexer::new(text);
    let (_, Token::Sign("[")) = lexer.next().ok()? else { return None };
    let (start, Token::Name(_)) = lexer.next().ok()? else { return None };
    loop {
        let (at, token) = lexer.next().ok()?;
        match token {
            Token::Sign("=") => {
                let (_, Token::Text(value)) = lexer.next().ok()? else { return None };
                let (_, Token::Sign("]")) = lexer.next().ok()? else { return None };
                let (_, Token::End) = lexer.next().ok()? else { return None };
                return Some((&text[start..at], value));
            }
            Token::Sign(":" | "." | "[" | "]" | "*")
            | Token::Name(_)
            | Token::Text(_)
            | Token::Integer(_) => {}
            _ => return None,
        }
    }
}

/// The cheapest tests of which one must hold for an expression to hold, and what they cost.
fn witness(node: &Node, tests: &[Test]) -> (u64, Vec<u32>) {
    match node {
        Node::Test(number) => {
            let test = &tests[*number as usize];
            // NOT EXISTS never holds, and so waits for nothing.
            if test.negated && matches!(test.check, Check::Exists) {
                return (0, Vec::new());
            }
            (paths::cost(test), vec![*number])
        }
        Node::And(parts) => {
            let witnesses = parts.iter().map(|part| witness(part, tests));
            witnesses.min_by_key(|(cost, _)| *cost).unwrap_or_default()
        }
        Node::Or(parts) => {
            parts.iter().map(|part| witness(part, tests)).fold((0, Vec::new()), |mut sum, part| {
                sum.0 += part.0;
                sum.1.extend(part.1);
                sum
            })
        }
    }
}
