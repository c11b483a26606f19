//! Indicators in the same pass: whatever text a record holds is looked through for values that somebody warns of.
//!
//! An indicator that was found is a hit like those of rules; its number stands behind the numbers of all rules.

use std::collections::BTreeMap;
use std::ops::Range;

use watchfire_artifact::evtx::{ANSI, Content as Value, Record, STRING, Source, Stored};

use crate::content::Content;

/// Adds the indicators that stand in a text.
pub(super) fn add(content: &Content, text: &[u8], found: &mut Vec<usize>) {
    if content.intel.is_empty() {
        return;
    }
    content.intel.scan(text, &mut |indicator, _| {
        let rule = content.infos.len() + indicator as usize;
        if !found.contains(&rule) {
            found.push(rule);
        }
    });
}

/// The indicators that stand in rows of lines, by line.
pub(super) fn by_line(content: &Content, rows: &[u8]) -> Vec<(Range<usize>, Vec<usize>)> {
    let mut lines: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    if content.intel.is_empty() {
        return Vec::new();
    }
    content.intel.scan(rows, &mut |indicator, range| {
        let start = memchr::memrchr(b'\n', &rows[..range.start]).map_or(0, |found| found + 1);
        let end = memchr::memchr(b'\n', &rows[range.end..]).map_or(rows.len(), |found| range.end + found);
        let found = lines.entry((start, end)).or_default();
        let rule = content.infos.len() + indicator as usize;
        if !found.contains(&rule) {
            found.push(rule);
        }
    });
    lines.into_iter().map(|((start, end), found)| (start..end, found)).collect()
}

/// Adds the indicators that stand in the values of a record of an event file; `text` is room to work in.
pub(super) fn add_record(content: &Content, record: &Record<'_>, text: &mut Vec<u8>, found: &mut Vec<usize>) {
    if content.intel.is_empty() {
        return;
    }
    text.clear();
    for source in record.form.fields.iter().flat_map(|field| &field.sources) {
        // What a template says is the same for all records of its form, and no value of theirs.
        if matches!(source, Source::Constant(_)) {
            continue;
        }
        match record.content(source) {
            Some(Value::Stored(Stored { kind: STRING, bytes })) => narrow(bytes, text),
            Some(Value::Stored(Stored { kind: ANSI, bytes })) => text.extend_from_slice(bytes),
            Some(value) if value.is_list() => {
                for item in value.texts() {
                    text.extend_from_slice(item.as_bytes());
                    text.push(b'\n');
                }
            }
            _ => continue,
        }
        text.push(b'\n');
    }
    add(content, text, found);
}

/// Appends UTF-16 as one byte a character. No indicator has others than ASCII, so what else there is need only be
/// something that no value holds.
fn narrow(utf16: &[u8], text: &mut Vec<u8>) {
    text.extend(utf16.chunks_exact(2).map(|pair| if pair[1] == 0 { pair[0] } else { 0xFF }));
}
