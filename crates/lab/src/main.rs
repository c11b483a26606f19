//! The laboratory's command line: `example DIR`, `bulk DIR --megabytes N`, both with `--seed N`.
//!
//! Two commands and two options do not need a library for arguments.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use watchfire_lab::{DEFAULT_SEED, bulk, example};

const USAGE: &str =
    "usage: watchfire-lab example DIR [--seed N]\n       watchfire-lab bulk DIR --megabytes N [--seed N]";

/// Done.
const DONE: u8 = 0;
/// It could not be done.
const FAILED: u8 = 2;

/// What was asked for.
enum Command {
    Example { directory: PathBuf, seed: u64 },
    Bulk { directory: PathBuf, megabytes: u64, seed: u64 },
}

fn main() -> ExitCode {
    let report = match parse(std::env::args_os().skip(1)) {
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

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Command> {
    let name = arguments.next()?;
    let directory = PathBuf::from(arguments.next()?);
    let (mut seed, mut megabytes) = (DEFAULT_SEED, None);
    while let Some(option) = arguments.next() {
        let value: u64 = arguments.next()?.to_str()?.parse().ok()?;
        match option.to_str()? {
            "--seed" => seed = value,
            "--megabytes" => megabytes = Some(value),
            _ => return None,
        }
    }
    match name.to_str()? {
        "example" if megabytes.is_none() => Some(Command::Example { directory, seed }),
        "bulk" => Some(Command::Bulk { directory, megabytes: megabytes?, seed }),
        _ => None,
    }
}

fn run(command: &Command) -> io::Result<String> {
    match command {
        Command::Example { directory, seed } => write_example(directory, *seed),
        Command::Bulk { directory, megabytes, seed } => {
            let written = bulk(directory, *megabytes, *seed)?;
            Ok(format!("{} files, {} bytes", written.files, written.bytes))
        }
    }
}

fn write_example(directory: &Path, seed: u64) -> io::Result<String> {
    let (mut files, mut bytes) = (0, 0);
    for file in example(seed) {
        let path = directory.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
        std::fs::write(&path, &file.bytes)?;
        files += 1;
        bytes += file.bytes.len();
    }
    Ok(format!("{files} files, {bytes} bytes"))
}
