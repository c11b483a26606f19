//! What the server does by itself, day and night: the probes of Exchange's managed availability, mail assistants,
//! services, updates.
//!
//! The probes matter to whoever reads coverage. Because of them every hour of every log has lines, even at four on
//! a Sunday morning; an hour without a file is therefore not a quiet hour but a missing one.

use crate::collection::{Collection, Log};
use crate::exchange::{Caller, Cmdlet};
use crate::moment::Moment;
use crate::organisation::{BUILD_HEADER, BUILD_PACKED, BUILD_TARGET, DOMAIN_SID, PROBE_ACCOUNT, SERVER_FQDN};
use crate::random::Random;
use crate::web::{PROBE_AGENT, Protocol, Request, Route, Target};
use crate::windows::{self, Parent, Process};

const HOURS_OF_THE_WEEK: i64 = 7 * 24;

/// The health manager's worker, which starts small programs all day.
const HEALTH_WORKER: Parent = Parent {
    pid: 12_252,
    image: r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\MSExchangeHMWorker.exe",
    command_line: r#""C:\Program Files\Microsoft\Exchange Server\V15\Bin\MSExchangeHMWorker.exe" -pipe:3208 -workerListening"#,
};

const SERVICES: Parent = Parent {
    pid: 712,
    image: r"C:\Windows\System32\services.exe",
    command_line: r"C:\Windows\system32\services.exe",
};

/// Fills the week from its first second to its last.
pub(crate) fn write(collection: &mut Collection, random: &mut Random, start: Moment) {
    for hour in 0..HOURS_OF_THE_WEEK {
        let begin = start.plus_seconds(hour * 3_600);
        for (place, protocol) in Protocol::ALL.into_iter().enumerate() {
            // Spread over the hour, so that the server is asked something every few minutes.
            let minute = place as i64 * 4;
            front_end_probe(collection, random, protocol, begin.plus_seconds(minute * 60));
            // Those with a log of their own go every hour, so that it has one file each hour too.
            let hourly = matches!(protocol, Protocol::Ews | Protocol::PowerShell);
            if hourly || hour % 2 == place as i64 % 2 {
                deep_probe(collection, random, protocol, begin.plus_seconds((minute + 31) * 60));
            }
        }
        hourly_events(collection, random, begin, hour);
        if hour % 24 == 2 {
            nightly_work(collection, random, begin);
        }
    }
}

fn scattered(random: &mut Random, time: Moment) -> Moment {
    time.plus_ms(random.between(0, 50_000) as i64)
}

/// The front end asks itself whether it would find a back end.
fn front_end_probe(collection: &mut Collection, random: &mut Random, protocol: Protocol, time: Moment) {
    let account = format!(r"CORP\{PROBE_ACCOUNT}");
    let local = if random.chance(50) { "127.0.0.1" } else { "::1" };
    let request = Request::new(scattered(random, time), Some(protocol), "GET", protocol.root());
    collection.request(&Request {
        took_ms: random.between(1, 4),
        host: "localhost",
        authentication: "Negotiate",
        user: Some(account),
        route: Route::Found(Target {
            anchor: format!("Sid~{DOMAIN_SID}-1142"),
            hint: "WindowsIdentity",
            server: SERVER_FQDN.to_lowercase(),
            version: BUILD_TARGET,
            packed: BUILD_PACKED,
            user: String::new(),
            stem: String::new(),
            query: String::new(),
            status: 200,
        }),
        ..request.from(local, PROBE_AGENT)
    });
}

/// A probe that goes through to the back end, as a user would.
fn deep_probe(collection: &mut Collection, random: &mut Random, protocol: Protocol, time: Moment) {
    let time = scattered(random, time);
    let mailbox = collection.organisation.probe_mailbox.clone();
    let monitor = "Mozilla/4.0 (compatible; MSIE 9.0; Windows NT 6.1; MSEXCHMON; ACTIVEMONITORING; OWACTP)";
    let ews_agent = format!("Ews_AM_Probe/Local (ExchangeServicesClient/{BUILD_HEADER})");
    let (method, stem, query, agent) = match protocol {
        Protocol::Ecp => {
            ("POST", "/ecp/RulesEditor/InboxRules.svc/GetList", "msExchEcpCanary=probe", monitor)
        }
        Protocol::Owa => ("POST", "/owa/service.svc", "action=GetFolder", monitor),
        Protocol::Ews => ("POST", "/ews/exchange.asmx", "", ews_agent.as_str()),
        Protocol::Mapi => ("POST", "/mapi/emsmdb/", "useMailboxOfAuthenticatedUser=true", "MapiHttpClient"),
        Protocol::Autodiscover => ("POST", "/autodiscover/autodiscover.xml", "", "MSExchangeMonitoring/1.0"),
        Protocol::Eas => {
            ("OPTIONS", "/Microsoft-Server-ActiveSync/default.eas", "", "TestActiveSyncConnectivity")
        }
        Protocol::PowerShell => (
            "POST",
            "/powershell",
            "clientApplication=ActiveMonitor;PSVersion=5.1.14393.4104",
            "Microsoft WinRM Client",
        ),
    };
    let request = Request {
        query: query.to_owned(),
        took_ms: random.between(6, 60),
        host: "localhost",
        authentication: "Negotiate",
        sent_bytes: random.between(200, 900),
        received_bytes: random.between(200, 4_000),
        action: if protocol == Protocol::PowerShell { "Get-Mailbox:Command" } else { "" },
        ..Request::new(time, Some(protocol), method, stem).from("::1", agent)
    };
    let account = format!(r"CORP\{PROBE_ACCOUNT}");
    collection.request(&request.signed_in(&account, format!("MailboxGuid~{mailbox}"), "MailboxGuid"));
    application_side(collection, protocol, time, agent, query);
}

/// What the application behind a deep probe writes in its own log.
fn application_side(collection: &mut Collection, protocol: Protocol, time: Moment, agent: &str, query: &str) {
    let address = format!("{PROBE_ACCOUNT}@corp.example");
    match protocol {
        Protocol::Ecp => {
            let url = "/ecp/RulesEditor/InboxRules.svc/GetList?msExchEcpCanary=probe";
            collection.ecp_server(time.minus_ms(2), 13, "Get-InboxRule", url);
            collection.ecp_activity(time.minus_ms(1), &address, url);
        }
        Protocol::Ews => collection.ews_call(time.minus_ms(1), &address, agent, "::1", "GetFolder"),
        Protocol::PowerShell => {
            let account = (PROBE_ACCOUNT, &*format!("{DOMAIN_SID}-1142"));
            collection.rps_http(time.minus_ms(2), &address, "::1", query);
            collection.rps_cmdlet(time.minus_ms(1), account, "Get-Mailbox", r#"-ResultSize "1""#);
        }
        _ => {}
    }
}

/// Windows' own life: logons of the probes, a service, a small program.
fn hourly_events(collection: &mut Collection, random: &mut Random, begin: Moment, hour: i64) {
    let time = begin.plus_ms(random.between(120_000, 3_000_000) as i64);
    let probe = format!("{PROBE_ACCOUNT}@corp.example");
    collection.logon(time, PROBE_ACCOUNT, &format!("{DOMAIN_SID}-1142"), "::1");
    collection.mail(time.plus_ms(9_117), &probe, &probe, "MaildeliveryProbe");
    collection.ecp_idle(begin.plus_ms(random.between(5_000, 3_500_000) as i64));
    if hour % 6 == 1 {
        collection.event(windows::service(time, "WMI Performance Adapter", "running"));
        collection.event(windows::service(time.plus_seconds(124), "WMI Performance Adapter", "stopped"));
    }
    if hour % 4 == 3 {
        collection.process(&Process {
            time: time.plus_ms(30_829),
            pid: random.between(4_000, 24_000) as u32 & !3,
            image: r"C:\Windows\System32\netsh.exe",
            command_line: r#""netsh" interface tcp show global"#,
            directory: r"C:\Windows\system32\",
            parent: HEALTH_WORKER,
        });
        let to = ("10.20.0.2", 389);
        let event =
            windows::connection(collection, time.plus_ms(41_302), HEALTH_WORKER.pid, HEALTH_WORKER.image, to);
        collection.event(event);
    }
}

/// Once a night: the address book, a virus scanner's update, a probe account's new password.
fn nightly_work(collection: &mut Collection, random: &mut Random, begin: Moment) {
    address_book(collection, begin.plus_ms(random.between(0, 90_000) as i64));
    let update = begin.plus_ms(random.between(1_500_000, 1_800_000) as i64);
    let archive = format!(r"C:\ProgramData\ExampleAV\updates\definitions-{}.zip", update.day());
    let pid = random.between(4_000, 24_000) as u32 & !3;
    let scanner = r"C:\Program Files\ExampleAV\avupdate.exe";
    collection.process(&Process {
        time: update,
        pid,
        image: scanner,
        command_line: r#""C:\Program Files\ExampleAV\avupdate.exe" /quiet"#,
        directory: r"C:\Windows\system32\",
        parent: SERVICES,
    });
    collection.file_created(update.plus_ms(2_210), pid, scanner, &archive);
    collection.event(windows::application(
        update.plus_seconds(9),
        "ExampleAV",
        2_000,
        4,
        "Virus definitions were updated. No restart is needed.",
    ));
    let mailbox =
        format!("corp.example/Microsoft Exchange System Objects/Monitoring Mailboxes/{PROBE_ACCOUNT}");
    collection.cmdlet(&Cmdlet {
        time: begin.plus_seconds(2_400).plus_ms(311),
        name: "Set-Mailbox",
        parameters: &[("Identity", &mailbox), ("Password", "<Secure Information Omitted>")],
        object: &mailbox,
        caller: Caller {
            name: r"NT AUTHORITY\SYSTEM (MSExchangeHMHost)",
            rid: 18,
            host: "Local-ManagementShell-Unknown",
            process: "12252 MSExchangeHMWorker",
        },
    });
}

fn address_book(collection: &mut Collection, time: Moment) {
    let steps = [
        (0, r"Generation of offline address book '\Default Offline Address Book' started"),
        (1_904, r"42 objects read from address list '\Default Global Address List'"),
        (4_377, r"Files written to 'C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\OAB\Temp'"),
        (5_112, r"Generation of offline address book '\Default Offline Address Book' finished"),
    ];
    for (delay_ms, step) in steps {
        let at = time.plus_ms(delay_ms);
        collection.line(
            Log::OfflineAddressBook,
            at,
            format!("{} EX01 OABGeneratorAssistant {step}", at.iso()),
        );
    }
}
