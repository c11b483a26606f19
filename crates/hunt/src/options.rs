//! What a hunt is asked to do, apart from where it looks.

use jiff::Timestamp;

use crate::allow::AllowList;

/// Options of a hunt.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nothing before this counts.
    pub since: Option<Timestamp>,
    /// Nothing after this counts.
    pub until: Option<Timestamp>,
    /// Threads; none for one a core.
    pub threads: Option<usize>,
    /// Findings that are known to be harmless.
    pub allow: AllowList,
    /// Files are not hashed: nobody is shown their hashes, and they take a sixth of a hunt over event files.
    pub without_hashes: bool,
}

impl Options {
    /// Whether a time lies in the window. What has no time is kept: it cannot be shown to lie outside.
    pub fn in_window(&self, time: Option<Timestamp>) -> bool {
        let Some(time) = time else { return true };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

/// How far a hunt has come; called from many threads.
pub trait Progress: Sync {
    /// The work ahead, in bytes.
    fn start(&self, bytes: u64);
    /// Work done, in bytes.
    fn advance(&self, bytes: u64);
}

/// Tells nobody.
pub struct Quiet;

impl Progress for Quiet {
    fn start(&self, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
}
