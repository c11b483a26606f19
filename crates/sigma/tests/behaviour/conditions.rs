//! Conditions over whole rules; the grammar itself is tested beside its parser.

use crate::support::check;

const SEARCHES: &str = "sel_a:\n  A: 1\nsel_b:\n  B: 1\n_c:\n  C: 1\n";

#[track_caller]
fn over(condition: &str, record: &str, expected: bool) {
    check(&format!("{SEARCHES}condition: {condition}"), record, expected);
}

#[test]
fn operators() {
    over("sel_a and sel_b", "A=1; B=1", true);
    over("sel_a and sel_b", "A=1", false);
    over("sel_a or sel_b", "B=1", true);
    over("not sel_a", "B=1", true);
    over("not sel_a", "A=1", false);
    over("sel_a and not sel_b or _c", "C=1; B=1", true);
    over("not (sel_a or sel_b)", "C=1", true);
    over("not (sel_a or sel_b)", "B=1", false);
    over("not (sel_a and not sel_b)", "A=1; B=1", true);
    over("not not sel_a", "A=1", true);
}

#[test]
fn selectors() {
    over("1 of them", "C=1", false);
    over("1 of them", "B=1", true);
    over("all of them", "A=1; B=1", true);
    over("all of sel_*", "A=1", false);
    over("1 of _*", "C=1", true);
    over("not 1 of sel_*", "C=1", true);
}

// "The condition can be a list … logically linked with OR."
#[test]
fn several_conditions() {
    over("[sel_a, sel_b]", "B=1", true);
    over("[sel_a and sel_b, _c]", "A=1", false);
    over("[sel_a and sel_b, _c]", "C=1", true);
}
