//! `watchfire stix`: objects held against the standard, their deterministic ids, canonical JSON.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;
use watchfire_stix::json::Node;
use watchfire_stix::{Container, Item, Problem, ReadError, Reader, Severity, Uuid, deterministic};

use super::list::List;
use crate::arguments::{Stix, StixCheck, StixCommand, StixId};
use crate::{Status, terminal};

/// A file to be made canonical is held whole, with a tree of some ten times its size.
const CANONICAL_LIMIT_BYTES: u64 = 256 << 20;

/// Runs the command.
pub(crate) fn run(arguments: &Stix) -> anyhow::Result<Status> {
    match &arguments.command {
        StixCommand::Check(arguments) => check(arguments),
        StixCommand::Id(arguments) => id(arguments),
        StixCommand::Canonical { file } => canonical(file),
    }
}

/// The file, or standard input for `-`.
fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?))
}

/// What was seen while checking.
#[derive(Default)]
struct Tally {
    objects: u64,
    errors: u64,
    warnings: u64,
}

fn check(arguments: &StixCheck) -> anyhow::Result<Status> {
    let mut list = List::new(BufWriter::new(io::stdout().lock()), arguments.format);
    let mut tally = Tally::default();
    let mut unread = 0_usize;
    for file in &arguments.files {
        // A file that cannot be read says nothing of the others.
        if let Err(error) = check_file(file, arguments.strict, &mut list, &mut tally)? {
            terminal::error(&error);
            unread += 1;
        }
    }
    list.end()?;
    let Tally { objects, errors, warnings } = tally;
    terminal::message(&format!("{objects} objects, {errors} errors, {warnings} warnings"));
    if unread > 0 {
        bail!("{unread} of {} files could not be read", arguments.files.len());
    }
    Ok(if tally.errors == 0 { Status::Clear } else { Status::Found })
}

/// Checks one file. The outer error is of the output, the inner one of the file.
fn check_file<W: Write>(
    file: &Path,
    strict: bool,
    list: &mut List<W>,
    tally: &mut Tally,
) -> anyhow::Result<anyhow::Result<()>> {
    let shown = file.display().to_string();
    let mut reader = match open(file) {
        Ok(source) => Reader::new(source),
        Err(error) => return Ok(Err(error)),
    };
    let mut told = |id: Option<&str>, problem: Problem| {
        let severity = if strict { Severity::Error } else { problem.severity };
        match severity {
            Severity::Error => tally.errors += 1,
            Severity::Warning => tally.warnings += 1,
        }
        tell(list, &shown, id, &Problem { severity, ..problem })
    };
    let mut objects = 0;
    let mut unread = Ok(());
    for item in reader.by_ref() {
        match item {
            Ok(item) => check_item(&item, &mut told)?,
            Err(ReadError::Malformed(problem) | ReadError::TooLarge(problem)) => told(None, *problem)?,
            Err(ReadError::Io(error)) => {
                unread = Err(error).with_context(|| format!("cannot read {shown}"));
                break;
            }
        }
        objects += 1;
    }
    if unread.is_ok() {
        for problem in around(&reader) {
            told(None, problem)?;
        }
    }
    tally.objects += objects;
    Ok(unread)
}

fn check_item(
    item: &Item,
    told: &mut impl FnMut(Option<&str>, Problem) -> io::Result<()>,
) -> anyhow::Result<()> {
    match watchfire_stix::json::parse(&item.bytes) {
        Ok((node, flaws)) => {
            let id = node.text("id");
            for problem in flaws.into_iter().chain(watchfire_stix::check::check_node(&node)) {
                told(id, problem.inside(&item.pointer, item.offset))?;
            }
        }
        Err(problem) => told(None, problem.inside(&item.pointer, item.offset))?,
    }
    Ok(())
}

/// What is wrong with the bundle itself. An envelope (TAXII 2.1 §3.7) has no type and is none of STIX's business.
fn around<R: Read>(reader: &Reader<R>) -> Vec<Problem> {
    let Some(bytes) = reader.around().filter(|_| reader.container() == Container::Bundle) else {
        return Vec::new();
    };
    let Ok((node, flaws)) = watchfire_stix::json::parse(bytes) else { return Vec::new() };
    let envelope = node.get("type").is_none() && node.get("id").is_none();
    let mut problems = flaws;
    if !envelope {
        problems.extend(watchfire_stix::check::check_bundle(&node, reader.objects()));
    }
    for problem in &mut problems {
        problem.offset = reader.offset_around(problem.offset);
    }
    problems
}

fn tell<W: Write>(list: &mut List<W>, file: &str, id: Option<&str>, problem: &Problem) -> io::Result<()> {
    let Problem { severity, pointer, offset, clause, what } = problem;
    let severity = severity.as_str();
    list.print(
        || {
            let place = if pointer.is_empty() { "/" } else { pointer };
            let id = id.map(|id| format!(" {id}")).unwrap_or_default();
            format!("{severity}: {file}:{offset}: {place}{id}: {what} ({clause})")
        },
        || {
            json!({"kind": severity, "file": file, "id": id, "pointer": pointer, "offset": offset, "clause": clause,
                "what": what})
        },
    )
}

fn id(arguments: &StixId) -> anyhow::Result<Status> {
    let mut list = List::new(BufWriter::new(io::stdout().lock()), arguments.format);
    let mut status = Status::Clear;
    for item in Reader::new(open(&arguments.file)?) {
        let item = match item {
            Ok(item) => item,
            Err(ReadError::Malformed(problem) | ReadError::TooLarge(problem)) => {
                return Err(refused(&arguments.file, *problem));
            }
            Err(ReadError::Io(error)) => {
                return Err(error).with_context(|| format!("cannot read {}", arguments.file.display()));
            }
        };
        let (node, flaws) = watchfire_stix::json::parse(&item.bytes)
            .map_err(|problem| refused(&arguments.file, problem.inside(&item.pointer, item.offset)))?;
        if let Some(flaw) = flaws.into_iter().next() {
            return Err(refused(&arguments.file, flaw.inside(&item.pointer, item.offset)));
        }
        if !print_id(&mut list, &item, &node)? {
            status = Status::Found;
        }
    }
    list.end()?;
    Ok(status)
}

/// Why no id can be given: the problem without its severity, which the message of every error says anyway.
fn refused(file: &Path, problem: Problem) -> anyhow::Error {
    let Problem { pointer, offset, clause, what, .. } = problem;
    let place = if pointer.is_empty() { "/" } else { &pointer };
    anyhow::anyhow!("cannot read {}:{offset}: {place}: {what} ({clause})", file.display())
}

/// Prints the id of one object; `false` where it has another of the kind that should be this one.
fn print_id<W: Write>(list: &mut List<W>, item: &Item, node: &Node<'_>) -> io::Result<bool> {
    let given = node.text("id");
    let in_use = deterministic::uuids_in_use(node);
    let (Some(expected), Some(object_type)) = (deterministic::id(node), node.text("type")) else {
        let shown = given.unwrap_or(&item.pointer);
        terminal::message(&format!("{shown} has no deterministic id"));
        return Ok(true);
    };
    let uuid = given.and_then(|id| Uuid::parse(id.strip_prefix(object_type)?.strip_prefix("--")?));
    let matches = uuid.is_none_or(|uuid| uuid.version() != 5 || in_use.contains(&uuid));
    list.print(
        || expected.clone(),
        || json!({"kind": "id", "pointer": item.pointer, "id": expected, "given": given, "matches": matches}),
    )?;
    Ok(matches)
}

#[allow(clippy::disallowed_methods)] // what is read is taken up to a named limit
fn canonical(file: &Path) -> anyhow::Result<Status> {
    let mut bytes = Vec::new();
    open(file)?
        .take(CANONICAL_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() as u64 > CANONICAL_LIMIT_BYTES {
        bail!("{} is larger than {CANONICAL_LIMIT_BYTES} bytes", file.display());
    }
    match watchfire_stix::canonical(&bytes) {
        Ok(written) => {
            let mut out = io::stdout().lock();
            out.write_all(&written)?;
            out.flush()?;
            Ok(Status::Clear)
        }
        Err(problem) => {
            terminal::message(&format!("{}: {problem}", file.display()));
            Ok(Status::Found)
        }
    }
}
