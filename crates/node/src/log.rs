//! The log, on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use crate::clock::{now_us, text};

/// One line of the log, on standard error: the time and what happened. No secret is ever given to it.
pub(crate) fn log(line: &str) {
    let mut out = io::stderr().lock();
    let line = if out.is_terminal() { line.escape_debug().to_string() } else { line.replace('\n', " ") };
    // A log that cannot be written stops nothing.
    let _ = writeln!(out, "{} {line}", text(now_us()));
}
