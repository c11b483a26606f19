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
use watchfire_sigma::{Document, Parsed, Problem, Rule, Severity};
use watchfire_yara::{Refused, Rule as YaraRule, Rules};

use crate::arguments::{self, Listing, RulesCommand, RulesPaths};
use crate::content::{self, BUILTIN, RuleFiles};
use crate::{Status, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &arguments::Rules) -> anyhow::Result<Status> {
    match &arguments.command {
        RulesCommand::Check(paths) => check(paths),
        RulesCommand::List(paths) => list(paths),
        RulesCommand::Show { rule, from } => show(rule, from),
    }
}

/// The rule files that were asked for; shipped ones are those in folders, the rest of the content is no rules.
fn files(paths: &RulesPaths) -> anyhow::Result<RuleFiles> {
    let builtin = [BUILTIN.to_owned()];
    let paths = if paths.paths.is_empty() { &builtin[..] } else { &paths.paths };
    let mut files = RuleFiles::default();
    for path in paths {
        if path == BUILTIN {
            let shipped = content::shipped();
            files.sigma.extend(
                shipped.into_iter().filter(|(path, _)| path.contains('/') && !path.starts_with("data/")),
            );
        } else {
            files.add(Path::new(path))?;
        }
    }
    Ok(files)
}

/// Rules that were read.
struct Read {
    files: RuleFiles,
    /// What each of `files.sigma` holds.
    parsed: Vec<Parsed>,
    yara: Vec<YaraRule>,
    refused: Vec<Refused>,
}

fn read(paths: &RulesPaths) -> anyhow::Result<Read> {
    let files = files(paths)?;
    let parsed = read_rules(&files.sigma, &content::environment(&content::texts(&paths.pipeline)?)?);
    let (mut yara, mut refused) = (Vec::new(), Vec::new());
    if !files.yara.is_empty() {
        let (rules, not) =
            Rules::compile(&files.yara).map_err(|error| content::no_yara(&files.yara, &error))?;
        (yara, refused) = (rules.list().to_vec(), not);
    }
    Ok(Read { files, parsed, yara, refused })
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

    fn yara(refused: &'a Refused) -> Self {
        Self {
            file: &refused.file,
            line: refused.line,
            column: refused.column,
            severity: Severity::Refused.to_string(),
            message: &refused.reason,
            hint: None,
        }
    }
}

fn check(paths: &RulesPaths) -> anyhow::Result<Status> {
    let Read { files, parsed, yara, refused } = read(paths)?;
    let (mut rules, mut problems) = (Vec::<Rule>::new(), Vec::new());
    let mut counts = Counts {
        files: files.sigma.len() + files.yara.len(),
        documents: 0,
        loaded: yara.len(),
        refused: refused.len(),
        not_applicable: 0,
    };
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
        Listing::Human => checked_human(&problems, &refused, &unserved, &mut out)?,
        Listing::Json => {
            let all = serde_json::json!({
                "counts": counts,
                "problems": told(&problems, &refused),
                "not_applicable": unserved,
            });
            writeln!(out, "{all:#}")?;
        }
        Listing::Jsonl => checked_lines(&counts, &told(&problems, &refused), &unserved, &mut out)?,
    }
    out.flush()?;
    terminal::message(&format!(
        "{} files, {} documents: {} loaded, {} refused, {} not applicable",
        counts.files, counts.documents, counts.loaded, counts.refused, counts.not_applicable
    ));
    Ok(if counts.refused == 0 { Status::Clear } else { Status::Found })
}

fn told<'a>(problems: &'a [Problem], refused: &'a [Refused]) -> Vec<Told<'a>> {
    problems.iter().map(Told::new).chain(refused.iter().map(Told::yara)).collect()
}

fn checked_human(
    problems: &[Problem],
    refused: &[Refused],
    unserved: &[NotApplicable],
    out: &mut dyn Write,
) -> io::Result<()> {
    for problem in problems {
        writeln!(out, "{problem}")?;
        if let Some(hint) = &problem.hint {
            writeln!(out, "  hint: {hint}")?;
        }
    }
    for refused in refused {
        writeln!(out, "{refused}")?;
    }
    for NotApplicable { logsource, reason, rules } in unserved {
        writeln!(out, "not applicable: {rules} for {logsource}: {reason}")?;
    }
    Ok(())
}

fn checked_lines(
    counts: &Counts,
    problems: &[Told<'_>],
    unserved: &[NotApplicable],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    for problem in problems {
        line("problem", problem, out)?;
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
    fn yara(rule: &'a YaraRule) -> Self {
        Self {
            level: "",
            status: "",
            document: "yara",
            name: &rule.name,
            id: rule.meta("id"),
            title: rule.meta("description").unwrap_or_default(),
            tags: &rule.tags,
            author: rule.meta("author").unwrap_or_default(),
            references: &[],
            logsource: None,
            file: &rule.file,
        }
    }

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
    let Read { parsed, yara, .. } = read(paths)?;
    let sigma = parsed.iter().flat_map(|file| &file.documents).map(Listed::new);
    let listed: Vec<Listed<'_>> = sigma.chain(yara.iter().map(Listed::yara)).collect();
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
    let Read { files, parsed, yara, .. } = read(paths)?;
    let is_called =
        |parsed: &Parsed| parsed.documents.iter().any(|document| document.header().is_called(rule));
    let sigma = files.sigma.iter().zip(&parsed).find(|(_, parsed)| is_called(parsed)).map(|(file, _)| file);
    let file_of = |found: &YaraRule| files.yara.iter().find(|(path, _)| *path == found.file);
    let is_meant = |found: &&YaraRule| found.name == rule || found.meta("id") == Some(rule);
    let Some((path, text)) = sigma.or_else(|| yara.iter().find(is_meant).and_then(file_of)) else {
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
