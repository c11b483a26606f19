//! Clean logs without end, for benchmarks: half IIS, half HttpProxy, at the rhythm of a busy server.
//!
//! The lines are the example's own: a few hundred requests are written once by the same code, cut at the places
//! where a time or an identifier stands, and then only filled in. That keeps the shapes true and costs little more
//! than copying, so that a benchmark measures its subject and not this generator. Memory is one buffer and the
//! templates, whatever the size asked for.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::collection::Log;
use crate::moment::Moment;
use crate::organisation::{Organisation, Person};
use crate::random::Random;
use crate::web::{Protocol, Request, Route, back_end_line, front_end_line, http_proxy_line};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Number of files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

const MEGABYTE: u64 = 1_000_000;
/// Size of a day of IIS, in bytes.
const DAY_BYTES: u64 = 256 * MEGABYTE;
/// Size of an hour of HttpProxy, in bytes.
const HOUR_BYTES: u64 = 64 * MEGABYTE;
/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 1024 * 1024;
/// Different lines per log: enough that no reader lives on repetition.
const TEMPLATES: usize = 512;

/// The time and the identifier that stand in a line before it is cut.
const MARKER_ID: &str = "00000000-feed-4bad-8bad-000000000000";
const ISO_LENGTH: usize = 24;
const W3C_LENGTH: usize = 19;

/// How much of a day's traffic falls into each hour, in parts of the sum.
const HOURS: [u64; 24] = [1, 1, 1, 1, 1, 2, 5, 12, 18, 20, 20, 18, 15, 17, 19, 18, 15, 10, 6, 4, 3, 2, 2, 1];

/// Writes about `megabytes` (of a million bytes) of clean logs under `directory`, in the folders of a collection.
/// The same seed gives the same bytes.
pub fn bulk(directory: &Path, megabytes: u64, seed: u64) -> io::Result<Written> {
    let half = megabytes * MEGABYTE / 2;
    let mut random = Random::new(seed, "bulk");
    let organisation = Organisation::new(seed);
    let start = Moment::utc(1, 4, 0, 0, 0);
    let mut written = Written { files: 0, bytes: 0 };
    for (days, log) in [(half / 2, Log::FrontEnd), (half - half / 2, Log::BackEnd)] {
        let templates = templates(&organisation, &mut random, log);
        let files = days.div_ceil(DAY_BYTES).max(1);
        for day in 0..files {
            let begin = start.plus_seconds(day as i64 * 86_400);
            written.add(write_file(directory, log, begin, &templates, days / files, &mut random)?);
        }
    }
    let protocols = [Protocol::Mapi, Protocol::Owa, Protocol::Ews, Protocol::Ecp];
    let files = half.div_ceil(HOUR_BYTES).max(protocols.len() as u64);
    for (place, protocol) in protocols.into_iter().enumerate() {
        let log = Log::HttpProxy(protocol);
        let templates = templates(&organisation, &mut random, log);
        for file in (place as u64..files).step_by(protocols.len()) {
            let begin = start.plus_seconds((file / protocols.len() as u64) as i64 * 3_600);
            written.add(write_file(directory, log, begin, &templates, half / files, &mut random)?);
        }
    }
    Ok(written)
}

impl Written {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// A line, cut where it changes from one request to the next.
struct Template(Vec<Piece>);

enum Piece {
    Literal(Vec<u8>),
    /// `2021-03-03T05:24:51.236Z`, so many milliseconds from the line's time.
    Iso(i64),
    /// `2021-03-03 05:24:51`
    W3c,
    Id,
}

/// The time at which all templates are written before they are cut.
fn marker_time() -> Moment {
    Moment::utc(7, 7, 12, 0, 0)
}

fn templates(organisation: &Organisation, random: &mut Random, log: Log) -> Vec<Template> {
    let lines = (0..TEMPLATES).map(|_| {
        let request = busy_request(organisation, random, log);
        let line = match (log, &request.route) {
            (Log::HttpProxy(protocol), _) => {
                http_proxy_line(&request, protocol, MARKER_ID, &organisation.database)
            }
            (Log::BackEnd, Route::Proxied(target)) => back_end_line(&request, target),
            _ => front_end_line(&request, MARKER_ID),
        };
        Template::cut(line.as_bytes())
    });
    lines.collect()
}

/// A request such as people make all day.
fn busy_request(organisation: &Organisation, random: &mut Random, log: Log) -> Request {
    let person = random.pick(&organisation.people);
    let protocol = match log {
        Log::HttpProxy(protocol) => protocol,
        _ => *random.pick(&Protocol::ALL),
    };
    let (method, stem, query, agent) = busy_shape(person, protocol, random);
    let request = Request {
        query,
        took_ms: random.between(3, 900),
        sent_bytes: random.between(80, 9_000),
        received_bytes: random.between(80, 90_000),
        ..Request::new(marker_time(), Some(protocol), method, stem)
    };
    let client = if random.chance(70) { &person.workstation } else { &person.home };
    request.from(client, agent).signed_in(
        &person.domain_account(),
        format!("Sid~{}", person.sid),
        "WindowsIdentity",
    )
}

type Shape = (&'static str, &'static str, String, &'static str);

fn busy_shape(person: &Person, protocol: Protocol, random: &mut Random) -> Shape {
    let outlook = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266; Pro)";
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.190 Safari/537.36";
    let number = random.below(1_000);
    match protocol {
        Protocol::Mapi => {
            ("POST", "/mapi/emsmdb/", format!("mailboxId={}@corp.example", person.mailbox), outlook)
        }
        Protocol::Ews => ("POST", "/EWS/Exchange.asmx", String::new(), outlook),
        Protocol::Autodiscover => ("POST", "/autodiscover/autodiscover.xml", String::new(), outlook),
        Protocol::Owa => {
            ("POST", "/owa/service.svc", format!("action=FindItem&EP=1&UA=0&ID=-{number}&AC=1"), browser)
        }
        Protocol::Ecp => {
            ("GET", "/ecp/default.aspx", format!("p=organize/inboxrules.slab&rfr=owa&n={number}"), browser)
        }
        Protocol::Eas => (
            "POST",
            "/Microsoft-Server-ActiveSync/default.eas",
            format!("Cmd=Ping&User=CORP%5C{}&DeviceId={number:032X}&DeviceType=Outlook", person.account),
            "Outlook-iOS-Android/1.0",
        ),
        Protocol::PowerShell => {
            ("POST", "/powershell", "PSVersion=5.1.14393.4104".to_owned(), "Microsoft WinRM Client")
        }
    }
}

impl Template {
    fn cut(line: &[u8]) -> Self {
        let (mut pieces, mut literal, mut at) = (Vec::new(), Vec::new(), 0);
        while at < line.len() {
            let Some((piece, length)) = Piece::at(&line[at..]) else {
                literal.push(line[at]);
                at += 1;
                continue;
            };
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            pieces.push(piece);
            at += length;
        }
        literal.extend_from_slice(b"\r\n");
        pieces.push(Piece::Literal(literal));
        Self(pieces)
    }

    fn fill(&self, time: Moment, clock: &mut Clock, random: &mut Random, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes),
                Piece::Iso(offset_ms) => clock.iso(time.plus_ms(*offset_ms), out),
                Piece::W3c => clock.w3c(time, out),
                Piece::Id => identifier(random, out),
            }
        }
    }
}

impl Piece {
    /// The piece that begins here, if one does, and its length.
    fn at(line: &[u8]) -> Option<(Self, usize)> {
        if line.starts_with(MARKER_ID.as_bytes()) {
            return Some((Piece::Id, MARKER_ID.len()));
        }
        if line.starts_with(b"2021-07-07 ") {
            return Some((Piece::W3c, W3C_LENGTH));
        }
        // A request takes less than a second, so that its times lie at 11:59:59 or 12:00:00.
        let text =
            line.starts_with(b"2021-07-07T").then(|| std::str::from_utf8(line.get(..ISO_LENGTH)?).ok())??;
        let milliseconds: i64 = text[20..23].parse().ok()?;
        let offset_ms = if &text[11..13] == "11" { milliseconds - 1_000 } else { milliseconds };
        Some((Piece::Iso(offset_ms), ISO_LENGTH))
    }
}

/// Writes times, and turns a count of minutes into a calendar only when the minute changes.
struct Clock {
    minute: i64,
    text: [u8; W3C_LENGTH],
}

impl Clock {
    fn new() -> Self {
        Self { minute: i64::MIN, text: [0; W3C_LENGTH] }
    }

    fn at(&mut self, time: Moment) -> [u8; W3C_LENGTH] {
        let second = time.milliseconds().div_euclid(1_000);
        let (minute, within_minute) = (second.div_euclid(60), second.rem_euclid(60));
        if minute != self.minute {
            self.text.copy_from_slice(&time.w3c().as_bytes()[..W3C_LENGTH]);
            self.minute = minute;
        }
        self.text[17] = b'0' + (within_minute / 10) as u8;
        self.text[18] = b'0' + (within_minute % 10) as u8;
        self.text
    }

    fn w3c(&mut self, time: Moment, out: &mut Vec<u8>) {
        let text = self.at(time);
        out.extend_from_slice(&text);
    }

    fn iso(&mut self, time: Moment, out: &mut Vec<u8>) {
        let mut text = self.at(time);
        text[10] = b'T';
        let milliseconds = time.milliseconds().rem_euclid(1_000);
        let digit = |divisor: i64| b'0' + (milliseconds / divisor % 10) as u8;
        out.extend_from_slice(&text);
        out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1), b'Z']);
    }
}

/// A GUID, without the detour over a string.
fn identifier(random: &mut Random, out: &mut Vec<u8>) {
    let (mut high, mut low) = (random.bits(), random.bits());
    let mut text = [b'-'; 36];
    for (place, byte) in text.iter_mut().enumerate() {
        if matches!(place, 8 | 13 | 18 | 23) {
            continue;
        }
        let source = if place < 18 { &mut high } else { &mut low };
        *byte = b"0123456789abcdef"[(*source & 15) as usize];
        *source >>= 4;
    }
    text[14] = b'4';
    out.extend_from_slice(&text);
}

/// One file of about `size` bytes, whose times run from its first to its last minute.
fn write_file(
    directory: &Path,
    log: Log,
    begin: Moment,
    templates: &[Template],
    size: u64,
    random: &mut Random,
) -> io::Result<u64> {
    let path = directory.join(log.path(begin));
    fs::create_dir_all(path.parent().unwrap_or(directory))?;
    let mut file = File::create(&path)?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + 64 * 1024);
    buffer.extend_from_slice(log.header(begin).as_bytes());
    let (mut clock, mut flushed) = (Clock::new(), 0_u64);
    while flushed + (buffer.len() as u64) < size {
        let done = flushed + buffer.len() as u64;
        let time = begin.plus_ms(time_within(log, done, size));
        random.pick(templates).fill(time, &mut clock, random, &mut buffer);
        if buffer.len() >= BUFFER_BYTES {
            file.write_all(&buffer)?;
            flushed += buffer.len() as u64;
            buffer.clear();
        }
    }
    file.write_all(&buffer)?;
    Ok(flushed + buffer.len() as u64)
}

/// The millisecond of the hour or of the day at which so much of the file is done.
fn time_within(log: Log, done: u64, size: u64) -> i64 {
    const HOUR_MS: u64 = 3_600_000;
    if let Log::HttpProxy(_) = log {
        return (done * HOUR_MS / size) as i64;
    }
    let sum: u64 = HOURS.iter().sum();
    // In parts of the day's traffic, scaled by a million.
    let mut left = done * sum * 1_000_000 / size;
    for (hour, weight) in HOURS.iter().enumerate() {
        let share = weight * 1_000_000;
        if left < share {
            return (hour as u64 * HOUR_MS + left * HOUR_MS / share) as i64;
        }
        left -= share;
    }
    (24 * HOUR_MS - 1) as i64
}

#[cfg(test)]
mod tests {
    use super::{Clock, MARKER_ID, Template, marker_time};
    use crate::moment::Moment;
    use crate::random::Random;

    #[test]
    fn a_filled_line_has_its_own_times_and_identifier() {
        let marker = marker_time();
        let line = format!("{},{MARKER_ID},x;Begin={};", marker.iso(), marker.minus_ms(13).iso());
        let template = Template::cut(line.as_bytes());
        let mut filled = Vec::new();
        let time = Moment::utc(1, 4, 8, 59, 59).plus_ms(1_005);
        template.fill(time, &mut Clock::new(), &mut Random::new(1, "x"), &mut filled);
        let filled = String::from_utf8(filled).expect("a line is text");
        assert!(filled.starts_with("2021-01-04T09:00:00.005Z,"), "{filled}");
        assert!(filled.ends_with(",x;Begin=2021-01-04T08:59:59.992Z;\r\n"), "{filled}");
        assert!(!filled.contains(MARKER_ID));
    }

    #[test]
    fn the_same_seed_writes_the_same_bulk() {
        let root = std::env::temp_dir().join(format!("watchfire-lab-bulk-{}", std::process::id()));
        let (one, other) = (root.join("one"), root.join("other"));
        let written = super::bulk(&one, 2, 7).expect("the temporary folder is writable");
        assert_eq!(written, super::bulk(&other, 2, 7).expect("the temporary folder is writable"));
        assert!(written.bytes.abs_diff(2_000_000) < 50_000, "{written:?}");
        let path = "C/inetpub/logs/LogFiles/W3SVC1/u_ex210104.log";
        let (one, other) = (std::fs::read(one.join(path)).unwrap(), std::fs::read(other.join(path)).unwrap());
        std::fs::remove_dir_all(&root).expect("it is ours");
        assert!(one == other && one.len() > 400_000);
    }
}
