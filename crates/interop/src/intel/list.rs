//! Plain lists: a value a line, with comments, as blocklists, host files and lists of digests are.

use watchfire_intel::{Indicator, Origin, guess};

use super::Into;

pub(super) fn read(text: &str, into: &mut Into<'_>) {
    let origin = into.origin(Origin::default());
    for (number, line) in text.lines().enumerate() {
        let line = without_comment(line.trim());
        if line.is_empty() {
            continue;
        }
        let value = value(line);
        into.add(origin, &Indicator { value, ..Indicator::default() }, &format_args!("line {}", number + 1));
    }
}

fn without_comment(line: &str) -> &str {
    if line.starts_with(['#', ';']) || line.starts_with("//") {
        return "";
    }
    // A `#` within a URL is its own.
    line.split(" #").next().unwrap_or_default().trim_end()
}

/// The value of a line: the line, or a word of it.
fn value(line: &str) -> &str {
    let mut words = line.split_ascii_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    // A file of hosts leads names to nowhere.
    if matches!(first, "0.0.0.0" | "127.0.0.1" | "::1" | "::")
        && let Some(name) = second
    {
        return name;
    }
    // `sha256sum` writes the name of the file behind the digest.
    if second.is_some() && guess(line).is_none() && guess(first).is_some() { first } else { line }
}
