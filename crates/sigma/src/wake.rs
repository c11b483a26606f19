//! Waking rules by the values of a record.
//!
//! For every slot that has witnesses, one scan of its value finds the literals of all rules, and one look-up finds
//! those that are whole values. Only rules without a witness wake for every record.

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
    slots: Vec<Place>,
    /// Keywords.
    anywhere: Option<Place>,
    always: Vec<u32>,
}

/// The literals that are sought in one slot.
#[derive(Debug)]
struct Place {
    slot: usize,
    scanner: Scanner,
    /// By needle of the scanner.
    parts: Vec<Vec<u32>>,
    /// Whole values by hash.
    wholes: FxHashMap<u64, Vec<Whole>>,
    /// A number, a time or an identifier may hold one of the needles.
    in_figures: bool,
}

/// A whole value and the rules that it wakes.
type Whole = (Box<[u8]>, Vec<u32>);

/// What a witness costs in a value: parts as in a line; a whole value is looked up at once, and how often it hits
/// can only be guessed from its length (`200` and `POST` are common, a path is not).
fn price(literal: &Literal) -> Option<(Literal, f64)> {
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
        let mut by_slot: FxHashMap<Option<usize>, Vec<(Literal, u32)>> = FxHashMap::default();
        for (number, program) in programs.iter().enumerate() {
            match witness::of_node(&program.node, atoms, bank, &price) {
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
                Some(slot) => wake.slots.push(Place::new(slot, literals)),
                None => wake.anywhere = Some(Place::new(0, literals)),
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
        for place in &self.slots {
            place.wake(view, &mut add);
        }
        if let Some(place) = &self.anywhere {
            place.wake_anywhere(view, &mut add);
        }
    }
}

impl Place {
    fn new(slot: usize, literals: Vec<(Literal, u32)>) -> Self {
        let mut parts: FxHashMap<Box<[u8]>, Vec<u32>> = FxHashMap::default();
        let mut wholes: FxHashMap<u64, Vec<Whole>> = FxHashMap::default();
        for (literal, rule) in literals {
            let bytes = literal.bytes.into_boxed_slice();
            if !literal.whole || literal.slot.is_none() {
                parts.entry(bytes).or_default().push(rule);
                continue;
            }
            let same_hash = wholes.entry(hash(&bytes)).or_default();
            match same_hash.iter_mut().find(|(other, _)| *other == bytes) {
                Some((_, rules)) => rules.push(rule),
                None => same_hash.push((bytes, vec![rule])),
            }
        }
        let mut parts: Vec<(Box<[u8]>, Vec<u32>)> = parts.into_iter().collect();
        parts.sort_unstable();
        let in_figures = parts.iter().any(|(needle, _)| needle.iter().all(|&byte| is_figure(byte)));
        let (needles, parts) = parts.into_iter().unzip();
        Self { slot, scanner: Scanner::new(needles), parts, wholes, in_figures }
    }

    /// Adds the rules that the value of the slot wakes.
    fn wake<R: Record + ?Sized>(&self, view: &mut View<'_, '_, R>, add: &mut impl FnMut(&[u32])) {
        let Some((memory, entry)) = view.recall(self.slot) else { return self.wake_afresh(view, add) };
        if let Some(woken) = memory.woken(entry, As::Slot) {
            return add(woken);
        }
        let mut woken = Vec::new();
        self.wake_afresh(view, &mut |rules| woken.extend_from_slice(rules));
        woken.sort_unstable();
        woken.dedup();
        add(&woken);
        if let Some((memory, entry)) = view.recall(self.slot) {
            memory.set_woken(entry, As::Slot, woken);
        }
    }

    /// Adds the rules that texts of the record wake, whichever field they are of.
    fn wake_anywhere<R: Record + ?Sized>(&self, view: &mut View<'_, '_, R>, add: &mut impl FnMut(&[u32])) {
        if view.parts() == 0 {
            view.any_text(&mut |text| {
                self.find(text, add);
                false
            });
        }
        for part in 0..view.parts() {
            if view.part(part).is_figure && !self.in_figures {
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
                self.find(text, &mut |rules| woken.extend_from_slice(rules));
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

    fn wake_afresh<R: Record + ?Sized>(&self, view: &mut View<'_, '_, R>, add: &mut impl FnMut(&[u32])) {
        view.value(self.slot).any(|text| {
            self.find(text, add);
            false
        });
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

/// A hash that does not see case: the length, and at most sixteen bytes from each end.
fn hash(text: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(byte | 0x20)).wrapping_mul(0x0100_0000_01b3);
    let end = text.len().saturating_sub(16).max(16.min(text.len()));
    let start = text[..16.min(text.len())].iter().fold(text.len() as u64, mix);
    text[end..].iter().fold(start, mix)
}
