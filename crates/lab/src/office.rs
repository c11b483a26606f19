//! Forty people at work: Outlook, telephones, web mail from home, messages; and an administrator who changes a
//! setting on Tuesday.
//!
//! They keep office hours, 7 to 17 UTC, and rest at the weekend but for a few. An intrusion at five in the morning
//! stands out in such a week, as it should; the administrator's change uses the same service as the intruder and
//! must not.

use crate::collection::Collection;
use crate::exchange::{Caller, Cmdlet};
use crate::moment::Moment;
use crate::random::Random;
use crate::web::{Protocol, Request};

const OUTLOOK: &str = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266; Pro)";
const PHONE: &str = "Outlook-iOS-Android/1.0";
const BROWSERS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.190 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0.3 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:86.0) Gecko/20100101 Firefox/86.0",
];
const SUBJECTS: [&str; 6] = [
    "Minutes of Monday",
    "Re: order 4417",
    "Room for Thursday",
    "Invoice, corrected",
    "Re: Re: \"draft\"",
    "Lunch?",
];

/// Fills one day.
pub(crate) fn write_day(collection: &mut Collection, random: &mut Random, midnight: Moment, weekend: bool) {
    for index in 0..collection.organisation.people.len() {
        let in_the_office = !weekend && random.chance(88);
        if in_the_office {
            office_day(collection, random, index, midnight);
        }
        if random.chance(if weekend { 10 } else { 14 }) {
            let evening = between_hours(random, midnight, 17, 22);
            web_mail(collection, random, index, evening);
        }
        if collection.organisation.people[index].device.is_some() && random.chance(60) {
            let waking = between_hours(random, midnight, 5, 21);
            telephone(collection, random, index, waking);
        }
    }
}

fn between_hours(random: &mut Random, midnight: Moment, from: u64, to: u64) -> Moment {
    midnight.plus_ms(random.between(from * 3_600_000, to * 3_600_000) as i64)
}

/// Outlook starts, stays connected, asks for other people's calendars; a message or none.
fn office_day(collection: &mut Collection, random: &mut Random, index: usize, midnight: Moment) {
    let arrives = between_hours(random, midnight, 7, 9);
    let (account, address, sid, client) = {
        let person = &collection.organisation.people[index];
        (person.domain_account(), person.address(), person.sid.clone(), person.workstation.clone())
    };
    collection.logon(arrives, account.trim_start_matches(r"CORP\"), &sid, &client);
    let path = "/autodiscover/autodiscover.xml";
    let hello = Request::new(arrives.plus_ms(1_220), Some(Protocol::Autodiscover), "POST", path);
    let hello = Request { authentication: "NTLM", took_ms: 13, ..hello.from(&client, OUTLOOK) };
    collection.request(&hello.signed_in(&account, format!("Sid~{sid}"), "WindowsIdentity"));
    for _ in 0..random.between(1, 4) {
        let time = arrives.plus_ms(random.between(30_000, 8 * 3_600_000) as i64);
        outlook_connects(collection, random, index, time);
    }
    if random.chance(20) {
        let time = arrives.plus_ms(random.between(600_000, 7 * 3_600_000) as i64);
        let ask =
            Request::new(time, Some(Protocol::Ews), "POST", "/EWS/Exchange.asmx").from(&client, OUTLOOK);
        let ask = Request {
            authentication: "Negotiate",
            took_ms: 41,
            sent_bytes: 1_204,
            received_bytes: 2_911,
            ..ask
        };
        collection.request(&ask.signed_in(&account, format!("Sid~{sid}"), "WindowsIdentity"));
        collection.ews_call(time.minus_ms(2), &address, OUTLOOK, &client, "GetUserAvailability");
    }
    for _ in 0..random.between(0, 3) {
        let to = random.pick(&collection.organisation.people).address();
        let time = arrives.plus_ms(random.between(60_000, 8 * 3_600_000) as i64);
        let subject = *random.pick(&SUBJECTS);
        collection.mail(time, &address, &to, subject);
    }
}

/// Outlook talks to the mailbox (MAPI over HTTP).
fn outlook_connects(collection: &mut Collection, random: &mut Random, index: usize, time: Moment) {
    let person = &collection.organisation.people[index];
    let (account, mailbox) = (person.domain_account(), person.mailbox.clone());
    let connect =
        Request::new(time, Some(Protocol::Mapi), "POST", "/mapi/emsmdb/").from(&person.workstation, OUTLOOK);
    let connect = Request {
        query: format!("mailboxId={mailbox}@corp.example"),
        authentication: "Negotiate",
        took_ms: random.between(8, 90),
        sent_bytes: random.between(200, 900),
        received_bytes: random.between(200, 9_000),
        ..connect
    };
    collection.request(&connect.signed_in(
        &account,
        format!("MailboxGuid~{mailbox}"),
        "MailboxGuidWithDomain",
    ));
}

/// Web mail from home: the sign-in page, the sign-in, the mailbox.
fn web_mail(collection: &mut Collection, random: &mut Random, index: usize, time: Moment) {
    let (account, sid, home) = {
        let person = &collection.organisation.people[index];
        (person.domain_account(), person.sid.clone(), person.home.clone())
    };
    let agent = *random.pick(&BROWSERS);
    let owa = |delay_ms: i64, method, stem| {
        Request::new(time.plus_ms(delay_ms), Some(Protocol::Owa), method, stem).from(&home, agent)
    };
    collection.request(&Request { status: 302, ..owa(0, "GET", "/owa/") });
    let page = owa(310, "GET", "/owa/auth/logon.aspx");
    collection.request(&Request {
        query: "replaceCurrent=1&url=https%3a%2f%2fmail.corp.example%2fowa%2f".to_owned(),
        ..page
    });
    collection.request(&Request {
        status: 302,
        user: Some(account.clone()),
        ..owa(19_450, "POST", "/owa/auth.owa")
    });
    for (delay_ms, method, stem, query) in [
        (21_020, "GET", "/owa/", ""),
        (23_400, "POST", "/owa/service.svc", "action=FindItem&EP=1&UA=0&ID=-12&AC=1"),
    ] {
        let request = Request {
            query: query.to_owned(),
            took_ms: random.between(20, 200),
            sent_bytes: 812,
            received_bytes: random.between(2_000, 60_000),
            ..owa(delay_ms, method, stem)
        };
        collection.request(&request.signed_in(&account, format!("Sid~{sid}"), "WindowsIdentity"));
    }
}

/// A telephone fetches mail.
fn telephone(collection: &mut Collection, random: &mut Random, index: usize, time: Moment) {
    let person = &collection.organisation.people[index];
    let (account, sid, home) = (person.domain_account(), person.sid.clone(), person.home.clone());
    let (user, device) = (person.account.clone(), person.device.clone().unwrap_or_default());
    let sync = Request::new(time, Some(Protocol::Eas), "POST", "/Microsoft-Server-ActiveSync/default.eas");
    let sync = Request {
        query: format!("Cmd=Sync&User=CORP%5C{user}&DeviceId={device}&DeviceType=Outlook"),
        authentication: "Basic",
        took_ms: random.between(30, 400),
        sent_bytes: 77,
        received_bytes: random.between(90, 20_000),
        ..sync.from(&home, PHONE)
    };
    collection.request(&sync.signed_in(&account, format!("Sid~{sid}"), "WindowsIdentity-NoDatabase"));
}

/// Tuesday morning: the administrator sets the address of web mail, in the same control panel and through the same
/// service that the intruder will use a day later. A rule that fires on this is too wide.
pub(crate) fn administrators_change(collection: &mut Collection) {
    let time = Moment::utc(3, 2, 9, 12, 40);
    let (account, sid, client) = {
        let person = &collection.organisation.administrator;
        (person.domain_account(), person.sid.clone(), person.workstation.clone())
    };
    let canary = collection.random.token(20);
    let directory = collection.random.guid();
    collection.logon(time, "adm.teplow", &sid, &client);
    let service = "/ecp/DDI/DDIService.svc";
    for (delay, method, stem, query) in [
        (0, "GET", "/ecp/".to_owned(), String::new()),
        (
            14,
            "POST",
            format!("{service}/GetList"),
            format!("msExchEcpCanary={canary}&schema=VirtualDirectory"),
        ),
        (
            61,
            "POST",
            format!("{service}/GetObject"),
            format!("msExchEcpCanary={canary}&schema=OWAVirtualDirectory"),
        ),
        (
            188,
            "POST",
            format!("{service}/SetObject"),
            format!("msExchEcpCanary={canary}&schema=OWAVirtualDirectory"),
        ),
    ] {
        let request = Request::new(time.plus_seconds(delay).plus_ms(417), Some(Protocol::Ecp), method, &stem);
        let request = Request { query, took_ms: 310, sent_bytes: 640, received_bytes: 3_118, ..request };
        let request = request.from(&client, BROWSERS[0]);
        collection.request(&request.signed_in(&account, format!("Sid~{sid}"), "WindowsIdentity"));
    }
    administrators_cmdlets(collection, time, service, &canary, &directory);
}

fn administrators_cmdlets(
    collection: &mut Collection,
    time: Moment,
    service: &str,
    canary: &str,
    directory: &str,
) {
    let get = format!("Get-OwaVirtualDirectory.ADPropertiesOnly=$true.Identity='{directory}'");
    let set =
        format!("Set-OwaVirtualDirectory.ExternalUrl='https://mail.corp.example/owa'.Identity='{directory}'");
    for (delay, command, action) in [(61, get, "GetObject"), (188, set, "SetObject")] {
        let url = format!("{service}/{action}?msExchEcpCanary={canary}&schema=OWAVirtualDirectory");
        let at = time.plus_seconds(delay).plus_ms(350);
        collection.ecp_server(at, 290, &command, &url);
        collection.ecp_activity(at.plus_ms(40), "adm.teplow@corp.example", &url);
    }
    collection.cmdlet(&Cmdlet {
        time: time.plus_seconds(188).plus_ms(322),
        name: "Set-OwaVirtualDirectory",
        parameters: &[
            ("ExternalUrl", "https://mail.corp.example/owa"),
            ("Identity", r"EX01\owa (Default Web Site)"),
        ],
        object: r"EX01\owa (Default Web Site)",
        caller: Caller {
            name: "corp.example/Users/adm.teplow",
            rid: 1_190,
            host: "Local-ECP-Unknown",
            process: "8816 w3wp#MSExchangeECPAppPool",
        },
    });
}
