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
use std::str::FromStr;

use super::selection::listed;
use super::shown::shown;
use super::{About, words};
use crate::model::{Finding, Hunted, Indicator, IndicatorSource};

/// What can stand in a cell, in the order of the widest table. What was there first stands first: `standard` is the
/// table that scripts read.
const KNOWN: [Known; 31] = [
    Known("time", |finding| finding.time().map(|time| time.to_string()).unwrap_or_default()),
    Known("server", |finding| finding.server().to_string()),
    Known("stage", |finding| finding.rule.stage.name().to_owned()),
    Known("outcome", |finding| finding.outcome.name().to_owned()),
    Known("level", |finding| finding.level.to_string()),
    Known("rule", |finding| finding.rule.name.clone()),
    Known("title", |finding| finding.rule.title.clone()),
    Known("artifact", |finding| finding.artifact().to_string()),
    Known("client", |finding| finding.client().map(|client| client.to_string()).unwrap_or_default()),
    Known("file", |finding| finding.file().to_string()),
    Known("sha256", |finding| finding.sha256().to_string()),
    Known("place", |finding| words::place(finding.place())),
    Known("detail", |finding| words::fields(&finding.shown_fields())),
    Known("id", |finding| finding.id().clone()),
    Known("rule_id", |finding| finding.rule.id.clone()),
    Known("request", |finding| finding.request().unwrap_or_default().to_owned()),
    Known("attack", |finding| finding.rule.attack.join(" ")),
    Known("cves", |finding| finding.rule.cves.join(" ")),
    Known("graded", |finding| finding.graded().unwrap_or_default().to_owned()),
    Known("author", |finding| finding.rule.author.clone()),
    Known("references", |finding| finding.rule.references.join(" ")),
    Known("rule_version", |finding| finding.rule.version.clone()),
    Known("recovered", |finding| finding.recovered.to_string()),
    Known("indicator", |finding| of_indicator(finding, |indicator| indicator.value.clone())),
    Known("indicator_kind", |finding| of_indicator(finding, |indicator| indicator.kind.name().to_owned())),
    Known("indicator_id", |finding| of_source(finding, |source| source.id.map(|id| id.to_string()))),
    Known("indicator_source", |finding| of_source(finding, |source| Some(source.name()))),
    Known("indicator_confidence", |finding| {
        of_source(finding, |source| source.confidence.map(|confidence| confidence.to_string()))
    }),
    Known("indicator_valid_from", |finding| {
        of_source(finding, |source| source.valid_from.map(|time| time.to_string()))
    }),
    Known("indicator_valid_until", |finding| {
        of_source(finding, |source| source.valid_until.map(|time| time.to_string()))
    }),
    Known("indicator_marking", |finding| {
        of_indicator(finding, |indicator| indicator.markings().collect::<Vec<_>>().join(" "))
    }),
];

fn of_indicator(finding: &Finding, what: impl Fn(&Indicator) -> String) -> String {
    finding.indicator().map(what).unwrap_or_default()
}

/// What the first of those who warn of a value says of it.
fn of_source(finding: &Finding, what: impl Fn(&IndicatorSource) -> Option<String>) -> String {
    finding.indicator().and_then(|found| what(found.sources.first()?)).unwrap_or_default()
}

/// Columns of `standard`.
const STANDARD: usize = 19;

/// Columns of `minimal`.
const MINIMAL: [&str; 5] = ["time", "server", "level", "title", "detail"];

/// A column's name and what stands in it.
#[derive(Clone, Copy)]
struct Known(&'static str, fn(&Finding) -> String);

/// The columns of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    /// By its place in [`KNOWN`].
    Known(usize),
    /// A field that findings show, by its name.
    Field(String),
}

/// There is no such column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no column")]
pub struct UnknownColumn(String);

impl Columns {
    /// What columns are called, besides `field:NAME`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|Known(name, _)| *name)
    }
}

impl Default for Columns {
    /// `standard`
    fn default() -> Self {
        Self((0..STANDARD).map(Column::Known).collect())
    }
}

impl FromStr for Columns {
    type Err = UnknownColumn;

    /// `minimal`, `standard`, `full`, or names with commas between them.
    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        let column = |name: &str| {
            if let Some(field) = name.strip_prefix("field:") {
                return Ok(Column::Field(field.to_owned()));
            }
            let known = Self::names().position(|known| known == name);
            known.map(Column::Known).ok_or_else(|| UnknownColumn(name.to_owned()))
        };
        Ok(match text {
            "standard" => Self::default(),
            "full" => Self((0..KNOWN.len()).map(Column::Known).collect()),
            "minimal" => Self(MINIMAL.into_iter().map(column).collect::<Result<_, _>>()?),
            names => Self(names.split(',').map(|name| column(name.trim())).collect::<Result<_, _>>()?),
        })
    }
}

impl Column {
    fn name(&self) -> &str {
        match self {
            Self::Known(known) => KNOWN[*known].0,
            Self::Field(name) => name,
        }
    }

    fn cell(&self, finding: &Finding) -> String {
        match self {
            Self::Known(known) => KNOWN[*known].1(finding),
            Self::Field(name) => {
                let mut fields = finding.shown_fields().into_iter();
                let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value).unwrap_or_default()
            }
        }
    }
}

/// Writes the header and one line a finding.
pub(super) fn write(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    let columns = &about.columns.0;
    line(out, columns.iter().map(|column| column.name().to_owned()))?;
    listed(hunted, about.min_level)
        .into_iter()
        .try_for_each(|index| line(out, columns.iter().map(|column| column.cell(&hunted.findings[index]))))
}

fn line(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let cells: Vec<String> = cells.map(|cell| quoted(&harmless(&cell)).into_owned()).collect();
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
    fn columns_are_chosen_by_profile_or_by_name() {
        let hunted = sample::hunted();
        let header = |columns: &str| {
            let about = About { columns: columns.parse().expect("columns of a test"), ..sample::about() };
            let mut out = Vec::new();
            write(&hunted, &about, &mut out).expect("memory takes every byte");
            let text = String::from_utf8(out).expect("CSV is UTF-8");
            (
                text.lines().next().unwrap_or_default().to_owned(),
                text.lines().nth(1).unwrap_or_default().to_owned(),
            )
        };
        assert_eq!(header("minimal").0, "time,server,level,title,detail");
        assert_eq!(header("standard").0, header("full").0.split(",author").next().unwrap_or_default());
        let (names, cells) = header("level, field:urlstem,author");
        assert_eq!(names, "level,urlstem,author");
        assert!(cells.contains(",/ecp/y.js,"), "{cells}");
        assert_eq!("level,loud".parse::<Columns>(), Err(UnknownColumn("loud".to_owned())));
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
