//! Writing JSON: an object as a list of members, in the order in which they are given.
//!
//! The order of members is part of the shape that a shipper of events produces, and the bytes of the example must
//! not depend on a map's order. Writers differ in one more point that matters to whoever searches raw bytes: some
//! write markup as it is, some as `\u003c`.

use std::fmt::Write as _;

/// A JSON text under construction.
#[derive(Default)]
pub(crate) struct Object {
    members: String,
    escapes_markup: bool,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An object that writes `<`, `>`, `&` and `'` as escapes, as writers do whose output may end in a page.
    pub(crate) fn escaping_markup() -> Self {
        Self { escapes_markup: true, ..Self::default() }
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        let value = quoted(value);
        let value = if self.escapes_markup { without_markup(&value) } else { value };
        self.raw(name, &value)
    }

    pub(crate) fn number(self, name: &str, value: u64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, value: &str) -> Self {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        self.members.push_str(&quoted(name));
        self.members.push(':');
        self.members.push_str(value);
        self
    }

    pub(crate) fn end(self) -> String {
        format!("{{{}}}", self.members)
    }
}

/// A JSON string (RFC 8259 §7).
pub(crate) fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\r' => text.push_str("\\r"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

fn without_markup(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027")
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn members_keep_their_order() {
        let object = Object::new().text("b", "x").number("a", 2).raw("c", "[1]");
        assert_eq!(object.end(), r#"{"b":"x","a":2,"c":[1]}"#);
    }

    #[test]
    fn markup_is_escaped_only_where_asked() {
        let value = "<a & 'b'>\r\n\"\\";
        assert_eq!(Object::new().text("v", value).end(), r#"{"v":"<a & 'b'>\r\n\"\\"}"#);
        let escaped = Object::escaping_markup().text("v", value).end();
        assert_eq!(escaped, r#"{"v":"\u003ca \u0026 \u0027b\u0027\u003e\r\n\"\\"}"#);
    }
}
