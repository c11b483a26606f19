//! Indicators out of whatever a neighbour sends: told apart by content, read, and added to an index.

mod csv;
mod list;
pub(crate) mod misp;
mod openioc;
pub(crate) mod stix;
pub(crate) mod types;
mod warninglist;

use std::fmt;
use std::io::Read;

use watchfire_intel::{Builder, Indicator, Kind, Origin, Refused};

pub use warninglist::{WarninglistError, warninglists};

/// A file of a format that is held whole: the largest public feeds have some 200 MB.
pub const FILE_LIMIT_BYTES: u64 = 1 << 30;

/// Values that cannot be used are named one by one up to here in each file, then counted.
const PROBLEMS_NAMED: usize = 5;

/// What a file of indicators is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// STIX 2.0 or 2.1: a bundle, an envelope, a list or an object.
    Stix,
    /// A MISP event, or what its search gives.
    Misp,
    /// Columns with separators.
    Csv,
    /// A value a line.
    List,
    /// OpenIOC 1.0 or 1.1.
    OpenIoc,
}

impl Format {
    /// The format of a file that begins so.
    pub fn of(head: &[u8]) -> Self {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
        // What MISP said may stand within STIX, but not the other way round.
        let is_stix = has(b"\"spec_version\"") || has(b"\"bundle\"") || has(b"\"objects\"");
        match head.first() {
            Some(b'{' | b'[') if is_stix => Self::Stix,
            Some(b'{' | b'[') if has(b"\"Event\"") || has(b"\"Attribute\"") || has(b"\"Orgc\"") => Self::Misp,
            Some(b'{' | b'[') => Self::Stix,
            Some(b'<') => Self::OpenIoc,
            _ if csv::is_csv(head) => Self::Csv,
            _ => Self::List,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stix => "STIX",
            Self::Misp => "MISP",
            Self::Csv => "CSV",
            Self::List => "a list",
            Self::OpenIoc => "OpenIOC",
        })
    }
}

/// Why a file gives no indicators at all.
#[derive(Debug, thiserror::Error)]
pub enum IntelError {
    /// It cannot be read.
    #[error("cannot be read")]
    Io(#[from] std::io::Error),
    /// It is too large for a format that is held whole.
    #[error("larger than {FILE_LIMIT_BYTES} bytes")]
    TooLarge,
    /// It is no JSON of MISP's.
    #[error("this is no MISP event")]
    Misp(#[source] serde_json::Error),
    /// It is no XML.
    #[error("this is no XML")]
    Xml(#[source] quick_xml::Error),
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Indicators that are looked for.
    pub indicators: usize,
    /// What its author does not mean for detection, has revoked, or has deleted.
    pub not_meant: usize,
    /// What cannot be looked for.
    pub refused: usize,
    /// Some of that, with its place and the reason.
    pub problems: Vec<String>,
    /// Columns of a table that say nothing of an indicator.
    pub columns: Vec<String>,
}

impl Loaded {
    fn problem(&mut self, place: &dyn fmt::Display, why: &dyn fmt::Display) {
        self.refused += 1;
        if self.problems.len() < PROBLEMS_NAMED {
            self.problems.push(format!("{place}: {why}"));
        }
    }
}

/// Reads a file of indicators into a builder. `name` is what the file is called in findings.
pub fn read(name: &str, source: &mut dyn Read, builder: &mut Builder) -> Result<Loaded, IntelError> {
    read_into(name, source, None, builder)
}

/// The same, into whatever takes indicators; a format that is stated is not guessed.
#[allow(clippy::disallowed_methods)] // what is read is taken up to named limits
pub(crate) fn read_into(
    name: &str,
    mut source: &mut dyn Read,
    format: Option<Format>,
    sink: &mut dyn Sink,
) -> Result<Loaded, IntelError> {
    let mut head = Vec::new();
    (&mut source).take(HEAD_BYTES).read_to_end(&mut head)?;
    let format = format.unwrap_or_else(|| Format::of(&head));
    let mut whole = std::io::Cursor::new(head).chain(source);
    let mut into = Into { name, sink, loaded: Loaded::default() };
    if format == Format::Stix {
        stix::read(&mut whole, &mut into)?;
        return Ok(into.loaded);
    }
    if format == Format::List {
        list::read(whole, &mut into)?;
        return Ok(into.loaded);
    }
    let mut bytes = Vec::new();
    whole.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        return Err(IntelError::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match format {
        Format::Misp | Format::Stix => misp::read(bytes, &mut into)?,
        Format::Csv | Format::List => csv::read(&String::from_utf8_lossy(bytes), &mut into),
        Format::OpenIoc => openioc::read(bytes, &mut into)?,
    }
    Ok(into.loaded)
}

/// Enough of a file to tell what it is: an event may begin with a long report.
const HEAD_BYTES: u64 = 64 << 10;

/// Where the indicators of a file go.
struct Into<'a> {
    name: &'a str,
    sink: &'a mut dyn Sink,
    loaded: Loaded,
}

/// What takes indicators: an index to hunt by, or a table to convert.
pub(crate) trait Sink {
    /// The number of a source, for [`Sink::add`].
    fn origin(&mut self, origin: &Origin) -> u32;
    /// How many sources there are.
    fn origins(&self) -> u32;
    /// Changes what is said of the sources from a number on.
    fn amend_origins(&mut self, from: u32, change: &dyn Fn(&mut Origin));
    /// Adds an indicator, or says why it is none.
    fn add(&mut self, origin: u32, indicator: &Indicator<'_>) -> Result<(), Refused>;
}

impl Sink for Builder {
    fn origin(&mut self, origin: &Origin) -> u32 {
        Builder::origin(self, origin)
    }

    fn origins(&self) -> u32 {
        Builder::origins(self)
    }

    fn amend_origins(&mut self, from: u32, change: &dyn Fn(&mut Origin)) {
        Builder::amend_origins(self, from, change);
    }

    fn add(&mut self, origin: u32, indicator: &Indicator<'_>) -> Result<(), Refused> {
        Builder::add(self, origin, indicator)
    }
}

impl Into<'_> {
    fn origin(&mut self, origin: Origin) -> u32 {
        self.sink.origin(&Origin { file: self.name.to_owned(), ..origin })
    }

    fn add(&mut self, origin: u32, indicator: &Indicator<'_>, place: &dyn fmt::Display) {
        match self.sink.add(origin, indicator) {
            Ok(()) => self.loaded.indicators += 1,
            Err(Refused::Form(Kind::Text)) if indicator.kind.is_none() => {
                self.loaded.problem(
                    place,
                    &format!("{:?} is nothing that could be looked for", shown(indicator.value)),
                );
            }
            Err(why) => self.loaded.problem(place, &format!("{:?}: {why}", shown(indicator.value))),
        }
    }
}

/// A value cut to what a message can hold.
fn shown(value: &str) -> &str {
    &value[..value.floor_char_boundary(80)]
}

/// Seconds since 1970 of a time as feeds write it: RFC 3339, a date, or the seconds themselves.
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_second());
    }
    let text = text.replacen(' ', "T", 1);
    let civil = text
        .parse::<jiff::civil::DateTime>()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)))
        .ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok().map(jiff::Timestamp::as_second)
}

/// The bytes of a UUID.
fn uuid(text: &str) -> Option<[u8; 16]> {
    watchfire_stix::Uuid::parse(text).map(|uuid| *uuid.as_bytes())
}

#[cfg(test)]
mod tests;
