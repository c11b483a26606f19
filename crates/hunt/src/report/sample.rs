//! A hunt for the tests of reports: five servers, one of each verdict, and logs that an attacker filled with what
//! breaks careless reports. Everything is invented; addresses are those of RFC 5737.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use watchfire_artifact::{Place, Problem};
use watchfire_intel::Kind;
use watchfire_sigma::Level;
use watchfire_stix::Uuid;

use super::About;
use super::Columns;
use crate::details::Details;
use crate::finding::{Origin, SourceFile};
use crate::model::{
    Act, Build, Cited, Coverage, Exposure, Finding, Gap, Hunted, Indicator, IndicatorSource, Judged, Missing,
    Moment, NotApplicable, Outcome, Reason, RuleInfo, RuleTally, Stage, Suppressed, Verdict, Witness,
    WitnessState,
};

/// The server that was broken into.
pub(crate) const EX01: &str = "EX01.corp.example";
/// What an attacker would like a report to obey.
pub(crate) const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "=cmd|'/c'!A1",
    "\u{1b}[2J\u{1b}[31mowned\u{9b}1m",
    "invoice\u{202e}xcod.exe",
    "\"><img src=x onerror=alert(1)>",
    "| a | b |\n| - | - |",
    "``` [click](https://evil.example) `` @everyone #1 <!--",
    "https://evil.example/?a=1&b=2' onmouseover='x",
];

/// A time of the sample.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time of the sample")
}

/// What was asked.
pub(crate) fn about() -> About {
    About {
        version: "0.1.0".to_owned(),
        paths: vec![r"D:\evidence\EX01".to_owned(), "/cases/2021-03/<others>".to_owned()],
        since: Some(at("2021-01-01T00:00:00Z")),
        until: None,
        min_level: Level::Informational,
        summary: true,
        threads: Some(2),
        columns: Columns::default(),
    }
}

/// The hunt.
pub(crate) fn hunted() -> Hunted {
    let findings = findings();
    Hunted {
        verdicts: verdicts(),
        acts: acts(),
        timeline: timeline(&findings),
        findings,
        coverage: coverage(),
        missing: missing(),
        problems: vec![
            Problem::at(
                r"D:\evidence\EX01\HttpProxy\Ews\HttpProxy_2021030305-1.LOG",
                81_920,
                "line is cut off",
            ),
            Problem::file("evil<u>.zip!/../../x", "a path leads out of the archive"),
        ],
        files: 1_284,
        bytes: 3_412_887_190,
        rules: RuleTally {
            loaded: 131,
            refused: vec!["my-rules/broken.yml:7: condition names no detection `selction`".to_owned()],
            refused_rules: 1,
            left_out: 2,
            unmapped: vec!["aws_cloudtrail_disable_logging".to_owned()],
            not_applicable: vec![NotApplicable {
                logsource: "product: aws, service: cloudtrail".to_owned(),
                reason: "a service keeps this log, not a host".to_owned(),
                rules: 1,
            }],
        },
        look_back: Some(at("2021-01-01T00:00:00Z")),
        suppressed: vec![Suppressed {
            rule: "exh-093-logon".to_owned(),
            reason: "the backup <b>logs on</b> every night".to_owned(),
            by: "a.b".to_owned(),
            until: None,
            findings: 12,
        }],
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A rule: name, title, level, stage, outcome.
pub(crate) fn rule(name: &str, title: &str, level: Level, stage: Stage, outcome: Outcome) -> Arc<RuleInfo> {
    Arc::new(RuleInfo {
        id: format!("6c8e2f0e-4d0a-5a2e-9a57-{:0>12}", name.len() * 7919 + title.len()),
        name: name.to_owned(),
        title: title.to_owned(),
        level,
        description:
            "The record shows a request that was smuggled to the back end. No user and no probe sends it.\n\
             Look for what the session did in the next minutes."
                .to_owned(),
        author: "Watchfire".to_owned(),
        attack: strings(&["T1190", "T1505.003"]),
        cves: strings(&["CVE-2021-26855"]),
        references: strings(&["https://nvd.nist.gov/vuln/detail/CVE-2021-26855", "javascript:alert(1)"]),
        false_positives: strings(&["The scanner of 2021-03 by your own people."]),
        fields: strings(&["ClientIpAddress", "AnchorMailbox"]),
        compared: Vec::new(),
        facts: strings(&["EXH-005"]),
        stage,
        outcome,
        act: Some("proxylogon-chain".to_owned()),
        version: "3f1c09a2b7de".to_owned(),
    })
}

/// The rules of the sample, from the first look to the theft.
pub(crate) fn rules() -> Vec<Arc<RuleInfo>> {
    use Level::{Critical, High, Low, Medium};
    use Outcome::{Attempted, Succeeded, Supporting};
    use Stage::{Actions, Exploitation, Persistence, Reconnaissance};
    vec![
        rule("exh-008-localhost", "Scan for the proxy hole", Low, Reconnaissance, Attempted),
        rule(
            "exh-003-autodiscover",
            "Autodiscover asked through the proxy",
            Medium,
            Reconnaissance,
            Attempted,
        ),
        rule("exh-001-anchor", "Back end smuggled into AnchorMailbox", High, Exploitation, Attempted),
        rule(
            "exh-005-session",
            "Session of an administrator taken through the proxy",
            Critical,
            Exploitation,
            Succeeded,
        ),
        rule("exh-007-reset", "Virtual directory reset through the proxy", Critical, Persistence, Succeeded),
        rule(
            "exh-014-script",
            "Script in the address of a virtual directory",
            Critical,
            Persistence,
            Succeeded,
        ),
        rule("exh-041-used", "Web shell used", Critical, Persistence, Succeeded),
        rule("exh-074-procdump", "Memory of LSASS written to a file", Critical, Actions, Succeeded),
        rule("exh-086-cleared", "Security log cleared", High, Actions, Supporting),
        rule("exh-012-agent", "User agent seen with exploitation", Low, Reconnaissance, Supporting),
    ]
}

/// A finding of a rule; the number decides id, place and hostile values.
pub(crate) fn finding(number: usize, rule: &Arc<RuleInfo>, server: &str, time: &str) -> Finding {
    let hostile = HOSTILE[number % HOSTILE.len()];
    let artifact = if number.is_multiple_of(2) { "httpproxy/Ecp" } else { "iis/W3SVC1" };
    let path = format!(r"D:\evidence\{server}\Logging\HttpProxy\Ecp\HttpProxy_2021030305-1.LOG");
    let sha256 = Box::<str>::from("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    let file = SourceFile { path: path.into(), sha256: sha256.into(), events: None };
    let origin = Origin {
        server: server.into(),
        artifact: artifact.into(),
        client: Some(IpAddr::from([192, 0, 2, 7])),
        file: Arc::new(file),
    };
    let place = if number.is_multiple_of(3) {
        Place::Record { number: 71, offset: 4_608 }
    } else {
        Place::Offset(48_213 + number as u64)
    };
    let details = Details {
        graded: (number == 2)
            .then(|| "raised from attempted: the session that it opened was used".into()),
        request: Some("0f9ad8bc-22c6-4f41-9a83-8b1f52bd5ca4".into()),
        fields: vec![
            ("ClientIpAddress".into(), "192.0.2.7".to_owned()),
            ("UrlStem".into(), "/ecp/y.js".to_owned()),
            ("AnchorMailbox".into(), "ServerInfo~a]@EX01.corp.example:444/ecp/proxyLogon.ecp?#".to_owned()),
            ("UserAgent".into(), hostile.to_owned()),
        ],
        indicator: None,
        raw: Some(
            format!(
                "{time},0f9ad8bc,15,1,2176,2,Ecp,mail.corp.example,/ecp/y.js,{hostile},241,\t200,EX01~1941996673"
            )
            .into(),
        ),
    };
    let (rule, origin) = (Arc::clone(rule), Arc::new(origin));
    let mut finding = Finding::new(rule, 0, origin, Some(at(time)), place, details.boxed());
    finding.number = number as u32 + 1;
    finding
}

/// A value that one source warns of.
pub(crate) fn indicator(kind: Kind, value: &str, id: Option<Uuid>, markings: &[&str]) -> Arc<Indicator> {
    let source = IndicatorSource {
        id,
        author: "CERT".to_owned(),
        title: "Op".to_owned(),
        file: "feed.json".to_owned(),
        markings: markings.iter().map(ToString::to_string).collect(),
        confidence: Some(60),
        valid_from: Some(at("2021-03-01T00:00:00Z")),
        valid_until: None,
        warninglist: None,
    };
    Arc::new(Indicator { value: value.to_owned(), kind, sources: vec![source] })
}

fn findings() -> Vec<Finding> {
    let times = [
        "2021-02-28T22:14:03Z",
        "2021-03-03T05:17:40Z",
        "2021-03-03T05:18:22Z",
        "2021-03-03T05:21:09.412Z",
        "2021-03-03T05:24:51Z",
        "2021-03-03T05:24:51.2Z",
        "2021-03-03T05:31:15Z",
        "2021-03-05T01:02:44Z",
        "2021-03-05T01:40:00Z",
        "2021-03-05T02:00:00Z",
    ];
    let mut findings: Vec<Finding> = rules()
        .iter()
        .zip(times)
        .enumerate()
        .map(|(number, (rule, time))| finding(number, rule, EX01, time))
        .collect();
    let probe = &rules()[2];
    findings.push(finding(findings.len(), probe, "EX02.corp.example", "2021-03-06T11:00:00Z"));
    findings
}

fn timeline(findings: &[Finding]) -> Vec<Moment> {
    findings.iter().enumerate().map(|(index, finding)| moment(index, finding)).collect()
}

/// The line of the story that one finding gives.
pub(crate) fn moment(index: usize, finding: &Finding) -> Moment {
    Moment {
        time: finding.time(),
        last: None,
        server: finding.server().to_string(),
        stage: finding.rule.stage,
        outcome: finding.outcome,
        level: finding.level,
        text: finding.rule.title.clone(),
        detail: format!("POST /ecp/y.js 241 from 192.0.2.7 {}", HOSTILE[index % HOSTILE.len()]),
        findings: Cited::from_iter([index]),
    }
}

fn witness(artifact: &str, says: &str, state: WitnessState, findings: &[usize]) -> Witness {
    let default = artifact != "sysmon";
    Witness {
        artifact: artifact.to_owned(),
        says: says.to_owned(),
        default,
        state,
        findings: findings.to_vec(),
    }
}

fn acts() -> Vec<Act> {
    let witnesses = vec![
        witness("httpproxy/Ecp", "the request with the smuggled back end", WitnessState::Saw, &[2, 3]),
        witness(
            "iis/W3SVC2",
            "the same request at the back end, as the machine account",
            WitnessState::Silent,
            &[],
        ),
        witness("ecp_server", "the command that the control panel ran", WitnessState::Gap, &[]),
        witness("sysmon", "the file that System wrote", WitnessState::NotCollected, &[]),
        witness("cmdlet_events", "the cmdlet with its parameters", WitnessState::NotCollected, &[]),
    ];
    vec![
        act(
            "proxylogon-chain",
            "An administrator's session was taken through the proxy",
            &[2, 3],
            &witnesses,
        ),
        act(
            "oab-web-shell",
            "A web shell was written by way of the offline address book",
            &[4, 5, 6],
            &witnesses[1..],
        ),
        act("lsass-dump", "Passwords were copied out of the memory of LSASS", &[7], &witnesses[3..]),
    ]
}

fn act(name: &str, title: &str, findings: &[usize], witnesses: &[Witness]) -> Act {
    Act {
        name: name.to_owned(),
        title: title.to_owned(),
        server: EX01.to_owned(),
        first: Some(at("2021-03-03T05:18:22Z")),
        last: Some(at("2021-03-03T05:31:15Z")),
        stage: Stage::Exploitation,
        outcome: Outcome::Succeeded,
        level: Level::Critical,
        clients: vec![IpAddr::from([192, 0, 2, 7])],
        findings: findings.to_vec(),
        witnesses: witnesses.to_vec(),
    }
}

fn judged(server: &str, verdict: Verdict, reason: &str, findings: &[usize]) -> Judged {
    Judged {
        server: server.to_owned(),
        verdict,
        because: vec![Reason { text: reason.to_owned(), findings: findings.iter().copied().collect() }],
        missing: strings(&["Sysmon events of 3 March, which would show the file that was written"]),
        next: strings(&[
            "Take the server off the network and keep its memory and disks before you clean anything.",
            "Do not reboot, patch or delete web shells yet; copy logs and pages with their times first.",
            "Call your incident responders and your national CERT, and give them this report with its hashes.",
        ]),
        builds: Vec::new(),
        exposures: Vec::new(),
    }
}

fn verdicts() -> Vec<Judged> {
    let taken = "an administrator's session was taken through the proxy (CVE-2021-26855)";
    let mut first = judged(EX01, Verdict::Compromised, taken, &[3]);
    first.because.push(Reason {
        text: "a page with script was written into a web folder and answered".to_owned(),
        findings: Cited::from_iter([4, 5, 6]),
    });
    first.builds = vec![Build {
        build: "15.1.2176.2".to_owned(),
        name: Some("Exchange2016 CU19".to_owned()),
        first: at("2021-01-04T00:00:00Z"),
        last: at("2021-03-10T23:00:00Z"),
    }];
    first.exposures = vec![Exposure {
        name: "ProxyLogon".to_owned(),
        cves: strings(&["CVE-2021-26855", "CVE-2021-27065"]),
        from: at("2021-01-04T00:00:00Z"),
        until: at("2021-03-10T23:00:00Z"),
        why: "anyone who could reach port 443 could become administrator of the server".to_owned(),
    }];
    let tried = "a back end was smuggled into a request, and the server refused it";
    let exposed = "it ran 15.1.2106.2 until 14 March 2021, eleven days after the hole was public";
    vec![
        first,
        judged("EX02.corp.example", Verdict::Attempted, tried, &[10]),
        judged("EX03.corp.example", Verdict::Exposed, exposed, &[]),
        judged(
            "EX04.corp.example",
            Verdict::NoEvidence,
            "no rule found anything, and all core logs are here",
            &[],
        ),
        judged("EX05.corp.example", Verdict::Unknown, "HttpProxy and IIS logs are not in the evidence", &[]),
    ]
}

/// Coverage of one artifact, a record count for each hour from `first` to `last`, none within the gap.
pub(crate) fn covered(
    server: &str,
    artifact: &str,
    first: &str,
    last: &str,
    gap: Option<(&str, &str)>,
) -> Coverage {
    let gaps: Vec<Gap> = gap.iter().map(|(from, until)| Gap { from: at(from), until: at(until) }).collect();
    let hour = |time: Timestamp| time.as_second().div_euclid(3600);
    let within =
        |at_hour: &i64| !gaps.iter().any(|gap| hour(gap.from) < *at_hour && *at_hour < hour(gap.until));
    let hours: BTreeMap<i64, u64> = (hour(at(first))..=hour(at(last)))
        .filter(within)
        .map(|at_hour| (at_hour, 40 + (at_hour % 24) as u64 * 37))
        .collect();
    Coverage {
        server: server.to_owned(),
        artifact: artifact.to_owned(),
        first: Some(at(first)),
        last: Some(at(last)),
        files: hours.len() as u64,
        records: hours.values().sum(),
        gaps,
        problems: Vec::new(),
        hours,
    }
}

fn coverage() -> Vec<Coverage> {
    let (first, last) = ("2021-02-08T00:00:00Z", "2021-03-10T23:00:00Z");
    let gap = Some(("2021-03-05T00:10:00Z", "2021-03-05T06:00:00Z"));
    let mut all = vec![
        covered(
            EX01,
            "ecp_server",
            "2021-02-20T00:00:00Z",
            last,
            Some(("2021-03-03T05:00:00Z", "2021-03-03T09:00:00Z")),
        ),
        covered(EX01, "httpproxy/Ecp", first, last, gap),
        covered(EX01, "iis/W3SVC1", "2021-01-02T00:00:00Z", last, None),
        covered(EX01, "windows_events", "2021-03-05T01:45:00Z", last, None),
        covered("EX02.corp.example", "httpproxy/Ecp", first, last, None),
        covered("EX04.corp.example", "iis/W3SVC1", first, last, None),
    ];
    all[3].problems.push("the first record is number 88,412: 88,411 earlier ones are gone <u>".to_owned());
    all
}

fn missing() -> Vec<Missing> {
    [EX01, "EX05.corp.example"]
        .map(|server| Missing {
            server: server.to_owned(),
            artifact: "cmdlet_events".to_owned(),
            title: "MSExchange Management event log".to_owned(),
            place: r"%SystemRoot%\System32\winevt\Logs\MSExchange Management.evtx".to_owned(),
            hides: "Exports into web pages, changed directories and forwarding.".to_owned(),
            core: true,
        })
        .to_vec()
}
