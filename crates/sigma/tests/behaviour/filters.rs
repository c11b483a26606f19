//! Filters (filters specification 2.1.0).

use watchfire_sigma::{ClassKey, Document, Fields, Filter, Rule, Rules, parse};

use crate::support::{Fake, hits, rule, sources};

fn filter(rules: &str, condition: &str) -> Filter {
    let text = format!(
        "title: f\nlogsource: {{ category: c }}\nfilter:\n    rules: {rules}\n    selection:\n        \
         User|startswith: 'adm_'\n    condition: {condition}\n"
    );
    let (documents, problems) = parse("f", &text);
    assert_eq!(problems, []);
    match documents.into_iter().next() {
        Some(Document::Filter(filter)) => filter,
        other => panic!("{other:?}"),
    }
}

fn named() -> Rule {
    rule(
        "title: t\nname: n\nid: 929a690e-bef0-4204-a928-ef5e620d6fcc\nlogsource: {category: c, product: p}\n\
          detection: {s: {A: 1}, condition: s}\n",
    )
}

#[track_caller]
fn check(filter: Filter, record: &str, expected: bool) {
    let mapping = "classes:\n  - class: k\n    logsources: [{ category: c, product: p }]\n";
    let sources = watchfire_sigma::LogSources::parse("s", mapping).0;
    let rules = Rules::with_filters(vec![named()], &[filter], sources);
    let class = ClassKey { class: "k", constants: &[], fields: Fields::Open };
    assert_eq!(hits(&rules, &class, &Fake::new(record)) == [0], expected, "{record}");
}

// The specification's example says what is suppressed, its schema also what is kept: both suppress.
#[test]
fn both_ways_of_writing_suppress() {
    for condition in ["selection", "not selection"] {
        check(filter("[n]", condition), "A=1; User=adm_x", false);
        check(filter("[n]", condition), "A=1; User=bob", true);
        check(filter("[n]", condition), "A=1", true);
        check(filter("[n]", condition), "A=2; User=bob", false);
    }
}

#[test]
fn rules_are_found_by_id_by_name_and_by_any() {
    for rules in ["[n]", "[929A690E-bef0-4204-a928-ef5e620d6fcc]", "any", "[other, n]"] {
        check(filter(rules, "selection"), "A=1; User=adm_x", false);
    }
    check(filter("[other]", "selection"), "A=1; User=adm_x", true);
}

#[test]
fn a_filter_for_another_log_source_leaves_the_rule_alone() {
    let mut other = filter("any", "selection");
    other.logsource.service = Some("elsewhere".into());
    check(other, "A=1; User=adm_x", true);
    let _ = sources();
}
