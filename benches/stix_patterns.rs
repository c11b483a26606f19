//! STIX patterns compiled together: 1,000 over 10,000 observed-data against stix2-matcher, and 1,000,000 indicators.
//!
//! `cargo bench -p watchfire-stix --bench stix_patterns` invents patterns of six shapes and observed data, finds what
//! matches, and prints the CPU time. Where `python3` (or `-- --python FILE`) has stix2-matcher, the same patterns are
//! then matched by it in the same run: a sample of them (`-- --peer-patterns N`, 24 if not given) over all
//! observations, since all of them take many minutes; what both find must be the same. Then a million plain indicators
//! are loaded, and the memory that they take beyond their values is printed.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a bench prints its figures

mod kit;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use watchfire_stix::pattern::{Json, Observations, PatternSet};

use kit::{argument, cpu_seconds};

const PATTERNS: usize = 1_000;
const OBSERVED: usize = 10_000;
const INDICATORS: usize = 1_000_000;
const RUNS: usize = 5;

/// Matches each pattern of a file over the observed data of another; prints the CPU seconds, then for each pattern
/// whether it matched.
const PEER: &str = "
import json, sys, time
from stix2matcher.matcher import Pattern
patterns = [Pattern(line) for line in open(sys.argv[1]).read().splitlines()]
observed = json.load(open(sys.argv[2]))
start = time.process_time()
found = ['1' if pattern.match(observed) else '0' for pattern in patterns]
print(time.process_time() - start)
print(''.join(found))
";

fn main() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let patterns: Vec<String> = (0..PATTERNS).map(|number| pattern(number, &mut random)).collect();
    let observed = observed(&mut random);
    let (seconds, matched) = ours(&patterns, &observed);
    let pairs = (PATTERNS * OBSERVED) as f64;
    println!("{PATTERNS} patterns over {OBSERVED} observed-data, {} bytes", observed.len());
    println!(
        "watchfire      {seconds:>9.4} s of CPU  {:>12.0} pairs/s  {} match",
        pairs / seconds,
        count(&matched)
    );
    peer(&patterns, &observed, seconds, &matched);
    indicators();
}

fn count(matched: &[bool]) -> usize {
    matched.iter().filter(|matched| **matched).count()
}

/// The CPU time of compiling the patterns, reading the observed data and matching: the median of some runs.
fn ours(patterns: &[String], observed: &str) -> (f64, Vec<bool>) {
    let mut matched = vec![false; patterns.len()];
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = cpu_seconds();
            let mut builder = PatternSet::builder();
            for pattern in patterns {
                builder.add(pattern).unwrap();
            }
            let set = builder.build();
            let json = Json::parse(observed).unwrap();
            let (observations, bad) = Observations::of(&json);
            assert!(bad.is_empty());
            let found = set.find(&observations);
            let taken = cpu_seconds() - start;
            assert!(found.faults.is_empty());
            for found in found.matches {
                matched[found.pattern as usize] = true;
            }
            taken
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[RUNS / 2], matched)
}

fn peer(patterns: &[String], observed: &str, ours: f64, matched: &[bool]) {
    let python = argument("--python").unwrap_or_else(|| "python3".to_owned());
    let sample: usize = argument("--peer-patterns").and_then(|text| text.parse().ok()).unwrap_or(24);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (pattern_file, observed_file) = (folder.join("patterns.txt"), folder.join("observed.json"));
    let step = patterns.len() / sample;
    // One of each shape in turn: the shapes follow each other.
    let chosen: Vec<usize> = (0..sample).map(|number| number * step / 6 * 6 + number % 6).collect();
    let lines: Vec<&str> = chosen.iter().map(|number| patterns[*number].as_str()).collect();
    fs::write(&pattern_file, lines.join("\n")).unwrap();
    fs::write(&observed_file, observed).unwrap();
    let output = Command::new(&python).args(["-c", PEER]).arg(&pattern_file).arg(&observed_file).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        println!("skipped: {python} has no stix2-matcher");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let theirs: f64 = lines.next().unwrap().parse().unwrap();
    let found: Vec<bool> = lines.next().unwrap().chars().map(|found| found == '1').collect();
    let expected: Vec<bool> = chosen.iter().map(|number| matched[*number]).collect();
    assert_eq!(found, expected, "both find the same");
    let all = theirs * patterns.len() as f64 / sample as f64;
    println!("stix2-matcher  {theirs:>9.2} s of CPU for {sample} of the patterns, so {all:.0} s for all");
    println!("CPU time, theirs over ours: {:.0}", all / ours);
}

fn indicators() {
    let mut random = Random(1);
    let texts: Vec<String> = (0..INDICATORS).map(|number| indicator(number, &mut random)).collect();
    let values: usize = texts.iter().map(|text| text.split('\'').nth_back(1).unwrap().len()).sum();
    let before = resident_bytes();
    let start = cpu_seconds();
    let mut builder = PatternSet::builder();
    for text in &texts {
        builder.add(text).unwrap();
    }
    let set = builder.build();
    let seconds = cpu_seconds() - start;
    let bytes = resident_bytes().saturating_sub(before);
    println!("{} indicators loaded in {seconds:.3} s of CPU", set.len());
    println!(
        "resident memory {bytes} bytes, their values {values}: {:.1} bytes an indicator beyond them",
        (bytes as f64 - values as f64) / INDICATORS as f64
    );
}

fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn address(&mut self) -> String {
        format!("10.{}.{}.{}", self.below(256), self.below(256), self.below(256))
    }

    fn digits(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            let _ = write!(text, "{:08x}", self.below(1 << 32));
        }
        text
    }
}

fn pattern(number: usize, random: &mut Random) -> String {
    match number % 6 {
        0 => format!("[ipv4-addr:value = '{}']", random.address()),
        1 => format!(
            "[file:hashes.'SHA-256' = '{}' OR file:hashes.MD5 = '{}']",
            random.digits(64),
            random.digits(32)
        ),
        2 => format!("[domain-name:value LIKE '%.zone{number}.example']"),
        3 => format!(r"[url:value MATCHES '^https?://host{number}\\.example/[a-z]+\\.php$']"),
        4 => format!(
            "[network-traffic:dst_ref.value ISSUBSET '10.{}.0.0/16' AND network-traffic:dst_port = {}]",
            random.below(256),
            440 + random.below(40)
        ),
        _ => format!(
            "([process:command_line MATCHES 'tool{number}\\\\.exe'] FOLLOWEDBY [ipv4-addr:value = '{}']) WITHIN 300 SECONDS",
            random.address()
        ),
    }
}

fn indicator(number: usize, random: &mut Random) -> String {
    match number % 5 {
        0 => format!("[ipv4-addr:value = '{}']", random.address()),
        1 => format!("[domain-name:value = 'host{number}.example']"),
        2 => format!("[file:hashes.'SHA-256' = '{}']", random.digits(64)),
        3 => format!("[file:hashes.MD5 = '{}']", random.digits(32)),
        _ => format!("[url:value = 'https://host{number}.example/{}/index.php']", random.below(1000)),
    }
}

fn observed(random: &mut Random) -> String {
    let one = |number: usize| {
        let time = format!("2021-03-02T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60);
        format!(
            r#"{{"type":"observed-data","id":"observed-data--{number}","number_observed":1,"first_observed":"{time}",
"last_observed":"{time}","objects":{{"0":{{"type":"ipv4-addr","value":"{}"}},"1":{{"type":"ipv4-addr","value":"{}"}},
"2":{{"type":"network-traffic","src_ref":"0","dst_ref":"1","dst_port":{},"protocols":["tcp"]}},
"3":{{"type":"file","name":"f{number}.dll","hashes":{{"MD5":"{}","SHA-256":"{}"}}}},
"4":{{"type":"domain-name","value":"www.zone{}.example"}},
"5":{{"type":"url","value":"http://host{}.example/index.php"}},
"6":{{"type":"process","command_line":"C:\\tool{}.exe -q {number}"}}}}}}"#,
            random.address(),
            random.address(),
            440 + random.below(40),
            random.digits(32),
            random.digits(64),
            random.below(2000),
            random.below(2000),
            random.below(2000),
        )
    };
    let all: Vec<String> = (0..OBSERVED).map(one).collect();
    format!("[{}]", all.join(",\n"))
}
