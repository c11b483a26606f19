//! YARA rules on files that are no logs: pages, scripts, configurations, whatever else was collected.

use std::io::{self, Read};

use watchfire_artifact::lines::read_limited;
use watchfire_artifact::text::text;
use watchfire_artifact::{Kind, Place, Problem};
use watchfire_yara as yara;

use super::hits::Hit;
use super::part::Part;
use super::{File, Scanner};
use crate::details::Details;

/// Bytes before and behind the first matched string that a proof shows.
const PROOF_AROUND_BYTES: usize = 512;

impl Scanner<'_> {
    /// Reads a file, notes the rules that match it, and gives its bytes back.
    pub(super) fn by_yara(
        &self,
        file: &File<'_>,
        kind: Kind,
        source: impl Read,
        part: &mut Part,
    ) -> io::Result<Vec<u8>> {
        let (bytes, cut) = read_limited(source, yara::FILE_BYTES_MAX as u64)?;
        let Some(rules) = &self.content.yara else { return Ok(bytes) };
        let problem = |what: String| Problem::file(&file.evidence.path, what);
        if cut {
            let what = format!("YARA rules saw the first {} MiB only", yara::FILE_BYTES_MAX >> 20);
            part.problems.push(problem(what));
        }
        let (folder, name) = file.path.as_str().rsplit_once('\\').unwrap_or(("", file.path.as_str()));
        // A scanner of the engine's may not change threads, and files of one unit come one at a time.
        match rules.rules.scanner().scan(yara::About { folder, name }, &bytes) {
            Ok(found) => {
                for found in found.iter().filter(|found| rules.taken.get(found.rule) == Some(&true)) {
                    part.file_hit(file, kind, rules.first + found.rule, (found, &bytes));
                }
            }
            Err(error) => part.problems.push(problem(error.to_string())),
        }
        Ok(bytes)
    }
}

impl Part {
    /// Notes that a rule matches a file.
    fn file_hit(&mut self, file: &File<'_>, kind: Kind, rule: usize, (found, bytes): (&yara::Match, &[u8])) {
        if !self.wants(rule) {
            return;
        }
        let at = found.strings.iter().map(|string| string.offset).min();
        let shown = |string: &yara::Found| (string.name.as_str().into(), text(&string.bytes).into_owned());
        let place = at.map_or(Place::File, Place::Offset);
        let hit = Hit::stated(rule, self.source(None, kind.artifact(), None), file.evidence.modified, place);
        self.hits.push(&hit.with(Details {
            fields: found.strings.iter().map(shown).collect(),
            raw: Some(text(around(bytes, at.unwrap_or(0))).into()),
            ..Details::default()
        }));
    }
}

/// The bytes around an offset that a proof shows.
fn around(bytes: &[u8], at: u64) -> &[u8] {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[at.saturating_sub(PROOF_AROUND_BYTES)..(at + PROOF_AROUND_BYTES).min(bytes.len())]
}
