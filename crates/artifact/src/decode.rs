//! The encoding of a text file, told by its first bytes.
//!
//! Logs come as UTF-8 with or without a byte order mark, as Latin-1 and as UTF-16 (whatever PowerShell has touched).
//! Bytes that are not UTF-16 are left as they are: matching is on bytes, and offsets stay those of the file.

/// How the bytes of a text file stand for characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII, UTF-8 or a single-byte code page, after a byte order mark of this many bytes.
    Bytes {
        /// 3 for a UTF-8 byte order mark, else 0.
        mark: usize,
    },
    /// UTF-16, low byte first, after a byte order mark of this many bytes (2 or 0).
    Utf16Le {
        /// Bytes of the mark.
        mark: usize,
    },
    /// UTF-16, high byte first.
    Utf16Be {
        /// Bytes of the mark.
        mark: usize,
    },
}

impl Encoding {
    /// Tells the encoding from the start of a file.
    pub fn detect(head: &[u8]) -> Self {
        match head {
            [0xef, 0xbb, 0xbf, ..] => Encoding::Bytes { mark: 3 },
            [0xff, 0xfe, ..] => Encoding::Utf16Le { mark: 2 },
            [0xfe, 0xff, ..] => Encoding::Utf16Be { mark: 2 },
            _ => Self::without_mark(head),
        }
    }

    /// ASCII text in UTF-16 has a zero in every other byte; nothing else of ours has.
    fn without_mark(head: &[u8]) -> Self {
        let sample = &head[..head.len().min(64) & !1];
        let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
        let pairs = sample.len() / 2;
        if pairs >= 4 && zeros(1) == pairs && zeros(0) == 0 {
            Encoding::Utf16Le { mark: 0 }
        } else if pairs >= 4 && zeros(0) == pairs && zeros(1) == 0 {
            Encoding::Utf16Be { mark: 0 }
        } else {
            Encoding::Bytes { mark: 0 }
        }
    }

    /// Bytes of the byte order mark.
    pub fn mark(self) -> usize {
        match self {
            Encoding::Bytes { mark } | Encoding::Utf16Le { mark } | Encoding::Utf16Be { mark } => mark,
        }
    }

    /// Whether a character takes two bytes or more.
    pub fn is_wide(self) -> bool {
        !matches!(self, Encoding::Bytes { .. })
    }

    /// One unit of UTF-16.
    fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Encoding::Utf16Be { .. } => u16::from_be_bytes(pair),
            _ => u16::from_le_bytes(pair),
        }
    }

    /// Appends the UTF-8 of UTF-16 `raw` to `text`. A lone surrogate becomes U+FFFD, which is one unit too, so that
    /// [`wide_length`] finds the way back. An odd last byte is left out.
    pub fn widen_into(self, raw: &[u8], text: &mut Vec<u8>) {
        let units = raw.chunks_exact(2).map(|pair| self.unit([pair[0], pair[1]]));
        let mut utf8 = [0; 4];
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            text.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
    }

    /// The whole of a small file as UTF-8 or as the bytes it is, without its mark.
    pub fn decode_all(self, raw: &[u8]) -> std::borrow::Cow<'_, [u8]> {
        let body = raw.get(self.mark()..).unwrap_or_default();
        if !self.is_wide() {
            return body.into();
        }
        let mut text = Vec::with_capacity(body.len());
        self.widen_into(body, &mut text);
        text.into()
    }
}

/// How many bytes of UTF-16 the UTF-8 `text` came from.
pub fn wide_length(text: &[u8]) -> u64 {
    let units: usize = String::from_utf8_lossy(text).chars().map(char::len_utf16).sum();
    2 * units as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(Encoding::detect(b"\xef\xbb\xbf#Software"), Encoding::Bytes { mark: 3 });
        assert_eq!(Encoding::detect(b"\xff\xfe#\0"), Encoding::Utf16Le { mark: 2 });
        assert_eq!(Encoding::detect(&wide("#Software")), Encoding::Utf16Le { mark: 0 });
        assert_eq!(Encoding::detect(b"#Software"), Encoding::Bytes { mark: 0 });
        assert_eq!(Encoding::detect(b""), Encoding::Bytes { mark: 0 });
    }

    #[test]
    fn the_way_back_from_utf_8_is_exact() {
        let raw = [wide("a€😀"), vec![0x00, 0xd8], wide("b")].concat();
        let mut text = Vec::new();
        Encoding::Utf16Le { mark: 0 }.widen_into(&raw, &mut text);
        assert_eq!(wide_length(&text), raw.len() as u64);
    }
}
