//! Files held against digests that somebody warns of: whatever is no log is read to its end for that.

use std::io::{self, Read};

use watchfire_artifact::digests::{DIGESTED_BYTES_MAX, Digesting, Wanted};
use watchfire_artifact::{Kind, Place, Problem};

use super::hits::Hit;
use super::part::{Part, artifact_name};
use super::{File, Scanner, intel};
use crate::content::Content;
use crate::details::Details;

/// Which digests indicators ask for.
pub(super) fn wanted(content: &Content) -> Wanted {
    let has = |bytes| content.intel.has_digests_of(bytes);
    Wanted { md5: has(16), sha1: has(20), sha256: has(32) }
}

impl Scanner<'_> {
    /// Reads what is left of a file, and adds the indicators that are its digests.
    pub(super) fn known_file<R: Read>(
        &self,
        file: &File<'_>,
        kind: Kind,
        mut source: Digesting<R>,
        part: &mut Part,
    ) -> io::Result<()> {
        let size = file.evidence.size;
        let mut within = (&mut source).take(DIGESTED_BYTES_MAX + 1);
        let copied = if size > DIGESTED_BYTES_MAX { size } else { io::copy(&mut within, &mut io::sink())? };
        if copied > DIGESTED_BYTES_MAX {
            let what = format!("not held against digests: larger than {DIGESTED_BYTES_MAX} bytes");
            part.problems.push(Problem::file(&file.evidence.path, what));
            return Ok(());
        }
        let artifact = artifact_name(kind, &file.path, None, &self.content.artifacts);
        for (name, digest) in source.finish() {
            let mut found = Vec::new();
            intel::add(self.content, digest.as_bytes(), &mut found);
            // What is known of a page by its own entry is known already.
            found.retain(|rule| !part.has(*rule) && part.wants(*rule));
            let source = part.source(None, &artifact, None);
            for rule in found {
                let fields =
                    vec![("path".into(), file.path.as_str().to_owned()), (name.into(), digest.clone())];
                let raw = Some(digest.as_str().into());
                let hit = Hit::stated(rule, source, file.evidence.modified, Place::File);
                part.hits.push(&hit.with(Details { fields, raw, ..Details::default() }));
            }
        }
        Ok(())
    }
}
