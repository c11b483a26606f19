//! One value and all that tables say of it: out of a MISP attribute, or out of whatever gives indicators.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;
use watchfire_intel::{Indicator, Kind, Origin, Refused, defang, form};
use watchfire_stix::Uuid;

use super::{attributes, is_set, tags, text_of};
use crate::intel::misp::confidence;
use crate::intel::{Format, IntelError, Loaded, Sink, read_into};

/// A value and what is said of it. Texts are empty where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The value, whole if it was defanged.
    pub value: String,
    /// The name of its type, as MISP calls it.
    pub value_type: String,
    /// Whether it is meant for detection.
    pub to_ids: bool,
    /// What is said of it.
    pub comment: String,
    /// The UUID of what says so.
    pub uuid: String,
    /// The report or event.
    pub report: String,
    /// Who says so.
    pub author: String,
    /// `tlp:amber`
    pub tlp: String,
    /// From when it is valid, RFC 3339.
    pub valid_from: String,
    /// Until when.
    pub valid_until: String,
    /// How sure its author is, from 0 to 100.
    pub confidence: Option<u8>,
}

impl Row {
    /// The attributes of an event but for those that were deleted.
    pub(super) fn of_event(event: &Value) -> impl Iterator<Item = Self> {
        let author = event.get("Orgc").map(|organisation| text_of(organisation, "name")).unwrap_or_default();
        let report = text_of(event, "info");
        let living = attributes(event).filter(|attribute| !is_set(attribute, "deleted"));
        living.map(move |attribute| {
            let all = || tags(attribute).chain(tags(event));
            let tlp = all().find(|tag| tag.to_ascii_lowercase().starts_with("tlp:"));
            Self {
                report: report.clone(),
                author: author.clone(),
                tlp: tlp.unwrap_or_default().to_owned(),
                confidence: all().find_map(confidence),
                ..Self::of_attribute(attribute)
            }
        })
    }

    /// An attribute by itself.
    pub(super) fn of_attribute(attribute: &Value) -> Self {
        Self {
            value: text_of(attribute, "value"),
            value_type: text_of(attribute, "type"),
            to_ids: is_set(attribute, "to_ids"),
            comment: text_of(attribute, "comment"),
            uuid: text_of(attribute, "uuid"),
            confidence: tags(attribute).find_map(confidence),
            ..Self::default()
        }
    }
}

/// The name of MISP's attribute type and category for a value.
pub(super) fn misp_type(kind: Kind, value: &str) -> (&'static str, &'static str) {
    match kind {
        Kind::Hash => match value.len() {
            32 => ("md5", "Payload delivery"),
            40 => ("sha1", "Payload delivery"),
            56 => ("sha224", "Payload delivery"),
            96 => ("sha384", "Payload delivery"),
            128 => ("sha512", "Payload delivery"),
            _ => ("sha256", "Payload delivery"),
        },
        Kind::Ip | Kind::Network => ("ip-dst", "Network activity"),
        Kind::Domain => ("domain", "Network activity"),
        Kind::Url => ("url", "Network activity"),
        Kind::Email => ("email-src", "Payload delivery"),
        Kind::Path | Kind::FileName => ("filename", "Payload delivery"),
        Kind::UserAgent => ("user-agent", "Network activity"),
        Kind::Text => ("text", "Other"),
    }
}

/// Rows out of a table, a list or an OpenIOC definition.
#[derive(Debug, Default)]
pub struct Rows {
    origins: Vec<Origin>,
    /// The rows, in the order of the file.
    pub rows: Vec<Row>,
}

impl Rows {
    /// Reads a file of one of these formats.
    pub fn read(
        name: &str,
        source: &mut dyn std::io::Read,
        format: Format,
    ) -> Result<(Self, Loaded), IntelError> {
        let mut rows = Self::default();
        let loaded = read_into(name, source, Some(format), &mut rows)?;
        Ok((rows, loaded))
    }
}

impl Sink for Rows {
    fn origin(&mut self, origin: &Origin) -> u32 {
        // Neighbours in a file mostly have the same.
        if self.origins.last() != Some(origin) {
            self.origins.push(origin.clone());
        }
        self.origins.len() as u32 - 1
    }

    fn origins(&self) -> u32 {
        self.origins.len() as u32
    }

    fn amend_origins(&mut self, from: u32, change: &dyn Fn(&mut Origin)) {
        self.origins.iter_mut().skip(from as usize).for_each(change);
    }

    fn add(&mut self, origin: u32, indicator: &Indicator<'_>) -> Result<(), Refused> {
        let (kind, form) = form(indicator)?;
        let value = whole(kind, indicator.value, &form);
        let origin = self.origins.get(origin as usize).cloned().unwrap_or_default();
        let time = |seconds: Option<i64>| {
            let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            time.map(|time| time.to_string()).unwrap_or_default()
        };
        self.rows.push(Row {
            value_type: misp_type(kind, &value).0.to_owned(),
            value: value.into_owned(),
            to_ids: true,
            comment: indicator.comment.to_owned(),
            uuid: indicator.id.map(|id| Uuid::from_bytes(id).to_string()).unwrap_or_default(),
            report: origin.title,
            author: origin.author,
            tlp: origin.markings.into_iter().find(|marking| marking.starts_with("tlp:")).unwrap_or_default(),
            valid_from: time(indicator.valid_from),
            valid_until: time(indicator.valid_until),
            confidence: indicator.confidence,
        });
        Ok(())
    }
}

/// A value as others should read it: its one form where case and notation mean nothing, else as it was written.
fn whole<'v>(kind: Kind, written: &'v str, form: &'v str) -> Cow<'v, str> {
    match kind {
        Kind::Hash | Kind::Ip | Kind::Network | Kind::Domain | Kind::Email => Cow::Borrowed(form),
        Kind::Url => defang::refang(written),
        Kind::Path | Kind::FileName | Kind::UserAgent | Kind::Text => Cow::Borrowed(written.trim()),
    }
}
