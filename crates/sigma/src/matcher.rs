//! The rules of one class of record, ready to run.
//!
//! A record wakes a rule only if it has a literal that the rule cannot match without (its witness); of a thousand
//! rules a handful wake. A woken rule is evaluated as it stands; each atom is computed at most once for a record,
//! whichever rules ask. A matcher never changes and is shared between threads; what changes from record to record is
//! in a [`Scratch`], one for each thread, whose memory is used again and again.

use std::sync::Arc;

use crate::check::{Check, Compiled};
use crate::compile::Bank;
use crate::cost::{Clock, Costs};
use crate::memory::Memory;
use crate::prefilter::{Encoding, Prefilter};
use crate::record::{Record, Value};
use crate::wake::Wake;

/// The rules of one class of record.
#[derive(Debug)]
pub struct Matcher {
    pub(crate) bank: Arc<Bank>,
    pub(crate) wanted: Vec<String>,
    pub(crate) atoms: Vec<Atom>,
    pub(crate) programs: Vec<Program>,
    wake: Wake,
}

/// A test on a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Atom {
    /// None: the whole record.
    pub(crate) slot: Option<usize>,
    /// Number of the check in the bank.
    pub(crate) check: usize,
    /// The slot that the check refers to.
    pub(crate) other: Option<usize>,
}

/// What is left of a rule.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) rule: usize,
    pub(crate) node: Node,
}

/// An expression over atoms. Only atoms are negated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Const(bool),
    Atom(usize),
    NotAtom(usize),
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Node {
    /// Joins by or (`any`) or by and; constants disappear.
    pub(crate) fn join(parts: Vec<Self>, any: bool) -> Self {
        if parts.contains(&Self::Const(any)) {
            return Self::Const(any);
        }
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Const(_) => {}
                Self::Or(inner) if any => flat.extend(inner),
                Self::And(inner) if !any => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::Const(!any),
            1 => flat.remove(0),
            _ if any => Self::Or(flat),
            _ => Self::And(flat),
        }
    }

    /// The negation of an atom or a constant.
    pub(crate) fn negated_atom(self) -> Self {
        match self {
            Self::Const(value) => Self::Const(!value),
            Self::Atom(atom) => Self::NotAtom(atom),
            Self::NotAtom(atom) => Self::Atom(atom),
            Self::And(_) | Self::Or(_) => unreachable!("leaves fold to atoms and constants"),
        }
    }

    /// Gives every atom another number.
    pub(crate) fn renumber(&mut self, number: &mut dyn FnMut(usize) -> usize) {
        match self {
            Self::Const(_) => {}
            Self::Atom(atom) | Self::NotAtom(atom) => *atom = number(*atom),
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().for_each(|part| part.renumber(number)),
        }
    }

    /// Orders the parts so that what is cheap may settle the outcome first.
    pub(crate) fn cheapest_first(&mut self, atoms: &[Atom], bank: &Bank) -> u32 {
        match self {
            Self::Const(_) => 0,
            Self::Atom(atom) | Self::NotAtom(atom) => effort(&atoms[*atom], bank),
            Self::And(parts) | Self::Or(parts) => {
                let mut priced: Vec<(u32, Self)> =
                    parts.drain(..).map(|mut part| (part.cheapest_first(atoms, bank), part)).collect();
                priced.sort_by_key(|(price, _)| *price);
                let total = priced.iter().map(|(price, _)| price).sum();
                parts.extend(priced.into_iter().map(|(_, part)| part));
                total
            }
        }
    }
}

/// A rough price of one test.
fn effort(atom: &Atom, bank: &Bank) -> u32 {
    let check = match &bank.checks[atom.check] {
        Check::Exists | Check::Null => 1,
        Check::Text { any, .. } => 2 + any.len().min(20) as u32,
        Check::Compare(..) | Check::Time(..) => 5,
        Check::FieldRef { .. } => 6,
        Check::Cidr(_) => 10,
        Check::Regex(_) => 60,
    };
    if atom.slot.is_some() { check } else { 100 + check }
}

/// The rules that a line or record woke, by their number in one matcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Woken {
    pub(crate) programs: Vec<u32>,
}

impl Woken {
    /// Whether no rule woke.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// How many rules woke.
    pub fn len(&self) -> usize {
        self.programs.len()
    }

    /// Adds the rules of another part of the same record: a record may run over several lines.
    pub fn extend(&mut self, other: &Self) {
        self.programs.extend_from_slice(&other.programs);
        self.programs.sort_unstable();
        self.programs.dedup();
    }
}

/// The memory of one thread, for any number of matchers.
#[derive(Debug, Default)]
pub struct Scratch {
    marks: Marks,
    known: Known,
    woken: Woken,
    values: Vec<Option<Value<'static>>>,
    costs: Option<Costs>,
}

impl Scratch {
    /// Memory that grows with use.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, which also counts what each rule costs.
    pub fn counting(clock: Clock) -> Self {
        Self { costs: Some(Costs::new(clock)), ..Self::default() }
    }

    /// What the rules have cost so far, if it is counted.
    pub fn costs(&self) -> Option<&Costs> {
        self.costs.as_ref()
    }
}

/// A set of small numbers that is emptied by counting up.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    epoch: u32,
    stamps: Vec<u32>,
}

impl Marks {
    /// Empties the set and makes room for numbers below `count`.
    pub(crate) fn clear(&mut self, count: usize) {
        if self.epoch >= u32::MAX / 2 {
            self.epoch = 0;
            self.stamps.fill(0);
        }
        self.epoch += 1;
        if self.stamps.len() < count {
            self.stamps.resize(count, 0);
        }
    }

    /// Adds a number and says whether it is new.
    pub(crate) fn insert(&mut self, number: u32) -> bool {
        std::mem::replace(&mut self.stamps[number as usize], self.epoch) != self.epoch
    }
}

/// Outcomes of atoms for one record, forgotten by counting up.
#[derive(Debug, Default)]
struct Known {
    epoch: u32,
    /// The epoch in which the outcome was found, and the outcome in the lowest bit.
    stamps: Vec<u32>,
}

impl Known {
    fn clear(&mut self, count: usize) {
        if self.epoch >= u32::MAX / 4 {
            self.epoch = 0;
            self.stamps.fill(0);
        }
        self.epoch += 1;
        if self.stamps.len() < count {
            self.stamps.resize(count, 0);
        }
    }

    fn get(&self, atom: usize) -> Option<bool> {
        let stamp = self.stamps[atom];
        (stamp >> 1 == self.epoch).then_some(stamp & 1 == 1)
    }

    fn set(&mut self, atom: usize, outcome: bool) {
        self.stamps[atom] = self.epoch << 1 | u32::from(outcome);
    }
}

impl Matcher {
    pub(crate) fn new(
        bank: Arc<Bank>,
        wanted: Vec<String>,
        atoms: Vec<Atom>,
        programs: Vec<Program>,
    ) -> Self {
        let wake = Wake::new(&bank, &atoms, &programs);
        Self { bank, wanted, atoms, programs, wake }
    }

    /// Whether no rule can match a record of this class.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// How many rules can.
    pub fn len(&self) -> usize {
        self.programs.len()
    }

    /// The rules that can, as indices into `Rules::rules`.
    pub fn rules(&self) -> impl Iterator<Item = usize> {
        self.programs.iter().map(|program| program.rule)
    }

    /// The names of the fields that a record is asked for, in the order of slots: the record's own names where the
    /// class is closed or an alias gives them, else the rules', without spaces (compare with `same_field`).
    pub fn wanted(&self) -> &[String] {
        &self.wanted
    }

    /// Evaluates every rule on `record` and appends those that match, as indices into `Rules::rules`, in order.
    pub fn evaluate<R: Record + ?Sized>(&self, record: &R, scratch: &mut Scratch, hits: &mut Vec<usize>) {
        self.evaluate_all(record, None, scratch, hits);
    }

    fn evaluate_all<R: Record + ?Sized>(
        &self,
        record: &R,
        memory: Option<&mut Memory>,
        scratch: &mut Scratch,
        hits: &mut Vec<usize>,
    ) {
        let mut woken = std::mem::take(&mut scratch.woken);
        woken.programs.clear();
        let values = recycle(std::mem::take(&mut scratch.values));
        let mut view = View::new(record, values, self.wanted.len(), memory);
        scratch.marks.clear(self.programs.len());
        self.wake.wake(&mut view, &mut scratch.marks, &mut woken.programs);
        woken.programs.sort_unstable();
        self.run(&woken, view, scratch, hits);
        scratch.woken = woken;
    }

    /// The same as [`Matcher::evaluate`], with what is remembered of values that this matcher has seen before. A memory
    /// must only ever be used with one matcher.
    pub fn evaluate_remembering<R: Record + ?Sized>(
        &self,
        record: &R,
        memory: &mut Memory,
        scratch: &mut Scratch,
        hits: &mut Vec<usize>,
    ) {
        memory.next_record(self.wanted.len() + record.parts());
        self.evaluate_all(record, Some(memory), scratch, hits);
    }

    /// Evaluates only the rules that were woken for this record.
    pub fn evaluate_woken<R: Record + ?Sized>(
        &self,
        record: &R,
        woken: &Woken,
        scratch: &mut Scratch,
        hits: &mut Vec<usize>,
    ) {
        let values = recycle(std::mem::take(&mut scratch.values));
        self.run(woken, View::new(record, values, self.wanted.len(), None), scratch, hits);
    }

    /// The filter for buffers of whole lines in which records of this class stand.
    pub fn prefilter(&self, encoding: &Encoding<'_>) -> Prefilter {
        Prefilter::new(self, encoding)
    }

    fn run<R: Record + ?Sized>(
        &self,
        woken: &Woken,
        view: View<'_, '_, R>,
        scratch: &mut Scratch,
        hits: &mut Vec<usize>,
    ) {
        scratch.known.clear(self.atoms.len());
        let mut evaluation = Evaluation { matcher: self, view, known: &mut scratch.known };
        for &program in &woken.programs {
            let program = &self.programs[program as usize];
            let matched = match &mut scratch.costs {
                None => evaluation.node(&program.node),
                Some(costs) => costs.count(program.rule, || evaluation.node(&program.node)),
            };
            if matched {
                hits.push(program.rule);
            }
        }
        scratch.values = recycle(evaluation.view.values);
    }
}

/// Empties a vector and changes the lifetime of what it may hold. Collecting in place keeps its memory.
fn recycle<'a>(mut values: Vec<Option<Value<'_>>>) -> Vec<Option<Value<'a>>> {
    values.clear();
    values.into_iter().map(|_| None).collect()
}

/// A record, those of its values that were asked for, and what is remembered of them.
pub(crate) struct View<'r, 'm, R: ?Sized> {
    record: &'r R,
    values: Vec<Option<Value<'r>>>,
    memory: Option<&'m mut Memory>,
}

impl<'r, 'm, R: Record + ?Sized> View<'r, 'm, R> {
    fn new(
        record: &'r R,
        mut values: Vec<Option<Value<'r>>>,
        slots: usize,
        memory: Option<&'m mut Memory>,
    ) -> Self {
        values.resize_with(slots, || None);
        Self { record, values, memory }
    }

    pub(crate) fn value(&mut self, slot: usize) -> &Value<'r> {
        let record = self.record;
        self.values[slot].get_or_insert_with(|| record.value(slot))
    }

    /// What is remembered of the value of a slot, and where; none if it cannot be remembered.
    pub(crate) fn recall(&mut self, slot: usize) -> Option<(&mut Memory, usize)> {
        let record = self.record;
        let memory = self.memory.as_mut()?;
        // A slot that is one part of the record is remembered together with it.
        let place = record.part_of(slot).map_or(slot, |part| self.values.len() + part);
        let entry = memory.entry(place, || record.stored(slot))?;
        Some((memory, entry))
    }

    /// How an atom on one slot ends, by memory or by `test`.
    fn remembered(&mut self, number: usize, slot: usize, test: impl Fn(&Value<'_>) -> bool) -> bool {
        if let Some(outcome) = self.recall(slot).and_then(|(memory, entry)| memory.outcome(entry, number)) {
            return outcome;
        }
        let outcome = test(self.value(slot));
        if let Some((memory, entry)) = self.recall(slot) {
            memory.set_outcome(entry, number, outcome);
        }
        outcome
    }

    pub(crate) fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.record.any_text(test)
    }

    pub(crate) fn parts(&self) -> usize {
        self.record.parts()
    }

    pub(crate) fn part_is_figure(&self, part: usize) -> bool {
        self.record.part_is_figure(part)
    }

    pub(crate) fn any_text_of(&self, part: usize, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.record.any_text_of(part, test)
    }

    /// What is remembered of a part of the record's texts, as [`View::recall`] has it of a slot.
    pub(crate) fn recall_part(&mut self, part: usize) -> Option<(&mut Memory, usize)> {
        let record = self.record;
        let memory = self.memory.as_mut()?;
        let entry = memory.entry(self.values.len() + part, || record.part_stored(part))?;
        Some((memory, entry))
    }

    /// How a keyword ends on the whole record, by memory or by `test`, part for part where it comes in parts.
    fn remembered_anywhere(&mut self, number: usize, test: impl Fn(&[u8]) -> bool) -> bool {
        if self.parts() == 0 {
            return self.any_text(&mut |text| test(text));
        }
        (0..self.parts()).any(|part| {
            if let Some(outcome) =
                self.recall_part(part).and_then(|(memory, entry)| memory.outcome(entry, number))
            {
                return outcome;
            }
            let outcome = self.any_text_of(part, &mut |text| test(text));
            if let Some((memory, entry)) = self.recall_part(part) {
                memory.set_outcome(entry, number, outcome);
            }
            outcome
        })
    }
}

struct Evaluation<'s, 'r, 'm, R: ?Sized> {
    matcher: &'s Matcher,
    view: View<'r, 'm, R>,
    known: &'s mut Known,
}

impl<R: Record + ?Sized> Evaluation<'_, '_, '_, R> {
    fn node(&mut self, node: &Node) -> bool {
        match node {
            Node::Const(value) => *value,
            Node::Atom(atom) => self.atom(*atom),
            Node::NotAtom(atom) => !self.atom(*atom),
            Node::And(parts) => parts.iter().all(|part| self.node(part)),
            Node::Or(parts) => parts.iter().any(|part| self.node(part)),
        }
    }

    fn atom(&mut self, number: usize) -> bool {
        if let Some(outcome) = self.known.get(number) {
            return outcome;
        }
        let outcome = self.compute(number, &self.matcher.atoms[number]);
        self.known.set(number, outcome);
        outcome
    }

    fn compute(&mut self, number: usize, atom: &Atom) -> bool {
        let test = self.matcher.bank.test(atom.check);
        let Some(slot) = atom.slot else {
            return self.view.remembered_anywhere(number, |text| test.matches(text));
        };
        match test {
            Compiled::Exists => !self.view.value(slot).is_absent(),
            Compiled::Null => self.view.value(slot).is_null(),
            Compiled::FieldRef { how, cased } => {
                let (how, cased) = (*how, *cased);
                let value = self.view.value(slot).clone();
                let other = atom.other.map(|other| self.view.value(other));
                other.is_some_and(|other| value.any(|a| other.any(|b| how.holds(a, b, cased))))
            }
            _ => self.view.remembered(number, slot, |value| value.any(|text| test.matches(text))),
        }
    }
}
