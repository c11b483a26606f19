//! `watchfire convert`: MISP, STIX, CSAF, OpenIOC, tables and lists, one said in another's words.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::Value;
use watchfire_interop::convert::{self, Feed, LeftOut, List, Names, Row, Rows, Table, Techniques, ToStix};
use watchfire_interop::intel::Format;

use crate::arguments::{Convert, Exchange};
use crate::{Status, terminal};

/// What is held whole, as a tree of some ten times its size. STIX is not, unless it is to be MISP.
const FILE_LIMIT_BYTES: u64 = 512 << 20;

/// Enough of a file to tell what it is: an event may begin with a long report.
const HEAD_BYTES: u64 = 64 << 10;

/// The files of a feed that are no events.
const NOT_EVENTS: [&str; 2] = ["manifest.json", "hashes.csv"];

/// What became of a file.
struct Done {
    /// What was converted, in words.
    what: String,
    left_out: LeftOut,
}

/// Runs the command.
pub(crate) fn run(arguments: &Convert) -> anyhow::Result<Status> {
    let Convert { input, output, from, to, upgrade } = arguments;
    let to = to.map_or_else(|| format_of(output), Ok)?;
    if same_file(input, output) {
        bail!("{}: input and output are the same file", input.display());
    }
    let source = Source::of(input)?;
    let from = match from {
        Some(from) => *from,
        None => source.format()?,
    };
    let about = || input.display().to_string();
    if *upgrade && (from, to) != (Exchange::Stix, Exchange::Stix) {
        bail!("--upgrade is for what is STIX and stays STIX");
    }
    let done = match from {
        Exchange::Stix if *upgrade => upgraded(&source, output),
        Exchange::Stix => stix(&source, output, to),
        Exchange::Misp | Exchange::MispFeed => events(&source.events()?, LeftOut::default(), output, to),
        Exchange::Csv => table(&source, Format::Csv, output, to),
        Exchange::Text => table(&source, Format::List, output, to),
        Exchange::OpenIoc => table(&source, Format::OpenIoc, output, to),
        Exchange::Csaf => csaf(&source, output, to),
        Exchange::Navigator => bail!("layers of the Navigator are written, not read"),
    };
    let done = done.with_context(about)?;
    for line in done.left_out.lines() {
        terminal::message(&format!("left out: {line}"));
    }
    terminal::message(&format!("{} converted", done.what));
    Ok(Status::Clear)
}

/// Whether writing would destroy what is read.
fn same_file(input: &Path, output: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok().filter(|path| path.is_file());
    real(input).is_some_and(|input| real(output) == Some(input))
}

fn format_of(output: &Path) -> anyhow::Result<Exchange> {
    let name = output.to_string_lossy().to_ascii_lowercase();
    let ending = name.rsplit('.').next().unwrap_or_default();
    Ok(match ending {
        _ if name.ends_with(".stix.json") || ending == "stix" || ending == "stix2" => Exchange::Stix,
        _ if name.ends_with(".misp.json") || ending == "misp" => Exchange::Misp,
        _ if name.ends_with(".layer.json") || name.ends_with(".navigator.json") => Exchange::Navigator,
        "csv" => Exchange::Csv,
        "txt" => Exchange::Text,
        _ if output.is_dir() || name.ends_with(std::path::MAIN_SEPARATOR) => Exchange::MispFeed,
        _ => bail!(
            "{}: no format has this ending\nhint: .stix.json, .misp.json, .layer.json, .csv, .txt, a folder, or --to FORMAT",
            output.display()
        ),
    })
}

/// What is read: a file that can be opened again, a folder, or what came through a pipe.
enum Source<'a> {
    File(&'a Path),
    Folder(&'a Path),
    Held(Vec<u8>),
}

impl<'a> Source<'a> {
    fn of(input: &'a Path) -> anyhow::Result<Self> {
        let about = || input.display().to_string();
        if input == Path::new("-") {
            return Ok(Self::Held(limited(&mut io::stdin().lock()).context("standard input")?));
        }
        let metadata = fs::metadata(input).with_context(about)?;
        if metadata.is_dir() {
            return Ok(Self::Folder(input));
        }
        // A named pipe cannot be read twice.
        if metadata.is_file() {
            return Ok(Self::File(input));
        }
        Ok(Self::Held(limited(&mut File::open(input).with_context(about)?).with_context(about)?))
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::File(path) | Self::Folder(path) => Box::new(BufReader::new(File::open(path)?)),
            Self::Held(bytes) => Box::new(Cursor::new(bytes.as_slice())),
        })
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) | Self::Folder(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Self::Held(_) => "standard input".to_owned(),
        }
    }

    /// What it is by what it holds.
    #[allow(clippy::disallowed_methods)] // the take has a limit
    fn format(&self) -> anyhow::Result<Exchange> {
        if matches!(self, Self::Folder(_)) {
            return Ok(Exchange::MispFeed);
        }
        let mut head = Vec::new();
        self.open()?.take(HEAD_BYTES).read_to_end(&mut head)?;
        let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
        Ok(match Format::of(&head) {
            Format::Stix | Format::Misp if has(b"\"csaf_version\"") => Exchange::Csaf,
            Format::Stix => Exchange::Stix,
            Format::Misp => Exchange::Misp,
            Format::Csv => Exchange::Csv,
            Format::List => Exchange::Text,
            Format::OpenIoc => Exchange::OpenIoc,
        })
    }

    /// Its bytes, of a file that is held whole.
    fn whole(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Held(bytes) => Ok(bytes.clone()),
            _ => limited(&mut self.open()?),
        }
    }

    fn json(&self) -> anyhow::Result<Value> {
        let bytes = self.whole()?;
        Ok(serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes))?)
    }

    /// The events of a file, or of a feed.
    fn events(&self) -> anyhow::Result<Events> {
        Ok(match self {
            Self::Folder(folder) => Events::Files(event_files(folder)?),
            _ => Events::Held(convert::events(self.json().with_context(|| self.name())?)),
        })
    }
}

/// MISP events, of which a feed may have more than fit in memory.
enum Events {
    Held(Vec<Value>),
    Files(Vec<PathBuf>),
}

type EachEvent<'e> = dyn FnMut(&Value) -> anyhow::Result<()> + 'e;

impl Events {
    /// Calls `event` with each; how many there were.
    fn each(&self, event: &mut EachEvent<'_>) -> anyhow::Result<usize> {
        match self {
            Self::Held(events) => {
                events.iter().try_for_each(event)?;
                Ok(events.len())
            }
            Self::Files(paths) => {
                let mut count = 0;
                for path in paths {
                    let value = Source::File(path).json().with_context(|| path.display().to_string())?;
                    let events = convert::events(value);
                    events.iter().try_for_each(&mut *event)?;
                    count += events.len();
                }
                Ok(count)
            }
        }
    }
}

#[allow(clippy::disallowed_methods)] // the take has a limit
fn limited(source: &mut dyn Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        bail!(
            "larger than {FILE_LIMIT_BYTES} bytes\nhint: STIX of any size becomes STIX, CSV, a list or a layer when it is given as a file"
        );
    }
    Ok(bytes)
}

/// The files of a feed that are events, by name.
fn event_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let about = || folder.display().to_string();
    let entries =
        fs::read_dir(folder).with_context(about)?.collect::<Result<Vec<_>, _>>().with_context(about)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        is_json && !NOT_EVENTS.iter().any(|name| path.file_name().is_some_and(|file| file == *name))
    });
    paths.sort();
    Ok(paths)
}

/// STIX with its objects of 2.0 in the words of 2.1. It is read twice, so that nothing is half written.
fn upgraded(source: &Source<'_>, output: &Path) -> anyhow::Result<Done> {
    convert::upgraded(&mut source.open()?, &mut io::sink())?;
    let mut out = out(output)?;
    let (count, left_out) = convert::upgraded(&mut source.open()?, &mut out)?;
    out.flush()?;
    Ok(Done { what: format!("{count} objects"), left_out })
}

/// STIX of any size; only MISP's formats need it whole.
fn stix(source: &Source<'_>, output: &Path, to: Exchange) -> anyhow::Result<Done> {
    let open = || source.open();
    match to {
        Exchange::Stix => {
            let count = convert::objects(&mut open()?)?;
            let mut out = out(output)?;
            io::copy(&mut open()?, &mut out)?;
            out.flush()?;
            Ok(Done { what: format!("{count} objects"), left_out: LeftOut::default() })
        }
        Exchange::Csv | Exchange::Text => {
            let names = Names::read(&mut open()?)?;
            rows(output, to, &mut |write| convert::rows(&mut open()?, &names, write).map_err(Into::into))
        }
        Exchange::Navigator => {
            let (techniques, left_out) = convert::techniques(&mut open()?)?;
            layer(&techniques, left_out, &source.name(), output)
        }
        _ => {
            let value = source.json()?;
            let objects = match value {
                Value::Array(objects) => objects,
                Value::Object(mut bundle) => match bundle.remove("objects") {
                    Some(Value::Array(objects)) => objects,
                    _ => vec![Value::Object(bundle)],
                },
                _ => bail!("neither a MISP event nor STIX"),
            };
            let (found, left_out) = convert::to_misp(&objects);
            if found.is_empty() {
                bail!("no indicators that MISP could say");
            }
            events(&Events::Held(found), left_out, output, to)
        }
    }
}

/// MISP events, and what was left out to get them. They are read twice, so that nothing is half written.
fn events(found: &Events, mut left_out: LeftOut, output: &Path, to: Exchange) -> anyhow::Result<Done> {
    let count = found.each(&mut |_| Ok(()))?;
    if count == 0 {
        bail!("no MISP events");
    }
    match to {
        Exchange::Stix => bundle(found, output)?,
        Exchange::Misp => misp(found, count, output)?,
        Exchange::MispFeed => feed(output, found)?,
        Exchange::Csv | Exchange::Text => {
            let done = rows(output, to, &mut |write| {
                let mut beyond = LeftOut::default();
                found.each(&mut |event| {
                    beyond.add(convert::beyond_tables(event));
                    convert::event_rows(event).try_for_each(|row| write(&row)).map_err(Into::into)
                })?;
                Ok(beyond)
            })?;
            left_out.add(done.left_out);
        }
        Exchange::Navigator => {
            let mut techniques = Techniques::default();
            found.each(&mut |event| {
                left_out.add(techniques.event(event));
                Ok(())
            })?;
            return layer(&techniques, left_out, "MISP events", output);
        }
        Exchange::OpenIoc | Exchange::Csaf => return Err(only_read()),
    }
    Ok(Done { what: format!("{count} events"), left_out })
}

/// Events as one bundle, an object a line.
fn bundle(found: &Events, output: &Path) -> anyhow::Result<()> {
    let (mut out, mut to, mut before) = (out(output)?, ToStix::default(), "\n");
    write!(out, "{{\"type\":\"bundle\",\"objects\":[")?;
    found.each(&mut |event| {
        for object in to.event(event) {
            write!(out, "{before}{object}")?;
            before = ",\n";
        }
        Ok(())
    })?;
    writeln!(out, "\n],\"id\":\"{}\"}}", to.bundle_id())?;
    Ok(out.flush()?)
}

/// A table, a list or an OpenIOC definition.
fn table(source: &Source<'_>, format: Format, output: &Path, to: Exchange) -> anyhow::Result<Done> {
    let (Rows { rows: found, .. }, loaded) = Rows::read(&source.name(), &mut source.open()?, format)?;
    for problem in &loaded.problems {
        terminal::message(problem);
    }
    if found.is_empty() {
        bail!("no indicators\nhint: STIX, MISP, CSAF, OpenIOC, a table with a header, or a value a line");
    }
    let mut left_out = LeftOut::default();
    left_out.many("values that are not meant for detection", loaded.not_meant);
    left_out.many("values that are no indicators", loaded.refused);
    for column in &loaded.columns {
        left_out.many(&format!("column that says nothing of an indicator: {column}"), 1);
    }
    let what = format!("{} indicators", found.len());
    let now = Timestamp::now();
    let more = match to {
        Exchange::Stix => {
            let (bundle, more) = convert::rows_to_stix(&found, now);
            write(output, format!("{bundle:#}\n").as_bytes())?;
            more
        }
        Exchange::Misp | Exchange::MispFeed => {
            let (found, more) = convert::rows_to_misp(&found, now);
            events(&Events::Held(found), more, output, to)?.left_out
        }
        Exchange::Csv | Exchange::Text => {
            let done = rows(output, to, &mut |write| {
                found.iter().try_for_each(&mut *write)?;
                Ok(LeftOut::default())
            })?;
            done.left_out
        }
        Exchange::Navigator => bail!("a table names no techniques"),
        Exchange::OpenIoc | Exchange::Csaf => return Err(only_read()),
    };
    left_out.add(more);
    Ok(Done { what, left_out })
}

/// An advisory.
fn csaf(source: &Source<'_>, output: &Path, to: Exchange) -> anyhow::Result<Done> {
    let (bundle, mut left_out) = convert::csaf_to_stix(&source.json()?)?;
    let text = format!("{bundle:#}\n").into_bytes();
    if to == Exchange::Stix {
        write(output, &text)?;
    } else {
        left_out.add(stix(&Source::Held(text), output, to)?.left_out);
    }
    Ok(Done { what: "1 advisory".to_owned(), left_out })
}

fn only_read() -> anyhow::Error {
    anyhow::anyhow!("OpenIOC and CSAF are read, not written")
}

type Write1<'w> = dyn FnMut(&Row) -> io::Result<()> + 'w;

/// Writes rows, whoever gives them, as a table or as a list.
fn rows(
    output: &Path,
    to: Exchange,
    give: &mut dyn FnMut(&mut Write1<'_>) -> anyhow::Result<LeftOut>,
) -> anyhow::Result<Done> {
    let mut count = 0_u64;
    let mut left_out = LeftOut::default();
    if to == Exchange::Csv {
        let mut table = Table::new(out(output)?)?;
        left_out.add(give(&mut |row| {
            count += 1;
            table.row(row)
        })?);
        table.end()?;
    } else {
        let mut list = List::new(out(output)?);
        left_out.add(give(&mut |row| {
            count += 1;
            list.row(row)
        })?);
        left_out.add(list.end()?);
    }
    Ok(Done { what: format!("{count} values"), left_out })
}

fn layer(techniques: &Techniques, left_out: LeftOut, name: &str, output: &Path) -> anyhow::Result<Done> {
    if techniques.is_empty() {
        bail!("no techniques of ATT&CK are named");
    }
    let layer = convert::layer(techniques, name);
    write(output, format!("{layer:#}\n").as_bytes())?;
    let count = layer["techniques"].as_array().map_or(0, Vec::len);
    Ok(Done { what: format!("{count} techniques"), left_out })
}

/// One event as itself, several as MISP's search gives them, an event a line.
fn misp(found: &Events, count: usize, output: &Path) -> anyhow::Result<()> {
    let (mut out, mut before) = (out(output)?, if count == 1 { "" } else { "{\"response\":[\n" });
    found.each(&mut |event| {
        write!(out, "{before}{}", serde_json::json!({ "Event": event }))?;
        before = ",\n";
        Ok(())
    })?;
    writeln!(out, "{}", if count == 1 { "" } else { "\n]}" })?;
    Ok(out.flush()?)
}

fn feed(folder: &Path, found: &Events) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut feed = Feed::default();
    found.each(&mut |event| {
        let (name, text) = feed.event(event);
        // The name has a UUID of somebody else's in it.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            bail!("{name:?} is no name of a file");
        }
        write(&folder.join(name), text.as_bytes())
    })?;
    feed.end().iter().try_for_each(|(name, text)| write(&folder.join(name), text.as_bytes()))
}

fn out(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    }
    Ok(Box::new(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?)))
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let mut out = out(path)?;
    out.write_all(text).and_then(|()| out.flush()).with_context(|| path.display().to_string())
}
