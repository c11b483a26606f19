//! `watchfire rules`: rules read, listed and shown; what is wrong with one is said with its place.
//!
//! No rule is dropped without a word: each is loaded, refused with a reason, or not applicable because no record that
//! is read here serves its log source. A hunt by the same rules counts them in the same way.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::bail;
use serde::Serialize;
use watchfire_hunt::content::{not_applicable, read_rules};
use watchfire_hunt::model::NotApplicable;
use watchfire_sigma::{Document, Parsed, Problem, Rule};

use crate::arguments::{Listing, Rules, RulesCommand, RulesPaths};
use crate::content::{self, BUILTIN, File};
use crate::{Status, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Rules) -> anyhow::Result<Status> {
    match &arguments.command {
        RulesCommand::Check(paths) => check(paths),
        RulesCommand::List(paths) => list(paths),
        RulesCommand::Show { rule, from } => show(rule, from),
    }
}

/// The rule files that were asked for; shipped ones are those in folders, the rest of the content is no rules.
fn files(paths: &RulesPaths) -> anyhow::Result<Vec<File>> {
    let builtin = [BUILTIN.to_owned()];
    let paths = if paths.paths.is_empty() { &builtin[..] } else { &paths.paths };
    let mut files = Vec::new();
    for path in paths {
        if path == BUILTIN {
            let shipped = content::shipped();
            files.extend(
                shipped.into_iter().filter(|(path, _)| path.contains('/') && !path.starts_with("data/")),
            );
        } else {
            files.extend(content::read(Path::new(path))?);
        }
    }
    Ok(files)
}

fn read(paths: &RulesPaths) -> anyhow::Result<(Vec<File>, Vec<Parsed>)> {
    let files = files(paths)?;
    let parsed = read_rules(&files, &content::environment(&content::texts(&paths.pipeline)?)?);
    Ok((files, parsed))
}

/// What became of all rules.
#[derive(Debug, Serialize)]
struct Counts {
    files: usize,
    documents: usize,
    loaded: usize,
    refused: usize,
    not_applicable: usize,
}

/// A problem, as other tools read it.
#[derive(Debug, Serialize)]
struct Told<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    severity: String,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn new(problem: &'a Problem) -> Self {
        Self {
            file: &problem.place.file,
            line: problem.place.line,
            column: problem.place.column,
            severity: problem.severity.to_string(),
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}

fn check(paths: &RulesPaths) -> anyhow::Result<Status> {
    let (files, parsed) = read(paths)?;
    let (mut rules, mut problems) = (Vec::<Rule>::new(), Vec::new());
    let mut counts = Counts { files: files.len(), documents: 0, loaded: 0, refused: 0, not_applicable: 0 };
    for file in parsed {
        counts.loaded += file.documents.len();
        counts.refused += file.refused;
        problems.extend(file.problems);
        rules.extend(file.documents.into_iter().filter_map(|document| match document {
            Document::Rule(rule) => Some(rule),
            _ => None,
        }));
    }
    let (unserved, titles) = not_applicable(&rules, &content::logsources());
    counts.documents = counts.loaded + counts.refused;
    counts.loaded -= titles.len();
    counts.not_applicable = titles.len();
    let mut out = BufWriter::new(io::stdout().lock());
    match paths.format {
        Listing::Human => checked_human(&problems, &unserved, &mut out)?,
        Listing::Json => {
            let problems: Vec<Told<'_>> = problems.iter().map(Told::new).collect();
            let all =
                serde_json::json!({ "counts": counts, "problems": problems, "not_applicable": unserved });
            writeln!(out, "{all:#}")?;
        }
        Listing::Jsonl => checked_lines(&counts, &problems, &unserved, &mut out)?,
    }
    out.flush()?;
    terminal::message(&format!(
        "{} files, {} documents: {} loaded, {} refused, {} not applicable",
        counts.files, counts.documents, counts.loaded, counts.refused, counts.not_applicable
    ));
    Ok(if counts.refused == 0 { Status::Clear } else { Status::Found })
}

fn checked_human(problems: &[Problem], unserved: &[NotApplicable], out: &mut dyn Write) -> io::Result<()> {
    for problem in problems {
        writeln!(out, "{problem}")?;
        if let Some(hint) = &problem.hint {
            writeln!(out, "  hint: {hint}")?;
        }
    }
    for NotApplicable { logsource, reason, rules } in unserved {
        writeln!(out, "not applicable: {rules} for {logsource}: {reason}")?;
    }
    Ok(())
}

fn checked_lines(
    counts: &Counts,
    problems: &[Problem],
    unserved: &[NotApplicable],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    for problem in problems {
        line("problem", &Told::new(problem), out)?;
    }
    for unserved in unserved {
        line("not_applicable", unserved, out)?;
    }
    line("counts", counts, out)
}

/// One object on a line, its kind first.
fn line<T: Serialize>(kind: &str, value: &T, out: &mut dyn Write) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Kind<'a, T> {
        kind: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    serde_json::to_writer(&mut *out, &Kind { kind, value })?;
    writeln!(out)?;
    Ok(())
}

/// A document in a list.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    level: &'a str,
    status: &'a str,
    document: &'a str,
    name: &'a str,
    id: Option<&'a str>,
    title: &'a str,
    tags: &'a [String],
    author: &'a str,
    references: &'a [String],
    logsource: Option<String>,
    file: &'a str,
}

impl<'a> Listed<'a> {
    fn new(document: &'a Document) -> Self {
        let header = document.header();
        let logsource = match document {
            Document::Rule(rule) => Some(rule.logsource.to_string()),
            Document::Filter(filter) => Some(filter.logsource.to_string()),
            Document::Correlation(_) | Document::Other(_) => None,
        };
        Self {
            level: header.level.as_str(),
            status: header.status.map_or("", watchfire_sigma::Status::as_str),
            document: kind(document),
            name: header.name.as_deref().or(header.id.as_deref()).unwrap_or_default(),
            id: header.id.as_deref(),
            title: &header.title,
            tags: &header.tags,
            author: &header.author,
            references: &header.references,
            logsource,
            file: &header.place.file,
        }
    }
}

fn list(paths: &RulesPaths) -> anyhow::Result<Status> {
    let (_, parsed) = read(paths)?;
    let listed: Vec<Listed<'_>> = parsed.iter().flat_map(|file| &file.documents).map(Listed::new).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    match paths.format {
        Listing::Human => {
            for Listed { level, status, document, name, title, tags, .. } in &listed {
                writeln!(
                    out,
                    "{level:<13} {status:<12} {document:<11} {name:<36} {title}  {}",
                    tags.join(" ")
                )?;
            }
        }
        Listing::Json => {
            serde_json::to_writer_pretty(&mut out, &listed)?;
            writeln!(out)?;
        }
        Listing::Jsonl => {
            for listed in &listed {
                serde_json::to_writer(&mut out, listed)?;
                writeln!(out)?;
            }
        }
    }
    out.flush()?;
    Ok(Status::Clear)
}

fn show(rule: &str, paths: &RulesPaths) -> anyhow::Result<Status> {
    let (files, parsed) = read(paths)?;
    let is_called =
        |parsed: &Parsed| parsed.documents.iter().any(|document| document.header().is_called(rule));
    let Some(((path, text), _)) = files.iter().zip(&parsed).find(|(_, parsed)| is_called(parsed)) else {
        bail!("no rule has the name or id {rule:?}\nhint: `watchfire rules list` names them all");
    };
    let mut out = io::stdout().lock();
    writeln!(out, "# {path}")?;
    out.write_all(text.as_bytes())?;
    Ok(Status::Clear)
}

fn kind(document: &Document) -> &'static str {
    match document {
        Document::Rule(_) => "rule",
        Document::Correlation(_) => "correlation",
        Document::Filter(_) => "filter",
        Document::Other(_) => "check",
    }
}
