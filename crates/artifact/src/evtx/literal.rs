//! Records that are no template's instances: elements, attributes and texts, each written out.
//!
//! What forwards or exports events may write every one as a document of its own. Such records repeat all the same: one
//! kind of event has the same elements around other texts. So a record's [`Structure`] is taken apart from its texts;
//! structures that are known give the form, and the texts are its slots.

use super::binxml::{Name, Piece, Sink};
use super::naming::Naming;
use super::reader::Cell;

/// Bytes of a structure that is remembered: real ones have some two thousand.
const STRUCTURE_BYTES_MAX: usize = 16 << 10;

/// Texts of a record that is read by its structure.
const TEXTS_MAX: usize = 1024;

/// Splits what a walk meets into the structure, written down so that it can be compared, and the texts in it.
#[derive(Debug)]
pub(super) struct Structure<'s> {
    /// Tokens and names, and those texts that decide how fields are called.
    print: &'s mut Vec<u8>,
    texts: &'s mut Vec<Cell>,
    /// Names the fields too, whose texts are told as slots.
    naming: Option<Naming>,
    /// The attribute at hand is part of the structure with its text.
    fixed: bool,
    /// There is something that no slot can stand for.
    odd: bool,
}

impl<'s> Structure<'s> {
    /// Begins a record; what stood in `print` and `texts` is forgotten.
    pub(super) fn new(print: &'s mut Vec<u8>, texts: &'s mut Vec<Cell>, naming: Option<Naming>) -> Self {
        print.clear();
        texts.clear();
        Self { print, texts, naming, fixed: false, odd: false }
    }

    /// Whether records of this structure can be told apart by their texts alone.
    pub(super) fn is_plain(&self) -> bool {
        !self.odd && self.print.len() <= STRUCTURE_BYTES_MAX
    }

    /// The names of the fields, where they were asked for.
    pub(super) fn naming(self) -> Option<Naming> {
        self.naming.map(Naming::finish)
    }

    fn token(&mut self, token: Token, bytes: &[u8]) {
        if self.print.len() > STRUCTURE_BYTES_MAX {
            return;
        }
        self.print.push(token as u8);
        self.print.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.print.extend_from_slice(bytes);
    }
}

/// What a structure is made of.
#[derive(Clone, Copy)]
enum Token {
    Open,
    Attribute,
    Content,
    Close,
    /// A text that is part of the structure.
    Fixed,
    /// Any text.
    Text,
}

impl Sink for Structure<'_> {
    fn open(&mut self, name: Name<'_>) {
        self.fixed = false;
        self.token(Token::Open, name.utf16);
        if let Some(naming) = &mut self.naming {
            naming.open(name);
        }
    }

    fn attribute(&mut self, name: Name<'_>) {
        // `Name` calls its element; a namespace says nothing of the event.
        self.fixed = is_ascii(name.utf16, b"Name") || is_ascii(name.utf16, b"xmlns");
        self.token(Token::Attribute, name.utf16);
        if let Some(naming) = &mut self.naming {
            naming.attribute(name);
        }
    }

    fn content(&mut self) {
        self.fixed = false;
        self.token(Token::Content, b"");
        if let Some(naming) = &mut self.naming {
            naming.content();
        }
    }

    fn text(&mut self, piece: Piece<'_>) {
        let Piece::Value(stored, at) = piece else {
            self.odd = true;
            return;
        };
        let slot = self.texts.len();
        if self.fixed {
            self.token(Token::Fixed, &[stored.kind]);
            self.token(Token::Fixed, stored.bytes);
        } else if let (Ok(size), true) = (u16::try_from(stored.bytes.len()), slot < TEXTS_MAX) {
            self.token(Token::Text, b"");
            self.texts.push(Cell { at: at as u32, size, kind: stored.kind });
        } else {
            self.odd = true;
        }
        if let Some(naming) = &mut self.naming {
            naming.text(if self.fixed { piece } else { Piece::Slot(slot as u16) });
        }
    }

    fn close(&mut self) {
        self.fixed = false;
        self.token(Token::Close, b"");
        if let Some(naming) = &mut self.naming {
            naming.close();
        }
    }
}

fn is_ascii(utf16: &[u8], text: &[u8]) -> bool {
    utf16.len() == 2 * text.len() && utf16.chunks_exact(2).zip(text).all(|(unit, byte)| unit == [*byte, 0])
}
