//! JSON as it came: a tree that borrows from the bytes and knows the place of every value.
//!
//! Own code, because what others forgive must be told here: keys that stand twice, integers that a double cannot
//! hold, halves of surrogate pairs, and depth without end. Such flaws do not stop the reading where the text can
//! still be understood; they are given back beside the tree, each with its place. See RFC 8259 and RFC 7493.

mod parse;
pub mod pointer;

use std::borrow::Cow;

pub use parse::{Limits, parse, parse_with};

/// One value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// The byte at which it begins.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// What it is.
    pub value: Value<'a>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string, escapes resolved.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Node<'a>>),
    /// Names and values in the order in which they came; a name may stand twice in what is flawed.
    Object(Vec<Member<'a>>),
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// The byte at which the name begins.
    pub start: usize,
    /// The name, escapes resolved.
    pub name: Cow<'a, str>,
    /// Its value.
    pub node: Node<'a>,
}

impl<'a> Node<'a> {
    /// The member of this name, the first if there are several.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.members()?.iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// The string under this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The members, if this is an object.
    pub fn members(&self) -> Option<&[Member<'a>]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn items(&self) -> Option<&[Node<'a>]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// The whole number, if this is one within ±(2⁵³-1) (STIX 2.1 §2.10); `1.0` and `1e2` are not written as such.
    pub fn as_integer(&self) -> Option<i64> {
        match self.value {
            Value::Number(text) => text.parse().ok().filter(|value: &i64| value.unsigned_abs() < 1 << 53),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_float(&self) -> Option<f64> {
        match self.value {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What kind of value this is, in words.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}
