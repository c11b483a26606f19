//! What markings mean for a graph: what contains passes its marking in, what is named passes its marking on.

use std::collections::HashMap;

use watchfire_stix::Id;

use crate::marking::Marking;
use crate::object::Own;

/// An object of a graph on its way to its marking.
#[derive(Debug, Clone)]
pub struct Settling {
    /// Its id; several versions may stand in one graph.
    pub id: Id,
    /// What follows from it alone.
    pub own: Own,
}

/// The most restrictive of what something was made from: a summary, a view, a count.
pub fn derived<'a>(inputs: impl IntoIterator<Item = &'a Marking>) -> Marking {
    inputs.into_iter().fold(Marking::open(), |all, input| all.join(input))
}

/// The markings of objects that one hand brought together, in their order. `known` says what is already there of an id
/// *for whoever brings them*.
///
/// 1. What is unmarked takes the markings of the containers that came with it, joined; without any, the default stays.
///    Containers from elsewhere only restrict.
/// 2. What names another is at least as restrictive as that other, so that nobody learns of it by a reference. One
///    that nobody marked does not count: the one who named it, and marked that, decided.
///
/// What is there and not for them binds nothing that they say. They have not got it from here, so that they say no more
/// of it than what they say anyway; and were it otherwise, they could ask by a note that names it whether it is here.
pub fn settle<'k>(batch: &[Settling], known: &dyn Fn(&Id) -> Known<'k>) -> Vec<Marking> {
    let mut places: HashMap<&Id, Vec<usize>> = HashMap::with_capacity(batch.len());
    for (at, object) in batch.iter().enumerate() {
        places.entry(&object.id).or_default().push(at);
    }
    let mut markings = inherit(batch, &places);
    for (marking, object) in markings.iter_mut().zip(batch) {
        let is_unmarked = object.own.marking.is_by_default();
        let containers = if is_unmarked { known(&object.id).containers } else { None };
        let named = object.own.references.iter().filter_map(|id| known(id).own);
        for other in containers.into_iter().chain(named).filter(|other| !other.says_nothing()) {
            raise(marking, &other.said());
        }
    }
    pass_on(batch, &places, &mut markings);
    markings
}

/// Joins; whether that changed anything.
fn raise(marking: &mut Marking, other: &Marking) -> bool {
    if marking == other || *other == Marking::open() {
        return false;
    }
    let joined = marking.join(other);
    let changed = joined != *marking;
    *marking = joined;
    changed
}

/// What is already there of an id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// Its marking.
    pub own: Option<&'k Marking>,
    /// What contains it, joined.
    pub containers: Option<&'k Marking>,
}

/// Step 1: unmarked members take what their containers have, containers of containers first.
fn inherit(batch: &[Settling], places: &HashMap<&Id, Vec<usize>>) -> Vec<Marking> {
    let mut said: Vec<Marking> = batch.iter().map(|object| object.own.marking.said()).collect();
    // Whether it has a marking by somebody's word, so that the default need not stand in.
    let mut marked: Vec<bool> = batch.iter().map(|object| !object.own.marking.is_by_default()).collect();
    let mut waiting: Vec<usize> = (0..batch.len()).collect();
    waiting.retain(|at| !batch[*at].own.members.is_empty());
    while let Some(at) = waiting.pop() {
        let passed = said[at].clone();
        for inner in batch[at].own.members.iter().filter_map(|id| places.get(id)).flatten().copied() {
            if !batch[inner].own.marking.is_by_default() {
                continue;
            }
            let newly_marked = marked[at] && !marked[inner];
            marked[inner] |= newly_marked;
            if raise(&mut said[inner], &passed) || newly_marked {
                waiting.push(inner);
            }
        }
    }
    let whole = |((said, marked), object): ((Marking, bool), &Settling)| {
        let default = object.own.marking.default.clone().filter(|_| !marked);
        Marking { default, ..said }
    };
    said.into_iter().zip(marked).zip(batch).map(whole).collect()
}

/// Step 2: from what is named to what names it, until nothing changes; a marking only ever rises, so it ends.
fn pass_on(batch: &[Settling], places: &HashMap<&Id, Vec<usize>>, markings: &mut [Marking]) {
    let mut named_by: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, object) in batch.iter().enumerate() {
        for inner in object.own.references.iter().filter_map(|id| places.get(id)).flatten() {
            named_by.entry(*inner).or_default().push(at);
        }
    }
    let mut waiting: Vec<usize> = (0..batch.len()).collect();
    while let Some(at) = waiting.pop() {
        let Some(outer) = named_by.get(&at).filter(|_| !markings[at].says_nothing()) else { continue };
        let passed = markings[at].said();
        for outer in outer.iter().copied() {
            if raise(&mut markings[outer], &passed) {
                waiting.push(outer);
            }
        }
    }
}
