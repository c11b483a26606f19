//! Instructions of small fixed hunts, counted by valgrind and held against `benches/instructions.toml`.
//!
//! Times differ from machine to machine and from minute to minute; how many instructions one thread needs for the same
//! bytes does not. `cargo bench --bench instructions` fails when a count has grown by more than 5 %.
//! `-- --record "reason"` writes what was counted, with the reason beside it. What can still differ without a change
//! of ours: the compiler, the C library, valgrind, and the processor, because searches choose wider instructions
//! where they find them; so the record names what it was made with, and a processor without AVX2 is not compared.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_push_string, clippy::disallowed_methods)] // a bench prints its figures, and reads files of its own

mod kit;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io};

use watchfire_lab::{DEFAULT_SEED, File, bulk, example, example_event_logs};

use kit::argument;

/// How much a count may grow, in percent, before somebody must say why.
const GROWTH_PERCENT: f64 = 5.0;
/// A count that fell so far below its record lets later growth hide: the record should follow.
const FALL_PERCENT: f64 = 5.0;
const RECORD: &str = "benches/instructions.toml";

/// A hunt that is counted.
struct Hunt {
    name: &'static str,
    evidence: fn(&Path) -> io::Result<()>,
}

const HUNTS: [Hunt; 3] = [
    // Findings, acts, merging, reporting.
    Hunt { name: "example", evidence: |folder| write(folder, example(DEFAULT_SEED)) },
    // The search over lines that hold nothing.
    Hunt { name: "text_logs", evidence: |folder| bulk(folder, 16, DEFAULT_SEED).map(drop) },
    // Binary XML. Without the Exchange logs beside it, so that it weighs.
    Hunt { name: "event_logs", evidence: |folder| write(folder, example_event_logs(DEFAULT_SEED)) },
];

fn main() -> io::Result<ExitCode> {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return Ok(ExitCode::SUCCESS);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let record = root.join(RECORD);
    let text = fs::read_to_string(&record).unwrap_or_default();
    let made_with = made_with();
    let mut counts = Vec::new();
    for hunt in &HUNTS {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("instructions").join(hunt.name);
        // What an earlier laboratory wrote there must not be counted.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        (hunt.evidence)(&folder)?;
        counts.push((hunt.name, count(&folder)?));
    }
    if let Some(reason) = argument("--record") {
        fs::write(&record, recorded(&text, &counts, &made_with, &reason))?;
        println!("recorded in {RECORD}");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(judge(&text, &counts, &made_with))
}

/// Why nothing can be counted here.
fn missing() -> Option<String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if !valgrind.status().is_ok_and(|status| status.success()) {
        return Some("valgrind is not installed".to_owned());
    }
    let same = cfg!(all(target_arch = "x86_64", target_os = "linux"))
        && fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains(" avx2 "));
    (!same).then(|| "the record was made on Linux on a processor with AVX2".to_owned())
}

fn write(folder: &Path, files: Vec<File>) -> io::Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, file.bytes)?;
    }
    Ok(())
}

/// Instructions of one hunt on one thread, shipped rules.
fn count(folder: &Path) -> io::Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command.arg(env!("CARGO_BIN_EXE_watchfire")).arg("hunt").arg(folder);
    command.args(["--threads", "1", "--format", "jsonl"]).stdin(Stdio::null());
    // Nothing of the surroundings may change the work: no terminal, no colours, no locale.
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said.lines().find_map(|line| line.split_once("refs:")).map(|(_, number)| number);
    let number = counted.and_then(|text| text.trim().replace(',', "").parse().ok());
    match number {
        Some(number) if matches!(output.status.code(), Some(0 | 1)) => Ok(number),
        _ => Err(io::Error::other(format!("the hunt under valgrind ended with {}: {said}", output.status))),
    }
}

/// What can change counts beside us.
fn made_with() -> String {
    let version = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.unwrap_or_default().lines().next().unwrap_or_default().to_owned()
    };
    let rustc = version("rustc", "--version");
    let rustc: Vec<&str> = rustc.split(' ').take(2).collect();
    format!("{}, {}, {}", rustc.join(" "), version("valgrind", "--version"), version("ldd", "--version"))
}

/// The recorded value of a key: the text between `=` and the end of the line or a comment.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.split('=').next().is_some_and(|name| name.trim() == key))?;
    let value = line.split_once('=')?.1;
    Some(value.split('#').next().unwrap_or_default().trim().trim_matches('"'))
}

fn judge(text: &str, counts: &[(&str, u64)], made_with: &str) -> ExitCode {
    let mut grown = false;
    for (name, count) in counts {
        let recorded = value(text, name).and_then(|text| text.replace('_', "").parse::<u64>().ok());
        let Some(recorded) = recorded else {
            println!("{name:<12}{count:>16}   not recorded");
            grown = true;
            continue;
        };
        let percent = (*count as f64 / recorded as f64 - 1.0) * 100.0;
        let verdict = if percent > GROWTH_PERCENT {
            grown = true;
            "GREW"
        } else if percent < -FALL_PERCENT {
            "fell: record it, so that it cannot grow back unseen"
        } else {
            "holds"
        };
        println!("{name:<12}{count:>16}   {percent:+.2} % of {recorded}   {verdict}");
    }
    if !grown {
        return ExitCode::SUCCESS;
    }
    let before = value(text, "made_with").unwrap_or("nothing");
    if before != made_with {
        println!("note: recorded with {before}; this is {made_with}");
    }
    println!("error: a hunt needs more than {GROWTH_PERCENT} % more instructions than {RECORD} says");
    println!(
        "hint: if that is worth it, say why: cargo bench --bench instructions -- --record \"the reason\""
    );
    ExitCode::FAILURE
}

/// The record with new counts; the reason of a hunt whose count stayed is kept.
fn recorded(before: &str, counts: &[(&str, u64)], made_with: &str, reason: &str) -> String {
    let head: Vec<&str> =
        before.lines().take_while(|line| line.starts_with('#') || line.is_empty()).collect();
    let head = head.join("\n");
    let mut text = format!("{head}\nmade_with = \"{made_with}\"\n");
    for (name, count) in counts {
        let same = value(before, name) == Some(&count.to_string());
        let kept = before.lines().find(|line| same && line.starts_with(&format!("{name} ")));
        match kept {
            Some(line) => text.push_str(&format!("{line}\n")),
            None => text.push_str(&format!("{name} = {count} # {reason}\n")),
        }
    }
    text
}
