//! Content for the commands: the shipped files out of the binary, the user's from disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, anyhow, bail};
use sha2::{Digest, Sha256};
use watchfire_artifact::document::hex_lower;
use watchfire_artifact::sha256;
use watchfire_hunt::content::Content;
use watchfire_hunt::shards::By;
use watchfire_hunt::{Choice, Term, TermError};
use watchfire_sigma::{Environment, LogSources, Pipeline, Placeholders};
use watchfire_yara::YaraError;

use crate::intel;

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
pub(crate) fn load(by: &By) -> anyhow::Result<&'static Content> {
    Given::read(by)?.load(by)
}

/// The same, with the SHA-256 of everything that it was made of and of the program's version: what shards of a hunt
/// must agree in.
pub(crate) fn load_known(by: &By) -> anyhow::Result<(&'static Content, String)> {
    let given = Given::read(by)?;
    let digest = given.digest(by)?;
    Ok((given.load(by)?, digest))
}

/// What the user wrote: read once, for content and for its digest.
struct Given {
    rules: RuleFiles,
    pipelines: Vec<File>,
}

impl Given {
    fn read(by: &By) -> anyhow::Result<Self> {
        let mut rules = RuleFiles::default();
        for path in by.rules.iter().filter(|rules| *rules != BUILTIN) {
            rules.add(Path::new(path))?;
        }
        Ok(Self { rules, pipelines: texts(&paths(&by.pipelines))? })
    }

    fn load(self, by: &By) -> anyhow::Result<&'static Content> {
        let intel = intel::load(&paths(&by.intel), &paths(&by.warninglists))?;
        let (environment, choice) = (environment(&self.pipelines)?, choice(&by.include, &by.exclude)?);
        let mut content =
            Content::load_in(&shipped(), &self.rules.sigma, with_shipped(by), &environment, &choice)?;
        content.intel = intel;
        let RuleFiles { sigma, yara } = self.rules;
        if !yara.is_empty() {
            content.add_yara(&yara, &choice).map_err(|error| no_yara(&yara, &error))?;
        }
        // A process hunts once.
        let _ = USER_FILES.set(sigma.into_iter().chain(yara).collect());
        Ok(Box::leak(Box::new(content)))
    }

    fn digest(&self, by: &By) -> anyhow::Result<String> {
        let mut digest = Sha256::new();
        let mut add = |name: &str, text: &[u8]| {
            for part in [name.as_bytes(), text] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        };
        add(env!("CARGO_PKG_VERSION"), if with_shipped(by) { BUILTIN.as_bytes() } else { b"" });
        for (path, text) in SHIPPED {
            add(path, text.as_bytes());
        }
        for (path, text) in self.rules.sigma.iter().chain(&self.rules.yara).chain(&self.pipelines) {
            add(path, text.as_bytes());
        }
        for path in by.intel.iter().chain(&by.warninglists) {
            for file in intel::files_of(Path::new(path))? {
                let about = file.display().to_string();
                let hash = fs::File::open(&file).and_then(|mut source| sha256(&mut source));
                add(&about, &hash.with_context(|| about.clone())?);
            }
        }
        Ok(hex_lower(&digest.finalize()))
    }
}

fn paths(texts: &[String]) -> Vec<PathBuf> {
    texts.iter().map(PathBuf::from).collect()
}

fn with_shipped(by: &By) -> bool {
    by.rules.is_empty() || by.rules.iter().any(|rules| rules == BUILTIN)
}

/// The choice of `--include` and `--exclude`.
fn choice(include: &[String], exclude: &[String]) -> anyhow::Result<Choice> {
    let terms = |texts: &[String]| {
        let term = |text: &String| {
            let wrong = |error: TermError| anyhow!("{error}\nhint: level=high, tag=attack.t1059 or rule=ID");
            text.parse().map_err(wrong)
        };
        texts.iter().map(term).collect::<anyhow::Result<Vec<Term>>>()
    };
    Ok(Choice::new(terms(include)?, terms(exclude)?))
}

/// The user's files of rules, for those who ask for the text of a rule afterwards.
static USER_FILES: OnceLock<Vec<File>> = OnceLock::new();

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
pub(crate) fn environment(pipelines: &[File]) -> anyhow::Result<Environment> {
    let mut read = Vec::with_capacity(pipelines.len());
    for (path, text) in pipelines {
        let (pipeline, problems) = Pipeline::parse(path, text);
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

/// Files of rules, by their language.
#[derive(Default)]
pub(crate) struct RuleFiles {
    pub(crate) sigma: Vec<File>,
    pub(crate) yara: Vec<File>,
}

impl RuleFiles {
    /// Adds the rule files at a path: itself, or all `.yml`, `.yaml`, `.yar` and `.yara` below it in name order.
    pub(crate) fn add(&mut self, path: &Path) -> anyhow::Result<()> {
        let has = |path: &Path, endings: [&str; 2]| {
            path.extension()
                .and_then(|ending| ending.to_str())
                .is_some_and(|ending| endings.contains(&ending))
        };
        let is_yara = |path: &Path| has(path, ["yar", "yara"]);
        let is_rules = |path: &Path| has(path, ["yml", "yaml"]) || is_yara(path);
        let (yara, sigma): (Vec<PathBuf>, Vec<PathBuf>) =
            files_below(path, &is_rules)?.into_iter().partition(|path| is_yara(path));
        if sigma.is_empty() && yara.is_empty() {
            bail!(
                "{}: no rules there\nhint: rules are files that end in .yml or .yaml, or in .yar or .yara",
                path.display()
            );
        }
        self.sigma.extend(texts(&sigma)?);
        self.yara.extend(texts(&yara)?);
        Ok(())
    }
}

/// Why YARA rules cannot be used, and what to do about it.
pub(crate) fn no_yara(files: &[File], error: &YaraError) -> anyhow::Error {
    let first = files.first().map_or("", |(path, _)| path);
    let hint = match error {
        YaraError::NoEngine => {
            "\nhint: build with `cargo build --release -p watchfire --features yara`, or give Sigma rules alone"
        }
        YaraError::Scan(_) => "",
    };
    anyhow!("{first}: {error}{hint}")
}

/// A file, or those of a folder and below it that are wanted, in the order of their names.
pub(crate) fn files_below(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let about = || path.display().to_string();
    if !fs::metadata(path).with_context(about)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries =
        fs::read_dir(path).with_context(about)?.collect::<Result<Vec<_>, _>>().with_context(about)?;
    let mut entries: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(files_below(&entry, wanted)?);
        } else if wanted(&entry) {
            files.push(entry);
        }
    }
    Ok(files)
}

/// Files that somebody wrote by hand, each with its path.
pub(crate) fn texts(paths: &[PathBuf]) -> anyhow::Result<Vec<File>> {
    let read = |path: &PathBuf| {
        let about = path.display().to_string();
        let text = text(path).with_context(|| about.clone())?;
        Ok((about, text))
    };
    paths.iter().map(read).collect()
}

/// The text of a file that somebody wrote by hand.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(RULE_FILE_LIMIT_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > RULE_FILE_LIMIT_BYTES {
        bail!("larger than {RULE_FILE_LIMIT_BYTES} bytes, which no rule file is");
    }
    Ok(text)
}
