//! `watchfire rules`: rules read, listed and shown; what is wrong with one is said with its place.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::bail;
use watchfire_sigma::{Document, Severity};

use crate::arguments::{Rules, RulesCommand, RulesPaths};
use crate::content::{self, BUILTIN, File};
use crate::{Status, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Rules) -> anyhow::Result<Status> {
    match &arguments.command {
        RulesCommand::Check(paths) => check(&files(paths)?),
        RulesCommand::List(paths) => list(&files(paths)?),
        RulesCommand::Show { rule, from } => show(rule, &files(from)?),
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

fn check(files: &[File]) -> anyhow::Result<Status> {
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut read, mut refused) = (0_usize, 0_usize);
    for (path, text) in files {
        let (documents, problems) = watchfire_sigma::parse(path, text);
        read += documents.len();
        refused += problems.iter().filter(|problem| problem.severity == Severity::Refused).count();
        for problem in problems {
            writeln!(out, "{problem}")?;
        }
    }
    out.flush()?;
    terminal::message(&format!("{} files, {read} documents read, {refused} refused", files.len()));
    Ok(if refused == 0 { Status::Clear } else { Status::Found })
}

fn list(files: &[File]) -> anyhow::Result<Status> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (path, text) in files {
        for document in watchfire_sigma::parse(path, text).0 {
            let header = document.header();
            let name = header.name.as_deref().or(header.id.as_deref()).unwrap_or_default();
            writeln!(
                out,
                "{:<13} {:<11} {name:<32} {}",
                header.level.as_str(),
                kind(&document),
                header.title
            )?;
        }
    }
    out.flush()?;
    Ok(Status::Clear)
}

fn show(rule: &str, files: &[File]) -> anyhow::Result<Status> {
    for (path, text) in files {
        let (documents, _) = watchfire_sigma::parse(path, text);
        if documents.iter().any(|document| document.header().is_called(rule)) {
            let mut out = io::stdout().lock();
            writeln!(out, "# {path}")?;
            out.write_all(text.as_bytes())?;
            return Ok(Status::Clear);
        }
    }
    bail!("no rule has the name or id {rule:?}\nhint: `watchfire rules list` names them all");
}

fn kind(document: &Document) -> &'static str {
    match document {
        Document::Rule(_) => "rule",
        Document::Correlation(_) => "correlation",
        Document::Filter(_) => "filter",
        Document::Other(_) => "check",
    }
}
