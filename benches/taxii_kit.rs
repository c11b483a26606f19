//! What benches of TAXII servers share: a feed, a client, and the processor time of a server's processes.
#![allow(dead_code, clippy::disallowed_methods)] // each bench uses its part; what these servers say is no evidence

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::node_kit::{GREEN, RED, TAXII};

const CREATOR: &str = "identity--5d2dd3ee-2b6c-4dd4-a9b1-2f6ff1f1a1a1";

/// A number as scattered as those of random ids are, and each different.
pub(crate) fn scattered(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

pub(crate) fn id(number: u64) -> String {
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

/// An envelope of so many indicators.
pub(crate) fn envelope(first: u64, count: u64, is_mixed: bool) -> Vec<u8> {
    let mut body = b"{\"objects\":[".to_vec();
    for number in first..first + count {
        if number > first {
            body.push(b',');
        }
        indicator(number, is_mixed, &mut body);
    }
    body.extend_from_slice(b"]}");
    body
}

/// A client that keeps its connection as long as the server does.
pub(crate) struct Client {
    address: SocketAddr,
    authorization: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, authorization: String) -> Self {
        Self { address, authorization, stream: None }
    }

    /// The status and the body of an answer.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\naccept: {TAXII}\r\n\
             content-type: {TAXII}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            self.authorization,
            body.len()
        );
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::with_capacity(1 << 20, stream)
        });
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        // Who refuses a body may close before all of it has come.
        let _ = stream.get_mut().write_all(body);
        let (status, body, is_kept) = read_answer(&mut stream);
        self.stream = is_kept.then_some(stream);
        (status, body)
    }
}

/// Status, body, and whether the connection stays.
fn read_answer(stream: &mut BufReader<TcpStream>) -> (u16, Vec<u8>, bool) {
    let (mut line, mut status, mut length, mut is_chunked, mut is_kept) =
        (String::new(), 0, None, false, true);
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the server answers");
        let text = line.trim_end().to_ascii_lowercase();
        if text.is_empty() {
            break;
        }
        if let Some(rest) = text.strip_prefix("http/1.") {
            is_kept = rest.starts_with('1');
            status = rest[2..5].parse().unwrap();
        }
        if let Some(rest) = text.strip_prefix("content-length: ") {
            length = Some(rest.parse().unwrap());
        }
        is_kept &= text != "connection: close";
        is_chunked |= text == "transfer-encoding: chunked";
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let end = body.len();
            body.resize(end + length, 0);
            stream.read_exact(&mut body[end..]).unwrap();
            stream.read_line(&mut line).unwrap();
            if length == 0 {
                return (status, body, is_kept);
            }
        }
    }
    if let Some(length) = length {
        body.resize(length, 0);
        stream.read_exact(&mut body).unwrap();
    } else {
        stream.read_to_end(&mut body).unwrap();
        is_kept = false;
    }
    (status, body, is_kept)
}

/// What follows the name of a process in its `stat`; none where it has ended.
fn stat_of(process: u32) -> Option<Vec<u64>> {
    let stat = String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?).into_owned();
    let after_name = stat.rsplit_once(") ")?.1.to_owned();
    Some(after_name.split(' ').skip(1).map(|field| field.parse().unwrap_or(0)).collect())
}

/// User and system time of a process, in the kernel's hundredths of a second.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = stat_of(process).expect("it runs");
    (stat[10] + stat[11]) as f64 / 100.0
}

/// The same of several processes and of all that they started, those that have ended included.
pub(crate) fn family_seconds(processes: &[u32]) -> f64 {
    let all: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let known: Vec<(u32, Vec<u64>)> =
        all.into_iter().filter_map(|process| Some((process, stat_of(process)?))).collect();
    let (mut family, mut ticks) = (processes.to_vec(), 0);
    let mut at = 0;
    while let Some(process) = family.get(at).copied() {
        at += 1;
        if let Some((_, stat)) = known.iter().find(|(other, _)| *other == process) {
            ticks += stat[10] + stat[11] + stat[12] + stat[13];
        }
        family
            .extend(known.iter().filter(|(_, stat)| stat[0] == u64::from(process)).map(|(child, _)| *child));
    }
    ticks as f64 / 100.0
}

/// A figure of a process's `status`, in KiB.
pub(crate) fn status_kib(process: u32, name: &str) -> u64 {
    let status = String::from_utf8(fs::read(format!("/proc/{process}/status")).unwrap()).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
