//! Processing pipelines: what they make of rules, and what in them is refused.

use watchfire_sigma::{
    ClassKey, Document, Environment, Fields, LogSources, Pipeline, Placeholders, Rules, Severity, parse_in,
};

use crate::support::{Fake, hits, indented};

fn pipeline(transformations: &str) -> Pipeline {
    let text =
        format!("name: p\nvars:\n  admins: [root, 'adm_*']\ntransformations:\n{}", indented(transformations));
    let (pipeline, problems) = Pipeline::parse("p.yml", &text);
    assert_eq!(problems, [], "{text}");
    pipeline.unwrap()
}

fn rule(detection: &str) -> String {
    format!(
        "title: t\ntags: [attack.t1059]\nlogsource:\n    category: c\n    product: p\ndetection:\n{}",
        indented(detection)
    )
}

#[track_caller]
fn rules(transformations: &str, detection: &str) -> Rules {
    let environment = Environment::new(Placeholders::new(), vec![pipeline(transformations)]);
    let parsed = parse_in("r.yml", &rule(detection), &environment);
    let refused: Vec<_> =
        parsed.problems.iter().filter(|problem| problem.severity == Severity::Refused).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let rules = parsed.documents.into_iter().filter_map(|document| match document {
        Document::Rule(rule) => Some(rule),
        _ => None,
    });
    let sources = "classes:\n  - class: k\n    logsources: [{ category: c, product: p }]\n  - class: l\n    \
                   logsources: [{ category: d }]\n";
    Rules::new(rules.collect(), LogSources::parse("s", sources).0)
}

#[track_caller]
fn check(transformations: &str, detection: &str, record: &str, expected: bool) {
    let rules = rules(transformations, detection);
    let class = ClassKey { class: "k", constants: &[], fields: Fields::Open };
    assert_eq!(
        hits(&rules, &class, &Fake::new(record)) == [0],
        expected,
        "{transformations}{detection}\n{record}"
    );
}

#[track_caller]
fn refused(transformations: &str, detection: &str, expected: &str) {
    let environment = Environment::new(Placeholders::new(), vec![pipeline(transformations)]);
    let parsed = parse_in("r.yml", &rule(detection), &environment);
    assert!(parsed.documents.is_empty());
    assert_eq!(parsed.refused, 1);
    let told = parsed.problems[0].to_string();
    assert!(told.contains(expected), "{told}");
}

#[test]
fn fields_take_other_names() {
    let one = "- type: field_name_mapping\n  mapping:\n    A: x\n    B: [y, z]\n";
    check(one, "s: {A|contains: q}\ncondition: s", "x=aqa", true);
    check(one, "s: {A|contains: q}\ncondition: s", "A=aqa", false);
    check(one, "s: {B: q, A: r}\ncondition: s", "z=q; x=r", true);
    check(one, "s: {B: q, A: r}\ncondition: s", "y=q; x=r", true);
    check(one, "s: {B: q, A: r}\ncondition: s", "z=q", false);
    check(one, "s: [{B: q}, {C: r}]\ncondition: s", "z=q", true);
    check(one, "s: [{B: q}, {C: r}]\ncondition: s", "C=r", true);
    check(one, "s: {C|fieldref: A}\ncondition: s", "C=1; x=1", true);
    check(one, "s: ['A']\ncondition: s", "F=a", true);
    let prefix = "- type: field_name_prefix_mapping\n  mapping:\n    win.: w_\n";
    check(prefix, "s: {win.F: q, F: r}\ncondition: s", "w_F=q; F=r", true);
    let affix = "- type: field_name_suffix\n  suffix: .keyword\n- type: field_name_prefix\n  prefix: e.\n";
    check(affix, "s: {F: q}\ncondition: s", "e.F.keyword=q", true);
}

#[test]
fn conditions_choose_rules_and_fields() {
    let only = |condition: &str| format!("- type: field_name_mapping\n  mapping: {{A: x}}\n{condition}");
    for (condition, applies) in [
        ("  rule_conditions: [{type: logsource, category: c}]\n", true),
        ("  rule_conditions: [{type: logsource, category: c, product: q}]\n", false),
        ("  rule_conditions: [{type: logsource, category: q}]\n  rule_cond_not: true\n", true),
        ("  rule_conditions: [{type: logsource, category: q}, {type: tag, tag: attack.t1059}]\n", false),
        (
            "  rule_conditions: [{type: logsource, category: q}, {type: tag, tag: attack.t1059}]\n  rule_cond_op: or\n",
            true,
        ),
        ("  rule_conditions: [{type: is_sigma_correlation_rule}]\n", false),
        ("  rule_conditions: [{type: is_sigma_rule}]\n", true),
        ("  field_name_conditions: [{type: include_fields, fields: [A]}]\n", true),
        ("  field_name_conditions: [{type: exclude_fields, fields: [A]}]\n", false),
        ("  field_name_conditions: [{type: include_fields, fields: ['[A-C]$'], mode: re}]\n", true),
    ] {
        check(&only(condition), "s: {A: q}\ncondition: s", "x=q", applies);
        check(&only(condition), "s: {A: q}\ncondition: s", "A=q", !applies);
    }
}

#[test]
fn log_sources_and_conditions_change() {
    let other = "- type: change_logsource\n  category: d\n";
    let rules = rules(other, "s: {A: q}\ncondition: s");
    let class = ClassKey { class: "l", constants: &[], fields: Fields::Open };
    assert_eq!(hits(&rules, &class, &Fake::new("A=q")), [0]);
    let more = "- type: add_condition\n  conditions:\n    Channel: [a, b]\n    EventID: 4\n";
    check(more, "s: {A: q}\nt: {B: q}\ncondition: s or t", "A=q; Channel=b; EventID=4", true);
    check(more, "s: {A: q}\nt: {B: q}\ncondition: s or t", "A=q; Channel=b", false);
    check(more, "s: {A: q}\nt: {B: q}\ncondition: 1 of them", "B=q; Channel=a; EventID=4", true);
    check(more, "s: {A: q}\nt: {B: q}\ncondition: 1 of them", "Channel=a; EventID=4", false);
    let none = "- type: add_condition\n  conditions: {Channel: a}\n  negated: true\n";
    check(none, "s: {A: q}\ncondition: s", "A=q", true);
    check(none, "s: {A: q}\ncondition: s", "A=q; Channel=a", false);
}

#[test]
fn values_change_and_tests_go() {
    let replace = "- type: replace_string\n  regex: '^C:.(.*)'\n  replacement: 'D:\\\\\\1'\n";
    check(replace, "s: {A: 'C:\\x'}\ncondition: s", r"A=D:\x", true);
    check(replace, "s: {A|re: 'C:.x'}\ncondition: s", r"A=C:\x", true);
    let drop =
        "- type: drop_detection_item\n  field_name_conditions: [{type: include_fields, fields: [B]}]\n";
    check(drop, "s: {A: q, B: r}\ncondition: s", "A=q", true);
    refused(drop, "s: {B: r}\ncondition: s", "the pipeline drops every test of `s`");
}

#[test]
fn placeholders_take_the_values_of_the_pipeline() {
    let values = "- type: value_placeholders\n";
    check(values, "s: {A|expand: '%admins%'}\ncondition: s", "A=adm_x", true);
    check(values, "s: {A|expand: '%admins%'}\ncondition: s", "A=bob", false);
    refused(values, "s: {A|expand: '%others%'}\ncondition: s", "nobody defined the placeholder `%others%`");
    refused(
        "- type: value_placeholders\n  exclude: [admins]\n",
        "s: {A|expand: '%admins%'}\ncondition: s",
        "nobody defined the placeholder `%admins%`",
    );
    check("- type: wildcard_placeholders\n", "s: {A|expand: 'x%others%'}\ncondition: s", "A=xy", true);
}

#[test]
fn pipelines_follow_their_priority() {
    let named = |priority: i64, from: &str, to: &str| {
        let text = format!(
            "priority: {priority}\ntransformations: [{{type: field_name_mapping, mapping: {{{from}: {to}}}}}]\n"
        );
        Pipeline::parse("p", &text).0.unwrap()
    };
    let environment = Environment::new(Placeholders::new(), vec![named(20, "B", "C"), named(10, "A", "B")]);
    let parsed = parse_in("r", &rule("s: {A: q}\ncondition: s"), &environment);
    let Some(Document::Rule(rule)) = parsed.documents.first() else { panic!("{parsed:?}") };
    assert_eq!(rule.detection.fields(), ["C"]);
}

#[test]
fn names_do_not_multiply_without_end() {
    let names = "- type: field_name_mapping\n  mapping: {A: [a, b, c, d], B: [a, b, c, d], C: [a, b, c, d], D: [a, b, \
                 c, d], E: [a, b, c, d]}\n";
    refused(names, "s: {A: 1, B: 2, C: 3, D: 4, E: 5}\ncondition: s", "multiply the tests of `s` beyond 256");
    let twice = names.repeat(2).replace("A: [a, b, c, d]", "A: [A, A, A, A]");
    let list = "s: [{A: 1, F: 2}, {A: 3}]\ncondition: s";
    check(&twice, list, "A=3", true);
    let often = "- type: field_name_mapping\n  mapping: {A: [A, A, A, A]}\n".repeat(5);
    refused(&often, list, "multiply the tests of `s` beyond 256");
}

#[test]
fn a_rule_can_be_refused_by_its_pipeline() {
    refused("- type: rule_failure\n  message: not here\n", "s: {A: q}\ncondition: s", "not here");
}

#[test]
fn what_is_not_understood_refuses_the_pipeline() {
    for (text, expected) in [
        (
            "transformations:\n  - type: set_state\n    key: a\n",
            "2:11: refused: the transformation `set_state` is not",
        ),
        ("transformations:\n  - {id: x}\n", "2:5: refused: a transformation needs a `type`"),
        (
            "transformations:\n  - type: field_name_mapping\n",
            "2:5: refused: the transformation needs a `mapping`",
        ),
        (
            "transformations:\n  - type: replace_string\n    regex: '('\n    replacement: x\n",
            "3:12: refused: not a regular",
        ),
        ("transformations:\n  - type: drop_detection_item\n", "2:5: refused: this would drop every test"),
        (
            "transformations:\n  - type: rule_failure\n    rule_conditions: [{type: rule_attribute}]\n",
            "3:23: refused: the condition `rule_attribute` is not supported",
        ),
        (
            "transformations:\n  - type: rule_failure\n    wat: x\n",
            "3:5: refused: `wat` is not supported here",
        ),
        ("transformations: []\npostprocessing: []\n", "2:1: refused: `postprocessing` is not about rules"),
        ("name: x\n", "1:1: refused: no `transformations`"),
        ("", "1:1: refused: an empty file is no pipeline"),
        ("a: [\n", "refused: not readable as yaml"),
    ] {
        let (pipeline, problems) = Pipeline::parse("p.yml", text);
        assert!(pipeline.is_none(), "{text}");
        let told = problems[0].to_string();
        assert!(told.contains(expected), "{text}: {told}");
    }
}
