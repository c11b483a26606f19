//! No text makes the rule reader panic; what it accepts, it compiles, and it evaluates the text itself by it. A line
//! that a rule matches is never missed by the search.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_sigma::{ClassKey, Document, Encoding, Fields, LogSources, Record, Rules, Scratch, Value};

const SOURCES: &str = "classes:\n  - class: line\n    logsources:\n      - product: windows\n        category: process_creation\n";

/// A line all of whose fields are the line itself.
struct Line<'a>(&'a [u8]);

impl Record for Line<'_> {
    fn value(&self, _: usize) -> Value<'_> {
        Value::borrowed(self.0)
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        test(self.0)
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (documents, _) = watchfire_sigma::parse("rule.yml", text);
    let rules = documents.into_iter().filter_map(|document| match document {
        Document::Rule(rule) => Some(rule),
        _ => None,
    });
    let (sources, _) = LogSources::parse("logsources.yml", SOURCES);
    let rules = Rules::new(rules.collect(), sources);
    let matcher = rules.matcher(&ClassKey { class: "line", constants: &[], fields: Fields::Open });
    let prefilter = matcher.prefilter(&Encoding { one_line: true, ..Encoding::default() });
    let mut scratch = Scratch::default();
    let (mut woken_hits, mut all_hits) = (0, 0);
    let mut hits = Vec::new();
    prefilter.lines(data, |line, woken| {
        hits.clear();
        matcher.evaluate_woken(&Line(&data[line]), woken, &mut scratch, &mut hits);
        woken_hits += hits.len();
    });
    for line in data.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        hits.clear();
        if !line.is_empty() {
            matcher.evaluate(&Line(line), &mut scratch, &mut hits);
        }
        all_hits += hits.len();
    }
    assert_eq!(woken_hits, all_hits, "the search missed a line");
});
