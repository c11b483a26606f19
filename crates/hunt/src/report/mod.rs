//! What a hunt found, told to people and to other tools.
//!
//! One `Hunted`, five ways to tell it. Three are for people and share an order: the verdict in plain words, what to
//! do next, what happened in time, what proves it, what the logs cannot show ([`human`] for the terminal, `html`
//! for the file that is handed on, `markdown` for a ticket or a forge). Two are for tools: `jsonl` is complete and
//! its keys are a contract, `csv` is the timeline for a spreadsheet. A report that is cut for size says what it left
//! out and that the JSON lines report has it.
//!
//! Two rules hold for all of them. **The bytes depend on the evidence only**: no clock, no random order, no locale.
//! **Whatever stands in a log was written by an attacker**: [`shown`] makes it harmless as text, and each format
//! then escapes what that format would obey.

mod csv;
mod html;
pub mod human;
mod jsonl;
mod markdown;
#[cfg(test)]
pub(crate) mod sample;
mod selection;
mod shown;
pub mod stix;
mod words;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use watchfire_sigma::Level;

use crate::model::Hunted;
pub use csv::{Columns, UnknownColumn};

/// A report as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One self-contained page, for reading and for print.
    Html,
    /// Markdown as GitHub, GitLab and Forgejo render it.
    Markdown,
    /// The findings as a timeline for spreadsheets.
    Csv,
    /// Everything, one JSON object a line.
    Jsonl,
}

impl Format {
    /// The format that the name of a file asks for.
    pub fn for_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "html" => Self::Html,
            "md" => Self::Markdown,
            "csv" => Self::Csv,
            "jsonl" => Self::Jsonl,
            _ => return None,
        })
    }
}

/// What was asked, and of which program: what a reader needs to ask the same again.
#[derive(Debug, Clone)]
pub struct About {
    /// The version of the program.
    pub version: String,
    /// The folders and files that were hunted through, as typed.
    pub paths: Vec<String>,
    /// Nothing before this counted.
    pub since: Option<Timestamp>,
    /// Nothing after this counted.
    pub until: Option<Timestamp>,
    /// Findings below this are counted and not listed, unless a verdict rests on them.
    pub min_level: Level,
    /// Whether the findings are wanted in numbers too.
    pub summary: bool,
    /// How many threads may write; all cores if not said. The bytes are the same.
    pub threads: Option<usize>,
    /// The columns of the CSV timeline.
    pub columns: Columns,
}

/// Writes one report.
///
/// # Errors
/// Only those of `out`.
pub fn write(format: Format, hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    // Reports are written in thousands of small pieces, and not every caller has a buffer.
    let mut out = BufWriter::new(out);
    match format {
        Format::Html => html::write(hunted, about, &mut out)?,
        Format::Markdown => markdown::write(hunted, about, &mut out)?,
        Format::Csv => csv::write(hunted, about, &mut out)?,
        Format::Jsonl => jsonl::write(hunted, about, &mut out)?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Format; 4] = [Format::Html, Format::Markdown, Format::Csv, Format::Jsonl];

    fn written(format: Format, hunted: &Hunted) -> String {
        let mut out = Vec::new();
        write(format, hunted, &sample::about(), &mut out).expect("memory takes every byte");
        String::from_utf8(out).expect("reports are UTF-8")
    }

    #[test]
    fn a_path_names_its_format() {
        let format = |path: &str| Format::for_path(Path::new(path));
        assert_eq!(format("report.html"), Some(Format::Html));
        assert_eq!(format("out/REPORT.MD"), Some(Format::Markdown));
        assert_eq!(format("timeline.csv"), Some(Format::Csv));
        assert_eq!(format("all.jsonl"), Some(Format::Jsonl));
        assert_eq!(format("bundle.stix.json"), None);
        assert_eq!(format("report"), None);
    }

    #[test]
    fn the_same_hunt_gives_the_same_bytes() {
        for format in ALL {
            assert_eq!(written(format, &sample::hunted()), written(format, &sample::hunted()), "{format:?}");
        }
    }

    #[test]
    fn an_empty_hunt_is_told_too() {
        for format in ALL {
            let report = written(format, &Hunted::default());
            assert!(!report.is_empty(), "{format:?}");
        }
    }

    #[test]
    fn no_format_passes_on_a_control_code_or_an_override() {
        for format in ALL {
            let report = written(format, &sample::hunted());
            let bad = report.chars().find(|&c| {
                (c.is_control() && c != '\n' && !(c == '\r' && format == Format::Csv))
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            assert_eq!(bad, None, "{format:?}");
        }
    }
}
