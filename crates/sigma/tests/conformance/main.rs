//! The specification clause by clause, as tables of cases in `cases/`.
//!
//! A block of lines is a case: the test of a field, or a whole detection; then `+ record` for what it matches,
//! `- record` for what it does not, or `! line:column message` for how it is refused. `#` names the clause. A record
//! is `Name=value; Other=[one|two]`, and `.` is a record without fields.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test fails and reports as the test would"
)]

use std::path::Path;

use watchfire_sigma::Severity;

#[path = "../behaviour/support.rs"]
#[allow(dead_code, reason = "shared with the behaviour tests, which use all of it")]
mod support;

use support::{Fake, check_record, read, rule_text};

#[derive(Default)]
struct Case {
    detection: String,
    records: Vec<(bool, String)>,
    refusal: Option<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases = vec![Case::default()];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let case = cases.last_mut().unwrap();
        match line.split_at_checked(2) {
            Some(("+ ", record)) => case.records.push((true, record.to_owned())),
            Some(("- ", record)) => case.records.push((false, record.to_owned())),
            Some(("! ", message)) => case.refusal = Some(message.to_owned()),
            _ if line.trim().is_empty() => cases.push(Case::default()),
            _ => case.detection.extend([line, "\n"]),
        }
    }
    cases.retain(|case| !case.detection.is_empty());
    for case in cases.iter_mut().filter(|case| !case.detection.contains("condition:")) {
        let inside: String = case.detection.lines().flat_map(|line| ["  ", line, "\n"]).collect();
        case.detection = format!("s:\n{inside}condition: s\n");
    }
    cases
}

fn check(case: &Case) {
    if let Some(expected) = &case.refusal {
        let (documents, problems) = read(&rule_text(&case.detection));
        let first = problems.into_iter().find(|problem| problem.severity == Severity::Refused).unwrap();
        let told = format!("{}:{} {}", first.place.line, first.place.column, first.message);
        assert!(documents.is_empty() && told.starts_with(expected.as_str()), "{}told {told}", case.detection);
        return;
    }
    assert!(!case.records.is_empty(), "a case without a record: {}", case.detection);
    for (expected, record) in &case.records {
        let record = if record == "." { String::new() } else { unescaped(record) };
        check_record(&case.detection, &Fake::new(&record), *expected);
    }
}

/// `\0` and `\n` cannot stand in a line of a table.
fn unescaped(record: &str) -> String {
    record.replace("{NUL}", "\0").replace("{LF}", "\n")
}

#[test]
fn every_case_of_the_tables_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = String::from_utf8(std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        for case in cases(&text) {
            check(&case);
            count += 1;
        }
    }
    println!("{count} cases");
    assert!(count > 100, "{count} cases");
}
