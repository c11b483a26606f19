//! The rule set as a whole, and its specialisation for one class of record.
//!
//! Most rules say nothing about most records, and for a given class that is known before the first record is read:
//! its log source, its constant values and its columns decide most tests. So tests are interned once for the whole
//! set, and for each class the expressions are folded over what the class fixes. What is left is small.

mod fold;

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::check::{Check, Compiled};
use crate::expr::{Expr, Test};
use crate::filter::{self, Filter};
use crate::mapping::LogSources;
use crate::matcher::Matcher;
use crate::pattern::Pattern;
use crate::rule::{Rule, field_key};
use crate::wake::{self, Searches};
use crate::witness::{self, Witness};

/// All rules, with the mapping that says where they apply.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    sources: LogSources,
    bank: Arc<Bank>,
    /// By rule.
    trees: Vec<Tree>,
    /// By entry of the mapping: what a record must satisfy for the entry to apply …
    whens: Vec<Tree>,
    /// … and which rules it serves.
    served: Vec<Vec<usize>>,
}

/// A class of record: what is known of each of its records without reading one.
#[derive(Clone, Copy, Debug)]
pub struct ClassKey<'a> {
    /// The class's name in the mapping.
    pub class: &'a str,
    /// Fields that have the same value in every record of the class.
    pub constants: &'a [(&'a str, &'a str)],
    /// Which other fields there can be.
    pub fields: Fields<'a>,
}

/// The fields that records of a class can have.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'a> {
    /// Only these: the columns of a header and what is derived from them.
    Closed(&'a [&'a str]),
    /// Any.
    Open,
}

/// Every distinct test of the rule set, once.
#[derive(Debug, Default)]
pub(crate) struct Bank {
    pub(crate) checks: Vec<Check>,
    /// Made ready when the first class of record needs it: a host has few of the log sources that rules know.
    compiled: Vec<OnceLock<Compiled>>,
    /// By check, its witness in the value of a slot (of slot 0), once it is known.
    witnesses: Vec<OnceLock<Option<Witness>>>,
    /// Searches that several classes share.
    pub(crate) searches: Searches,
    /// Field names as rules spell them, without spaces.
    pub(crate) fields: Vec<String>,
    pub(crate) leaves: Vec<Leaf>,
}

/// A test on a field, by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    /// None: the whole record.
    pub(crate) field: Option<usize>,
    pub(crate) check: usize,
    /// The field that the check refers to.
    pub(crate) other: Option<usize>,
}

/// An expression over leaves of the bank.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Leaf(usize),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

impl Bank {
    /// A check, made ready.
    pub(crate) fn test(&self, check: usize) -> &Compiled {
        self.compiled[check].get_or_init(|| self.checks[check].compile())
    }

    /// What wakes a rule that a check on a slot must hold for.
    pub(crate) fn witness(&self, check: usize, slot: Option<usize>) -> Option<Witness> {
        let of = |slot| witness::of_check(&self.checks[check], slot, &wake::price);
        let Some(slot) = slot else { return of(None) };
        self.witnesses[check].get_or_init(|| of(Some(0))).as_ref().map(|witness| witness.in_slot(slot))
    }
}

impl Rules {
    /// The rules under a mapping.
    pub fn new(rules: Vec<Rule>, sources: LogSources) -> Self {
        Self::with_filters(rules, &[], sources)
    }

    /// The same, narrowed by filters first.
    pub fn with_filters(mut rules: Vec<Rule>, filters: &[Filter], sources: LogSources) -> Self {
        filter::apply(&mut rules, filters);
        let mut interner = Interner::default();
        let trees = rules.iter().map(|rule| interner.tree(&rule.detection.expr)).collect();
        let whens = sources.entries.iter().map(|entry| interner.tree(&when(&entry.when))).collect();
        let serves = |entry: &crate::mapping::Entry| {
            (0..rules.len()).filter(|&rule| entry.logsource.serves(&rules[rule].logsource)).collect()
        };
        let served = sources.entries.iter().map(serves).collect();
        Self { bank: Arc::new(interner.bank), trees, whens, served, rules, sources }
    }

    /// The rules; a hit is an index into this.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The mapping.
    pub fn sources(&self) -> &LogSources {
        &self.sources
    }

    /// Rules whose log source no class serves: they can never match, and a hunt says so.
    pub fn unmapped(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| self.sources.why_unserved(&rule.logsource).is_some())
    }

    /// The matcher for a class of record.
    pub fn matcher(&self, class: &ClassKey<'_>) -> Matcher {
        fold::Folder::new(self, class).matcher()
    }
}

/// The `when` of an entry as an expression.
fn when(fields: &[(String, Vec<String>)]) -> Expr {
    let test = |(field, values): &(String, Vec<String>)| {
        let any = values.iter().map(|value| Pattern::literal(value)).collect();
        Expr::Test(Test { field: Some(field.clone()), check: Check::Text { any, cased: false } })
    };
    Expr::And(fields.iter().map(test).collect())
}

#[derive(Default)]
struct Interner {
    bank: Bank,
    checks: FxHashMap<Check, usize>,
    fields: FxHashMap<String, usize>,
    leaves: FxHashMap<(Option<usize>, usize), usize>,
}

impl Interner {
    fn tree(&mut self, expr: &Expr) -> Tree {
        match expr {
            Expr::Test(test) => Tree::Leaf(self.leaf(test)),
            Expr::Not(inner) => Tree::Not(Box::new(self.tree(inner))),
            Expr::And(parts) => Tree::And(parts.iter().map(|part| self.tree(part)).collect()),
            Expr::Or(parts) => Tree::Or(parts.iter().map(|part| self.tree(part)).collect()),
        }
    }

    fn leaf(&mut self, test: &Test) -> usize {
        let field = test.field.as_deref().map(|name| self.field(name));
        let other = match &test.check {
            Check::FieldRef { field, .. } => Some(self.field(field)),
            _ => None,
        };
        let check = self.check(&test.check);
        *self.leaves.entry((field, check)).or_insert_with(|| {
            self.bank.leaves.push(Leaf { field, check, other });
            self.bank.leaves.len() - 1
        })
    }

    fn field(&mut self, name: &str) -> usize {
        *self.fields.entry(field_key(name)).or_insert_with_key(|key| {
            self.bank.fields.push(key.clone());
            self.bank.fields.len() - 1
        })
    }

    fn check(&mut self, check: &Check) -> usize {
        if let Some(&number) = self.checks.get(check) {
            return number;
        }
        let number = self.bank.checks.len();
        self.bank.compiled.push(OnceLock::new());
        self.bank.witnesses.push(OnceLock::new());
        self.bank.checks.push(check.clone());
        self.checks.insert(check.clone(), number);
        number
    }
}
