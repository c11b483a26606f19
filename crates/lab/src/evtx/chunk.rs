//! One chunk: records, and the tables of names and templates that they share.
//!
//! A name is written where it is first used and only referred to afterwards, and so is a template; both are chained
//! into the tables at the head of the chunk, the newest first. Offsets count from the start of the chunk.

use std::collections::HashMap;

use super::file::CHUNK_BYTES;
use super::identity::Guid;
use super::template::{Content, Element, Filling, Instance, Template};
use super::value::{BINARY_XML, utf16};

const HEADER_BYTES: usize = 512;
const NAME_BUCKETS: usize = 64;
const TEMPLATE_BUCKETS: usize = 32;
/// Records begin at multiples of this.
const ALIGNMENT: usize = 8;

/// Tokens, [MS-EVEN6] §2.2.12.
mod token {
    pub(super) const END_OF_FRAGMENT: u8 = 0x00;
    pub(super) const OPEN_START_ELEMENT: u8 = 0x01;
    pub(super) const CLOSE_START_ELEMENT: u8 = 0x02;
    pub(super) const CLOSE_EMPTY_ELEMENT: u8 = 0x03;
    pub(super) const END_ELEMENT: u8 = 0x04;
    pub(super) const VALUE_TEXT: u8 = 0x05;
    pub(super) const ATTRIBUTE: u8 = 0x06;
    pub(super) const TEMPLATE_INSTANCE: u8 = 0x0c;
    pub(super) const NORMAL_SUBSTITUTION: u8 = 0x0d;
    pub(super) const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
    pub(super) const FRAGMENT_HEADER: u8 = 0x0f;
    /// An element that has attributes; an attribute that another follows.
    pub(super) const MORE: u8 = 0x40;
}

/// What stands in a record.
pub(crate) enum Body {
    Instance(Instance),
    /// An element with everything in it.
    WrittenOut(Element),
}

/// A chunk that is being filled.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    names: HashMap<String, u32>,
    templates: HashMap<Guid, u32>,
    heads: Heads,
    /// Number in the log of the first record here, counted from 1.
    first_number: u64,
    records: u64,
    first_id: u64,
    last_id: u64,
    last_record_at: usize,
}

/// The newest name and template of each bucket.
#[derive(Clone, Copy)]
struct Heads {
    names: [u32; NAME_BUCKETS],
    templates: [u32; TEMPLATE_BUCKETS],
}

impl Chunk {
    pub(crate) fn new(first_number: u64) -> Self {
        Self {
            bytes: vec![0; HEADER_BYTES],
            names: HashMap::new(),
            templates: HashMap::new(),
            heads: Heads { names: [0; NAME_BUCKETS], templates: [0; TEMPLATE_BUCKETS] },
            first_number,
            records: 0,
            first_id: 0,
            last_id: 0,
            last_record_at: 0,
        }
    }

    /// Number of records.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Appends a record, or leaves the chunk as it was, except that no further record may be tried, and says that
    /// there is no room.
    pub(crate) fn append(&mut self, id: u64, time: u64, body: &Body) -> bool {
        let (start, heads) = (self.bytes.len(), self.heads);
        self.bytes.extend_from_slice(b"**\0\0");
        let size_at = self.reserve(4);
        self.bytes.extend_from_slice(&id.to_le_bytes());
        self.bytes.extend_from_slice(&time.to_le_bytes());
        match body {
            Body::Instance(instance) => self.fragment(instance),
            Body::WrittenOut(root) => {
                self.bytes.extend_from_slice(&[token::FRAGMENT_HEADER, 1, 1, 0]);
                self.element(root, false);
                self.bytes.push(token::END_OF_FRAGMENT);
            }
        }
        // The size stands at both ends.
        let size = (self.bytes.len() + 4 - start).next_multiple_of(ALIGNMENT);
        self.bytes.resize(start + size - 4, 0);
        self.bytes.extend_from_slice(&(size as u32).to_le_bytes());
        self.patch(size_at, size as u32);
        if self.bytes.len() > CHUNK_BYTES {
            self.bytes.truncate(start);
            self.heads = heads;
            return false;
        }
        if self.records == 0 {
            self.first_id = id;
        }
        self.last_id = id;
        self.records += 1;
        self.last_record_at = start;
        true
    }

    /// The chunk's bytes, with its header.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let free = self.bytes.len();
        let checksum = crc32fast::hash(&self.bytes[HEADER_BYTES..]);
        let mut header = b"ElfChnk\0".to_vec();
        let last_number = self.first_number + self.records.saturating_sub(1);
        for number in [self.first_number, last_number, self.first_id, self.last_id] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        for number in [128, self.last_record_at as u32, free as u32, checksum] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.resize(128, 0);
        for offset in self.heads.names.iter().chain(&self.heads.templates) {
            header.extend_from_slice(&offset.to_le_bytes());
        }
        // What the checksum covers leaves out the flags and itself.
        let checksum = crc32fast::hash(&[&header[..120], &header[128..]].concat());
        header[124..128].copy_from_slice(&checksum.to_le_bytes());
        self.bytes[..HEADER_BYTES].copy_from_slice(&header);
        self.bytes.resize(CHUNK_BYTES, 0);
        self.bytes
    }

    fn fragment(&mut self, instance: &Instance) {
        self.bytes.extend_from_slice(&[token::FRAGMENT_HEADER, 1, 1, 0]);
        self.instance(instance);
        self.bytes.push(token::END_OF_FRAGMENT);
    }

    fn instance(&mut self, instance: &Instance) {
        let template = &instance.template;
        self.bytes.extend_from_slice(&[token::TEMPLATE_INSTANCE, 1]);
        self.bytes.extend_from_slice(&template.guid.0[..4]);
        if let Some(offset) = self.templates.get(&template.guid) {
            self.bytes.extend_from_slice(&offset.to_le_bytes());
        } else {
            self.definition(template);
        }
        self.bytes.extend_from_slice(&(instance.values.len() as u32).to_le_bytes());
        let descriptors = self.reserve(4 * instance.values.len());
        for (index, filling) in instance.values.iter().enumerate() {
            let start = self.bytes.len();
            let kind = match filling {
                Filling::Plain(value) => {
                    self.bytes.extend_from_slice(&value.bytes());
                    value.kind()
                }
                Filling::Nested(nested) => {
                    self.fragment(nested);
                    BINARY_XML
                }
            };
            // A value too long for its sixteen bits is too long for the chunk, too, and is taken back.
            let size = (self.bytes.len() - start) as u16;
            let at = descriptors + 4 * index;
            self.bytes[at..at + 2].copy_from_slice(&size.to_le_bytes());
            self.bytes[at + 2] = kind;
        }
    }

    /// A template's definition, in the place where it is first used.
    fn definition(&mut self, template: &Template) {
        let offset = self.bytes.len() as u32 + 4;
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        let hash = name_hash(template.guid.0.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])));
        let head = &mut self.heads.templates[usize::from(hash) % TEMPLATE_BUCKETS];
        self.bytes.extend_from_slice(&head.to_le_bytes());
        *head = offset;
        self.templates.insert(template.guid, offset);
        self.bytes.extend_from_slice(&template.guid.0);
        let size_at = self.reserve(4);
        self.bytes.extend_from_slice(&[token::FRAGMENT_HEADER, 1, 1, 0]);
        self.element(&template.root, true);
        self.bytes.push(token::END_OF_FRAGMENT);
        self.patch_size(size_at);
    }

    /// An element; only in a definition it says what it depends on.
    fn element(&mut self, element: &Element, in_definition: bool) {
        let more = if element.attributes.is_empty() { 0 } else { token::MORE };
        self.bytes.push(token::OPEN_START_ELEMENT | more);
        if in_definition {
            self.bytes.extend_from_slice(&element.dependency.unwrap_or(u16::MAX).to_le_bytes());
        }
        let size_at = self.reserve(4);
        self.name(&element.name);
        if !element.attributes.is_empty() {
            let list_at = self.reserve(4);
            for (index, (name, content)) in element.attributes.iter().enumerate() {
                let more = if index + 1 < element.attributes.len() { token::MORE } else { 0 };
                self.bytes.push(token::ATTRIBUTE | more);
                self.name(name);
                self.content(content, in_definition);
            }
            self.patch_size(list_at);
        }
        if element.content.is_empty() {
            self.bytes.push(token::CLOSE_EMPTY_ELEMENT);
        } else {
            self.bytes.push(token::CLOSE_START_ELEMENT);
            for content in &element.content {
                self.content(content, in_definition);
            }
            self.bytes.push(token::END_ELEMENT);
        }
        self.patch_size(size_at);
    }

    fn content(&mut self, content: &Content, in_definition: bool) {
        match content {
            Content::Text(text) => {
                self.bytes.extend_from_slice(&[token::VALUE_TEXT, 0x01]);
                self.counted(text);
            }
            Content::Place { index, kind, optional } => {
                let token = if *optional { token::OPTIONAL_SUBSTITUTION } else { token::NORMAL_SUBSTITUTION };
                self.bytes.push(token);
                self.bytes.extend_from_slice(&index.to_le_bytes());
                self.bytes.push(*kind);
            }
            Content::Element(element) => self.element(element, in_definition),
        }
    }

    /// The offset of a name, followed by the name itself where it was never used before.
    fn name(&mut self, name: &str) {
        if let Some(offset) = self.names.get(name) {
            self.bytes.extend_from_slice(&offset.to_le_bytes());
            return;
        }
        let offset = self.bytes.len() as u32 + 4;
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        let hash = name_hash(name.encode_utf16());
        let head = &mut self.heads.names[usize::from(hash) % NAME_BUCKETS];
        self.bytes.extend_from_slice(&head.to_le_bytes());
        *head = offset;
        self.names.insert(name.to_owned(), offset);
        self.bytes.extend_from_slice(&hash.to_le_bytes());
        self.counted(name);
        self.bytes.extend_from_slice(&[0, 0]);
    }

    fn counted(&mut self, text: &str) {
        let units = utf16(text);
        self.bytes.extend_from_slice(&((units.len() / 2) as u16).to_le_bytes());
        self.bytes.extend_from_slice(&units);
    }

    /// Room for a number that is not known yet.
    fn reserve(&mut self, bytes: usize) -> usize {
        let at = self.bytes.len();
        self.bytes.resize(at + bytes, 0);
        at
    }

    fn patch(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Writes how much stands behind the number.
    fn patch_size(&mut self, at: usize) {
        let size = (self.bytes.len() - at - 4) as u32;
        self.patch(at, size);
    }
}

/// Sixteen bits of the hash by which Windows sorts names into buckets, and GUIDs as if they were names.
fn name_hash(units: impl Iterator<Item = u16>) -> u16 {
    units.fold(0_u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(u32::from(unit))) as u16
}

#[cfg(test)]
mod tests {
    use super::name_hash;

    /// As they stand in the logs of a Windows 10.
    #[test]
    fn names_hash_as_windows_does() {
        assert_eq!(name_hash("Event".encode_utf16()), 0x0cba);
        assert_eq!(name_hash("xmlns".encode_utf16()), 0x0fbc);
        assert_eq!(name_hash("System".encode_utf16()), 0x546f);
        assert_eq!(name_hash("EventData".encode_utf16()), 0x8244);
    }
}
