//! A record for tests, and short ways to rules.

use std::borrow::Cow;

use watchfire_sigma::{
    ClassKey, Document, Fields, LogSources, Matcher, Placeholders, Problem, Record, Rule, Rules, Scratch,
    Severity, Value, parse_with, same_field,
};

/// A record with fields of its own names; several values make a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    pub(crate) fields: Vec<(String, Vec<Vec<u8>>)>,
}

impl Fake {
    /// `a=1; b=; c=[x|y]; d=[]`: fields, empty, several values, none.
    pub(crate) fn new(text: &str) -> Self {
        let field = |part: &str| {
            let (name, value) = part.split_once('=').expect("a test's record is name=value");
            let values = match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some("") => Vec::new(),
                Some(list) => list.split('|').map(|value| value.as_bytes().to_vec()).collect(),
                None => vec![value.as_bytes().to_vec()],
            };
            (name.to_owned(), values)
        };
        Self { fields: text.split("; ").filter(|part| !part.is_empty()).map(field).collect() }
    }

    pub(crate) fn bytes(name: &str, value: &[u8]) -> Self {
        Self { fields: vec![(name.to_owned(), vec![value.to_vec()])] }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// A record with the slots of one matcher.
pub(crate) struct Bound<'a>(pub(crate) &'a Fake, pub(crate) &'a Matcher);

impl Record for Bound<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        let name = &self.1.wanted()[slot];
        match self.0.fields.iter().find(|(own, _)| same_field(own, name)) {
            None => Value::Absent,
            Some((_, values)) if values.len() == 1 => Value::borrowed(&values[0]),
            Some((_, values)) => {
                Value::List(values.iter().map(|value| Cow::Borrowed(value.as_slice())).collect())
            }
        }
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.0.fields.iter().flat_map(|(_, values)| values).any(|value| test(value))
    }
}

/// Every line four columns to the right.
pub(crate) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// A whole rule around a detection.
pub(crate) fn rule_text(detection: &str) -> String {
    format!("title: t\nlogsource:\n    category: c\ndetection:\n{}", indented(detection))
}

pub(crate) fn sources() -> LogSources {
    LogSources::parse("sources", "classes:\n  - class: k\n    logsources: [{ category: c }]\n").0
}

pub(crate) fn placeholders() -> Placeholders {
    Placeholders::from([("admins".to_owned(), vec!["root".to_owned(), "adm_*".to_owned()])])
}

pub(crate) fn read(text: &str) -> (Vec<Document>, Vec<Problem>) {
    parse_with("rule", text, &placeholders())
}

#[track_caller]
pub(crate) fn rule(text: &str) -> Rule {
    let (documents, problems) = read(text);
    let refused: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Refused).collect();
    assert!(refused.is_empty(), "{refused:#?}\n{text}");
    match documents.into_iter().next() {
        Some(Document::Rule(rule)) => rule,
        other => panic!("not a rule: {other:?}"),
    }
}

pub(crate) fn hits(rules: &Rules, class: &ClassKey<'_>, record: &Fake) -> Vec<usize> {
    let matcher = rules.matcher(class);
    let mut hits = Vec::new();
    matcher.evaluate(&Bound(record, &matcher), &mut Scratch::new(), &mut hits);
    hits
}

/// Whether a detection matches a record, asked in every way that must give the same answer: of an open class, of a
/// class closed over the record's fields, and of a class in which every field is constant.
#[track_caller]
pub(crate) fn check_record(detection: &str, record: &Fake, expected: bool) {
    let rules = Rules::new(vec![rule(&rule_text(detection))], sources());
    let open = ClassKey { class: "k", constants: &[], fields: Fields::Open };
    let names = record.names();
    let closed = ClassKey { fields: Fields::Closed(&names), ..open };
    for class in [&open, &closed] {
        assert_eq!(hits(&rules, class, record) == [0], expected, "{detection}\non {record:?}\nin {class:?}");
    }
    let text = |value: &Vec<Vec<u8>>| value.first().and_then(|value| String::from_utf8(value.clone()).ok());
    let values: Option<Vec<String>> =
        record.fields.iter().map(|(_, value)| text(value).filter(|_| value.len() == 1)).collect();
    if let Some(values) = values {
        let constants: Vec<(&str, &str)> =
            names.iter().copied().zip(values.iter().map(String::as_str)).collect();
        let constant = ClassKey { constants: &constants, fields: Fields::Closed(&[]), ..open };
        assert_eq!(hits(&rules, &constant, record) == [0], expected, "{detection}\nconstant {constants:?}");
    }
}

#[track_caller]
pub(crate) fn check(detection: &str, record: &str, expected: bool) {
    check_record(detection, &Fake::new(record), expected);
}

/// One selection with one field.
#[track_caller]
pub(crate) fn field(test: &str, record: &str, expected: bool) {
    check(&format!("s:\n  {test}\ncondition: s"), record, expected);
}
