//! Rows as a table and as a list.

use std::io::{self, Write};

use md5::{Digest, Md5};
use rustc_hash::FxHashSet;
use serde_json::Value;

use super::row::Row;
use super::{LeftOut, attributes, is_set, list, tags};

/// The columns of a table; new ones are added at the end.
const HEADER: &str = "value,type,to_ids,comment,uuid,report,source,tlp,valid_from,valid_until,confidence\r\n";

/// A table (RFC 4180), written row by row.
pub struct Table<W> {
    out: W,
}

impl<W: Write> Table<W> {
    /// With its header.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(HEADER.as_bytes())?;
        Ok(Self { out })
    }

    /// One row.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let to_ids = if row.to_ids { "1" } else { "0" };
        let confidence = row.confidence.map(|confidence| confidence.to_string()).unwrap_or_default();
        let cells = [
            &row.value,
            &row.value_type,
            to_ids,
            &row.comment,
            &row.uuid,
            &row.report,
            &row.author,
            &row.tlp,
            &row.valid_from,
            &row.valid_until,
            &confidence,
        ];
        let mut line = cells.map(quoted).join(",");
        line.push_str("\r\n");
        self.out.write_all(line.as_bytes())
    }

    /// Everything is written.
    pub fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The values that are meant for detection, one a line and each once.
pub struct List<W> {
    out: W,
    /// Digests of what was written.
    written: FxHashSet<[u8; 16]>,
    left_out: LeftOut,
}

impl<W: Write> List<W> {
    /// An empty list.
    pub fn new(out: W) -> Self {
        Self { out, written: FxHashSet::default(), left_out: LeftOut::default() }
    }

    /// The value of a row.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        if !row.to_ids {
            self.left_out.note("attributes that are not meant for detection");
            return Ok(());
        }
        if row.value.contains(['\n', '\r']) {
            self.left_out.note("values of several lines");
            return Ok(());
        }
        let said = [
            (&row.comment, "comments"),
            (&row.uuid, "UUIDs"),
            (&row.report, "names of reports"),
            (&row.author, "names of authors"),
            (&row.tlp, "markings: a list says nothing of who may know it"),
            (&row.valid_until, "ends of validity"),
        ];
        said.iter().filter(|(text, _)| !text.is_empty()).for_each(|(_, what)| self.left_out.note(*what));
        if !self.written.insert(Md5::digest(row.value.as_bytes()).into()) {
            return Ok(());
        }
        writeln!(self.out, "{}", row.value)
    }

    /// Everything is written; what a list cannot say.
    pub fn end(mut self) -> io::Result<LeftOut> {
        self.out.flush()?;
        Ok(self.left_out)
    }
}

/// What a table cannot say of an event.
pub fn beyond_tables(event: &Value) -> LeftOut {
    let mut left_out = LeftOut::default();
    for (name, what) in [
        ("Object", "objects: their attributes stand alone"),
        ("EventReport", "reports in prose"),
        ("Galaxy", "galaxies"),
    ] {
        left_out.many(what, list(event, name).len());
    }
    let other = |tag: &&str| !tag.to_ascii_lowercase().starts_with("tlp:");
    tags(event).filter(other).for_each(|_| left_out.note("tags of events"));
    for attribute in attributes(event) {
        tags(attribute).filter(other).for_each(|_| left_out.note("tags of attributes"));
        if is_set(attribute, "deleted") {
            left_out.note("attributes that were deleted");
        }
    }
    left_out
}

/// A cell; what a spreadsheet would run as a formula is made text.
fn quoted(cell: &str) -> String {
    let harmless = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}
