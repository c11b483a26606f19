//! One web request and its witnesses.
//!
//! A request to Exchange leaves a row in HttpProxy (the front end's router), one in the front end's IIS log and,
//! when it was passed on, one in the back end's. They are written here from one value, so that they agree as they
//! do on a real server: `RequestId` of HttpProxy stands as `cafeReqId` in the query of IIS. A test for a joined
//! finding is only worth something where the join is true.

use crate::collection::{Collection, Log};
use crate::moment::Moment;
use crate::organisation::{BUILD_PACKED, BUILD_TARGET, PUBLIC_NAME, SERVER, SERVER_ADDRESS, SERVER_FQDN};
use crate::row::{HTTP_PROXY, Row};

/// The agent of the local probes.
pub(crate) const PROBE_AGENT: &str = "AMProbe/Local/ClientAccess";

/// The folders of `Logging\HttpProxy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Autodiscover,
    Eas,
    Ecp,
    Ews,
    Mapi,
    Owa,
    PowerShell,
}

impl Protocol {
    pub(crate) const ALL: [Protocol; 7] = [
        Protocol::Autodiscover,
        Protocol::Eas,
        Protocol::Ecp,
        Protocol::Ews,
        Protocol::Mapi,
        Protocol::Owa,
        Protocol::PowerShell,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Protocol::Autodiscover => "Autodiscover",
            Protocol::Eas => "Eas",
            Protocol::Ecp => "Ecp",
            Protocol::Ews => "Ews",
            Protocol::Mapi => "Mapi",
            Protocol::Owa => "Owa",
            Protocol::PowerShell => "PowerShell",
        }
    }

    /// The address that the probes ask for.
    pub(crate) fn root(self) -> &'static str {
        match self {
            Protocol::Autodiscover => "/autodiscover/",
            Protocol::Eas => "/Microsoft-Server-ActiveSync/default.eas",
            Protocol::Ecp => "/ecp/",
            Protocol::Ews => "/ews/",
            Protocol::Mapi => "/mapi/",
            Protocol::Owa => "/owa/",
            Protocol::PowerShell => "/powershell/",
        }
    }
}

/// Where the front end sent a request.
#[derive(Clone)]
pub(crate) enum Route {
    /// Nowhere: a static page, a redirect, a refusal.
    Answered,
    /// It found the back end but did not ask it; the front end's own probe ends there.
    Found(Target),
    /// It asked the back end.
    Proxied(Target),
}

/// The back end's side of a request.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) anchor: String,
    pub(crate) hint: &'static str,
    /// Host of the back end, as the router saw it.
    pub(crate) server: String,
    pub(crate) version: &'static str,
    /// The same version as a packed number.
    pub(crate) packed: u32,
    /// `cs-username` of the back end's IIS.
    pub(crate) user: String,
    pub(crate) stem: String,
    pub(crate) query: String,
    pub(crate) status: u16,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    /// When the answer was complete.
    pub(crate) time: Moment,
    pub(crate) took_ms: u64,
    /// None where no application of Exchange answers: then IIS is the only witness.
    pub(crate) protocol: Option<Protocol>,
    pub(crate) method: &'static str,
    pub(crate) host: &'static str,
    pub(crate) stem: String,
    /// Without the question mark.
    pub(crate) query: String,
    pub(crate) action: &'static str,
    pub(crate) authentication: &'static str,
    /// `CORP\anna.aldous`, once signed in.
    pub(crate) user: Option<String>,
    pub(crate) client: String,
    pub(crate) agent: String,
    pub(crate) status: u16,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) route: Route,
}

impl Request {
    /// A request that the front end answers itself.
    pub(crate) fn new(time: Moment, protocol: Option<Protocol>, method: &'static str, stem: &str) -> Self {
        Self {
            time,
            took_ms: 4,
            protocol,
            method,
            host: PUBLIC_NAME,
            stem: stem.to_owned(),
            query: String::new(),
            action: "",
            authentication: "FBA",
            user: None,
            client: SERVER_ADDRESS.to_owned(),
            agent: String::new(),
            status: 200,
            sent_bytes: 0,
            received_bytes: 0,
            route: Route::Answered,
        }
    }

    /// The same request, sent by somebody from somewhere with some program.
    pub(crate) fn from(mut self, client: &str, agent: &str) -> Self {
        client.clone_into(&mut self.client);
        agent.clone_into(&mut self.agent);
        self
    }

    /// The same request by a user who is signed in, passed on to the back end under that name.
    pub(crate) fn signed_in(mut self, user: &str, anchor: String, hint: &'static str) -> Self {
        self.user = Some(user.to_owned());
        self.route = Route::Proxied(Target {
            anchor,
            hint,
            server: SERVER_FQDN.to_owned(),
            version: BUILD_TARGET,
            packed: BUILD_PACKED,
            user: user.to_owned(),
            stem: self.stem.clone(),
            query: self.query.clone(),
            status: self.status,
        });
        self
    }

    fn target(&self) -> Option<&Target> {
        match &self.route {
            Route::Answered => None,
            Route::Found(target) | Route::Proxied(target) => Some(target),
        }
    }

    fn local(&self) -> bool {
        matches!(self.client.as_str(), "127.0.0.1" | "::1")
    }
}

impl Collection {
    /// Writes down a request in every log that sees it.
    pub(crate) fn request(&mut self, request: &Request) {
        let id = self.random.guid();
        self.line(Log::FrontEnd, request.time, front_end_line(request, &id));
        if let Some(protocol) = request.protocol {
            let line = http_proxy_line(request, protocol, &id, &self.organisation.database);
            self.line(Log::HttpProxy(protocol), request.time, line);
        }
        if let Route::Proxied(target) = &request.route {
            // The first of two legs of Kerberos now and then comes without a name, and IIS then writes nothing
            // at all between two blanks: a trap for everyone who splits at runs of blanks.
            if self.random.chance(7) {
                let nameless = Target { user: String::new(), status: 401, ..target.clone() };
                self.line(Log::BackEnd, request.time, back_end_line(request, &nameless));
            }
            self.line(Log::BackEnd, request.time, back_end_line(request, target));
        }
    }
}

/// A row of `W3SVC1`.
pub(crate) fn front_end_line(request: &Request, id: &str) -> String {
    // Only Exchange's own applications append the identifier.
    let tail = match request.protocol {
        Some(Protocol::Owa | Protocol::Ecp) if request.stem.contains("/auth") => {
            format!("&CorrelationID=<empty>;&cafeReqId={id};&encoding=;")
        }
        Some(_) => format!("&CorrelationID=<empty>;&cafeReqId={id};"),
        None => String::new(),
    };
    let query = format!("{}{tail}", request.query);
    let server = if request.local() { &request.client } else { SERVER_ADDRESS };
    format!(
        "{} {server} {} {} {} {} {} {} {} - {} {}",
        request.time.w3c(),
        request.method,
        w3c(&request.stem),
        w3c(&query),
        443,
        w3c(request.user.as_deref().unwrap_or_default()),
        request.client,
        w3c(&request.agent),
        w3c_status(request.status),
        request.took_ms
    )
}

/// A row of `W3SVC2`.
pub(crate) fn back_end_line(request: &Request, target: &Target) -> String {
    format!(
        "{} {SERVER_ADDRESS} {} {} {} 444 {} {SERVER_ADDRESS} {} - {} {}",
        request.time.w3c(),
        request.method,
        w3c(&target.stem),
        w3c(&target.query),
        target.user.replace(' ', "+"),
        w3c(&request.agent),
        w3c_status(target.status),
        request.took_ms.saturating_sub(3)
    )
}

/// A value of a W3C log: `+` for a blank, `-` for nothing.
fn w3c(value: &str) -> String {
    if value.is_empty() { "-".to_owned() } else { value.replace(' ', "+") }
}

/// Status, substatus and Win32 status.
fn w3c_status(status: u16) -> String {
    match status {
        // SEC_E_NO_CREDENTIALS as IIS prints it
        401 => "401 1 2148074254".to_owned(),
        404 => "404 0 2".to_owned(),
        _ => format!("{status} 0 0"),
    }
}

/// A row of HttpProxy.
pub(crate) fn http_proxy_line(request: &Request, protocol: Protocol, id: &str, database: &str) -> String {
    let mut row = Row::of(HTTP_PROXY);
    row.set("DateTime", request.time.iso()).set("RequestId", id);
    row.set("MajorVersion", "15")
        .set("MinorVersion", "1")
        .set("BuildVersion", "2176")
        .set("RevisionVersion", "2");
    row.set("Protocol", protocol.name()).set("UrlHost", request.host).set("UrlStem", request.stem.as_str());
    row.set("ProtocolAction", request.action).set("AuthenticationType", request.authentication);
    row.set("IsAuthenticated", request.user.is_some().to_string());
    row.set("AuthenticatedUser", request.user.as_deref().unwrap_or_default());
    row.set("UserAgent", request.agent.as_str()).set("ClientIpAddress", request.client.as_str());
    row.set("ServerHostName", SERVER)
        .set("HttpStatus", request.status.to_string())
        .set("Method", request.method);
    row.set("RequestBytes", request.sent_bytes.to_string());
    if !request.query.is_empty() {
        row.set("UrlQuery", format!("?{}", request.query));
    }
    row.set("GenericInfo", generic_info(request));
    match request.target() {
        None => set_answered(&mut row, request),
        Some(target) => set_target(&mut row, request, target, database),
    }
    row.blanked()
}

/// The few columns that a request has which nobody passed on.
fn set_answered(row: &mut Row, request: &Request) {
    let took = request.took_ms.to_string();
    row.set("ActivityContextLifeTime", took.as_str()).set("CoreLatency", took.as_str());
    row.set("HttpProxyOverhead", took.as_str()).set("TotalRequestTime", took.as_str());
}

/// Routing and timing of a request that went to the back end.
fn set_target(row: &mut Row, request: &Request, target: &Target, database: &str) {
    let took = request.took_ms.to_string();
    row.set("ProxyAction", "Proxy").set("AnchorMailbox", target.anchor.as_str());
    row.set("TargetServer", target.server.as_str()).set("TargetServerVersion", target.version);
    row.set("RoutingType", "IntraForest").set("RoutingHint", target.hint).set("RoutingStatus", "CafeV1");
    for column in [
        "HttpPipelineLatency",
        "CalculateTargetBackEndLatency",
        "TotalGlsLatency",
        "TotalAccountForestLatency",
        "TotalResourceForestLatency",
        "ADLatency",
        "TotalSharedCacheLatency",
        "ModuleToHandlerSwitchingLatency",
        "HandlerCompletionLatency",
        "HandlerToModuleSwitchingLatency",
        "RoutingLatency",
    ] {
        row.set(column, "0");
    }
    for column in ["ActivityContextLifeTime", "RequestHandlerLatency", "TotalRequestTime"] {
        row.set(column, took.as_str());
    }
    row.set("CoreLatency", "1").set("HttpProxyOverhead", "1");
    if let Route::Proxied(_) = request.route {
        set_back_end(row, request, target);
    }
    if request.user.is_some() && target.packed == BUILD_PACKED {
        row.set("DatabaseGuid", format!("|RoutingDB:{database}|RoutingDB:{database}"));
    }
}

fn set_back_end(row: &mut Row, request: &Request, target: &Target) {
    row.set("BackEndStatus", target.status.to_string());
    row.set("ResponseBytes", request.received_bytes.to_string());
    for column in [
        "ClientReqStreamLatency",
        "BackendReqInitLatency",
        "BackendReqStreamLatency",
        "BackendRespInitLatency",
        "BackendRespStreamLatency",
        "ClientRespStreamLatency",
        "KerberosAuthHeaderLatency",
    ] {
        row.set(column, "0");
    }
    let waited = request.took_ms.saturating_sub(2).to_string();
    row.set("BackendProcessingLatency", waited.as_str()).set("ProxyTime", waited.as_str());
}

/// The trace of the router's steps, with times that fit the request.
fn generic_info(request: &Request) -> String {
    let (begin, end) = (request.time.minus_ms(request.took_ms), request.time);
    let steps = match &request.route {
        Route::Answered if request.status == 302 => "NoCookies=302 - GET/E14AuthPost;".to_owned(),
        Route::Answered => String::new(),
        Route::Found(target) => {
            format!(
                "ProxyState-Run=None;FEAuth=BEVersion-{};ProxyState-Complete=PrepareServerRequest;",
                target.packed
            )
        }
        Route::Proxied(target) => proxied_steps(request, target),
    };
    let (begin, end) = (begin.iso(), end.iso());
    format!("BeginRequest={begin};CorrelationID=<empty>;{steps}SharedCacheGuard=0;EndRequest={end};")
}

fn proxied_steps(request: &Request, target: &Target) -> String {
    let begin = request.time.minus_ms(request.took_ms).plus_ms(1).iso();
    let ready = request.time.minus_ms(request.took_ms.min(1)).iso();
    let stream = match request.method {
        "POST" => format!("BeginGetRequestStream={begin};"),
        _ => String::new(),
    };
    format!(
        "ProxyState-Run=None;FEAuth=BEVersion-{};{stream}BeginGetResponse={begin};OnResponseReady={ready};\
         ProxyState-Complete=ProxyResponseData;",
        target.packed
    )
}
