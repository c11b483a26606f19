//! One value held against its kind (§2).

use super::Checker;
use crate::id::{self, IdError};
use crate::json::pointer::Step;
use crate::json::{Member, Node, Value};
use crate::schema::{Category, Entries, Kind, Precision, Target};
use crate::timestamp::Timestamp;

impl<'n> Checker<'n> {
    pub(super) fn value(&mut self, node: &'n Node<'n>, kind: &'static Kind, clause: &'static str) {
        match kind {
            Kind::Anything => {}
            Kind::List(inner) => self.list(node, inner, clause),
            Kind::Boolean => self.expect(node, node.as_bool().is_some(), "a boolean", "§2.2"),
            Kind::Integer(low, high) => self.integer(node, *low, *high, clause),
            Kind::Float(low, high) => self.float(node, *low, *high, clause),
            Kind::Hashes => self.hashes(node),
            Kind::Dictionary(entries) => self.dictionary(node, *entries, clause),
            Kind::Struct(name) => match self.schema.of(name) {
                Some(own) => self.structure(node, own),
                None => self.error(node, clause, format!("nothing is known of {name}")),
            },
            Kind::Extensions => self.extensions(node),
            Kind::Container => self.observable_container(node),
            Kind::Definition => self.definition(node, clause),
            Kind::Translations => self.translations(node),
            _ => match node.as_str() {
                Some(text) => self.text(node, text, kind, clause),
                None => self.expect(node, false, "a string", "§2.15"),
            },
        }
    }

    /// The kinds that are written as strings.
    fn text(&mut self, node: &'n Node<'n>, text: &'n str, kind: &'static Kind, clause: &'static str) {
        match kind {
            Kind::Timestamp(precision) => self.timestamp(node, text, *precision, clause),
            Kind::Hex => self.hex(node, text),
            Kind::Binary => self.binary(node, text),
            Kind::Term(index) => self.term(node, text, *index),
            Kind::FreeTerm => self.free_term(node, text, clause),
            Kind::Ref(targets) => self.reference(node, text, targets, clause),
            Kind::Id => self.own_id(node, text),
            Kind::SpecVersion if text != "2.1" => {
                self.error(node, "§3.2", format!("spec_version is 2.1, not {text:?}"));
            }
            Kind::Form(form) => self.form(node, text, *form, clause),
            _ => {}
        }
    }

    pub(super) fn expect(&mut self, node: &Node<'_>, well: bool, expected: &str, clause: &str) {
        if !well {
            self.error(node, clause, format!("{} stands where {expected} is expected", node.kind()));
        }
    }

    fn list(&mut self, node: &'n Node<'n>, inner: &'static Kind, clause: &'static str) {
        match node.items() {
            None => self.expect(node, false, "a list", "§2.12"),
            Some([]) => self.error(node, "§2.12", "a list must not be empty"),
            Some(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.at(Step::Index(index), |on| on.value(item, inner, clause));
                }
            }
        }
    }

    fn integer(&mut self, node: &'n Node<'n>, low: i64, high: i64, clause: &'static str) {
        match whole(node) {
            None if matches!(node.value, Value::Number(_)) => {
                self.error(
                    node,
                    "§2.10",
                    "a number stands where a whole number within ±(2^53-1) is expected",
                );
            }
            None => self.expect(node, false, "an integer", "§2.10"),
            Some(value) if value < low => self.error(node, clause, format!("the value is less than {low}")),
            Some(value) if value > high => self.error(node, clause, format!("the value is more than {high}")),
            Some(_) => {}
        }
    }

    fn float(&mut self, node: &'n Node<'n>, low: f64, high: f64, clause: &'static str) {
        match node.as_float() {
            None => self.expect(node, false, "a number", "§2.6"),
            Some(value) if value < low || value > high => {
                self.error(node, clause, format!("the value is not between {low} and {high}"));
            }
            Some(_) => {}
        }
    }

    fn timestamp(&mut self, node: &'n Node<'n>, text: &str, precision: Precision, clause: &'static str) {
        let Some((_, digits)) = Timestamp::parse_with_precision(text) else {
            let what = "this is no time in UTC written YYYY-MM-DDTHH:mm:ss[.s+]Z";
            self.error(node, "§2.16.1", what);
            return;
        };
        match precision {
            Precision::Milliseconds if digits < 3 => {
                self.error(node, clause, "at least three digits must stand after the point of the seconds");
            }
            Precision::Seconds if digits > 0 => {
                self.error(node, clause, "the time must be precise to the second and no more");
            }
            _ => {}
        }
    }

    pub(super) fn hex(&mut self, node: &'n Node<'n>, text: &str) {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !text.len().is_multiple_of(2) || !text.bytes().all(lower) {
            let what = "an even number of digits 0 to 9 and a to f, in lower case, is expected";
            self.error(node, "§2.8", what);
        }
    }

    pub(super) fn binary(&mut self, node: &'n Node<'n>, text: &str) {
        if !is_base64(text.as_bytes()) {
            self.error(node, "§2.1", "this is no base64 as RFC 4648 §4 writes it");
        }
    }

    /// A term of an enumeration must be one of it, one of a vocabulary should (§2.4, §2.14).
    pub(super) fn term(&mut self, node: &'n Node<'n>, text: &str, index: usize) {
        let terms = self.schema.terms(index);
        if terms.contains(text) {
            return;
        }
        if terms.open {
            self.warning(node, terms.clause, format!("{text:?} is no term of {}", terms.name));
            self.free_term(node, text, "§2.14");
        } else {
            self.error(node, terms.clause, format!("{text:?} is no term of {}", terms.name));
        }
    }

    fn free_term(&mut self, node: &'n Node<'n>, text: &str, clause: &str) {
        if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b' ' || byte == b'_') {
            let what = format!("{text:?} should be in lower case with hyphens between its words");
            self.warning(node, clause, what);
        }
    }

    fn own_id(&mut self, node: &'n Node<'n>, text: &str) {
        let named = if self.container.is_some() { None } else { self.root.text("type") };
        match id::split(text) {
            _ if self.container.is_some() => {}
            Err(error) => self.error(node, "§2.9", error.to_string()),
            Ok((object_type, _)) if named.is_some_and(|named| named != object_type) => {
                let what = format!("the id says {object_type}, the type says {}", named.unwrap_or_default());
                self.error(node, "§2.9", what);
            }
            Ok(_) => self.canonical_case(node, text),
        }
    }

    /// RFC 4122 §3 writes UUIDs in lower case; references are compared exactly (§3.3).
    fn canonical_case(&mut self, node: &'n Node<'n>, text: &str) {
        let uuid = text.get(text.len().saturating_sub(36)..).unwrap_or_default();
        if uuid.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.warning(node, "RFC 4122 §3", "a UUID should be written in lower case");
        }
    }

    fn reference(&mut self, node: &'n Node<'n>, text: &str, targets: &[Target], clause: &'static str) {
        if let Some(container) = self.container {
            // Markings are references out of the container, whatever else is local to it.
            if targets != [Target::Type("marking-definition")] {
                self.local_reference(node, container, text, targets);
                return;
            }
        }
        match id::split(text) {
            Err(IdError::Form) => self.error(node, "§2.9", IdError::Form.to_string()),
            Err(error) => self.error(node, "§2.9", error.to_string()),
            Ok((object_type, _)) if !self.is_target(object_type, targets) => {
                self.error(node, clause, format!("a reference to {object_type} must not stand here"));
            }
            Ok(_) => self.canonical_case(node, text),
        }
    }

    /// §2.13: a reference in a container names an object of the same container.
    fn local_reference(
        &mut self,
        node: &'n Node<'n>,
        container: &'n Node<'n>,
        text: &str,
        targets: &[Target],
    ) {
        match container.get(text) {
            None => self.error(node, "§2.13", format!("there is no object {text:?} in the container")),
            Some(named) => {
                if let Some(object_type) = named.text("type").filter(|named| !self.is_target(named, targets))
                {
                    self.error(node, "§2.13", format!("a reference to {object_type} must not stand here"));
                }
            }
        }
    }

    /// Of a type that the standard does not know, the category is not known either.
    fn is_target(&self, object_type: &str, targets: &[Target]) -> bool {
        let known = self.schema.object(object_type);
        targets.iter().any(|target| match target {
            Target::Any => object_type != "bundle",
            Target::Category(category) => known.is_none_or(|known| known.category == *category),
            Target::Type(name) => *name == object_type,
        })
    }

    pub(super) fn hashes(&mut self, node: &'n Node<'n>) {
        let Some(members) = node.members() else { return self.expect(node, false, "a dictionary", "§2.7") };
        if members.is_empty() {
            self.error(node, "§2.3", "a dictionary must not be empty");
        }
        let known = self.schema.terms_named("hash-algorithm-ov");
        for member in members {
            self.at(Step::Name(&member.name), |on| {
                if member.name.len() < 3 || !is_key(&member.name) {
                    on.error(&member.node, "§2.7", "this is no name that a hash can have");
                } else if known.is_some_and(|known| !known.contains(&member.name)) {
                    on.warning(
                        &member.node,
                        "§2.7",
                        format!("{} is no term of hash-algorithm-ov", member.name),
                    );
                }
                match member.node.as_str() {
                    None => on.expect(&member.node, false, "a string", "§2.7"),
                    Some(text) if !is_hash(&member.name, text) => {
                        on.error(
                            &member.node,
                            "§2.7",
                            format!("this is not written as a {} is", member.name),
                        );
                    }
                    Some(_) => {}
                }
            });
        }
    }

    pub(super) fn dictionary(&mut self, node: &'n Node<'n>, entries: Entries, clause: &'static str) {
        let Some(members) = node.members() else { return self.expect(node, false, "a dictionary", "§2.3") };
        if members.is_empty() {
            self.error(node, "§2.3", "a dictionary must not be empty");
        }
        for member in members {
            self.at(Step::Name(&member.name), |on| {
                if !is_key(&member.name) {
                    on.error(&member.node, "§2.3", "this is no key that a dictionary can have");
                }
                on.entry(&member.node, entries, clause);
            });
        }
    }

    fn entry(&mut self, node: &'n Node<'n>, entries: Entries, clause: &'static str) {
        let is_string = node.as_str().is_some();
        match entries {
            Entries::Anything => self.base_value(node),
            Entries::String => self.expect(node, is_string, "a string", clause),
            Entries::Integer => self.expect(node, whole(node).is_some(), "an integer", clause),
            Entries::StringOrInteger => {
                self.expect(node, is_string || whole(node).is_some(), "a string or an integer", clause);
            }
            Entries::Strings => self.list(node, &Kind::String, clause),
        }
    }

    /// A value of which no more is known than that it is one (§2): no null, nothing empty.
    pub(super) fn base_value(&mut self, node: &'n Node<'n>) {
        match &node.value {
            Value::Null => self.error(node, "§2", "null is no value that STIX knows"),
            Value::Array(items) if items.is_empty() => self.error(node, "§2.12", "a list must not be empty"),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.at(Step::Index(index), |on| on.base_value(item));
                }
            }
            Value::Object(members) if members.is_empty() => {
                self.error(node, "§2.3", "a dictionary must not be empty");
            }
            Value::Object(members) => {
                for member in members {
                    self.at(Step::Name(&member.name), |on| {
                        if !is_key(&member.name) {
                            on.error(&member.node, "§2.3", "this is no key that a dictionary can have");
                        }
                        on.base_value(&member.node);
                    });
                }
            }
            _ => {}
        }
    }

    /// §2.13: observables by local names.
    fn observable_container(&mut self, node: &'n Node<'n>) {
        let Some(members) = node.members() else { return self.expect(node, false, "a dictionary", "§2.13") };
        if members.is_empty() {
            self.error(node, "§4.14", "a container must hold at least one object");
        }
        self.warning(node, "§2.13", "an observable container should not be used in new content");
        let outer = self.container.replace(node);
        for member in members {
            self.at(Step::Name(&member.name), |on| on.contained(&member.node));
        }
        self.container = outer;
    }

    fn contained(&mut self, node: &'n Node<'n>) {
        let own = node.text("type").map(|name| (name, self.schema.object(name)));
        match own {
            None => self.error(node, "§2.13", "an object in a container must have a type"),
            Some((_, Some(own))) if own.category == Category::Sco => self.structure(node, own),
            Some((name, Some(_))) => {
                self.error(node, "§2.13", format!("{name} is no cyber-observable object"));
            }
            Some((name, None)) => self.custom_observable(node, name),
        }
    }

    /// §7.2.1: what a marking says depends on its `definition_type`.
    fn definition(&mut self, node: &'n Node<'n>, clause: &'static str) {
        let named = self.root.text("definition_type");
        let own =
            named.filter(|named| matches!(*named, "statement" | "tlp")).and_then(|name| self.schema.of(name));
        match own {
            Some(own) => self.structure(node, own),
            None => self.expect(node, node.members().is_some(), "an object", clause),
        }
    }

    /// Names of no property are ignored (§7.1.1), but nobody can have meant them.
    fn translation(&mut self, member: &'n Member<'n>) {
        if !id::is_property_name(&member.name) {
            self.warning(&member.node, "§3.1", "this is no name that a property can have");
        }
        self.base_value(&member.node);
    }

    /// §7.1: languages, and under each the translated properties.
    fn translations(&mut self, node: &'n Node<'n>) {
        let Some(members) = node.members() else {
            return self.expect(node, false, "a dictionary", "§7.1.1");
        };
        if members.is_empty() {
            self.error(node, "§2.3", "a dictionary must not be empty");
        }
        for member in members {
            self.at(Step::Name(&member.name), |on| {
                on.language(&member.node, &member.name, "§7.1.1");
                match member.node.members() {
                    None => on.expect(&member.node, false, "a dictionary", "§7.1.1"),
                    Some([]) => on.error(&member.node, "§2.3", "a dictionary must not be empty"),
                    Some(translated) => {
                        for inner in translated {
                            on.at(Step::Name(&inner.name), |on| on.translation(inner));
                        }
                    }
                }
            });
        }
    }
}

/// The whole number that a JSON number is, `1.0` and `1e2` among them, within ±(2⁵³-1).
fn whole(node: &Node<'_>) -> Option<i64> {
    node.as_integer().or_else(|| {
        let value = node.as_float()?;
        (value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0).then_some(value as i64)
    })
}

/// §2.3
fn is_key(key: &str) -> bool {
    key.len() <= 250 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_base64(text: &[u8]) -> bool {
    let content = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    text.len().is_multiple_of(4)
        && content.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Whether a hash is written as hashes of this name are (§10.7). Of other names nothing is known.
fn is_hash(name: &str, text: &str) -> bool {
    let hex = |length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match name {
        "MD5" => hex(32),
        "SHA-1" => hex(40),
        "SHA-256" | "SHA3-256" => hex(64),
        "SHA-512" | "SHA3-512" => hex(128),
        // 35 bytes, since version 4 of its library with the sign T1 before them.
        "TLSH" => hex(70) || text.strip_prefix("T1").is_some_and(|rest| rest.len() == 70),
        "SSDEEP" => {
            let parts: Vec<&str> = text.splitn(3, ':').collect();
            parts.len() == 3 && !parts[0].is_empty() && parts[0].bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => true,
    }
}
