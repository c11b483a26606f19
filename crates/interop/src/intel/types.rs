//! What neighbours call the kinds of values.

use watchfire_intel::Kind;

/// The kind behind a name of MISP's attribute types; none for what says nothing that a log would hold.
pub(crate) fn misp(name: &str) -> Option<Kind> {
    Some(match name {
        "md5"
        | "sha1"
        | "sha224"
        | "sha256"
        | "sha384"
        | "sha512"
        | "x509-fingerprint-md5"
        | "x509-fingerprint-sha1"
        | "x509-fingerprint-sha256" => Kind::Hash,
        "ip-src" | "ip-dst" | "ip" => Kind::Network,
        "domain" | "hostname" => Kind::Domain,
        "url" | "uri" | "link" => Kind::Url,
        "email"
        | "email-src"
        | "email-dst"
        | "email-reply-to"
        | "target-email"
        | "eppn"
        | "jabber-id"
        | "whois-registrant-email"
        | "dns-soa-email" => Kind::Email,
        "filename" => Kind::FileName,
        "pdb" => Kind::Path,
        "user-agent" | "http-user-agent" => Kind::UserAgent,
        "regkey"
        | "mutex"
        | "named pipe"
        | "windows-scheduled-task"
        | "windows-service-name"
        | "windows-service-displayname"
        | "email-x-mailer"
        | "email-subject"
        | "email-attachment"
        | "email-mime-boundary"
        | "process-name"
        | "ja3-fingerprint-md5"
        | "hassh-md5"
        | "hasshserver-md5" => Kind::Text,
        _ => return None,
    })
}

/// The values of a MISP attribute, each with its kind: types with a `|` have two values.
pub(super) fn misp_values<'a>(name: &str, value: &'a str) -> [Option<(Kind, &'a str)>; 2] {
    let Some((first, second)) = name.split_once('|') else {
        // `malware-sample` is a file name and the MD5 of the file.
        if name == "malware-sample" {
            return [value.rsplit_once('|').map(|(_, md5)| (Kind::Hash, md5)), None];
        }
        return [misp(name).map(|kind| (kind, value)), None];
    };
    let Some((left, right)) = value.split_once('|') else {
        return [misp(first).map(|kind| (kind, value)), None];
    };
    match (misp(first), misp(second)) {
        // A file's digest says more than its name, and the name alone says less than both.
        (Some(Kind::FileName), Some(Kind::Hash)) => [Some((Kind::Hash, right)), None],
        (one, other) => [one.map(|kind| (kind, left)), other.map(|kind| (kind, right))],
    }
}

/// The kind behind a name in a column of types, as various feeds call them; none to tell the value by its looks.
pub(super) fn column(name: &str) -> Option<Kind> {
    let name = name.trim().to_ascii_lowercase();
    if let Some(kind) = misp(&name) {
        return Some(kind);
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match plain.as_str() {
        "ipv4" | "ipv6" | "ipv4addr" | "ipv6addr" | "ipaddress" | "ipport" | "cidr" | "ipv4cidr" => {
            Kind::Network
        }
        "domainname" | "fqdn" | "host" => Kind::Domain,
        "emailaddr" | "emailaddress" | "emailsender" => Kind::Email,
        "file" | "processname" => Kind::FileName,
        "filepath" | "path" | "directory" => Kind::Path,
        "useragent" => Kind::UserAgent,
        "mutexname" | "registrykey" | "windowsregistrykey" => Kind::Text,
        hash if hash.starts_with("filehash") || hash.starts_with("hash") => Kind::Hash,
        hash if hash.starts_with("sha") || hash.starts_with("md5") => Kind::Hash,
        _ => return None,
    })
}
