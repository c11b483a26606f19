//! One member of a JSON object as text: the columns of Exchange's logs that hold JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON object as its members, values not yet read.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed where it has no escape.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// A scalar as text: strings without their quotes and escapes, numbers and booleans as written.
fn leaf_text(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    // A lone surrogate is no text in JSON's own grammar; it is kept as it was written.
    serde_json::from_str::<String>(text).map_or(Cow::Borrowed(inner), Cow::Owned)
}

/// The value of a top-level member of a JSON object, as text: scalars as they are, lists and objects as JSON.
pub fn json_text_at(json: &[u8], key: &str) -> Option<String> {
    let object: Object = serde_json::from_slice(json).ok()?;
    let (_, raw) = object.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
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
