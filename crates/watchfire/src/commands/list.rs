//! A list on standard output, in the format that was asked for.

use std::io::{self, Write};

use crate::arguments::Listing;

/// Prints one value after the other in the format that was asked for.
pub(super) struct List<W: Write> {
    out: W,
    format: Listing,
    printed: usize,
}

impl<W: Write> List<W> {
    pub(super) fn new(out: W, format: Listing) -> Self {
        Self { out, format, printed: 0 }
    }

    pub(super) fn print(
        &mut self,
        human: impl FnOnce() -> String,
        value: impl FnOnce() -> serde_json::Value,
    ) -> io::Result<()> {
        match self.format {
            Listing::Human => writeln!(self.out, "{}", human())?,
            Listing::Jsonl => writeln!(self.out, "{}", value())?,
            Listing::Json => {
                let before = if self.printed == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{before}{}", value())?;
            }
        }
        self.printed += 1;
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        if self.format == Listing::Json {
            writeln!(self.out, "{}", if self.printed == 0 { "[]" } else { "\n]" })?;
        }
        self.out.flush()
    }
}
