//! Plain lists: a value a line, with comments, as blocklists, host files and lists of digests are.

use std::io::{self, BufRead, BufReader, Read};

use watchfire_intel::{Indicator, Origin, guess};

use super::Into;

/// A line is read up to here: with a comment behind a value that is as long as any.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// A list is read line by line, so that none of it stays but its values.
#[allow(clippy::disallowed_methods)] // a line has a limit
pub(super) fn read(source: impl Read, into: &mut Into<'_>) -> io::Result<()> {
    let origin = into.origin(Origin::default());
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut source).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let place = format_args!("line {number}");
        if line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            into.loaded.problem(&place, &format!("longer than {LINE_BYTES_MAX} bytes"));
            source.skip_until(b'\n')?;
            continue;
        }
        let bytes = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let text = String::from_utf8_lossy(bytes);
        let text = without_comment(text.trim());
        if !text.is_empty() {
            into.add(origin, &Indicator { value: value(text), ..Indicator::default() }, &place);
        }
    }
    Ok(())
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
