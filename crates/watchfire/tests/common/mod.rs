//! Running the binary as a user would, and reading what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The invented server.
#[allow(dead_code)]
pub(crate) fn example() -> PathBuf {
    root().join("examples/exchange-2016")
}

/// Public data sets beside the repository; tests that want them are skipped where they are not.
#[allow(dead_code)]
pub(crate) fn public(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data/exchange/samples").join(name);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// Runs the binary.
pub(crate) fn watchfire<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchfire")).args(arguments).output().unwrap()
}

/// A hunt's JSON lines.
#[allow(dead_code)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) lines: Vec<Value>,
}

/// Hunts in a path and reads the answer.
#[allow(dead_code)]
pub(crate) fn hunt(path: &Path, more: &[&str]) -> Answer {
    let mut arguments =
        vec!["hunt", path.to_str().unwrap(), "--format", "jsonl", "--min-level", "informational"];
    arguments.extend(more);
    let output = watchfire(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let code = output
        .status
        .code()
        .unwrap_or_else(|| panic!("ended by a signal: {}", String::from_utf8_lossy(&output.stderr)));
    assert_ne!(code, 2, "{}", String::from_utf8_lossy(&output.stderr));
    Answer { code, lines }
}

#[allow(dead_code)]
impl Answer {
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["kind"] == kind)
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("finding")
    }

    pub(crate) fn findings_of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Value> {
        self.findings().filter(move |finding| finding["rule"]["name"] == rule)
    }

    pub(crate) fn verdict(&self) -> &Value {
        let mut verdicts = self.of_kind("verdict");
        let verdict = verdicts.next().unwrap();
        assert!(
            verdicts.next().is_none(),
            "more than one server: {:?}",
            self.of_kind("verdict").map(|v| &v["server"]).collect::<Vec<_>>()
        );
        verdict
    }
}

/// Text of a JSON value.
#[allow(dead_code)]
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
