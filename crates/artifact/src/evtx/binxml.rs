//! Binary XML: the tokens of a record or a template, as a walk that tells a sink what it meets.
//!
//! A record is nearly always an instance of a template: the template has the elements and names, the record only the
//! values that go into its slots. The same walk serves both. Over a template alone, slots are told as slots; over a
//! record they are filled from its values, and fragments inside values are walked in their place (MS-EVEN6 §2.2.12;
//! offsets are those of the chunk).

use super::bytes::{array_at, u16_at, u32_at};
use super::chunk::Damage;
use super::value::{Stored, kind};

/// Fragments inside values inside fragments; real records have two.
const DEPTH_LIMIT: usize = 8;

/// Elements inside elements; real records have five.
const ELEMENTS_LIMIT: usize = 64;

/// Tokens of one record: a chunk cannot hold more than one a byte, and a fragment that is used twice counts twice.
const TOKENS_LIMIT: u32 = 64 << 10;

/// Slots of one template; the largest real ones have about 120.
const SLOTS_LIMIT: usize = 4096;

/// The longest names in real logs have some sixty characters. What was written over reads as names of thousands, of
/// which this much is kept.
const NAME_CHARACTERS_LIMIT: usize = 256;

/// Next template, GUID, size of the definition.
pub(crate) const DEFINITION_HEADER_BYTES: usize = 24;

/// What a walk meets. Text behind an attribute, up to the next call of another kind, is the attribute's.
pub(crate) trait Sink {
    /// An element begins.
    fn open(&mut self, name: Name<'_>);
    /// An attribute of the element that was opened last.
    fn attribute(&mut self, name: Name<'_>);
    /// The attributes are over; text and elements of its content follow.
    fn content(&mut self);
    /// A piece of text.
    fn text(&mut self, piece: Piece<'_>);
    /// The element that is open ends.
    fn close(&mut self);
}

/// A name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// Its UTF-16.
    pub(crate) utf16: &'a [u8],
    /// Where in the chunk its offset is stated.
    pub(crate) at: usize,
}

impl Name<'_> {
    pub(crate) fn text(self) -> String {
        super::value::utf16(self.utf16).into_owned()
    }
}

/// A piece of text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'a> {
    /// A value, written out or taken from the record, and where in the chunk it begins.
    Value(Stored<'a>, usize),
    /// A single character, written as a reference to its number.
    Character(char),
    /// A character, written as a reference to its name (`amp`).
    Entity(Name<'a>),
    /// Whatever the record has in this slot.
    Slot(u16),
}

/// An instance of a template: which one, and where its values are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instance {
    /// Where in the chunk the definition begins.
    pub(crate) definition: usize,
    /// Where the descriptors of the values begin: size, type and a zero for each.
    pub(crate) descriptors: usize,
    /// Where the values begin.
    pub(crate) values: usize,
}

impl Instance {
    /// Reads the instance whose token stands at `at`.
    pub(crate) fn read(chunk: &[u8], at: usize) -> Result<Self, Damage> {
        let short = || Damage::new(at, "a template instance is cut off");
        let definition = u32_at(chunk, at + 6).ok_or_else(short)? as usize;
        let mut behind = at + 10;
        if definition == behind {
            let size = u32_at(chunk, definition + 20).ok_or_else(short)? as usize;
            behind = definition + DEFINITION_HEADER_BYTES + size;
        }
        let count = u32_at(chunk, behind).ok_or_else(short)? as usize;
        if count > SLOTS_LIMIT {
            return Err(Damage::new(behind, "more values than a template can have"));
        }
        let descriptors = behind + 4;
        let values = descriptors + 4 * count;
        if values > chunk.len() {
            return Err(short());
        }
        Ok(Self { definition, descriptors, values })
    }

    /// Whether the definition is the one that was meant: the instance whose token stands at `at` repeats the beginning
    /// of its GUID. Some writers put a zero there, so this is asked only where doubt is due.
    pub(crate) fn is_sure(self, chunk: &[u8], at: usize) -> bool {
        u32_at(chunk, self.definition + 4) == u32_at(chunk, at + 2)
    }

    /// The values in order, each with its place in the chunk.
    pub(crate) fn values(self, chunk: &[u8]) -> impl Iterator<Item = (usize, Stored<'_>)> {
        let descriptors = chunk.get(self.descriptors..self.values).unwrap_or_default();
        let mut at = self.values;
        descriptors.chunks_exact(4).map(move |descriptor| {
            let size = usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]));
            let start = at;
            at += size;
            let bytes = chunk.get(start..at).or_else(|| chunk.get(start..)).unwrap_or_default();
            (start, Stored { kind: descriptor[2], bytes })
        })
    }
}

/// Where the binary XML of the definition at `at` stands, behind its header.
pub(crate) fn definition_at(chunk: &[u8], at: usize) -> Result<std::ops::Range<usize>, Damage> {
    let outside = || Damage::new(at, "the template of a record is outside its chunk");
    let size = u32_at(chunk, at + 20).ok_or_else(outside)? as usize;
    let start = at + DEFINITION_HEADER_BYTES;
    let end = start.checked_add(size).filter(|&end| end <= chunk.len()).ok_or_else(outside)?;
    Ok(start..end)
}

/// Reads the name whose offset stands at `at`: the name, and where the token goes on.
pub(crate) fn name_at(chunk: &[u8], at: usize) -> Option<(Name<'_>, usize)> {
    let offset = u32_at(chunk, at)? as usize;
    let characters = usize::from(u16_at(chunk, offset + 6)?);
    let start = offset + 8;
    let utf16 = chunk.get(start..start + 2 * characters)?;
    let name = Name { utf16: utf16.get(..2 * NAME_CHARACTERS_LIMIT).unwrap_or(utf16), at };
    // A name that is used for the first time stands right here, with a zero behind it.
    let behind = if offset == at + 4 { start + 2 * characters + 2 } else { at + 4 };
    Some((name, behind))
}

/// A walk over one record.
pub(crate) struct Walk<'c> {
    chunk: &'c [u8],
    tokens_left: u32,
}

/// One stretch of binary XML and what goes into its slots.
#[derive(Clone, Copy)]
struct Stretch<'v, 'c> {
    end: usize,
    /// None: slots are told as slots.
    values: Option<&'v [(usize, Stored<'c>)]>,
    /// Elements of a definition say which slot they depend on.
    in_definition: bool,
    depth: usize,
}

impl<'c> Walk<'c> {
    pub(crate) fn new(chunk: &'c [u8]) -> Self {
        Self { chunk, tokens_left: TOKENS_LIMIT }
    }

    /// Walks a record's binary XML with its values in place.
    pub(crate) fn record(&mut self, xml: std::ops::Range<usize>, sink: &mut dyn Sink) -> Result<(), Damage> {
        self.stretch(xml.start, Stretch { end: xml.end, values: None, in_definition: false, depth: 0 }, sink)
    }

    /// Walks a template's definition.
    pub(crate) fn definition(
        &mut self,
        range: std::ops::Range<usize>,
        sink: &mut dyn Sink,
    ) -> Result<(), Damage> {
        self.stretch(
            range.start,
            Stretch { end: range.end, values: None, in_definition: true, depth: 0 },
            sink,
        )
    }

    fn stretch(&mut self, start: usize, stretch: Stretch<'_, 'c>, sink: &mut dyn Sink) -> Result<(), Damage> {
        let mut at = start;
        let mut open = 0_usize;
        while at < stretch.end {
            if self.tokens_left == 0 {
                return Err(Damage::new(at, "a record unfolds into more than any record has"));
            }
            self.tokens_left -= 1;
            let token = self.chunk.get(at).copied().unwrap_or(0);
            match token & !0x40 {
                0x00 => break,
                0x0c => match self.instance(at, stretch, sink)? {
                    behind if instance_follows(self.chunk, behind, stretch.end) => at = behind,
                    _ => break,
                },
                0x0f => at += 4,
                other => {
                    open = match other {
                        0x01 => open + 1,
                        0x03 | 0x04 => open.saturating_sub(1),
                        _ => open,
                    };
                    if open > ELEMENTS_LIMIT {
                        return Err(Damage::new(at, "elements are nested deeper than any record's"));
                    }
                    at = self.token(token, at, stretch, sink)?;
                }
            }
        }
        (0..open).for_each(|_| sink.close());
        Ok(())
    }

    /// Walks the template of an instance with the instance's values; where the instance ends.
    fn instance(
        &mut self,
        at: usize,
        stretch: Stretch<'_, 'c>,
        sink: &mut dyn Sink,
    ) -> Result<usize, Damage> {
        if stretch.depth >= DEPTH_LIMIT {
            return Err(Damage::new(at, "fragments are nested deeper than any record's"));
        }
        let instance = Instance::read(self.chunk, at)?;
        let definition = definition_at(self.chunk, instance.definition)?;
        let values: Vec<_> = instance.values(self.chunk).collect();
        let behind = values.last().map_or(instance.values, |(start, value)| start + value.bytes.len());
        let inner = Stretch {
            end: definition.end,
            values: Some(&values),
            in_definition: true,
            depth: stretch.depth + 1,
        };
        self.stretch(definition.start, inner, sink)?;
        Ok(behind)
    }

    /// One token; where the next begins.
    fn token(
        &mut self,
        token: u8,
        at: usize,
        stretch: Stretch<'_, 'c>,
        sink: &mut dyn Sink,
    ) -> Result<usize, Damage> {
        let short = || Damage::new(at, "a token is cut off");
        let name =
            |place: usize| name_at(self.chunk, place).ok_or(Damage::new(at, "a name is outside the chunk"));
        Ok(match token & !0x40 {
            0x01 => {
                let dependency = if stretch.in_definition { 2 } else { 0 };
                let (element, behind) = name(at + 1 + dependency + 4)?;
                sink.open(element);
                // With attributes, the size of their list comes first.
                behind + if token & 0x40 != 0 { 4 } else { 0 }
            }
            0x02 => {
                sink.content();
                at + 1
            }
            0x03 => {
                sink.content();
                sink.close();
                at + 1
            }
            0x04 => {
                sink.close();
                at + 1
            }
            0x05 => self.constant(at, sink).ok_or_else(short)?,
            0x06 => {
                let (attribute, behind) = name(at + 1)?;
                sink.attribute(attribute);
                behind
            }
            0x07 => self.counted_text(at + 1, sink).ok_or_else(short)?,
            0x08 => {
                let number = u16_at(self.chunk, at + 1).ok_or_else(short)?;
                sink.text(Piece::Character(
                    char::from_u32(u32::from(number)).unwrap_or(char::REPLACEMENT_CHARACTER),
                ));
                at + 3
            }
            0x09 => {
                let (entity, behind) = name(at + 1)?;
                sink.text(Piece::Entity(entity));
                behind
            }
            // Processing instructions say nothing about an event.
            0x0a => name(at + 1)?.1,
            0x0b => at + 3 + 2 * usize::from(u16_at(self.chunk, at + 1).ok_or_else(short)?),
            0x0d | 0x0e => {
                let slot = u16_at(self.chunk, at + 1).ok_or_else(short)?;
                self.slot(slot, stretch, sink)?;
                at + 4
            }
            _ => return Err(Damage::new(at, "a token of no known kind")),
        })
    }

    fn slot(&mut self, slot: u16, stretch: Stretch<'_, 'c>, sink: &mut dyn Sink) -> Result<(), Damage> {
        let Some(values) = stretch.values else {
            sink.text(Piece::Slot(slot));
            return Ok(());
        };
        match values.get(usize::from(slot)) {
            Some(&(start, value)) if value.kind == kind::BINARY_XML => {
                let end = start + value.bytes.len();
                let inner = Stretch { end, values: None, in_definition: false, depth: stretch.depth + 1 };
                if inner.depth >= DEPTH_LIMIT {
                    return Err(Damage::new(start, "fragments are nested deeper than any record's"));
                }
                self.stretch(start, inner, sink)
            }
            Some(&(start, value)) => {
                sink.text(Piece::Value(value, start));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A value that is written out: its type, and for strings their length in characters.
    fn constant(&self, at: usize, sink: &mut dyn Sink) -> Option<usize> {
        let kind = *self.chunk.get(at + 1)?;
        if kind == kind::STRING {
            return self.counted_text(at + 2, sink);
        }
        let bytes = self.chunk.get(at + 2..at + 2 + super::value::size_of(kind)?)?;
        sink.text(Piece::Value(Stored { kind, bytes }, at + 2));
        Some(at + 2 + bytes.len())
    }

    fn counted_text(&self, at: usize, sink: &mut dyn Sink) -> Option<usize> {
        let characters = usize::from(u16_at(self.chunk, at)?);
        let end = at + 2 + 2 * characters;
        let bytes = self.chunk.get(at + 2..end)?;
        sink.text(Piece::Value(Stored { kind: kind::STRING, bytes }, at + 2));
        Some(end)
    }
}

/// A fragment's header, and the smallest instance of a template: the token, its template, no values.
const HEADER_BYTES: usize = 4;
const INSTANCE_BYTES: usize = 14;

/// Where the token of the instance stands, if the binary XML begins with one.
pub(crate) fn first_instance(chunk: &[u8], xml: &std::ops::Range<usize>) -> Option<usize> {
    let at = match array_at::<5>(chunk, xml.start)? {
        [0x0f, _, _, _, 0x0c] => xml.start + HEADER_BYTES,
        [0x0c, ..] => xml.start,
        _ => return None,
    };
    (xml.end >= at + INSTANCE_BYTES).then_some(at)
}

/// Whether one more instance follows at `at`: what was rendered on another host has its texts behind the event
/// (`RenderingInfo`). Elsewhere only some bytes of filling follow.
pub(crate) fn instance_follows(chunk: &[u8], at: usize, end: usize) -> bool {
    first_instance(chunk, &(at..end)).is_some()
}
