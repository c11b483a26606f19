//! YARA rules on files: what a rule says of itself, and where in a file it matches.
//!
//! The engine is `yara-x` (BSD-3), behind the feature `engine`: it brings a WebAssembly compiler and takes minutes to
//! build. Without the feature the same types are there and [`Rules::compile`] says that there is no engine.
//! Modules that need cryptography or parse executables (`pe`, `dotnet`, `macho`, `crx`, `vt`) are left out; rules that
//! import them are refused by name, as are `include`s: a rule file reads no other file.

use std::fmt;

#[cfg(feature = "engine")]
mod engine;
#[cfg(not(feature = "engine"))]
mod nothing;

#[cfg(feature = "engine")]
pub use engine::{Rules, Scanner};
#[cfg(not(feature = "engine"))]
pub use nothing::{Rules, Scanner};

/// Bytes of a file that are looked at: pages and scripts are far smaller, and what is larger is seldom read whole by
/// any rule.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Strings of a rule that a match names; the rest add nothing to a proof.
pub const STRINGS_NAMED_MAX: usize = 8;

/// Bytes of a string's match that are kept.
pub const EXCERPT_BYTES_MAX: usize = 256;

/// What a rule says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its identifier.
    pub name: String,
    /// The file that it is from, as given to [`Rules::compile`].
    pub file: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its metadata as written: key and value, in order.
    pub meta: Vec<(String, String)>,
}

impl Rule {
    /// The first value of a key, whatever its case.
    pub fn meta<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.meta_all(key).next()
    }

    /// All values of a key, whatever its case; `reference` may stand several times.
    pub fn meta_all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.meta
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

/// A rule that matches a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule, by its place in [`Rules::list`].
    pub rule: usize,
    /// Its strings that stand in the file, at most [`STRINGS_NAMED_MAX`], in the rule's order.
    pub strings: Vec<Found>,
}

/// A string of a rule in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its identifier, `$a`.
    pub name: String,
    /// Bytes from the start of the file to its first match.
    pub offset: u64,
    /// The matched bytes, at most [`EXCERPT_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// What rules may ask of a file besides its bytes, under the names that public rules use.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// `filepath`: the folder, as its system writes it.
    pub folder: &'a str,
    /// `filename`.
    pub name: &'a str,
}

impl<'a> About<'a> {
    /// `extension`: with its dot, or nothing.
    pub fn extension(&self) -> &'a str {
        self.name.rfind('.').map_or("", |dot| &self.name[dot..])
    }
}

/// A rule, or a file of rules, that cannot be used, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The file, as given to [`Rules::compile`]; empty where only the rule is known.
    pub file: String,
    /// Line, from 1; 0 where it is not known.
    pub line: usize,
    /// Column, from 1; 0 where it is not known.
    pub column: usize,
    /// What is wrong, and with which rule.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(out, "{}:{}:{}: ", self.file, self.line, self.column)?;
        }
        write!(out, "refused: {}", self.reason)
    }
}

/// Why there is no scan.
#[derive(Debug, thiserror::Error)]
pub enum YaraError {
    /// This build has no engine.
    #[error("YARA rules are not read by this build; it was made without the feature `yara`")]
    NoEngine,
    /// The engine gave up on a file.
    #[error("YARA: {0}")]
    Scan(String),
}
