//! The ids of observables that follow from what they say (§2.9, §3.4): the same thing seen twice has one id.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::canonical;
use crate::json::{Node, Value};
use crate::schema::STIX_21;
use crate::timestamp::Timestamp;
use crate::uuid::Uuid;

/// The namespace of these ids (§2.9).
pub const NAMESPACE: Uuid = Uuid::from_bytes([
    0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7,
]);

/// Which hash contributes, the first that is there (§6.1, §6.7, §6.18).
const HASH_PREFERENCE: [&str; 4] = ["MD5", "SHA-1", "SHA-256", "SHA-512"];

/// The UUID of the observable by the rules of the standard, over its values as they were written. `None` where a
/// random UUID must be used: not an observable that the standard defines, or none of the properties that count.
pub fn uuid(node: &Node<'_>) -> Option<Uuid> {
    Some(Uuid::from_name(NAMESPACE, name(node)?.as_bytes()))
}

/// The id of the observable, in the same cases.
pub fn id(node: &Node<'_>) -> Option<String> {
    Some(format!("{}--{}", node.text("type")?, uuid(node)?))
}

/// The name of which the UUID is made: the contributing properties in canonical form.
pub fn name(node: &Node<'_>) -> Option<String> {
    let contributing = contributing(node, false);
    (!contributing.is_empty()).then(|| write(contributing))
}

/// All UUIDs that software in use gives to this observable: the one by the standard first, then that of python-stix2,
/// which writes timestamps and names of hashes anew before it takes the canonical form.
pub fn uuids_in_use(node: &Node<'_>) -> Vec<Uuid> {
    let Some(first) = uuid(node) else { return Vec::new() };
    let python = Uuid::from_name(NAMESPACE, write(contributing(node, true)).as_bytes());
    if python == first { vec![first] } else { vec![first, python] }
}

fn write(mut pairs: Vec<(&str, Cow<'_, Node<'_>>)>) -> String {
    let mut out = String::new();
    let mut borrowed: Vec<(&str, &Node<'_>)> =
        pairs.iter_mut().map(|(name, node)| (*name, &**node)).collect();
    canonical::write_pairs(&mut borrowed, &mut out);
    out
}

fn contributing<'n>(node: &'n Node<'n>, as_python: bool) -> Vec<(&'n str, Cow<'n, Node<'n>>)> {
    let own = node.text("type").and_then(|name| STIX_21.object(name));
    let names = own.map(|own| own.id_from.as_slice()).unwrap_or_default();
    let found = names.iter().filter_map(|name| Some((*name, node.get(name)?)));
    found
        .filter_map(|(name, value)| {
            let value =
                if name == "hashes" { Cow::Owned(one_hash(value, as_python)?) } else { Cow::Borrowed(value) };
            Some((name, if as_python { Cow::Owned(rewritten(&value)) } else { value }))
        })
        .collect()
}

/// The hashes with the one alone that counts.
fn one_hash<'n>(hashes: &Node<'n>, as_python: bool) -> Option<Node<'n>> {
    let members = hashes.members()?;
    let known: FxHashMap<&str, usize> = members
        .iter()
        .enumerate()
        .rev()
        .map(|(index, member)| (if as_python { hash_name(&member.name) } else { &member.name }, index))
        .collect();
    let chosen = HASH_PREFERENCE.iter().find_map(|name| known.get(name)).copied().unwrap_or(0);
    let mut member = members.get(chosen)?.clone();
    if as_python {
        member.name = Cow::Owned(hash_name(&member.name).to_owned());
    }
    Some(Node { start: hashes.start, end: hashes.end, value: Value::Object(vec![member]) })
}

/// The name of the vocabulary for a name of a hash in another spelling.
fn hash_name(name: &str) -> &str {
    let plain = |name: &str| {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
    };
    let sought = plain(name);
    HASH_PREFERENCE.into_iter().find(|known| plain(known) == sought).unwrap_or(name)
}

/// Timestamps with the digits that count and no more, in microseconds at most.
fn rewritten<'n>(node: &Node<'n>) -> Node<'n> {
    let value = match &node.value {
        Value::String(text) => match Timestamp::parse(text) {
            Some(time) => Value::String(Cow::Owned(python_form(time))),
            None => node.value.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(rewritten).collect()),
        Value::Object(members) => {
            let mut members = members.clone();
            for member in &mut members {
                member.node = rewritten(&member.node);
            }
            Value::Object(members)
        }
        other => other.clone(),
    };
    Node { start: node.start, end: node.end, value }
}

fn python_form(time: Timestamp) -> String {
    let microseconds = Timestamp::new(time.seconds(), time.nanoseconds() / 1000 * 1000).to_string();
    let digits = microseconds.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{digits}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let (node, _) = json::parse(text.as_bytes()).unwrap();
        let found: Vec<String> = uuids_in_use(&node).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
    }

    /// Ids that the standard prints in its examples, and those of our own that were checked with python-stix2 3.0.
    #[test]
    fn ids() {
        check(r#"{"type":"ipv4-addr","value":"198.51.100.3"}"#, &["28bb3599-77cd-5a82-a950-b5bc3caf07c4"]);
        check(r#"{"type":"process","pid":1}"#, &[]);
        check(r#"{"type":"artifact","url":"https://a.example/"}"#, &[]);
        check(r#"{"type":"x-thing","value":"a"}"#, &[]);
        check(r#"{"type":"indicator","name":"a"}"#, &[]);
    }

    #[test]
    fn names() {
        let name = |text: &str| name(&json::parse(text.as_bytes()).unwrap().0).unwrap();
        let hashes = r#"{"type":"file","size":1,"hashes":{"SHA-256":"b","x_h":"c","MD5":"a"},"name":"n"}"#;
        assert_eq!(name(hashes), r#"{"hashes":{"MD5":"a"},"name":"n"}"#);
        assert_eq!(name(r#"{"type":"file","hashes":{"x_h":"c","a_h":"a"}}"#), r#"{"hashes":{"x_h":"c"}}"#);
        assert_eq!(name(r#"{"type":"autonomous-system","number":1.50e1}"#), r#"{"number":15}"#);
    }

    #[test]
    fn forms_of_python() {
        let form = |text| python_form(Timestamp::parse(text).unwrap());
        assert_eq!(form("2020-01-01T00:00:00.000Z"), "2020-01-01T00:00:00Z");
        assert_eq!(form("2020-01-01T00:00:10.1200Z"), "2020-01-01T00:00:10.12Z");
        assert_eq!(form("2020-01-01T00:00:00.1234567Z"), "2020-01-01T00:00:00.123456Z");
        let text = r#"{"type":"network-traffic","start":"2020-01-01T00:00:00.000Z","protocols":["tcp"]}"#;
        assert_eq!(uuids_in_use(&json::parse(text.as_bytes()).unwrap().0).len(), 2);
    }
}
