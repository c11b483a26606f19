//! Bytes of logs as text for people: UTF-8 where it is, Windows-1252 where it is not, and never a control code
//! that a terminal would obey.

use std::borrow::Cow;

/// Windows-1252 for 0x80..=0x9F; the rest of the code page is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of some bytes: as UTF-8 if they are, else as Windows-1252, which never fails.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| windows_1252(byte)).collect()),
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Whether text is ASCII that anything may print as it is: nearly all text of logs, told in a glance.
pub fn is_plain(text: &str) -> bool {
    let plain = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & (b' '..=b'~').contains(byte));
    text.as_bytes().chunks(64).all(plain)
}

/// Text made safe to print: control characters and bidirectional overrides are shown, not obeyed.
pub fn printable(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_dangerous(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// The same of a text of one's own, which is given back where it is safe as it is.
pub fn into_printable(text: String) -> String {
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(safe) => safe,
    }
}

fn is_dangerous(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Percent-decoding as IIS and Exchange apply it, twice, because attackers encode twice; bad escapes stay.
pub fn percent_decoded_twice(bytes: &[u8]) -> Cow<'_, [u8]> {
    match percent_decoded(bytes) {
        Cow::Borrowed(same) => Cow::Borrowed(same),
        Cow::Owned(once) => match percent_decoded(&once) {
            Cow::Borrowed(_) => Cow::Owned(once),
            Cow::Owned(twice) => Cow::Owned(twice),
        },
    }
}

/// Percent-decoding once; bad escapes stay as they are.
pub fn percent_decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', bytes) else { return Cow::Borrowed(bytes) };
    let mut decoded = bytes[..first].to_vec();
    let mut rest = &bytes[first..];
    while let Some((&byte, tail)) = rest.split_first() {
        if let (b'%', Some(value)) = (byte, hex_pair(tail)) {
            decoded.push(value);
            rest = &tail[2..];
        } else {
            decoded.push(byte);
            rest = tail;
        }
    }
    Cow::Owned(decoded)
}

/// The value of the two hexadecimal digits that `bytes` starts with.
pub fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let [high, low, ..] = bytes else { return None };
    Some(digit(*high)? << 4 | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_1_is_read_where_utf_8_is_not() {
        assert_eq!(text(b"Syst\xe8me \x80"), "Système €");
        assert_eq!(text("Système".as_bytes()), "Système");
    }

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
    }

    #[track_caller]
    fn check_decoded(input: &str, expected: &str) {
        assert_eq!(percent_decoded_twice(input.as_bytes()), expected.as_bytes());
    }

    #[test]
    fn percent_signs_are_decoded_twice_and_bad_ones_kept() {
        check_decoded("/autodiscover.json", "/autodiscover.json");
        check_decoded("p%6fwershell", "powershell");
        check_decoded("p%256fwershell", "powershell");
        check_decoded("100%", "100%");
        check_decoded("%zz%4", "%zz%4");
    }
}
