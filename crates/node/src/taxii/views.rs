//! Plain views of a collection, for firewalls and spreadsheets: the values that its indicators name.
//!
//! A value stands in a view only if it is enough by itself: a pattern that is one comparison, or alternatives of such. Of
//! `[file:name = 'a' AND file:size = 1]` neither part is. Indicators that are revoked, expired or not yet valid are left
//! out. A list of values is made to be blocked, so PAP decides there, too: what may not be acted on is not in it.

use std::collections::BTreeSet;

use watchfire_release::{Gate, Marking, Released, Use};
use watchfire_stix::json;
use watchfire_stix::pattern::{
    Comparison, ComparisonExpression, Constant, ObservationExpression, Pattern, Test,
};
use watchfire_stix::{Timestamp, json::Node as Json};
use watchfire_store::{Collection, Filter, PAGE_LIMIT, Stored};

use super::objects::readable;
use super::query::parameters;
use super::reply::Reply;
use super::{Answer, Call, Refusal};
use crate::audit::runs;
use crate::clearance::clearance;
use crate::clock::{instant, now_us, text};
use crate::node::Node;

/// Values of one answer. Firewalls take some hundred thousand lines.
const VALUES_LIMIT: usize = 1_000_000;

/// An indicator on its way into a view.
struct Shown {
    object: Stored,
    tlp: &'static str,
    now: Timestamp,
    /// The type of objects that is asked for.
    of_type: Option<String>,
}

/// A value that is enough by itself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Value {
    path: String,
    text: String,
}

/// One value a line, each once.
pub(super) fn text_list(node: &Node, call: &Call) -> Answer {
    let lines = collect(node, call, Use::Act, text_lines)?;
    let body = lines.map(|lines| {
        let unique: BTreeSet<String> = lines.into_iter().collect();
        unique.into_iter().flat_map(|line| (line + "\n").into_bytes()).collect()
    });
    Ok(Reply::body(body).media("text/plain; charset=utf-8").tagged(call))
}

/// A table: value, path, level, id, from when, until when, when added.
pub(super) fn csv(node: &Node, call: &Call) -> Answer {
    let lines = collect(node, call, Use::Know, csv_lines)?;
    let head = Released::words("value,type,tlp,id,valid_from,valid_until,date_added\r\n");
    let body = head.with(lines).map(|(head, lines)| (head.to_owned() + &lines.concat()).into_bytes());
    Ok(Reply::body(body).media("text/csv; charset=utf-8; header=present").tagged(call))
}

fn collect(
    node: &Node,
    call: &Call,
    purpose: Use,
    lines: fn(Vec<Shown>) -> Vec<String>,
) -> Result<Released<Vec<String>>, Refusal> {
    let collection = readable(node, call)?;
    let of_type =
        parameters(&call.query)?.into_iter().find(|(name, _)| name == "type").map(|(_, value)| value);
    let directory = node.directory()?;
    let now = instant(now_us());
    let gate = Gate { reader: &call.who.reader, directory: &directory, purpose, now };
    let mut all = Released::words("").map(|_| Vec::new());
    let (mut after, mut places) = (Some(0), Vec::new());
    while let Some(place) = after {
        let (shown, next) = page(node, &collection, &gate, place, of_type.as_deref())?;
        places.extend(shown.get().iter().map(|shown| shown.object.place));
        all = all.with(shown.map(lines)).map(|(mut all, more): (Vec<String>, Vec<String>)| {
            all.extend(more);
            all
        });
        after = next.filter(|_| all.get().len() < VALUES_LIMIT);
    }
    if !places.is_empty() {
        let detail = format!("places {}", runs(places));
        node.audit.record(call.who.act("values.release", &collection.id, detail))?;
    }
    Ok(all)
}

/// A page of indicators, released.
fn page(
    node: &Node,
    collection: &Collection,
    gate: &Gate<'_>,
    after: i64,
    of_type: Option<&str>,
) -> Result<(Released<Vec<Shown>>, Option<i64>), Refusal> {
    let (page, markings) = node.store.read(|read| {
        let markings = node.markings.read(read)?;
        let filter = Filter { types: vec!["indicator"], with_bytes: true, ..Filter::default() };
        let clearance = clearance(&markings, gate);
        Ok((read.page(collection.key, &filter, &clearance, after, PAGE_LIMIT)?, markings))
    })?;
    let inside = Marking::unknown("a marking that was not read");
    let marked = page.objects.into_iter().map(|object| {
        let marking = markings.get(&object.marking).unwrap_or(&inside);
        let (tlp, of_type) = (marking.tlp().label(), of_type.map(str::to_owned));
        (marking, Shown { object, tlp, now: gate.now, of_type })
    });
    Ok((gate.release_each(marked), page.next))
}

#[expect(clippy::needless_pass_by_value)] // what is released is handed over
fn text_lines(shown: Vec<Shown>) -> Vec<String> {
    let of = |one: &Shown| json::parse(&one.object.bytes).ok().and_then(|(node, _)| values(one, &node));
    shown.iter().filter_map(of).flatten().map(|value| value.text).collect()
}

#[expect(clippy::needless_pass_by_value)] // what is released is handed over
fn csv_lines(shown: Vec<Shown>) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &shown {
        let Ok((node, _)) = json::parse(&one.object.bytes) else { continue };
        for value in values(one, &node).unwrap_or_default() {
            let fields = [
                value.text.as_str(),
                &value.path,
                one.tlp,
                &one.object.id,
                node.text("valid_from").unwrap_or_default(),
                node.text("valid_until").unwrap_or_default(),
                &text(one.object.added_us),
            ];
            lines.push(fields.map(quoted).join(",") + "\r\n");
        }
    }
    lines
}

/// A field as RFC 4180 has it. A spreadsheet takes what begins with one of these for a formula, and indicators are written
/// by strangers: a space before it makes it text.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { " " } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

/// The values of an indicator that holds now; none where it does not.
fn values(shown: &Shown, node: &Json<'_>) -> Option<Vec<Value>> {
    let time = |name: &str| node.text(name).and_then(Timestamp::parse);
    let revoked = node.get("revoked").and_then(Json::as_bool).unwrap_or(false);
    let early = time("valid_from").is_some_and(|from| shown.now < from);
    let late = time("valid_until").is_some_and(|until| until <= shown.now);
    if revoked || early || late || node.text("pattern_type") != Some("stix") {
        return None;
    }
    let pattern = Pattern::parse(node.text("pattern")?).ok()?;
    let mut found = Vec::new();
    enough(pattern.expression(), &mut found)?;
    let asked = |value: &Value| {
        shown.of_type.as_ref().is_none_or(|of_type| value.path.split(':').next() == Some(of_type))
    };
    // A line is a value: one with a line end in it would be two.
    found.retain(|value| asked(value) && !value.text.chars().any(char::is_control) && !value.text.is_empty());
    Some(found)
}

/// Gathers alternatives; none where the pattern asks for more than one of them.
fn enough(expression: &ObservationExpression, found: &mut Vec<Value>) -> Option<()> {
    match expression {
        ObservationExpression::Comparison(comparison) => enough_of_one(comparison, found),
        ObservationExpression::Or(parts) => parts.iter().try_for_each(|part| enough(part, found)),
        ObservationExpression::And(_)
        | ObservationExpression::FollowedBy(_)
        | ObservationExpression::Qualified(..) => None,
    }
}

fn enough_of_one(expression: &ComparisonExpression, found: &mut Vec<Value>) -> Option<()> {
    match expression {
        ComparisonExpression::Test(test) => enough_of_test(test, found),
        ComparisonExpression::Or(parts) => parts.iter().try_for_each(|part| enough_of_one(part, found)),
        ComparisonExpression::And(_) => None,
    }
}

fn enough_of_test(test: &Test, found: &mut Vec<Value>) -> Option<()> {
    if test.negated {
        return None;
    }
    let mut add = |text: &str| found.push(Value { path: test.path.to_string(), text: text.to_owned() });
    match &test.comparison {
        Comparison::Equal(Constant::Text(text)) | Comparison::IsSubset(text) => add(text),
        Comparison::In(constants) => {
            for constant in constants {
                let Constant::Text(text) = constant else { return None };
                add(text);
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: Option<&[&str]>) {
        let mut found = Vec::new();
        let enough = enough(Pattern::parse(pattern).unwrap().expression(), &mut found);
        let texts: Vec<&str> = found.iter().map(|value| value.text.as_str()).collect();
        assert_eq!(enough.map(|()| texts).as_deref(), expected, "{pattern}");
    }

    #[test]
    fn what_is_enough_by_itself() {
        check("[ipv4-addr:value = '198.51.100.7']", Some(&["198.51.100.7"]));
        check("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", Some(&["198.51.100.0/24"]));
        check(
            "[url:value = 'a' OR domain-name:value IN ('b', 'c')] OR [url:value = 'd']",
            Some(&["a", "b", "c", "d"]),
        );
        check("[file:name = 'a' AND file:size = 1]", None);
        check("[file:name != 'a']", None);
        check("[file:size = 1]", None);
        check("[url:value LIKE 'a%']", None);
        check("[url:value = 'a'] AND [url:value = 'b']", None);
        check("[url:value = 'a'] REPEATS 5 TIMES", None);
    }

    #[test]
    fn fields_are_no_formulas() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted("=cmd()"), "\" =cmd()\"");
    }
}
