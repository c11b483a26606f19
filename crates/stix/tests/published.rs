//! Published cases, where they are at hand: ids, TLP markings, the standard's examples, interoperability bundles, RFC 8785.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a test that cannot go on stops

use std::fs;
use std::path::{Path, PathBuf};

use watchfire_stix::json::{self, Limits, Node};
use watchfire_stix::marking::Definition;
use watchfire_stix::version::{Order, Refusal, compare};
use watchfire_stix::{Object, Problem, Reader, Severity, canonical, check_bundle, check_node, deterministic};

fn data(below: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(below);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// Calls with every case of a file, with the bytes of the file.
fn each_case(below: &str, list: &str, mut call: impl FnMut(&[u8], &Node<'_>)) {
    let Some(path) = data(below) else { return };
    let bytes = fs::read(path).unwrap();
    let (root, flaws) = json::parse_with(&bytes, Limits::DOCUMENT).unwrap();
    assert_eq!(flaws, []);
    let cases = root.get(list).and_then(Node::items).unwrap();
    assert!(!cases.is_empty(), "{below} holds no {list}");
    for case in cases {
        call(&bytes, case);
    }
}

/// The errors in an object, a list or a bundle.
fn errors(bytes: &[u8]) -> Vec<Problem> {
    let mut reader = Reader::new(bytes);
    let mut problems = Vec::new();
    for item in reader.by_ref() {
        let item = item.unwrap();
        let (node, flaws) = json::parse(&item.bytes).unwrap();
        problems.extend(
            flaws.into_iter().chain(check_node(&node)).map(|on| on.inside(&item.pointer, item.offset)),
        );
    }
    if let Some(around) = reader.around() {
        let (node, flaws) = json::parse(around).unwrap();
        problems.extend(flaws.into_iter().chain(check_bundle(&node, reader.objects())));
    }
    problems.retain(|problem| problem.severity == Severity::Error);
    problems
}

#[test]
fn ids_that_the_standard_prints() {
    let mut printed = 0;
    each_case("stix/deterministic_sco_ids_spec.json", "cases", |_, case| {
        let object = case.get("json").unwrap();
        assert_eq!(deterministic::name(object).as_deref(), case.text("canonical"));
        assert_eq!(deterministic::id(object).as_deref(), case.text("expected_id"));
        if case.get("spec_id_matches").and_then(Node::as_bool) == Some(true) {
            printed += 1;
            assert_eq!(deterministic::id(object).as_deref(), object.text("id"));
        }
    });
    println!("{printed} ids as printed");
}

#[test]
fn tlp_markings() {
    for list in ["tlp1", "tlp2"] {
        each_case("stix/tlp_markings.json", list, |bytes, case| {
            let object = &bytes[case.start..case.end];
            assert!(matches!(Definition::read(object), Definition::Tlp(_)), "{}", case.text("id").unwrap());
            assert_eq!(errors(object), []);
        });
    }
}

/// Examples of the standard that are no whole objects of STIX 2.1: an id with one hyphen (§3.9.1), indicators without
/// what 2.1 requires (§4.16, §8.2), payloads cut with an ellipsis (§6.1.1, C.2.2), an object of 2.0 (§9.5), and an
/// extension type with an underscore (C.2.4).
const NOT_WHOLE: [&str; 8] = ["3.9.1", "4.16.2", "6.1.1", "6.1.1", "8.2", "9.5", "C.2.2", "C.2.4"];

#[test]
fn examples_of_the_standard() {
    let mut refused = Vec::new();
    each_case("stix/stix21_spec_examples.json", "cases", |bytes, case| {
        let object = case.get("json").unwrap();
        if !errors(&bytes[object.start..object.end]).is_empty() {
            refused.push(case.text("section").unwrap().split(' ').next().unwrap().to_owned());
        }
    });
    if !refused.is_empty() {
        assert_eq!(refused, NOT_WHOLE);
    }
}

/// What the interoperability document prints against the standard: identifiers that are no UUIDs of RFC 4122, a time
/// that is none. One file is no object, one holds an empty list (§2.12).
#[test]
fn interoperability_bundles() {
    let mut sound = 0;
    each_case("stix/interop21/fixtures.json", "cases", |bytes, case| {
        let object = case.get("json").unwrap();
        let errors = errors(&bytes[object.start..object.end]);
        let file = case.text("file").unwrap();
        let no_object =
            ["common/identity-shape.json", "testcases/harness/missing-sidecar.json"].contains(&file);
        let misprint = |on: &Problem| on.clause.ends_with("§2.9") || on.clause.ends_with("§2.16.1");
        assert!(no_object || errors.iter().all(misprint), "{file}: {errors:?}");
        assert!(no_object || errors.is_empty() || case.text("stix2_validator") == Some("invalid"), "{file}");
        sound += usize::from(errors.is_empty());
    });
    println!("{sound} without an error");
}

/// What others' own versions are by our rules: a later one follows, a revoked one has none, an earlier one does not
/// replace it. Cases whose fault stands in the arguments of a function are none of a second object.
#[test]
fn versions() {
    let (mut newer, mut refused) = (0, 0);
    each_case("stix/versioning_ops.json", "cases", |bytes, case| {
        let object = |node: &Node<'_>| Object::read(&bytes[node.start..node.end]).0;
        let first = case.get("args").and_then(Node::items).and_then(<[_]>::first).and_then(object);
        let second = case.get("result").and_then(object);
        match (first, second, case.text("error_class")) {
            (Some(first), Some(second), None)
                if first.modified().is_some() && second.modified().is_some() =>
            {
                assert_eq!(compare(&first, &second), Ok(Order::Newer), "{}", case.text("test").unwrap());
                newer += 1;
            }
            (Some(first), None, Some("RevokeError")) => {
                let text = String::from_utf8(first.bytes().to_vec()).unwrap();
                let modified = case.get("args").and_then(Node::items).unwrap()[0].text("modified").unwrap();
                let later = Object::read(text.replace(modified, "2999-01-01T00:00:00.000Z").as_bytes()).0;
                assert_eq!(compare(&first, &later.unwrap()), Err(Refusal::Revoked));
                refused += 1;
            }
            _ => {}
        }
    });
    println!("{newer} versions follow, {refused} refused");
}

#[test]
fn canonical_forms() {
    let Some(folder) = data("trust/jcs") else { return };
    for entry in fs::read_dir(folder.join("input")).unwrap() {
        let path = entry.unwrap().path();
        let expected = fs::read(folder.join("output").join(path.file_name().unwrap())).unwrap();
        let written = canonical(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(written, expected.trim_ascii_end(), "{}", path.display());
    }
}

/// Bits of a double and what ECMAScript writes for it.
#[test]
fn numbers_of_ecmascript() {
    let Some(path) = data("trust/jcs/es6testfile_10000.txt") else { return };
    let text = fs::read_to_string(path).unwrap();
    for line in text.lines() {
        let (bits, expected) = line.split_once(',').unwrap();
        let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        let written = canonical(format!("{number:e}").as_bytes()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{bits}");
    }
    assert!(text.lines().count() >= 10_000);
}
