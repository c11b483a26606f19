//! Correlations (correlation rules specification 2.1.0), kind by kind.

use crate::support::indented;
use watchfire_sigma::{Correlation, Document, Hit, Match, Severity, correlate, correlate_all, parse};

fn correlation(body: &str) -> Correlation {
    let (documents, problems) = parse("c", &format!("title: t\nname: c\ncorrelation:\n{}", indented(body)));
    assert_eq!(problems, []);
    match documents.into_iter().next() {
        Some(Document::Correlation(correlation)) => correlation,
        other => panic!("{other:?}"),
    }
}

/// Time in milliseconds, rule, fields.
type Line = (i64, String, Vec<(String, String)>);

/// Hits as `seconds rule field=value …`, one a line.
struct Hits(Vec<Line>);

impl Hits {
    fn new(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            let seconds: i64 = words.next().unwrap().parse().unwrap();
            let rule = words.next().unwrap().to_owned();
            let fields = words.map(|word| word.split_once('=').unwrap());
            (seconds * 1_000, rule, fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        Self(text.lines().filter(|text| !text.trim().is_empty()).map(line).collect())
    }

    fn with<T>(&self, work: impl FnOnce(&[Hit<'_>]) -> T) -> T {
        let lookups: Vec<_> = self
            .0
            .iter()
            .map(|(_, _, fields)| {
                move |name: &str| fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
            })
            .collect();
        let hits: Vec<Hit<'_>> = self
            .0
            .iter()
            .zip(&lookups)
            .map(|((time_ms, rule, _), field)| Hit { id: None, name: Some(rule), time_ms: *time_ms, field })
            .collect();
        work(&hits)
    }
}

#[track_caller]
fn check(body: &str, hits: &str, expected: &[&[usize]]) {
    let correlation = correlation(body);
    let found: Vec<Vec<usize>> = Hits::new(hits)
        .with(|hits| correlate(&correlation, hits).into_iter().map(|found| found.hits).collect());
    assert_eq!(found, expected, "{body}\n{hits}");
}

const COUNT: &str = "type: event_count\nrules: [a]\ngroup-by: [u]\ntimespan: 10s\ncondition: { gte: 3 }";

#[test]
fn a_burst_is_one_match_with_all_its_hits() {
    check(COUNT, "0 a u=x\n1 a u=x\n2 a u=x\n3 a u=x\n9 a u=x\n", &[&[0, 1, 2, 3, 4]]);
    check(COUNT, "0 a u=x\n5 a u=x\n10 a u=x\n15 a u=x\n20 a u=x", &[&[0, 1, 2, 3, 4]]);
    check(COUNT, "0 a u=x\n1 a u=x\n2 a u=x\n60 a u=x\n61 a u=x\n62 a u=x", &[&[0, 1, 2], &[3, 4, 5]]);
}

#[test]
fn windows_slide_over_boundaries() {
    check(COUNT, "8 a u=x\n12 a u=x\n18 a u=x", &[&[0, 1, 2]]);
    check(COUNT, "8 a u=x\n12 a u=x\n19 a u=x", &[]);
    check(COUNT, "18 a u=x\n8 a u=x\n12 a u=x", &[&[1, 2, 0]]);
}

#[test]
fn groups_are_apart_and_ignore_case() {
    check(COUNT, "0 a u=x\n1 a u=y\n2 a u=x\n3 a u=y\n4 a u=X", &[&[0, 2, 4]]);
    check(COUNT, "0 a u=x\n1 a\n2 a u=x\n3 b u=x", &[]);
    let two = "type: event_count\nrules: [a, b]\ngroup-by: [u, h]\ntimespan: 1m\ncondition: { gt: 1 }";
    check(two, "0 a u=x h=1\n1 b u=x h=2\n2 b u=x h=1", &[&[0, 2]]);
    let alone = "type: event_count\nrules: [a]\ntimespan: 1h\ncondition: { gte: 2 }";
    check(alone, "0 a\n1 a", &[&[0, 1]]);
}

#[test]
fn bounds_that_more_hits_can_break() {
    let with =
        |condition: &str| format!("type: event_count\nrules: [a]\ntimespan: 10s\ncondition: {condition}");
    let burst = "0 a\n1 a\n2 a\n3 a\n60 a";
    check(&with("{ lt: 3 }"), burst, &[&[4]]);
    check(&with("{ lte: 4 }"), burst, &[&[0, 1, 2, 3], &[4]]);
    check(&with("{ eq: 4 }"), burst, &[&[0, 1, 2, 3]]);
    check(&with("{ neq: 4 }"), burst, &[&[4]]);
    check(&with("{ gt: 1, lte: 3 }"), burst, &[]);
    check(&with("{ gt: 1, lte: 4 }"), burst, &[&[0, 1, 2, 3]]);
}

#[test]
fn value_count() {
    let body = "type: value_count\nrules: [a]\ngroup-by: [h]\ntimespan: 1m\ncondition: { field: u, gte: 3 }";
    check(body, "0 a h=1 u=x\n1 a h=1 u=y\n2 a h=1 u=x\n3 a h=1 u=z\n4 a h=1", &[&[0, 1, 2, 3]]);
    check(body, "0 a h=1 u=x\n1 a h=1 u=y\n2 a h=1 u=X", &[]);
    check(body, "0 a h=1 u=x\n50 a h=1 u=y\n70 a h=1 u=z", &[]);
    let pair = "type: value_count\nrules: [a]\ntimespan: 1m\ncondition: { field: [u, h], gte: 3 }";
    check(pair, "0 a h=1 u=x\n1 a h=2 u=x\n2 a h=1 u=y", &[&[0, 1, 2]]);
}

#[test]
fn temporal() {
    let body = "type: temporal\nrules: [a, b, c]\ngroup-by: [h]\ntimespan: 5m";
    check(body, "0 c h=1\n10 a h=1\n299 b h=1", &[&[0, 1, 2]]);
    check(body, "0 c h=1\n10 a h=1\n301 b h=1", &[]);
    check(body, "0 c h=1\n10 a h=2\n20 b h=1", &[]);
    let two = "type: temporal\nrules: [a, b, c]\ntimespan: 5m\ncondition: { gte: 2 }";
    check(two, "0 c\n10 c\n20 a", &[&[0, 1, 2]]);
}

#[test]
fn temporal_ordered() {
    let body = "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 1m";
    check(body, "0 a\n10 b\n20 c", &[&[0, 1, 2]]);
    check(body, "0 b\n10 a\n20 c", &[]);
    check(body, "0 c\n10 a\n20 b\n30 c", &[&[1, 2, 3]]);
    check(body, "0 a\n50 b\n61 c", &[]);
    check(body, "0 a\n40 a\n50 b\n61 c", &[&[1, 2, 3]]);
    check(body, "5 c\n5 b\n5 a", &[&[2, 1, 0]]);
    check(body, "0 a\n1 b\n2 a\n3 b\n4 c\n5 c", &[&[0, 1, 2, 3, 4, 5][2..]]);
    let some = "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 1m\ncondition: { gte: 2 }";
    check(some, "0 a\n10 c", &[&[0, 1]]);
    check(some, "0 c\n10 a", &[]);
}

#[test]
fn sums_means_and_shares() {
    let with = |kind: &str, condition: &str| {
        format!("type: {kind}\nrules: [a]\ntimespan: 1m\ncondition: {condition}")
    };
    check(&with("value_sum", "{ field: n, gt: 10 }"), "0 a n=5\n1 a n=5\n2 a n=0.5\n3 a n=x", &[&[0, 1, 2]]);
    check(&with("value_sum", "{ field: n, gt: 10 }"), "0 a n=5\n1 a n=5", &[]);
    check(&with("value_avg", "{ field: n, gt: 10 }"), "0 a n=12\n1 a n=10", &[&[0, 1]]);
    check(&with("value_avg", "{ field: n, gt: 10 }"), "0 a n=12\n1 a n=2", &[]);
    check(
        &with("value_percentile", "{ field: n, lte: 20 }"),
        "0 a n=x\n1 a n=x\n2 a n=x\n3 a n=x\n4 a n=y",
        &[&[4]],
    );
}

// "Field Name Aliases Example".
#[test]
fn aliases() {
    let body = "type: temporal\nrules: [internal_error, new_connection]\ngroup-by: [internal_ip, remote_ip]\n\
                timespan: 10s\naliases:\n    internal_ip: { internal_error: dst, new_connection: src }\n    \
                remote_ip: { internal_error: src, new_connection: dst }";
    check(body, "0 internal_error src=r dst=i\n1 new_connection src=i dst=r", &[&[0, 1]]);
    check(body, "0 internal_error src=r dst=i\n1 new_connection src=r dst=i", &[]);
}

// "Failed Logins Followed by Successful Login".
#[test]
fn chains() {
    let text = "title: outer\nname: outer\ncorrelation:\n    type: temporal_ordered\n    rules: [many, success]\n    \
                group-by: [User]\n    timespan: 10m\n---\ntitle: many\nname: many\ncorrelation:\n    \
                type: event_count\n    rules: [failed]\n    group-by: [User]\n    timespan: 10m\n    \
                condition: { gte: 3 }\n";
    let (documents, problems) = parse("c", text);
    assert_eq!(problems, []);
    let correlations: Vec<Correlation> = documents
        .into_iter()
        .filter_map(|document| match document {
            Document::Correlation(correlation) => Some(correlation),
            _ => None,
        })
        .collect();
    let hits = Hits::new(
        "0 failed User=eve\n1 failed User=eve\n2 failed User=eve\n3 success User=bob\n4 success User=eve\n\
         5 failed User=eve",
    );
    let found: Vec<(usize, Match)> = hits.with(|hits| correlate_all(&correlations, hits));
    let shown: Vec<(usize, &[usize], i64)> =
        found.iter().map(|(number, found)| (*number, found.hits.as_slice(), found.met_ms)).collect();
    assert_eq!(shown, [(1, &[0, 1, 2, 5][..], 2_000), (0, &[0, 1, 2, 4, 5][..], 4_000)]);
    assert_eq!(found[1].1.group, [("User".to_owned(), "eve".to_owned())]);
}

#[test]
fn what_is_refused() {
    let refusal = |body: &str| {
        let (_, problems) = parse("c", &format!("title: t\ncorrelation: {{ {body} }}\n"));
        let refused = problems.into_iter().find(|problem| problem.severity == Severity::Refused);
        refused.map(|problem| problem.message).unwrap_or_default()
    };
    let rest = "rules: [a], timespan: 1h";
    assert_eq!(refusal(&format!("type: near, {rest}")), "unknown correlation type `near`");
    assert_eq!(refusal("type: temporal, timespan: 1h"), "a correlation needs `rules`");
    assert_eq!(refusal("type: temporal, rules: [a], timespan: 1w"), "no readable `timespan`");
    assert_eq!(
        refusal("type: temporal, rules: [a], timespan: 99999999999999999999d"),
        "no readable `timespan`"
    );
    assert_eq!(refusal(&format!("type: event_count, {rest}")), "no condition");
    assert_eq!(
        refusal(&format!("type: event_count, {rest}, condition: {{ }}")),
        "the condition has no bound"
    );
    assert_eq!(refusal(&format!("type: event_count, {rest}, condition: {{ ge: 1 }}")), "unknown bound `ge`");
    assert_eq!(
        refusal(&format!("type: value_sum, {rest}, condition: {{ gt: 1 }}")),
        "the condition needs `field`"
    );
    assert_eq!(
        refusal(&format!("type: temporal, {rest}, groupby: [x]")),
        "a correlation has no attribute `groupby`"
    );
}
