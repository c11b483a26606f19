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
