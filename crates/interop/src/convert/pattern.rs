//! A MISP attribute as a STIX pattern.

use watchfire_intel::Kind;
use watchfire_stix::pattern::Pattern;

use crate::intel::types::misp;

/// The pattern that asks for what an attribute warns of; none where STIX has no words for it.
pub(super) fn pattern(attribute_type: &str, value: &str) -> Option<String> {
    let tests = tests(attribute_type, value)?;
    let text = format!("[{}]", tests.join(" AND "));
    Pattern::parse(&text).is_ok_and(|pattern| pattern.is_valid()).then_some(text)
}

fn tests(attribute_type: &str, value: &str) -> Option<Vec<String>> {
    let Some((first, second)) = attribute_type.split_once('|') else {
        // A path is a name in a folder (§6.7).
        let folder = value.rsplit_once(['\\', '/']).filter(|_| attribute_type == "filename");
        return Some(match folder {
            Some((folder, name)) if !folder.is_empty() && !name.is_empty() => vec![
                test(attribute_type, name)?,
                format!("file:parent_directory_ref.path = '{}'", quoted(folder)),
            ],
            _ => vec![test(attribute_type, value)?],
        });
    };
    let (left, right) = value.split_once('|')?;
    let equal = |path: &str, value: &str| format!("{path} = '{}'", quoted(value));
    Some(match (first, second) {
        ("domain" | "hostname", "ip") => {
            vec![equal("domain-name:value", left), equal("domain-name:resolves_to_refs[*].value", right)]
        }
        ("ip-src" | "ip-dst" | "hostname", "port") => {
            let end = if first == "ip-src" { "src" } else { "dst" };
            let port: u16 = right.parse().ok()?;
            vec![
                equal(&format!("network-traffic:{end}_ref.value"), left),
                format!("network-traffic:{end}_port = {port}"),
            ]
        }
        ("filename", _) => vec![test(first, left)?, test(second, right)?],
        _ => return None,
    })
}

/// One comparison.
fn test(attribute_type: &str, value: &str) -> Option<String> {
    let is_v6 = value.contains(':');
    let path = match (misp(attribute_type)?, attribute_type) {
        (Kind::Hash, _) if attribute_type.starts_with("x509") => return None,
        (Kind::Hash, name) => format!("file:hashes.'{}'", algorithm(name)?),
        (Kind::Network, _) if value.contains('/') => {
            let object = if is_v6 { "ipv6-addr" } else { "ipv4-addr" };
            return Some(format!("{object}:value ISSUBSET '{}'", quoted(value)));
        }
        (Kind::Network, _) if is_v6 => "ipv6-addr:value".to_owned(),
        (Kind::Network, _) => "ipv4-addr:value".to_owned(),
        (Kind::Domain, _) => "domain-name:value".to_owned(),
        (Kind::Url, _) => "url:value".to_owned(),
        (Kind::Email, _) => "email-addr:value".to_owned(),
        (Kind::FileName, _) => "file:name".to_owned(),
        (Kind::UserAgent, _) => {
            "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'".to_owned()
        }
        (_, "regkey") => "windows-registry-key:key".to_owned(),
        (_, "mutex") => "mutex:name".to_owned(),
        (_, "process-name") => "process:name".to_owned(),
        (_, "email-subject") => "email-message:subject".to_owned(),
        _ => return None,
    };
    Some(format!("{path} = '{}'", quoted(value)))
}

fn algorithm(name: &str) -> Option<&'static str> {
    Some(match name {
        "md5" => "MD5",
        "sha1" => "SHA-1",
        "sha224" => "SHA-224",
        "sha256" => "SHA-256",
        "sha384" => "SHA-384",
        "sha512" => "SHA-512",
        _ => return None,
    })
}

fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "\\'")
}
