//! Strings that have a form of their own: addresses, names of languages, selectors, and the like.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Checker;
use crate::json::Node;
use crate::schema::{Form, STIX_21};
use crate::selector;

impl<'n> Checker<'n> {
    pub(super) fn form(&mut self, node: &'n Node<'n>, text: &str, form: Form, clause: &'static str) {
        match form {
            Form::Language => self.language(node, text, clause),
            Form::Selector => self.selector(node, text),
            Form::RelationshipType => self.must(node, is_relationship_type(text), clause, RELATIONSHIP_TYPE),
            Form::Url => self.must(node, is_url(text), clause, "this is no URL as RFC 3986 writes it"),
            Form::Ipv4 => self.must(node, is_ipv4(text), clause, "this is no IPv4 address or CIDR block"),
            Form::Ipv6 => self.must(node, is_ipv6(text), clause, "this is no IPv6 address or CIDR block"),
            Form::Mac => self.must(node, is_mac(text), clause, MAC),
            Form::Domain => self.must(node, is_domain(text), clause, DOMAIN),
            Form::Email => self.must(node, is_email(text), clause, "this is no address (RFC 5322 §3.4.1)"),
            Form::Cpe => self.must(node, is_cpe(text), clause, "this is no CPE 2.3 name"),
            Form::PriorityClass => self.should(node, text.ends_with("_CLASS"), clause, PRIORITY),
            Form::MimeType => self.should(node, is_mime_type(text), clause, "this is no media type"),
            Form::Country => self.should(node, is_country(text), clause, COUNTRY),
            Form::RegistryKey => self.registry_key(node, text, clause),
        }
    }

    fn must(&mut self, node: &Node<'_>, well: bool, clause: &str, what: &str) {
        if !well {
            self.error(node, clause, what);
        }
    }

    fn should(&mut self, node: &Node<'_>, well: bool, clause: &str, what: &str) {
        if !well {
            self.warning(node, clause, what);
        }
    }

    pub(super) fn language(&mut self, node: &Node<'_>, text: &str, clause: &str) {
        let what = format!("{text:?} is no tag of a language (RFC 5646)");
        self.must(node, is_language(text), clause, &what);
    }

    /// §7.2.3: a selector has the syntax, and what it selects is there.
    fn selector(&mut self, node: &Node<'_>, text: &str) {
        if self.container.is_some() {
            return;
        }
        if selector::parse(text).is_none() {
            self.error(node, "§7.2.3", format!("{text:?} is no selector"));
        } else if selector::select(self.root, text).is_none() {
            self.error(node, "§7.2.3", format!("{text:?} selects nothing in this object"));
        }
    }

    /// §6.17: the hive is written out.
    fn registry_key(&mut self, node: &Node<'_>, text: &str, clause: &str) {
        let hive = text.split('\\').next().unwrap_or_default().to_ascii_uppercase();
        let short = matches!(hive.as_str(), "HKLM" | "HKCU" | "HKCR" | "HKU" | "HKCC");
        self.must(
            node,
            !short,
            clause,
            "the hive of a registry key is written out, such as HKEY_LOCAL_MACHINE",
        );
    }
}

const RELATIONSHIP_TYPE: &str = "letters a to z, digits and hyphens are expected";
const PRIORITY: &str = "a priority should end in _CLASS";
const DOMAIN: &str = "this is no domain name (RFC 1034, RFC 5890)";
const COUNTRY: &str = "a country should be a code of two letters of ISO 3166-1";
const MAC: &str = "a MAC-48 address in lower case with colons is expected";

fn is_relationship_type(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    // §3.1: terms have three to 250 characters, though the standard itself lists `has`.
    (3..=250).contains(&text.len()) && text.bytes().all(allowed)
}

/// A scheme and what RFC 3986 §2 lets stand after it; the standard asks for locators (§1.1.3).
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut scheme = scheme.bytes();
    let begins = scheme.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let goes_on = scheme.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    begins && goes_on && !rest.is_empty() && is_uri_text(rest.as_bytes()) && is_authority(rest)
}

/// RFC 3986 §2.1 to §2.3: letters, digits, signs, and percent signs with two digits after them.
fn is_uri_text(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)),
        other if b"-._~:/?#[]@!$&'()*+,;=".contains(other) => true,
        other => other.is_ascii_alphanumeric(),
    })
}

/// RFC 3986 §3.2: brackets hold an address, a port is digits. A fragment has no second `#`.
fn is_authority(rest: &str) -> bool {
    if rest.matches('#').count() > 1 {
        return false;
    }
    let Some(rest) = rest.strip_prefix("//") else { return true };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = match host.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((address, port))
                if address.parse::<Ipv6Addr>().is_ok() || address.starts_with(['v', 'V']) =>
            {
                port
            }
            _ => return false,
        },
        None => host.find(':').map_or("", |at| &host[at..]),
    };
    port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn cidr(text: &str, most: u8) -> Option<&str> {
    let Some((address, bits)) = text.split_once('/') else { return Some(text) };
    let plain = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let well =
        plain && (bits == "0" || !bits.starts_with('0')) && bits.parse::<u8>().is_ok_and(|bits| bits <= most);
    well.then_some(address)
}

fn is_ipv4(text: &str) -> bool {
    cidr(text, 32).is_some_and(|address| address.parse::<Ipv4Addr>().is_ok())
}

fn is_ipv6(text: &str) -> bool {
    cidr(text, 128).is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn is_mac(text: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| if at % 3 == 2 { byte == b':' } else { lower(byte) })
}

/// RFC 1034 §3.1 in its lengths, RFC 5890 in its labels: what resolvers meet, underscores and all (RFC 2181 §11),
/// and names in their own script as U-labels.
fn is_domain(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| {
                letter.is_alphanumeric() || letter == '-' || letter == '_' || !letter.is_ascii()
            })
    };
    (1..=253).contains(&name.len()) && name.split('.').all(label)
}

/// `local@domain` (RFC 5322 §3.4.1): no display name, no angle brackets.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let atom =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) || byte >= 0x80;
    let plain = !local.is_empty() && local.bytes().all(atom);
    let literal = domain.starts_with('[') && domain.ends_with(']');
    (quoted || plain) && (literal || is_domain(domain))
}

/// Thirteen parts, colons that belong to a value behind a backslash (NIST IR 7695 §6.2).
fn is_cpe(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else { return false };
    let mut parts = 1;
    let mut escaped = false;
    for byte in rest.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b':' => parts += 1,
            byte if byte.is_ascii_whitespace() => return false,
            _ => {}
        }
    }
    parts == 11 && matches!(rest.as_bytes().first(), Some(b'a' | b'o' | b'h' | b'*' | b'-'))
}

/// `type/subtype` of a registered top-level type (RFC 6838 §4.2).
fn is_mime_type(text: &str) -> bool {
    const TOP: [&str; 10] = [
        "application",
        "audio",
        "font",
        "haptics",
        "image",
        "message",
        "model",
        "multipart",
        "text",
        "video",
    ];
    let Some((top, subtype)) = text.split_once('/') else { return false };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    let subtype = subtype.split(';').next().unwrap_or_default().trim_end();
    TOP.contains(&top) && !subtype.is_empty() && subtype.bytes().all(allowed)
}

fn is_country(text: &str) -> bool {
    STIX_21.terms_named("iso-3166-1").is_some_and(|codes| codes.contains(&text.to_ascii_lowercase()))
}

/// RFC 5646 §2.1: language, script, region, variants, extensions, private use; languages are held
/// against ISO 639.
fn is_language(text: &str) -> bool {
    let mut parts = text.split('-').peekable();
    let alpha = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let alphanumeric = |part: &str| part.len() <= 8 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let Some(language) = parts.next() else { return false };
    match language.to_ascii_lowercase().as_str() {
        "x" => return parts.peek().is_some() && parts.all(|part| !part.is_empty() && alphanumeric(part)),
        "i" => {
            return parts.next().is_some_and(|part| part.len() > 1 && alphanumeric(part))
                && parts.next().is_none();
        }
        known if is_iso_639(known) => {}
        _ => return false,
    }
    for _ in 0..3 {
        parts.next_if(|part| language.len() < 4 && part.len() == 3 && alpha(part)); // extlang
    }
    parts.next_if(|part| part.len() == 4 && alpha(part)); // script
    let digits = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next_if(|part| (part.len() == 2 && alpha(part)) || digits(part)); // region
    while parts
        .next_if(|part| {
            alphanumeric(part)
                && (part.len() >= 5 || (part.len() == 4 && part.as_bytes()[0].is_ascii_digit()))
        })
        .is_some()
    {} // variants
    let mut singleton = false;
    let mut behind = 2;
    for part in parts {
        if part.len() == 1 && alphanumeric(part) && behind > 0 {
            (singleton, behind) = (true, 0);
        } else if !singleton || part.is_empty() || !alphanumeric(part) {
            return false;
        } else {
            behind += 1;
        }
    }
    behind > 0
}

/// Registered languages, and those kept for private use (RFC 5646 §2.2.1).
fn is_iso_639(code: &str) -> bool {
    let private = code.len() == 3 && ("qaa"..="qtz").contains(&code);
    private || STIX_21.terms_named("iso-639").is_some_and(|codes| codes.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(holds: fn(&str) -> bool, well: &[&str], wrong: &[&str]) {
        for text in well {
            assert!(holds(text), "{text}");
        }
        for text in wrong {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn forms() {
        check(
            is_language,
            &[
                "en",
                "de-CH",
                "zh-Hant-TW",
                "sl-rozaj-biske-1994",
                "x-a",
                "i-klingon",
                "en-u-ca-gregory",
                "zh-cmn",
                "haw",
                "es-419",
            ],
            &["", "e", "english1", "xx", "foo", "eng", "en_US", "en-", "de-a", "zh-Hant-TW-x", "en--US"],
        );
        check(
            is_url,
            &[
                "https://a.example/b?c#d",
                "ftp://[2001:db8::1]:21/",
                "mailto:a@b.example",
                "http://a:b@c:8080/%20",
            ],
            &[
                "a.example",
                "http:",
                "://a",
                "http://a b",
                "http://a/%2",
                "http://[::1",
                "1a://b",
                "http://a:b/",
            ],
        );
        check(
            is_ipv4,
            &["198.51.100.3", "10.0.0.0/8", "0.0.0.0/0"],
            &["256.1.1.1", "1.1.1", "10.0.0.0/33", "10.0.0.0/", "1.1.1.1/08", "01.1.1.1"],
        );
        check(
            is_ipv6,
            &["2001:db8::1", "::/0", "fe80::1/128"],
            &["1.1.1.1", "::/129", ":::", "fe80::1%eth0"],
        );
        check(
            is_mac,
            &["00:00:ab:cd:ef:01"],
            &["00:00:AB:cd:ef:01", "0:00:ab:cd:ef:01", "00-00-ab-cd-ef-01"],
        );
        check(
            is_domain,
            &["a.example", "_dmarc.a.example.", "xn--bcher-kva.example", "bücher.example"],
            &["", ".", "a..b", "-a.example", "a b.example", "a/b"],
        );
        check(
            is_email,
            &["a@b.example", "\"a b\"@b.example", "a+b@[192.0.2.1]"],
            &["a", "@b.example", "A <a@b.example>", "a@"],
        );
        check(
            is_cpe,
            &["cpe:2.3:a:b:c\\:d:1:*:*:*:*:*:*:*"],
            &["cpe:/a:b", "cpe:2.3:a:b", "cpe:2.3:x:b:c:1:*:*:*:*:*:*:*"],
        );
        check(is_mime_type, &["application/pdf", "text/html; charset=UTF-8"], &["pdf", "bad/thing", "text/"]);
        check(is_relationship_type, &["has", "uses"], &["Uses", "a_b", "", "ab"]);
    }
}
