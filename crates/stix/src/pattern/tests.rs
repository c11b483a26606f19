//! Patterns read, printed and refused.

use super::*;

#[track_caller]
fn valid(text: &str, normal: &str) {
    let pattern = Pattern::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    assert!(pattern.is_valid(), "{text}: {:?}", pattern.problems());
    assert_eq!(pattern.to_string(), normal, "{text}");
    let again = Pattern::parse(normal).unwrap_or_else(|problem| panic!("{normal}: {problem}"));
    assert_eq!(again, pattern, "{normal}");
}

#[track_caller]
fn refused(text: &str, column: usize, message: &str) {
    let problem = match Pattern::parse(text) {
        Err(problem) => problem,
        Ok(pattern) => {
            let problem = pattern.problems().iter().find(|problem| problem.severity == Severity::Invalid);
            problem.unwrap_or_else(|| panic!("{text} is valid")).clone()
        }
    };
    assert_eq!((problem.column, problem.message.as_str()), (column, message), "{text}");
}

#[test]
fn normal_forms() {
    valid("[ file:size == 1280 ]", "[file:size = 1280]");
    valid("[a:b <> 1]", "[a:b != 1]");
    valid("[a:b NOT != 1]", "[a:b = 1]");
    valid("[a:b NOT = 1]", "[a:b != 1]");
    valid("[a:b = +1 OR a:b = .5 OR a:b = -2.0]", "[a:b = 1 OR a:b = 0.5 OR a:b = -2.0]");
    valid("[(a:b = 1 AND (a:c = 2)) OR a:d = 3]", "[a:b = 1 AND a:c = 2 OR a:d = 3]");
    valid("[a:b = 1 AND (a:c = 2 OR a:d = 3)]", "[a:b = 1 AND (a:c = 2 OR a:d = 3)]");
    valid("[a:b=1]OR([a:b=2]FOLLOWEDBY[a:b=3])", "[a:b = 1] OR ([a:b = 2] FOLLOWEDBY [a:b = 3])");
    valid("([a:b=1] AND [a:b=2]) AND [a:b=3]", "[a:b = 1] AND [a:b = 2] AND [a:b = 3]");
    valid("[a:'b'.'c d'[*].e_ref[0] = 'it\\'s \\\\'] // end", "[a:b.'c d'[*].e_ref[0] = 'it\\'s \\\\']");
    valid("[a:b /* what */ IN ()]", "[a:b IN ()]");
    valid("[a:b IN (1, 2.5)]", "[a:b IN (1, 2.5)]");
    valid("[a:b = h'00FF' OR a:b = b'AP8=']", "[a:b = h'00ff' OR a:b = b'AP8=']");
    valid("[EXISTS x-y:z]", "[EXISTS x-y:z]");
    valid("[a:b = true]", "[a:b = true]");
    valid(
        "([a:b = 1] REPEATS 2 TIMES) REPEATS 3 TIMES WITHIN 1.50 SECONDS",
        "(([a:b = 1] REPEATS 2 TIMES) REPEATS 3 TIMES) WITHIN 1.5 SECONDS",
    );
    valid(
        "[a:b = t'2021-03-02T00:00:00.10Z'] START t'2021-03-02T00:00:00Z' STOP t'2021-03-03T00:00:00Z'",
        "[a:b = t'2021-03-02T00:00:00.10Z'] START t'2021-03-02T00:00:00Z' STOP t'2021-03-03T00:00:00Z'",
    );
}

#[test]
fn the_place_of_what_is_wrong() {
    refused("", 1, "the end stands where `[` or `(` is expected");
    refused("file:size = 1", 1, "`file` stands where `[` or `(` is expected");
    refused("[é:b = 1]", 2, "`é` is out of place");
    refused("[a:b = 'é' AND a:c = x]", 22, "`x` stands where a constant is expected");
    refused("[a:b = 'x]", 8, "a string is not closed");
    refused("[a:b = '\\n']", 9, "a backslash escapes nothing");
    refused("[a:b = 01]", 8, "an integer has a zero in front");
    refused("[a:b = h'0']", 8, "a hex constant has something else than pairs of hexadecimal digits");
    refused("[a:b > true]", 8, "`true` stands where a constant is expected");
    refused("[a:b-c = 1]", 4, "`b-c` stands where the name of a property is expected");
    refused("[a:b = t'2021-03-02']", 8, "`2021-03-02` is no timestamp");
    refused("[a:b = 1] WITHIN 0 SECONDS", 18, "no time is within 0 seconds");
    refused("[a:b = 1] REPEATS 0 TIMES", 19, "nothing repeats 0 times");
    refused("[a:b = 1] within 5 SECONDS", 11, "`within` stands where the end of the pattern is expected");
    refused("[a:b IN (1, 'x')]", 2, "the constants of a set are of different types");
    refused("[a:b ISSUBSET 'x']", 2, "`x` is no address or network");
    refused("[a:b MATCHES '(']", 2, "the regular expression is not PCRE: a group is not closed");
    refused("[a:b = 1 AND c:d = 2]", 2, "no one object can satisfy all operands of AND");
    refused(
        "[a:b = 1] REPEATS 2 TIMES REPEATS 3 TIMES",
        27,
        "a second qualifier of one kind on one expression",
    );
    refused("[file:hashes.MD5 = 'ab']", 2, "`ab` is no MD5 hash");
}

#[test]
fn limits_hold() {
    let deep = format!("{}[a:b = 1]{}", "(".repeat(101), ")".repeat(101));
    refused(&deep, 102, "parentheses nest more than 100 deep");
    refused(&format!("[{}", "(".repeat(100_000)), 103, "parentheses nest more than 100 deep");
    let long = format!("[a:b{} = 1]", ".c".repeat(70));
    let problem = Pattern::parse(&long).unwrap_err();
    assert_eq!(problem.message, "a path has more than 64 steps");
    let huge = format!("[a:b = '{}']", "x".repeat(limits::PATTERN_BYTES_MAX));
    assert_eq!(Pattern::parse(&huge).unwrap_err().message, "the pattern has more than 16777216 bytes");
}

#[test]
fn a_wrong_keyword_has_a_hint() {
    let problem = Pattern::parse("[a:b = 1 and a:c = 2]").unwrap_err();
    assert_eq!(problem.hint.as_deref(), Some("keywords are written `AND`"));
}

#[test]
fn warnings_leave_a_pattern_valid() {
    for text in ["[NOT EXISTS a:b]", "[a:b[-1] = 1]", "[a:b = t'2023-02-30T00:00:00Z']"] {
        let pattern = Pattern::parse(text).unwrap();
        assert!(pattern.is_valid() && pattern.problems().len() == 1, "{text}: {:?}", pattern.problems());
    }
}
