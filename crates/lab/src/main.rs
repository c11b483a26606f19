//! The laboratory's command line: `example DIR`, `event-logs DIR`, `bulk DIR --megabytes N`, `dense SOURCE DIR
//! --files N --mib N`, `rebuild SOURCE DIR`.
//!
//! Five commands and four options, all of them numbers, do not need a library for arguments.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use watchfire_lab::{DEFAULT_SEED, File, Written, bulk, dense, example, example_event_logs, rebuild};

const USAGE: &str = "usage: watchfire-lab example DIR [--seed N]
       watchfire-lab event-logs DIR [--seed N]
       watchfire-lab bulk DIR --megabytes N [--seed N]
       watchfire-lab dense SOURCE DIR --files N --mib N
       watchfire-lab rebuild SOURCE DIR";

/// Done.
const DONE: u8 = 0;
/// It could not be done.
const FAILED: u8 = 2;

/// What was asked for.
enum Command {
    Example { directory: PathBuf, seed: u64 },
    EventLogs { directory: PathBuf, seed: u64 },
    Bulk { directory: PathBuf, megabytes: u64, seed: u64 },
    Rebuild { source: PathBuf, directory: PathBuf },
    Dense { source: PathBuf, directory: PathBuf, files: u64, mib: u64 },
}

fn main() -> ExitCode {
    let report = match parse(std::env::args_os().skip(1).collect()) {
        Some(command) => run(&command),
        None => Err(io::Error::other(format!("the arguments are not understood\n{USAGE}"))),
    };
    let (code, line) = match report {
        Ok(line) => (DONE, line),
        Err(error) => (FAILED, format!("error: {error}")),
    };
    // Nothing is left to tell it to where standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{line}");
    ExitCode::from(code)
}

fn parse(arguments: Vec<OsString>) -> Option<Command> {
    let mut arguments = VecDeque::from(arguments);
    let name = arguments.pop_front()?;
    let seed = option(&mut arguments, "--seed");
    let command = match name.to_str()? {
        "example" => {
            Command::Example { directory: folder(&mut arguments)?, seed: seed.unwrap_or(DEFAULT_SEED) }
        }
        "event-logs" => {
            Command::EventLogs { directory: folder(&mut arguments)?, seed: seed.unwrap_or(DEFAULT_SEED) }
        }
        "bulk" => {
            let megabytes = option(&mut arguments, "--megabytes")?;
            Command::Bulk {
                directory: folder(&mut arguments)?,
                megabytes,
                seed: seed.unwrap_or(DEFAULT_SEED),
            }
        }
        "rebuild" if seed.is_none() => {
            Command::Rebuild { source: folder(&mut arguments)?, directory: folder(&mut arguments)? }
        }
        "dense" if seed.is_none() => {
            let (files, mib) = (option(&mut arguments, "--files")?, option(&mut arguments, "--mib")?);
            Command::Dense { source: folder(&mut arguments)?, directory: folder(&mut arguments)?, files, mib }
        }
        _ => return None,
    };
    // What is left over was meant for something, and nothing took it.
    arguments.is_empty().then_some(command)
}

/// Takes an option and its value out of the arguments.
fn option(arguments: &mut VecDeque<OsString>, name: &str) -> Option<u64> {
    let at = arguments.iter().position(|argument| argument == name)?;
    let value = arguments.get(at + 1)?.to_str()?.parse().ok()?;
    arguments.drain(at..at + 2);
    Some(value)
}

fn folder(arguments: &mut VecDeque<OsString>) -> Option<PathBuf> {
    arguments.pop_front().map(PathBuf::from)
}

fn run(command: &Command) -> io::Result<String> {
    match command {
        Command::Example { directory, seed } => write_files(directory, example(*seed)),
        Command::EventLogs { directory, seed } => write_files(directory, example_event_logs(*seed)),
        Command::Bulk { directory, megabytes, seed } => Ok(told(bulk(directory, *megabytes, *seed)?)),
        Command::Rebuild { source, directory } => {
            let rebuilt = rebuild(source, directory)?;
            Ok(format!(
                "{}, {} events, {} lines left out",
                told(rebuilt.written),
                rebuilt.events,
                rebuilt.left_out
            ))
        }
        Command::Dense { source, directory, files, mib } => Ok(told(dense(source, directory, *files, *mib)?)),
    }
}

fn told(written: Written) -> String {
    format!("{} files, {} bytes", written.files, written.bytes)
}

fn write_files(directory: &Path, written: Vec<File>) -> io::Result<String> {
    let (mut files, mut bytes) = (0, 0);
    for file in written {
        let path = directory.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
        std::fs::write(&path, &file.bytes)?;
        files += 1;
        bytes += file.bytes.len();
    }
    Ok(format!("{files} files, {bytes} bytes"))
}
