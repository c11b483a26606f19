//! JSON pointers (RFC 6901): written for people and programs that look for the place of a problem.

use super::{Node, Value};

/// One step of a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A name in an object.
    Name(&'a str),
    /// An index in a list.
    Index(usize),
}

/// Writes the steps as a pointer.
pub fn write(steps: &[Step<'_>]) -> String {
    let mut pointer = String::new();
    for step in steps {
        match step {
            Step::Name(name) => push(&mut pointer, name),
            Step::Index(index) => push_index(&mut pointer, *index),
        }
    }
    pointer
}

/// Adds an index to a pointer.
pub fn push_index(pointer: &mut String, index: usize) {
    use std::fmt::Write;
    let _ = write!(pointer, "/{index}");
}

/// Adds a name to a pointer, escaped (RFC 6901 §3).
pub fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The pointer to the innermost value that covers this byte.
pub fn at(root: &Node<'_>, offset: usize) -> String {
    let mut pointer = String::new();
    let mut node = root;
    loop {
        let (name, index, inner) = match &node.value {
            Value::Object(members) => {
                let Some(member) =
                    members.iter().find(|member| (member.start..member.node.end).contains(&offset))
                else {
                    return pointer;
                };
                (Some(member.name.as_ref()), 0, &member.node)
            }
            Value::Array(items) => {
                let Some(index) = items.iter().position(|item| (item.start..item.end).contains(&offset))
                else {
                    return pointer;
                };
                (None, index, &items[index])
            }
            _ => return pointer,
        };
        match name {
            Some(name) => push(&mut pointer, name),
            None => push_index(&mut pointer, index),
        }
        node = inner;
    }
}
