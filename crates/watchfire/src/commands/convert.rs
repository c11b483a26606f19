//! `watchfire convert`: MISP, STIX, tables and lists, one said in another's words.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;
use watchfire_interop::convert::{self, LeftOut};

use crate::arguments::{Convert, Exchange};
use crate::{Status, terminal};

/// What is converted is held whole, as a tree of some ten times its size.
const FILE_LIMIT_BYTES: u64 = 512 << 20;

/// The files of a feed that are no events.
const NOT_EVENTS: [&str; 2] = ["manifest.json", "hashes.csv"];

/// Runs the command.
pub(crate) fn run(arguments: &Convert) -> anyhow::Result<Status> {
    let Convert { input, output, from, to } = arguments;
    let to = match to {
        Some(to) => *to,
        None => format_of(output)?,
    };
    let Input { mut left_out, events, stix } = read(input, *from)?;
    let count = events.len();
    match to {
        Exchange::Stix => {
            // What was STIX is written as it came: nothing that another signed or stored changes by a byte.
            let text = stix.unwrap_or_else(|| format!("{:#}\n", convert::to_stix(&events)).into_bytes());
            write(output, &text)?;
        }
        Exchange::Misp => write(output, format!("{:#}\n", misp(events)).as_bytes())?,
        Exchange::MispFeed => feed(output, &events)?,
        Exchange::Csv => left_out.extend(written(output, convert::csv(&events))?),
        Exchange::Text => left_out.extend(written(output, convert::text(&events))?),
    }
    for line in &left_out {
        terminal::message(&format!("left out: {line}"));
    }
    terminal::message(&format!("{count} events converted"));
    Ok(Status::Clear)
}

fn written(output: &Path, (text, left_out): (String, LeftOut)) -> anyhow::Result<Vec<String>> {
    write(output, text.as_bytes())?;
    Ok(left_out.lines().collect())
}

/// One event as itself, several as MISP's search gives them.
fn misp(mut events: Vec<Value>) -> Value {
    let wrapped = |event: Value| serde_json::json!({ "Event": event });
    if events.len() == 1 {
        return wrapped(events.remove(0));
    }
    serde_json::json!({"response": events.into_iter().map(wrapped).collect::<Vec<_>>()})
}

fn format_of(output: &Path) -> anyhow::Result<Exchange> {
    let name = output.to_string_lossy().to_ascii_lowercase();
    let ending = name.rsplit('.').next().unwrap_or_default();
    Ok(match ending {
        _ if name.ends_with(".stix.json") || ending == "stix" || ending == "stix2" => Exchange::Stix,
        _ if name.ends_with(".misp.json") || ending == "misp" => Exchange::Misp,
        "csv" => Exchange::Csv,
        "txt" => Exchange::Text,
        _ if output.is_dir() || name.ends_with(std::path::MAIN_SEPARATOR) => Exchange::MispFeed,
        _ => bail!(
            "{}: no format has this ending\nhint: .stix.json, .misp.json, .csv, .txt, a folder, or --to FORMAT",
            output.display()
        ),
    })
}

/// What was read.
struct Input {
    /// What MISP cannot say of it.
    left_out: Vec<String>,
    events: Vec<Value>,
    /// Its bytes, where it is STIX.
    stix: Option<Vec<u8>>,
}

fn read(input: &Path, from: Option<Exchange>) -> anyhow::Result<Input> {
    let about = || input.display().to_string();
    if input != Path::new("-") && fs::metadata(input).with_context(about)?.is_dir() {
        return Ok(Input { left_out: Vec::new(), events: feed_events(input)?, stix: None });
    }
    let (bytes, value) = json(input)?;
    let is_stix = match from {
        Some(Exchange::Stix) => true,
        Some(Exchange::Misp | Exchange::MispFeed) => false,
        Some(Exchange::Csv | Exchange::Text) => {
            bail!("tables and lists are read by hunt --intel, not converted")
        }
        None => is_stix(&value),
    };
    if !is_stix {
        let events = convert::events(value);
        if events.is_empty() {
            bail!("{}: neither a MISP event nor STIX", input.display());
        }
        return Ok(Input { left_out: Vec::new(), events, stix: None });
    }
    let objects = match &value {
        Value::Array(objects) => objects.clone(),
        Value::Object(bundle) => {
            bundle.get("objects").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![value.clone()])
        }
        _ => Vec::new(),
    };
    let (events, left_out) = convert::to_misp(&objects);
    Ok(Input { left_out: left_out.lines().collect(), events, stix: Some(bytes) })
}

fn is_stix(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.first().is_some_and(is_stix),
        Value::Object(members) => {
            members.contains_key("objects")
                || members.contains_key("spec_version")
                || members.contains_key("type")
        }
        _ => false,
    }
}

fn feed_events(folder: &Path) -> anyhow::Result<Vec<Value>> {
    let about = || folder.display().to_string();
    let entries =
        fs::read_dir(folder).with_context(about)?.collect::<Result<Vec<_>, _>>().with_context(about)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        if is_json && !NOT_EVENTS.contains(&name.as_str()) {
            events.extend(convert::events(json(&path)?.1));
        }
    }
    if events.is_empty() {
        bail!("{}: no MISP events in this folder", folder.display());
    }
    Ok(events)
}

#[allow(clippy::disallowed_methods)] // the take has a limit
fn json(path: &Path) -> anyhow::Result<(Vec<u8>, Value)> {
    let about = || path.display().to_string();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(about)?)
    };
    let mut bytes = Vec::new();
    source.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes).with_context(about)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        bail!("{}: larger than {FILE_LIMIT_BYTES} bytes", path.display());
    }
    let value =
        serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).with_context(about)?;
    Ok((bytes, value))
}

fn feed(folder: &Path, events: &[Value]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, text) in convert::feed(events) {
        // The name has a UUID of somebody else's in it.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            bail!("{name:?} is no name of a file");
        }
        write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    if path == Path::new("-") {
        let mut out = io::stdout().lock();
        out.write_all(text)?;
        return Ok(out.flush()?);
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}
