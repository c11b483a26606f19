//! Octets as hexadecimal and base64 (STIX 2.1 §2.1, §2.8; RFC 4648).

/// Reads pairs of hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Reads base64 with padding; line feeds are left out (§9.2).
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let (groups, rest) = digits.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut octets = Vec::with_capacity(groups.len() * 3);
    for (number, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || padding > 0 && number + 1 < groups.len() {
            return None;
        }
        let bits =
            group[..4 - padding].iter().try_fold(0_u32, |bits, &byte| Some(bits << 6 | value(byte)?))?;
        let bytes = (bits << (6 * padding)).to_be_bytes();
        octets.extend_from_slice(&bytes[1..4 - padding]);
    }
    Some(octets)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// Writes base64 with padding.
pub(crate) fn to_base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let at = |number: usize| u32::from(group.get(number).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex() {
        assert_eq!(from_hex("00fFc3"), Some(vec![0, 0xff, 0xc3]));
        assert_eq!(from_hex(""), Some(vec![]));
        for text in ["0", "0g", "é", "+1"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn base64() {
        for octets in [&b""[..], b"a", b"ab", b"abc", b"abcd", &[0xff, 0xfe, 0xfd]] {
            assert_eq!(from_base64(&to_base64(octets)).as_deref(), Some(octets));
        }
        assert_eq!(from_base64("dGhp\ncyBp\r\ncw=="), Some(b"this is".to_vec()));
        for text in ["====", "A", "AB", "ABC", "AB=C", "AB==ABCD", "AB C", "é==="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }
}
