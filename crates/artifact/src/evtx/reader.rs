//! Reading records: the quick way by form, the long way where a record is not like the others.
//!
//! Nearly every record is one template instance with at most one more inside. For those nothing is decoded: the
//! reader finds their form and notes where each value stands. Records without a template have a form by their
//! structure. The rest is walked into a list of names and texts.

use rustc_hash::FxHashMap;

use super::binxml::{Instance, Walk, definition_at, first_instance, instance_follows};
use super::bytes::array_at;
use super::chunk::{Chunk, Damage, RawRecord};
use super::form::{Form, Shape, Source, form, literal_form};
use super::literal::Structure;
use super::naming::{Met, Naming, Part};
use super::value::{Stored, kind};
use crate::event::Event;

/// Forms that are remembered; a log has some hundreds. Beyond that records are walked one by one.
const FORMS_LIMIT: usize = 1 << 14;

/// Shapes that may share a GUID and a size before records of further ones are walked one by one.
const SHAPES_PER_KEY_LIMIT: usize = 16;

/// Structures of records without a template that are remembered.
const STRUCTURES_LIMIT: usize = 1024;

/// Reads the records of any number of chunks; what it learns of templates serves all of them.
#[derive(Debug, Default)]
pub struct Reader {
    shapes: Vec<Shape>,
    /// By GUID and size of the definition.
    by_key: FxHashMap<([u8; 16], u32), Vec<u32>>,
    forms: Vec<Form>,
    by_shapes: FxHashMap<(u32, Option<(u16, u32)>), u32>,
    chunk: Option<u64>,
    /// In this chunk: the offset of a definition, whether it stands inside another, and its shape.
    here: Vec<(usize, Inside, Option<u32>)>,
    outer: Vec<Cell>,
    inner: Vec<Cell>,
    /// By structure, the form of records without a template; none if they must be walked.
    by_structure: FxHashMap<Box<[u8]>, Option<u32>>,
    /// Room to write a structure down.
    structure: Vec<u8>,
}

/// The shape and the slot that a template stands inside.
type Inside = Option<(u32, u16)>;

/// Where a value stands in the chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) at: u32,
    pub(super) size: u16,
    pub(super) kind: u8,
}

/// A record that was read.
#[derive(Debug)]
pub enum Read<'r> {
    /// By its form.
    Formed(Record<'r>),
    /// One by one.
    Walked(Event<'static>),
}

/// A record of some form, its values not decoded.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// The number of its form, in this reader.
    pub number: usize,
    /// Its form.
    pub form: &'r Form,
    chunk: &'r [u8],
    outer: &'r [Cell],
    inner: &'r [Cell],
}

/// A value of a record.
#[derive(Debug, Clone, Copy)]
pub enum Content<'r> {
    /// Its template says it.
    Constant(&'r str),
    /// The record stores it.
    Stored(Stored<'r>),
}

impl<'r> Record<'r> {
    /// The value behind a source; none where the record has none.
    pub fn content(&self, source: &'r Source) -> Option<Content<'r>> {
        match source {
            Source::Constant(text) => Some(Content::Constant(text)),
            Source::Slot { inner, slot } => {
                let cells = if *inner { self.inner } else { self.outer };
                let cell = cells.get(usize::from(*slot)).filter(|cell| cell.kind != kind::NULL)?;
                let start = cell.at as usize;
                let bytes = self.chunk.get(start..start + usize::from(cell.size))?;
                Some(Content::Stored(Stored { kind: cell.kind, bytes }))
            }
        }
    }

    /// The first value of a field.
    pub fn first(&self, field: usize) -> Option<Content<'r>> {
        self.form.fields.get(field)?.sources.iter().find_map(|source| self.content(source))
    }
}

impl<'r> Content<'r> {
    /// Whether it is a list, be it empty.
    pub fn is_list(&self) -> bool {
        matches!(self, Content::Stored(stored) if stored.is_list())
    }

    /// Whether its text is a number, a time or an identifier.
    pub fn is_figure(&self) -> bool {
        matches!(self, Content::Stored(stored) if stored.is_figure())
    }

    /// The texts of a list; of anything else its only one.
    pub fn texts(self) -> impl Iterator<Item = std::borrow::Cow<'r, str>> {
        let (constant, stored) = match self {
            Content::Constant(text) => (Some(text.into()), None),
            Content::Stored(stored) => (None, Some(stored)),
        };
        constant.into_iter().chain(stored.into_iter().flat_map(|stored| stored.texts()))
    }

    /// The text.
    pub fn text(&self) -> std::borrow::Cow<'r, str> {
        match self {
            Content::Constant(text) => (*text).into(),
            Content::Stored(stored) => stored.text(),
        }
    }
}

impl Reader {
    /// A reader that knows no template yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one record of a chunk.
    pub fn read<'r>(&'r mut self, chunk: &Chunk<'r>, raw: &RawRecord) -> Result<Read<'r>, Damage> {
        if self.chunk != Some(chunk.offset) {
            self.chunk = Some(chunk.offset);
            self.here.clear();
        }
        match self.formed(chunk.bytes, raw)? {
            Some(number) => Ok(Read::Formed(Record {
                number,
                form: &self.forms[number],
                chunk: chunk.bytes,
                outer: &self.outer,
                inner: &self.inner,
            })),
            None => walked(chunk, raw).map(Read::Walked),
        }
    }

    /// Forgets where templates stand: the next chunk may be of another file and begin at the same offset.
    pub fn next_file(&mut self) {
        self.chunk = None;
    }

    /// The number of a record's form, its values noted; none if it must be walked.
    fn formed(&mut self, chunk: &[u8], raw: &RawRecord) -> Result<Option<usize>, Damage> {
        let Some(at) = first_instance(chunk, &raw.xml) else { return self.literal(chunk, raw) };
        let instance = Instance::read(chunk, at)?;
        // Behind the end of a chunk, newer records may have been written over the template.
        if raw.recovered && !instance.is_sure(chunk, at) {
            return Err(Damage::new(at, "the template of a record was written over"));
        }
        let nested = note(&mut self.outer, chunk, instance, raw.xml.end);
        let Some(outer) = self.shape(chunk, instance.definition, None)? else { return Ok(None) };
        self.inner.clear();
        match nested {
            Nested::Nothing => Ok(self.form(outer, None)),
            Nested::One(slot) => {
                let shape = self.shape_inside(chunk, outer, slot)?;
                Ok(shape.and_then(|shape| self.form(outer, Some((slot, shape)))))
            }
            Nested::Unclear => Ok(None),
        }
    }

    /// The number of the form of a record without a template, its texts noted; none if it must be walked.
    fn literal(&mut self, chunk: &[u8], raw: &RawRecord) -> Result<Option<usize>, Damage> {
        self.inner.clear();
        let mut structure = Structure::new(&mut self.structure, &mut self.outer, None);
        Walk::new(chunk).record(raw.xml.clone(), &mut structure)?;
        if !structure.is_plain() {
            return Ok(None);
        }
        if let Some(known) = self.by_structure.get(self.structure.as_slice()) {
            return Ok(known.map(|number| number as usize));
        }
        if self.by_structure.len() >= STRUCTURES_LIMIT || self.forms.len() >= FORMS_LIMIT {
            return Ok(None);
        }
        let naming = Some(Naming::default());
        let mut structure = Structure::new(&mut self.structure, &mut self.outer, naming);
        Walk::new(chunk).record(raw.xml.clone(), &mut structure)?;
        let form = structure.naming().as_ref().and_then(literal_form);
        let number = form.map(|form| {
            self.forms.push(form);
            self.forms.len() as u32 - 1
        });
        self.by_structure.insert(self.structure.as_slice().into(), number);
        Ok(number.map(|number| number as usize))
    }

    /// The shape of the template inside a slot, its values noted.
    fn shape_inside(&mut self, chunk: &[u8], outer: u32, slot: u16) -> Result<Option<u32>, Damage> {
        let cell = self.outer[usize::from(slot)];
        let xml = cell.at as usize..cell.at as usize + usize::from(cell.size);
        let Some(at) = first_instance(chunk, &xml) else { return Ok(None) };
        let instance = Instance::read(chunk, at)?;
        match note(&mut self.inner, chunk, instance, xml.end) {
            Nested::Nothing => self.shape(chunk, instance.definition, Some((outer, slot))),
            _ => Ok(None),
        }
    }

    /// The shape of the definition at `at`, inside a slot of another or not; none if its records must be walked.
    fn shape(&mut self, chunk: &[u8], at: usize, inside: Inside) -> Result<Option<u32>, Damage> {
        if let Some(here) = self.here.iter().find(|here| here.0 == at && here.1 == inside) {
            return Ok(here.2);
        }
        let shape = self.find_shape(chunk, at, inside)?;
        self.here.push((at, inside, shape));
        Ok(shape)
    }

    fn find_shape(&mut self, chunk: &[u8], at: usize, inside: Inside) -> Result<Option<u32>, Damage> {
        let size = definition_at(chunk, at)?.len() as u32;
        let guid = array_at(chunk, at + 4).expect("a definition has its header before it");
        let path = match inside {
            None => Vec::new(),
            Some((outer, slot)) => match self.shapes[outer as usize].path(slot) {
                Some(path) => path.to_vec(),
                None => return Ok(None),
            },
        };
        let same_key = self.by_key.entry((guid, size)).or_default();
        let known = same_key.iter().find(|&&shape| self.shapes[shape as usize].is_at(chunk, at, &path));
        let number = match known {
            Some(&number) => number,
            None if same_key.len() >= SHAPES_PER_KEY_LIMIT || self.shapes.len() >= FORMS_LIMIT => {
                return Ok(None);
            }
            None => {
                self.shapes.push(Shape::read(chunk, at, &path)?);
                same_key.push(self.shapes.len() as u32 - 1);
                self.shapes.len() as u32 - 1
            }
        };
        Ok((!self.shapes[number as usize].odd).then_some(number))
    }

    fn form(&mut self, outer: u32, inner: Option<(u16, u32)>) -> Option<usize> {
        if let Some(&number) = self.by_shapes.get(&(outer, inner)) {
            return Some(number as usize);
        }
        if self.forms.len() >= FORMS_LIMIT {
            return None;
        }
        let shape = |number: u32| &self.shapes[number as usize];
        let made = form(shape(outer), inner.map(|(slot, number)| (slot, shape(number))));
        self.forms.push(made);
        let number = self.forms.len() - 1;
        self.by_shapes.insert((outer, inner), number as u32);
        Some(number)
    }
}

/// Which slots hold binary XML.
enum Nested {
    Nothing,
    One(u16),
    /// Several, a list, values that reach over the end, or one more instance behind this.
    Unclear,
}

/// Notes where the values of an instance stand.
fn note(cells: &mut Vec<Cell>, chunk: &[u8], instance: Instance, end: usize) -> Nested {
    cells.clear();
    let mut nested = Nested::Nothing;
    let mut at = instance.values;
    let descriptors = chunk.get(instance.descriptors..instance.values).unwrap_or_default();
    for (slot, descriptor) in descriptors.chunks_exact(4).enumerate() {
        let size = u16::from_le_bytes([descriptor[0], descriptor[1]]);
        let kind = descriptor[2];
        cells.push(Cell { at: at as u32, size, kind });
        at += usize::from(size);
        if kind & !0x80 == kind::BINARY_XML && size > 0 {
            nested = match nested {
                Nested::Nothing if kind == kind::BINARY_XML => Nested::One(slot as u16),
                _ => Nested::Unclear,
            };
        }
    }
    if at > end || instance_follows(chunk, at, end) { Nested::Unclear } else { nested }
}

/// Walks a record into names and texts.
fn walked(chunk: &Chunk<'_>, raw: &RawRecord) -> Result<Event<'static>, Damage> {
    let mut naming = Naming::default();
    Walk::new(chunk.bytes).record(raw.xml.clone(), &mut naming)?;
    let fields = naming.finish().fields;
    Ok(Event::from_fields(fields.into_iter().flat_map(texts)))
}

/// The name and each text of a field: one, unless it is a list and nothing else.
fn texts(met: Met) -> impl Iterator<Item = (String, String)> {
    let Met { name, mut parts } = met;
    let texts = if let [Part::Texts(texts)] = parts.as_mut_slice() {
        std::mem::take(texts)
    } else {
        let text = |part: &Part| match part {
            Part::Texts(texts) => texts.join(","),
            Part::Slot(_) => String::new(),
        };
        vec![parts.iter().map(text).collect()]
    };
    texts.into_iter().map(move |text| (name.clone(), text))
}
