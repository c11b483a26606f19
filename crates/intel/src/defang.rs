//! Defanged values made whole: `hxxps[:]//evil[.]example`, `user[at]example[dot]com`.
//!
//! People write indicators so that no program makes a link of them. What is undone here are ways of writing that
//! stand in no real value of their kind.

use std::borrow::Cow;

/// What is written for a dot, an at sign and so on, in lower case.
const WRITTEN: [(&str, &str); 22] = [
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[.", "."),
    (".]", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    (" dot ", "."),
    ("\\.", "."),
    ("[:]", ":"),
    ("(:)", ":"),
    ("[://]", "://"),
    ("[:", ":"),
    ("[/]", "/"),
    ("[@]", "@"),
    ("(@)", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    (" at ", "@"),
    ("[www]", "www"),
];

/// What is written for a scheme, in lower case, before `://` or `:\\`.
const SCHEMES: [(&str, &str); 8] = [
    ("hxxps", "https"),
    ("hxxp", "http"),
    ("h**ps", "https"),
    ("h**p", "http"),
    ("hxtps", "https"),
    ("hxtp", "http"),
    ("meow", "http"),
    ("fxp", "ftp"),
];

/// The value as it was before somebody made it harmless. Not for paths and user agents, in which `\.` and brackets
/// mean themselves.
pub fn refang(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    if !is_defanged(value) {
        return Cow::Borrowed(value);
    }
    let mut whole = String::with_capacity(value.len());
    let mut rest = value;
    'next: while let Some(first) = rest.chars().next() {
        for (written, meant) in WRITTEN {
            // An address of IPv6 in a URL stands in brackets: `[::1]`.
            let is_v6 = written == "[:" && rest.starts_with("[::");
            if starts_with(rest, written) && !is_v6 {
                whole.push_str(meant);
                rest = &rest[written.len()..];
                continue 'next;
            }
        }
        whole.push(first);
        rest = &rest[first.len_utf8()..];
    }
    for (written, meant) in SCHEMES {
        let colon = whole.get(written.len()..).is_some_and(|rest| rest.starts_with(':'));
        if starts_with(&whole, written) && colon {
            whole.replace_range(..written.len(), meant);
        }
    }
    Cow::Owned(whole)
}

fn is_defanged(value: &str) -> bool {
    value.contains(['[', ']', '(', '{', '\\', ' '])
        || SCHEMES.iter().any(|(written, _)| starts_with(value, written))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, meant: &str) {
        assert_eq!(refang(written), meant);
        assert_eq!(refang(meant), meant, "what is whole stays as it is");
    }

    #[test]
    fn what_people_write() {
        check("hxxp://evil[.]example/a", "http://evil.example/a");
        check("hXXps[:]//evil[.]example:8080/a", "https://evil.example:8080/a");
        check("hxxps[://]evil[dot]example", "https://evil.example");
        check("192[.]0[.]2[.]7", "192.0.2.7");
        check("192.0.2[.7", "192.0.2.7");
        check("192.0.2.]7", "192.0.2.7");
        check("evil(.)example", "evil.example");
        check("evil\\.example", "evil.example");
        check("user[at]evil[.]example", "user@evil.example");
        check("user@evil(dot)example", "user@evil.example");
        check("2001[:]db8[:]:1", "2001:db8::1");
        check("http://[::1]/a", "http://[::1]/a");
        check("meow://evil[.]example", "http://evil.example");
        check("ftp://evil.example", "ftp://evil.example");
    }
}
