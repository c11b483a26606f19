//! Indicators for a hunt: the files of `--intel` and `--warninglist` read into one index.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use watchfire_artifact::WindowsPath;
use watchfire_intel::{Builder, Index, Warninglists};
use watchfire_interop::intel::{read, warninglists};

use crate::{content, terminal};

/// Endings of files of indicators in a folder. A feed's own lists of its files and digests are none.
const ENDINGS: [&str; 8] = ["json", "csv", "tsv", "txt", "ioc", "xml", "stix", "stix2"];
const NOT_INDICATORS: [&str; 2] = ["manifest.json", "hashes.csv"];

/// A warning list is read up to here; the largest of MISP's has 5 MB.
const WARNINGLIST_LIMIT_BYTES: u64 = 256 << 20;

/// Values that cannot be looked for are named one by one up to here, then counted.
const PROBLEMS_TOLD: usize = 12;

/// Reads everything that was given, and says what became of it.
pub(crate) fn load(intel: &[PathBuf], lists: &[PathBuf]) -> anyhow::Result<Index> {
    if intel.is_empty() {
        if !lists.is_empty() {
            bail!("--warninglist says nothing without --intel");
        }
        return Ok(Index::default());
    }
    let mut builder = Builder::new(warnings(lists)?).with_sites(WindowsPath::site_path);
    let (mut indicators, mut not_meant, mut refused, mut files) = (0, 0, 0, 0);
    let mut told = 0;
    for path in intel {
        for file in files_of(path)? {
            let about = file.display().to_string();
            let mut source = File::open(&file).with_context(|| about.clone())?;
            let name =
                file.file_name().map_or_else(|| about.clone(), |name| name.to_string_lossy().into_owned());
            let loaded = read(&name, &mut source, &mut builder).with_context(|| about.clone())?;
            for problem in loaded.problems.iter().take(PROBLEMS_TOLD - told) {
                terminal::message(&format!("{about}: {problem}"));
                told += 1;
            }
            indicators += loaded.indicators;
            not_meant += loaded.not_meant;
            refused += loaded.refused;
            files += 1;
        }
    }
    if indicators == 0 {
        bail!("no indicators in {files} files\nhint: STIX, MISP, CSV, a value a line, or OpenIOC");
    }
    terminal::message(&format!(
        "{indicators} indicators from {files} files; {not_meant} not meant for detection, {refused} cannot be looked for"
    ));
    Ok(builder.build())
}

fn warnings(paths: &[PathBuf]) -> anyhow::Result<Warninglists> {
    let mut lists = warninglists(content::warninglists().as_bytes()).context("built-in warning lists")?;
    for path in paths {
        for file in files_of(path)? {
            let about = || file.display().to_string();
            let bytes = bytes(&file).with_context(about)?;
            lists.extend(warninglists(&bytes).with_context(about)?);
        }
    }
    let (compiled, problems) = Warninglists::new(&lists);
    for problem in problems {
        terminal::message(&problem);
    }
    Ok(compiled)
}

#[allow(clippy::disallowed_methods)] // the take has a limit
fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(WARNINGLIST_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > WARNINGLIST_LIMIT_BYTES {
        bail!("larger than {WARNINGLIST_LIMIT_BYTES} bytes");
    }
    Ok(bytes)
}

/// A file, or those of a folder and below it, in the order of their names.
pub(crate) fn files_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    content::files_below(path, &|entry| {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let ending = name.rsplit('.').next().unwrap_or_default();
        ENDINGS.contains(&ending) && !NOT_INDICATORS.contains(&name.as_str())
    })
}
