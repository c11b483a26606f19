//! Expressions against texts, by PCRE's rules.

use super::*;

#[track_caller]
fn check(expression: &str, text: &str, expected: bool) {
    let regexp = Regexp::new(expression).unwrap_or_else(|fault| panic!("{expression}: {fault}"));
    assert_eq!(regexp.is_found_in(text), Ok(expected), "{expression} in {text:?}");
    if let Some(literal) = regexp.literal() {
        assert!(!expected || text.contains(literal), "{expression} does not need {literal:?}");
    }
}

#[track_caller]
fn octets(expression: &str, text: &[u8], expected: bool) {
    let regexp = Regexp::new(expression).unwrap_or_else(|fault| panic!("{expression}: {fault}"));
    assert_eq!(regexp.is_found_in_octets(text), Ok(expected), "{expression} in {text:?}");
}

#[test]
fn search_not_match() {
    check("l+", "hello", true);
    check("^l+", "hello", false);
    check(".lo$", "hello", true);
    check("", "", true);
}

#[test]
fn dot_matches_line_breaks() {
    check("a.c", "a\nc", true);
    check("(?-s)a.c", "a\nc", false);
    check(r"a\Nc", "a\nc", false);
}

#[test]
fn dollar_is_before_a_last_line_break() {
    check("a$", "a\n", true);
    check("a$", "a\n\n", false);
    check("(?m)a$", "a\nb", true);
    check("(a$|b)\\n", "a\n", true);
    check("(a$|b)c", "ac", false);
    check(r"a\Z", "a\n", true);
    check(r"a\z", "a\n", false);
    check("^a|^b$|c", "xb", false);
}

#[test]
fn escapes() {
    check(r"\x61\x{62}\143\o{144}\e\cA", "abcd\u{1b}\u{1}", true);
    check(r"\<a\>", "<a>", true);
    check(r"\Qa.b*\Ec", "a.b*c", true);
    check(r"\Qa.b\E", "axb", false);
    check(r"a\/b\@c\-d", "a/b@c-d", true);
    check(r"\h\H\v\V", " a\nb", true);
    check(r"^\d\w\s\D\W\S$", "1a x-y", true);
    check(r"^\d\w\s\D\W\S$", "1a xyz", false);
    check(r"^\R$", "\r\n", true);
    check(r"\bword\b", "a word here", true);
    check(r"\p{Lu}\pL\P{L}", "Éa1", true);
    check(r"\0", "\0", true);
    check(r"\11", "\t", true);
}

#[test]
fn classes() {
    check("^[]a]+$", "]a]", true);
    check("^[^]a]$", "b", true);
    check("^[a&&b]+$", "a&b", true);
    check("^[+--b]+$", ",b", true);
    check("^[[a]+$", "[a", true);
    check("^[a-]+$", "-a", true);
    check(r"^[\w-x]+$", "a-x", true);
    check("^[[:alpha:][:digit:]_]+$", "a1_", true);
    check("^[[:^alpha:]]+$", "1", true);
    check(r"^[\b]$", "\u{8}", true);
    check(r"^[\Qa-z\E]+$", "z-", true);
    check(r"[\x{4e00}-\x{9fff}]", "中", true);
    check("[^a]", "\n", true);
}

#[test]
fn quantifiers() {
    check("^a{2}$", "aa", true);
    check("^a{2,}$", "aaaa", true);
    check("^a{,2}$", "", true);
    check("^a{x}$", "a{x}", true);
    check("^{$", "{", true);
    check("^a{1,2}?a$", "aa", true);
    check("^a++a$", "aa", false);
}

#[test]
fn what_only_backtracking_can() {
    check("foo(?=bar)", "foobar", true);
    check("foo(?!bar)", "foobar", false);
    check("(?<=a)b", "ab", true);
    check("(?<!a)b", "ab", false);
    check(r"(a|b)\1", "bb", true);
    check(r"(?<x>a|b)\k<x>", "ab", false);
    check(r"(?'x'a|b)\g{x}", "aa", true);
    check(r"(a)(b)\g{-1}", "abb", true);
    check("(?>a+)a", "aaa", false);
}

#[test]
fn flags() {
    check("(?i)HELLO", "hello", true);
    check("(?i:H)ello", "hello", true);
    check("(?i:H)ELLO", "hello", false);
    check("(?x) a b # comment", "ab", true);
    check("(?x: a )b c", "ab c", true);
    check("a(?#comment)b", "ab", true);
}

#[test]
fn normal_form() {
    check("^\u{1e0d}\u{307}$", &nfc("d\u{323}\u{307}"), true);
    check("^d\u{323}\u{307}$", &nfc("\u{1e0b}\u{323}"), true);
}

#[test]
fn over_octets() {
    octets(r"\xd4\xc3\xb2\xa1", b"\xd4\xc3\xb2\xa1\x02", true);
    octets(r"^\x61li[c\x01]e$", b"alice", true);
    octets("ă", "ă".as_bytes(), false);
    octets("é", b"\xe9", true);
    octets(r"^\W$", b"\xe9", true);
    octets(r"^\w$", b"\xe9", false);
    octets(r"(?=\xe9)\W", b"\xe9", true);
    octets(r"(?=.)\b", b"\xe9", false);
    octets(".*\\x03", b"\x01\x02\x03\x04", true);
}

#[test]
fn faults() {
    let fault = |text: &str| Regexp::new(text).err();
    let long = "a".repeat(3);
    for text in [
        "(",
        ")",
        "[",
        "[a",
        "a**",
        "*",
        "a{2,1}",
        r"\",
        r"\y",
        "(?z)",
        "[z-a]",
        "[a--b]",
        "(?<1>a)",
        r"\8",
        r"(a)\2",
        "[[:foo:]]",
    ] {
        assert!(matches!(fault(text), Some(NoRegexp::Syntax(_))), "{text}: {:?}", fault(text));
    }
    for text in ["(?R)", "(?1)", "(*FAIL)", r"\X", "(?(1)a|b)", r"\K", "(?|a)"] {
        assert!(matches!(fault(text), Some(NoRegexp::Unsupported(_))), "{text}: {:?}", fault(text));
    }
    assert_eq!(fault(&format!("({long}{{5000}}){{5000}}")), Some(NoRegexp::TooLarge));
    assert_eq!(fault(&"(".repeat(100_000)), Some(NoRegexp::TooLarge));
}

#[test]
fn explosions_end() {
    let regexp = Regexp::new(r"(?=x)|^(\w+\s?)*\1$").unwrap();
    assert_eq!(regexp.is_found_in(&format!("{}!", "aaaa ".repeat(200))), Err(Fault::Backtracks));
    let regexp = Regexp::new("(a*)*b").unwrap();
    assert_eq!(regexp.is_found_in(&"a".repeat(10_000)), Ok(false));
}

#[test]
fn literals() {
    let literal = |text: &str| Regexp::new(text).unwrap().literal().map(str::to_owned);
    assert_eq!(literal("^C:.*foo\\.exe$").as_deref(), Some("foo.exe"));
    assert_eq!(literal("abcd?e").as_deref(), Some("abc"));
    assert_eq!(literal("abc+def").as_deref(), Some("abc"));
    assert_eq!(literal("abc|def"), None);
    assert_eq!(literal("(abc)x").as_deref(), Some("x"));
    assert_eq!(literal("(?i)abc"), None);
    assert_eq!(literal("[abc]"), None);
    assert_eq!(literal("a{0}"), None);
}
