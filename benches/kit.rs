//! What several benches need: their arguments, and the processor time of a thread.

use std::{env, fs};

/// What follows the argument of a name.
pub(crate) fn argument(name: &str) -> Option<String> {
    env::args().skip_while(|argument| argument != name).nth(1)
}

/// The time that this thread has been running.
#[allow(dead_code, clippy::disallowed_methods)] // benches of processes ask those; a file of the kernel is no evidence
pub(crate) fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts the time of threads");
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.expect("it begins with nanoseconds") / 1e9
}
