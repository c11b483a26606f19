//! Regular expressions with the meaning that PCRE gives them (STIX 2.1 §9.6.1, `MATCHES`).
//!
//! An expression is translated and then run by one of two engines: a linear one wherever it can say the same, and a
//! backtracking one, under a limit, for look-around, back-references, atomic groups and an anchor that only looks
//! ahead. Text is searched as Unicode in NFC; octets are searched without Unicode.

mod class;
mod translate;

use std::borrow::Cow;
use std::sync::OnceLock;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::limits::{REGEX_BACKTRACKS_MAX, REGEX_BYTES_MAX, REGEX_CACHE_BYTES_MAX};
use super::problem::Fault;
use translate::{Alphabet, Translation, translate};

/// Why a text is no regular expression that can be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRegexp {
    /// PCRE would refuse it too.
    #[error("the regular expression is not PCRE: {0}")]
    Syntax(String),
    /// PCRE knows it, neither engine does.
    #[error("the regular expression uses {0}, which is not supported")]
    Unsupported(&'static str),
    /// It takes too much memory.
    #[error("the regular expression is too large")]
    TooLarge,
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Regexp {
    text: Engine,
    /// For octets; made when octets are first met, which is rare. `None` if it has characters that are no octet.
    source: String,
    octets: OnceLock<Option<OctetEngine>>,
    literal: Option<String>,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

#[derive(Debug)]
enum OctetEngine {
    Linear(regex::bytes::Regex),
    /// Over octets as the characters U+0000 to U+00FF.
    Backtracking(Box<fancy_regex::Regex>),
}

/// A text in NFC, copied only if it is not.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

impl Regexp {
    pub(crate) fn new(text: &str) -> Result<Self, NoRegexp> {
        let source = nfc(text).into_owned();
        let translation = translate(&source, Alphabet::Unicode)?;
        let engine = if translation.backtracks {
            Engine::Backtracking(Box::new(backtracking(&translation)?))
        } else {
            let built = regex::RegexBuilder::new(&translation.text)
                .size_limit(REGEX_BYTES_MAX)
                .dfa_size_limit(REGEX_CACHE_BYTES_MAX)
                .build();
            Engine::Linear(built.map_err(|error| refused(&error))?)
        };
        Ok(Self { text: engine, source, octets: OnceLock::new(), literal: translation.literal })
    }

    /// Characters that stand in every text in which the expression is found, as they are.
    pub(crate) fn literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }

    /// Whether the expression is found in a text that is in NFC.
    pub(crate) fn is_found_in(&self, text: &str) -> Result<bool, Fault> {
        match &self.text {
            Engine::Linear(engine) => Ok(engine.is_match(text)),
            Engine::Backtracking(engine) => engine.is_match(text).map_err(|_| Fault::Backtracks),
        }
    }

    /// Whether the expression is found in octets. One with characters beyond U+00FF is not.
    pub(crate) fn is_found_in_octets(&self, octets: &[u8]) -> Result<bool, Fault> {
        match self.octets.get_or_init(|| octet_engine(&self.source)) {
            None => Ok(false),
            Some(OctetEngine::Linear(engine)) => Ok(engine.is_match(octets)),
            Some(OctetEngine::Backtracking(engine)) => {
                let characters: String = octets.iter().map(|octet| char::from(*octet)).collect();
                engine.is_match(&characters).map_err(|_| Fault::Backtracks)
            }
        }
    }
}

fn octet_engine(source: &str) -> Option<OctetEngine> {
    if source.chars().any(|character| character > '\u{ff}') {
        return None;
    }
    let translation = translate(source, Alphabet::Octets).ok()?;
    if translation.backtracks {
        return Some(OctetEngine::Backtracking(Box::new(backtracking(&translation).ok()?)));
    }
    let built = regex::bytes::RegexBuilder::new(&translation.text)
        .unicode(false)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_CACHE_BYTES_MAX)
        .build();
    built.ok().map(OctetEngine::Linear)
}

fn backtracking(translation: &Translation) -> Result<fancy_regex::Regex, NoRegexp> {
    let built = fancy_regex::RegexBuilder::new(&translation.text)
        .backtrack_limit(REGEX_BACKTRACKS_MAX)
        .delegate_size_limit(REGEX_BYTES_MAX)
        .delegate_dfa_size_limit(REGEX_CACHE_BYTES_MAX)
        .build();
    built.map_err(|error| NoRegexp::Syntax(error.to_string()))
}

fn refused(error: &regex::Error) -> NoRegexp {
    match error {
        regex::Error::CompiledTooBig(_) => NoRegexp::TooLarge,
        // The last line says what; those before draw the translated expression.
        other => {
            let message = other.to_string();
            let last = message.lines().last().unwrap_or_default();
            NoRegexp::Syntax(last.trim_start_matches("error: ").to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
