//! YARA rules: hunted by where the engine is built in, refused with a hint where it is not.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a test that cannot go on stops

mod common;

use std::fs;

use common::watchfire;

/// An inert text with a web shell's words in it, a clean page, and rules about both.
fn evidence() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("C/inetpub/wwwroot/aspnet_client");
    fs::create_dir_all(&pages).unwrap();
    fs::write(pages.join("discover.aspx"), "<%@ Page %>\nRun(Request[\"orange\"]) // inert\n").unwrap();
    fs::write(pages.join("clean.aspx"), "<%@ Page %>\nHello\n").unwrap();
    fs::write(
        folder.path().join("shells.yar"),
        r#"rule WEBSHELL_invented : T1505_003 {
  meta:
    description = "Page that runs a parameter"
    author = "A. Nonymous"
    reference = "https://rules.example/1"
    score = 80
    mitre = "T1505.003"
  strings: $run = "Run(Request[" condition: $run and extension == ".aspx"
}
rule broken { condition: no_such_thing }
"#,
    )
    .unwrap();
    folder
}

#[test]
#[cfg(not(feature = "yara"))]
fn a_build_without_the_engine_says_so() {
    let folder = evidence();
    let rules = folder.path().join("shells.yar");
    let (rules, pages) = (rules.to_str().unwrap(), folder.path().join("C"));
    for arguments in [&["hunt", pages.to_str().unwrap(), "--rules", rules][..], &["rules", "check", rules]] {
        let output = watchfire(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("shells.yar") && said.contains("--features yara"), "{said}");
    }
}

#[test]
#[cfg(feature = "yara")]
fn a_file_that_a_rule_matches_is_a_finding_with_its_proof() {
    let folder = evidence();
    let rules = folder.path().join("shells.yar");
    let (rules, pages) = (rules.to_str().unwrap(), folder.path().join("C"));
    let hunt = |more: &[&str]| {
        let arguments = ["hunt", pages.to_str().unwrap(), "--rules", rules, "--format", "jsonl"];
        let output = watchfire([&arguments[..], more].concat());
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code(), lines)
    };
    let (status, lines) = hunt(&[]);
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).cloned().collect::<Vec<_>>();
    let found = of("finding");
    assert_eq!((status, found.len()), (Some(1), 1), "{found:?}");
    let page = fs::read(pages.join("inetpub/wwwroot/aspnet_client/discover.aspx")).unwrap();
    let at = found[0]["offset"].as_u64().unwrap() as usize;
    assert!(page[at..].starts_with(b"Run(Request["), "{}", found[0]);
    assert_eq!(found[0]["rule"]["name"], "WEBSHELL_invented");
    assert_eq!(found[0]["rule"]["author"], "A. Nonymous");
    assert_eq!(found[0]["attack"], serde_json::json!(["T1505.003"]));
    let told = of("rules")[0].to_string();
    assert!(told.contains("shells.yar:10:26") && told.contains("no_such_thing"), "{told}");
    assert_eq!(hunt(&["--exclude", "rule=WEBSHELL_invented"]).0, Some(0));
    // Indicators are looked for in the files that YARA has seen too.
    let known = folder.path().join("known.txt");
    fs::write(&known, format!("{}\n", found[0]["sha256"].as_str().unwrap())).unwrap();
    let (_, lines) = hunt(&["--intel", known.to_str().unwrap()]);
    let both: Vec<bool> = lines
        .iter()
        .filter(|line| line["kind"] == "finding")
        .map(|finding| finding["indicator"].is_object())
        .collect();
    assert!(both.contains(&true) && both.contains(&false), "{both:?}");
}
