//! JSON in its canonical form (RFC 8785), byte for byte.
//!
//! What has no canonical form is refused with its place: names that stand twice, halves of surrogate pairs, numbers
//! beyond a double, and integers whose value the form would change.

use std::cmp::Ordering;
use std::fmt::Write;

use crate::json::{self, Limits, Node, Value};
use crate::problem::Problem;

/// The canonical bytes of a JSON text that the caller has bounded in size.
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, Box<Problem>> {
    let (root, flaws) = json::parse_with(bytes, Limits::DOCUMENT)?;
    if let Some(flaw) = flaws.into_iter().find(|flaw| !keeps_its_value(bytes, flaw)) {
        return Err(Box::new(flaw));
    }
    let mut out = String::with_capacity(bytes.len());
    write_node(&root, &mut out);
    Ok(out.into_bytes())
}

/// The canonical text of a value that was read without flaws.
pub fn of(node: &Node<'_>) -> String {
    let mut out = String::new();
    write_node(node, &mut out);
    out
}

/// A large integer that the form writes with the very digits it came with loses nothing.
fn keeps_its_value(bytes: &[u8], flaw: &Problem) -> bool {
    let rest = bytes.get(flaw.offset as usize..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| matches!(byte, b'-' | b'0'..=b'9')).count();
    let whole = !matches!(rest.get(length), Some(b'.' | b'e' | b'E'));
    let Ok(text) = std::str::from_utf8(&rest[..length]) else { return false };
    let Ok(number) = text.parse::<f64>() else { return false };
    let mut written = String::new();
    write_number(number, &mut written);
    whole && !text.is_empty() && plain_digits(&written) == text
}

/// `1e+21` as the digits that it stands for; anything with a fraction stays as it is.
fn plain_digits(written: &str) -> String {
    let Some((mantissa, exponent)) = written.split_once("e+") else { return written.to_owned() };
    let Ok(exponent) = exponent.parse::<usize>() else { return written.to_owned() };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    format!("{whole}{fraction:0<exponent$}")
}

fn write_node(node: &Node<'_>, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Boolean(true) => out.push_str("true"),
        Value::Boolean(false) => out.push_str("false"),
        Value::Number(text) => write_number(text.parse().unwrap_or_default(), out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_node(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut pairs: Vec<(&str, &Node<'_>)> =
                members.iter().map(|member| (member.name.as_ref(), &member.node)).collect();
            write_pairs(&mut pairs, out);
        }
    }
}

/// Writes an object of these pairs, sorted (RFC 8785 §3.2.3).
pub(crate) fn write_pairs(pairs: &mut [(&str, &Node<'_>)], out: &mut String) {
    pairs.sort_by(|left, right| by_code_units(left.0, right.0));
    out.push('{');
    for (index, (name, node)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write_node(node, out);
    }
    out.push('}');
}

/// Names are ordered by UTF-16 code units, which differs from the order of characters beyond U+FFFF.
fn by_code_units(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// RFC 8785 §3.2.2.2.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x09 => "\\t",
            0x0A => "\\n",
            0x0C => "\\f",
            0x0D => "\\r",
            0x00..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[copied..at]);
        copied = at + 1;
        if short.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(short);
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

/// A number as ECMAScript writes it (RFC 8785 §3.2.2.3, ECMA-262 Number::toString): the shortest digits that read
/// back as the same double, which is what the standard library finds too; only the layout differs.
pub(crate) fn write_number(number: f64, out: &mut String) {
    if number == 0.0 {
        out.push('0'); // -0 is 0
        return;
    }
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    even_of_two(number.abs(), exponent, &mut digits);
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    let count = digits.len() as i32;
    if number < 0.0 {
        out.push('-');
    }
    match point {
        _ if count <= point && point <= 21 => {
            out.push_str(&digits);
            out.extend(std::iter::repeat_n('0', (point - count) as usize));
        }
        1..=21 => {
            let (whole, fraction) = digits.split_at(point as usize);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        -5..=0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', -point as usize));
            out.push_str(&digits);
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            let _ = write!(out, "e{:+}", point - 1);
        }
    }
}

/// Where two shortest texts are equally near to a number, ECMA-262 takes the even one and the standard library the
/// upper one. That happens between 2^50 and 2^53 only, where halves and quarters are exact.
fn even_of_two(number: f64, exponent: &str, digits: &mut String) {
    let Some(last) = digits.bytes().last().filter(|last| digits.len() >= 16 && last % 2 == 1) else { return };
    // Exact, since the standard library rounds from all digits: a tie is a five and nothing but zeros after it.
    let exact = format!("{number:.40e}");
    let below: String =
        exact.split('e').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let (kept, tail) = below.split_at(digits.len());
    let is_tie = tail.strip_prefix('5').is_some_and(|zeros| zeros.bytes().all(|byte| byte == b'0'));
    let even = format!("{}{}", &digits[..digits.len() - 1], char::from(last - 1));
    let reads_back = format!("{}.{}e{exponent}", &even[..1], &even[1..]).parse() == Ok(number);
    if is_tie && kept == even && reads_back {
        *digits = even;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(String::from_utf8(canonical(text.as_bytes()).unwrap()).unwrap(), expected);
    }

    #[track_caller]
    fn refused(text: &str, place: &str, part: &str) {
        let problem = canonical(text.as_bytes()).unwrap_err();
        assert_eq!(problem.pointer, place, "{problem}");
        assert!(problem.what.contains(part), "{problem}");
    }

    #[test]
    fn forms() {
        check(
            " {\"b\" : [ 1.0 , -0.0, 1e21, 1e-7, 0.000001 ] ,\n\"a\":null}",
            r#"{"a":null,"b":[1,0,1e+21,1e-7,0.000001]}"#,
        );
        check(r#""\u20ac$\u000f\nA'B\"\\\"\/\u007f""#, "\"€$\\u000f\\nA'B\\\"\\\\\\\"/\u{7f}\"");
        check(r#"{"\ufb33":1,"\ud83d\ude00":2,"é":3}"#, "{\"é\":3,\"😀\":2,\"\u{fb33}\":1}");
        check("333333333.33333329", "333333333.3333333");
        check("9007199254740991", "9007199254740991");
        check("9007199254740992", "9007199254740992");
        check("295147905179352830000", "295147905179352830000");
        check("1000000000000000000000", "1e+21");
        check("5e-324", "5e-324");
        check("1424953923781206.25", "1424953923781206.2");
        check("1939951513150406.25", "1939951513150406.2");
        check("1424953923781206.75", "1424953923781206.8");
        check("1.7976931348623157e308", "1.7976931348623157e+308");
    }

    #[test]
    fn what_has_no_form() {
        refused(r#"{"a":{"b":1,"b":1}}"#, "/a/b", "twice");
        refused(r#"["\ud800"]"#, "/0", "surrogate");
        refused(r#"["\udc00\ud800"]"#, "/0", "surrogate");
        refused("[9007199254740993]", "/0", "beyond");
        refused("[1e400]", "/0", "beyond");
        refused("[\"a\tb\"]", "/0", "control");
        refused("[1,", "/1", "ends");
        refused("{\"a\":01}", "/a", "zero");
        refused(&"[".repeat(10_000), "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0", "deeper");
    }

    proptest! {
        #[test]
        fn a_form_is_its_own_form(text in crate::json_texts()) {
            let once = canonical(text.as_bytes()).unwrap();
            prop_assert_eq!(&canonical(&once).unwrap(), &once);
            let before: serde_json::Value = serde_json::from_str(&text).unwrap();
            let after: serde_json::Value = serde_json::from_slice(&once).unwrap();
            prop_assert!(crate::same_json(&before, &after), "{} {}", text, String::from_utf8_lossy(&once));
        }

        #[test]
        fn numbers_read_back(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let mut written = String::new();
            write_number(number, &mut written);
            let back: f64 = written.parse().unwrap();
            prop_assert!(back.to_bits() == number.to_bits() || number == 0.0);
        }
    }
}
