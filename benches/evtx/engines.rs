//! Who runs: Watchfire and the peers, each with the command that its authors intend.
//!
//! A peer is found through an environment variable or on the `PATH`; one that is not there is said to be skipped.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use watchfire_lab::files;

use crate::measure::Call;

/// An engine, and what our processor time may be at most as a part of its.
pub struct Engine {
    pub name: &'static str,
    pub at_most: Option<f64>,
    pub calls: Vec<Call>,
}

/// What all engines are given.
pub struct Setup {
    pub logs: PathBuf,
    pub rules: PathBuf,
    /// The same events as flat JSON, one a line; `None` where nobody needs it.
    pub flat: Option<PathBuf>,
    /// Where engines write what they find.
    pub out: PathBuf,
}

/// Ours, with one thread or more.
pub fn watchfire(name: &'static str, setup: &Setup, threads: usize) -> Engine {
    let arguments = [
        "hunt".into(),
        setup.logs.clone().into_os_string(),
        "--rules".into(),
        setup.rules.clone().into_os_string(),
        "--format".into(),
        "jsonl".into(),
        "--threads".into(),
        threads.to_string().into(),
    ];
    let call = Call {
        program: env!("CARGO_BIN_EXE_watchfire").into(),
        arguments: arguments.into(),
        output: Some(setup.out.join(format!("watchfire-{threads}.jsonl"))),
        writes: None,
        // 1 says that something was found.
        good: &[0, 1],
    };
    Engine { name, at_most: None, calls: vec![call] }
}

/// The peers that are here.
pub fn peers(setup: &Setup) -> io::Result<Vec<Engine>> {
    let peers = [chainsaw(setup), hayabusa(setup), rsigma(setup), dump(setup)?];
    Ok(peers.into_iter().flatten().collect())
}

/// The path of a program, or a line that says why it is skipped.
pub fn program(name: &str, variable: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let found = named.or_else(|| {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
    });
    if found.is_none() {
        println!("skipped: {name} is neither on the PATH nor in {variable}");
    }
    found.filter(|program| {
        let there = program.is_file();
        if !there {
            println!("skipped: {variable} names {}, which is no file", program.display());
        }
        there
    })
}

fn configured(name: &str, variable: &str) -> Option<OsString> {
    let value = env::var_os(variable);
    if value.is_none() {
        println!("skipped: {name} needs {variable}");
    }
    value
}

fn chainsaw(setup: &Setup) -> Option<Engine> {
    let program = program("chainsaw", "CHAINSAW")?;
    let mapping = configured("chainsaw", "CHAINSAW_MAPPING")?;
    let found = setup.out.join("chainsaw.jsonl");
    let mut arguments: Vec<OsString> =
        vec!["hunt".into(), path(&setup.logs), "-s".into(), path(&setup.rules)];
    arguments.extend(["--mapping".into(), mapping, "--skip-errors".into(), "--jsonl".into()]);
    // Not `-q`: with it, chainsaw 2.16 loses the end of its output.
    arguments.extend(["-o".into(), path(&found)]);
    Some(peer("chainsaw", 0.01, vec![call(program, arguments, Some(found))]))
}

fn hayabusa(setup: &Setup) -> Option<Engine> {
    let program = program("hayabusa", "HAYABUSA")?;
    let config = configured("hayabusa", "HAYABUSA_CONFIG")?;
    let found = setup.out.join("hayabusa.jsonl");
    let mut arguments: Vec<OsString> =
        vec!["dfir-timeline".into(), "-d".into(), path(&setup.logs), "-r".into(), path(&setup.rules)];
    // `-A -a`: every rule on every channel and event id, since these rules are not hayabusa's own conversion.
    arguments.extend(["-c".into(), config, "-A".into(), "-a".into()]);
    arguments.extend(["-w", "-C", "-q", "-K", "-Q", "-N", "-t", "jsonl", "-o"].map(OsString::from));
    arguments.push(path(&found));
    Some(peer("hayabusa", 0.01, vec![call(program, arguments, Some(found))]))
}

fn rsigma(setup: &Setup) -> Option<Engine> {
    let program = program("rsigma", "RSIGMA")?;
    let Some(flat) = &setup.flat else {
        println!("skipped: rsigma reads flat JSON, and without evtx_dump nobody makes it");
        return None;
    };
    let mut events = OsString::from("@");
    events.push(flat);
    let mut arguments: Vec<OsString> = vec!["engine".into(), "eval".into(), "-r".into(), path(&setup.rules)];
    arguments.extend(["--logsource-routing", "--input-format", "json", "-e"].map(OsString::from));
    arguments.push(events);
    Some(peer("rsigma", 0.25, vec![call(program, arguments, None)]))
}

/// Not an engine, but the floor of all that decode: every event as JSON, nothing looked for.
fn dump(setup: &Setup) -> io::Result<Option<Engine>> {
    let Some(program) = program("evtx_dump", "EVTX_DUMP") else { return Ok(None) };
    let calls: Vec<Call> = files(&setup.logs, "evtx")?
        .into_iter()
        .map(|log| {
            let arguments = ["-t", "1", "-o", "jsonl"].map(OsString::from).into_iter().chain([path(&log)]);
            call(program.clone(), arguments.collect(), None)
        })
        .collect();
    Ok((!calls.is_empty()).then(|| peer("evtx_dump -t 1", 1.5, calls)))
}

fn peer(name: &'static str, at_most: f64, calls: Vec<Call>) -> Engine {
    Engine { name, at_most: Some(at_most), calls }
}

fn call(program: PathBuf, arguments: Vec<OsString>, writes: Option<PathBuf>) -> Call {
    Call { program, arguments, output: None, writes, good: &[0, 1] }
}

fn path(path: &Path) -> OsString {
    path.as_os_str().to_owned()
}
