//! Something a rule found, with its proof.
//!
//! A dense log gives a finding for every fourth record, so there can be millions. What many share (the server, the
//! file, its hash) they share in memory too, what few have stands behind one pointer, and the record itself is read
//! again from its file where that can be done ([`crate::proof`]).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use watchfire_artifact::Place;
use watchfire_sigma::Level;

use crate::details::{Details, ShownField};
use crate::intel::Indicator;
use crate::model::{Outcome, RuleInfo};
use crate::packed::{PlaceKind, When};
use crate::proof::EventFile;

/// Something a rule found, with its proof.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// The level, after grading by what else was found.
    pub level: Level,
    /// What it proves, after grading.
    pub outcome: Outcome,
    /// What is left of a record that its log has dropped.
    pub recovered: bool,
    /// Its place in the report, from 1.
    pub(crate) number: u32,
    /// The rule by its place in the content, by which it is known how the record calls a field.
    hit_by: u32,
    origin: Arc<Origin>,
    details: Option<Box<Details>>,
    /// Where in the file: an offset and a number, of which the kind says what they mean.
    offset: u64,
    record: u64,
    kind: PlaceKind,
    when: When,
}

/// Where findings come from: what all of one server, artifact, file and client share.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) server: Arc<str>,
    pub(crate) artifact: Arc<str>,
    /// Who asked.
    pub(crate) client: Option<IpAddr>,
    pub(crate) file: Arc<SourceFile>,
}

/// A file that findings stand in.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// As shown.
    pub(crate) path: Box<str>,
    /// In hexadecimal, once it is known.
    pub(crate) sha256: OnceLock<Box<str>>,
    /// The file as one whose records can be read again.
    pub(crate) events: Option<EventFile>,
}

impl Finding {
    /// A finding as its rule grades it.
    pub(crate) fn new(
        rule: Arc<RuleInfo>,
        hit_by: u32,
        origin: Arc<Origin>,
        time: Option<Timestamp>,
        place: Place,
        details: Option<Box<Details>>,
    ) -> Self {
        let (kind, offset, record) = PlaceKind::split(place);
        Self {
            level: rule.level,
            outcome: rule.outcome,
            recovered: false,
            rule,
            number: 0,
            hit_by,
            origin,
            details,
            offset,
            record,
            kind,
            when: time.into(),
        }
    }

    /// `F` and a number, in the order of the report.
    pub fn id(&self) -> String {
        format!("F{:05}", self.number)
    }

    /// When, in UTC.
    pub fn time(&self) -> Option<Timestamp> {
        self.when.get()
    }

    /// The same, as it compares: without a time behind all others.
    pub(crate) fn when(&self) -> When {
        self.when
    }

    /// Takes the time from it, or gives it another.
    pub(crate) fn set_time(&mut self, time: Option<Timestamp>) {
        self.when = time.into();
    }

    /// Where in the file.
    pub fn place(&self) -> Place {
        self.kind.place(self.offset, self.record)
    }

    /// By which findings that lie close to each other come together: the file, by where it stands in memory, and the
    /// offset.
    pub(crate) fn lies(&self) -> (usize, u64) {
        (Arc::as_ptr(&self.origin.file) as usize, self.offset)
    }

    /// Where in the file, in bytes from its start; 0 for the file as a whole.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The server.
    pub fn server(&self) -> &str {
        &self.origin.server
    }

    /// The artifact's name: `httpproxy/Ecp`, `iis/W3SVC1`, `sysmon`.
    pub fn artifact(&self) -> &str {
        &self.origin.artifact
    }

    /// The file, as shown.
    pub fn file(&self) -> &str {
        &self.origin.file.path
    }

    /// The SHA-256 of the file, in hexadecimal; empty where it is not known.
    pub fn sha256(&self) -> &str {
        self.origin.file.sha256.get().map(|hash| &**hash).unwrap_or_default()
    }

    /// The file, shared by all that is found in it.
    pub(crate) fn source_file(&self) -> &Arc<SourceFile> {
        &self.origin.file
    }

    /// Why the grade differs from the rule's own, where it does.
    pub fn graded(&self) -> Option<&str> {
        self.details.as_ref()?.graded.as_deref()
    }

    /// Who asked.
    pub fn client(&self) -> Option<IpAddr> {
        self.origin.client
    }

    /// The number of the request that front end and back end share.
    pub fn request(&self) -> Option<&str> {
        self.details.as_ref()?.request.as_deref()
    }

    /// The indicator that stands in the record, where it was found by one and not by a rule.
    pub fn indicator(&self) -> Option<&Indicator> {
        self.details.as_ref()?.indicator.as_deref()
    }

    /// Names and values that were kept of the record.
    pub(crate) fn fields(&self) -> &[ShownField] {
        self.details.as_ref().map(|details| details.fields.as_slice()).unwrap_or_default()
    }

    /// What few findings have, to be changed.
    pub(crate) fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// The record's bytes as text that is safe to show; of a record that cannot be read any more, what was wrong.
    pub fn raw(&self) -> Cow<'_, str> {
        let kept = self.details.as_ref().and_then(|details| details.raw.as_deref());
        match (kept, &self.origin.file.events, self.place()) {
            (Some(text), ..) => Cow::Borrowed(text),
            (None, Some(file), Place::Record { offset, .. }) => Cow::Owned(file.text(offset)),
            _ => Cow::Borrowed(""),
        }
    }

    /// What readers are shown: of the record, then of the indicator that stands in it.
    pub fn shown_fields(&self) -> Vec<ShownField> {
        let of_indicator = self.indicator().into_iter().flat_map(Indicator::shown);
        self.record_fields().iter().cloned().chain(of_indicator).collect()
    }

    /// What readers are shown of the record: what was kept, and what can be read again.
    pub fn record_fields(&self) -> Cow<'_, [ShownField]> {
        let again = self.fields_again();
        if again.is_empty() { Cow::Borrowed(self.fields()) } else { [self.fields(), &again].concat().into() }
    }

    /// The values of fields of a record that can be read again; of any other none, for all that is shown of those is
    /// kept.
    fn fields_again(&self) -> Vec<ShownField> {
        let kept = self.details.as_ref().is_some_and(|details| details.raw.is_some());
        match (&self.origin.file.events, self.place()) {
            (Some(file), Place::Record { offset, .. }) if !kept && !self.rule.compared.is_empty() => {
                file.fields(offset, self.hit_by, &self.rule.compared)
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_of_the_processors_cache() {
        // Millions of them are in memory at once.
        assert_eq!(size_of::<Finding>(), 64);
    }
}
