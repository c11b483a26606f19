//! Windows event files, read natively.
//!
//! Generic readers turn each record into a tree of text and let somebody pick three values from it. Here a record
//! stays the bytes it is: [`Chunks`] finds the chunks of a file, whatever shape it is in, [`Chunk::records`] the
//! records in them, and a [`Reader`] says of each record which [`Form`] it has and where its values stand. A value is
//! decoded when somebody asks for it. Only for proof is a record written out, as [`xml`].
//!
//! Everything is read with bounds: offsets and sizes in these files come from whoever wrote them.

mod binxml;
mod bytes;
mod chunk;
mod form;
mod literal;
mod naming;
mod reader;
mod value;
mod xml;

pub use chunk::{
    CHUNK_BYTES, CHUNK_MAGIC, Chunk, Chunks, Damage, FILE_HEADER_BYTES, FILE_MAGIC, Found, RawRecord,
    Records, chunk_of,
};
pub use form::{Field, Form, Source};
pub use reader::{Content, Read, Reader, Record};
pub use value::{ANSI, STRING, Stored, filetime, to_filetime};
pub use xml::xml;
