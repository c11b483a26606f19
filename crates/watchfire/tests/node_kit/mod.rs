//! What tests of a node share: a node of the built binary in a folder of its own, and a plain client.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::unused_self, clippy::disallowed_methods)] // each test uses its part, and stops where it cannot go on

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sha1::Digest as _;

pub const PASSWORD: &str = "correct horse battery";
pub const TAXII: &str = "application/taxii+json;version=2.1";
pub const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
pub const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
pub const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";

/// `watchfire node …` in a folder, with something on standard input.
pub fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .arg("node")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What asks for no password may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A node that serves.
pub struct Node {
    pub folder: tempfile::TempDir,
    pub address: SocketAddr,
    pub collection: String,
    child: Child,
}

impl Node {
    /// A new one, of CERT-A, with the administrator `admin`.
    pub fn new() -> Self {
        Self::with_store("watchfire.db", "")
    }

    /// The same over another store, with lines put at the head of its configuration.
    pub fn with_store(store: &str, configuration: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let temporary = std::env::temp_dir();
        Self::in_folder(if memory.is_dir() { memory } else { &temporary }, store, configuration)
    }

    /// The same in a folder within another.
    pub fn in_folder(parent: &Path, store: &str, configuration: &str) -> Self {
        let folder = tempfile::tempdir_in(parent).unwrap();
        let arguments = [
            "init",
            "--organisation",
            "CERT-A",
            "--no-tls",
            "--listen",
            "127.0.0.1:0",
            "--password-stdin",
            "--store",
            store,
        ];
        let made = run(folder.path(), &arguments, PASSWORD);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = String::from_utf8(made.stdout).unwrap();
        let collection = text.lines().find_map(|line| line.strip_prefix("collection ")).unwrap().to_owned();
        let file = folder.path().join("watchfire.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{configuration}\n{text}")).unwrap();
        let (child, address) = start(folder.path());
        Self { folder, address, collection, child }
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without a word, and starts it again.
    pub fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address) = start(self.folder.path());
    }

    /// Asks it to stop; how long that may take is its own limit.
    pub fn stop(&mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap().success()
    }

    /// `watchfire node …` for this node.
    pub fn administer(&self, arguments: &[&str]) -> String {
        let done = run(self.folder.path(), arguments, PASSWORD);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    pub fn add_user(&self, name: &str, role: &str, organisation: &str) {
        self.administer(&[
            "user",
            "add",
            name,
            "--role",
            role,
            "--organisation",
            organisation,
            "--password-stdin",
        ]);
    }

    pub fn root(&self, rest: &str) -> String {
        format!("/taxii2/alliance/{rest}")
    }

    pub fn objects(&self, rest: &str) -> String {
        self.root(&format!("collections/{}/objects/{rest}", self.collection))
    }

    /// A request of the administrator.
    pub fn get(&self, path: &str) -> Answer {
        self.get_as("admin", path)
    }

    pub fn get_as(&self, name: &str, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &basic(name)), ("accept", TAXII)], b"")
    }

    pub fn post(&self, body: &Value) -> Answer {
        self.post_as("admin", body)
    }

    pub fn post_as(&self, name: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*basic(name)), ("accept", TAXII), ("content-type", TAXII)];
        self.send("POST", &self.objects(""), &headers, body.to_string().as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        let chunked = headers.iter().any(|(name, _)| *name == "transfer-encoding");
        if !body.is_empty() && !chunked && !headers.iter().any(|(name, _)| *name == "content-length") {
            text.push_str("content-length: ");
            text.push_str(&body.len().to_string());
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body);
        self.send_raw(&bytes)
    }

    /// Bytes as they are, and the answer to them.
    pub fn send_raw(&self, bytes: &[u8]) -> Answer {
        self.try_raw(bytes).expect("there is an answer")
    }

    /// The same; none where the node closed without a word.
    pub fn try_raw(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        // A node may answer and close before all has come.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        (!answer.is_empty()).then(|| Answer::read(&answer))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(["node", "serve"])
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("the node says where it serves").unwrap();
        if let Some((_, rest)) = line.split_once("serving http://") {
            break rest.split('/').next().unwrap().parse().unwrap();
        }
    };
    // Its log must not stop it.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

/// The header of Basic for a name.
pub fn basic(name: &str) -> String {
    format!("Basic {}", base64(format!("{name}:{PASSWORD}").as_bytes()))
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Text as a part of an address or of a form, every byte encoded.
pub fn percent(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect()
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The ids of the objects in an envelope or a manifest.
    pub fn ids(&self) -> Vec<String> {
        let json = self.json();
        let objects = json["objects"].as_array().cloned().unwrap_or_default();
        objects.iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn id(object_type: &str, number: u64) -> String {
    format!("{object_type}--{number:08x}-5cc1-4c4f-8a55-1d9a4d3a1b11")
}

/// An indicator of the second minute or later of 2 March 2021, marked or not.
pub fn indicator(number: u64, minute: u64, marking: Option<&str>) -> Value {
    let mut made = json!({
        "type": "indicator", "spec_version": "2.1", "id": id("indicator", number),
        "created": "2021-03-02T00:00:00.000Z", "modified": format!("2021-03-02T00:{minute:02}:00.000Z"),
        "name": format!("number {number}"), "pattern": format!("[ipv4-addr:value = '198.51.100.{}']", number % 250),
        "pattern_type": "stix", "valid_from": "2021-03-02T00:00:00Z", "indicator_types": ["malicious-activity"],
    });
    if let Some(marking) = marking {
        made["object_marking_refs"] = json!([marking]);
    }
    made
}

pub fn envelope(objects: &[Value]) -> Value {
    json!({ "objects": objects })
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A code of RFC 6238 for a secret in base 32, some steps from now.
pub fn code(secret: &str, steps: i64) -> String {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in secret.bytes() {
        let worth = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|other| *other == letter).unwrap();
        held = (held << 5 | worth as u32) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let padded = |with: u8| -> Vec<u8> {
        (0..64).map(|at| bytes.get(at).copied().unwrap_or_default() ^ with).collect()
    };
    let hash = |parts: &[&[u8]]| sha1::Sha1::digest(parts.concat()).to_vec();
    let inner = hash(&[&padded(0x36), &(now / 30 + steps).to_be_bytes()]);
    let digest = hash(&[&padded(0x5c), &inner]);
    let start = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[start..start + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
