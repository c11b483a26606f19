//! The collection that a responder brought home: lines gathered by file, headers, and what is missing.
//!
//! The story adds lines in any order, each to the log it belongs to. Which file that is, follows from the time, as
//! on a real server: hourly for most of Exchange, daily for ECP, audit and IIS. A file exists only where something
//! was written, and its header carries the time of its first line.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Channel, Event};
use crate::event_log::event_log;
use crate::moment::Moment;
use crate::organisation::{BUILD_HEADER, Organisation};
use crate::random::Random;
use crate::row::{AUDIT, ECP, EWS, HTTP_PROXY, RPS_CMDLET, RPS_HTTP, TRACKING};
use crate::web::Protocol;

/// The columns that this server's IIS was told to write, which are the default ones.
pub(crate) const W3C_COLUMNS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
                                      cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";

const EXCHANGE_ROOT: &str = "C/Program Files/Microsoft/Exchange Server/V15";

/// One file of the collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it stands, relative to the collection's root, with forward slashes.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The logs that are made of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Log {
    HttpProxy(Protocol),
    EcpServer,
    EcpActivity,
    Ews,
    RpsHttp,
    RpsCmdlet,
    Audit,
    OfflineAddressBook,
    Tracking,
    /// `W3SVC1`, ports 80 and 443.
    FrontEnd,
    /// `W3SVC2`, ports 81 and 444.
    BackEnd,
}

impl Log {
    /// The file of this log that holds the line of a given time.
    pub(crate) fn path(self, time: Moment) -> String {
        let (day, hour) = (time.day(), time.hour());
        match self {
            Log::HttpProxy(protocol) => {
                format!("{EXCHANGE_ROOT}/Logging/HttpProxy/{}/HttpProxy_{hour}-1.LOG", protocol.name())
            }
            Log::EcpServer => format!("{EXCHANGE_ROOT}/Logging/ECP/Server/ECPServer{day}-1.LOG"),
            Log::EcpActivity => format!("{EXCHANGE_ROOT}/Logging/ECP/Activity/ECPActivity_8816_{day}-1.LOG"),
            Log::Ews => format!("{EXCHANGE_ROOT}/Logging/Ews/Ews_{hour}-1.LOG"),
            Log::RpsHttp => {
                format!("{EXCHANGE_ROOT}/Logging/CmdletInfra/Powershell-Proxy/Http/Rps_Http_{hour}-1.LOG")
            }
            Log::RpsCmdlet => {
                format!("{EXCHANGE_ROOT}/Logging/CmdletInfra/Powershell-Proxy/Cmdlet/Rps_Cmdlet_{hour}-1.LOG")
            }
            Log::Audit => format!("{EXCHANGE_ROOT}/Logging/LocalQueue/Exchange/audit{day}-1.LOG"),
            Log::OfflineAddressBook => {
                format!("{EXCHANGE_ROOT}/Logging/OABGeneratorLog/OABGenerator_{day}-1.log")
            }
            Log::Tracking => {
                format!("{EXCHANGE_ROOT}/TransportRoles/Logs/MessageTracking/MSGTRK{hour}-1.LOG")
            }
            Log::FrontEnd => format!("C/inetpub/logs/LogFiles/W3SVC1/u_ex{}.log", time.short_day()),
            Log::BackEnd => format!("C/inetpub/logs/LogFiles/W3SVC2/u_ex{}.log", time.short_day()),
        }
    }

    /// Since when the responder took this log along. The two folders in which ProxyLogon shows were taken for the
    /// whole week, the busy ones for the last three days, remote PowerShell for two: collections are like that.
    fn collected_since(self) -> Moment {
        match self {
            Log::HttpProxy(Protocol::Ecp | Protocol::Owa) => Moment::utc(2, 26, 0, 0, 0),
            Log::HttpProxy(_) | Log::Ews | Log::Tracking => Moment::utc(3, 2, 0, 0, 0),
            Log::RpsHttp | Log::RpsCmdlet => Moment::utc(3, 3, 0, 0, 0),
            _ => Moment::utc(2, 26, 0, 0, 0),
        }
    }

    /// The comment lines at the head of a file of this log.
    pub(crate) fn header(self, first: Moment) -> String {
        let (software, version, kind, fields) = match self {
            Log::HttpProxy(_) => ("Microsoft Exchange Server", BUILD_HEADER, "HttpProxy Logs", HTTP_PROXY),
            // ECP never writes the build here (it stands in S:BLD of each line).
            Log::EcpServer => ("Microsoft Exchange Server", "15.0.0.0", "ECP Server Log", ECP),
            Log::EcpActivity => ("Microsoft Exchange Server", "15.0.0.0", "ECP Activity Context Log", ECP),
            Log::Ews => ("Microsoft Exchange Server", BUILD_HEADER, "EWS Logs", EWS),
            Log::RpsHttp => ("Microsoft Exchange Server", BUILD_HEADER, "Rps Http Logs", RPS_HTTP),
            Log::RpsCmdlet => ("Microsoft Exchange Server", BUILD_HEADER, "Rps Cmdlet Logs", RPS_CMDLET),
            Log::Audit => ("Microsoft Exchange", BUILD_HEADER, "audit", AUDIT),
            Log::Tracking => ("Microsoft Exchange Server", BUILD_HEADER, "Message Tracking Log", TRACKING),
            Log::OfflineAddressBook => return String::new(),
            Log::FrontEnd | Log::BackEnd => {
                let date = first.w3c();
                return format!(
                    "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: {date}\r\n\
                     #Fields: {W3C_COLUMNS}\r\n"
                );
            }
        };
        let date = first.iso();
        format!(
            "#Software: {software}\r\n#Version: {version}\r\n#Log-type: {kind}\r\n#Date: {date}\r\n#Fields: {fields}\r\n"
        )
    }
}

/// Everything gathered so far.
pub(crate) struct Collection {
    pub(crate) organisation: Organisation,
    /// Identifiers of requests and the small numbers of each line.
    pub(crate) random: Random,
    lines: BTreeMap<(Log, String), Vec<(Moment, String)>>,
    events: BTreeMap<Channel, Vec<Event>>,
    files: Vec<File>,
    removed: BTreeSet<String>,
}

impl Collection {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            organisation: Organisation::new(seed),
            random: Random::new(seed, "collection"),
            lines: BTreeMap::new(),
            events: BTreeMap::new(),
            files: Vec::new(),
            removed: BTreeSet::new(),
        }
    }

    /// Adds a line to the file that its time asks for.
    pub(crate) fn line(&mut self, log: Log, time: Moment, line: String) {
        if time >= log.collected_since() {
            self.lines.entry((log, log.path(time))).or_default().push((time, line));
        }
    }

    /// Adds a Windows event.
    pub(crate) fn event(&mut self, event: Event) {
        self.events.entry(event.channel).or_default().push(event);
    }

    /// Adds a file as it is.
    pub(crate) fn file(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.files.push(File { path: path.into(), bytes: content.into() });
    }

    /// Somebody deleted this file before the collection was made.
    pub(crate) fn remove(&mut self, log: Log, time: Moment) {
        self.removed.insert(log.path(time));
    }

    /// The events alone, each log as Windows keeps it.
    pub(crate) fn into_event_logs(self) -> Vec<File> {
        let logs = self.events.into_iter().map(|(channel, events)| event_log(channel, events));
        let mut files: Vec<_> = logs.collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }

    /// All files, in the order of their paths.
    pub(crate) fn into_files(self) -> Vec<File> {
        let removed = self.removed;
        let logs = self.lines.into_iter().filter(|((_, path), _)| !removed.contains(path));
        let logs = logs.map(|((log, path), lines)| File { path, bytes: log_bytes(log, lines) });
        let events = self.events.into_iter().map(|(channel, events)| File {
            path: format!("events/{}", channel.file_name()),
            bytes: Event::lines(events).into_bytes(),
        });
        let mut files: Vec<_> = self.files.into_iter().chain(logs).chain(events).collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }
}

/// A log file as Windows writes it: header, then lines in the order of time, each ended by CR LF.
fn log_bytes(log: Log, mut lines: Vec<(Moment, String)>) -> Vec<u8> {
    // Stable: lines of the same millisecond stay in the order in which they were told.
    lines.sort_by_key(|(time, _)| *time);
    let mut text = lines.first().map(|(first, _)| log.header(*first)).unwrap_or_default();
    for (_, line) in lines {
        text.push_str(&line);
        text.push_str("\r\n");
    }
    text.into_bytes()
}
