//! What administrators export: PowerShell's `Format-List` and registry files.

use super::{Entry, RAW_LIMIT_BYTES};
use crate::lines;
use crate::problem::Problem;
use crate::text::hex_pair;

/// Objects that `Format-List` printed: blocks of `Name : value`, a blank line between.
pub(super) fn format_list(text: &[u8]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open = false;
    for line in lines::ranges(text) {
        let bytes = &text[line.clone()];
        if bytes.trim_ascii().is_empty() {
            open = false;
            continue;
        }
        let pair = name_and_value(bytes);
        if !open && pair.is_some() {
            entries.push(Entry { fields: Vec::new(), offset: line.start as u64, raw: Vec::new() });
            open = true;
        }
        let Some(entry) = entries.last_mut().filter(|_| open) else { continue };
        match pair {
            Some((name, value)) => entry.fields.push((name, value.to_vec())),
            // A long value goes on in the next line, behind as many blanks as the names are wide.
            None => entry
                .fields
                .iter_mut()
                .last()
                .map_or((), |(_, value)| value.extend_from_slice(bytes.trim_ascii())),
        }
        if entry.raw.len() < RAW_LIMIT_BYTES {
            entry.raw.extend_from_slice(bytes);
            entry.raw.push(b'\n');
        }
    }
    entries
}

fn name_and_value(line: &[u8]) -> Option<(String, &[u8])> {
    if line.first()?.is_ascii_whitespace() {
        return None;
    }
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii();
    let is_name = !name.is_empty()
        && name.iter().all(u8::is_ascii_alphanumeric)
        && line.get(colon + 1).is_none_or(|&byte| byte == b' ');
    is_name.then(|| (String::from_utf8_lossy(name).into_owned(), line[colon + 1..].trim_ascii()))
}

/// The values of a registry export.
pub(super) fn registry(shown: &str, text: &[u8], problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut key = Vec::new();
    let mut lines = lines::ranges(text);
    while let Some(line) = lines.next() {
        let mut end = line.end;
        let bytes = &text[line.clone()];
        if let Some(inside) = bytes.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
            key = inside.to_vec();
            continue;
        }
        let mut whole = bytes.to_vec();
        while whole.ends_with(b"\\") {
            whole.pop();
            let Some(next) = lines.next() else { break };
            end = next.end;
            whole.extend_from_slice(text[next].trim_ascii());
        }
        let Some((name, kind, data)) = registry_value(&whole) else {
            if !(whole.is_empty() || entries.is_empty() && key.is_empty()) {
                problems.push(Problem::at(shown, line.start as u64, "not a value of a registry export"));
            }
            continue;
        };
        let raw = text[line.start..end.min(line.start + RAW_LIMIT_BYTES)].to_vec();
        let mut entry = Entry { fields: Vec::new(), offset: line.start as u64, raw };
        entry.push("key", key.clone());
        entry.push("name", name);
        entry.push("type", kind);
        entry.push("data", data);
        entries.push(entry);
    }
    entries
}

fn registry_value(line: &[u8]) -> Option<(Vec<u8>, &'static str, Vec<u8>)> {
    let (name, rest) = match line {
        [b'@', b'=', rest @ ..] => (b"@".to_vec(), rest),
        [b'"', rest @ ..] => {
            let (name, rest) = quoted(rest)?;
            (name, rest.strip_prefix(b"=")?)
        }
        _ => return None,
    };
    if let Some(text) = rest.strip_prefix(b"\"") {
        return Some((name, "string", quoted(text)?.0));
    }
    if let Some(number) = rest.strip_prefix(b"dword:") {
        return Some((name, "dword", number.to_vec()));
    }
    let colon = memchr::memchr(b':', rest)?;
    if !rest.starts_with(b"hex") {
        return None;
    }
    let data: Vec<u8> = rest[colon + 1..]
        .split(|&byte| byte == b',')
        .filter_map(|pair| hex_pair(pair.trim_ascii()))
        .collect();
    // hex(1), (2) and (7) are UTF-16 strings: shown without their zeros.
    let wide = rest[..colon].len() > 3;
    let data = if wide { data.into_iter().filter(|&byte| byte != 0).collect() } else { data };
    Some((name, if wide { "strings" } else { "binary" }, data))
}

/// A string up to its closing quote, backslashes undone; what follows it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match text.get(at..)? {
            [b'\\', escaped, ..] => {
                value.push(*escaped);
                at += 2;
            }
            [b'"', rest @ ..] => return Some((value, rest)),
            [byte, ..] => {
                value.push(*byte);
                at += 1;
            }
            [] => return None,
        }
    }
}
