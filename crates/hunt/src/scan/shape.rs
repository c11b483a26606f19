//! Events as JSON by their shape: the names of their fields, in order.
//!
//! A shipper writes the fields of one kind of event in one order. So where the fields stand that rules ask for is
//! looked up once for a shape, and what its values woke is remembered, as for records of event files.

use std::borrow::Cow;

use super::matchers::bytes;
use watchfire_artifact::event::Event;
use watchfire_sigma::{Matcher, Memory, Record, Scratch, Value, is_figure};

/// Shapes of one class that are remembered; the least used make room.
const SHAPES_LIMIT: usize = 16;

/// A longer number, time or identifier is a text.
const FIGURE_BYTES_MAX: usize = 64;

/// The shapes that events of one class were seen in, the last one first.
#[derive(Default)]
pub(super) struct Shapes(Vec<Shape>);

struct Shape {
    names: Vec<Box<str>>,
    /// By slot of the matcher, the places of its fields.
    slots: Vec<Vec<usize>>,
    /// By slot, the place that it is and that no slot before it is: two spellings of a name are two slots.
    parts: Vec<Option<usize>>,
    memory: Memory,
}

impl Shapes {
    /// Adds the rules that an event matches.
    pub(super) fn evaluate(
        &mut self,
        matcher: &Matcher,
        event: &Event<'_>,
        scratch: &mut Scratch,
        found: &mut Vec<usize>,
    ) {
        let known = self.0.iter().position(|shape| shape.is_of(event));
        if let Some(place) = known {
            self.0[..=place].rotate_right(1);
        } else {
            self.0.truncate(SHAPES_LIMIT - 1);
            self.0.insert(0, Shape::new(matcher, event));
        }
        let Shape { slots, parts, memory, .. } = &mut self.0[0];
        matcher.evaluate_remembering(&ShapedRecord { event, slots, parts }, memory, scratch, found);
    }
}

impl Shape {
    fn new(matcher: &Matcher, event: &Event<'_>) -> Self {
        let slots: Vec<Vec<usize>> =
            matcher.wanted().iter().map(|name| event.places(name).collect()).collect();
        let part = |(number, slot): (usize, &Vec<usize>)| match slot.as_slice() {
            [only] => Some(*only).filter(|_| !slots[..number].contains(slot)),
            _ => None,
        };
        Self {
            names: event.names().map(Into::into).collect(),
            parts: slots.iter().enumerate().map(part).collect(),
            slots,
            memory: Memory::new(),
        }
    }

    fn is_of(&self, event: &Event<'_>) -> bool {
        self.names.len() == event.len() && self.names.iter().zip(event.names()).all(|(a, b)| **a == *b)
    }
}

/// An event whose shape is known, as a matcher sees it.
struct ShapedRecord<'a> {
    event: &'a Event<'a>,
    slots: &'a [Vec<usize>],
    parts: &'a [Option<usize>],
}

impl ShapedRecord<'_> {
    fn places(&self, slot: usize) -> &[usize] {
        self.slots.get(slot).map(Vec::as_slice).unwrap_or_default()
    }

    fn bytes(&self, place: usize) -> Cow<'_, [u8]> {
        bytes(self.event.value(place))
    }

    /// What a value is known again by: its spelling, and whether that has escapes.
    fn spelling(&self, place: usize) -> (u8, &[u8]) {
        let (text, escaped) = self.event.written(place);
        (if escaped { 2 } else { 1 }, text.as_bytes())
    }
}

impl Record for ShapedRecord<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        match self.places(slot) {
            [] => Value::Absent,
            [only] => Value::Text(self.bytes(*only)),
            several => Value::List(several.iter().map(|&place| self.bytes(place)).collect()),
        }
    }

    fn stored(&self, slot: usize) -> Option<(u8, &[u8])> {
        match self.places(slot) {
            [] => Some((0, b"")),
            [only] => Some(self.spelling(*only)),
            _ => None,
        }
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        (0..self.event.len()).any(|place| test(&self.bytes(place)))
    }

    fn parts(&self) -> usize {
        self.event.len()
    }

    fn part_of(&self, slot: usize) -> Option<usize> {
        self.parts.get(slot).copied().flatten()
    }

    fn part_stored(&self, part: usize) -> Option<(u8, &[u8])> {
        Some(self.spelling(part))
    }

    fn part_is_figure(&self, part: usize) -> bool {
        // With escapes it is none: a backslash is no figure.
        let (_, bytes) = self.spelling(part);
        bytes.len() <= FIGURE_BYTES_MAX && bytes.iter().all(|&byte| is_figure(byte))
    }

    fn any_text_of(&self, part: usize, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        test(&self.bytes(part))
    }
}
