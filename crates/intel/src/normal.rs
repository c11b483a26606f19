//! The one form of a value, by its kind: what is compared is this form and nothing else.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use crate::defang::refang;
use crate::domain::domain;
use crate::indicator::{Indicator, Kind};
use crate::limits::{
    LITERAL_BYTES_MIN, NAME_BYTES_MAX, PATH_BYTES_MAX, PATH_PARTS_MAX, VALUE_BYTES_MAX, WORD_BYTES_MAX,
};
use crate::network::Network;

/// Why a value is no indicator that can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nothing stands there.
    Empty,
    /// Longer than [`VALUE_BYTES_MAX`].
    TooLong,
    /// It does not have the form of its kind.
    Form(Kind),
    /// So short or so common that it stands everywhere.
    Everywhere,
    /// More values without a dot than can be sought at once.
    TooMany,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => write!(f, "an empty value"),
            Self::TooLong => write!(f, "longer than {VALUE_BYTES_MAX} bytes"),
            Self::Form(kind) => write!(f, "this is no {}", kind.name()),
            Self::Everywhere => write!(f, "so short or general that it stands everywhere"),
            Self::TooMany => {
                write!(f, "more than {} values that are sought letter by letter", crate::limits::LITERALS_MAX)
            }
        }
    }
}

/// The form of a value that is compared, and its kind as the form shows it: `192.0.2.7/32` is an address.
pub fn normal(kind: Kind, value: &str) -> Result<(Kind, Cow<'_, str>), Refused> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Refused::Empty);
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    let form = |form: Option<String>| form.map(Cow::Owned).ok_or(Refused::Form(kind));
    Ok(match kind {
        Kind::Hash => (kind, form(hash(value))?),
        Kind::Ip | Kind::Network => return address(kind, &refang(value)),
        Kind::Domain => (kind, form(domain(&refang(value)))?),
        Kind::Url => (kind, form(url(&refang(value)))?),
        Kind::Email => (kind, form(email(&refang(value)))?),
        Kind::Path | Kind::FileName if value.contains(['/', '\\']) => {
            let path = path(value)?;
            (if path.contains('/') { Kind::Path } else { Kind::FileName }, Cow::Owned(path))
        }
        Kind::Path | Kind::FileName => (Kind::FileName, Cow::Owned(file_name(value)?)),
        Kind::UserAgent | Kind::Text => {
            let text = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            if text.len() < LITERAL_BYTES_MIN {
                return Err(Refused::Everywhere);
            }
            (kind, Cow::Owned(text.to_ascii_lowercase()))
        }
    })
}

/// The kind of an indicator and the form in which it is looked for.
pub fn form<'a>(indicator: &Indicator<'a>) -> Result<(Kind, Cow<'a, str>), Refused> {
    match indicator.kind.map(|kind| (kind, normal(kind, indicator.value))) {
        None => guess_normal(indicator.value).ok_or(Refused::Form(Kind::Text)),
        // Feeds call addresses domains, and domains URLs: what a value looks like is surer.
        Some((kind, Err(Refused::Form(_)))) => guess_normal(indicator.value).ok_or(Refused::Form(kind)),
        Some((_, form)) => form,
    }
}

/// The kind that a value has by its looks; none if it could be anything.
pub fn guess(value: &str) -> Option<Kind> {
    guess_normal(value).map(|(kind, _)| kind)
}

/// The kind that a value has by its looks, and its form.
pub(crate) fn guess_normal(value: &str) -> Option<(Kind, Cow<'_, str>)> {
    let value = value.trim();
    if let Some(digits) = hash(value) {
        return Some((Kind::Hash, Cow::Owned(digits)));
    }
    let whole = refang(value);
    let as_kind = |kind| normal(kind, &whole).ok().map(|(kind, form)| (kind, Cow::Owned(form.into_owned())));
    if whole.bytes().all(|byte| byte.is_ascii_hexdigit() || b":./|[]".contains(&byte))
        && let Some(address) = as_kind(Kind::Network)
    {
        return Some(address);
    }
    if whole.contains("://") {
        return as_kind(Kind::Url);
    }
    // A path is told by its own looks: `\.` in it is no defanged dot.
    if value.contains('\\') && looks_like_path(value) {
        return normal(Kind::Path, value).ok();
    }
    if whole.contains('@') {
        return as_kind(Kind::Email);
    }
    if value.starts_with("Mozilla/") {
        return normal(Kind::UserAgent, value).ok();
    }
    if let Some(domain) = as_kind(Kind::Domain) {
        // A name with the ending of a program is a file; no top-level domain is called so.
        let extension = domain.1.rsplit('.').next().unwrap_or_default();
        return if FILE_ENDINGS.contains(&extension) { as_kind(Kind::FileName) } else { Some(domain) };
    }
    if whole.starts_with('/') {
        return normal(Kind::Path, value).ok();
    }
    // `evil.example/a`: a URL that lost its scheme.
    let host = whole.split_once('/').map(|(host, _)| host);
    if host.is_some_and(|host| domain(host).is_some()) { as_kind(Kind::Url) } else { None }
}

/// Endings of files that reports name and that are no top-level domains.
const FILE_ENDINGS: [&str; 32] = [
    "exe", "dll", "sys", "bat", "cmd", "ps1", "vbs", "js", "jsp", "asp", "aspx", "ashx", "asmx", "php",
    "doc", "docx", "docm", "xls", "xlsx", "xlsm", "ppt", "pdf", "rtf", "lnk", "hta", "iso", "rar", "tmp",
    "dat", "bin", "txt", "jar",
];

fn looks_like_path(value: &str) -> bool {
    let drive = value.as_bytes().get(1) == Some(&b':') && value.as_bytes()[0].is_ascii_alphabetic();
    drive || value.starts_with(['\\', '%', '.', '~'])
}

fn hash(value: &str) -> Option<String> {
    let digits = value.len();
    let is_digest = matches!(digits, 32 | 40 | 56 | 64 | 96 | 128);
    // The digest of nothing, or a placeholder, has one digit only.
    let varied = value.bytes().any(|byte| byte != value.as_bytes()[0]);
    (is_digest && varied && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| value.to_ascii_lowercase())
}

fn address(kind: Kind, value: &str) -> Result<(Kind, Cow<'static, str>), Refused> {
    let bare = value.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return single(address);
    }
    // `192.0.2.7:443` and `192.0.2.7|443`.
    if let Some((address, port)) = value.rsplit_once([':', '|']) {
        let address = address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let (Ok(address), Ok(_)) = (address, port.parse::<u16>()) {
            return single(address);
        }
    }
    let network = Network::parse(value).ok_or(Refused::Form(kind))?;
    match network.single() {
        Some(address) => single(address),
        // Half of all addresses and more is no indicator.
        None if network.bits() < 8 => Err(Refused::Everywhere),
        None => Ok((Kind::Network, Cow::Owned(network.to_string()))),
    }
}

fn single(address: IpAddr) -> Result<(Kind, Cow<'static, str>), Refused> {
    // The address of nobody is that of any listener.
    if address.is_unspecified() {
        return Err(Refused::Everywhere);
    }
    Ok((Kind::Ip, Cow::Owned(plain(address).to_string())))
}

/// `::ffff:192.0.2.7` is `192.0.2.7`.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Scheme and host in lower case, the rest as it is (RFC 3986 §6.2.2.1); an empty path is `/` and is left out (§6.2.3).
fn url(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
        return None;
    }
    let host_end = rest.find(['/', '?', '#', ':']).unwrap_or(rest.len());
    let host_start = rest[..host_end].rfind('@').map_or(0, |at| at + 1);
    let host = &rest[host_start..host_end];
    let host =
        domain(host).or_else(|| host.parse::<std::net::Ipv4Addr>().ok().map(|host| host.to_string()))?;
    let rest = &rest[host_end..];
    let rest = if is_root(rest.as_bytes()) { &rest[..rest.len() - 1] } else { rest };
    let ends = |byte| ends_url(byte) || byte.is_ascii_control();
    // A bare host without a scheme is a host.
    if rest.bytes().any(ends) || (scheme.is_empty() && rest.is_empty()) {
        return None;
    }
    let separator = if scheme.is_empty() { "" } else { "://" };
    Some(format!("{}{separator}{host}{rest}", scheme.to_ascii_lowercase()))
}

/// Whether what follows a host is a port at most and the empty path.
pub(crate) fn is_root(rest: &[u8]) -> bool {
    rest.strip_suffix(b"/")
        .is_some_and(|port| port.strip_prefix(b":").unwrap_or(port).iter().all(u8::is_ascii_digit))
}

/// What ends a URL in a text, wherever it stands (RFC 3986 appendix C).
pub(crate) fn ends_url(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'<' | b'>')
}

fn email(value: &str) -> Option<String> {
    let (local, host) = value.rsplit_once('@')?;
    let is_local = (1..=WORD_BYTES_MAX).contains(&local.len()) && local.bytes().all(is_local);
    let host = domain(host).filter(|_| is_local)?;
    Some(format!("{}@{host}", local.to_ascii_lowercase()))
}

/// Bytes of the part before the `@` that need no quotes (RFC 5322 §3.2.3).
pub(crate) fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// What ends a path in a text: no file has it in its name, and a value with it could never be found.
pub(crate) fn ends_path(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'"' | b'<' | b'>' | b'|' | b'*' | b'?')
}

/// Lower case, one `/` between components, without what differs from host to host at its start.
fn path(value: &str) -> Result<String, Refused> {
    let mut components: Vec<&str> = value.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    // `%APPDATA%`, `~`, `.`: only the host knows what they stand for.
    let is_variable =
        |part: &str| (part.starts_with('%') && part.ends_with('%')) || matches!(part, "~" | "." | "..");
    while components.first().is_some_and(|part| is_variable(part)) {
        components.remove(0);
    }
    let last = components.last().ok_or(Refused::Empty)?;
    if components.iter().any(|part| part.bytes().any(ends_path)) && !last.contains('*') {
        return Err(Refused::Form(Kind::Path));
    }
    if components.len() > PATH_PARTS_MAX || value.len() > PATH_BYTES_MAX || last.len() > NAME_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    if components.len() < 2 || last.len() < LITERAL_BYTES_MIN || last.contains('*') {
        file_name(last)?;
    }
    Ok(components.join("/").to_ascii_lowercase())
}

fn file_name(value: &str) -> Result<String, Refused> {
    let name = value.to_ascii_lowercase();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    // Digits and dots are the version of something.
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if name.len() < LITERAL_BYTES_MIN || stem.is_empty() || is_number || name.contains('*') {
        return Err(Refused::Everywhere);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    Ok(name)
}

/// The one form of an IPv6 address.
pub(crate) fn v6(address: Ipv6Addr) -> String {
    plain(IpAddr::V6(address)).to_string()
}

/// The host of a URL in its one form, and what follows it.
pub(crate) fn url_parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find(['/', '?', '#', ':']).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, kind: Kind, form: &str) {
        let guessed = guess(value);
        assert_eq!(guessed, Some(kind), "{value}");
        assert_eq!(normal(kind, value), Ok((kind, Cow::Borrowed(form))), "{value}");
    }

    #[test]
    fn kinds_by_their_looks() {
        check("D41D8CD98F00B204E9800998ECF8427E", Kind::Hash, "d41d8cd98f00b204e9800998ecf8427e");
        check("192.0.2.7", Kind::Ip, "192.0.2.7");
        check("192[.]0[.]2[.]7:443", Kind::Ip, "192.0.2.7");
        check("192.0.2.7/32", Kind::Ip, "192.0.2.7");
        check("192.0.2.7/24", Kind::Network, "192.0.2.0/24");
        check("2001:DB8:0::1", Kind::Ip, "2001:db8::1");
        check("2001:db8::/32", Kind::Network, "2001:db8::/32");
        check("*.Evil.Example.", Kind::Domain, "evil.example");
        check("hxxps://Evil[.]example/A?b=C", Kind::Url, "https://evil.example/A?b=C");
        check("http://evil.example/", Kind::Url, "http://evil.example");
        check("evil.example/a/b", Kind::Url, "evil.example/a/b");
        check("Who@Evil[.]example", Kind::Email, "who@evil.example");
        check(r"C:\Windows\Temp\x y.exe", Kind::Path, "c:/windows/temp/x y.exe");
        check(r"%AppData%\Evil\run.dll", Kind::Path, "evil/run.dll");
        check("/owa/auth/shell.aspx", Kind::Path, "owa/auth/shell.aspx");
        check("Shell.ASPX", Kind::FileName, "shell.aspx");
        check("Mozilla/5.0  (X)", Kind::UserAgent, "mozilla/5.0 (x)");
    }

    #[test]
    fn what_says_nothing() {
        for value in
            ["", "com", "0.0.0.0/0", "a b", "1.2", "....", "http://", "@", "00000000000000000000000000000000"]
        {
            let refused = guess(value).is_none_or(|kind| normal(kind, value).is_err());
            assert!(refused, "{value}: {:?}", guess(value));
        }
        assert_eq!(normal(Kind::FileName, "*.exe"), Err(Refused::Everywhere));
        assert_eq!(normal(Kind::Path, r"%TEMP%\"), Err(Refused::Empty));
        assert_eq!(normal(Kind::Path, "/tmp/.lock"), Ok((Kind::Path, "tmp/.lock".into())));
        assert_eq!(normal(Kind::Path, "/usr/bin/bh"), Err(Refused::Everywhere));
    }
}
