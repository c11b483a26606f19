//! The kinds of artifact we read, each with the name that rules, coverage and reports use for it.

use serde::{Deserialize, Serialize};

/// What a file is, as far as its content and path tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// IIS in W3C extended format, front end or back end; also HTTPERR.
    Iis,
    /// An access log in NCSA common or combined format.
    AccessLog,
    /// Exchange HttpProxy, or the table that Test-ProxyLogon exports of it.
    HttpProxy,
    /// ECP Server log.
    EcpServer,
    /// ECP Activity context log.
    EcpActivity,
    /// Exchange Web Services log.
    Ews,
    /// Remote PowerShell, HTTP side.
    RpsHttp,
    /// Remote PowerShell, cmdlet side.
    RpsCmdlet,
    /// OAB generator log: free lines.
    OabGenerator,
    /// Message tracking.
    MessageTracking,
    /// Administrator audit queue: JSON in a CSV column.
    Audit,
    /// Another Exchange log with a `#Fields` header: read for times and coverage.
    ExchangeOther,
    /// Windows events as JSON lines.
    EventsJson,
    /// Windows events in their native file.
    Evtx,
    /// A script or page of a web folder.
    WebScript,
    /// `applicationHost.config` or `web.config`.
    IisConfiguration,
    /// `*.compiled` of ASP.NET.
    CompiledPage,
    /// What `Get-OabVirtualDirectory | Format-List` and its kin print.
    VirtualDirectory,
    /// A registry export.
    RegistryExport,
    /// No format of ours: its path and first bytes are all we take.
    Other,
    /// No bytes at all.
    Empty,
}

impl Kind {
    /// The name of the class of its records in `logsources.yml`, or none where nothing inside is read.
    pub fn class(self) -> Option<&'static str> {
        Some(match self {
            Kind::Iis => "iis",
            Kind::AccessLog => "access_log",
            Kind::HttpProxy => "httpproxy",
            Kind::EcpServer => "ecp_server",
            Kind::EcpActivity => "ecp_activity",
            Kind::Ews => "ews",
            Kind::RpsHttp => "rps_http",
            Kind::RpsCmdlet => "rps_cmdlet",
            Kind::OabGenerator => "oab_generator",
            Kind::MessageTracking => "message_tracking",
            Kind::Audit => "audit",
            Kind::ExchangeOther => "exchange_log",
            Kind::EventsJson | Kind::Evtx => "windows_event",
            Kind::WebScript => "web_script",
            Kind::IisConfiguration => "iis_configuration",
            Kind::CompiledPage => "compiled_page",
            Kind::VirtualDirectory => "virtual_directory",
            Kind::RegistryExport => "registry_export",
            Kind::Other | Kind::Empty => return None,
        })
    }

    /// The artifact's name in coverage and reports.
    pub fn artifact(self) -> &'static str {
        match self {
            Kind::WebScript => "web_files",
            Kind::CompiledPage => "compiled_pages",
            Kind::EventsJson | Kind::Evtx => "windows_events",
            Kind::Other | Kind::Empty => "other_files",
            _ => self.class().unwrap_or("other_files"),
        }
    }

    /// Whether it is read line by line through a layout.
    pub fn is_lines(self) -> bool {
        matches!(
            self,
            Kind::Iis
                | Kind::AccessLog
                | Kind::HttpProxy
                | Kind::EcpServer
                | Kind::EcpActivity
                | Kind::Ews
                | Kind::RpsHttp
                | Kind::RpsCmdlet
                | Kind::OabGenerator
                | Kind::MessageTracking
                | Kind::Audit
                | Kind::ExchangeOther
        )
    }

    /// Whether it holds records of what happened, one after the other.
    pub fn is_log(self) -> bool {
        self.is_lines() || matches!(self, Kind::EventsJson | Kind::Evtx)
    }

    /// Whether it is small enough by nature to be read whole, one entry a fact.
    pub fn is_document(self) -> bool {
        matches!(
            self,
            Kind::WebScript
                | Kind::IisConfiguration
                | Kind::CompiledPage
                | Kind::VirtualDirectory
                | Kind::RegistryExport
        )
    }
}
