//! One-time passwords by the time (RFC 6238), as every authenticator makes them: SHA-1, six digits, half a minute.
//!
//! Clients of TAXII know a name and a password, so the code is what the password ends with. Programs have tokens.

use aws_lc_rs::hmac;

use crate::percent::encode;

/// A step of time (RFC 6238 §4.1).
const STEP_US: i64 = 30 * 1_000_000;

/// Digits of a code.
pub(crate) const DIGITS: usize = 6;

/// Steps before and after the present one that are good, because clocks differ (§5.2).
const WINDOW: i64 = 1;

/// The number that a secret gives for a step (RFC 4226 §5.3), before it is cut to its digits.
fn number(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let digest = tag.as_ref();
    let start = usize::from(digest.last().copied().unwrap_or_default() & 15);
    let four = digest.get(start..start + 4).unwrap_or(&[0; 4]);
    four.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff
}

fn code(secret: &[u8], step: i64) -> String {
    format!("{:06}", number(secret, step) % 1_000_000)
}

/// The step whose code this is, among those that are good now.
pub(crate) fn step_of(secret: &[u8], given: &str, now_us: i64) -> Option<i64> {
    let now = now_us.div_euclid(STEP_US);
    (now - WINDOW..=now + WINDOW).find(|step| {
        aws_lc_rs::constant_time::verify_slices_are_equal(code(secret, *step).as_bytes(), given.as_bytes())
            .is_ok()
    })
}

/// A password as it is typed, taken apart: the password, and the code at its end.
pub(crate) fn split(typed: &str) -> Option<(&str, &str)> {
    let (password, code) = typed.split_at_checked(typed.len().checked_sub(DIGITS)?)?;
    code.bytes().all(|byte| byte.is_ascii_digit()).then_some((password, code))
}

/// What an authenticator takes, as a text or as a picture of it.
pub(crate) fn uri(organisation: &str, name: &str, secret: &[u8]) -> String {
    let (issuer, account) = (encode(organisation), encode(name));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

/// RFC 4648 §6, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut out, mut bits, mut held) = (String::new(), 0_u32, 0_u32);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn numbers_of_rfc_6238() {
        // Appendix B, SHA-1, eight digits.
        for (seconds, expected) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(number(SECRET, seconds / 30) % 100_000_000, expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_its_time() {
        let at = |seconds: i64| seconds * 1_000_000;
        assert_eq!(step_of(SECRET, "287082", at(59)), Some(1));
        assert_eq!(step_of(SECRET, "287082", at(89)), Some(1), "a clock may be late");
        assert_eq!(step_of(SECRET, "287082", at(29)), Some(1), "or early");
        assert_eq!(step_of(SECRET, "287082", at(90)), None);
        for wrong in ["", "28708", "2870822", "287083", "28708a"] {
            assert_eq!(step_of(SECRET, wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_typed_and_scanned() {
        assert_eq!(split("correct horse 287082"), Some(("correct horse ", "287082")));
        assert_eq!(split("123456"), Some(("", "123456")));
        for none in ["", "12345", "correct horse", "correct 12345x", "é12345"] {
            assert_eq!(split(none), None, "{none}");
        }
        // RFC 4648 §10
        for (bytes, expected) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(bytes.as_bytes()), expected);
        }
        assert_eq!(uri("CERT A", "ben", b"f"), "otpauth://totp/CERT%20A:ben?secret=MY&issuer=CERT%20A");
    }
}
