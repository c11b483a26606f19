//! What a command costs: processor time and peak memory as the system accounts for them, and the time on the wall.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

/// A command, with its output thrown away or kept in a file.
#[derive(Debug, Clone)]
pub struct Call {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Where standard output goes; removed before each run.
    pub output: Option<PathBuf>,
    /// A file that the command itself writes; removed before each run.
    pub writes: Option<PathBuf>,
    /// Codes of a run that went well.
    pub good: &'static [i32],
}

/// One run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// User and system time of the processor, in seconds.
    pub cpu: f64,
    /// In seconds.
    pub wall: f64,
    /// Resident bytes at the peak.
    pub peak: u64,
}

/// Runs the calls one after the other: times add up, of the peaks the highest counts.
pub fn run(calls: &[Call]) -> io::Result<Cost> {
    let mut sum = Cost::default();
    for call in calls {
        let cost = once(call)?;
        sum.cpu += cost.cpu;
        sum.wall += cost.wall;
        sum.peak = sum.peak.max(cost.peak);
    }
    Ok(sum)
}

fn once(call: &Call) -> io::Result<Cost> {
    for path in call.output.iter().chain(&call.writes) {
        let _ = fs::remove_file(path);
    }
    let mut command = Command::new(&call.program);
    command.args(&call.arguments).stdin(Stdio::null()).stderr(Stdio::null());
    match &call.output {
        Some(path) => command.stdout(File::create(path)?),
        None => command.stdout(Stdio::null()),
    };
    let start = Instant::now();
    let ended = command.spawn()?.wait4()?;
    let wall = start.elapsed().as_secs_f64();
    if !ended.status.code().is_some_and(|code| call.good.contains(&code)) {
        return Err(io::Error::other(format!("{} ended with {}", call.program.display(), ended.status)));
    }
    let cpu = (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
    Ok(Cost { cpu, wall, peak: ended.rusage.maxrss })
}

/// Reads all files once, so that the page cache is warm, and gives their size together.
pub fn warm(files: &[PathBuf]) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    for path in files {
        let mut file = File::open(path)?;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
        }
    }
    Ok(bytes)
}

/// The middle one of several figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
