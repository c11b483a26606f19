//! Lines of every dialect, one table each, and what no line may do.

use super::*;
use crate::text::text;

const HTTPPROXY: &str =
    "DateTime,RequestId,ClientIpAddress,UrlStem,AnchorMailbox,HttpStatus,UrlQuery,ServerHostName";
const IIS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";

fn layout(kind: Kind, dialect: Dialect, fields: &str) -> Layout {
    let mut layout = Layout::new(kind, dialect);
    layout.directive(format!("#Fields: {fields}").as_bytes());
    layout
}

#[track_caller]
fn check(layout: &Layout, line: &str, expected: &[(&str, &str)]) {
    let mut cells = Cells::default();
    let row = layout.row(line.as_bytes(), &mut cells);
    for (name, value) in expected {
        let field = layout.field(name).unwrap_or_else(|| panic!("no field {name}"));
        let found = row.value(&field).unwrap_or_else(|| panic!("no value of {name} in {line}"));
        assert_eq!(text(&found), *value, "{name} in {line}");
    }
}

#[test]
fn a_proxy_row() {
    let layout = layout(Kind::HttpProxy, Dialect::Csv, HTTPPROXY);
    let line = "2021-03-03T06:49:42.162Z,r1,192.0.2.7,/ecp/y.js,\"ServerInfo~a]@ex01:444/ecp/\"\"x\"\"?#\",241,?a=%2570,EX01";
    check(
        &layout,
        line,
        &[
            ("anchormailbox", "ServerInfo~a]@ex01:444/ecp/\"x\"?#"),
            ("HttpStatus", "241"),
            ("uri", "/ecp/y.js?a=p"),
        ],
    );
    let mut cells = Cells::default();
    let row = layout.row(line.as_bytes(), &mut cells);
    assert_eq!(row.time().map(|time| time.to_string()).as_deref(), Some("2021-03-03T06:49:42.162Z"));
    assert_eq!(row.host().as_deref(), Some(&b"EX01"[..]));
    assert_eq!(row.client().map(|client| client.to_string()).as_deref(), Some("192.0.2.7"));
    assert_eq!(row.request().as_deref(), Some(&b"r1"[..]));
}

#[test]
fn an_iis_row() {
    let layout = layout(Kind::Iis, Dialect::W3c, IIS);
    let line = "2021-03-03 06:49:42 ::1 POST /powershell a=b 444  CORP\\ann fe80::1%3 Microsoft+WinRM+Client - 200 0 0 15\r";
    check(&layout, line, &[("cs-username", "CORP\\ann"), ("c-ip", "fe80::1%3"), ("sc-status", "200")]);
    let line = "2021-03-03 06:49:42 ::1 POST /powershell - 444  ::1 agent - 200 0 0 15";
    check(&layout, line, &[("cs-username", ""), ("c-ip", "::1")]);
    let line = "2021-03-03 06:49:42 ::1 GET /a cmd=x 443 - ::1 Mozilla/5.0 (X; Y) like Gecko - 200 0 0 15";
    check(&layout, line, &[("cs(User-Agent)", "Mozilla/5.0 (X; Y) like Gecko"), ("sc-status", "200")]);
}

#[test]
fn a_request_is_known_by_the_front_ends_number() {
    let layout = layout(Kind::Iis, Dialect::W3c, IIS);
    let line = "2021-03-03 06:49:42 ::1 POST /powershell a=b&cafeReqId=77;x 444 - fe80::1%3 Microsoft+WinRM+Client - 200 0 0 15";
    check(
        &layout,
        line,
        &[("cs-username", ""), ("cs(User-Agent)", "Microsoft WinRM Client"), ("sc-status", "200")],
    );
    let mut cells = Cells::default();
    let row = layout.row(line.as_bytes(), &mut cells);
    assert_eq!(row.request().as_deref(), Some(&b"77"[..]));
    assert_eq!(row.client().map(|client| client.to_string()).as_deref(), Some("fe80::1"));
}

#[test]
fn columns_change_in_the_middle_of_a_file() {
    let mut layout = layout(Kind::Iis, Dialect::W3c, "date time cs-uri-stem");
    assert!(!layout.directive(b"#Fields: date time cs-uri-stem"));
    assert!(layout.directive(b"#Fields: date time cs-method cs-uri-stem"));
    check(&layout, "2021-03-03 06:49:42 GET /a", &[("cs-uri-stem", "/a")]);
}

#[test]
fn a_row_without_a_date_takes_it_from_the_header() {
    let mut layout = layout(Kind::Iis, Dialect::W3c, "time cs-uri-stem");
    layout.directive(b"#Date: 2013-07-30 00:00:00");
    let mut cells = Cells::default();
    let row = layout.row(b"00:00:03 /a", &mut cells);
    assert_eq!(row.time().map(|time| time.to_string()).as_deref(), Some("2013-07-30T00:00:03Z"));
}

#[test]
fn an_ecp_server_row() {
    let layout = layout(Kind::EcpServer, Dialect::Csv, "TimeStamp,ServerName,EventId,EventData");
    let line = r#"2021-03-03T06:59:18.1Z,EX01,ECP.Request,"S:TIME=13;S:CMD='Set-OabVirtualDirectory.ExternalUrl=''http://f/#<script language=""JScript"">;''';S:URL=/ecp/DDI;S:BLD=15.1.2176.2""#;
    let command = r#"Set-OabVirtualDirectory.ExternalUrl='http://f/#<script language="JScript">;'"#;
    check(
        &layout,
        line,
        &[("CMD", command), ("url", "/ecp/DDI"), ("BLD", "15.1.2176.2"), ("ServerName", "EX01")],
    );
}

#[test]
fn an_entry_of_event_data_may_be_quoted_as_a_whole() {
    let layout = layout(Kind::EcpServer, Dialect::Csv, "TimeStamp,ServerName,EventId,EventData");
    let line = r#"2021-03-03T06:59:18.1Z,EX01,E,"S:TIME=1;'S:CMD=Set-X.Url=''a;b''';S:BLD=15.1.2176.2""#;
    check(&layout, line, &[("CMD", "Set-X.Url='a;b'"), ("BLD", "15.1.2176.2"), ("TIME", "1")]);
}

#[test]
fn an_audit_row() {
    let layout = layout(Kind::Audit, Dialect::Csv, "Timestamp,Server,Data,Operation");
    let line = r#"2023-01-11T15:56:33.189Z,EX01,"{""ObjectId"":""a\\b"",""Parameters"":[{""Name"":""Url"",""Value"":""<x>""}]}",Set-Mailbox"#;
    check(&layout, line, &[("Operation", "Set-Mailbox"), ("ObjectId", "a\\b"), ("Parameters", "Url <x>  ")]);
}

#[test]
fn an_ncsa_row() {
    let line = r#"192.0.2.1 - ann [10/Oct/2000:13:55:36 -0700] "GET /a/b.aspx?x=1 HTTP/1.0" 200 2326 "http://r/" "Mozilla/4.08 [en]""#;
    check(
        &Layout::ncsa(),
        line,
        &[("cs-uri-stem", "/a/b.aspx"), ("cs-uri-query", "x=1"), ("sc-status", "200")],
    );
    check(
        &Layout::ncsa(),
        line,
        &[("uri", "/a/b.aspx?x=1"), ("cs(User-Agent)", "Mozilla/4.08 [en]"), ("cs-username", "ann")],
    );
}

#[test]
fn an_oab_generator_line() {
    let layout = Layout::new(Kind::OabGenerator, Dialect::Free);
    let line = r"Download failed and temporary file 'C:\inetpub\x.aspx' needs to be removed";
    check(&layout, line, &[("Path", r"C:\inetpub\x.aspx")]);
}

#[test]
fn a_quoted_record_runs_over_lines() {
    let layout = layout(Kind::EcpServer, Dialect::Csv, "TimeStamp,ServerName,EventId,EventData");
    let text = b"2021-03-03T06:59:18Z,EX01,E,\"a\r\nb\r\nc\"\r\n2021-03-03T06:59:19Z,EX01,E,d\r\n";
    assert_eq!(layout.record(text, 32..33), 0..37);
    assert_eq!(layout.record(text, 0..30), 0..37);
    assert_eq!(layout.record(text, 39..68), 39..68);
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    fn layouts() -> Vec<Layout> {
        vec![
            layout(Kind::Iis, Dialect::W3c, IIS),
            layout(Kind::HttpProxy, Dialect::Csv, HTTPPROXY),
            layout(Kind::EcpServer, Dialect::Csv, "TimeStamp,ServerName,EventId,EventData"),
            layout(Kind::Audit, Dialect::Csv, "Timestamp,Data"),
            Layout::ncsa(),
            Layout::new(Kind::OabGenerator, Dialect::Free),
        ]
    }

    fn read_everything(layout: &Layout, line: &[u8]) {
        let mut cells = Cells::default();
        let row = layout.row(line, &mut cells);
        let _ = (row.time(), row.host(), row.client(), row.request(), row.build());
        for name in ["uri", "CMD", "Path", "Message", "cs-uri-stem", "AnchorMailbox", "ObjectId"] {
            let _ = layout.field(name).and_then(|field| row.value(&field));
        }
        for range in crate::lines::ranges(line) {
            let record = layout.record(line, range);
            let _ = &line[record];
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[ -~\\n\"]{0,200}") {
            for layout in layouts() {
                read_everything(&layout, &bytes);
                read_everything(&layout, text.as_bytes());
            }
        }
    }
}
