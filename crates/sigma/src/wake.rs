//! Waking rules by the values of a record.
//!
//! For every slot that has witnesses, one scan of its value finds the literals of all rules, and one look-up finds
//! those that are whole values. Only rules without a witness wake for every record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::compile::Bank;
use crate::matcher::{Atom, Marks, Program, View};
use crate::memory::As;
use crate::rarity;
use crate::record::{Record, is_figure};
use crate::scan::{NEEDLE_BYTES_MIN, Scanner};
use crate::witness::{self, Literal};

/// Which literals wake which rules.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    slots: Vec<(usize, Place)>,
    /// Keywords.
    anywhere: Option<Place>,
    always: Vec<u32>,
}

/// The literals that are sought in one slot, for one class.
#[derive(Debug)]
struct Place {
    search: Arc<Search>,
    /// By number in the search, the number of the rule in the class.
    programs: Box<[u32]>,
}

/// Literals and what they stand for. Forms of one event differ in a field or two, and most of their searches are the
/// same: a search knows rules by a number of its own and is shared.
#[derive(Debug)]
struct Search {
    scanner: Scanner,
    /// By needle of the scanner.
    parts: Vec<Vec<u32>>,
    /// Whole values by hash.
    wholes: FxHashMap<u64, Vec<Whole>>,
    /// A number, a time or an identifier may hold one of the needles.
    in_figures: bool,
}

/// A whole value and the rules that it wakes.
type Whole = (Arc<[u8]>, Vec<u32>);

/// What is sought: a literal, whether it is the whole value, and the number of a rule.
type Sought = (Arc<[u8]>, bool, u32);

/// The searches of all classes, by what is sought.
#[derive(Debug, Default)]
pub(crate) struct Searches(Mutex<FxHashMap<Vec<Sought>, Arc<Search>>>);

impl Searches {
    fn search(&self, sought: Vec<Sought>) -> Arc<Search> {
        let known = |searches: &Self| {
            let searches = searches.0.lock().unwrap_or_else(PoisonError::into_inner);
            searches.get(&sought).map(Arc::clone)
        };
        if let Some(search) = known(self) {
            return search;
        }
        let made = Arc::new(Search::new(&sought));
        let mut searches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(searches.entry(sought).or_insert(made))
    }
}

/// What a witness costs in a value: parts as in a line; a whole value is looked up at once, and how often it hits
/// can only be guessed from its length (`200` and `POST` are common, a path is not).
pub(crate) fn price(literal: &Literal) -> Option<(Literal, f64)> {
    let cost = if literal.whole && literal.slot.is_some() {
        3_000.0 / (literal.bytes.len() as f64 + 1.0)
    } else if literal.bytes.len() >= NEEDLE_BYTES_MIN {
        rarity::cost(&literal.bytes)
    } else {
        return None;
    };
    Some((literal.clone(), cost))
}

impl Wake {
    pub(crate) fn new(bank: &Bank, atoms: &[Atom], programs: &[Program]) -> Self {
        let mut wake = Self::default();
        let of_atom = |atom: usize| bank.witness(atoms[atom].check, atoms[atom].slot);
        let mut by_slot: FxHashMap<Option<usize>, Vec<(Literal, u32)>> = FxHashMap::default();
        for (number, program) in programs.iter().enumerate() {
            match witness::of_node(&program.node, &of_atom) {
                Some(witness) => {
                    for literal in witness.literals {
                        by_slot.entry(literal.slot).or_default().push((literal, number as u32));
                    }
                }
                None => wake.always.push(number as u32),
            }
        }
        for (slot, literals) in by_slot {
            match slot {
                Some(slot) => wake.slots.push((slot, Place::new(literals, bank, programs))),
                None => wake.anywhere = Some(Place::new(literals, bank, programs)),
            }
        }
        wake
    }

    /// Appends the rules that a record wakes, each once, in no order.
    pub(crate) fn wake<R: Record + ?Sized>(
        &self,
        view: &mut View<'_, '_, R>,
        marks: &mut Marks,
        woken: &mut Vec<u32>,
    ) {
        let mut add = |rules: &[u32]| woken.extend(rules.iter().copied().filter(|&rule| marks.insert(rule)));
        add(&self.always);
        for (slot, place) in &self.slots {
            place.wake(*slot, view, &mut add);
        }
        if let Some(place) = &self.anywhere {
            place.wake_anywhere(view, &mut add);
        }
    }
}

impl Search {
    fn new(sought: &[Sought]) -> Self {
        let mut parts: BTreeMap<Arc<[u8]>, Vec<u32>> = BTreeMap::new();
        let mut wholes: FxHashMap<u64, Vec<Whole>> = FxHashMap::default();
        for (bytes, whole, rule) in sought {
            if !whole {
                parts.entry(Arc::clone(bytes)).or_default().push(*rule);
                continue;
            }
            let same_hash = wholes.entry(hash(bytes)).or_default();
            match same_hash.iter_mut().find(|(other, _)| other == bytes) {
                Some((_, rules)) => rules.push(*rule),
                None => same_hash.push((Arc::clone(bytes), vec![*rule])),
            }
        }
        let in_figures = parts.keys().any(|needle| needle.iter().all(|&byte| is_figure(byte)));
        let (needles, parts) = parts.into_iter().unzip();
        Self { scanner: Scanner::new(needles), parts, wholes, in_figures }
    }

    fn find(&self, text: &[u8], add: &mut impl FnMut(&[u32])) {
        self.scanner.scan(text, |needle, _| {
            add(&self.parts[needle]);
            true
        });
        if self.wholes.is_empty() {
            return;
        }
        for (whole, rules) in self.wholes.get(&hash(text)).into_iter().flatten() {
            if whole.eq_ignore_ascii_case(text) {
                add(rules);
            }
        }
    }
}

impl Place {
    fn new(literals: Vec<(Literal, u32)>, bank: &Bank, programs: &[Program]) -> Self {
        // Rules are numbered by their place in the rule set first, which is the same for all classes.
        let sought = |(literal, number): (Literal, u32)| {
            let whole = literal.whole && literal.slot.is_some();
            (literal.bytes, whole, programs[number as usize].rule as u32)
        };
        let mut sought: Vec<Sought> = literals.into_iter().map(sought).collect();
        sought.sort_unstable();
        sought.dedup();
        let mut rules: Vec<u32> = sought.iter().map(|(_, _, rule)| *rule).collect();
        rules.sort_unstable();
        rules.dedup();
        let number_in = |rules: &[u32], rule: u32| rules.binary_search(&rule).unwrap_or_default() as u32;
        for (_, _, rule) in &mut sought {
            *rule = number_in(&rules, *rule);
        }
        let program = |rule: &u32| {
            let found = programs.binary_search_by_key(&(*rule as usize), |program| program.rule);
            found.expect("the rules are those of the programs") as u32
        };
        Self { programs: rules.iter().map(program).collect(), search: bank.searches.search(sought) }
    }

    /// Adds the rules that the value of the slot wakes.
    fn wake<R: Record + ?Sized>(
        &self,
        slot: usize,
        view: &mut View<'_, '_, R>,
        add: &mut impl FnMut(&[u32]),
    ) {
        let Some((memory, entry)) = view.recall(slot) else {
            return self.wake_afresh(slot, view, &mut |rule| add(&[rule]));
        };
        if let Some(woken) = memory.woken(entry, As::Slot) {
            return add(woken);
        }
        let mut woken = Vec::new();
        self.wake_afresh(slot, view, &mut |rule| woken.push(rule));
        woken.sort_unstable();
        woken.dedup();
        add(&woken);
        if let Some((memory, entry)) = view.recall(slot) {
            memory.set_woken(entry, As::Slot, woken);
        }
    }

    /// Adds the rules that texts of the record wake, whichever field they are of.
    fn wake_anywhere<R: Record + ?Sized>(&self, view: &mut View<'_, '_, R>, add: &mut impl FnMut(&[u32])) {
        if view.parts() == 0 {
            view.any_text(&mut |text| {
                self.find(text, &mut |rule| add(&[rule]));
                false
            });
        }
        for part in 0..view.parts() {
            if !self.search.in_figures && view.part_is_figure(part) {
                continue;
            }
            if let Some(woken) =
                view.recall_part(part).and_then(|(memory, entry)| memory.woken(entry, As::Text))
            {
                add(woken);
                continue;
            }
            let mut woken = Vec::new();
            view.any_text_of(part, &mut |text| {
                self.find(text, &mut |rule| woken.push(rule));
                false
            });
            woken.sort_unstable();
            woken.dedup();
            add(&woken);
            if let Some((memory, entry)) = view.recall_part(part) {
                memory.set_woken(entry, As::Text, woken);
            }
        }
    }

    fn wake_afresh<R: Record + ?Sized>(
        &self,
        slot: usize,
        view: &mut View<'_, '_, R>,
        add: &mut impl FnMut(u32),
    ) {
        view.value(slot).any(|text| {
            self.find(text, add);
            false
        });
    }

    fn find(&self, text: &[u8], add: &mut impl FnMut(u32)) {
        self.search.find(text, &mut |rules| {
            for &rule in rules {
                add(self.programs[rule as usize]);
            }
        });
    }
}

/// A hash that does not see case: the length, and at most sixteen bytes from each end.
fn hash(text: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(byte | 0x20)).wrapping_mul(0x0100_0000_01b3);
    let end = text.len().saturating_sub(16).max(16.min(text.len()));
    let start = text[..16.min(text.len())].iter().fold(text.len() as u64, mix);
    text[end..].iter().fold(start, mix)
}
