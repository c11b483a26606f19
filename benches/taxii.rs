//! TAXII servers side by side: the same indicators in, all of them out by 1,000, empty polls, objects by their ids.
//!
//! `cargo bench -p watchfire --bench taxii -- --peer NAME=http://127.0.0.1:9000/…/collections/…/,USER:PASSWORD,PID+PID`
//! starts the built binary over a new file and asks it what it asks each peer, which runs already. `--store
//! postgres://…,PID` adds a second node of ours over a server whose process that is; `--batch N` says how many objects a
//! POST brings. Time is the processor time of a server's processes and of what they start.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a bench prints its figures

mod kit;
#[path = "../crates/watchfire/tests/node_kit/mod.rs"]
mod node_kit;
mod taxii_kit;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kit::argument;
use node_kit::{Node, base64, basic};
use taxii_kit::{Client, envelope, family_seconds, id};

const OBJECTS: u64 = 10_000;

/// Requests over which the time of a poll or a look-up is taken; fewer where they take long.
const REQUESTS: usize = 200;

/// A server that has not told everything after so long is left, and what it told counts.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server to ask.
struct Server {
    name: String,
    client: Client,
    path: String,
    processes: Vec<u32>,
}

/// What it took.
struct Took {
    posted: f64,
    got: f64,
    poll: f64,
    object: f64,
}

impl Server {
    /// `NAME=http://HOST:PORT/PATH/,USER:PASSWORD,PID+PID`
    fn peer(text: &str) -> Self {
        let (name, rest) = text.split_once('=').expect("NAME=URL,USER:PASSWORD,PID");
        let [url, credential, processes] = rest.split(',').collect::<Vec<_>>()[..] else {
            panic!("{text}: NAME=URL,USER:PASSWORD,PID")
        };
        let (address, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .expect("http://HOST:PORT/PATH/");
        let address: SocketAddr = address.parse().expect("an address and a port");
        let authorization = format!("Basic {}", base64(credential.as_bytes()));
        Self {
            name: name.to_owned(),
            client: Client::new(address, authorization),
            path: format!("/{}/objects/", path.trim_end_matches('/')),
            processes: processes.split('+').map(|process| process.parse().expect("a number")).collect(),
        }
    }

    fn own(name: &str, node: &Node, server: Option<u32>) -> Self {
        Self {
            name: name.to_owned(),
            client: Client::new(node.address, basic("admin")),
            path: node.objects(""),
            processes: [node.process()].into_iter().chain(server).collect(),
        }
    }

    fn measure(&mut self, batch: u64) -> Took {
        let before = family_seconds(&self.processes);
        for first in (0..OBJECTS).step_by(batch as usize) {
            let body = envelope(first, batch.min(OBJECTS - first), false);
            let (status, answer) = self.client.ask("POST", &self.path, &body);
            let text = String::from_utf8_lossy(&answer);
            assert_eq!(status, 202, "{}: {} bytes: {text}", self.name, body.len());
            let is_done =
                text.replace(' ', "").contains(&format!("\"success_count\":{}", batch.min(OBJECTS - first)));
            assert!(is_done, "{}: {text}", self.name);
        }
        let posted = rate(OBJECTS, family_seconds(&self.processes) - before);
        let got = self.read_all();
        let poll = self.repeat(|_| "?added_after=2999-01-01T00:00:00.000Z".to_owned());
        let object = self.repeat(|at| format!("{}/", id(at as u64 * 31 % OBJECTS)));
        Took { posted, got, poll, object }
    }

    fn read_all(&mut self) -> f64 {
        let (before, began, mut next, mut got) =
            (family_seconds(&self.processes), Instant::now(), String::new(), 0);
        loop {
            let path = format!("{}?limit=1000{next}", self.path);
            let (status, body) = self.client.ask("GET", &path, b"");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            let page: serde_json::Value = serde_json::from_slice(&body).unwrap();
            got += page["objects"].as_array().map_or(0, Vec::len) as u64;
            match page["next"].as_str() {
                Some(more) if page["more"] == true && began.elapsed() < PATIENCE => {
                    next = format!("&next={}", node_kit::percent(more));
                }
                _ => break,
            }
        }
        if got < OBJECTS {
            println!("{}: told {got} of {OBJECTS} in {:.0} s", self.name, began.elapsed().as_secs_f64());
        }
        rate(got, family_seconds(&self.processes) - before)
    }

    /// The median time by wall, in milliseconds.
    fn repeat(&mut self, rest: impl Fn(usize) -> String) -> f64 {
        let (mut times, began) = (Vec::new(), Instant::now());
        for at in 0..REQUESTS {
            let asked = Instant::now();
            let (status, body) = self.client.ask("GET", &format!("{}{}", self.path, rest(at)), b"");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            times.push(asked.elapsed());
            if began.elapsed() > PATIENCE {
                break;
            }
        }
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    }
}

fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.01)
}

fn main() {
    let batch: u64 = argument("--batch").and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let node = Node::in_folder(&folder, "watchfire.db", "");
    let mut servers = vec![Server::own("watchfire, a file", &node, None)];
    let over = argument("--store").map(|text| {
        let (store, process) = text.rsplit_once(',').expect("postgres://…,PID");
        (Node::in_folder(&folder, store, ""), process.parse().expect("a number"))
    });
    if let Some((node, process)) = &over {
        servers.push(Server::own("watchfire, PostgreSQL", node, Some(*process)));
    }
    let arguments: Vec<String> = std::env::args().collect();
    servers
        .extend(arguments.windows(2).filter(|pair| pair[0] == "--peer").map(|pair| Server::peer(&pair[1])));
    println!("{OBJECTS} objects in, {batch} a POST; out by 1,000; objects a CPU second, medians by wall");
    let head = ["POST", "GET", "empty poll, ms", "object by id, ms"];
    println!("{:<24} {:>12} {:>12} {:>16} {:>16}", "", head[0], head[1], head[2], head[3]);
    let mut first: Option<Took> = None;
    for server in &mut servers {
        let took = server.measure(batch);
        let Took { posted, got, poll, object } = took;
        println!("{:<24} {posted:>12.0} {got:>12.0} {poll:>16.2} {object:>16.2}", server.name);
        match &first {
            None => first = Some(took),
            Some(own) => println!(
                "{:<24} {:>12} {:>12} {:>16} {:>16}",
                "  watchfire is better by",
                format!("{:.1}", own.posted / posted),
                format!("{:.1}", own.got / got),
                format!("{:.1}", poll / own.poll),
                format!("{:.1}", object / own.object)
            ),
        }
    }
}
