//! Witnesses: literals of which a record must have one, or the rule cannot match.
//!
//! A conjunction needs each of its parts, so its cheapest part will do; a disjunction needs one of its parts, so it
//! takes the literals of all. Negations promise nothing. What counts as usable and cheap depends on where the
//! literals are sought, in a field or in the bytes of a whole line, so the caller says.

mod required;

use std::sync::Arc;

use crate::check::Check;
use crate::matcher::Node;
use crate::pattern::{Element, Pattern};

/// One literal and where it is sought.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Literal {
    /// None: anywhere in the record.
    pub(crate) slot: Option<usize>,
    /// The literal is the whole value, not a part of it.
    pub(crate) whole: bool,
    /// Its field was percent-decoded: it stands in the line unless the line has an escape.
    pub(crate) decoded: bool,
    /// In lower case.
    pub(crate) bytes: Arc<[u8]>,
}

/// Literals of which one is necessary.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    pub(crate) literals: Vec<Literal>,
    pub(crate) cost: f64,
}

/// Says which part of a literal can be sought, and what that costs.
pub(crate) type Price<'a> = &'a dyn Fn(&Literal) -> Option<(Literal, f64)>;

impl Witness {
    fn of_literal(literal: &Literal, price: Price<'_>) -> Option<Self> {
        let (literal, cost) = price(literal)?;
        Some(Self { literals: vec![literal], cost })
    }

    /// The cheaper of two, either of which is enough.
    fn cheaper(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.cost < a.cost { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    /// The same literals, sought in another slot.
    pub(crate) fn in_slot(&self, slot: usize) -> Self {
        let moved = |literal: &Literal| Literal { slot: Some(slot), ..literal.clone() };
        Self { literals: self.literals.iter().map(moved).collect(), cost: self.cost }
    }
}

/// The witness of an atom, by its number.
pub(crate) type OfAtom<'a> = &'a dyn Fn(usize) -> Option<Witness>;

/// The cheapest witness of a node; none if the node may hold without any literal.
pub(crate) fn of_node(node: &Node, of_atom: OfAtom<'_>) -> Option<Witness> {
    match node {
        Node::Const(true) | Node::NotAtom(_) => None,
        Node::Const(false) => Some(Witness::default()),
        Node::Atom(atom) => of_atom(*atom),
        Node::And(parts) => parts.iter().map(|part| of_node(part, of_atom)).fold(None, Witness::cheaper),
        Node::Or(parts) => union(parts.iter().map(|part| of_node(part, of_atom))),
    }
}

/// Every witness that a node's conjunction offers, each of which is necessary.
pub(crate) fn all_of_node(node: &Node, of_atom: OfAtom<'_>) -> Vec<Witness> {
    match node {
        Node::And(parts) => parts.iter().flat_map(|part| all_of_node(part, of_atom)).collect(),
        other => of_node(other, of_atom).into_iter().collect(),
    }
}

/// The literals of all, each once; none if one of them has none.
fn union(parts: impl Iterator<Item = Option<Witness>>) -> Option<Witness> {
    let mut all = Witness::default();
    for part in parts {
        let part = part?;
        all.cost += part.cost;
        all.literals.extend(part.literals);
    }
    all.literals.sort_unstable();
    all.literals.dedup();
    Some(all)
}

/// The witness of a check on a slot, or on the whole record.
pub(crate) fn of_check(check: &Check, slot: Option<usize>, price: Price<'_>) -> Option<Witness> {
    match check {
        Check::Text { any, cased } => {
            union(any.iter().map(|pattern| of_pattern(pattern, *cased, slot, price)))
        }
        Check::Regex(regexp) => {
            let part = |bytes: &[u8]| Witness::of_literal(&literal(slot, false, bytes), price);
            required::of_regex(regexp.source(), regexp.flags(), &part)
        }
        _ => None,
    }
}

fn of_pattern(pattern: &Pattern, cased: bool, slot: Option<usize>, price: Price<'_>) -> Option<Witness> {
    // Without regard to case, a letter beyond ASCII has several spellings in bytes.
    let only_ascii = !cased && pattern.is_unicode();
    let parts = pattern.elements.iter().filter_map(|element| match element {
        Element::Literal(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    if let Some(bytes) = pattern.as_literal().filter(|_| !only_ascii) {
        return Witness::of_literal(&literal(slot, true, bytes), price);
    }
    parts
        .flat_map(|bytes| bytes.split(move |byte| only_ascii && !byte.is_ascii()))
        .map(|bytes| Witness::of_literal(&literal(slot, false, bytes), price))
        .fold(None, Witness::cheaper)
}

fn literal(slot: Option<usize>, whole: bool, bytes: &[u8]) -> Literal {
    Literal { slot, whole, decoded: false, bytes: bytes.to_ascii_lowercase().into() }
}
