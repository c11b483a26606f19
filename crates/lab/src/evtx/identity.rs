//! Identifiers in the binary forms of Windows: GUIDs, security identifiers, times.

/// A GUID in the order of bytes that Windows stores it in: three numbers little end first, then eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid(pub [u8; 16]);

/// A security identifier, binary ([MS-DTYP] §2.4.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sid(pub Vec<u8>);

/// Milliseconds from 1601 to 1970.
const UNIX_EPOCH_MS: i64 = 11_644_473_600_000;

impl Guid {
    /// Reads `{54849625-5478-4994-a5ba-3e3b0328c30d}`, with or without braces.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let parts: Vec<&str> = text.split('-').collect();
        if parts.iter().map(|part| part.len()).ne([8, 4, 4, 4, 12]) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&u32::from_str_radix(parts[0], 16).ok()?.to_le_bytes());
        bytes[4..6].copy_from_slice(&u16::from_str_radix(parts[1], 16).ok()?.to_le_bytes());
        bytes[6..8].copy_from_slice(&u16::from_str_radix(parts[2], 16).ok()?.to_le_bytes());
        bytes[8..10].copy_from_slice(&u16::from_str_radix(parts[3], 16).ok()?.to_be_bytes());
        bytes[10..].copy_from_slice(&u64::from_str_radix(parts[4], 16).ok()?.to_be_bytes()[2..]);
        Some(Self(bytes))
    }
}

impl Sid {
    /// Reads `S-1-5-21-…`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("S-1-")?.split('-');
        let authority: u64 = parts.next()?.parse().ok().filter(|authority| *authority < 1 << 48)?;
        let numbers: Vec<u32> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let mut bytes = vec![1, u8::try_from(numbers.len()).ok().filter(|count| *count <= 15)?];
        bytes.extend_from_slice(&authority.to_be_bytes()[2..]);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        Some(Self(bytes))
    }
}

/// Hundreds of nanoseconds since 1601 for milliseconds since 1970.
pub fn file_time(unix_ms: i64) -> u64 {
    (unix_ms + UNIX_EPOCH_MS) as u64 * 10_000
}

#[cfg(test)]
mod tests {
    use super::{Guid, Sid, file_time};

    #[test]
    fn a_guid_is_stored_with_three_numbers_turned_round() {
        let guid = Guid::parse("{54849625-5478-4994-a5ba-3e3b0328c30d}").unwrap();
        assert_eq!(guid.0[..8], [0x25, 0x96, 0x84, 0x54, 0x78, 0x54, 0x94, 0x49]);
        assert_eq!(guid.0[8..], [0xa5, 0xba, 0x3e, 0x3b, 0x03, 0x28, 0xc3, 0x0d]);
        assert_eq!(Guid::parse("54849625-5478-4994-a5ba-3e3b0328c30d"), Some(guid));
        assert_eq!(Guid::parse("{54849625-5478-4994-a5ba}"), None);
    }

    #[test]
    fn a_sid_counts_its_parts() {
        assert_eq!(Sid::parse("S-1-5-18").unwrap().0, [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
        assert_eq!(Sid::parse("S-1-0-0").unwrap().0.len(), 12);
        assert_eq!(Sid::parse("S-2-5-18"), None);
        assert_eq!(Sid::parse("-"), None);
    }

    #[test]
    fn file_time_begins_in_1601() {
        assert_eq!(file_time(0), 116_444_736_000_000_000);
    }
}
