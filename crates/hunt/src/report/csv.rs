//! The findings as a timeline for spreadsheets: RFC 4180, comma, CRLF, UTF-8 without a mark, one header line.
//!
//! Columns are stable: new ones are added at the end. Raw records stay in the JSON lines report, as a cell of a
//! spreadsheet holds 32,767 characters and silently loses the rest.
//!
//! Spreadsheets run what looks like a formula, even in a CSV file, and whoever attacks a server chooses what stands
//! in its logs: `=cmd|'/c calc'!A1` as a user agent runs a program on the responder's machine. So a cell that begins
//! with `=`, `+`, `-`, `@` or a tab gets a leading apostrophe, which spreadsheets take as "this is text". The same
//! after each `;` within a cell, since where the comma is the decimal sign, spreadsheets split at semicolons.
//! Whoever needs the exact text reads the JSON lines report.

use std::borrow::Cow;
use std::io::{self, Write};

use super::selection::listed;
use super::shown::shown;
use super::{About, words};
use crate::model::{Finding, Hunted};

const COLUMNS: [&str; 19] = [
    "time", "server", "stage", "outcome", "level", "rule", "title", "artifact", "client", "file", "sha256",
    "place", "detail", "id", "rule_id", "request", "attack", "cves", "graded",
];

/// Writes the header and one line a finding.
pub(super) fn write(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    line(out, COLUMNS.map(str::to_owned))?;
    listed(hunted, about.min_level)
        .into_iter()
        .try_for_each(|index| line(out, cells(&hunted.findings[index])))
}

fn cells(finding: &Finding) -> [String; 19] {
    let rule = &finding.rule;
    [
        finding.time.map(|time| time.to_string()).unwrap_or_default(),
        finding.server.to_string(),
        rule.stage.name().to_owned(),
        finding.outcome.name().to_owned(),
        finding.level.to_string(),
        rule.name.clone(),
        rule.title.clone(),
        finding.artifact.to_string(),
        finding.client.map(|client| client.to_string()).unwrap_or_default(),
        finding.file.to_string(),
        finding.sha256.to_string(),
        words::place(finding.place),
        words::fields(&finding.fields),
        finding.id.clone(),
        rule.id.clone(),
        finding.request.clone().unwrap_or_default(),
        rule.attack.join(" "),
        rule.cves.join(" "),
        finding.graded.clone().unwrap_or_default(),
    ]
}

fn line(out: &mut dyn Write, cells: [String; 19]) -> io::Result<()> {
    let cells = cells.map(|cell| quoted(&harmless(&cell)).into_owned());
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    let visible = shown(cell);
    let mut safe = String::with_capacity(visible.len() + 2);
    // A leading tab or line break is spelled out by now, but it is the cell as it came that a spreadsheet would trim.
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        safe.push('\'');
    }
    for (index, part) in visible.split(';').enumerate() {
        if index > 0 {
            safe.push(';');
            if part.trim_start().starts_with(['=', '+', '-', '@']) {
                safe.push('\'');
            }
        }
        safe.push_str(part);
    }
    safe
}

/// RFC 4180 §2.5 to §2.7: quotes around what needs them, quotes within doubled.
fn quoted(cell: &str) -> Cow<'_, str> {
    if !cell.contains(['"', ',', ';', '\r', '\n']) {
        return Cow::Borrowed(cell);
    }
    Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn formulas_become_text() {
        for (cell, expected) in [
            ("=cmd|'/c'!A1", "'=cmd|'/c'!A1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\u{9}=1"),
            ("a;=1", "a;'=1"),
            ("a; @b", "a;' @b"),
            ("a=1", "a=1"),
            ("2021-03-03", "2021-03-03"),
        ] {
            assert_eq!(harmless(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn cells_are_quoted_where_the_rfc_says() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
    }

    #[test]
    fn every_finding_is_one_line_of_all_columns() {
        let hunted = sample::hunted();
        let mut out = Vec::new();
        write(&hunted, &sample::about(), &mut out).expect("memory takes every byte");
        let text = String::from_utf8(out).expect("CSV is UTF-8");
        assert!(text.starts_with(
            "time,server,stage,outcome,level,rule,title,artifact,client,file,sha256,place,detail,"
        ));
        assert_eq!(text.matches("\r\n").count(), hunted.findings.len() + 1);
        assert!(!text.contains(",=") && !text.contains(",\"="), "a cell begins with a formula");
    }
}
