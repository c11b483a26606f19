//! The house keeps itself: layers, pure core, heads of files, no intrusion in code.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::format_push_string, clippy::disallowed_methods)] // a test that cannot go on stops

use std::fs;
use std::path::{Path, PathBuf};

/// Layer of each product crate; a crate may depend on lower layers only.
const LAYERS: [(&str, u8); 11] = [
    ("sigma", 0),
    ("stix", 0),
    ("intel", 0),
    ("yara", 0),
    ("artifact", 1),
    ("release", 1),
    ("hunt", 2),
    ("interop", 2),
    ("store", 2),
    ("node", 3),
    ("watchfire", 4),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&root().join("crates"), &mut files);
    collect(&root().join("fuzz/targets"), &mut files);
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn manifest(name: &str) -> String {
    fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap()
}

/// The product dependencies of a crate, without those of its tests.
fn dependencies(name: &str) -> String {
    let manifest = manifest(name);
    let start = manifest.find("[dependencies]").unwrap();
    let rest = &manifest[start..];
    rest.split("\n[dev-dependencies]").next().unwrap().to_owned()
}

#[test]
fn arrows_point_down() {
    for (name, layer) in LAYERS {
        let dependencies = dependencies(name);
        for (other, below) in LAYERS.into_iter().filter(|(other, _)| *other != name) {
            let depends = dependencies.contains(&format!("watchfire-{other}"));
            assert!(!depends || below < layer, "{name} (layer {layer}) depends on {other} (layer {below})");
        }
        assert!(!dependencies.contains("watchfire-lab"), "{name} depends on invented evidence");
    }
}

#[test]
fn the_core_is_pure() {
    const NOT_IN_THE_CORE: [&str; 8] =
        ["tokio", "axum", "ureq", "reqwest", "rusqlite", "postgres", "anyhow", "clap"];
    for name in ["sigma", "stix", "intel", "yara", "artifact", "release", "hunt", "interop"] {
        for dependency in NOT_IN_THE_CORE {
            assert!(
                !dependencies(name).contains(&format!("\n{dependency}")),
                "{name} depends on {dependency}"
            );
        }
    }
    for (path, text) in sources() {
        let core = [
            "crates/sigma/src",
            "crates/stix/src",
            "crates/intel/src",
            "crates/yara/src",
            "crates/interop/src",
            "crates/artifact/src",
            "crates/hunt/src",
            "crates/store/src",
            "crates/release/src",
        ];
        if core.iter().any(|part| path.to_string_lossy().contains(part)) {
            for call in ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "std::net::Tcp"] {
                assert!(!text.contains(call), "{} calls {call}", path.display());
            }
        }
    }
}

/// The store alone speaks to its engines, and it is neither async nor a client of anything else.
#[test]
fn sql_lives_only_in_the_store() {
    const STATEMENTS: [&str; 6] =
        ["select ", "insert into ", "update ", "delete from ", "create table ", "with recursive "];
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let dependencies = dependencies(&name);
        for engine in ["\nrusqlite", "\npostgres", "\nsqlx", "\nlibsqlite3-sys"] {
            assert!(name == "store" || !dependencies.contains(engine), "{name} depends on {}", engine.trim());
        }
    }
    for dependency in ["tokio", "axum", "ureq", "anyhow", "clap"] {
        assert!(
            !dependencies("store").contains(&format!("\n{dependency}.")),
            "store depends on {dependency}"
        );
    }
    for (path, text) in sources() {
        let shown = path.to_string_lossy();
        if shown.contains("crates/store/") || !shown.contains("/src/") {
            continue;
        }
        for literal in text.split('"').skip(1).step_by(2).map(str::to_lowercase) {
            let is_sql = STATEMENTS.iter().any(|statement| literal.trim_start().starts_with(statement))
                && [" from ", " into ", " set ", " where ", "table "]
                    .iter()
                    .any(|word| literal.contains(word));
            assert!(!is_sql, "{shown} holds SQL: {literal}");
        }
    }
}

/// What tells of the service and of no object may leave without the gate: each kind of it is looked at here.
#[test]
fn what_leaves_without_the_gate_is_listed() {
    let mut found: Vec<String> = Vec::new();
    for (path, text) in sources() {
        let shown = path.to_string_lossy();
        if shown.contains("/src/") && shown.contains("crates/") {
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix("impl ServiceFact for "));
            found.extend(lines.map(|rest| rest.trim_end_matches(" {}").to_owned()));
            // A body of a response is made in one file, of released bytes or of words of the program.
            let makes_bodies = text.contains("Body::from(") && !text.contains("pub(super) fn secured");
            assert!(!makes_bodies || shown.ends_with("taxii/refusal.rs"), "{shown} makes bodies");
        }
    }
    found.sort_unstable();
    assert_eq!(found, ["Cursor", "Service"]);
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources() {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        assert!(first.starts_with("//!"), "{} does not begin with what it is for", path.display());
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    for (path, text) in sources() {
        for mark in marks {
            assert!(!text.contains(mark), "{} holds {mark}", path.display());
        }
    }
}

/// Words of intrusions may stand in tests and in the lab, which invents them, but not in what hunts.
#[test]
fn no_intrusion_stands_in_code() {
    const WORDS: [&str; 8] = [
        "ServerInfo~",
        "proxyLogon.ecp",
        "X-Rps-CAT",
        "comsvcs",
        "procdump",
        "Set-OabVirtualDirectory",
        "!BDN",
        "CVE-20",
    ];
    for (path, text) in sources() {
        let shown = path.to_string_lossy();
        let product = [
            "crates/artifact/src",
            "crates/sigma/src",
            "crates/stix/src",
            "crates/hunt/src",
            "crates/watchfire/src",
        ];
        if !product.iter().any(|part| shown.contains(part))
            || shown.ends_with("tests.rs")
            || shown.ends_with("sample.rs")
        {
            continue;
        }
        let code: String = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in WORDS {
                assert!(!line.contains(word), "{shown}: {word} stands in code: {line}");
            }
        }
    }
}

#[test]
fn every_reader_has_a_fuzz_target() {
    let targets: Vec<String> = fs::read_dir(root().join("fuzz/targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    for reader in [
        "recognise",
        "lines",
        "layout",
        "event",
        "document",
        "archive",
        "rules",
        "yaml",
        "pipelines",
        "stix",
        "pattern",
        "indicators",
        "neighbours",
        "parts",
        "evtx",
        "taxii_client",
        "id_token",
    ] {
        assert!(targets.iter().any(|target| target == reader), "no fuzz target for {reader}");
    }
}
