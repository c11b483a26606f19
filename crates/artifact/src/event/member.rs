//! One member of a JSON object as text: the columns of Exchange's logs that hold JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A JSON object as its members, values not yet read.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// A scalar as text: strings without their quotes and escapes, numbers and booleans as written.
fn leaf_text(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    Cow::Owned(super::json::unescaped(inner))
}

/// The value of a top-level member of a JSON object, as text: scalars as they are, lists and objects as JSON.
pub fn json_text_at(json: &[u8], key: &str) -> Option<String> {
    let object: Object = serde_json::from_slice(json).ok()?;
    let (_, raw) = object.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') => Some(unescaped(raw)),
        _ => Some(leaf_text(raw).into_owned()),
    }
}

/// A list or an object as text in which strings stand unescaped, so that a literal of a rule finds them.
fn unescaped(raw: &RawValue) -> String {
    fn write(value: &serde_json::Value, into: &mut String) {
        match value {
            serde_json::Value::String(text) => into.push_str(text),
            serde_json::Value::Array(items) => items.iter().for_each(|item| {
                write(item, into);
                into.push(' ');
            }),
            serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| {
                if name != "Name" && name != "Value" {
                    into.push_str(name);
                    into.push('=');
                }
                write(value, into);
                into.push(' ');
            }),
            other => into.push_str(&other.to_string()),
        }
    }
    let mut text = String::new();
    if let Ok(value) = serde_json::from_str(raw.get()) {
        write(&value, &mut text);
    }
    text
}
