//! Values as records store them, and as the text that rules and reports see.
//!
//! A value stays the bytes it is until somebody asks for its text: most are never asked for, and the same bytes of
//! the same type always give the same text, so whoever has seen a value can know it again without decoding it. The
//! texts are those that Windows writes into a record's XML (MS-EVEN6 §2.2.12 to §2.2.20).

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::bytes::{array_at, u16_at, u32_at};

/// The set type bit: a list of values of one type.
const LIST: u8 = 0x80;

/// UTF-16 is narrowed so many units at a time, on the stack.
const NARROW_BYTES: usize = 256;

/// 100 ns from 1601, where Windows begins to count, to 1970.
const FILETIME_TO_UNIX: i64 = 116_444_736_000_000_000;

/// A value, not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Its type (MS-EVEN6 §2.2.12).
    pub kind: u8,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// The type of text in UTF-16.
pub const STRING: u8 = kind::STRING;

/// The type of text in one byte a character.
pub const ANSI: u8 = kind::ANSI;

pub(crate) mod kind {
    pub(crate) const NULL: u8 = 0x00;
    pub(crate) const STRING: u8 = 0x01;
    pub(crate) const ANSI: u8 = 0x02;
    pub(crate) const INT8: u8 = 0x03;
    pub(crate) const UINT8: u8 = 0x04;
    pub(crate) const INT16: u8 = 0x05;
    pub(crate) const UINT16: u8 = 0x06;
    pub(crate) const INT32: u8 = 0x07;
    pub(crate) const UINT32: u8 = 0x08;
    pub(crate) const INT64: u8 = 0x09;
    pub(crate) const UINT64: u8 = 0x0a;
    pub(crate) const REAL32: u8 = 0x0b;
    pub(crate) const REAL64: u8 = 0x0c;
    pub(crate) const BOOL: u8 = 0x0d;
    pub(crate) const GUID: u8 = 0x0f;
    pub(crate) const SIZE: u8 = 0x10;
    pub(crate) const FILETIME: u8 = 0x11;
    pub(crate) const SYSTEMTIME: u8 = 0x12;
    pub(crate) const SID: u8 = 0x13;
    pub(crate) const HEX32: u8 = 0x14;
    pub(crate) const HEX64: u8 = 0x15;
    pub(crate) const BINARY_XML: u8 = 0x21;
}

impl<'a> Stored<'a> {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        self.kind == kind::NULL
    }

    /// Whether it is a list of values.
    pub fn is_list(&self) -> bool {
        self.kind & LIST != 0
    }

    /// Whether its text is a number, a time, a GUID or a SID.
    pub fn is_figure(&self) -> bool {
        let is_fixed = |kind: u8| size_of(kind).is_some() && kind != kind::BOOL;
        let kind = self.kind & !LIST;
        is_fixed(kind) || kind == kind::SID || kind == kind::NULL
    }

    /// The text; of a list, its texts joined by commas.
    pub fn text(&self) -> Cow<'a, str> {
        if self.is_list() {
            return Cow::Owned(self.texts().collect::<Vec<_>>().join(","));
        }
        match self.kind {
            kind::NULL => Cow::Borrowed(""),
            kind::STRING => utf16(self.bytes),
            kind::ANSI => latin1(self.bytes),
            _ => {
                let mut text = String::new();
                self.push_text(&mut text);
                Cow::Owned(text)
            }
        }
    }

    /// Appends the text.
    pub(crate) fn push_text(&self, to: &mut String) {
        match self.kind {
            kind::STRING => push_utf16(to, self.bytes),
            kind::NULL | kind::ANSI => to.push_str(&self.text()),
            kind if kind & LIST != 0 => to.push_str(&self.text()),
            _ => {
                let before = to.len();
                if self.push_scalar(to).is_none() {
                    to.truncate(before);
                    push_hex(to, self.bytes);
                }
            }
        }
    }

    /// The texts of a list; of anything else its only one.
    pub fn texts(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        self.items().map(|item| item.text())
    }

    /// The values of a list; of anything else the value itself.
    pub(crate) fn items(&self) -> impl Iterator<Item = Stored<'a>> + use<'a> {
        let (kind, is_list) = (self.kind & !LIST, self.is_list());
        let mut rest = self.bytes;
        let mut whole = (!is_list).then_some(*self);
        std::iter::from_fn(move || {
            if let Some(only) = whole.take() {
                return Some(only);
            }
            if !is_list || rest.is_empty() {
                return None;
            }
            let (item, behind) = split_item(kind, rest);
            rest = behind;
            Some(Stored { kind, bytes: item })
        })
    }

    /// The time, if it is one.
    pub fn time(&self) -> Option<Timestamp> {
        match self.kind {
            kind::FILETIME => filetime(u64::from_le_bytes(array_at(self.bytes, 0)?)),
            kind::SYSTEMTIME => systemtime(self.bytes),
            kind::STRING => crate::clock::iso(self.text().as_bytes()),
            _ => None,
        }
    }

    /// The time as 100 ns since 1601, if it is one.
    pub fn ticks(&self) -> Option<u64> {
        match self.kind {
            kind::FILETIME => array_at(self.bytes, 0).map(u64::from_le_bytes),
            _ => self.time().map(to_filetime),
        }
    }

    /// Appends the text of what has a fixed size; none if its bytes are too few.
    fn push_scalar(&self, to: &mut String) -> Option<()> {
        let b = self.bytes;
        // Writing to a string cannot fail.
        let _ = match self.kind {
            kind::INT8 => write!(to, "{}", i8::from_le_bytes(array_at(b, 0)?)),
            kind::UINT8 => write!(to, "{}", u8::from_le_bytes(array_at(b, 0)?)),
            kind::INT16 => write!(to, "{}", i16::from_le_bytes(array_at(b, 0)?)),
            kind::UINT16 => write!(to, "{}", u16::from_le_bytes(array_at(b, 0)?)),
            kind::INT32 => write!(to, "{}", i32::from_le_bytes(array_at(b, 0)?)),
            kind::UINT32 => write!(to, "{}", u32::from_le_bytes(array_at(b, 0)?)),
            kind::INT64 => write!(to, "{}", i64::from_le_bytes(array_at(b, 0)?)),
            kind::UINT64 => write!(to, "{}", u64::from_le_bytes(array_at(b, 0)?)),
            kind::REAL32 => write!(to, "{}", f32::from_le_bytes(array_at(b, 0)?)),
            kind::REAL64 => write!(to, "{}", f64::from_le_bytes(array_at(b, 0)?)),
            kind::BOOL => write!(to, "{}", boolean(b)?),
            kind::GUID => return push_guid(to, b),
            kind::SIZE | kind::HEX32 | kind::HEX64 => write!(to, "0x{:x}", unsigned(b)?),
            kind::FILETIME | kind::SYSTEMTIME => write!(to, "{:.7}", self.time()?),
            kind::SID => return push_sid(to, b),
            _ => return None,
        };
        Some(())
    }
}

/// Splits the first item off a list: strings end with a zero, everything else has a fixed size.
fn split_item(kind: u8, rest: &[u8]) -> (&[u8], &[u8]) {
    let cut = |end: usize, next: usize| (&rest[..end.min(rest.len())], rest.get(next..).unwrap_or_default());
    match kind {
        kind::STRING => {
            let pairs = rest.len() / 2;
            let end = rest.chunks_exact(2).position(|unit| unit == [0, 0]).unwrap_or(pairs) * 2;
            cut(end, end + 2)
        }
        kind::ANSI => {
            let end = memchr::memchr(0, rest).unwrap_or(rest.len());
            cut(end, end + 1)
        }
        kind::SID => {
            let size = 8 + 4 * usize::from(rest.get(1).copied().unwrap_or(0));
            cut(size, size)
        }
        _ => {
            let size = size_of(kind).unwrap_or(rest.len()).max(1);
            cut(size, size)
        }
    }
}

pub(crate) fn size_of(kind: u8) -> Option<usize> {
    Some(match kind {
        kind::INT8 | kind::UINT8 => 1,
        kind::INT16 | kind::UINT16 => 2,
        kind::INT32 | kind::UINT32 | kind::REAL32 | kind::BOOL | kind::HEX32 => 4,
        kind::INT64 | kind::UINT64 | kind::REAL64 | kind::FILETIME | kind::HEX64 | kind::SIZE => 8,
        kind::GUID | kind::SYSTEMTIME => 16,
        _ => return None,
    })
}

/// UTF-16 as text, without the zeros that some writers leave at the end; a lone surrogate becomes U+FFFD.
pub(crate) fn utf16(bytes: &[u8]) -> Cow<'static, str> {
    let mut text = String::new();
    push_utf16(&mut text, bytes);
    Cow::Owned(text)
}

/// Appends UTF-16 as [`utf16`] reads it. ASCII goes the quick way.
pub(crate) fn push_utf16(to: &mut String, bytes: &[u8]) {
    let mut wide = &bytes[..bytes.len() & !1];
    while let [rest @ .., 0, 0] = wide {
        wide = rest;
    }
    to.reserve(wide.len() / 2);
    let (pairs, _) = wide.as_chunks::<2>();
    let mut narrow = [0_u8; NARROW_BYTES];
    for (number, part) in pairs.chunks(NARROW_BYTES).enumerate() {
        let narrow = &mut narrow[..part.len()];
        let mut beyond = 0_u8;
        for (to, [low, high]) in narrow.iter_mut().zip(part) {
            *to = *low;
            beyond |= high | (low & 0x80);
        }
        match std::str::from_utf8(narrow) {
            Ok(text) if beyond == 0 => to.push_str(text),
            _ => {
                // A pair of surrogates may stand across the end of this part, so the rest goes the long way at once.
                let units = pairs[number * NARROW_BYTES..].iter().map(|unit| u16::from_le_bytes(*unit));
                to.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
                return;
            }
        }
    }
}

/// A string of a single-byte code page, up to its zero; which page it was nobody wrote down.
fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

fn boolean(bytes: &[u8]) -> Option<bool> {
    bytes.first()?;
    Some(bytes.iter().any(|&byte| byte != 0))
}

/// Four or eight bytes.
fn unsigned(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        4 => u32_at(bytes, 0).map(u64::from),
        _ => array_at(bytes, 0).map(u64::from_le_bytes),
    }
}

/// `{54849625-5478-4994-A5BA-3E3B0328C30D}`.
fn push_guid(to: &mut String, bytes: &[u8]) -> Option<()> {
    let mut head: [u8; 8] = array_at(bytes, 0)?;
    let tail: [u8; 8] = array_at(bytes, 8)?;
    // The first three parts are numbers, low byte first.
    head[..4].reverse();
    head[4..6].reverse();
    head[6..].reverse();
    for (start, part) in
        ["{", "-", "-", "-", "-"].iter().zip([&head[..4], &head[4..6], &head[6..], &tail[..2], &tail[2..]])
    {
        to.push_str(start);
        push_hex(to, part);
    }
    to.push('}');
    Some(())
}

/// `S-1-5-21-…` (MS-DTYP §2.4.2.2).
fn push_sid(to: &mut String, bytes: &[u8]) -> Option<()> {
    let head: [u8; 8] = array_at(bytes, 0)?;
    // Revision, count, and six bytes of authority, high byte first.
    let authority = u64::from_be_bytes(head) & 0xffff_ffff_ffff;
    let _ = write!(to, "S-{}-{authority}", head[0]);
    for number in 0..usize::from(head[1]) {
        let _ = write!(to, "-{}", u32_at(bytes, 8 + 4 * number)?);
    }
    Some(())
}

/// 100 ns since 1601 as a time.
pub fn filetime(ticks: u64) -> Option<Timestamp> {
    let since_1970 = i64::try_from(ticks).ok()? - FILETIME_TO_UNIX;
    Timestamp::from_nanosecond(i128::from(since_1970) * 100).ok()
}

/// A time as 100 ns since 1601; zero for what is older.
pub fn to_filetime(time: Timestamp) -> u64 {
    let since_1970 = i64::try_from(time.as_nanosecond() / 100).unwrap_or(i64::MAX);
    u64::try_from(since_1970.saturating_add(FILETIME_TO_UNIX)).unwrap_or(0)
}

/// Year, month, day of the week, day, hour, minute, second, millisecond; none where one of them is none of the kind.
fn systemtime(bytes: &[u8]) -> Option<Timestamp> {
    let part = |number: usize| u16_at(bytes, 2 * number);
    let small = |number: usize| i8::try_from(part(number)?).ok();
    let date = jiff::civil::Date::new(i16::try_from(part(0)?).ok()?, small(1)?, small(3)?).ok()?;
    let millisecond = part(7).filter(|&millisecond| millisecond < 1000)?;
    let nanosecond = i32::from(millisecond) * 1_000_000;
    let time = jiff::civil::Time::new(small(4)?, small(5)?, small(6)?, nanosecond).ok()?;
    crate::clock::utc(date, time)
}

fn push_hex(to: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    to.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u8, bytes: &[u8], expected: &str) {
        assert_eq!(Stored { kind, bytes }.text(), expected);
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn texts_are_those_of_windows() {
        check(kind::STRING, &wide("cmd.exe\0"), "cmd.exe");
        check(kind::STRING, &wide("Zoë 😀"), "Zoë 😀");
        check(kind::STRING, &[0x00, 0xd8], "\u{fffd}");
        check(kind::ANSI, b"caf\xe9\0junk", "café");
        check(kind::INT8, &[0xff], "-1");
        check(kind::UINT16, &[0x01, 0x02], "513");
        check(kind::INT32, &[0xfe, 0xff, 0xff, 0xff], "-2");
        check(kind::UINT64, &[0xff; 8], "18446744073709551615");
        check(kind::HEX64, &[0xe7, 3, 0, 0, 0, 0, 0, 0], "0x3e7");
        check(kind::HEX32, &[0xb0, 0, 0, 0], "0xb0");
        check(kind::BOOL, &[1, 0, 0, 0], "true");
        check(kind::BOOL, &[0, 0, 0, 0], "false");
        check(0x0e, &[0xde, 0xad], "DEAD");
        check(kind::NULL, &[], "");
        check(kind::REAL64, &1.5_f64.to_le_bytes(), "1.5");
        check(kind::SID, &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0], "S-1-5-18");
        check(
            kind::GUID,
            &[0x25, 0x96, 0x84, 0x54, 0x78, 0x54, 0x94, 0x49, 0xa5, 0xba, 0x3e, 0x3b, 3, 0x28, 0xc3, 0x0d],
            "{54849625-5478-4994-A5BA-3E3B0328C30D}",
        );
        check(kind::FILETIME, &132_591_831_000_000_000_u64.to_le_bytes(), "2021-03-02T18:25:00.0000000Z");
    }

    #[test]
    fn lists_are_split_by_their_type() {
        fn texts(kind: u8, bytes: &[u8]) -> Vec<Cow<'_, str>> {
            Stored { kind: kind | LIST, bytes }.texts().collect()
        }
        assert_eq!(texts(kind::STRING, &wide("a\0bc\0")), ["a", "bc"]);
        assert_eq!(texts(kind::UINT16, &[1, 0, 2, 0]), ["1", "2"]);
        assert_eq!(texts(kind::UINT16, &[]), Vec::<String>::new());
        assert_eq!(Stored { kind: kind::STRING | LIST, bytes: &wide("a\0b\0") }.text(), "a,b");
    }

    #[test]
    fn a_time_that_is_none_is_shown_as_bytes() {
        let parts = |parts: [u16; 8]| parts.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        check(kind::SYSTEMTIME, &parts([2021, 3, 2, 2, 18, 25, 0, 7]), "2021-03-02T18:25:00.0070000Z");
        // The month is 3 in its lowest byte alone.
        for wrong in [[2021, 259, 2, 2, 18, 25, 0, 7], [2021, 3, 2, 2, 18, 25, 0, 65_535]] {
            check(
                kind::SYSTEMTIME,
                &parts(wrong),
                &crate::document::hex_lower(&parts(wrong)).to_ascii_uppercase(),
            );
        }
    }

    #[test]
    fn what_is_too_short_is_shown_as_bytes() {
        check(kind::UINT32, &[1, 2], "0102");
        check(kind::SID, &[1, 9, 0, 0], "01090000");
    }
}
