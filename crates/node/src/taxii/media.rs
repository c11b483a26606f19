//! Media types as TAXII asks for them, and as clients really send them (TAXII 2.1 §1.6.8, RFC 9110 §12.5.1).

use super::Refusal;
use crate::packing::Coding;

/// The one form of every answer.
pub(crate) const TAXII: &str = "application/taxii+json;version=2.1";

/// The form of objects in a manifest.
pub(crate) fn of_objects(spec_version: &str) -> String {
    format!("application/stix+json;version={spec_version}")
}

/// A media range: its type in lower case, its version and its quality.
struct Range {
    name: String,
    version: Option<String>,
    quality: f32,
}

fn range(text: &str) -> Range {
    let mut parts = text.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let (mut version, mut quality) = (None, 1.0);
    for parameter in parts {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "version" => version = Some(value.to_owned()),
            "q" => quality = value.parse().unwrap_or(0.0),
            _ => {}
        }
    }
    Range { name, version, quality }
}

/// Whether an answer in our form is accepted. No header accepts everything.
///
/// `application/json` and `application/stix+json` are let pass, for clients that mean ours and say theirs.
pub(crate) fn accept(header: Option<&str>) -> Result<(), Refusal> {
    let Some(header) = header.filter(|header| !header.trim().is_empty()) else { return Ok(()) };
    let fits = header.split(',').map(range).any(|range| {
        let name = matches!(
            range.name.as_str(),
            "*/*" | "application/*" | "application/taxii+json" | "application/json" | "application/stix+json"
        );
        name && range.quality > 0.0 && range.version.is_none_or(|version| version == "2.1")
    });
    if fits { Ok(()) } else { Err(Refusal::not_acceptable(header)) }
}

/// Whether a body of this type is taken. A bundle under the type of STIX is what one platform sends.
pub(crate) fn content_type(header: Option<&str>) -> Result<(), Refusal> {
    let refused = || Refusal::media_type(header);
    let range = range(header.ok_or_else(refused)?);
    let name = matches!(range.name.as_str(), "application/taxii+json" | "application/stix+json");
    if name && range.version.is_none_or(|version| version == "2.1") { Ok(()) } else { Err(refused()) }
}

/// How an answer is packed for `Accept-Encoding` (RFC 9110 §12.5.3): as is liked best, and of equals as zstd. Whoever
/// takes anything gets gzip, which everybody knows.
pub(crate) fn coding(header: &str) -> Option<Coding> {
    let ranges: Vec<Range> = header.split(',').map(range).collect();
    let quality = |coding: Option<Coding>| {
        let named = |range: &&Range| match coding {
            Some(coding) => Coding::of(&range.name) == Some(coding),
            None => range.name == "*",
        };
        ranges.iter().find(named).map(|range| range.quality)
    };
    let (zstd, gzip) = (quality(Some(Coding::Zstd)), quality(Some(Coding::Gzip)).or_else(|| quality(None)));
    let (zstd, gzip) = (zstd.unwrap_or(0.0), gzip.unwrap_or(0.0));
    if zstd > 0.0 && zstd >= gzip { Some(Coding::Zstd) } else { (gzip > 0.0).then_some(Coding::Gzip) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for header in [
            "application/taxii+json;version=2.1",
            "application/taxii+json; version=2.1",
            "application/taxii+json ; version = 2.1",
            "APPLICATION/TAXII+JSON;VERSION=2.1",
            "application/taxii+json;version=\"2.1\"",
            "application/taxii+json",
            "application/*",
            "*/*",
            "",
            "application/json, text/plain, */*",
            "text/html, application/taxii+json;version=2.1;q=0.5",
            "application/vnd.oasis.taxii+json; version=2.0, application/taxii+json; version=2.1",
            "application/stix+json; version=2.1",
        ] {
            assert!(accept(Some(header)).is_ok(), "{header}");
        }
        assert!(accept(None).is_ok());
        for header in [
            "application/taxii+json;version=2.0",
            "application/taxii+json;version=2.2",
            "application/vnd.oasis.taxii+json",
            "text/html",
            "application/taxii+json;version=2.1;q=0",
            "application/xml, text/*",
        ] {
            assert!(accept(Some(header)).is_err(), "{header}");
        }
    }

    #[test]
    fn taken() {
        for header in [
            "application/taxii+json;version=2.1",
            "application/taxii+json; version=2.1",
            "application/taxii+json",
            "application/stix+json; version=2.1",
            "application/taxii+json;version=2.1; charset=utf-8",
        ] {
            assert!(content_type(Some(header)).is_ok(), "{header}");
        }
        for header in ["application/json", "text/plain", "", "application/taxii+json;version=2.0", "*/*"] {
            assert!(content_type(Some(header)).is_err(), "{header}");
        }
        assert!(content_type(None).is_err());
    }

    #[test]
    fn packed_as_it_is_liked_best() {
        for (header, expected) in [
            ("gzip, deflate, br", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("*", Some(Coding::Gzip)),
            ("*, gzip;q=0", None),
            ("br;q=1, GZIP;q=0.1", Some(Coding::Gzip)),
            ("zstd;q=0.5, gzip", Some(Coding::Gzip)),
            ("zstd;q=0, *;q=0.1", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("zstd", Some(Coding::Zstd)),
            ("identity", None),
            ("gzip;q=0", None),
            ("", None),
        ] {
            assert_eq!(coding(header), expected, "{header}");
        }
    }
}
