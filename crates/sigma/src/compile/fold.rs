//! Folding the rules over what a class of record fixes.
//!
//! A test on a constant field is decided now; so is a test on a field that no record of the class has. What remains
//! are atoms, a test on a slot of the record, shared between all rules that ask the same. Negations are pushed down
//! to the atoms on the way, so that necessary literals behind a double negation are found.

use rustc_hash::FxHashMap;

use super::{Bank, ClassKey, Fields, Leaf, Rules, Tree};
use crate::check::{Check, Compiled};
use crate::mapping::Entry;
use crate::matcher::{Atom, Matcher, Node, Program};
use crate::rule::field_key;

/// A field name, resolved for the class.
#[derive(Clone, Copy)]
enum Resolved<'a> {
    Constant(&'a str),
    Slot(usize),
    Absent,
}

pub(super) struct Folder<'a> {
    rules: &'a Rules,
    bank: &'a Bank,
    class: &'a ClassKey<'a>,
    /// The record's own spelling.
    closed: Option<ByName<'a>>,
    constants: ByName<'a>,
    slots: FxHashMap<String, usize>,
    wanted: Vec<String>,
    atoms: Vec<Atom>,
    atom_numbers: FxHashMap<Atom, usize>,
}

/// Entries that rename fields in the same way, so that a leaf means the same under all of them.
struct Naming<'a> {
    aliases: ByName<'a>,
    /// By field.
    resolved: Vec<Option<Resolved<'a>>>,
    /// By leaf, what became of it: tens of thousands, most of them never looked at for a class.
    leaves: Vec<Option<Became>>,
}

/// What became of a leaf, in eight bytes.
#[derive(Clone, Copy)]
enum Became {
    Const(bool),
    Atom(u32),
}

/// Texts by the name of a field, without its spaces: by its very spelling, else whatever the case.
struct ByName<'a> {
    exact: FxHashMap<String, &'a str>,
    folded: FxHashMap<String, &'a str>,
}

impl<'a> ByName<'a> {
    fn new(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut exact, mut folded) = (FxHashMap::default(), FxHashMap::default());
        for (name, text) in texts {
            let key = field_key(name);
            folded.entry(key.to_ascii_lowercase()).or_insert(text);
            exact.entry(key).or_insert(text);
        }
        Self { exact, folded }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let key = field_key(name);
        self.exact.get(&key).or_else(|| self.folded.get(&key.to_ascii_lowercase())).copied()
    }
}

impl<'a> Folder<'a> {
    pub(super) fn new(rules: &'a Rules, class: &'a ClassKey<'a>) -> Self {
        let closed = match class.fields {
            Fields::Closed(names) => Some(ByName::new(names.iter().map(|&name| (name, name)))),
            Fields::Open => None,
        };
        Self {
            rules,
            bank: &rules.bank,
            class,
            closed,
            constants: ByName::new(class.constants.iter().copied()),
            slots: FxHashMap::default(),
            wanted: Vec::new(),
            atoms: Vec::new(),
            atom_numbers: FxHashMap::default(),
        }
    }

    pub(super) fn matcher(mut self) -> Matcher {
        let mut namings: Vec<(&'a [(String, String)], Naming<'a>)> = Vec::new();
        // By rule and naming: the conditions of the entries by which the rule applies. Their disjunction comes
        // first, so that an entry without a condition takes in all the others.
        let mut whens: FxHashMap<(usize, usize), Vec<Node>> = FxHashMap::default();
        for (number, entry) in self.rules.sources.entries.iter().enumerate() {
            if entry.class != self.class.class {
                continue;
            }
            let at = naming_of(&mut namings, entry, self.bank);
            let when = self.fold(&self.rules.whens[number], false, &mut namings[at].1);
            if when != Node::Const(false) {
                let served = self.rules.served[number].iter();
                served.for_each(|&rule| whens.entry((rule, at)).or_default().push(when.clone()));
            }
        }
        let mut found: FxHashMap<usize, Vec<Node>> = FxHashMap::default();
        for ((rule, at), whens) in whens {
            let own = self.fold(&self.rules.trees[rule], false, &mut namings[at].1);
            let when = Node::join(whens, true);
            found.entry(rule).or_default().push(Node::join(vec![when, own], false));
        }
        self.finish(found)
    }

    fn finish(self, found: FxHashMap<usize, Vec<Node>>) -> Matcher {
        let mut programs: Vec<Program> = found
            .into_iter()
            .map(|(rule, ways)| Program { rule, node: Node::join(distinct(ways), true) })
            .filter(|program| program.node != Node::Const(false))
            .collect();
        programs.sort_unstable_by_key(|program| program.rule);
        let (wanted, atoms) = self.keep_used(&mut programs);
        for program in &mut programs {
            program.node.cheapest_first(&atoms, &self.rules.bank);
        }
        Matcher::new(self.rules.bank.clone(), wanted, atoms, programs)
    }

    /// Much that was looked at on the way was decided; a record is asked only for what is left. Returns the slots
    /// and atoms that the programs still use, and numbers the programs' atoms anew.
    fn keep_used(&self, programs: &mut [Program]) -> (Vec<String>, Vec<Atom>) {
        let (mut wanted, mut atoms) = (Vec::new(), Vec::new());
        let mut new_atoms: Vec<Option<usize>> = vec![None; self.atoms.len()];
        let mut new_slots: Vec<Option<usize>> = vec![None; self.wanted.len()];
        let mut slot_of = |slot: usize| {
            *new_slots[slot].get_or_insert_with(|| {
                wanted.push(self.wanted[slot].clone());
                wanted.len() - 1
            })
        };
        for program in programs {
            program.node.renumber(&mut |atom| {
                *new_atoms[atom].get_or_insert_with(|| {
                    let Atom { slot, check, other } = self.atoms[atom];
                    atoms.push(Atom { slot: slot.map(&mut slot_of), check, other: other.map(&mut slot_of) });
                    atoms.len() - 1
                })
            });
        }
        (wanted, atoms)
    }

    /// Folds a tree, or its negation.
    fn fold(&mut self, tree: &Tree, negated: bool, naming: &mut Naming<'a>) -> Node {
        match tree {
            Tree::Leaf(leaf) => {
                let node = self.leaf(*leaf, naming);
                if negated { node.negated_atom() } else { node }
            }
            Tree::Not(inner) => self.fold(inner, !negated, naming),
            Tree::And(parts) => self.join(parts, negated, negated, naming),
            Tree::Or(parts) => self.join(parts, negated, !negated, naming),
        }
    }

    /// Joins by or (`any`) or by and, and stops where the outcome is settled.
    fn join(&mut self, parts: &[Tree], negated: bool, any: bool, naming: &mut Naming<'a>) -> Node {
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            let node = self.fold(part, negated, naming);
            if node == Node::Const(any) {
                return node;
            }
            nodes.push(node);
        }
        Node::join(nodes, any)
    }

    fn leaf(&mut self, number: usize, naming: &mut Naming<'a>) -> Node {
        let became = naming.leaves[number].unwrap_or_else(|| {
            let leaf = self.bank.leaves[number];
            self.resolve_leaf(&leaf, naming)
        });
        naming.leaves[number] = Some(became);
        match became {
            Became::Atom(atom) => Node::Atom(atom as usize),
            Became::Const(holds) => Node::Const(holds),
        }
    }

    fn resolve_leaf(&mut self, leaf: &Leaf, naming: &mut Naming<'a>) -> Became {
        let check = &self.bank.checks[leaf.check];
        let Some(field) = leaf.field else { return self.atom(None, leaf.check, None) };
        if let (Check::FieldRef { .. }, Some(other)) = (check, leaf.other) {
            return self.reference(field, leaf.check, other, naming);
        }
        match self.resolved(field, naming) {
            Resolved::Constant(value) => Became::Const(constant(self.bank.test(leaf.check), value)),
            Resolved::Absent => Became::Const(check.of_absent()),
            Resolved::Slot(slot) => self.atom(Some(slot), leaf.check, None),
        }
    }

    /// A reference between two fields is left to the record even where one is constant; it is rare.
    fn reference(&mut self, field: usize, check: usize, other: usize, naming: &mut Naming<'a>) -> Became {
        let mut slot_of = |field| match self.resolved(field, naming) {
            Resolved::Absent => None,
            Resolved::Slot(slot) => Some(slot),
            Resolved::Constant(_) => {
                let name = self.own_name(field, &naming.aliases);
                Some(self.slot(self.spelled(name)))
            }
        };
        match (slot_of(field), slot_of(other)) {
            (Some(slot), Some(other)) => self.atom(Some(slot), check, Some(other)),
            _ => Became::Const(false),
        }
    }

    /// The name that log sources give a field of the rules.
    fn own_name(&self, field: usize, aliases: &ByName<'a>) -> &'a str {
        let name = self.bank.fields[field].as_str();
        aliases.get(name).unwrap_or(name)
    }

    /// A name as the record spells it.
    fn spelled(&self, name: &'a str) -> &'a str {
        self.closed.as_ref().and_then(|closed| closed.get(name)).unwrap_or(name)
    }

    fn resolved(&mut self, field: usize, naming: &mut Naming<'a>) -> Resolved<'a> {
        if let Some(known) = naming.resolved[field] {
            return known;
        }
        let resolved = self.resolve(self.own_name(field, &naming.aliases));
        naming.resolved[field] = Some(resolved);
        resolved
    }

    fn resolve(&mut self, name: &'a str) -> Resolved<'a> {
        if let Some(value) = self.constants.get(name) {
            return Resolved::Constant(value);
        }
        match self.closed.as_ref().map(|closed| closed.get(name)) {
            Some(None) => Resolved::Absent,
            Some(Some(own)) => Resolved::Slot(self.slot(own)),
            None => Resolved::Slot(self.slot(name)),
        }
    }

    fn slot(&mut self, name: &str) -> usize {
        if let Some(&slot) = self.slots.get(name) {
            return slot;
        }
        self.wanted.push(name.to_owned());
        self.slots.insert(name.to_owned(), self.wanted.len() - 1);
        self.wanted.len() - 1
    }

    fn atom(&mut self, slot: Option<usize>, check: usize, other: Option<usize>) -> Became {
        let atom = Atom { slot, check, other };
        let number = *self.atom_numbers.entry(atom).or_insert_with(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        });
        Became::Atom(number as u32)
    }
}

fn naming_of<'a>(
    namings: &mut Vec<(&'a [(String, String)], Naming<'a>)>,
    entry: &'a Entry,
    bank: &Bank,
) -> usize {
    if let Some(at) = namings.iter().position(|(aliases, _)| *aliases == entry.aliases.as_slice()) {
        return at;
    }
    let aliases = ByName::new(entry.aliases.iter().map(|(name, own)| (name.as_str(), own.as_str())));
    let (resolved, leaves) = (vec![None; bank.fields.len()], vec![None; bank.leaves.len()]);
    namings.push((&entry.aliases, Naming { aliases, resolved, leaves }));
    namings.len() - 1
}

/// A rule that applies by several entries often says the same by each.
fn distinct(ways: Vec<Node>) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(ways.len());
    for way in ways {
        if !kept.contains(&way) {
            kept.push(way);
        }
    }
    kept
}

/// What a test says of a field that is there with this value.
fn constant(test: &Compiled, value: &str) -> bool {
    test.matches(value.as_bytes())
}
