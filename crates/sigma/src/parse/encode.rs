//! Values as they look inside an encoding: Base64 and UTF-16 (modifiers appendix, "Encoding").

use crate::pattern::{Element, Pattern};

/// A wildcard has no encoding.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wildcard cannot be encoded")]
pub(super) struct Wildcard;

/// Byte orders of UTF-16.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

fn bytes(pattern: &Pattern) -> Result<&[u8], Wildcard> {
    pattern.as_literal().ok_or(Wildcard)
}

fn of_bytes(bytes: Vec<u8>) -> Pattern {
    let mut pattern = Pattern::default();
    pattern.push(Element::Literal(bytes));
    pattern
}

/// `base64`.
pub(super) fn base64(pattern: &Pattern) -> Result<Pattern, Wildcard> {
    Ok(of_bytes(encoded(bytes(pattern)?)))
}

/// `base64offset`: the part of the encoding that does not depend on what stands before and after, for each of the
/// three places that a value can have in a group of three bytes.
pub(super) fn base64_offsets(pattern: &Pattern) -> Result<Vec<Pattern>, Wildcard> {
    // Characters at the beginning into which the bytes before reach, and at the end those after, padding included.
    const START: [usize; 3] = [0, 2, 3];
    const END: [usize; 3] = [0, 3, 2];
    let bytes = bytes(pattern)?;
    let shifted = (0..3).map(|shift| {
        let mut padded = vec![b' '; shift];
        padded.extend_from_slice(bytes);
        let text = encoded(&padded);
        let end = text.len().saturating_sub(END[padded.len() % 3]);
        of_bytes(text.get(START[shift]..end).unwrap_or_default().to_vec())
    });
    Ok(shifted.filter(|pattern| !pattern.elements.is_empty()).collect())
}

/// `utf16le` (`wide`) and `utf16be`. `*` stays a wildcard; `?` has no width here.
pub(super) fn utf16(pattern: &Pattern, order: Order) -> Result<Pattern, Wildcard> {
    let mut wide = Pattern::default();
    for element in &pattern.elements {
        match element {
            Element::Literal(bytes) => wide.push(Element::Literal(widened(bytes, order))),
            Element::Run => wide.push(Element::Run),
            Element::One | Element::Dash => return Err(Wildcard),
        }
    }
    Ok(wide)
}

/// `utf16`: little endian after its byte order mark.
pub(super) fn utf16_with_mark(pattern: &Pattern) -> Result<Pattern, Wildcard> {
    let mut marked = of_bytes(vec![0xff, 0xfe]);
    for element in utf16(pattern, Order::Little)?.elements {
        marked.push(element);
    }
    Ok(marked)
}

fn widened(bytes: &[u8], order: Order) -> Vec<u8> {
    let pair = |unit: u16| match order {
        Order::Little => unit.to_le_bytes(),
        Order::Big => unit.to_be_bytes(),
    };
    String::from_utf8_lossy(bytes).encode_utf16().flat_map(pair).collect()
}

/// Base64 of RFC 4648 §4, padded.
fn encoded(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let three = [group[0], group.get(1).copied().unwrap_or(0), group.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= group.len() { ALPHABET[sextet] } else { b'=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &Pattern) -> String {
        pattern.literals().map(String::from_utf8_lossy).collect()
    }

    // RFC 4648 §10.
    #[test]
    fn test_vectors_of_the_rfc() {
        for (plain, expected) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(shown(&base64(&Pattern::literal(plain)).unwrap()), expected);
        }
    }

    #[test]
    fn every_offset_is_in_an_encoding_at_that_offset() {
        for value in ["ab", "abc", "/bin/bash", "http://", "IEX("] {
            let offsets = base64_offsets(&Pattern::literal(value)).unwrap();
            for (before, after) in [("", "z"), ("q", "zz"), ("qq", "zzz"), ("qqq", ""), ("qqqq", "!")] {
                let whole = String::from_utf8(encoded(format!("{before}{value}{after}").as_bytes())).unwrap();
                assert!(offsets.iter().any(|offset| whole.contains(&shown(offset))), "{value} in {whole}");
            }
        }
        let offsets = base64_offsets(&Pattern::literal("foobar")).unwrap();
        assert_eq!(offsets.iter().map(shown).collect::<Vec<_>>(), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
    }

    #[test]
    fn utf16_of_the_appendix() {
        let cmd = Pattern::literal("cmd");
        let of = |pattern: Result<Pattern, Wildcard>| pattern.unwrap().as_literal().unwrap().to_vec();
        assert_eq!(of(utf16(&cmd, Order::Little)), b"c\0m\0d\0");
        assert_eq!(of(utf16(&cmd, Order::Big)), b"\0c\0m\0d");
        assert_eq!(of(utf16_with_mark(&cmd)), b"\xff\xfec\0m\0d\0");
    }

    #[test]
    fn wildcards_have_no_encoding() {
        assert_eq!(base64(&Pattern::parse("a*")), Err(Wildcard));
        assert_eq!(utf16(&Pattern::parse("a?"), Order::Little), Err(Wildcard));
        assert!(utf16(&Pattern::parse("a*b"), Order::Little).is_ok());
    }
}
