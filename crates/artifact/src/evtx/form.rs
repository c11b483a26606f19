//! Shapes of templates and forms of records: what is known of a record before its values are looked at.
//!
//! Templates repeat in every chunk, each time at another place, so a shape is known again by its GUID and size and
//! then compared, names and all: two templates may claim one GUID. A form is a template together with the template
//! inside it, flattened to fields that know their slot. Records of one form differ only in their values, so whatever
//! depends on names is worked out once a form.

use super::binxml::{DEFINITION_HEADER_BYTES, Name, Piece, Sink, Walk, definition_at, name_at};
use super::bytes::u32_at;
use super::chunk::Damage;
use super::naming::{Met, Naming, Part};
use crate::event::same_name;

/// A field of all records of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Sigma's name for it.
    pub name: String,
    /// Where its values come from, in the order of the record; one for nearly all.
    pub sources: Vec<Source>,
}

/// Where a value of a field comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The template says it.
    Constant(String),
    /// The record has it in a slot.
    Slot {
        /// Whether the slot is of the template inside the template.
        inner: bool,
        /// Its number.
        slot: u16,
    },
}

/// What all records of a template have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The fields, in the order of the record, each name once.
    pub fields: Vec<Field>,
}

impl Form {
    /// The number of a field: of this very name, else of one that differs in case and spaces, as rules may write it.
    pub fn field(&self, name: &str) -> Option<usize> {
        let position = |is: &dyn Fn(&str) -> bool| self.fields.iter().position(|field| is(&field.name));
        position(&|field| field == name).or_else(|| position(&|field| same_name(field, name)))
    }
}

/// What a template says about its instances.
#[derive(Debug)]
pub(crate) struct Shape {
    print: Print,
    fields: Vec<Met>,
    /// By slot: the elements around it.
    paths: Vec<(u16, Vec<String>)>,
    /// Its instances must be walked one by one: names that depend on the record, texts made of several pieces.
    pub(crate) odd: bool,
}

impl Shape {
    /// Reads the shape of the definition at `at`, whose elements stand inside `path`.
    pub(crate) fn read(chunk: &[u8], at: usize, path: &[String]) -> Result<Self, Damage> {
        let range = definition_at(chunk, at)?;
        let mut seen = Printing {
            naming: Naming::inside(path),
            chunk,
            range: range.clone(),
            names: Vec::new(),
            strange: false,
        };
        Walk::new(chunk).definition(range.clone(), &mut seen)?;
        let Printing { naming, names, strange, .. } = seen;
        let naming = naming.finish();
        let odd = strange || !naming.is_plain();
        let Naming { fields, paths, .. } = naming;
        let bytes = chunk.get(range).unwrap_or_default().to_vec();
        let print = Print { bytes, names, path: path.to_vec() };
        Ok(Self { print, fields, paths, odd })
    }

    /// Whether the definition at `at` says the same.
    pub(crate) fn is_at(&self, chunk: &[u8], at: usize, path: &[String]) -> bool {
        self.print.path == path && self.print.is_at(chunk, at + DEFINITION_HEADER_BYTES)
    }

    /// The elements around a slot.
    pub(crate) fn path(&self, slot: u16) -> Option<&[String]> {
        self.paths.iter().find(|(other, _)| *other == slot).map(|(_, path)| path.as_slice())
    }
}

/// Flattens a template and the template in one of its slots.
pub(crate) fn form(outer: &Shape, inner: Option<(u16, &Shape)>) -> Form {
    let mut form = Form { fields: Vec::new() };
    let filled = inner.map(|(slot, _)| slot);
    outer.fields.iter().for_each(|met| form.push(met, false, filled));
    if let Some((_, shape)) = inner {
        shape.fields.iter().for_each(|met| form.push(met, true, None));
    }
    form
}

/// The fields of a record without a template, whose texts are its slots; none if it must be walked.
pub(crate) fn literal_form(naming: &Naming) -> Option<Form> {
    let mut form = Form { fields: Vec::new() };
    naming.is_plain().then(|| naming.fields.iter().for_each(|met| form.push(met, false, None)))?;
    Some(form)
}

impl Form {
    fn push(&mut self, met: &Met, inner: bool, filled: Option<u16>) {
        let source = match met.parts.as_slice() {
            [Part::Slot(slot)] if filled == Some(*slot) => return,
            [Part::Slot(slot)] => Source::Slot { inner, slot: *slot },
            [Part::Texts(texts)] => Source::Constant(texts.concat()),
            _ => return,
        };
        match self.fields.iter_mut().find(|field| field.name == met.name) {
            Some(field) => field.sources.push(source),
            None => self.fields.push(Field { name: met.name.clone(), sources: vec![source] }),
        }
    }
}

/// What a definition is known again by: its bytes, but for what changes from chunk to chunk, and the names it uses.
#[derive(Debug)]
struct Print {
    bytes: Vec<u8>,
    names: Vec<PrintedName>,
    path: Vec<String>,
}

/// A name in a definition: its offset stands at `at`, and the name itself here or elsewhere in the chunk.
#[derive(Debug)]
struct PrintedName {
    at: usize,
    here: bool,
    name: Vec<u8>,
}

impl PrintedName {
    /// Up to where bytes change from chunk to chunk: the offset, and in a name that stands here the link to the next.
    fn end(&self) -> usize {
        self.at + if self.here { 8 } else { 4 }
    }
}

impl Print {
    fn is_at(&self, chunk: &[u8], start: usize) -> bool {
        let Some(bytes) = chunk.get(start..start + self.bytes.len()) else { return false };
        let mut from = 0;
        for name in &self.names {
            let place = start + name.at;
            let is_same = bytes.get(from..name.at) == self.bytes.get(from..name.at)
                && is_here(chunk, place) == name.here
                && name_at(chunk, place).is_some_and(|(found, _)| found.utf16 == name.name.as_slice());
            if !is_same {
                return false;
            }
            from = name.end();
        }
        bytes.get(from..) == self.bytes.get(from..)
    }
}

/// Whether the name whose offset stands at `at` follows right behind.
fn is_here(chunk: &[u8], at: usize) -> bool {
    u32_at(chunk, at).is_some_and(|offset| offset as usize == at + 4)
}

/// Names fields and notes where the names of a definition stand.
struct Printing<'c> {
    naming: Naming,
    chunk: &'c [u8],
    range: std::ops::Range<usize>,
    names: Vec<PrintedName>,
    /// Something stands outside the definition: it uses another template itself.
    strange: bool,
}

impl Printing<'_> {
    fn note(&mut self, name: Name<'_>) {
        if !self.range.contains(&name.at) {
            self.strange = true;
            return;
        }
        let here = is_here(self.chunk, name.at);
        self.names.push(PrintedName { at: name.at - self.range.start, here, name: name.utf16.to_vec() });
    }
}

impl Sink for Printing<'_> {
    fn open(&mut self, name: Name<'_>) {
        self.note(name);
        self.naming.open(name);
    }

    fn attribute(&mut self, name: Name<'_>) {
        self.note(name);
        self.naming.attribute(name);
    }

    fn content(&mut self) {
        self.naming.content();
    }

    fn text(&mut self, piece: Piece<'_>) {
        if let Piece::Entity(name) = piece {
            self.note(name);
        }
        self.naming.text(piece);
    }

    fn close(&mut self) {
        self.naming.close();
    }
}
