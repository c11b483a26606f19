//! Event logs, all rules of a folder: Watchfire against other engines and against merely decoding, in turns.
//!
//! `cargo bench --bench evtx -- --logs DIR --rules DIR`; the how-to stands in `benches/README.md`. Every engine reads
//! the same files by the same rules, in one run, one after the other and round again; what counts is processor time.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_push_string)] // a bench prints its figures
#![allow(unreachable_pub)] // modules of a bench have nobody outside

#[path = "../kit.rs"]
mod kit;

mod engines;
mod flatten;
mod measure;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;
use watchfire_lab::files;

use engines::{Engine, Setup};
use kit::argument;
use measure::{Cost, median, warm};

/// Peak memory of a hunt, whatever the size of what it reads.
const PEAK_AT_MOST_BYTES: u64 = 300_000_000;
/// Wall time with one thread over wall time with two.
const SPEED_UP_AT_LEAST: f64 = 1.8;

fn main() -> io::Result<()> {
    let (Some(logs), Some(rules)) = (argument("--logs"), argument("--rules")) else {
        println!("skipped: it needs --logs DIR and --rules DIR, see benches/README.md");
        return Ok(());
    };
    let runs = argument("--runs").and_then(|text| text.parse().ok()).unwrap_or(5);
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("evtx");
    fs::create_dir_all(&out)?;
    let (logs, rules) = (fs::canonicalize(logs)?, fs::canonicalize(rules)?);
    let bytes = warm(&read(&logs)?)?;
    let flat = flat(&logs, &out)?;
    let setup = Setup { logs, rules, flat, out };
    if let Some(other) = argument("--beside") {
        return beside(&setup, Path::new(&other), runs);
    }
    let mut all = vec![
        engines::watchfire("watchfire", &setup, 1),
        engines::watchfire("watchfire, 2 threads", &setup, 2),
    ];
    all.extend(engines::peers(&setup)?);
    if let Some(names) = argument("--only") {
        all.retain(|engine| names.split(',').any(|name| engine.name.starts_with(name)));
    }
    println!("{bytes} bytes, {runs} runs in turn, medians");
    let costs = in_turns(&all, runs)?;
    if let Some(output) = all.first().and_then(|engine| engine.calls.first()?.output.clone()) {
        let (records, findings) = found(&output)?;
        println!("watchfire read {records} records and has {findings} findings");
        if records == 0 {
            return Err(io::Error::other("watchfire read nothing: its times say nothing"));
        }
    }
    show(&all, &costs);
    Ok(())
}

/// The files that are read: event logs, or where there are none, JSON lines.
fn read(logs: &Path) -> io::Result<Vec<PathBuf>> {
    let binary = files(logs, "evtx")?;
    if binary.is_empty() { files(logs, "jsonl") } else { Ok(binary) }
}

/// The same events flat, made once and kept, for the engines that read nothing else.
fn flat(logs: &Path, out: &Path) -> io::Result<Option<PathBuf>> {
    let name = logs.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = out.join(format!("{name}.flat.jsonl"));
    let wanted = argument("--only").is_none_or(|names| names.contains("rsigma"));
    if path.exists() || !wanted {
        return Ok(path.exists().then_some(path));
    }
    let binary = files(logs, "evtx")?;
    let events = if binary.is_empty() {
        flatten::json_lines(&files(logs, "jsonl")?, &path)?
    } else {
        let Some(dump) = engines::program("evtx_dump", "EVTX_DUMP") else { return Ok(None) };
        flatten::event_logs(&dump, &binary, &path)?
    };
    println!("{events} events made flat in {}", path.display());
    Ok(Some(path))
}

/// Records that a hunt says it read, and its findings.
fn found(output: &Path) -> io::Result<(u64, u64)> {
    let (mut records, mut findings) = (0, 0);
    for line in BufReader::new(File::open(output)?).lines() {
        let Ok(line) = serde_json::from_str::<Value>(&line?) else { continue };
        match line["kind"].as_str() {
            Some("coverage") => records += line["records"].as_u64().unwrap_or_default(),
            Some("finding") => findings += 1,
            _ => {}
        }
    }
    Ok((records, findings))
}

/// So many rounds, each engine once a round. An engine that fails is said so and leaves the race.
fn in_turns(engines: &[Engine], runs: usize) -> io::Result<Vec<Vec<Cost>>> {
    let mut costs = vec![Vec::new(); engines.len()];
    let mut failed = vec![false; engines.len()];
    for round in 1..=runs {
        for (place, engine) in engines.iter().enumerate() {
            if failed[place] {
                continue;
            }
            match measure::run(&engine.calls) {
                Ok(cost) => {
                    // Some peers take minutes: who waits should see that it goes on.
                    println!("{round}/{runs} {:<22}{:>10.2} s of CPU", engine.name, cost.cpu);
                    costs[place].push(cost);
                }
                Err(error) if place == 0 => return Err(error),
                Err(error) => {
                    println!("skipped: {}: {error}", engine.name);
                    failed[place] = true;
                }
            }
        }
    }
    Ok(costs)
}

fn show(engines: &[Engine], costs: &[Vec<Cost>]) {
    println!("{:<22}{:>10}{:>10}{:>10}   ours / theirs", "", "CPU s", "wall s", "peak MB");
    let ours = costs.first().map(Vec::as_slice).unwrap_or_default();
    for (engine, theirs) in engines.iter().zip(costs).filter(|(_, costs)| !costs.is_empty()) {
        let peak = theirs.iter().map(|cost| cost.peak).max().unwrap_or_default();
        let line = format!(
            "{:<22}{:>10.2}{:>10.2}{:>10.0}",
            engine.name,
            median(theirs.iter().map(|cost| cost.cpu).collect()),
            median(theirs.iter().map(|cost| cost.wall).collect()),
            peak as f64 / 1e6
        );
        println!("{line}{}", compared(engine.at_most, ours, theirs));
    }
    let named = |name: &str| engines.iter().position(|engine| engine.name == name).map(|place| &costs[place]);
    if let (Some(one), Some(two)) = (named("watchfire"), named("watchfire, 2 threads")) {
        let ratio = median(one.iter().zip(two).map(|(one, two)| one.wall / two.wall).collect());
        println!("two threads: {ratio:.2} times as fast{}", must(ratio >= SPEED_UP_AT_LEAST, "at least 1.8"));
        let peak = one.iter().chain(two).map(|cost| cost.peak).max().unwrap_or_default();
        println!(
            "peak memory: {:.0} MB{}",
            peak as f64 / 1e6,
            must(peak <= PEAK_AT_MOST_BYTES, "at most 300 MB")
        );
    }
}

/// Our processor time as a part of theirs, pair by pair.
fn compared(at_most: Option<f64>, ours: &[Cost], theirs: &[Cost]) -> String {
    let Some(at_most) = at_most.filter(|_| !ours.is_empty()) else { return String::new() };
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours.cpu / theirs.cpu).collect();
    let (low, high) =
        ratios.iter().fold((f64::INFINITY, 0_f64), |(low, high), ratio| (low.min(*ratio), high.max(*ratio)));
    let ratio = median(ratios);
    format!("   {ratio:.4} ({low:.4} to {high:.4}){}", must(ratio <= at_most, &format!("at most {at_most}")))
}

fn must(held: bool, limit: &str) -> String {
    format!("   {}: {limit}", if held { "holds" } else { "MISSED" })
}

/// The same hunt over two folders, by the gigabyte: one huge file as fast as many small ones?
fn beside(setup: &Setup, other: &Path, runs: usize) -> io::Result<()> {
    let other = fs::canonicalize(other)?;
    let sizes = [warm(&read(&setup.logs)?)?, warm(&read(&other)?)?];
    let second = Setup { logs: other, rules: setup.rules.clone(), flat: None, out: setup.out.clone() };
    let both = [engines::watchfire("", setup, 2), engines::watchfire("", &second, 2)];
    let costs = in_turns(&both, runs)?;
    println!("two threads, {runs} runs in turn, medians by the gigabyte");
    for ((costs, bytes), setup) in costs.iter().zip(sizes).zip([setup, &second]) {
        let gigabytes = bytes as f64 / 1e9;
        println!(
            "{:>8.2} GB   CPU {:.3} s/GB   wall {:.3} s/GB   peak {:.0} MB   {}",
            gigabytes,
            median(costs.iter().map(|cost| cost.cpu / gigabytes).collect()),
            median(costs.iter().map(|cost| cost.wall / gigabytes).collect()),
            costs.iter().map(|cost| cost.peak).max().unwrap_or_default() as f64 / 1e6,
            setup.logs.display()
        );
    }
    Ok(())
}
