//! UUIDs as STIX uses them (§2.9, RFC 4122): read, and made from a name.

use std::fmt;

use sha1::{Digest, Sha1};

/// 128 bits with a version and a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

/// Where the hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Uuid {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the form of RFC 4122 §3, letters in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return None;
        }
        let mut bytes = [0; 16];
        let mut nibbles = 0;
        for (at, byte) in text.iter().enumerate() {
            if HYPHENS.contains(&at) {
                if *byte != b'-' {
                    return None;
                }
                continue;
            }
            let nibble = char::from(*byte).to_digit(16)? as u8;
            bytes[nibbles / 2] = bytes[nibbles / 2] << 4 | nibble;
            nibbles += 1;
        }
        Some(Self(bytes))
    }

    /// The version, from 1 to 5 for those of RFC 4122 §4.1.3.
    pub fn version(self) -> u8 {
        self.0[6] >> 4
    }

    /// Whether the variant is that of RFC 4122 §4.1.1 and the version one that it defines.
    pub fn is_rfc4122(self) -> bool {
        self.0[8] >> 6 == 0b10 && (1..=5).contains(&self.version())
    }

    /// Version 5: from a name in a namespace (RFC 4122 §4.3).
    pub fn from_name(namespace: Self, name: &[u8]) -> Self {
        let digest = Sha1::new().chain_update(namespace.0).chain_update(name).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = bytes[6] & 0x0F | 0x50;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
