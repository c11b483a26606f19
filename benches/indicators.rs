//! A million indicators in a hunt over clean text logs: how long they take to load, what memory each takes, and how
//! much longer the hunt takes with them than without.
//!
//! `cargo bench --bench indicators` writes a gigabyte of invented IIS and HttpProxy logs (`-- --megabytes N` for another
//! size) and a list of a million addresses, domains, digests and URLs, then runs the same hunt with and without the
//! list in turn, one thread each. Times are processor times of the process, user and system.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a bench prints its figures

mod kit;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, io};

use wait4::Wait4;

use kit::argument;

const RUNS: usize = 5;
const INDICATORS: usize = 1_000_000;

/// Processor time and peak memory of a hunt.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    bytes: u64,
}

fn main() -> io::Result<()> {
    let megabytes = argument("--megabytes").and_then(|text| text.parse().ok()).unwrap_or(1000);
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = root.join(format!("text-logs-{megabytes}"));
    if !folder.exists() {
        fs::create_dir_all(&folder)?;
        watchfire_lab::bulk(&folder, megabytes, watchfire_lab::DEFAULT_SEED)?;
    }
    let empty = root.join("nothing");
    fs::create_dir_all(&empty)?;
    let list = root.join("million.txt");
    let values = write_list(&list)?;
    let mut costs: [Vec<Cost>; 4] = Default::default();
    for run in 0..=RUNS {
        let round = [
            hunt(&empty, None)?,
            hunt(&empty, Some(&list))?,
            hunt(&folder, None)?,
            hunt(&folder, Some(&list))?,
        ];
        if run > 0 {
            costs.iter_mut().zip(round).for_each(|(costs, cost)| costs.push(cost));
        }
    }
    let [start, load, without, with] = costs.map(median);
    println!("{megabytes} MB of logs, one thread, {RUNS} runs in turn after one to warm up");
    println!("{INDICATORS} indicators: {:.2} s to load", seconds(load) - seconds(start));
    let bytes = load.bytes.saturating_sub(start.bytes) as f64;
    println!(
        "peak memory beyond a hunt without: {:.0} bytes an indicator, of which its value {:.0}",
        bytes / INDICATORS as f64,
        values as f64 / INDICATORS as f64
    );
    println!("hunt without  {:>7.2} s", seconds(without));
    println!("hunt with     {:>7.2} s, loading included", seconds(with));
    println!("with over without: {:.2}", seconds(with) / seconds(without));
    Ok(())
}

fn hunt(folder: &Path, intel: Option<&Path>) -> io::Result<Cost> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    command.arg("hunt").arg(folder).args(["--threads", "1", "--format", "jsonl"]);
    if let Some(intel) = intel {
        command.arg("--intel").arg(intel);
    }
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?.wait4()?;
    assert!(ended.status.code() != Some(2), "the hunt was done");
    Ok(Cost { time: ended.rusage.utime + ended.rusage.stime, bytes: ended.rusage.maxrss })
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.time);
    costs[costs.len() / 2]
}

fn seconds(cost: Cost) -> f64 {
    cost.time.as_secs_f64()
}

/// Writes the list; gives the bytes of its values.
fn write_list(path: &Path) -> io::Result<usize> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut text = String::new();
    for number in 0..INDICATORS {
        let (a, b) = (next(), next());
        let _ = match number % 5 {
            0 => writeln!(text, "45.{}.{}.{}", a >> 56, a >> 48 & 255, a >> 40 & 255),
            1 => writeln!(text, "host{number}.bad{}.example", a >> 48),
            2 => writeln!(text, "{a:016x}{b:016x}{:016x}{:016x}", next(), next()),
            3 => writeln!(text, "{a:016x}{b:016x}"),
            _ => writeln!(text, "http://host{number}.example/{}/index.php", a >> 54),
        };
    }
    fs::write(path, &text)?;
    Ok(text.len() - INDICATORS)
}
