//! Scanning files that are read whole, and what every file has: its path and its first bytes.

use std::borrow::Cow;
use std::io::{self, Read};

use watchfire_artifact::document::{self, Entry};
use watchfire_artifact::text::text;
use watchfire_artifact::{Kind, Place};
use watchfire_sigma::{Record, Value};

use super::hits::Hit;
use super::part::{Part, artifact_name};
use super::{File, Scanner, intel, read_document};
use crate::details::Details;

impl Scanner<'_> {
    /// Tests what every file has.
    pub(super) fn inventory(&self, file: &File<'_>, head: &[u8], part: &mut Part) {
        let entry = document::inventory(&file.path, head, file.evidence.size);
        self.entry(file, "file_inventory", "other_files", &entry, part);
    }

    /// Reads a document and tests its entries.
    pub(super) fn document(
        &self,
        file: &File<'_>,
        kind: Kind,
        source: impl Read,
        part: &mut Part,
    ) -> io::Result<()> {
        part.kind = kind;
        let (bytes, _) = read_document(source)?;
        let size = file.evidence.size.max(bytes.len() as u64);
        let size = if file.evidence.is_plain_file() { size } else { bytes.len() as u64 };
        let (entries, problems) = document::read(kind, &file.evidence.path, &file.path, &bytes, size);
        part.problems.extend(problems);
        let artifact = artifact_name(kind, &file.path, None, &self.content.artifacts);
        part.tally(None, &artifact).records += entries.len() as u64;
        for mut entry in entries {
            self.enrich(file, kind, &mut entry);
            if let Some(class) = kind.class() {
                self.entry(file, class, &artifact, &entry, part);
            }
            if kind == Kind::IisConfiguration {
                part.configuration.push(entry);
            }
        }
        Ok(())
    }

    /// Adds what Exchange's own installation media say of a page.
    fn enrich(&self, file: &File<'_>, kind: Kind, entry: &mut Entry) {
        let baseline = match kind {
            Kind::WebScript => {
                let hash = entry.value("sha256").map(|hash| text(hash).into_owned());
                file.path
                    .below_exchange()
                    .map_or("unlisted", |path| self.content.baseline_of(&path, hash.as_deref()))
            }
            Kind::CompiledPage => {
                let page = entry
                    .value("virtualPath")
                    .map(|page| text(page).to_ascii_lowercase())
                    .unwrap_or_default();
                let known = ["frontend/httpproxy", "clientaccess"]
                    .iter()
                    .any(|root| self.content.baseline_of(&format!("{root}{page}"), None) == "known");
                if known { "known" } else { "unlisted" }
            }
            _ => return,
        };
        entry.push("baseline", baseline);
    }

    fn entry(&self, file: &File<'_>, class: &'static str, artifact: &str, entry: &Entry, part: &mut Part) {
        let matcher = self.matchers.entries(class);
        let (mut scratch, mut found) = (self.scratch(), Vec::new());
        if !matcher.matcher.is_empty() {
            let record = EntryRecord { entry, wanted: matcher.matcher.wanted() };
            matcher.matcher.evaluate(&record, &mut scratch, &mut found);
        }
        self.scratches.give_back(scratch);
        for (_, value) in &entry.fields {
            intel::add(self.content, value, &mut found);
        }
        let value = |name: &str| entry.value(name).map(|value| text(value).into_owned());
        for rule in found {
            if !part.wants(rule) {
                continue;
            }
            let host = value("Server").filter(|_| class == "virtual_directory");
            let source = part.source(host.as_deref(), artifact, None);
            let is_file = matches!(class, "web_script" | "compiled_page" | "file_inventory");
            let time = file.evidence.modified.filter(|_| is_file);
            let (fields, raw) = (matcher.shown(rule, false, value), Some(text(&entry.raw).into()));
            let hit = Hit::stated(rule, source, time, Place::Offset(entry.offset));
            part.hits.push(&hit.with(Details { fields, raw, ..Details::default() }));
        }
    }
}

/// An entry as a matcher sees it.
struct EntryRecord<'a> {
    entry: &'a Entry,
    wanted: &'a [String],
}

impl Record for EntryRecord<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        let value = self.wanted.get(slot).and_then(|name| self.entry.value(name));
        value.map_or(Value::Absent, |value| Value::Text(Cow::Borrowed(value)))
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.entry.fields.iter().any(|(_, value)| test(value))
    }
}
