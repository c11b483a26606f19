//! What Exchange itself writes: a cmdlet's event and its audit record, ECP's two logs, EWS, remote PowerShell,
//! message tracking.

use crate::collection::{Collection, Log};
use crate::event::{Channel, Event};
use crate::json::{Object, quoted};
use crate::moment::Moment;
use crate::organisation::{BUILD, BUILD_HEADER, CONTROLLER, DOMAIN_SID, SERVER, SERVER_ADDRESS, SERVER_FQDN};
use crate::row::{AUDIT, ECP, EWS, RPS_CMDLET, RPS_HTTP, Row, TRACKING};

const NO_TENANT: &str = "00000000-0000-0000-0000-000000000000";

/// Who runs a cmdlet, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) name: &'static str,
    /// The last part of the security identifier.
    pub(crate) rid: u32,
    pub(crate) host: &'static str,
    pub(crate) process: &'a str,
}

impl Caller<'_> {
    fn sid(&self) -> String {
        if self.rid == 18 { "S-1-5-18".to_owned() } else { format!("{DOMAIN_SID}-{}", self.rid) }
    }
}

/// A cmdlet that changed something.
pub(crate) struct Cmdlet<'a> {
    pub(crate) time: Moment,
    pub(crate) name: &'static str,
    pub(crate) parameters: &'a [(&'a str, &'a str)],
    pub(crate) object: &'a str,
    pub(crate) caller: Caller<'a>,
}

impl Collection {
    /// A cmdlet's two witnesses: event 1 of MSExchange Management, and the audit queue.
    pub(crate) fn cmdlet(&mut self, cmdlet: &Cmdlet<'_>) {
        let activity = self.random.guid();
        let elapsed = self.random.between(100_000, 9_000_000);
        self.event(cmdlet_event(cmdlet, elapsed, &activity));
        let record = self.random.guid();
        // The queue is written some seconds after the cmdlet has run.
        let queued = cmdlet.time.plus_ms(self.random.between(9_000, 21_000) as i64);
        self.line(Log::Audit, queued, audit_line(cmdlet, queued, &record));
    }

    /// One request that ECP's server handled: `CMD` is what it ran.
    pub(crate) fn ecp_server(&mut self, time: Moment, took_ms: u64, command: &str, url: &str) {
        let (session, activity, user_session) = (self.random.guid(), self.random.guid(), self.random.guid());
        let time_taken = took_ms.to_string();
        let values = [
            ("TIME", time_taken.as_str()),
            ("SID", &session),
            ("CMD", command),
            ("REQID", ""),
            ("URL", url),
            ("REFERRER", ""),
            ("EX", ""),
            ("ACTID", &activity),
            ("RS", "0"),
            ("BLD", BUILD),
            ("TNAME", "<null>"),
            ("TID", ""),
            ("USID", &user_session),
            ("EDOID", ""),
            ("ACID", ""),
        ];
        let data: Vec<_> = values.iter().map(|(key, value)| event_datum(key, value)).collect();
        self.line(Log::EcpServer, time, ecp_line(time, "ECP.Request", &data.join(";")));
    }

    /// One request as ECP's activity log sees it.
    pub(crate) fn ecp_activity(&mut self, time: Moment, who: &str, url: &str) {
        let activity = self.random.guid();
        let budget = self.random.between(2, 40);
        let data = format!(
            "S:PSA=<PII>{who}</PII>;S:URL=https://localhost:444{url};S:Bld={BUILD};S:ActID={activity};\
             Dbl:BudgUse.T[]={budget}.001;I32:ADS.C[DC01]=1;F:ADS.AL[DC01]=1.{budget:02};Dbl:WLM.TS={budget}"
        );
        self.line(Log::EcpActivity, time, ecp_line(time, "Request", &data));
    }

    /// The line that ECP's activity log writes when nobody does anything.
    pub(crate) fn ecp_idle(&mut self, time: Moment) {
        let activity = self.random.guid();
        let data = format!(
            "S:Bld={BUILD};S:ActID={activity};I32:ATE.C[DC01.corp.example]=1;F:ATE.AL[DC01.corp.example]=0;Dbl:WLM.TS=600012"
        );
        self.line(Log::EcpActivity, time, ecp_line(time, "GlobalActivity", &data));
    }

    /// One call of Exchange Web Services.
    pub(crate) fn ews_call(&mut self, time: Moment, user: &str, agent: &str, client: &str, action: &str) {
        let (request, message) = (self.random.guid(), self.random.guid());
        let took = self.random.between(8, 60);
        let took_text = took.to_string();
        let info = format!(
            "SKU=Unknown;BackEndAuthenticator=WindowsAuthenticator;TotalBERehydrationModuleLatency=0;\
             ADIdentityCache=Hit;S:ActivityStandardMetadata.Component=Ews;S:WLM.BT=Ews;Dbl:WLM.TS={took}"
        );
        let mut row = Row::of(EWS);
        row.set("DateTime", time.iso()).set("RequestId", request).set("MajorVersion", "15");
        row.set("MinorVersion", "1")
            .set("BuildVersion", "2176")
            .set("RevisionVersion", "2")
            .set("Ring", "Unknown");
        row.set("AuthenticationType", "Negotiate")
            .set("IsAuthenticated", "true")
            .set("AuthenticatedUser", user);
        row.set("Organization", "CORP.EXAMPLE").set("UserAgent", agent).set("ClientIpAddress", client);
        row.set("VersionInfo", "Target=None;Req=Exchange2010_SP1/Exchange2010_SP1;")
            .set("ServerHostName", SERVER);
        row.set("FrontEndServer", SERVER_FQDN.to_uppercase())
            .set("SoapAction", action)
            .set("HttpStatus", "200");
        row.set("RequestSize", "666").set("CorrelationGuid", message.as_str()).set("TaskType", "LocalTask");
        row.set("PrimaryOrProxyServer", "PrimaryServer").set("ThrottlingRequestType", "[C]");
        row.set("CoreExecutionLatency", took_text.as_str()).set("TotalRequestTime", took_text.as_str());
        row.set(
            "ClientStatistics",
            format!("MessageId_0={message};ResponseTime_0={took};SoapAction_0={action};"),
        );
        row.set("GenericInfo", info).set("StartTime", time.minus_ms(took).iso()).set("ProcessId", "9716");
        self.line(Log::Ews, time, row.quoted());
    }

    /// One step of a remote PowerShell session as its HTTP side sees it.
    pub(crate) fn rps_http(&mut self, time: Moment, user: &str, client: &str, query: &str) {
        let mut row = Row::of(RPS_HTTP);
        let took = self.random.between(20, 160);
        row.set("DateTime", time.iso()).set("StartTime", time.minus_ms(took).iso());
        row.set("RequestId", self.random.guid()).set("MajorVersion", "15").set("MinorVersion", "1");
        row.set("BuildVersion", "2176")
            .set("RevisionVersion", "2")
            .set("UrlHost", SERVER_FQDN.to_lowercase());
        row.set("UrlStem", "/powershell")
            .set("AuthenticationType", "Kerberos")
            .set("IsAuthenticated", "true");
        row.set("AuthenticatedUser", user).set("ClientIpAddress", client).set("ServerHostName", SERVER);
        row.set("FrontEndServer", SERVER_FQDN.to_uppercase()).set("HttpStatus", "200").set("SubStatus", "0");
        row.set("Action", "New-PSSession")
            .set("SessionId", self.random.guid())
            .set("ShellId", self.random.guid());
        row.set("RequestBytes", "2014").set("ClientInfo", "Microsoft WinRM Client");
        row.set("ActivityContextLifeTime", took.to_string()).set("TotalTime", took.to_string());
        row.set("UrlQuery", format!("?{query}"))
            .set("GenericLatency", "RequestMonitor.Register=0;WinRMDataSender.Send=1;");
        row.set(
            "GenericInfo",
            "WinRMDataSender.AuthenticationType=Sent;S:ServiceCommonMetadata.HttpMethod=POST;",
        );
        self.line(Log::RpsHttp, time, row.quoted());
    }

    /// One cmdlet of a remote PowerShell session.
    pub(crate) fn rps_cmdlet(&mut self, time: Moment, user: (&str, &str), cmdlet: &str, parameters: &str) {
        let mut row = Row::of(RPS_CMDLET);
        let took = self.random.between(10, 90);
        row.set("DateTime", time.iso()).set("StartTime", time.minus_ms(took).iso());
        row.set("RequestId", self.random.guid()).set("MajorVersion", "15").set("MinorVersion", "1");
        row.set("BuildVersion", "2176").set("RevisionVersion", "2").set("ServerHostName", SERVER);
        row.set("ProcessId", "15756")
            .set("ProcessName", "w3wp#MSExchangePowerShellAppPool")
            .set("ThreadId", "85");
        row.set("AuthenticatedUser", user.0).set("ExecutingUserSid", user.1).set("IsAdmin", "False");
        row.set("ClientApplication", "ActiveMonitor").set("Cmdlet", cmdlet).set("Parameters", parameters);
        row.set("CmdletUniqueId", self.random.guid()).set("ADViewEntireForest", "False");
        row.set("ADRecipientViewRoot", "corp.example").set("ADConfigurationDomainControllers", CONTROLLER);
        row.set("OutputObjectCount", "1").set("BizLogic", "9").set("TotalTime", took.to_string());
        row.set("ExecutionResult", "Success").set("NonPiiParameters", parameters);
        // Two orders of day and month in one value, as the product writes it.
        let generic = "Dispose=3/4/2021 12:58:24 AM;GetApplicationPrivateData=04/03/2021 00:59:22;Cmd=15;";
        row.set("GenericInfo", generic);
        self.line(Log::RpsCmdlet, time, row.quoted());
    }

    /// A message from one person to another: received from the store, delivered to the store.
    pub(crate) fn mail(&mut self, time: Moment, from: &str, to: &str, subject: &str) {
        let (network, message) = (self.random.guid(), self.random.token(24).to_lowercase());
        let number = self.random.between(63_779_000, 63_999_999).to_string();
        let bytes = self.random.between(4_000, 400_000).to_string();
        for (event, source, delay_ms) in [("RECEIVE", "STOREDRIVER", 0), ("DELIVER", "STOREDRIVER", 1_430)] {
            let at = time.plus_ms(delay_ms);
            let mut row = Row::of(TRACKING);
            row.set("date-time", at.iso())
                .set("client-ip", SERVER_ADDRESS)
                .set("client-hostname", SERVER_FQDN);
            row.set("server-ip", SERVER_ADDRESS).set("server-hostname", SERVER).set("source", source);
            row.set("event-id", event).set("internal-message-id", number.as_str());
            row.set("message-id", format!("<{message}@corp.example>"))
                .set("network-message-id", network.as_str());
            row.set("recipient-address", to).set("total-bytes", bytes.as_str()).set("recipient-count", "1");
            row.set("message-subject", subject).set("sender-address", from).set("return-path", from);
            row.set("directionality", "Originating").set("log-id", self.random.guid());
            row.set("custom-data", "S:DeliveryPriority=Normal;S:AccountForest=corp.example");
            row.set("transport-traffic-type", "Email").set("schema-version", BUILD_HEADER);
            let context = format!("MessageClass:IPM.Note, CreationTime:{}, ClientType:MOMT", time.iso());
            row.set("source-context", if event == "RECEIVE" { context } else { String::new() });
            self.line(Log::Tracking, at, row.quoted());
        }
    }
}

/// `S:KEY=value`, in single quotes where the value has characters of its own meaning.
fn event_datum(key: &str, value: &str) -> String {
    let datum = format!("S:{key}={value}");
    if value.contains(['\'', ';']) { format!("'{}'", datum.replace('\'', "''")) } else { datum }
}

fn ecp_line(time: Moment, event: &str, data: &str) -> String {
    let mut row = Row::of(ECP);
    row.set("TimeStamp", time.iso()).set("ServerName", SERVER).set("EventId", event).set("EventData", data);
    row.quoted()
}

/// Event 1 of MSExchange CmdletLogs: 27 values without names, of which the empty ones are not shipped.
fn cmdlet_event(cmdlet: &Cmdlet<'_>, elapsed: u64, activity: &str) -> Event {
    let parameters: Vec<_> =
        cmdlet.parameters.iter().map(|(name, value)| format!("-{name} \"{value}\"")).collect();
    let parameters = parameters.join(" ");
    let (sid, name) = (cmdlet.caller.sid(), cmdlet.name);
    let scope = format!(
        "View Entire Forest: 'False', Default Scope: 'corp.example', Configuration Domain Controller: '{CONTROLLER}', \
         Preferred Global Catalog: '{CONTROLLER}', Preferred Domain Controllers: '{{ {CONTROLLER} }}'"
    );
    let values: [(usize, String); 14] = [
        (0, name.to_owned()),
        (1, parameters.clone()),
        (2, cmdlet.caller.name.to_owned()),
        (3, sid.clone()),
        (4, sid),
        (5, cmdlet.caller.host.to_owned()),
        (6, cmdlet.caller.process.to_owned()),
        (8, "32".to_owned()),
        (9, format!("00:00:00.{elapsed:07}")),
        (10, scope),
        (19, "False".to_owned()),
        (22, "0 objects execution has been proxied to remote server.".to_owned()),
        (24, format!("ActivityId: {activity}")),
        (26, "en-US".to_owned()),
    ];
    Event {
        time: cmdlet.time,
        channel: Channel::ExchangeManagement,
        provider: "MSExchange CmdletLogs",
        provider_guid: "",
        id: 1,
        level: 4,
        task: "General",
        keywords: "Classic",
        data: values.into_iter().map(|(place, value)| (format!("param{}", place + 1), value)).collect(),
        // The misspelling is the product's.
        message: format!("Cmdlet suceeded. Cmdlet {name}, parameters {parameters}."),
    }
}

/// A line of the audit queue. Its row is in UTC, the JSON inside it in local time without a zone.
fn audit_line(cmdlet: &Cmdlet<'_>, queued: Moment, record: &str) -> String {
    let parameters: Vec<_> = cmdlet
        .parameters
        .iter()
        .map(|(name, value)| Object::new().text("Name", name).text("Value", value).end())
        .collect();
    let user = cmdlet.caller.name;
    let data = Object::new()
        .text("CreationTime", &cmdlet.time.local())
        .text("Id", record)
        .text("Operation", cmdlet.name)
        .text("OrganizationId", NO_TENANT)
        .number("RecordType", 1)
        .text("ResultStatus", "True")
        .text("UserKey", user)
        .number("UserType", 2)
        .number("Version", 1)
        .text("Workload", "Exchange")
        // This writer escapes the slash, as its model does.
        .raw("ObjectId", &quoted(cmdlet.object).replace('/', "\\/"))
        .text("UserId", user)
        .raw("ExternalAccess", "false")
        .text("OrganizationName", "Corp Organization")
        .text("OriginatingServer", &format!("{SERVER} ({BUILD_HEADER})"))
        .raw("Parameters", &format!("[{}]", parameters.join(",")))
        .end();
    let mut row = Row::of(AUDIT);
    row.set("Timestamp", queued.iso()).set("Server", SERVER).set("TenantId", NO_TENANT);
    row.set("RecordType", "ExchangeAdmin").set("Data", data).set("UserKey", user).set("RecordId", record);
    row.set("Operation", cmdlet.name).set("Workload", "Exchange").set("ResultStatus", "True");
    row.set("Version", "1").set("Scope", "Online");
    row.quoted()
}
