//! What a file is: by its content first, by its path second.
//!
//! Extensions lie (collectors rename, intruders more so) and folders get lost, but a log's own header, the names of
//! its columns and the shape of its first line stay. The path only decides where content cannot: an `.aspx` page is
//! text like any other.

use crate::decode::Encoding;
use crate::event::Event;
use crate::evtx;
use crate::kind::Kind;
use crate::layout::{Dialect, Layout, column_names, is_ncsa, oab_path, split_directive};
use crate::lines;
use crate::problem::Problem;
use crate::windows_path::WindowsPath;

/// How much of a file is looked at to tell what it is.
pub const HEAD_BYTES: u64 = 64 * 1024;

/// Columns of an IIS log whose header was cut off: the ones that IIS writes out of the box.
const IIS_DEFAULT_COLUMNS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
                                   cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";

/// Extensions of files that a web server runs or obeys.
const SCRIPT_EXTENSIONS: [&str; 16] = [
    "aspx", "ashx", "asmx", "asax", "asp", "asa", "cer", "svc", "cshtml", "vbhtml", "php", "jsp", "shtml",
    "master", "soap", "rem",
];

/// What was recognised.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// The kind.
    pub kind: Kind,
    /// The encoding.
    pub encoding: Encoding,
    /// Its columns, for a log.
    pub layout: Option<Layout>,
}

/// Tells what a file is from its first [`HEAD_BYTES`] and its path.
pub fn recognise(shown: &str, path: &WindowsPath, head: &[u8]) -> (Recognised, Vec<Problem>) {
    let encoding = Encoding::detect(head);
    let mut problems = Vec::new();
    let is = |kind, layout| Recognised { kind, encoding, layout };
    if head.is_empty() {
        problems.push(Problem::file(shown, "an empty file"));
        return (is(Kind::Empty, None), problems);
    }
    if head.starts_with(evtx::FILE_MAGIC) || head.starts_with(evtx::CHUNK_MAGIC) {
        return (is(Kind::Evtx, None), problems);
    }
    let text = encoding.decode_all(head);
    if text.iter().all(|&byte| byte == 0) {
        problems.push(Problem::file(shown, "nothing but zero bytes: overwritten, or lost in a crash"));
        return (is(Kind::Other, None), problems);
    }
    let recognised = by_header(&text, path)
        .or_else(|| by_first_line(&text, path, shown, &mut problems))
        .or_else(|| document(&text, path).map(|kind| (kind, None)));
    let (kind, layout) = recognised.unwrap_or((Kind::Other, None));
    (is(kind, layout), problems)
}

/// By the directive lines at its head.
fn by_header(text: &[u8], path: &WindowsPath) -> Option<(Kind, Option<Layout>)> {
    let mut header = Header::default();
    for line in lines::ranges(text).map(|line| &text[line]).take(64) {
        match line.trim_ascii() {
            [] => {}
            [b'#', ..] => header.directive(line),
            _ if header.fields.is_some() => break,
            bare if header.bare.is_none() => header.bare = Some(bare),
            _ => break,
        }
    }
    let fields = header.fields.or_else(|| header.bare.filter(|line| is_column_line(line)))?;
    let comma = memchr::memchr(b',', fields).is_some();
    let columns = column_names(fields, if comma { b',' } else { b' ' });
    let kind = header.kind(&columns, path)?;
    let dialect = if comma { Dialect::Csv } else { Dialect::W3c };
    let mut layout = Layout::with_columns(kind, dialect, columns.iter().map(String::as_str));
    for line in lines::ranges(text).map(|line| &text[line]).take(64).take_while(|line| !is_record(line)) {
        layout.directive(line);
    }
    Some((kind, Some(layout)))
}

fn is_record(line: &[u8]) -> bool {
    matches!(line, [b'1' | b'2', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..])
}

#[derive(Default)]
struct Header<'a> {
    software: String,
    log_type: String,
    fields: Option<&'a [u8]>,
    bare: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    fn directive(&mut self, line: &'a [u8]) {
        let Some((name, value)) = split_directive(line.trim_ascii()) else { return };
        let lower = || String::from_utf8_lossy(value).to_ascii_lowercase();
        match name.as_str() {
            "software" => self.software = lower(),
            "log-type" => self.log_type = lower(),
            "fields" => self.fields = self.fields.or(Some(value)),
            _ => {}
        }
    }

    fn kind(&self, columns: &[String], path: &WindowsPath) -> Option<Kind> {
        let has = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        if has("cs-uri-stem") || has("cs-uri") || (has("c-ip") && has("sc-status")) {
            return Some(Kind::Iis);
        }
        // The columns are the surest sign: log types are missing where somebody cut or exported.
        if has("AnchorMailbox") {
            return Some(Kind::HttpProxy);
        }
        if has("Cmdlet") && has("Parameters") {
            return Some(Kind::RpsCmdlet);
        }
        if has("SoapAction") {
            return Some(Kind::Ews);
        }
        if has("ClientInfo") && has("FrontEndServer") {
            return Some(Kind::RpsHttp);
        }
        if has("internal-message-id") {
            return Some(Kind::MessageTracking);
        }
        if has("Operation") && has("Data") {
            return Some(Kind::Audit);
        }
        if has("EventData") {
            let activity = self.log_type.contains("activity")
                || path.contains("\\activity\\")
                || path.contains("ecpactivity");
            return Some(if activity { Kind::EcpActivity } else { Kind::EcpServer });
        }
        if self.log_type.contains("oab") || path.contains("oabgenerator") {
            return Some(Kind::OabGenerator);
        }
        self.software.contains("exchange").then_some(Kind::ExchangeOther)
    }
}

/// Whether a line is a list of column names rather than a record: several words, none of them a number or a time.
fn is_column_line(line: &[u8]) -> bool {
    let names = column_names(line, b',');
    let is_name = |name: &String| {
        !name.is_empty()
            && name.len() < 64
            && name.as_bytes()[0].is_ascii_alphabetic()
            && !name.contains([':', '='])
    };
    names.len() >= 3 && names.iter().all(is_name)
}

/// By the shape of its first line with something in it.
fn by_first_line(
    text: &[u8],
    path: &WindowsPath,
    shown: &str,
    problems: &mut Vec<Problem>,
) -> Option<(Kind, Option<Layout>)> {
    let first = lines::ranges(text).map(|line| &text[line]).find(|line| !line.trim_ascii().is_empty())?;
    if matches!(first.trim_ascii_start(), [b'{' | b'[', ..]) && is_events(text) {
        return Some((Kind::EventsJson, None));
    }
    if is_ncsa(first) {
        return Some((Kind::AccessLog, Some(Layout::ncsa())));
    }
    if is_headless_iis(first) {
        let what =
            "no #Fields line, the head was cut off: the columns that IIS writes by default are assumed";
        problems.push(Problem::file(shown, what));
        let layout = Layout::with_columns(Kind::Iis, Dialect::W3c, IIS_DEFAULT_COLUMNS.split_whitespace());
        return Some((Kind::Iis, Some(layout)));
    }
    let names_a_file = |line: &[u8]| oab_path(line).is_some_and(|path| path.get(1..3) == Some(b":\\"));
    let oab =
        path.contains("\\oabgeneratorlog\\") || lines::ranges(text).any(|line| names_a_file(&text[line]));
    let is_text = !text.contains(&0);
    (oab && is_text && document(text, path).is_none())
        .then(|| (Kind::OabGenerator, Some(Layout::new(Kind::OabGenerator, Dialect::Free))))
}

fn is_headless_iis(line: &[u8]) -> bool {
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let is_method =
        |part: &[u8]| part.len() >= 3 && part.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    (14..=15).contains(&parts.len())
        && crate::clock::iso([parts[0], b" ", parts[1]].concat().as_slice()).is_some()
        && is_method(parts[3])
}

/// Whether one of the first lines is an event, or is cut off where one would be.
fn is_events(text: &[u8]) -> bool {
    let mut lines = lines::ranges(text).map(|line| &text[line]).take(8).peekable();
    while let Some(line) = lines.next() {
        if matches!(Event::parse(line), Ok(Some(_))) {
            return true;
        }
        // The only line may be longer than what we look at: its first names must do.
        let cut = lines.peek().is_none();
        let names: [&[u8]; 4] = [b"\"EventID\"", b"\"event_id\"", b"\"Channel\"", b"\"winlog\""];
        if cut && names.iter().any(|name| memchr::memmem::find(line, name).is_some()) {
            return true;
        }
    }
    false
}

/// By path, helped by content: documents that are read whole.
fn document(text: &[u8], path: &WindowsPath) -> Option<Kind> {
    let extension = path.extension();
    let start = text.trim_ascii_start();
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    if start.starts_with(b"Windows Registry Editor") || start.starts_with(b"REGEDIT4") {
        return Some(Kind::RegistryExport);
    }
    if extension == "compiled" && has(b"virtualPath") {
        return Some(Kind::CompiledPage);
    }
    if SCRIPT_EXTENSIONS.contains(&extension.as_str()) {
        return Some(Kind::WebScript);
    }
    if start.starts_with(b"<") && has(b"<configuration") {
        return Some(Kind::IisConfiguration);
    }
    let in_web_folder = path.web_folder().is_some();
    if in_web_folder && matches!(extension.as_str(), "js" | "config" | "htm" | "html" | "txt" | "") {
        return Some(Kind::WebScript);
    }
    is_format_list(text).then_some(Kind::VirtualDirectory)
}

/// `Name : value` lines with an address of a virtual directory among them.
fn is_format_list(text: &[u8]) -> bool {
    let mut pairs = 0;
    let mut addresses = false;
    for line in lines::ranges(text).map(|line| &text[line]).take(400) {
        let Some(colon) = memchr::memmem::find(line, b" : ") else { continue };
        let name = line[..colon].trim_ascii();
        pairs += usize::from(!name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric));
        addresses |= name.eq_ignore_ascii_case(b"ExternalUrl") || name.eq_ignore_ascii_case(b"InternalUrl");
    }
    pairs >= 2 && addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, head: &str, expected: Kind) {
        let (recognised, _) = recognise(path, &WindowsPath::find(path), head.as_bytes());
        assert_eq!(recognised.kind, expected, "{path}");
    }

    #[test]
    fn logs_are_known_by_their_content() {
        check(
            "x",
            "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem\n",
            Kind::Iis,
        );
        check(
            "x",
            "# Fields: date time s-ip cs-method cs-uri-stem c-ip sc-status\n\n2023-12-25 11:54:21 …",
            Kind::Iis,
        );
        check(
            "x",
            "#Software: Microsoft Exchange Server\r\n#Fields: DateTime,RequestId,AnchorMailbox\r\n",
            Kind::HttpProxy,
        );
        check(
            "x",
            "DateTime,RequestId,SoapAction,HttpStatus\n#Software: Microsoft Exchange Server\n",
            Kind::Ews,
        );
        check(
            "x",
            "#TYPE Selected.System\n\"DateTime\",\"RequestId\",\"AnchorMailbox\"\n\"2021-…\"",
            Kind::HttpProxy,
        );
        check(
            "x",
            "#Log-type: ECP Server Log\n#Fields: TimeStamp,ServerName,EventId,EventData\n",
            Kind::EcpServer,
        );
        check(
            "x",
            "#Log-type: ECP Activity Context Log\n#Fields: MyTimeStamp,ServerName,EventId,EventData\n",
            Kind::EcpActivity,
        );
        check(
            "x",
            "#Software: Microsoft Exchange Server\n#Log-type: Agent Log\n#Fields: Timestamp,SessionId,Agent\n",
            Kind::ExchangeOther,
        );
        check("x", "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 23\n", Kind::AccessLog);
        check("x", "{\"EventID\":1,\"Channel\":\"Security\"}\n", Kind::EventsJson);
        check("x", "2021-04-01 00:00:21 192.0.2.1 GET /a - 80 - 192.0.2.2 agent - 200 0 0 65\n", Kind::Iis);
        check("x", "ElfFile\0\0\0", Kind::Evtx);
        check("x", "", Kind::Empty);
    }

    #[test]
    fn documents_are_known_by_path_and_content() {
        check("C/inetpub/wwwroot/aspnet_client/a.aspx", "<%@ Page %>", Kind::WebScript);
        check(
            "C/Windows/System32/inetsrv/config/applicationHost.config",
            "<?xml version=\"1.0\"?><configuration/>",
            Kind::IisConfiguration,
        );
        check(
            "x.compiled",
            "<?xml version=\"1.0\"?><preserve virtualPath=\"/owa/auth/x.aspx\"/>",
            Kind::CompiledPage,
        );
        check(
            "x.txt",
            "Name        : OAB (Default Web Site)\nExternalUrl : https://mail\n",
            Kind::VirtualDirectory,
        );
        check("x.reg", "Windows Registry Editor Version 5.00\n", Kind::RegistryExport);
        check("x.bin", "\u{1}\u{2}", Kind::Other);
        check("x.json", "{\"a\":1}", Kind::Other);
    }
}
