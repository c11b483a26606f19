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

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kit::argument;
use node_kit::{GREEN, Node, RED, TAXII, basic};

/// What one POST brings, and over how many of them a figure is taken.
const BATCH: u64 = 10_000;
const BATCHES: u64 = 5;

/// Requests over which the time of a poll or a look-up is taken.
const REQUESTS: usize = 1_000;

const CREATOR: &str = "identity--5d2dd3ee-2b6c-4dd4-a9b1-2f6ff1f1a1a1";

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
    let mut load = Load { client: Client::new(&node), process: node.process(), path: node.objects("") };
    println!("{:<44} {:>12} {:>12}", "", "by wall", "by CPU");
    let (mut filled, mut times, mut watch, mut begun) = (0, Vec::new(), load.watch(), 0);
    while filled < objects {
        let body = envelope(filled, is_mixed);
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

/// A number as scattered as those of random ids are, and each different.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn id(number: u64) -> String {
    let (high, low) = (scattered(number), scattered(number ^ 1 << 40));
    format!(
        "indicator--{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// An indicator of some 750 bytes, as a feed carries it: its date is near those of its neighbours, or anywhere.
fn indicator(number: u64, is_mixed: bool, out: &mut Vec<u8>) {
    let (id, domain) = (id(number), format!("{:x}.node-{number}.example", scattered(number) >> 20));
    let minute =
        if is_mixed { scattered(number) % 4_000_000 } else { number / 60 + scattered(number) % 1440 };
    let (day, hour, minute) = (minute / 1440, minute / 60 % 24, minute % 60);
    let date = format!(
        "{}-{:02}-{:02}T{hour:02}:{minute:02}:{:02}.{:03}Z",
        2021 + day / 336,
        day / 28 % 12 + 1,
        day % 28 + 1,
        number % 60,
        scattered(number) % 1000
    );
    let marking = if number.is_multiple_of(10) { RED } else { GREEN };
    write!(
        out,
        "{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"{id}\",\"created_by_ref\":\"{CREATOR}\",\
         \"created\":\"{date}\",\"modified\":\"{date}\",\"name\":\"Command and control {number}\",\
         \"description\":\"Seen in a campaign against mail servers, reported by a partner. It answered on port 443 \
         with a certificate of its own making until it was taken down.\",\
         \"indicator_types\":[\"malicious-activity\"],\"labels\":[\"apt\",\"exchange\"],\"confidence\":75,\
         \"pattern\":\"[domain-name:value = '{domain}']\",\"pattern_type\":\"stix\",\"valid_from\":\"{date}\",\
         \"object_marking_refs\":[\"{marking}\"]}}"
    )
    .unwrap();
}

fn envelope(first: u64, is_mixed: bool) -> Vec<u8> {
    let mut body = b"{\"objects\":[".to_vec();
    for number in first..first + BATCH {
        if number > first {
            body.push(b',');
        }
        indicator(number, is_mixed, &mut body);
    }
    body.extend_from_slice(b"]}");
    body
}

/// A client that keeps its connection.
struct Client {
    stream: BufReader<TcpStream>,
    authorization: String,
}

impl Client {
    fn new(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::with_capacity(1 << 20, stream), authorization: basic("admin") }
    }

    /// The status and the body of an answer.
    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: node\r\nauthorization: {}\r\naccept: {TAXII}\r\n\
             content-type: {TAXII}\r\ncontent-length: {}\r\n\r\n",
            self.authorization,
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes()).unwrap();
        self.stream.get_mut().write_all(body).unwrap();
        let (mut line, mut status, mut length, mut is_chunked) = (String::new(), 0, 0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let text = line.trim_end().to_ascii_lowercase();
            if text.is_empty() {
                break;
            }
            if let Some(rest) = text.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            }
            if let Some(rest) = text.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            }
            is_chunked |= text == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if !is_chunked {
            body.resize(length, 0);
            self.stream.read_exact(&mut body).unwrap();
            return (status, body);
        }
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let end = body.len();
            body.resize(end + length, 0);
            self.stream.read_exact(&mut body[end..]).unwrap();
            self.stream.read_line(&mut line).unwrap();
            if length == 0 {
                return (status, body);
            }
        }
    }
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

/// User and system time of a process, in the kernel's hundredths of a second.
fn cpu_seconds(process: u32) -> f64 {
    let stat = String::from_utf8(fs::read(format!("/proc/{process}/stat")).unwrap()).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let field = |at: usize| after_name.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
    (field(11) + field(12)) / 100.0
}

fn status_kib(process: u32, name: &str) -> u64 {
    let status = String::from_utf8(fs::read(format!("/proc/{process}/status")).unwrap()).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
