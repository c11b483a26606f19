//! Whether an object is what the standard says (STIX 2.1 with errata 01): every MUST and the SHOULDs that can be told
//! from the object alone, each with its clause and its place.
//!
//! One pass over the tree. What the types are stands in the schema; here stands how a schema is held against a tree.

mod custom;
mod extension;
mod form;
mod object;
mod rule;
mod value;

use crate::json::pointer::{self, Step};
use crate::json::{self, Node};
use crate::problem::{Problem, Severity};
use crate::schema::{STIX_21, Schema};

/// Checks the bytes of one object.
pub fn check(bytes: &[u8]) -> Vec<Problem> {
    match json::parse(bytes) {
        Ok((node, mut problems)) => {
            problems.extend(check_node(&node));
            problems
        }
        Err(problem) => vec![*problem],
    }
}

/// Checks one object that has been read.
pub fn check_node(node: &Node<'_>) -> Vec<Problem> {
    let mut checker = Checker::new(node);
    checker.object(node);
    checker.problems
}

/// Checks a bundle without its objects, of which there are so many (§8).
pub fn check_bundle(node: &Node<'_>, objects: u64) -> Vec<Problem> {
    let mut checker = Checker::new(node);
    match STIX_21.object("bundle").filter(|_| node.text("type") == Some("bundle")) {
        Some(own) => checker.known(node, own),
        None => checker.error(node, "§8.1", "the type of a bundle is bundle"),
    }
    if let Some(list) = node.get("objects") {
        checker.at(Step::Name("objects"), |on| match list.items() {
            None => on.error(list, "§8.1", format!("{} stands where a list is expected", list.kind())),
            Some(_) if objects == 0 => on.error(list, "§2.12", "a list must not be empty"),
            Some(_) => {}
        });
    }
    checker.problems
}

/// Problems told of one object; what has more is told enough of.
const PROBLEMS_LIMIT: usize = 1000;

/// The work on one object.
struct Checker<'n> {
    schema: &'static Schema,
    root: &'n Node<'n>,
    /// The way from the root to where the work is.
    steps: Vec<Step<'n>>,
    /// The observable container in which the work is, if it is in one (§2.13).
    container: Option<&'n Node<'n>>,
    problems: Vec<Problem>,
}

impl<'n> Checker<'n> {
    fn new(root: &'n Node<'n>) -> Self {
        Self { schema: &STIX_21, root, steps: Vec::new(), container: None, problems: Vec::new() }
    }

    /// A MUST that is broken at a node.
    fn error(&mut self, node: &Node<'_>, clause: &str, what: impl Into<String>) {
        self.report(Severity::Error, node, clause, what.into());
    }

    /// A SHOULD that is broken at a node.
    fn warning(&mut self, node: &Node<'_>, clause: &str, what: impl Into<String>) {
        self.report(Severity::Warning, node, clause, what.into());
    }

    fn report(&mut self, severity: Severity, node: &Node<'_>, clause: &str, what: String) {
        if self.problems.len() < PROBLEMS_LIMIT {
            let pointer = pointer::write(&self.steps);
            let clause =
                if clause.starts_with('§') { format!("STIX 2.1 {clause}") } else { clause.to_owned() };
            self.problems.push(Problem { severity, pointer, offset: node.start as u64, clause, what });
        }
    }

    /// Does some work one step further down.
    fn at(&mut self, step: Step<'n>, work: impl FnOnce(&mut Self)) {
        self.steps.push(step);
        work(self);
        self.steps.pop();
    }
}
