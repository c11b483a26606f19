//! `watchfire pattern`: is a STIX pattern valid, and which observations does it match.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::json;
use watchfire_stix::pattern::limits::PATTERN_BYTES_MAX;
use watchfire_stix::pattern::{
    BadObservation, Json, Match, Matcher, Observations, Pattern, Problem, Rule, Severity,
};

use crate::arguments::{Listing, PatternArguments, PatternCommand};
use crate::{Status, terminal};

/// Observed data is held whole in memory while it is matched; a file beyond this belongs in pieces.
const OBSERVED_LIMIT_BYTES: u64 = 4 << 30;

/// Stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Runs the command.
pub(crate) fn run(arguments: &PatternArguments) -> anyhow::Result<Status> {
    match &arguments.command {
        PatternCommand::Check { pattern, format } if pattern == STANDARD_INPUT => check_lines(*format),
        PatternCommand::Check { pattern, format } => {
            let mut out = Printer::new(*format);
            out.checked(None, pattern)?;
            out.finish()
        }
        PatternCommand::Match { pattern, observed, format } => find(pattern, observed, *format),
    }
}

/// Checks one pattern a line of standard input.
fn check_lines(format: Listing) -> anyhow::Result<Status> {
    let mut input = BufReader::new(io::stdin().lock());
    let mut out = Printer::new(format);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limit = PATTERN_BYTES_MAX as u64 + 2;
        if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == limit && line.last() != Some(&b'\n') {
            bail!("line {number}: longer than {PATTERN_BYTES_MAX} bytes, which no pattern is");
        }
        let text = str::from_utf8(&line).with_context(|| format!("line {number}: no UTF-8"))?.trim();
        if !text.is_empty() {
            out.checked(Some(number), text)?;
        }
    }
    out.finish()
}

/// Prints what was found out about patterns, in one of the formats.
struct Printer {
    format: Listing,
    out: BufWriter<io::StdoutLock<'static>>,
    /// For one JSON document.
    rows: Vec<serde_json::Value>,
    invalid: bool,
}

impl Printer {
    fn new(format: Listing) -> Self {
        Self { format, out: BufWriter::new(io::stdout().lock()), rows: Vec::new(), invalid: false }
    }

    fn checked(&mut self, line: Option<usize>, text: &str) -> anyhow::Result<()> {
        let (normal, problems) = match Pattern::parse(text) {
            Ok(pattern) => {
                let normal = pattern.is_valid().then(|| pattern.to_string());
                (normal, pattern.problems().to_vec())
            }
            Err(problem) => (None, vec![problem]),
        };
        self.invalid |= normal.is_none();
        match self.format {
            Listing::Human => self.human(line, normal.as_deref(), &problems)?,
            Listing::Json | Listing::Jsonl => {
                let problems: Vec<_> = problems.iter().map(problem_row).collect();
                self.row(json!({
                    "kind": "pattern", "line": line, "valid": normal.is_some(), "normal": normal, "problems": problems,
                }))?;
            }
        }
        Ok(())
    }

    fn human(&mut self, line: Option<usize>, normal: Option<&str>, problems: &[Problem]) -> io::Result<()> {
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        for problem in problems {
            writeln!(self.out, "{place}{}: {problem}", severity(problem))?;
            if let Some(hint) = &problem.hint {
                writeln!(self.out, "hint: {hint}")?;
            }
        }
        match normal {
            Some(normal) => writeln!(self.out, "{place}valid: {normal}"),
            None => Ok(()),
        }
    }

    fn row(&mut self, row: serde_json::Value) -> io::Result<()> {
        if self.format == Listing::Json {
            self.rows.push(row);
            return Ok(());
        }
        writeln!(self.out, "{row}")
    }

    fn finish(mut self) -> anyhow::Result<Status> {
        if self.format == Listing::Json {
            writeln!(self.out, "{:#}", serde_json::Value::Array(self.rows))?;
        }
        self.out.flush()?;
        Ok(if self.invalid { Status::Found } else { Status::Clear })
    }
}

fn severity(problem: &Problem) -> &'static str {
    match problem.severity {
        Severity::Warning => "warning",
        Severity::Invalid => "invalid",
    }
}

fn problem_row(problem: &Problem) -> serde_json::Value {
    json!({
        "severity": severity(problem), "column": problem.column, "message": problem.message, "hint": problem.hint,
    })
}

fn find(pattern: &str, observed: &Path, format: Listing) -> anyhow::Result<Status> {
    let pattern = Pattern::parse(pattern).map_err(|problem| refused(&problem))?;
    let matcher = Matcher::new(&pattern).map_err(|problem| refused(&problem))?;
    let about = || observed.display().to_string();
    let text = read(observed).with_context(about)?;
    let json = Json::parse(text.trim_start_matches('\u{feff}')).with_context(about)?;
    let (observations, bad) = Observations::of(&json);
    for problem in pattern.problems() {
        // STIX 2.0 lets qualifiers stand twice, 2.1 does not.
        if problem.rule == Rule::Qualifier && !observations.are_dictionaries() {
            return Err(refused(problem));
        }
        terminal::message(&format!("{}: {problem}", severity(problem)));
    }
    for bad in &bad {
        terminal::message(&format!("not used: {bad}"));
    }
    if observations.is_empty() && bad.is_empty() && !matches!(&json, Json::List(items) if items.is_empty()) {
        bail!(
            "{}: no observed data\nhint: give `observed-data`, a list of it or a bundle",
            observed.display()
        );
    }
    match matcher.find(&observations) {
        Ok(Some(found)) => {
            print(&matcher, &observations, &found, format)?;
            Ok(Status::Clear)
        }
        Ok(None) => no_match(&bad, format),
        Err(fault) => Err(fault.into()),
    }
}

/// "No" is only said where all was looked at.
fn no_match(bad: &[BadObservation], format: Listing) -> anyhow::Result<Status> {
    if !bad.is_empty() {
        bail!("no match, but {} of the observed data cannot be used", bad.len());
    }
    if format == Listing::Json {
        writeln!(io::stdout().lock(), "[]")?;
    }
    terminal::message("no match");
    Ok(Status::Found)
}

fn refused(problem: &Problem) -> anyhow::Error {
    let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    anyhow!("the pattern is invalid: {problem}{hint}")
}

fn print(
    matcher: &Matcher,
    observations: &Observations<'_>,
    found: &Match,
    format: Listing,
) -> io::Result<()> {
    let mut printer = Printer::new(format);
    for &number in &found.observations {
        let Some(observation) = observations.get(number as usize) else { continue };
        let objects = matcher.objects(observations, number);
        let keys: Vec<&str> =
            objects.into_iter().filter_map(|object| observation.object_key(object)).collect();
        if format == Listing::Human {
            let id = observation.id.map_or_else(|| format!("observed data {number}"), str::to_owned);
            writeln!(printer.out, "{id}  objects: {}", keys.join(", "))?;
        } else {
            printer.row(json!({
                "kind": "match", "observation": number, "id": observation.id, "objects": keys,
            }))?;
        }
    }
    printer.finish().map(|_| ()).map_err(io::Error::other)
}

#[allow(clippy::disallowed_methods)] // the takes have a limit
fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let limit = OBSERVED_LIMIT_BYTES + 1;
    if path.as_os_str() == STANDARD_INPUT {
        io::stdin().lock().take(limit).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(limit).read_to_string(&mut text)?;
    }
    if text.len() as u64 >= limit {
        bail!("more than {OBSERVED_LIMIT_BYTES} bytes\nhint: match it in pieces");
    }
    Ok(text)
}
