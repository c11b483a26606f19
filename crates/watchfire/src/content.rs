//! Content for the commands: the shipped files out of the binary, the user's from disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, bail};
use watchfire_hunt::content::Content;
use watchfire_intel::Index;
use watchfire_sigma::{Environment, LogSources, Pipeline, Placeholders};

/// The files of `detections/`, as they were when the binary was made.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/detections.rs"));

/// A rule file is text that somebody wrote by hand; nothing real comes near this.
const RULE_FILE_LIMIT_BYTES: u64 = 8 << 20;

/// The word for the shipped rules.
pub(crate) const BUILTIN: &str = "builtin";

/// Path and text of a file.
pub(crate) type File = (String, String);

/// The shipped files.
pub(crate) fn shipped() -> Vec<File> {
    SHIPPED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Loads content for `--rules`, led through `--pipeline`, and what `--intel` gave: nothing given means the shipped
/// rules.
///
/// It is never given back: a process hunts once, and taking thousands of rules apart again costs as much as reading
/// a tenth of them.
pub(crate) fn load(
    rules: &[String],
    pipelines: &[PathBuf],
    intel: Index,
) -> anyhow::Result<&'static Content> {
    let with_shipped = rules.is_empty() || rules.iter().any(|rules| rules == BUILTIN);
    let mut files = Vec::new();
    for path in rules.iter().filter(|rules| *rules != BUILTIN) {
        files.extend(read(Path::new(path))?);
    }
    remember(&files);
    let mut content = Content::load_in(&shipped(), &files, with_shipped, &environment(pipelines)?)?;
    content.intel = intel;
    Ok(Box::leak(Box::new(content)))
}

/// The user's files of rules, for those who ask for the text of a rule afterwards.
static USER_FILES: OnceLock<Vec<File>> = OnceLock::new();

fn remember(files: &[File]) {
    // A process hunts once.
    let _ = USER_FILES.set(files.to_vec());
}

/// The text of the rule file of a version: the first digits of its SHA-256.
pub(crate) fn text_of(version: &str) -> Option<String> {
    static TEXTS: OnceLock<BTreeMap<String, &'static str>> = OnceLock::new();
    let texts = TEXTS.get_or_init(|| {
        let user = USER_FILES.get().into_iter().flatten().map(|(_, text)| text.as_str());
        let texts = SHIPPED.iter().map(|(_, text)| *text).chain(user);
        texts.map(|text| (watchfire_hunt::content::version(text), text)).collect()
    });
    texts.get(version).map(|text| (*text).to_owned())
}

/// The environment of `--pipeline`. A pipeline with anything wrong in it is none: rules would not be what they seem.
pub(crate) fn environment(pipelines: &[PathBuf]) -> anyhow::Result<Environment> {
    let mut read = Vec::with_capacity(pipelines.len());
    for path in pipelines {
        let about = path.display().to_string();
        let text = text(path).with_context(|| about.clone())?;
        let (pipeline, problems) = Pipeline::parse(&about, &text);
        let Some(pipeline) = pipeline else {
            let told = problems.iter().map(|problem| match &problem.hint {
                Some(hint) => format!("{problem}\nhint: {hint}"),
                None => problem.to_string(),
            });
            bail!("{}", told.collect::<Vec<_>>().join("\n"));
        };
        read.push(pipeline);
    }
    Ok(Environment::new(Placeholders::new(), read))
}

/// The shipped mapping of log sources.
pub(crate) fn logsources() -> LogSources {
    let text = SHIPPED.iter().find(|(path, _)| *path == "logsources.yml").map_or("", |(_, text)| text);
    LogSources::parse("logsources.yml", text).0
}

/// The shipped lists of what is harmless or too common.
pub(crate) fn warninglists() -> &'static str {
    SHIPPED.iter().find(|(path, _)| *path == "data/warninglists.json").map_or("[]", |(_, text)| text)
}

/// The rule files at a path: itself, or all `.yml` and `.yaml` below it in name order.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<File>> {
    let is_yara = path.extension().is_some_and(|extension| extension == "yar" || extension == "yara");
    if is_yara {
        bail!(
            "{}: YARA rules are not read by this build\nhint: give Sigma rules, .yml or .yaml",
            path.display()
        );
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        bail!("{}: no rules there\nhint: rules are files that end in .yml or .yaml", path.display());
    }
    Ok(files)
}

fn collect(path: &Path, files: &mut Vec<File>) -> anyhow::Result<()> {
    let about = || path.display().to_string();
    if !fs::metadata(path).with_context(about)?.is_dir() {
        files.push((about(), text(path).with_context(about)?));
        return Ok(());
    }
    let mut names = fs::read_dir(path)
        .with_context(about)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(about)?;
    names.sort();
    let is_rules =
        |path: &Path| path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    for path in names.iter().map(|name| path.join(name)).filter(|path| is_rules(path) || path.is_dir()) {
        collect(&path, files)?;
    }
    Ok(())
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(RULE_FILE_LIMIT_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > RULE_FILE_LIMIT_BYTES {
        bail!("larger than {RULE_FILE_LIMIT_BYTES} bytes, which no rule file is");
    }
    Ok(text)
}
