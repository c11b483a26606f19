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

#[test]
fn every_construct_has_a_normal_form() {
    valid("[file:size=1280]", "[file:size = 1280]");
    valid("[file:size==1280]", "[file:size = 1280]");
    valid("[file:size<>1280]", "[file:size != 1280]");
    valid("[file:size NOT = 1280]", "[file:size != 1280]");
    valid("[file:size NOT != 1280]", "[file:size = 1280]");
    valid("[file:size NOT < 1280]", "[file:size NOT < 1280]");
    valid("[a:b = +5 AND a:b = -5]", "[a:b = 5 AND a:b = -5]");
    valid("[a:b = .5 OR a:b = 12.0]", "[a:b = 0.5 OR a:b = 12.0]");
    valid("[a:b = 123456789012345678901234567890.5]", "[a:b = 123456789012345680000000000000.0]");
    valid("[a:b = true OR a:b = false]", "[a:b = true OR a:b = false]");
    valid("[a:b = h'FFc3' OR a:b = b'ABI=']", "[a:b = h'ffc3' OR a:b = b'ABI=']");
    valid("[a:b = b'dGhp\ncyBp\ncw==']", "[a:b = b'dGhpcyBpcw==']");
    valid("[a:b = b'' OR a:b = h'']", "[a:b = b'' OR a:b = h'']");
    valid(r"[a:b = 'it\'s C:\\x']", r"[a:b = 'it\'s C:\\x']");
    valid("[a:b = t'2014-01-13T07:03:17.10Z']", "[a:b = t'2014-01-13T07:03:17.10Z']");
    valid("[a:b IN(1,2.5) AND a:c NOT IN ()]", "[a:b IN (1, 2.5) AND a:c NOT IN ()]");
    valid("[a:b LIKE 'x%' OR a:b NOT MATCHES '^x$']", "[a:b LIKE 'x%' OR a:b NOT MATCHES '^x$']");
    valid(
        "[a:b ISSUBSET '10.0.0.0/8' OR a:b NOT ISSUPERSET '::1']",
        "[a:b ISSUBSET '10.0.0.0/8' OR a:b NOT ISSUPERSET '::1']",
    );
    valid("[EXISTS a:b]", "[EXISTS a:b]");
    valid("[NOT EXISTS a:b]", "[NOT EXISTS a:b]");
}

#[test]
fn paths() {
    valid("[x-usb-device:usbdrive.serial_number = '5']", "[x-usb-device:usbdrive.serial_number = '5']");
    valid("[file:'hashes'.'SHA-256'[0].x[*] = '5']", "[file:hashes.'SHA-256'[0].x[*] = '5']");
    valid("[file:'IN'.'a b'.'it\\'s'.'' = 1]", "[file:'IN'.'a b'.'it\\'s'.'' = 1]");
    valid("[a:b[-1] = 1]", "[a:b[-1] = 1]");
    refused(
        "[some-type:needs-quotes = 1]",
        12,
        "`needs-quotes` stands where the name of a property is expected",
    );
    refused("[file:IN = 1]", 7, "`IN` stands where the name of a property is expected");
    refused("[file.size = 1]", 6, "`.` stands where `:` is expected");
    refused("[file:size[x] = 1]", 12, "`x` stands where an index or `*` is expected");
    refused("['file':size = 1]", 2, "a string stands where an object path is expected");
}

#[test]
fn precedence_and_parentheses() {
    valid("[a:b=1 AND a:b=2 OR a:b=3]", "[a:b = 1 AND a:b = 2 OR a:b = 3]");
    valid("[a:b=1 AND (a:b=2 OR a:b=3)]", "[a:b = 1 AND (a:b = 2 OR a:b = 3)]");
    valid("[((a:b=1) AND (a:b=2 AND a:b=3))]", "[a:b = 1 AND a:b = 2 AND a:b = 3]");
    valid("([a:b=1]) AND ([a:b=2] AND [a:b=3])", "[a:b = 1] AND [a:b = 2] AND [a:b = 3]");
    valid("[a:b=1] AND ([a:b=2] OR [a:b=3])", "[a:b = 1] AND ([a:b = 2] OR [a:b = 3])");
    valid("([a:b=1] FOLLOWEDBY [a:b=2]) OR [a:b=3]", "([a:b = 1] FOLLOWEDBY [a:b = 2]) OR [a:b = 3]");
    valid("[a:b=1] FOLLOWEDBY ([a:b=2] OR [a:b=3])", "[a:b = 1] FOLLOWEDBY [a:b = 2] OR [a:b = 3]");
}

#[test]
fn qualifiers() {
    valid("[a:b=1]WITHIN 5 SECONDS", "[a:b = 1] WITHIN 5 SECONDS");
    valid("[a:b=1] REPEATS +2 TIMES WITHIN .50 SECONDS", "[a:b = 1] REPEATS 2 TIMES WITHIN 0.5 SECONDS");
    valid(
        "([a:b=1] AND [a:b=2]) START t'2021-01-01T00:00:00Z' STOP t'2022-01-01T00:00:00Z'",
        "([a:b = 1] AND [a:b = 2]) START t'2021-01-01T00:00:00Z' STOP t'2022-01-01T00:00:00Z'",
    );
    valid("([a:b=1] REPEATS 2 TIMES) REPEATS 3 TIMES", "([a:b = 1] REPEATS 2 TIMES) REPEATS 3 TIMES");
    valid("([a:b=1]) WITHIN 5 SECONDS WITHIN 6 SECONDS", "([a:b = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS");
    valid(
        "([a:b=1] REPEATS 2 TIMES WITHIN 5 SECONDS) REPEATS 3 TIMES",
        "([a:b = 1] REPEATS 2 TIMES WITHIN 5 SECONDS) REPEATS 3 TIMES",
    );
    let twice = "a second qualifier of one kind on one expression";
    refused("[a:b=1] WITHIN 5 SECONDS WITHIN 6 SECONDS", 26, twice);
    refused("([a:b=1] REPEATS 2 TIMES REPEATS 3 TIMES)", 26, twice);
    refused("[a:b=1] WITHIN 0 SECONDS", 16, "no time is within 0 seconds");
    refused("[a:b=1] REPEATS 0 TIMES", 17, "nothing repeats 0 times");
    refused("[a:b=1] WITHIN -5 SECONDS", 16, "`-5` stands where a positive number of seconds is expected");
    refused("[a:b=1] WITHIN 5 HOURS", 18, "`HOURS` stands where `SECONDS` is expected");
    refused("[a:b=1] REPEATS 2.5 TIMES", 17, "`2.5` stands where a positive integer is expected");
    refused("[a:b=1] START '2021-01-01T00:00:00Z'", 15, "a string stands where a timestamp is expected");
    refused("[a:b=1] REPEATS 1000000000 TIMES", 17, "more than 999999999 times");
    refused(
        "[a:b=1] WITHIN 99999999999999999999999999999999999999999999 SECONDS",
        16,
        "more than 1000000000000 seconds",
    );
}

#[test]
fn spaces_and_comments() {
    valid("\u{3000}( [\t(a:b IN(443,6443)\u{85}AND a:c!=0)\r\n]) ", "[a:b IN (443, 6443) AND a:c != 0]");
    valid("[a:b /* [ */ = // ]\n 1]", "[a:b = 1]");
    refused("[a:b = 1] /* ", 11, "a comment is not closed");
}

#[test]
fn what_the_grammar_refuses() {
    refused("", 1, "the end stands where `[` or `(` is expected");
    refused("file:size = 1280", 1, "`file` stands where `[` or `(` is expected");
    refused("[file:size = ]", 14, "`]` stands where a constant is expected");
    refused("[file:hashes.MD5 = cead3f77]", 20, "`cead3f77` stands where a constant is expected");
    refused("[file:name MATCHES /.*\\.dll/]", 20, "`/` is out of place");
    refused("[file:hashes.MD5 =? 'x']", 19, "`?` is out of place");
    refused("[é:size = \"x\"]", 2, "`é` is out of place");
    refused("['é' = 1]", 2, "a string stands where an object path is expected");
    refused("[a:b = 'é' AND x]", 17, "`]` stands where `:` is expected");
    refused("[a:b > true]", 8, "`true` stands where a constant is expected");
    refused("[a:b = null]", 8, "`null` stands where a constant is expected");
    refused("[a:b = 'x", 8, "a string is not closed");
    refused("[a:b = 'C:\\x']", 11, "a backslash escapes nothing");
    refused("[a:b = b'====']", 8, "a binary constant is not base64 with its padding");
    refused("[a:b = h'0']", 8, "a hex constant has something else than pairs of hexadecimal digits");
    refused("[a:b = 01]", 8, "an integer has a zero in front");
    refused("[a:b = t'2457-73-22T32:81:84.1Z']", 8, "`2457-73-22T32:81:84.1Z` is no timestamp");
    refused("[a:b = 1] within 2 SECONDS", 11, "`within` stands where the end of the pattern is expected");
    refused("[a:b = 1] [a:b = 2]", 11, "`[` stands where the end of the pattern is expected");
    refused("[a:b = 1 AND [a:b = 2]]", 14, "`[` stands where an object path is expected");
}

#[test]
fn hints() {
    let hint = |text| Pattern::parse(text).unwrap_err().hint.unwrap_or_default();
    assert_eq!(hint("[a:b = 1] within 2 SECONDS"), "keywords are written `WITHIN`");
    assert_eq!(hint("[a:b = \"x\"]"), "strings stand between apostrophes: 'text'");
    assert_eq!(hint("[a:b-c = 1]"), "put it between apostrophes: 'b-c'");
}

#[test]
fn constants_that_say_nothing() {
    refused("[a:b IN (1, true)]", 2, "the constants of a set are of different types");
    refused("[a:b ISSUBSET 'hello']", 2, "`hello` is no address or network");
    refused("[a:b MATCHES '(']", 2, "the regular expression is not PCRE: a group is not closed");
    refused("[file:hashes.'SHA-256' = 'f00']", 2, "`f00` is no SHA-256 hash");
    refused("[file:hashes.MD5 IN ('f00')]", 2, "`f00` is no MD5 hash");
    let day = Pattern::parse("[a:b = t'2024-02-30T12:00:00Z']").unwrap();
    assert!(day.is_valid(), "the published suite takes this form");
    assert!(Matcher::new(&day).is_err(), "and nothing can match it");
}

#[test]
fn operands_of_and_are_about_one_object() {
    let message = "no one object can satisfy all operands of AND";
    refused("[a:b=1 AND b:c=1]", 2, message);
    refused("[a:b=1 AND (b:c=1 OR c:d=1)]", 2, message);
    refused("[(a:b=1 OR b:c=1) AND (c:d=1 OR d:e=1)]", 2, message);
    refused("[(a:b=1 AND b:c=1) OR (b:c=1 AND c:d=1)]", 3, message);
    valid("[(a:b=1 OR b:c=1) AND b:d=1]", "[(a:b = 1 OR b:c = 1) AND b:d = 1]");
}

#[test]
fn depth_and_length_are_limited() {
    let deep = |count: usize| format!("{}[a:b = 1]{}", "(".repeat(count), ")".repeat(count));
    valid(&deep(100), "[a:b = 1]");
    refused(&deep(101), 102, "parentheses nest more than 100 deep");
    refused(&deep(100_000), 102, "parentheses nest more than 100 deep");
    let path = format!("[a:b{} = 1]", ".b".repeat(64));
    refused(&path, 134, "a path has more than 64 steps");
    let qualifiers = format!("[a:b = 1]{}", " REPEATS 1 TIMES".repeat(101));
    assert!(Pattern::parse(&qualifiers).is_err());
    let long = format!("[a:b IN ({}1)]", "1, ".repeat(100_000));
    assert!(Pattern::parse(&long).is_ok());
}
