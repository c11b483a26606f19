//! The values that an event can hold, in the bytes of binary XML ([MS-EVEN6] §2.2.14, types of §2.2.12).

use super::identity::{Guid, Sid};

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: the descriptor says type 0 and length 0.
    Null,
    /// UTF-16 without a terminator, as most providers write it; some end theirs with a NUL, and so may the caller.
    String(String),
    /// Bytes of the machine's code page.
    AnsiString(Vec<u8>),
    /// One byte, signed.
    Int8(i8),
    /// One byte.
    UInt8(u8),
    /// Two bytes, signed.
    Int16(i16),
    /// Two bytes.
    UInt16(u16),
    /// Four bytes, signed.
    Int32(i32),
    /// Four bytes.
    UInt32(u32),
    /// Eight bytes, signed.
    Int64(i64),
    /// Eight bytes.
    UInt64(u64),
    /// Four bytes, IEEE 754.
    Real32(f32),
    /// Eight bytes, IEEE 754.
    Real64(f64),
    /// Four bytes, zero or not.
    Bool(bool),
    /// Bytes as they are.
    Binary(Vec<u8>),
    /// A GUID.
    Guid(Guid),
    /// A pointer of a machine of 64 bits.
    SizeT(u64),
    /// Hundreds of nanoseconds since 1601.
    FileTime(u64),
    /// Year, month, day of the week, day, hour, minute, second, milliseconds.
    SysTime([u16; 8]),
    /// A security identifier.
    Sid(Sid),
    /// Four bytes, shown in hexadecimal.
    HexInt32(u32),
    /// Eight bytes, shown in hexadecimal.
    HexInt64(u64),
    /// Strings one after the other, each with its terminator.
    StringArray(Vec<String>),
    /// Numbers one after the other.
    UInt32Array(Vec<u32>),
}

/// The bit that makes an array of a type.
const ARRAY: u8 = 0x80;
/// The type of a value that is binary XML itself.
pub(crate) const BINARY_XML: u8 = 0x21;

impl Value {
    /// The type that a text of this shape would have had: `0x3e7` a number in hexadecimal, `S-1-5-18` a SID.
    pub fn of_text(text: &str) -> Self {
        let hexadecimal = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        // Zeros at the front would be lost in a number.
        let number = text.parse().ok().filter(|number: &u32| number.to_string() == text);
        None.or_else(|| Guid::parse(text).map(Value::Guid))
            .or_else(|| Sid::parse(text).map(Value::Sid))
            .or(hexadecimal.map(Value::HexInt64))
            .or(number.map(Value::UInt32))
            .unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// The byte that names the type.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Value::Null => 0x00,
            Value::String(_) => 0x01,
            Value::AnsiString(_) => 0x02,
            Value::Int8(_) => 0x03,
            Value::UInt8(_) => 0x04,
            Value::Int16(_) => 0x05,
            Value::UInt16(_) => 0x06,
            Value::Int32(_) => 0x07,
            Value::UInt32(_) => 0x08,
            Value::Int64(_) => 0x09,
            Value::UInt64(_) => 0x0a,
            Value::Real32(_) => 0x0b,
            Value::Real64(_) => 0x0c,
            Value::Bool(_) => 0x0d,
            Value::Binary(_) => 0x0e,
            Value::Guid(_) => 0x0f,
            Value::SizeT(_) => 0x10,
            Value::FileTime(_) => 0x11,
            Value::SysTime(_) => 0x12,
            Value::Sid(_) => 0x13,
            Value::HexInt32(_) => 0x14,
            Value::HexInt64(_) => 0x15,
            Value::StringArray(_) => ARRAY | 0x01,
            Value::UInt32Array(_) => ARRAY | 0x08,
        }
    }

    /// The type that a template declares for a place where this value stands. What is absent now is a string at
    /// other times.
    pub(crate) fn declared_kind(&self) -> u8 {
        if *self == Value::Null { 0x01 } else { self.kind() }
    }

    /// The value as the text that Windows shows of it, for texts, numbers and times.
    pub(crate) fn text(&self) -> Option<String> {
        Some(match self {
            Value::String(text) => text.clone(),
            Value::UInt8(number) => number.to_string(),
            Value::UInt16(number) => number.to_string(),
            Value::UInt32(number) => number.to_string(),
            Value::UInt64(number) => number.to_string(),
            Value::HexInt64(number) => format!("{number:#x}"),
            Value::FileTime(ticks) => time(*ticks)?,
            _ => return None,
        })
    }

    /// The bytes of the value.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Value::Null => Vec::new(),
            Value::String(text) => utf16(text),
            Value::AnsiString(bytes) | Value::Binary(bytes) => bytes.clone(),
            Value::Int8(number) => number.to_le_bytes().to_vec(),
            Value::UInt8(number) => vec![*number],
            Value::Int16(number) => number.to_le_bytes().to_vec(),
            Value::UInt16(number) => number.to_le_bytes().to_vec(),
            Value::Int32(number) => number.to_le_bytes().to_vec(),
            Value::UInt32(number) | Value::HexInt32(number) => number.to_le_bytes().to_vec(),
            Value::Int64(number) => number.to_le_bytes().to_vec(),
            Value::UInt64(number)
            | Value::SizeT(number)
            | Value::FileTime(number)
            | Value::HexInt64(number) => number.to_le_bytes().to_vec(),
            Value::Real32(number) => number.to_le_bytes().to_vec(),
            Value::Real64(number) => number.to_le_bytes().to_vec(),
            Value::Bool(truth) => u32::from(*truth).to_le_bytes().to_vec(),
            Value::Guid(guid) => guid.0.to_vec(),
            Value::SysTime(parts) => parts.iter().flat_map(|part| part.to_le_bytes()).collect(),
            Value::Sid(sid) => sid.0.clone(),
            Value::StringArray(texts) => texts.iter().flat_map(|text| utf16(&format!("{text}\0"))).collect(),
            Value::UInt32Array(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        }
    }
}

/// Hundreds of nanoseconds since 1601 as `2021-03-03T05:24:51.2361230Z`.
fn time(ticks: u64) -> Option<String> {
    let since_1970 = i128::from(ticks) - i128::from(super::file_time(0));
    let time = jiff::Timestamp::from_nanosecond(since_1970 * 100).ok()?;
    Some(format!("{time:.7}"))
}

/// UTF-16, little end first.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_text_becomes_what_it_looks_like() {
        assert_eq!(Value::of_text("0x3e7"), Value::HexInt64(0x3e7));
        assert_eq!(Value::of_text("49152"), Value::UInt32(49_152));
        assert_eq!(Value::of_text("007"), Value::String("007".to_owned()));
        assert_eq!(Value::of_text("-"), Value::String("-".to_owned()));
        assert!(matches!(Value::of_text("S-1-5-18"), Value::Sid(_)));
        assert!(matches!(Value::of_text("{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"), Value::Guid(_)));
        assert_eq!(Value::of_text(r"C:\Windows\0x1"), Value::String(r"C:\Windows\0x1".to_owned()));
    }
}
