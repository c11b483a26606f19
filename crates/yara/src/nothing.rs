//! What stands in for the engine in a build without it: it refuses rules, so nothing is ever scanned.

use std::marker::PhantomData;

use crate::{About, Match, Refused, Rule, YaraError};

/// Compiled rules, of which this build has none.
#[derive(Debug)]
pub struct Rules(());

/// A scan by rules, of which this build has none.
#[derive(Debug)]
pub struct Scanner<'r>(PhantomData<&'r Rules>);

impl Rules {
    /// Refuses: there is no engine.
    pub fn compile(_files: &[(String, String)]) -> Result<(Self, Vec<Refused>), YaraError> {
        Err(YaraError::NoEngine)
    }

    /// No rules.
    pub fn list(&self) -> &[Rule] {
        &[]
    }

    /// A scanner by no rules.
    pub fn scanner(&self) -> Scanner<'_> {
        Scanner(PhantomData)
    }
}

impl Scanner<'_> {
    /// No rule matches.
    pub fn scan(&mut self, _about: About<'_>, _bytes: &[u8]) -> Result<Vec<Match>, YaraError> {
        Ok(Vec::new())
    }
}
