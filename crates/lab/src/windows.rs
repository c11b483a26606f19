//! Windows events, one function for each kind that the story needs, with the fields that Windows gives them.

use crate::collection::Collection;
use crate::event::{Channel, Event};
use crate::moment::Moment;
use crate::organisation::{SERVER_ADDRESS, SERVER_FQDN};

const AUDIT_GUID: &str = "{54849625-5478-4994-a5ba-3e3b0328c30d}";
const SYSMON_GUID: &str = "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}";
const AUDIT_SUCCESS: &str = "Audit Success";
const CLASSIC: &str = "0x80000000000000";

/// The program that starts another.
#[derive(Clone, Copy)]
pub(crate) struct Parent {
    pub(crate) pid: u32,
    pub(crate) image: &'static str,
    pub(crate) command_line: &'static str,
}

/// A program that starts.
pub(crate) struct Process<'a> {
    pub(crate) time: Moment,
    pub(crate) pid: u32,
    pub(crate) image: &'a str,
    pub(crate) command_line: &'a str,
    pub(crate) directory: &'a str,
    pub(crate) parent: Parent,
}

/// An event of Sysmon; `RuleName` and `UtcTime` come first in each.
pub(crate) fn sysmon(
    time: Moment,
    id: u16,
    task: &'static str,
    title: &str,
    data: &[(&str, String)],
) -> Event {
    let lead = [("RuleName", "-".to_owned()), ("UtcTime", time.sysmon())];
    let event = Event {
        time,
        channel: Channel::Sysmon,
        provider: "Microsoft-Windows-Sysmon",
        provider_guid: SYSMON_GUID,
        id,
        level: 4,
        task,
        keywords: "0x8000000000000000",
        data: named(lead.iter().chain(data)),
        message: String::new(),
    };
    event.with_listed_message(title)
}

/// An event of the Security log.
pub(crate) fn security(
    time: Moment,
    id: u16,
    task: &'static str,
    message: &str,
    data: &[(&str, String)],
) -> Event {
    Event {
        time,
        channel: Channel::Security,
        provider: "Microsoft-Windows-Security-Auditing",
        provider_guid: AUDIT_GUID,
        id,
        level: 0,
        task,
        keywords: AUDIT_SUCCESS,
        data: named(data.iter()),
        message: message.to_owned(),
    }
}

/// An event of the Application log without named values.
pub(crate) fn application(time: Moment, provider: &'static str, id: u16, level: u8, message: &str) -> Event {
    Event {
        time,
        channel: Channel::Application,
        provider,
        provider_guid: "",
        id,
        level,
        task: "1",
        keywords: CLASSIC,
        data: Vec::new(),
        message: message.to_owned(),
    }
}

/// A service that changed its state.
pub(crate) fn service(time: Moment, service: &str, state: &str) -> Event {
    Event {
        time,
        channel: Channel::System,
        provider: "Service Control Manager",
        provider_guid: "{555908d1-a6d7-4695-8e1e-26931d2012f4}",
        id: 7_036,
        level: 4,
        task: "None",
        keywords: "Classic",
        data: vec![("param1".to_owned(), service.to_owned()), ("param2".to_owned(), state.to_owned())],
        message: format!("The {service} service entered the {state} state."),
    }
}

fn named<'a>(data: impl Iterator<Item = &'a (&'a str, String)>) -> Vec<(String, String)> {
    data.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// The subject of everything that the machine does by itself.
pub(crate) fn machine_subject() -> [(&'static str, String); 4] {
    [
        ("SubjectUserSid", "S-1-5-18".to_owned()),
        ("SubjectUserName", "EX01$".to_owned()),
        ("SubjectDomainName", "CORP".to_owned()),
        ("SubjectLogonId", "0x3e7".to_owned()),
    ]
}

impl Collection {
    /// A program's start: Sysmon 1 and Security 4688.
    pub(crate) fn process(&mut self, process: &Process<'_>) {
        let original = process.image.rsplit('\\').next().unwrap_or_default().to_owned();
        let hashes = format!("MD5={},SHA256={}", self.random.hex(32), self.random.hex(64));
        let data = [
            ("ProcessGuid", self.process_guid(process.pid)),
            ("ProcessId", process.pid.to_string()),
            ("Image", process.image.to_owned()),
            ("OriginalFileName", original),
            ("CommandLine", process.command_line.to_owned()),
            ("CurrentDirectory", process.directory.to_owned()),
            ("User", r"NT AUTHORITY\SYSTEM".to_owned()),
            ("LogonId", "0x3e7".to_owned()),
            ("IntegrityLevel", "System".to_owned()),
            ("Hashes", hashes),
            ("ParentProcessGuid", self.process_guid(process.parent.pid)),
            ("ParentProcessId", process.parent.pid.to_string()),
            ("ParentImage", process.parent.image.to_owned()),
            ("ParentCommandLine", process.parent.command_line.to_owned()),
        ];
        self.event(sysmon(process.time, 1, "1", "Process Create:", &data));
        self.event(process_audit(process));
    }

    /// A file's creation: Sysmon 11.
    pub(crate) fn file_created(&mut self, time: Moment, pid: u32, image: &str, target: &str) {
        let data = [
            ("ProcessGuid", self.process_guid(pid)),
            ("ProcessId", pid.to_string()),
            ("Image", image.to_owned()),
            ("TargetFilename", target.to_owned()),
            ("CreationUtcTime", time.sysmon()),
        ];
        self.event(sysmon(time, 11, "11", "File created:", &data));
    }

    /// A file's deletion: Sysmon 23.
    pub(crate) fn file_deleted(&mut self, time: Moment, pid: u32, image: &str, target: &str) {
        let data = [
            ("ProcessGuid", self.process_guid(pid)),
            ("ProcessId", pid.to_string()),
            ("User", r"NT AUTHORITY\SYSTEM".to_owned()),
            ("Image", image.to_owned()),
            ("TargetFilename", target.to_owned()),
            ("Hashes", format!("SHA256={}", self.random.hex(64))),
            ("IsExecutable", "false".to_owned()),
            ("Archived", "false".to_owned()),
        ];
        self.event(sysmon(time, 23, "23", "File Delete:", &data));
    }

    /// One process has one identifier for as long as it lives; here it follows from its number.
    pub(crate) fn process_guid(&self, pid: u32) -> String {
        let machine = &self.organisation.database[..8];
        format!(
            "{{{}-{:04X}-603F-{:04X}-00000000{:04X}}}",
            machine.to_uppercase(),
            pid & 0xffff,
            pid >> 4,
            pid % 8_999
        )
    }

    /// A logon over the network: Security 4624.
    pub(crate) fn logon(&mut self, time: Moment, account: &str, sid: &str, address: &str) {
        let data = [
            ("SubjectUserSid", "S-1-0-0".to_owned()),
            ("SubjectUserName", "-".to_owned()),
            ("SubjectDomainName", "-".to_owned()),
            ("SubjectLogonId", "0x0".to_owned()),
            ("TargetUserSid", sid.to_owned()),
            ("TargetUserName", account.to_owned()),
            ("TargetDomainName", "CORP".to_owned()),
            ("TargetLogonId", format!("0x{:x}", self.random.between(0x0010_0000, 0x0fff_ffff))),
            ("LogonType", "3".to_owned()),
            ("LogonProcessName", "Kerberos".to_owned()),
            ("AuthenticationPackageName", "Kerberos".to_owned()),
            ("WorkstationName", "-".to_owned()),
            ("ProcessName", "-".to_owned()),
            ("IpAddress", address.to_owned()),
            ("IpPort", self.random.between(49_152, 65_535).to_string()),
            ("ElevatedToken", "%%1843".to_owned()),
        ];
        self.event(security(time, 4_624, "Logon", "An account was successfully logged on.", &data));
    }
}

fn process_audit(process: &Process<'_>) -> Event {
    let [sid, name, domain, logon] = machine_subject();
    let data = [
        sid,
        name,
        domain,
        logon,
        ("NewProcessId", format!("0x{:x}", process.pid)),
        ("NewProcessName", process.image.to_owned()),
        ("TokenElevationType", "%%1936".to_owned()),
        ("ProcessId", format!("0x{:x}", process.parent.pid)),
        ("CommandLine", process.command_line.to_owned()),
        ("TargetUserSid", "S-1-0-0".to_owned()),
        ("TargetUserName", "-".to_owned()),
        ("TargetDomainName", "-".to_owned()),
        ("TargetLogonId", "0x0".to_owned()),
        ("ParentProcessName", process.parent.image.to_owned()),
        ("MandatoryLabel", "S-1-16-16384".to_owned()),
    ];
    // Windows audits the start a breath before Sysmon's driver reports it.
    security(process.time.minus_ms(2), 4_688, "Process Creation", "A new process has been created.", &data)
}

/// The Security log was cleared: its own provider, and the first record of the new log.
pub(crate) fn log_cleared(time: Moment) -> Event {
    let data = [
        ("SubjectUserSid", "S-1-5-18".to_owned()),
        ("SubjectUserName", "SYSTEM".to_owned()),
        ("SubjectDomainName", "NT AUTHORITY".to_owned()),
        ("SubjectLogonId", "0x3e7".to_owned()),
    ];
    Event {
        provider: "Microsoft-Windows-Eventlog",
        provider_guid: "{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}",
        level: 4,
        ..security(time, crate::event::LOG_CLEARED, "Log clear", "The audit log was cleared.", &data)
    }
}

/// A network connection: Sysmon 3.
pub(crate) fn connection(
    collection: &Collection,
    time: Moment,
    pid: u32,
    image: &str,
    to: (&str, u16),
) -> Event {
    let data = [
        ("ProcessGuid", collection.process_guid(pid)),
        ("ProcessId", pid.to_string()),
        ("Image", image.to_owned()),
        ("User", r"NT AUTHORITY\SYSTEM".to_owned()),
        ("Protocol", "tcp".to_owned()),
        ("Initiated", "true".to_owned()),
        ("SourceIp", SERVER_ADDRESS.to_owned()),
        ("SourceHostname", SERVER_FQDN.to_owned()),
        ("DestinationIp", to.0.to_owned()),
        ("DestinationPort", to.1.to_string()),
    ];
    sysmon(time, 3, "3", "Network connection detected:", &data)
}
