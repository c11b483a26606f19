//! Media types as TAXII asks for them, and as clients really send them (TAXII 2.1 §1.6.8, RFC 9110 §12.5.1).

use super::Refusal;

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

/// Whether `Accept-Encoding` takes gzip.
pub(crate) fn accepts_gzip(header: &str) -> bool {
    header
        .split(',')
        .map(range)
        .any(|range| matches!(range.name.as_str(), "gzip" | "*") && range.quality > 0.0)
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
    fn gzip() {
        assert!(accepts_gzip("gzip, deflate, br") && accepts_gzip("*") && accepts_gzip("br;q=1, GZIP;q=0.1"));
        assert!(!accepts_gzip("identity") && !accepts_gzip("gzip;q=0") && !accepts_gzip(""));
    }
}
