//! Clean text logs, all shipped rules, one thread: against `rg -c` with one of the rules' literals, in turns.
//!
//! `cargo bench --bench text_logs` writes a gigabyte of invented IIS and HttpProxy logs (`-- --megabytes N` for
//! another size), reads it once to warm the page cache, then runs both commands in turn and prints the medians of
//! wall time and the ratio pair by pair. Without `rg` the floor is a search for the same literal in memory-sized reads.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_push_string)] // a bench prints its figures

mod kit;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use kit::argument;

const RUNS: usize = 5;

/// A literal of the shipped rules.
const LITERAL: &str = "ServerInfo~";

fn main() -> io::Result<()> {
    let megabytes = argument("--megabytes").and_then(|text| text.parse().ok()).unwrap_or(1000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("text-logs-{megabytes}"));
    if !folder.exists() {
        fs::create_dir_all(&folder)?;
        watchfire_lab::bulk(&folder, megabytes, watchfire_lab::DEFAULT_SEED)?;
    }
    let bytes = size(&folder)?;
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let peer =
        if works(Command::new("rg").arg("--version")) { "rg -c" } else { "memmem over reads of 1 MiB" };
    for run in 0..=RUNS {
        let (a, b) = (watchfire(&folder)?, floor(&folder)?);
        if run > 0 {
            ours.push(a);
            theirs.push(b);
        }
    }
    let mut ratios: Vec<f64> =
        ours.iter().zip(&theirs).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    println!("{bytes} bytes, one thread, {RUNS} runs in turn after one to warm up");
    println!(
        "watchfire hunt   {:>8.3} s  {:>6.2} GB/s",
        median(&mut ours),
        bytes as f64 / 1e9 / median(&mut ours)
    );
    println!(
        "{peer:<16} {:>8.3} s  {:>6.2} GB/s",
        median(&mut theirs),
        bytes as f64 / 1e9 / median(&mut theirs)
    );
    println!(
        "time, ours over theirs: median {:.2}, {:.2} to {:.2}",
        ratios[RUNS / 2],
        ratios[0],
        ratios[RUNS - 1]
    );
    Ok(())
}

fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn watchfire(folder: &Path) -> io::Result<Duration> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    command.arg("hunt").arg(folder).args(["--threads", "1", "--format", "jsonl"]);
    let start = Instant::now();
    let output = command.stdout(Stdio::null()).output()?;
    let taken = start.elapsed();
    assert!(
        output.status.code() == Some(0),
        "clean logs raise nothing: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(taken)
}

fn floor(folder: &Path) -> io::Result<Duration> {
    let mut command = Command::new("rg");
    command.args(["-c", "-j1", "--no-ignore", "-F", LITERAL]).arg(folder).stdout(Stdio::null());
    let start = Instant::now();
    if command.status().is_err() {
        search(folder)?;
    }
    Ok(start.elapsed())
}

fn search(folder: &Path) -> io::Result<u64> {
    let finder = memchr::memmem::Finder::new(LITERAL);
    let mut buffer = vec![0; 1 << 20];
    let mut found = 0;
    for path in files(folder)? {
        let mut file = fs::File::open(path)?;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            found += finder.find_iter(&buffer[..count]).count() as u64;
        }
    }
    Ok(found)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(self::files(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

fn size(folder: &Path) -> io::Result<u64> {
    files(folder)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}
