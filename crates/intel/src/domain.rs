//! Names of hosts in the form in which logs hold them: labels of letters, digits and hyphens (RFC 1035 §2.3.1), those
//! of other scripts as A-labels (RFC 5890 §2.3.2.1).

use unicode_normalization::UnicodeNormalization;

/// A label is no longer (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Nor is a name, without the dot at its end.
const NAME_BYTES_MAX: usize = 253;

/// The one form of a domain; none for what no host can be called, and what the scan could therefore never find.
pub(crate) fn domain(value: &str) -> Option<String> {
    let name = value.trim_start_matches("*.").trim_matches('.');
    // A letter takes a byte at least, so what is longer need not be looked at.
    if name.len() > NAME_BYTES_MAX * 4 || !name.bytes().any(|byte| byte == b'.' || byte >= 0x80) {
        return None;
    }
    let name = if name.is_ascii() { name.to_ascii_lowercase() } else { ascii(name)? };
    let last = name.rsplit('.').next()?;
    // No top-level domain is a number, has an underscore, or is a single letter.
    let is_top =
        last.len() >= 2 && last.bytes().any(|byte| byte.is_ascii_alphabetic()) && !last.contains('_');
    let is_name =
        name.len() <= NAME_BYTES_MAX && name.contains('.') && is_top && name.split('.').all(is_label);
    is_name.then_some(name)
}

/// Letters, digits, and hyphens within; underscores too, which are no host's but stand in real names of DNS, and may
/// begin one (RFC 8552).
fn is_label(label: &str) -> bool {
    let inner = label.strip_prefix('_').unwrap_or(label);
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = inner.as_bytes();
    label.len() <= LABEL_BYTES_MAX
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A name with labels of other scripts, each as `xn--` and its Punycode. Letters are taken in lower case and in their
/// compatible composed form first, as browsers take them (UTS #46 without its table: ß and ς stay what they are).
fn ascii(name: &str) -> Option<String> {
    let name: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let labels = name.split(['.', '。']).map(|label| match label.is_ascii() {
        true => Some(label.to_owned()),
        // A name of drawings or of blanks is none (RFC 5892: letters, digits, and the marks upon them).
        false if !label.chars().all(|one| one.is_alphanumeric() || one == '-' || is_mark(one)) => None,
        false => punycode(label).map(|label| format!("xn--{label}")),
    });
    labels.collect::<Option<Vec<_>>>().map(|labels| labels.join("."))
}

fn is_mark(one: char) -> bool {
    unicode_normalization::char::is_combining_mark(one)
}

/// RFC 3492 §6.3, with the parameters of §5.
fn punycode(label: &str) -> Option<String> {
    const SKEW: u32 = 38;
    const DAMP: u32 = 700;
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    if points.len() > LABEL_BYTES_MAX {
        return None;
    }
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let basic = output.len() as u32;
    if basic > 0 {
        output.push('-');
    }
    let (mut next, mut delta, mut bias, mut handled) = (128, 0_u32, 72, basic);
    while (handled as usize) < points.len() {
        let smallest = *points.iter().filter(|point| **point >= next).min()?;
        delta = delta.checked_add((smallest - next).checked_mul(handled + 1)?)?;
        next = smallest;
        for &point in &points {
            if point < next {
                delta = delta.checked_add(1)?;
            }
            if point == next {
                number(delta, bias, &mut output);
                // §6.1
                let damp = if handled == basic { DAMP } else { 2 };
                let (mut rest, mut round) = (delta / damp, 0);
                rest += rest / (handled + 1);
                while rest > ((BASE - LEAST) * MOST) / 2 {
                    rest /= BASE - LEAST;
                    round += BASE;
                }
                bias = round + (BASE - LEAST + 1) * rest / (rest + SKEW);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        next += 1;
    }
    Some(output)
}

const BASE: u32 = 36;
const LEAST: u32 = 1;
const MOST: u32 = 26;

/// A number of variable length (RFC 3492 §3.3).
fn number(mut value: u32, bias: u32, output: &mut String) {
    let digit = |value: u32| char::from_digit(value, BASE);
    // Punycode's digits are a to z, then 0 to 9; those of a `char` begin with 0.
    let letter = |value: u32| if value < 26 { digit(value + 10) } else { digit(value - 26) };
    let mut at = BASE;
    loop {
        let threshold = at.saturating_sub(bias).clamp(LEAST, MOST);
        if value < threshold {
            output.extend(letter(value));
            return;
        }
        output.extend(letter(threshold + (value - threshold) % (BASE - threshold)));
        value = (value - threshold) / (BASE - threshold);
        at += BASE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, name: Option<&str>) {
        assert_eq!(domain(value).as_deref(), name, "{value}");
    }

    #[test]
    fn labels_of_hosts() {
        check("Evil.Example", Some("evil.example"));
        check("*.evil.example.", Some("evil.example"));
        check("a-b.c--d.example", Some("a-b.c--d.example"));
        check("_dmarc.evil.example", Some("_dmarc.evil.example"));
        check("a.b_c.example", Some("a.b_c.example"));
        for wrong in [
            "192.exe2021-",
            "-a.example",
            "a-.example",
            "a.example-",
            "a..example",
            "a.b",
            "a.e_x",
            "__a.example",
            "a_.example",
            "example",
            "a.1",
            "a b.example",
            "a.\u{1f525}example",
            "",
        ] {
            check(wrong, None);
        }
        check(&format!("{}.example", "a".repeat(64)), None);
        check(&format!("{}example", "abcdefghi.".repeat(25)), None);
    }

    /// The names of RFC 3492 §7.1 (A, B, D, I) and of registries' own examples.
    #[test]
    fn names_of_other_scripts() {
        check("bücher.example", Some("xn--bcher-kva.example"));
        check("BÜCHER.example", Some("xn--bcher-kva.example"));
        check("bu\u{308}cher.example", Some("xn--bcher-kva.example"));
        check("ليهمابتكلموشعربي؟.example", None);
        check("他们为什么不说中文.example", Some("xn--ihqwcrb4cv8a8dqg056pqjye.example"));
        check("почемужеонинеговорятпорусски.рф", Some("xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.xn--p1ai"));
        check("例え。テスト", Some("xn--r8jz45g.xn--zckzah"));
        check("παράδειγμα.δοκιμή", Some("xn--hxajbheg2az3al.xn--jxalpdlp"));
        check("ｅｖｉｌ.ｅｘａｍｐｌｅ", Some("evil.example"));
    }
}
