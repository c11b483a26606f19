//! A node under load, as its clients see it: envelopes of 10,000 objects in, pages of 1,000 out, empty polls, look-ups.
//!
//! `cargo bench -p watchfire --bench node -- --objects 1000000` starts the built binary over a new file and fills it by
//! POST; `--report N,N,…` names the sizes at which figures are taken, `--folder DIR` where the file lies, `--store
//! postgres://…` another engine; `--mixed` brings old and new in any order. Time is the processor time of the node's
//! process: the client's own is not in it.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a bench prints its figures

mod kit;
#[path = "../crates/watchfire/tests/node_kit/mod.rs"]
mod node_kit;
mod taxii_kit;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kit::argument;
use node_kit::{Node, basic};
use taxii_kit::{Client, cpu_seconds, envelope, id, scattered, status_kib};

/// What one POST brings, and over how many of them a figure is taken.
const BATCH: u64 = 10_000;
const BATCHES: u64 = 5;

/// Requests over which the time of a poll or a look-up is taken.
const REQUESTS: usize = 1_000;

fn main() {
    let objects: u64 = argument("--objects").and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let reports: Vec<u64> = argument("--report").map_or_else(
        || vec![BATCH * BATCHES, 1_000_000, 10_000_000],
        |text| text.split(',').filter_map(|number| number.parse().ok()).collect(),
    );
    let folder =
        argument("--folder").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let is_mixed = std::env::args().any(|argument| argument == "--mixed");
    let mut node =
        Node::in_folder(&folder, &argument("--store").unwrap_or_else(|| "watchfire.db".to_owned()), "");
    let mut load = Load {
        client: Client::new(node.address, basic("admin")),
        process: node.process(),
        path: node.objects(""),
    };
    println!("{:<44} {:>12} {:>12}", "", "by wall", "by CPU");
    let (mut filled, mut times, mut watch, mut begun) = (0, Vec::new(), load.watch(), 0);
    while filled < objects {
        let body = envelope(filled, BATCH, is_mixed);
        times.push(load.post(&body));
        filled += BATCH;
        if (filled - begun) / BATCH == BATCHES {
            let is_asked = reports.contains(&filled) || filled == objects;
            if is_asked || filled % (BATCH * 50) == 0 {
                // The client's own work is not in the time by wall.
                watch.wall = times.iter().sum();
                watch.rate(&format!("POST of {BATCH} up to {filled}, objects/s"), filled - begun);
                let slowest = times.iter().max().map_or(0.0, Duration::as_secs_f64);
                println!("{:<44} {:>12.0}", "  slowest of them, ms", slowest * 1e3);
            }
            if is_asked {
                load.measure_reads(filled);
            }
            (watch, begun) = (load.watch(), filled);
            times.clear();
        }
    }
    println!("resident at most: {} MB", status_kib(node.process(), "VmHWM:") / 1024);
    let file = node.folder.path().join("watchfire.db");
    if let Ok(file) = fs::metadata(file) {
        println!("file: {} bytes an object", file.len() / objects);
    }
    let watch = Instant::now();
    assert!(node.stop());
    println!("stopped in {:.1} s", watch.elapsed().as_secs_f64());
}

/// A node and what is asked of it.
struct Load {
    client: Client,
    process: u32,
    path: String,
}

impl Load {
    fn watch(&self) -> Watch {
        Watch { wall: Duration::ZERO, process: self.process, cpu: cpu_seconds(self.process) }
    }

    fn post(&mut self, body: &[u8]) -> Duration {
        let watch = Instant::now();
        let (status, answer) = self.client.ask("POST", &self.path, body);
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status, 202, "{text}");
        assert!(text.contains("\"failure_count\":0"), "{text}");
        watch.elapsed()
    }

    fn get(&mut self, rest: &str) -> Vec<u8> {
        let path = format!("{}{rest}", self.path);
        let (status, body) = self.client.ask("GET", &path, b"");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        body
    }

    fn measure_reads(&mut self, filled: u64) {
        let mut next = String::new();
        let mut watch = self.watch();
        let began = Instant::now();
        for _ in 0..10 {
            let body = self.get(&format!("?limit=1000&next={next}"));
            let text = String::from_utf8(body).unwrap();
            next = text
                .split_once("\"next\":\"")
                .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
                .unwrap();
        }
        watch.wall = began.elapsed();
        watch.rate("  GET by 1,000, objects/s", 10_000);
        self.repeat("  empty poll, µs", |_| "?added_after=2999-01-01T00:00:00.000000Z".to_owned());
        self.repeat("  object by id, µs", |at| format!("{}/", id(scattered(at as u64 + 1) % filled)));
        self.repeat("  id that is not here, µs", |at| format!("?match[id]={}", id(at as u64 + (1 << 50))));
        println!("  resident: {} MB", status_kib(self.process, "VmRSS:") / 1024);
    }

    fn repeat(&mut self, label: &str, rest: impl Fn(usize) -> String) {
        let mut times: Vec<Duration> = Vec::with_capacity(REQUESTS);
        let watch = self.watch();
        for at in 0..REQUESTS {
            let began = Instant::now();
            self.get(&rest(at));
            times.push(began.elapsed());
        }
        let cpu = cpu_seconds(self.process) - watch.cpu;
        times.sort_unstable();
        let microseconds = |at: usize| times[at * (REQUESTS - 1) / 1000].as_secs_f64() * 1e6;
        println!("{label:<44} {:>12.0} {:>12.0}", microseconds(500), cpu * 1e6 / REQUESTS as f64);
        println!("{:<44} {:>12.0}", "    99 of 100", microseconds(990));
    }
}

/// Time by wall and of the node's process.
struct Watch {
    wall: Duration,
    process: u32,
    cpu: f64,
}

impl Watch {
    fn rate(&self, label: &str, count: u64) {
        let wall = self.wall.as_secs_f64();
        let cpu = cpu_seconds(self.process) - self.cpu;
        println!("{label:<44} {:>12.0} {:>12.0}", count as f64 / wall, count as f64 / cpu.max(0.01));
    }
}
