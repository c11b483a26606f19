//! What the quick reader accepts, the parser reads alike.

use proptest::prelude::*;

use super::super::{Piece, load, pieces};
use super::*;
use crate::problem::Problems;

fn parsed(file: &Arc<str>, piece: &Piece<'_>) -> (Vec<Node>, usize) {
    let mut problems = Problems::default();
    let nodes = load::load(file, piece, &mut problems);
    (nodes, problems.into_list().len())
}

/// Reads a text both ways; whether the quick reader read all of it.
#[track_caller]
fn agree(text: &str) -> bool {
    let file: Arc<str> = Arc::from("f");
    let mut all = true;
    for piece in pieces(text) {
        match read(&file, &piece) {
            Some(node) => assert_eq!((vec![node], 0), parsed(&file, &piece), "{:?}", piece.text),
            None => all = false,
        }
    }
    all
}

#[track_caller]
fn quick(text: &str) {
    assert!(agree(text), "left to the parser: {text:?}");
}

#[track_caller]
fn left(text: &str) {
    assert!(!agree(text), "not left to the parser: {text:?}");
}

#[test]
fn what_rules_look_like() {
    quick("title: A b  c # d\nid: x-y\nlevel: high\n");
    quick(
        "---\n# c\n\na:\n    b|c|all:\n        - 'it''s'\n        - \"a\\\\b\\\"\"\n        - -x\n    d: 1\n",
    );
    quick("a:\n- b: 1\n  c: 2\n-   d: 3\n\n    # c\n-\n  e: 4\nf:\n  -\n    g: h\n");
    quick("a: |\n    one\n      two\n\n    three: x # no comment\n\nb: c\n");
    quick("a: |-\n  one\n  two\n\n\n# c\nb: ~\n");
    quick("- a\n- - b\n  - c\n- 'd': e\n");
    quick("a: [b, 'c', \"d\", 1, [e], {f: g, 'h': 2}] # c\nb: {}\nc: []\n");
    quick("'|all':\n  - x\n\"q\" : y\n");
    quick("é: ü # ö\nü: {é: à, b: [ö, c]}\n");
    quick("a: 0x17\nb: 1.50\nc: -3\nd: true\ne: NULL\nf: .inf\ng: 1e3\nh: no\ni: 2021-03-03\n");
    quick("a: b#c\nb: http://x:1/y\nc: ?x\nd: :y\ne: 'z' # c\nf: %x%y\n".replace("f: %x", "f: x%").as_str());
    quick("a: b");
    quick("---\na: b\n---\nc: d\n");
    quick("a:\n  - |\n    x\n  - y\n");
}

#[test]
fn what_is_left_to_the_parser() {
    left("- |\n    x\n    ");
    for text in [
        "a:\n-\n  b: c\n",
        "a: b\n  c\n",
        "a: >\n  b\n",
        "a: |+\n  b\n",
        "a: |2\n   b\n",
        "a: |\n  b",
        "a: &x b\nc: *x\n",
        "a: !!str 1\n",
        "a:\nb: c\n",
        "a:\n",
        "-\n- a\n",
        "a: 'b\n  c'\n",
        "a: \"\\x41\"\n",
        "a: [b,\n  c]\n",
        "a: [b: c]\n",
        "a: [b, ]\n",
        "a: b\na: c\n",
        "a: b: c\n",
        "a: b:\n",
        "a\n",
        "'a'\n",
        "? a\n: b\n",
        "{a: b}: c\n",
        "a:\tb\n",
        "a: b\r\n",
        "a: b\n c: d\n",
        "a: b\n...\nc: d\n",
        "%YAML 1.2\na: b\n",
        "--- a\n",
        "<<: a\n",
        "a:\n    - b\n  - c\n",
        "a: |\n      \n  b\n",
        "a: @b\n",
        "a: - b\n",
        "a: 'b' c\n",
        "a: 'b': c\n",
        "null: a\n",
        "a: {b, c: d}\n",
        "a: {b: }\n",
        "a: ]\n",
    ] {
        left(text);
    }
    left(&format!("{}x: y\n", " ".repeat(500)));
    left(&(0..60).flat_map(|depth| [" ".repeat(depth), "a:\n".to_owned()]).collect::<String>());
    left(&format!("a: {}b{}\n", "[".repeat(60), "]".repeat(60)));
    left(&format!("{}: b\n", "a".repeat(2_000)));
}

#[test]
fn public_rules_are_read_quickly_and_alike() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hunt/sigmahq-rules");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let (mut open, mut files, mut all) = (vec![folder], 0, 0);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            files += 1;
            all += usize::from(agree(&String::from_utf8(std::fs::read(&path).unwrap()).unwrap()));
        }
    }
    println!("{all} of {files} files are read quickly");
    assert!(all * 100 >= files * 95, "{all} of {files}");
}

/// Lines of the kind that rules have, right and wrong.
fn line() -> impl Strategy<Value = String> {
    let indent = prop_oneof![Just(0usize), Just(2), Just(4), 0usize..6];
    let head = prop_oneof![
        Just(String::new()),
        Just("- ".to_owned()),
        Just("a: ".to_owned()),
        Just("b|c: ".to_owned()),
        Just("'d': ".to_owned()),
        Just("- e: ".to_owned()),
        Just("- - ".to_owned()),
        Just("# ".to_owned()),
        Just("-".to_owned()),
        Just("f:".to_owned()),
    ];
    let tail = prop_oneof![
        Just(String::new()),
        Just("|".to_owned()),
        Just("|-".to_owned()),
        Just(">".to_owned()),
        Just("'x''y' # c".to_owned()),
        Just("\"\\\\ \\n\"".to_owned()),
        Just("[a, 'b', {c: d}]".to_owned()),
        "[a-c:#'\"\\[\\]{},|>&*!%@?~ 0-9.é-]{0,8}",
        "[a-z0-9]{1,4}",
    ];
    (indent, head, tail).prop_map(|(indent, head, tail)| format!("{}{head}{tail}", " ".repeat(indent)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_is_accepted_is_read_alike(lines in proptest::collection::vec(line(), 0..8), end in "\n?") {
        agree(&(lines.join("\n") + &end));
    }

    #[test]
    fn any_text_is_survived(text in "[a-c:#'\"\\[\\]{},|>&*!%@?~ \n\t\r.é-]{0,60}") {
        agree(&text);
    }
}
