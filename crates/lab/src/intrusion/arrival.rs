//! The way in.
//!
//! On Sunday somebody tries the first step and goes on: five shapes are the chain, one alone is a probe. On
//! Wednesday at 05:21 UTC all five appear, first up to the reading of the settings, then, three minutes later, to
//! the end: the text goes into the address of the offline address book's directory, the reset of that directory
//! writes its settings to a file of the intruder's choice, and the file is a page.

use super::{DIRECTORY, INERT_SCRIPT, INTRUDER, PROBER, WORKER, administrator_sid, shell_path, written_at};
use crate::collection::Collection;
use crate::exchange::{Caller, Cmdlet};
use crate::moment::Moment;
use crate::organisation::SERVER_FQDN;
use crate::web::{Protocol, Request, Route, Target};
use crate::windows;

const SERVICES_AGENT: &str = "ExchangeServicesClient/0.0.0.0";
const SCRIPT_AGENT: &str = "python-requests/2.25.1";
const NEW_DIRECTORY: &str = "c27e4d05-8f19-4b60-b1aa-90d3f56e7c18";
const CANARY: &str = "Vd3kQ0exLkOq7yTnB2mZw9RjXh5sGuc";
const SERVICE: &str = "/ecp/DDI/DDIService.svc";

/// What the packed version of the smuggled cookie says: 15.0, build 1.
const SMUGGLED_VERSION: &str = "15.00.0001.000";
const SMUGGLED_PACKED: u32 = 0x73c0_0001;

pub(super) fn write(collection: &mut Collection) {
    sunday(collection);
    look_around(collection);
    first_pass(collection);
    second_pass(collection);
    panel_commands(collection);
    cmdlets(collection);
    file_written(collection);
    pools_disturbed(collection);
}

/// One smuggled request: what the front end was made to ask the back end in the name of the machine.
pub(super) struct Smuggled<'a> {
    pub(super) time: Moment,
    pub(super) client: &'a str,
    pub(super) carrier: &'a str,
    pub(super) agent: &'a str,
    pub(super) stem: &'a str,
    pub(super) query: &'a str,
    pub(super) status: u16,
    pub(super) took_ms: u64,
}

/// Writes a smuggled request to every log that sees it.
pub(super) fn smuggle(collection: &mut Collection, smuggled: &Smuggled<'_>) {
    let server = format!("a]@{SERVER_FQDN}:444{}?{}#", smuggled.stem, smuggled.query);
    let target = Target {
        anchor: format!("ServerInfo~{server}"),
        hint: "X-BEResource-Cookie",
        server,
        version: SMUGGLED_VERSION,
        packed: SMUGGLED_PACKED,
        user: r"CORP\EX01$".to_owned(),
        stem: smuggled.stem.to_owned(),
        query: smuggled.query.to_owned(),
        status: smuggled.status,
    };
    let request = Request::new(smuggled.time, Some(Protocol::Ecp), "POST", smuggled.carrier);
    collection.request(&Request {
        took_ms: smuggled.took_ms,
        status: smuggled.status,
        sent_bytes: 389,
        received_bytes: 3_712,
        route: Route::Proxied(target),
        ..request.from(smuggled.client, smuggled.agent)
    });
}

/// Stage one alone, three times, from an address that never returns.
fn sunday(collection: &mut Collection) {
    for (second, millisecond) in [(8, 214), (11, 731), (102, 46)] {
        smuggle(
            collection,
            &Smuggled {
                time: Moment::utc(2, 28, 3, 12, 0).plus_seconds(second).plus_ms(millisecond),
                client: PROBER,
                carrier: "/ecp/x1.js",
                agent: SERVICES_AGENT,
                stem: "/autodiscover/autodiscover.xml",
                query: "",
                status: 200,
                took_ms: 131,
            },
        );
    }
}

/// Before the chain: is there web mail?
fn look_around(collection: &mut Collection) {
    let time = Moment::utc(3, 3, 5, 20, 31).plus_ms(552);
    let owa = |delay_ms, stem| {
        Request::new(time.plus_ms(delay_ms), Some(Protocol::Owa), "GET", stem).from(INTRUDER, SCRIPT_AGENT)
    };
    collection.request(&Request { status: 302, ..owa(0, "/owa/") });
    collection.request(&owa(214, "/owa/auth/logon.aspx"));
}

fn step(collection: &mut Collection, time: Moment, agent: &str, stem: &str, query: &str, status: u16) {
    let took_ms = if stem.ends_with("SetObject") { 2_203 } else { 388 };
    let carrier = "/ecp/w7.js";
    smuggle(collection, &Smuggled { time, client: INTRUDER, carrier, agent, stem, query, status, took_ms });
}

/// The four steps that come before any writing.
fn opening(collection: &mut Collection, times: [Moment; 4]) {
    let get = format!("msExchEcpCanary={CANARY}.&schema=OABVirtualDirectory");
    step(collection, times[0], SERVICES_AGENT, "/autodiscover/autodiscover.xml", "", 200);
    step(collection, times[1], SCRIPT_AGENT, "/mapi/emsmdb/", "", 200);
    step(collection, times[2], SCRIPT_AGENT, "/ecp/proxyLogon.ecp", "", 241);
    step(collection, times[3], SCRIPT_AGENT, &format!("{SERVICE}/GetObject"), &get, 200);
    ecp(
        collection,
        times[3].minus_ms(90),
        "Get-OabVirtualDirectory.ADPropertiesOnly=$true.Identity=$null",
        "GetObject",
        "",
    );
}

fn first_pass(collection: &mut Collection) {
    let at = |second, ms| Moment::utc(3, 3, 5, 21, second).plus_ms(ms);
    opening(collection, [at(7, 318), at(8, 902), at(11, 377), at(16, 540)]);
}

fn second_pass(collection: &mut Collection) {
    let at = |minute, second, ms| Moment::utc(3, 3, 5, minute, second).plus_ms(ms);
    opening(collection, [at(24, 38, 115), at(24, 39, 660), at(24, 41, 402), at(24, 44, 873)]);
    let set = format!("msExchEcpCanary={CANARY}.&schema=OABVirtualDirectory");
    let reset = format!("msExchEcpCanary={CANARY}.&schema=ResetOABVirtualDirectory");
    let set_object = format!("{SERVICE}/SetObject");
    step(collection, at(24, 51, 236), SCRIPT_AGENT, &set_object, &set, 200);
    step(collection, at(24, 57, 904), SCRIPT_AGENT, &set_object, &reset, 200);
    step(collection, at(25, 1, 488), SCRIPT_AGENT, &set_object, &set, 200);
}

/// A line of ECP's server log and one of its activity log.
fn ecp(collection: &mut Collection, time: Moment, command: &str, action: &str, reset: &str) {
    let url = format!("{SERVICE}/{action}?msExchEcpCanary={CANARY}.&schema={reset}OABVirtualDirectory");
    collection.ecp_server(time, 106, command, &url);
    collection.ecp_activity(time.plus_ms(20), &administrator_sid(), &url);
}

/// So long after 05:24:00, when the writing happens.
fn writing(second: i64, millisecond: i64) -> Moment {
    Moment::utc(3, 3, 5, 24, 0).plus_seconds(second).plus_ms(millisecond)
}

const NAME: &str = r"EX01\OAB (Default Web Site)";
const PATH: &str = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\OAB";

/// What the chain made the control panel run.
fn panel_commands(collection: &mut Collection) {
    let set = format!("Set-OabVirtualDirectory.ExternalUrl='{INERT_SCRIPT}'.Identity='{DIRECTORY}'");
    let get = format!("Get-OabVirtualDirectory.ADPropertiesOnly=$true.Identity='{DIRECTORY}'");
    let remove = format!("Remove-OABVirtualDirectory.Force=$true.Identity='{NAME}'");
    let new = format!(
        "New-OABVirtualDirectory.WebSiteName='Default Web Site'.Server='EX01'.Role='ClientAccess'.\
         InternalURL='https://ex01.corp.example/OAB'.Path='{PATH}'"
    );
    let clear = format!("Set-OabVirtualDirectory.ExternalUrl=$null.Identity='{NEW_DIRECTORY}'");
    ecp(collection, writing(51, 130), &set, "SetObject", "");
    ecp(collection, writing(51, 202), &get, "SetObject", "");
    ecp(collection, writing(52, 871), &get, "SetObject", "Reset");
    ecp(collection, writing(53, 904), &remove, "SetObject", "Reset");
    ecp(collection, writing(57, 630), &new, "SetObject", "Reset");
    ecp(collection, writing(61, 395), &clear, "SetObject", "");
}

/// The same as the cmdlet log and the audit queue tell it: in the administrator's name.
fn cmdlets(collection: &mut Collection) {
    let set = [("ExternalUrl", INERT_SCRIPT), ("Identity", DIRECTORY)];
    let remove = [("Force", "True"), ("Identity", NAME)];
    let new = [
        ("WebSiteName", "Default Web Site"),
        ("Server", "EX01"),
        ("Role", "ClientAccess"),
        ("InternalUrl", "https://ex01.corp.example/OAB"),
        ("Path", PATH),
    ];
    let clear = [("ExternalUrl", ""), ("Identity", NEW_DIRECTORY)];
    for (time, name, parameters) in [
        (writing(51, 148), "Set-OabVirtualDirectory", &set[..]),
        (writing(53, 921), "Remove-OabVirtualDirectory", &remove),
        (writing(57, 644), "New-OabVirtualDirectory", &new),
        (writing(61, 410), "Set-OabVirtualDirectory", &clear),
    ] {
        let caller = Caller {
            name: "corp.example/Users/Administrator",
            rid: 500,
            host: "Local-ECP-Unknown",
            process: "8816 w3wp#MSExchangeECPAppPool",
        };
        collection.cmdlet(&Cmdlet { time, name, parameters, object: NAME, caller });
    }
}

/// The server writes the page to itself over its own administrative share, which is why Windows names the kernel
/// (PID 4) as the writer and not the web server.
fn file_written(collection: &mut Collection) {
    const DIRECTORY_READ: &str = "%%4423\n\t\t\t\t";
    const OPENED: &str =
        "%%1538\n\t\t\t\t%%1541\n\t\t\t\t%%4416\n\t\t\t\t%%4417\n\t\t\t\t%%4418\n\t\t\t\t%%4423\n\t\t\t\t";
    const WRITTEN: &str = "%%4417\n\t\t\t\t";
    let time = written_at();
    let session = [("ShareName", r"\\*\IPC$"), ("AccessMask", "0x1"), ("AccessList", "%%4416\n\t\t\t\t")];
    let message = "A network share object was accessed.";
    collection.event(windows::security(
        time.minus_ms(2),
        5_140,
        "File Share",
        message,
        &over_loopback(&session),
    ));
    let whole = shell_path();
    let relative = whole.trim_start_matches(r"C:\");
    let folder = relative.trim_end_matches(super::SHELL_NAME).trim_end_matches('\\');
    for (delay_ms, target, mask, list) in [
        (-1, folder, "0x80", DIRECTORY_READ),
        (0, relative, "0x12019f", OPENED),
        (0, relative, "0x2", WRITTEN),
    ] {
        let access = over_loopback(&[
            ("ShareName", r"\\*\C$"),
            ("ShareLocalPath", r"\??\C:\"),
            ("RelativeTargetName", target),
            ("AccessMask", mask),
            ("AccessList", list),
            ("AccessReason", "-"),
        ]);
        let message =
            "A network share object was checked to see whether client can be granted desired access.";
        collection.event(windows::security(
            time.plus_ms(delay_ms),
            5_145,
            "Detailed File Share",
            message,
            &access,
        ));
    }
    collection.file_created(time, 4, "System", &whole);
}

/// The values of an access that the machine makes to its own share.
fn over_loopback<'a>(rest: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let from = [("ObjectType", "File"), ("IpAddress", "127.0.0.1"), ("IpPort", "30065")];
    let rest = from.iter().chain(rest).map(|(name, value)| (*name, (*value).to_owned()));
    windows::machine_subject().into_iter().chain(rest).collect()
}

/// Removing the directory makes IIS reload: a burst of warnings that gives the minute.
fn pools_disturbed(collection: &mut Collection) {
    let time = Moment::utc(3, 3, 5, 24, 54).plus_ms(39);
    let warning = "There was an error during processing of the managed application service auto-start for application pool: 'MSExchangeOABAppPool'.  Some application services may not have been processed correctly.  Please check the configuration for application service auto-start for the application(s) assigned to this application pool.  The data field contains the error code.";
    for place in 0..17 {
        let event = windows::application(
            time.plus_ms(place / 3 * 16),
            "Microsoft-Windows-IIS-W3SVC-WP",
            2_303,
            3,
            warning,
        );
        collection.event(event);
    }
    for (delay_ms, id, message) in [
        (16, 1_002, "[Oab] Application shutting down."),
        (1_907, 1_002, "[Owa] Application shutting down."),
        (1_907, 1_002, "[Ews] Application shutting down."),
        (11_730, 1_001, "[Owa] Application starting."),
        (11_746, 1_001, "[Ews] Application starting."),
        (13_752, 1_001, "[Oab] Application starting."),
    ] {
        collection.event(windows::application(
            time.plus_ms(delay_ms),
            "MSExchange Front End HTTP Proxy",
            id,
            4,
            message,
        ));
    }
    panel_events(collection, time);
}

/// The control panel says that it works in the background.
fn panel_events(collection: &mut Collection, time: Moment) {
    for (delay_ms, id, word) in [(-2_870, 47, "started"), (3_880, 48, "finished")] {
        let sid = administrator_sid();
        let message = format!(
            "Current User: '{sid}'\r\nExchange Control Panel {word} an Async web request in the thread {}.\r\nCommand: 'SetObject'",
            WORKER.pid % 200
        );
        collection.event(windows::application(
            time.plus_ms(delay_ms),
            "MSExchange Control Panel",
            id,
            4,
            &message,
        ));
    }
}
